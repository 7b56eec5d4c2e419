"""Python source of a record's encoder and decoder: straight code, no look at the schema while records flow.

For `trades.v1` the decoder begins

    def decode(b):
        p = 0
        n = b[p]
        if n < 128: p += 1
        else: n, p = more(b, p)
        v0 = n >> 1 ^ -(n & 1)

Every line of the source belongs to one field: where a decoder fails, its line number names the field, so good records pay nothing for it.
"""

from collections.abc import Callable, Sequence
from typing import Any

from streams.schema import wire
from streams.schema.model import ENUMS, NESTED, Field, Nested, Schema

__all__ = ["Code", "compile_codec"]

LEAVES = ("long", "integer", "double", "string", "raw", "fixed", "money", "more", "money_of", "Bad")
WRITERS = {
    "int": "integer",
    "long": "long",
    "double": "double",
    "boolean": "BOOL",
    "string": "string",
    "bytes": "raw",
    "money": "money",
}


class Code:
    """Source under construction, with the field that each line belongs to."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.fields: list[str] = []
        self.field = ""

    def add(self, indent: int, *lines: str) -> None:
        """Append lines at an indentation (in steps of 4)."""
        for line in lines:
            self.lines.append("    " * indent + line)
            self.fields.append(self.field)


def compile_codec(s: Schema, records: Any) -> tuple[Callable[[Any], bytes], Callable[[bytes], tuple[Any, int]], list[str]]:
    """(encode, decode, field of each source line of decode). `records` is the module of the record classes."""
    encoder, decoder = Code(), Code()
    _encoder(encoder, s)
    _decoder(decoder, s.fields, s.name)
    scope: dict[str, Any] = {name: getattr(wire, name) for name in LEAVES}
    scope |= {"new": tuple.__new__, "join": b"".join, "unpack_double": wire.DOUBLE.unpack_from}
    scope |= {"BOOL": {False: b"\0", True: b"\1"}, "FLAG": {0: False, 1: True}, s.name: getattr(records, s.name)}
    for name, enum in ENUMS.items():
        cls = getattr(records, name)
        scope[f"PUT_{name}"] = {m: wire.long(m) for m in cls}
        scope[f"GET_{name}"] = {2 * i: cls(i) for i in range(len(enum.symbols))}  # one byte, zigzag
    scope |= {name: getattr(records, name) for name in NESTED}
    for code, title in ((encoder, "encode"), (decoder, "decode")):
        exec(compile("\n".join(code.lines), f"<{title} {s.name}>", "exec"), scope)
    return scope["encode"], scope["decode"], decoder.fields


def _encoder(c: Code, s: Schema) -> None:
    c.add(0, "def encode(r):")
    c.add(1, f"({_names(s.fields)}) = r")
    parts = []
    for i, f in enumerate(s.fields):
        if f.type == "array":
            c.add(1, *_array_lines(f, i))
            parts.append(f"a{i}")
        else:
            parts.append(_expression(f, f"v{i}"))
    c.add(1, f"return join(({', '.join(parts)}))")


def _expression(f: Field, v: str) -> str:
    special = {"enum": f"PUT_{f.of}[{v}]", "boolean": f"BOOL[{v}]", "fixed": f"fixed({v}, {f.size})"}
    write = special[f.type] if f.type in special else f"{WRITERS[f.type]}({v})"
    return f'b"\\0" if {v} is None else b"\\2" + {write}' if f.nullable else write


def _array_lines(f: Field, i: int) -> list[str]:
    if f.of in NESTED:
        fields = NESTED[f.of].fields
        item = " + ".join(_expression(e, f"w{k}") for k, e in enumerate(fields))
        each = f"for {_names(fields, 'w')} in v{i}"
    else:
        item, each = f"{WRITERS[f.of]}(w)", f"for w in v{i}"
    return [f"a{i} = long(len(v{i})) + join([{item} {each}]) + b'\\0' if v{i} else b'\\0'"]


def _names(fields: Sequence[Field], letter: str = "v") -> str:
    return ", ".join(f"{letter}{i}" for i in range(len(fields))) + ","


def _decoder(c: Code, fields: Sequence[Field], record: str) -> None:
    c.add(0, "def decode(b):")
    c.add(1, "p = 0")
    for i, f in enumerate(fields):
        c.field = f.name
        if f.type == "array":
            _read_array(c, f, f"v{i}")
        elif f.nullable:
            c.add(1, "n = b[p]", "p += 1", "if n == 2:")
            _read(c, 2, f, f"v{i}")
            c.add(1, "elif n == 0:", f"    v{i} = None", "else:", "    raise Bad('has no such branch of its union')")
        else:
            _read(c, 1, f, f"v{i}")
    c.field = "(end)"
    c.add(1, f"return new({record}, ({_names(fields)})), p")


def _read_array(c: Code, f: Field, v: str) -> None:
    c.add(1, f"{v} = []")
    c.add(1, "while True:")
    _read_long(c, 2, "m")
    c.add(2, "if m == 0:", "    break", "if m < 0:")
    _read_long(c, 3, "n")  # byte size of the block: its elements tell where it ends
    c.add(3, "m = -m")
    c.add(2, "for _ in range(m):")
    if f.of in NESTED:
        nested: Nested = NESTED[f.of]
        for k, e in enumerate(nested.fields):
            c.field = f"{f.name}[].{e.name}"
            _read(c, 3, e, f"w{k}")
        c.add(3, f"{v}.append(new({f.of}, ({_names(nested.fields, 'w')})))")
        c.field = f.name
    else:
        _read_long(c, 3, "w")
        c.add(3, f"{v}.append(w)")
    c.add(1, f"{v} = tuple({v})")


def _read_long(c: Code, indent: int, v: str) -> None:
    c.add(indent, "n = b[p]", "if n < 128: p += 1", "else: n, p = more(b, p)", f"{v} = n >> 1 ^ -(n & 1)")


def _read(c: Code, indent: int, f: Field, v: str) -> None:
    if f.type in ("long", "int"):
        _read_long(c, indent, v)
        if f.type == "int":
            c.add(indent, f"if not -2147483648 <= {v} <= 2147483647: raise Bad('does not fit 32 bits')")
    elif f.type in ("string", "bytes"):
        _read_long(c, indent, "m")
        c.add(indent, "q = p + m", "if m < 0: raise Bad('has a negative length')", "if q > len(b): raise IndexError")
        c.add(indent, f"{v} = b[p:q]" + (".decode()" if f.type == "string" else ""), "p = q")
    elif f.type == "fixed":
        c.add(indent, f"q = p + {f.size}", "if q > len(b): raise IndexError", f"{v} = b[p:q]", "p = q")
    elif f.type == "double":
        c.add(indent, f"{v}, = unpack_double(b, p)", "p += 8")
    elif f.type == "money":
        c.add(indent, f"{v}, p = money_of(b, p)")
    else:
        table = "FLAG" if f.type == "boolean" else f"GET_{f.of}"
        c.add(indent, f"{v} = {table}[b[p]]", "p += 1")
