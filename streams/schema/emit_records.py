"""Text of `streams/records.py`: the records as a person reads them, in topic units."""

import textwrap

from streams.schema.model import COMMON, ENUMS, NESTED, SCHEMAS, Enum, Field, Nested, Schema

__all__ = ["records_text"]

WIDTH = 140
TYPES = {
    "int": "int",
    "long": "int",
    "double": "float",
    "boolean": "bool",
    "string": "str",
    "bytes": "bytes",
    "fixed": "bytes",
    "money": "Decimal",
}
HEAD = '''"""Every record of the platform, in topic units. Generated from schemas/ by `make generate`: edit the schemas, not this file.

Every record begins with
    id          this record's id: writer (16 bits) << 47 | sequence (47 bits), dense per writer (streams.schema.ids)
    cause_id    id of the input that caused it; 0 = none
    run_id      number of the run; 0 = outside a run
    ts_ns       the writer's now, ns since 1970 UTC by the run's clock
    recv_ts_ns  when the frame that started it all was received, same clock; inherited
Prices and quantities end in `_e9` (x 10^9), instants in `_ns`; money is Decimal with 9 digits; an enum's value is its Avro symbol's index.
"""

from decimal import Decimal
from enum import IntEnum
from typing import NamedTuple
'''


def records_text() -> str:
    """The whole file, as `ruff format` leaves it."""
    names = sorted([*ENUMS, *NESTED, *SCHEMAS])
    parts = [HEAD + "\n__all__ = [\n" + "".join(f'    "{n}",\n' for n in names) + "]\n"]
    parts += [_enum(ENUMS[n]) for n in sorted(ENUMS)]
    parts += [_nested(NESTED[n]) for n in sorted(NESTED)]
    parts += [_record(s) for s in SCHEMAS.values()]
    return "\n\n".join(parts)


def comment(prefix: str, text: str) -> str:
    """`prefix  # text` on one line, or the comment above it when the line would be too long."""
    line = f"    {prefix}  # {text}"
    if len(line) <= WIDTH:
        return line + "\n"
    above = textwrap.fill(text, WIDTH - 4, initial_indent="    # ", subsequent_indent="    # ")
    return f"{above}\n    {prefix}\n"


def docstring(text: str) -> str:
    """A class's docstring, folded when it is long."""
    if len(text) + 10 <= WIDTH:
        return f'    """{text}"""\n'
    return textwrap.fill(text, WIDTH - 4, initial_indent='    """', subsequent_indent="    ") + '\n    """\n'


def _enum(e: Enum) -> str:
    return f"class {e.name}(IntEnum):\n{docstring(e.doc)}\n" + "".join(f"    {s} = {i}\n" for i, s in enumerate(e.symbols))


def _nested(n: Nested) -> str:
    return f"class {n.name}(NamedTuple):\n{docstring(n.doc)}\n" + "".join(_field(f) for f in n.fields)


def _record(s: Schema) -> str:
    text = f"class {s.name}(NamedTuple):\n{docstring(f'{s.doc} Topic {s.topic}.')}\n"
    text += "".join(f"    {name}: int\n" for name in COMMON)
    return text + "".join(_field(f) for f in s.fields[len(COMMON) :])


def _field(f: Field) -> str:
    kind = f"tuple[{TYPES.get(f.of, f.of)}, ...]" if f.type == "array" else TYPES.get(f.type, f.of)
    if f.nullable:
        kind += " | None"
    default = ""
    if f.has_default:
        default = f" = {f.of}.{f.default}" if f.type == "enum" and f.default else f" = {f.default!r}".replace("'", '"')
    return comment(f"{f.name}: {kind}{default}", f.doc)
