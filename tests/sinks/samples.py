"""Records with a different value in every field, made from the schemas."""

from decimal import Decimal
from typing import Any

from streams import records
from streams.schema.model import NESTED, Field, Schema

__all__ = ["T0_NS", "sample"]

T0_NS = 1_700_000_000_123_456_789


def sample(schema: Schema, n: int) -> Any:
    """The n-th record: with n even every nullable field is null and every array is empty."""
    return schema.record(*(_value(f, n, i) for i, f in enumerate(schema.fields)))


def _value(f: Field, n: int, i: int) -> Any:
    if f.nullable and n % 2 == 0:
        return None
    if f.type == "array":
        items = range(0 if n % 2 == 0 else 3)
        if f.of in NESTED:
            return tuple(getattr(records, f.of)(*(_value(e, n, j + k) for k, e in enumerate(NESTED[f.of].fields))) for j in items)
        return tuple(T0_NS + j for j in items)
    if f.type == "enum":
        symbols = list(getattr(records, f.of))
        return symbols[n % len(symbols)]
    return {
        "int": n + i,
        "long": T0_NS + n if f.name.endswith("_ns") else n * 1000 + i,
        "double": n + i / 8,
        "boolean": n % 2 == 1,
        "string": f"{f.name}-{n}",
        "bytes": bytes((n % 256, 0, 255, i)),
        "money": Decimal(n * 1_000_000_007 + i).scaleb(-9) * (-1) ** n,
    }[f.type]
