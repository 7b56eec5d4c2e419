"""Decoded columns as Arrow tables: what the results of a replay are in memory and in Parquet.

An Arrow table has the columns of the ClickHouse table of its topic (`schema.clickhouse`), aliases included, in that order and with their
comments, so that a query needs no other names. No topic holds the records: `_partition` and `ingest_ts` are left out, and `_offset` is the
record's place among all that the backtest wrote. Arrays are made of memory as it stands: `pa.array` would import pandas, for half a second.
"""

from functools import cache

import numpy as np
import pyarrow as pa

from streams.schema.bulk import Column, Columns, gathered
from streams.schema.clickhouse import DURATIONS, NAMES
from streams.schema.clickhouse import columns as table_columns
from streams.schema.model import ENUMS, NESTED, Field, Schema

__all__ = ["PLACE", "arrow_schema", "columns_of_schema", "empty_table", "table_of"]

PLACE = pa.field("_offset", pa.int64(), nullable=False, metadata={"comment": "place of the record among all that the replay wrote, from 0"})
INSTANT = pa.timestamp("ns", tz="UTC")
MONEY = pa.decimal128(38, 9)
NAME = pa.dictionary(pa.int32(), pa.string())
SYMBOL = pa.dictionary(pa.int8(), pa.string())
TYPES = {
    "int": pa.int32(),
    "long": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "bytes": pa.binary(),
    "fixed": pa.binary(),
    "money": MONEY,
    "enum": SYMBOL,
}
E9 = 1e9


@cache
def arrow_schema(schema: Schema) -> pa.Schema:
    """Names, types and comments of the columns of a topic's table."""
    comments = {c.name: c.comment for c in table_columns(schema)}
    fields = []
    for leaf in _leaves(schema):
        for name, kind in _stored(leaf):
            fields.append(pa.field(name, kind, nullable=leaf.field.nullable, metadata={"comment": comments[name]}))
    return pa.schema([*fields, PLACE], metadata={"comment": schema.doc, "topic": schema.topic})


def table_of(found: Columns, places: np.ndarray) -> pa.Table:
    """The rows as a table with memory of its own. places: int64 a row, its `_offset`."""
    schema = arrow_schema(found.schema)
    arrays: list[pa.Array] = []
    for leaf in _leaves(found.schema):
        column = found.columns[leaf.column]
        made = [_array(column, found.buffer)]
        if leaf.name.endswith("_e9"):
            made.append(_alias(column))
        if leaf.array:
            starts = np.zeros(found.rows + 1, np.int32)
            starts[1:] = found.ends[leaf.array]
            made = [pa.ListArray.from_arrays(_plain(pa.int32(), starts, None), values) for values in made]
        arrays += made
    return pa.Table.from_arrays([*arrays, _plain(pa.int64(), places.copy(), None)], schema=schema)


def empty_table(schema: Schema) -> pa.Table:
    """A table without rows."""
    return arrow_schema(schema).empty_table()


def columns_of_schema(schema: Schema) -> list[tuple[Field, str, str]]:
    """Of each field, of arrays of records each of theirs: the field, its name as in the Avro schema, and its column in a table."""
    return [(leaf.field, leaf.column, _stored(leaf)[0][0]) for leaf in _leaves(schema)]


class _Leaf:
    """A field that has a column: of the record, or of the records in one of its arrays."""

    def __init__(self, field: Field, array: str = "", numbers: bool = False) -> None:
        self.field, self.array = field, array
        self.name = "" if numbers else field.name

    @property
    def column(self) -> str:
        """Its name among decoded columns."""
        return f"{self.array}.{self.name}" if self.array and self.name else self.array or self.name


@cache
def _leaves(schema: Schema) -> tuple[_Leaf, ...]:
    found = []
    for f in schema.fields:
        if f.type == "array" and f.of in NESTED:
            found += [_Leaf(inner, f.name) for inner in NESTED[f.of].fields]
        else:
            found.append(_Leaf(f, f.name, True) if f.type == "array" else _Leaf(f))
    return tuple(found)


def _is_instant(name: str) -> bool:
    return name.endswith("_ns") and name not in DURATIONS


def _stored(leaf: _Leaf) -> list[tuple[str, pa.DataType]]:
    """Names and types of a field's columns in a table: itself, and the price beside a stored integer."""
    f, name = leaf.field, leaf.column
    own = TYPES[f.of] if f.type == "array" else NAME if f.type == "string" and f.name in NAMES else TYPES.get(f.type, pa.string())
    found = [(name[:-3], INSTANT) if _is_instant(f.name) else (name, own)]
    if f.name.endswith("_e9"):
        found.append((name[:-3], pa.float64()))
    return [(name, pa.list_(kind)) for name, kind in found] if leaf.array else found


def _array(column: Column, buffer: np.ndarray) -> pa.Array:
    """A decoded column as Arrow's array; numbers stay where they are."""
    f, values, nulls = column.field, column.values, column.nulls
    if column.names is not None:
        return pa.DictionaryArray.from_arrays(_plain(pa.int32(), values.astype(np.int32), nulls), _texts(column.names, buffer, pa.string()))
    if f.type == "enum":
        return pa.DictionaryArray.from_arrays(_plain(pa.int8(), values.astype(np.int8), nulls), _symbols(f.of))
    if f.type in ("string", "bytes", "fixed"):
        return _texts(values, buffer, pa.string() if f.type == "string" else pa.binary(), nulls)
    if _is_instant(f.name):
        return _plain(INSTANT, values, nulls)
    if f.type == "boolean":
        bits = np.packbits(values.astype(bool), bitorder="little")
        return pa.Array.from_buffers(pa.bool_(), len(values), [_bits(nulls), pa.py_buffer(bits)])
    kind = TYPES[f.of if f.type == "array" else f.type]
    return _plain(kind, values.astype(np.int32) if f.type == "int" else values, nulls)


def _alias(column: Column) -> pa.Array:
    """What is stored x 10^9 as a float64."""
    return _plain(pa.float64(), column.values / E9, column.nulls)


def _plain(kind: pa.DataType, values: np.ndarray, nulls: np.ndarray | None) -> pa.Array:
    """Values of fixed width in their own memory; low and high words of money are Arrow's own form."""
    return pa.Array.from_buffers(kind, len(values), [_bits(nulls), pa.py_buffer(np.ascontiguousarray(values))])


def _bits(nulls: np.ndarray | None) -> pa.Buffer | None:
    """Arrow's bitmap of what is there."""
    return None if nulls is None else pa.py_buffer(np.packbits(~nulls, bitorder="little"))


@cache
def _symbols(enum: str) -> pa.Array:
    """The symbols of an enum."""
    texts = [symbol.encode() for symbol in ENUMS[enum].symbols]
    ends = np.cumsum([0, *map(len, texts)], dtype=np.int32)
    return pa.Array.from_buffers(pa.string(), len(texts), [None, pa.py_buffer(ends), pa.py_buffer(b"".join(texts))])


def _texts(pairs: np.ndarray, buffer: np.ndarray, kind: pa.DataType, nulls: np.ndarray | None = None) -> pa.Array:
    """Texts at these (start, size) pairs, copied one after another."""
    sizes = pairs[:, 1] if nulls is None else np.where(nulls, 0, pairs[:, 1])
    ends = np.zeros(len(pairs) + 1, np.int32)
    np.cumsum(sizes, out=ends[1:])
    held, _ = gathered(pairs[:, 0] + buffer.ctypes.data, sizes)
    return pa.Array.from_buffers(kind, len(pairs), [_bits(nulls), pa.py_buffer(ends), pa.py_buffer(held)])
