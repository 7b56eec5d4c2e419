"""The layout of a Struct class as data: a fingerprint to compare, a field list to keep, and conversion by name from an older one."""

import functools
import hashlib
import json
import struct
from typing import Any

import numpy as np

from streams.errors import KernelError
from streams.kernel.fields import FORMATS, SIZES, Field
from streams.kernel.items import Items
from streams.kernel.struct import Struct, StructMeta

__all__ = ["adopt", "field_list", "fingerprint"]


@functools.cache
def fingerprint(cls: StructMeta) -> str:
    """16 hex digits that change when a field's name, type, offset or size does, at any depth. Class names do not count."""
    text = json.dumps([cls._size_, cls._align_, field_list(cls)], separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def field_list(cls: StructMeta) -> list[dict[str, Any]]:
    """The fields as JSON-able dicts: name, kind, offset in bytes; type (a code), or bytes and fields of a nested Struct; size."""
    return [_described(f) for f in cls._fields_.values()]


def _described(f: Field) -> dict[str, Any]:
    out: dict[str, Any] = {"name": f.name, "kind": f.kind, "offset": f.offset}
    if isinstance(f.elem, str):
        out["type"] = f.elem
    else:
        out["bytes"] = f.elem._size_
        out["fields"] = field_list(f.elem)
    if f.size is not None:
        out["size"] = f.size
    return out


def adopt(new: Struct, old_fields: list[dict[str, Any]], old_bytes: Any) -> list[str]:
    """Copy the fields of an older layout into `new` by name; the names (dotted) that only one of the two layouts has.

    A number takes another width if its value fits; an array or table may grow, never shrink. Fields that `old_fields` lacks keep the value
    they have. KernelError names the field that cannot be converted; `new` is then half converted and must be thrown away.
    """
    missed: list[str] = []
    _adopt(new, old_fields, memoryview(old_bytes).cast("B"), 0, type(new).__name__, missed)
    return missed


def _adopt(new: Any, old_fields: list[dict[str, Any]], mem: memoryview, base: int, path: str, missed: list[str]) -> None:
    fields = type(new)._fields_
    old = {f["name"]: f for f in old_fields}
    missed.extend(f"{path}.{name}" for name in [*(n for n in old if n not in fields), *(n for n in fields if n not in old)])
    for name, was in old.items():
        f = fields.get(name)
        if f is None:
            continue
        where = f"{path}.{name}"
        if was["kind"] != f.kind or ("fields" in was) is isinstance(f.elem, str):
            raise KernelError(
                f"{where}: was {_shown(was)}, is now {_shown(_described(f))}: cannot be converted; rename the field or start fresh"
            )
        pos = base + was["offset"]
        if f.kind == "scalar":
            _put(new, name, _number(mem, pos, was["type"]), where)
        elif f.kind == "struct":
            _adopt(vars(new)[name], was["fields"], mem, pos, where, missed)
        else:
            _adopt_items(vars(new)[name], was, mem, pos, where, missed)


def _adopt_items(items: Items, was: dict[str, Any], mem: memoryview, pos: int, where: str, missed: list[str]) -> None:
    start, n = pos, was["size"]
    if was["kind"] == "table":
        offset, n = struct.unpack_from("qq", mem, pos)
        start = pos + offset
    if n > items.n:
        raise KernelError(f"{where}: had {n} elements, has now {items.n}; give it at least as many")
    if isinstance(items.elem, str):
        for i, value in enumerate(np.frombuffer(mem, was["type"], n, start).tolist()):
            _put(items, i, value, where)
        return
    step, seen = was["bytes"], []
    for i in range(n):
        _adopt(items[i], was["fields"], mem, start + i * step, where, seen)
    missed.extend(dict.fromkeys(seen))


def _put(target: Any, key: Any, value: Any, where: str) -> None:
    try:
        if isinstance(target, Items):
            target[key] = value
        else:
            setattr(target, key, value)
    except (TypeError, OverflowError) as e:
        raise KernelError(f"{where}: stored value {value!r} cannot be converted ({e})") from None


def _number(mem: memoryview, pos: int, code: str) -> Any:
    if code not in SIZES:
        raise KernelError(f"field list has type {code!r}; known: {', '.join(FORMATS)}")
    return struct.unpack_from(FORMATS[code], mem, pos)[0]


def _shown(f: dict[str, Any]) -> str:
    return f"{f['kind']} of {f.get('type', 'structs')}"
