"""Why a record cannot be encoded: looked up only after an encoder has failed."""

from decimal import Decimal
from typing import Any

from streams import records
from streams.schema import wire
from streams.schema.model import NESTED, Field, Schema

__all__ = ["misfit"]

TYPES: dict[str, type | tuple[type, ...]] = {
    "int": int,
    "long": int,
    "double": (float, int),
    "boolean": bool,
    "string": str,
    "bytes": bytes,
    "fixed": bytes,
    "money": Decimal,
    "array": (tuple, list),
}


def misfit(schema: Schema, record: Any) -> str:
    """`Trade.px_e9: '1' is of type str, long is needed` for the first field that does not fit; "" if all do."""
    for f, value in zip(schema.fields, record, strict=True):
        why = _why(f, value)
        if why:
            return f"{schema.name}.{f.name}{why}"
    return ""


def _why(f: Field, value: Any) -> str:
    if value is None:
        return "" if f.nullable else ": is null; it may not be"
    kind = getattr(records, f.of) if f.type == "enum" else TYPES[f.type]
    if not isinstance(value, kind) or (f.type in ("int", "long") and isinstance(value, bool)):
        return f": {value!r} is of type {type(value).__name__}, {f.of or f.type} is needed"
    if f.type == "array":
        return next((f"[{i}]{why}" for i, x in enumerate(value) if (why := _item(f, x))), "")
    try:
        if f.type == "fixed":
            wire.fixed(value, f.size)
        if f.type in ("int", "long", "money", "string"):
            {"int": wire.integer, "long": wire.long, "money": wire.money, "string": wire.string}[f.type](value)
    except ValueError as error:
        return f": {value!r} {error}"
    return ""


def _item(f: Field, value: Any) -> str:
    if f.of not in NESTED:
        return "" if isinstance(value, int) else f": {value!r} is of type {type(value).__name__}, {f.of} is needed"
    if not isinstance(value, getattr(records, f.of)):
        return f": {value!r} is of type {type(value).__name__}, {f.of} is needed"
    return next((f".{e.name}{why}" for e, x in zip(NESTED[f.of].fields, value, strict=True) if (why := _why(e, x))), "")
