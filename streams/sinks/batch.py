"""Messages of one partition become a batch: rows for the table, and dead letters for what cannot be read.

Values are decoded in bulk into columns, and those are the block. A value that the bulk decoder does not read is looked at alone: it is of
another version of its schema, and comes back in today's, or it is a dead letter. Rows as Python objects are made only where a record
does not fit its own schema, to find out which.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from clickhouse_connect.datatypes.base import ClickHouseType
from clickhouse_connect.datatypes.registry import get_from_name
from clickhouse_connect.driver.common import write_leb128
from clickhouse_connect.driver.insert import InsertContext
from confluent_kafka import Message

from streams.errors import DecodeError, SchemaError
from streams.lanes.wire import Wire
from streams.schema import bulk, clickhouse, codec, model
from streams.sinks.columns import block_of
from streams.sinks.plan import token

__all__ = ["Batch", "Dead", "make_batch", "native_block"]

Row = Sequence[Any]


@dataclass(frozen=True)
class Dead:
    """A record that has no row: where it stood, why, and its value."""

    offset: int
    reason: str
    payload: bytes


@dataclass(frozen=True)
class Batch:
    """Consecutive records of one partition. `block` holds their rows in ClickHouse's Native format, empty when there are none."""

    topic: str
    partition: int
    first: int
    last: int
    rows: int
    block: bytes
    dead: tuple[Dead, ...]

    @property
    def token(self) -> str:
        """What ClickHouse recognises the batch by."""
        return token(self.topic, self.partition, self.first, self.last)

    @property
    def schema(self) -> model.Schema:
        """The schema of the records, which names table and columns."""
        return model.for_topic(self.topic)


def make_batch(topic: str, partition: int, messages: Sequence[Message], wire: Wire) -> Batch:
    """The batch of these messages (at least one, in order). LaneError if the registry is needed and away: nothing has happened then."""
    first, last = messages[0].offset() or 0, messages[-1].offset() or 0
    try:
        rows, block, dead = _from_columns(topic, partition, messages, wire)
    except SchemaError:
        rows, block, dead = _from_rows(topic, partition, messages, wire)
    return Batch(topic, partition, first, last, rows, block, tuple(dead))


def _from_columns(topic: str, partition: int, messages: Sequence[Message], wire: Wire) -> tuple[int, bytes, list[Dead]]:
    """Rows, their block, dead letters. SchemaError if a record cannot be written in its own schema."""
    schema, header = model.for_topic(topic), wire.header(topic)
    values = [message.value() or b"" for message in messages]
    found = bulk.decode(schema, values, header)
    dead: list[Dead] = []
    if found.rows < len(values):
        for i in np.flatnonzero(found.state).tolist():
            try:
                values[i] = header + codec.encode(wire.decode(topic, messages[i].value()))
            except DecodeError as fault:
                values[i] = b""
                dead.append(_dead(messages[i], str(fault)))
        if found.rows + len(dead) < len(values):
            found = bulk.decode(schema, values, header)
    if found.rows + len(dead) < len(values):
        raise SchemaError(f"{topic}: a value is read alone, but not among others")
    good = found.state == bulk.GOOD
    offsets = np.fromiter((message.offset() or 0 for message in messages), np.int64, len(messages))[good]
    ingest_ms = np.fromiter((message.timestamp()[1] for message in messages), np.int64, len(messages))[good]
    return found.rows, block_of(found, partition, offsets, ingest_ms), dead


def _from_rows(topic: str, partition: int, messages: Sequence[Message], wire: Wire) -> tuple[int, bytes, list[Dead]]:
    """The same by rows, one Python list a record."""
    schema = model.for_topic(topic)
    decode, row = wire.decode, clickhouse.row
    rows: list[Row] = []
    sources: list[Message] = []
    dead: list[Dead] = []
    for message in messages:
        try:
            record = decode(topic, message.value())
        except DecodeError as fault:
            dead.append(_dead(message, str(fault)))
            continue
        rows.append(row(record, partition, message.offset() or 0, message.timestamp()[1]))
        sources.append(message)
    try:
        block = native_block(schema, rows)
    except Exception:  # whatever a column's writer meets: find the rows that do not fit, one by one
        faults = [_misfit(schema, row) for row in rows]
        dead += [_dead(message, fault) for message, fault in zip(sources, faults, strict=True) if fault]
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


def _dead(message: Message, reason: str) -> Dead:
    return Dead(message.offset() or 0, reason, message.value() or b"")
