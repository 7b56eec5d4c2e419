"""Decoded columns as one block of ClickHouse's Native format: memory is written as it stands, with no object a record.

Enums and names go as LowCardinality: a dictionary of the block, then a number a row.
"""

from functools import cache
from typing import TypeAlias

import numpy as np
from clickhouse_connect.datatypes.registry import get_from_name
from clickhouse_connect.driver.common import write_leb128

from streams.schema import clickhouse
from streams.schema.bulk import Column, Columns, texts_of
from streams.schema.model import ENUMS, Schema

__all__ = ["block_of"]

Part: TypeAlias = bytes | np.ndarray

VERSION = (1).to_bytes(8, "little")  # of LowCardinality; it goes before the sizes of an array around it
DICTIONARY = (1 << 9) | (1 << 10)  # the block brings its keys, and needs no others
NARROW = {"int": np.int32, "boolean": np.uint8}


def block_of(found: Columns, partition: int, offsets: np.ndarray, ingest_ms: np.ndarray) -> bytes:
    """The rows of a topic's table, empty if there are none. offsets, ingest_ms : int64, of the rows."""
    if not found.rows:
        return b""
    heads = _heads(found.schema)
    parts: list[Part] = [_leb128(len(heads)), _leb128(found.rows)]
    for head, (name, column) in zip(heads, found.columns.items(), strict=False):
        keyed = column.names is not None or column.field.type == "enum"
        parts += (head, VERSION if keyed else b"", found.ends.get(name.partition(".")[0], b""))
        parts += _keyed(column, found.buffer) if keyed else _plain(column, found.buffer)
    where = (np.full(found.rows, partition, np.int32), offsets, ingest_ms)
    for head, values in zip(heads[-len(where) :], where, strict=True):
        parts += (head, values)
    return b"".join(part if isinstance(part, bytes) else np.ascontiguousarray(part).data for part in parts)


@cache
def _heads(schema: Schema) -> tuple[bytes, ...]:
    """Name and type before each column: the order is that of the schema's fields, then where the record stood."""
    columns = [column for column in clickhouse.columns(schema) if not column.alias]
    return tuple(_text(column.name) + _text(get_from_name(column.type).insert_name) for column in columns)


def _plain(column: Column, buffer: np.ndarray) -> list[Part]:
    """Null mask if there is one, then the values."""
    field, values = column.field, column.values
    nulls = [] if column.nulls is None else [column.nulls]
    if field.type in ("string", "bytes", "fixed"):
        return [*nulls, texts_of(values, buffer)]
    narrow = NARROW.get(field.type)
    return [*nulls, values if narrow is None else values.astype(narrow)]


def _keyed(column: Column, buffer: np.ndarray) -> list[Part]:
    """Keys, then their numbers; of a nullable column key 0 is null. Nothing at all for no values."""
    numbers, nulls = column.values, column.nulls
    if not len(numbers):
        return []
    if column.names is None:
        symbols = ENUMS[column.field.of].symbols
        keys, count = b"".join(map(_text, symbols)), len(symbols)
    else:
        keys, count = texts_of(column.names, buffer), len(column.names)
    if nulls is not None:
        keys, count, numbers = _text("") + keys, count + 1, np.where(nulls, 0, numbers + 1)
    width = 0 if count <= 1 << 8 else 1 if count <= 1 << 16 else 2
    head = np.array((DICTIONARY | width, count), np.uint64)
    return [head, keys, np.array((len(numbers),), np.uint64), numbers.astype(f"<u{1 << width}")]


def _text(text: str) -> bytes:
    encoded = text.encode()
    return _leb128(len(encoded)) + encoded


def _leb128(n: int) -> bytes:
    out = bytearray()
    write_leb128(n, out)
    return bytes(out)
