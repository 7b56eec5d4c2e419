"""Records of one partition become a batch: rows for the table, and dead letters for what cannot be read.

Values are decoded in bulk into columns, and those are the block; other versions of the schema as well, when the registry tells how they
were written. A value that the bulk decoder does not read is looked at alone: it comes back in today's version, or it is a dead letter.
Rows as Python objects are made only where a record does not fit its own schema, to find out which.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from clickhouse_connect.datatypes.base import ClickHouseType
from clickhouse_connect.datatypes.registry import get_from_name
from clickhouse_connect.driver.common import write_leb128
from clickhouse_connect.driver.insert import InsertContext

from streams.errors import DecodeError, SchemaError
from streams.lanes.messages import Place
from streams.lanes.wire import HEADER_BYTES, Wire
from streams.schema import bulk, clickhouse, codec, model
from streams.sinks.columns import block_of
from streams.sinks.plan import token
from streams.sinks.records import Records

__all__ = ["Batch", "Dead", "make_batch", "native_block"]

WRITERS_MAX = 64  # versions of a schema in one batch; damaged headers may look like more
Row = Sequence[Any]


@dataclass(frozen=True)
class Dead:
    """A record that has no row: where it stood, why, and its value."""

    offset: int
    reason: str
    payload: bytes


@dataclass(frozen=True)
class Batch:
    """Consecutive records of one partition. `block` holds their rows in ClickHouse's Native format, empty when there are none.

    records, size_bytes : what it was made of, dead letters included
    """

    topic: str
    partition: int
    first: int
    last: int
    rows: int
    block: bytes
    dead: tuple[Dead, ...]
    records: int
    size_bytes: int

    @property
    def place(self) -> Place:
        """Where its records stand."""
        return self.topic, self.partition

    @property
    def token(self) -> str:
        """What ClickHouse recognises the batch by."""
        return token(self.topic, self.partition, self.first, self.last)

    @property
    def schema(self) -> model.Schema:
        """The schema of the records, which names table and columns."""
        return model.for_topic(self.topic)


def make_batch(topic: str, partition: int, records: Records, wire: Wire) -> Batch:
    """The batch of these records. LaneError if the registry is needed and away: nothing has happened then."""
    try:
        rows, block, dead = _from_columns(topic, partition, records, wire)
    except SchemaError:
        rows, block, dead = _from_rows(topic, partition, records, wire)
    first, last = int(records.offset[0]), int(records.offset[-1])
    return Batch(topic, partition, first, last, rows, block, tuple(dead), len(records), records.size_bytes)


def _from_columns(topic: str, partition: int, records: Records, wire: Wire) -> tuple[int, bytes, list[Dead]]:
    """Rows, their block, dead letters. SchemaError if a record cannot be written in its own schema."""
    schema, header = model.for_topic(topic), wire.header(topic)
    found, dead = bulk.decode_buffer(schema, records.buffer, records.starts, header), list[Dead]()
    if found.rows < len(records):
        found, dead = _with_others(topic, records, found, wire)
    good = found.state == bulk.GOOD
    return found.rows, block_of(found, partition, records.offset[good], records.timestamp_ms[good]), dead


def _with_others(topic: str, records: Records, found: bulk.Columns, wire: Wire) -> tuple[bulk.Columns, list[Dead]]:
    """The columns with what other versions of the schema wrote, and dead letters of what nobody reads."""
    schema, header = model.for_topic(topic), wire.header(topic)
    writers = _writers(topic, records, found.state, wire)
    try:
        found = bulk.decode_buffer(schema, records.buffer, records.starts, header, writers) if writers else found
    except SchemaError:  # one that is not followed in bulk: all that is not ours is looked at alone
        writers = {}
    written: dict[int, bytes] = {}
    dead: list[Dead] = []
    for row in np.flatnonzero(found.state).tolist():
        try:
            written[row] = header + codec.encode(wire.decode(topic, records.value(row)))
        except DecodeError as fault:
            dead.append(_dead(records, row, str(fault)))
    if written:
        values = [written.get(row) or records.value(row) or b"" for row in range(len(records))]
        found = bulk.decode(schema, values, header, writers)
    if found.rows + len(dead) < len(records):
        raise SchemaError(f"{topic}: a value is read alone, but not among others")
    return found, dead


def _writers(topic: str, records: Records, state: np.ndarray, wire: Wire) -> dict[bytes, dict[str, Any]]:
    """The schemas behind the headers that are not ours, as far as the registry knows them."""
    rows = np.flatnonzero(state == bulk.FOREIGN)
    rows = rows[records.starts[rows + 1] - records.starts[rows] >= HEADER_BYTES]
    heads = records.buffer[records.starts[rows][:, None] + np.arange(HEADER_BYTES)]
    writers: dict[bytes, dict[str, Any]] = {}
    for head in np.unique(heads, axis=0)[:WRITERS_MAX]:
        with contextlib.suppress(DecodeError):
            writers[head.tobytes()] = wire.writer(topic, head.tobytes())
    return writers


def _from_rows(topic: str, partition: int, records: Records, wire: Wire) -> tuple[int, bytes, list[Dead]]:
    """The same by rows, one Python list a record."""
    schema = model.for_topic(topic)
    rows: list[Row] = []
    sources: list[int] = []
    dead: list[Dead] = []
    for i in range(len(records)):
        try:
            record = wire.decode(topic, records.value(i))
        except DecodeError as fault:
            dead.append(_dead(records, i, str(fault)))
            continue
        rows.append(clickhouse.row(record, partition, int(records.offset[i]), int(records.timestamp_ms[i])))
        sources.append(i)
    try:
        block = native_block(schema, rows)
    except Exception:  # whatever a column's writer meets: find the rows that do not fit, one by one
        faults = [_misfit(schema, row) for row in rows]
        dead += [_dead(records, i, fault) for i, fault in zip(sources, faults, strict=True) if fault]
        dead.sort(key=lambda letter: letter.offset)
        rows = [row for row, fault in zip(rows, faults, strict=True) if not fault]
        block = native_block(schema, rows)
    return len(rows), block, dead


def native_block(schema: model.Schema, rows: Sequence[Row]) -> bytes:
    """Rows of a table, as `streams.schema.clickhouse.row` makes them, as one block of ClickHouse's Native format."""
    if not rows:
        return b""
    names, types, formats = _layout(schema)
    context = InsertContext(schema.plural, names, types, column_formats=formats)
    out = bytearray()
    write_leb128(len(names), out)
    write_leb128(len(rows), out)
    for name, kind, column in zip(names, types, zip(*rows, strict=True), strict=True):
        for text in (name, kind.insert_name):
            encoded = text.encode()
            write_leb128(len(encoded), out)
            out += encoded
        context.start_column(name)
        kind.write_column(column, out, context)
    return bytes(out)


@cache
def _layout(schema: model.Schema) -> tuple[tuple[str, ...], tuple[ClickHouseType, ...], dict[str, str | dict[str, str]]]:
    """Names and types of the columns that are inserted; instants are written from integers (an object a value would lose digits)."""
    columns = [column for column in clickhouse.columns(schema) if not column.alias]
    names = tuple(column.name for column in columns)
    types = tuple(get_from_name(column.type) for column in columns)
    return names, types, {column.name: "int" for column in columns if "DateTime64" in column.type}


def _misfit(schema: model.Schema, row: Row) -> str:
    """Why a row cannot be written, "" if it can."""
    try:
        native_block(schema, [row])
    except Exception as fault:
        return f"{schema.name}: does not fit its table: {fault or type(fault).__name__}"
    return ""


def _dead(records: Records, row: int, reason: str) -> Dead:
    return Dead(int(records.offset[row]), reason, records.value(row) or b"")
