"""Decoded columns as Arrow tables, and those as numpy arrays: what the results of a replay are in memory and in Parquet.

An Arrow table has the columns of the ClickHouse table of its topic (`schema.clickhouse`), aliases included, in that order and with their
comments, so that a query needs no other names. No topic holds the records: `_partition` and `ingest_ts` are left out, and `_offset` is the
record's place among all that the backtest wrote.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa

from streams.schema.bulk import Column, Columns, gathered
from streams.schema.clickhouse import DURATIONS, NAMES
from streams.schema.clickhouse import columns as table_columns
from streams.schema.layout import NULL
from streams.schema.model import ENUMS, NESTED, Field, Schema

__all__ = ["arrays_of", "arrow_schema", "empty_table", "one_field", "table_of"]

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
WORD = 64


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
            made = [pa.ListArray.from_arrays(pa.array(starts), values) for values in made]
        arrays += made
    return pa.Table.from_arrays([*arrays, pa.array(places.copy())], schema=schema)


def empty_table(schema: Schema) -> pa.Table:
    """A table without rows."""
    return arrow_schema(schema).empty_table()


def arrays_of(schema: Schema, tables: Iterable[pa.Table]) -> dict[str, np.ndarray]:
    """The rows of tables by field name as in the Avro schema, a numpy array each, and `_offset`; of arrays the rows' arrays as objects.

    int, long, bool : int64, bool; null is the smallest int64 (-1 of a bool, which is int64 then). Instants are ns
    double          : float64, null is NaN
    money           : the number x 10^9, int64 if all fit it, else Python's int as objects; null is the smallest int64
    names, enums, texts, bytes : objects (str, bytes), null is None
    """
    table = pa.concat_tables([empty_table(schema), *tables])
    found = {leaf.column: one_field(leaf.field, table.column(_stored(leaf)[0][0])) for leaf in _leaves(schema)}
    return {**found, PLACE.name: table.column(PLACE.name).to_numpy()}


def one_field(field: Field, values: pa.ChunkedArray) -> np.ndarray:
    """A column of a table as `arrays_of` gives it."""
    kind = values.type
    if pa.types.is_list(kind):
        return np.array([None, *values.to_pylist()], object)[1:]
    if pa.types.is_decimal(kind):
        return _money_numbers(values)
    if pa.types.is_dictionary(kind):
        return _names(values)
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        return np.array([None, *values.to_pylist()], object)[1:]
    if pa.types.is_boolean(kind):
        return values.cast(pa.int8()).fill_null(-1).to_numpy().astype(np.int64) if field.nullable else values.to_numpy()
    if pa.types.is_floating(kind):
        return values.fill_null(float("nan")).to_numpy()
    return values.cast(pa.int64()).fill_null(NULL).to_numpy()


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
        return pa.DictionaryArray.from_arrays(_plain(pa.int8(), values.astype(np.int8), nulls), pa.array(ENUMS[f.of].symbols))
    if f.type in ("string", "bytes", "fixed"):
        return _texts(values, buffer, pa.string() if f.type == "string" else pa.binary(), nulls)
    if _is_instant(f.name):
        return _plain(INSTANT, values, nulls)
    if f.type == "boolean":
        return pa.array(values.astype(bool), mask=nulls)
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


def _texts(pairs: np.ndarray, buffer: np.ndarray, kind: pa.DataType, nulls: np.ndarray | None = None) -> pa.Array:
    """Texts at these (start, size) pairs, copied one after another."""
    sizes = pairs[:, 1] if nulls is None else np.where(nulls, 0, pairs[:, 1])
    ends = np.zeros(len(pairs) + 1, np.int32)
    np.cumsum(sizes, out=ends[1:])
    held, _ = gathered(pairs[:, 0] + buffer.ctypes.data, sizes)
    return pa.Array.from_buffers(kind, len(pairs), [_bits(nulls), pa.py_buffer(ends), pa.py_buffer(held)])


def _money_numbers(values: pa.ChunkedArray) -> np.ndarray:
    """Money x 10^9 of a column."""
    parts = []
    for chunk in values.chunks:
        words = np.frombuffer(chunk.buffers()[1], np.int64)[2 * chunk.offset : 2 * (chunk.offset + len(chunk))].reshape(-1, 2)
        low, high = words[:, 0], words[:, 1]
        nulls = np.asarray(chunk.is_null())
        fits = nulls | (high == low >> 63)
        if fits.all():
            parts.append(np.where(nulls, NULL, low))
            continue
        wide = [(int(h) << WORD) + int(low_) % (1 << WORD) for low_, h in words.tolist()]
        parts.append(np.array([NULL if null else n for n, null in zip(wide, nulls.tolist(), strict=True)], object))
    return np.concatenate(parts) if parts else np.empty(0, np.int64)


def _names(values: pa.ChunkedArray) -> np.ndarray:
    """Names or symbols of a column as objects; equal ones are one object."""
    parts: list[np.ndarray] = []
    for chunk in values.chunks:
        known: Any = np.array([*chunk.dictionary.to_pylist(), None], object)
        parts.append(known[chunk.indices.fill_null(len(known) - 1).to_numpy(zero_copy_only=False)])
    return np.concatenate(parts) if parts else np.empty(0, object)
