"""Columns back into records, field by field: the obvious way, to compare with."""

from decimal import Context, Decimal
from typing import Any

from streams import records
from streams.schema.bulk import Column, Columns
from streams.schema.model import ENUMS, NESTED, Field

__all__ = ["WIDE", "records_of", "values_of"]

WIDE = Context(prec=60)


def records_of(found: Columns) -> list[Any]:
    """The rows as records."""
    return [found.schema.record(*(_value(found, f, row) for f in found.schema.fields)) for row in range(found.rows)]


def values_of(found: Columns, column: Column) -> list[Any]:
    """The values of one column as Python has them."""
    return [_item(found, column, i) for i in range(len(column.values))]


def _value(found: Columns, f: Field, row: int) -> Any:
    if f.type != "array":
        return _item(found, found.columns[f.name], row)
    first, last = int(found.ends[f.name][row - 1]) if row else 0, int(found.ends[f.name][row])
    if f.of not in NESTED:
        return tuple(_item(found, found.columns[f.name], i) for i in range(first, last))
    columns = [found.columns[f"{f.name}.{e.name}"] for e in NESTED[f.of].fields]
    return tuple(getattr(records, f.of)(*(_item(found, column, i) for column in columns)) for i in range(first, last))


def _item(found: Columns, column: Column, i: int) -> Any:
    if column.nulls is not None and column.nulls[i]:
        return None
    value, kind = column.values[i], column.field.type
    if kind in ("string", "bytes"):
        start, size = value if column.names is None else column.names[value]
        content = found.buffer[start : start + size].tobytes()
        return content if kind == "bytes" else content.decode()
    if kind == "money":
        low, high = (int(word) for word in value)
        return Decimal((high << 64) + (low & (1 << 64) - 1)).scaleb(-9, WIDE)
    if kind == "enum":
        assert int(value) < len(ENUMS[column.field.of].symbols)
        return getattr(records, column.field.of)(int(value))
    return bool(value) if kind == "boolean" else value.item()
