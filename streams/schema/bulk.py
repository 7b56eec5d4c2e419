"""Avro bodies of one topic as columns: `decode` gives numpy arrays, with no Python object a record.

One compiled loop reads every schema (`bulk_kernel`); what it cannot read it only points out, and `codec.decode` says why.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any

import numpy as np

from streams.errors import SchemaError
from streams.kernel import native
from streams.schema import bulk_kernel as k
from streams.schema.bulk_table import Table
from streams.schema.bulk_wire import BEHIND, FULL
from streams.schema.codec import MAX_BODY
from streams.schema.model import Field, Schema

__all__ = ["BAD", "BEHIND", "FOREIGN", "GOOD", "Column", "Columns", "decode", "decode_buffer", "prepare", "texts_of"]

GOOD, BAD, FOREIGN = k.GOOD, k.BAD, k.FOREIGN


@dataclass(frozen=True)
class Column:
    """One field of all rows, or of all elements of an array.

    values : int64; of a double float64; of money (rows, 2): low and high word of the number x 10^9; of text and bytes (rows, 2): start in
             the buffer and size; of an enum the symbol's index; of a name its index in `names`. 0 where null.
    nulls  : bool a row, True = null; None if the field is never null
    names  : of a name, the (start, size) of each distinct one, a few that only damaged bodies had among them; else None
    """

    field: Field
    values: np.ndarray
    nulls: np.ndarray | None
    names: np.ndarray | None


@dataclass(frozen=True)
class Columns:
    """Values of a topic, decoded. Rows are the readable ones, in order.

    state   : of each value GOOD = a row, BAD = damaged, or FOREIGN = does not begin with the header
    columns : by field name, of an array `levels.px_e9`; an array of numbers under its own name
    ends    : by array field: where the elements of each row end in its columns
    buffer  : the values one after another, which texts and names point into
    """

    schema: Schema
    rows: int
    state: np.ndarray
    columns: dict[str, Column]
    ends: dict[str, np.ndarray]
    buffer: np.ndarray


def decode(schema: Schema, values: Sequence[bytes], header: bytes = b"") -> Columns:
    """The columns of these values, each `header` (at most 7 bytes) and a body written with the current schema."""
    buffer = np.frombuffer(b"".join((*values, bytes(BEHIND))), np.uint8)
    starts = np.fromiter(chain((0,), map(len, values)), np.int64, len(values) + 1)
    return decode_buffer(schema, buffer, np.cumsum(starts, out=starts), header)


def decode_buffer(schema: Schema, buffer: np.ndarray, starts: np.ndarray, header: bytes = b"") -> Columns:
    """The same of values that lie one after another.

    buffer : bytes, BEHIND more than the values have; starts: int64, where each begins and the last ends, not descending, from 0
    """
    count, size = len(starts) - 1, int(starts[-1])
    state = np.empty(count, np.uint8)
    attempt = 0
    while True:
        table = Table(schema, count, size, attempt)
        program = table.program.ctypes.data, table.program.nbytes
        body = int.from_bytes(header, "little"), len(header), MAX_BODY
        rows = _entry("decode_rows")(*program, buffer.ctypes.data, starts.ctypes.data, count, *body, state.ctypes.data)
        if rows >= 0:
            return _columns(schema, table, rows, state, buffer)
        if rows != FULL:
            raise SchemaError(f"{schema.name}: its values cannot be decoded in bulk")
        attempt += 1


def prepare() -> None:
    """Compile the loop, or load it from disk, now and not at the first values."""
    for name in k.ENTRIES:
        _entry(name)


def texts_of(pairs: np.ndarray, buffer: np.ndarray) -> bytes:
    """The texts at these (start, size) pairs as ClickHouse's strings, one after another: size as LEB128, bytes."""
    pairs = np.ascontiguousarray(pairs)
    out = np.empty(int(pairs[:, 1].sum()) + 10 * len(pairs) + 8, np.uint8)
    size = _entry("write_texts")(buffer.ctypes.data, pairs.ctypes.data, len(pairs), out.ctypes.data)
    return out[:size].tobytes()


def _columns(schema: Schema, table: Table, rows: int, state: np.ndarray, buffer: np.ndarray) -> Columns:
    """What was written of a table's memory, by name."""
    ends = {step.column: part.values[1 : rows + 1] for step, part in table if step.op == k.ARRAY}
    columns = {}
    for step, part in table:
        if step.op == k.ARRAY:
            continue
        n = rows if not step.array else int(ends[step.array][-1]) if rows else 0
        nulls = None if part.nulls is None else part.nulls[:n].view(bool)
        names = None if part.names is None or part.dictionary is None else part.names[: part.dictionary[0]]
        columns[step.column] = Column(step.field, part.values[:n], nulls, names)
    return Columns(schema, rows, state, columns, ends, buffer)


@cache
def _loaded() -> native.Native:
    return native.load("avro", lambda: k.ENTRIES, native.sources("streams.schema.bulk_kernel", "streams.schema.bulk_wire"))


@cache
def _entry(name: str) -> Any:
    """A compiled entry, made or loaded on first use."""
    return native.function(getattr(_loaded(), name), k.ENTRIES[name][1])
