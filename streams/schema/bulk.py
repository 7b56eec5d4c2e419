"""Avro bodies of one topic as columns: `decode` gives numpy arrays, with no Python object a record.

One compiled loop reads every schema (`bulk_kernel`); what it cannot read it only points out, and `codec.decode` says why.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any

import numpy as np

from streams.errors import SchemaError
from streams.kernel import native
from streams.schema import bulk_kernel as k
from streams.schema.bulk_table import Table, programs_of, steps_of
from streams.schema.bulk_wire import BEHIND, FULL
from streams.schema.codec import MAX_BODY
from streams.schema.evolution import resolve
from streams.schema.model import Field, Schema

__all__ = [
    "BAD",
    "BEHIND",
    "FOREIGN",
    "GOOD",
    "Column",
    "Columns",
    "Writers",
    "decode",
    "decode_at",
    "decode_buffer",
    "gathered",
    "prepare",
    "texts_of",
]

GOOD, BAD, FOREIGN = k.GOOD, k.BAD, k.FOREIGN
HEADER_MAX = 7
ATTEMPTS = 20  # each with more room: enough for all that fits memory
Writers = Mapping[bytes, dict[str, Any]]
NO_WRITERS: Writers = {}


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

    state   : of each value GOOD = a row, BAD = damaged, or FOREIGN = does not begin with a known header
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


def decode(schema: Schema, values: Sequence[bytes], header: bytes = b"", writers: Writers = NO_WRITERS) -> Columns:
    """The columns of these values, each `header` (at most 7 bytes) and a body written with the current schema.

    writers: other headers, as long as `header`, each with the Avro schema that the bodies behind it were written with. SchemaError if one
    cannot be followed in bulk (`evolution.resolve`).
    """
    buffer = np.frombuffer(b"".join((*values, bytes(BEHIND))), np.uint8)
    starts = np.fromiter(chain((0,), map(len, values)), np.int64, len(values) + 1)
    return decode_buffer(schema, buffer, np.cumsum(starts, out=starts), header, writers)


def decode_at(schema: Schema, address: np.ndarray, size: np.ndarray, header: bytes = b"", writers: Writers = NO_WRITERS) -> Columns:
    """The same of values at these addresses (int64; 0 = no value, which is FOREIGN) with these sizes (int64, >= 0).

    They are copied once, so that texts have a place of their own when the messages are gone.
    """
    return decode_buffer(schema, *gathered(address, size), header, writers)


def gathered(address: np.ndarray, size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values at these addresses copied one after another: buffer and starts as `decode_buffer` takes them."""
    address, size = np.ascontiguousarray(address, np.int64), np.ascontiguousarray(size, np.int64)
    starts = np.zeros(len(size) + 1, np.int64)
    np.cumsum(size, out=starts[1:])
    buffer = np.empty(int(starts[-1]) + BEHIND, np.uint8)
    _entries()["gather"](address.ctypes.data, size.ctypes.data, len(size), buffer.ctypes.data)
    return buffer, starts


def decode_buffer(schema: Schema, buffer: np.ndarray, starts: np.ndarray, header: bytes = b"", writers: Writers = NO_WRITERS) -> Columns:
    """The same of values that lie one after another.

    buffer : bytes, BEHIND more than the values have; starts: int64, where each begins and the last ends, not descending, from 0
    """
    if len(header) > HEADER_MAX or any(len(other) != len(header) for other in writers):
        raise SchemaError(f"{schema.name}: headers must have one size, and at most {HEADER_MAX} bytes")
    count, size = len(starts) - 1, int(starts[-1])
    state = np.empty(count, np.uint8)
    programs = {header: steps_of(schema)} | {other: resolve(schema, avro) for other, avro in writers.items() if other != header}
    attempt = 0
    while True:
        table = Table(schema, list(programs.values()), count, size, attempt)
        known = programs_of(programs, table.words)
        what = len(header), buffer.ctypes.data, starts.ctypes.data, count, MAX_BODY, state.ctypes.data
        rows = _entries()["decode_rows"](known.ctypes.data, len(known), *what)
        if rows >= 0:
            return _columns(schema, table, rows, state, buffer)
        if rows != FULL or attempt == ATTEMPTS:
            raise SchemaError(f"{schema.name}: its values cannot be decoded in bulk")
        attempt += 1


def prepare() -> None:
    """Compile the loop, or load it from disk, now and not at the first values."""
    _entries()


def texts_of(pairs: np.ndarray, buffer: np.ndarray) -> bytes:
    """The texts at these (start, size) pairs as ClickHouse's strings, one after another: size as LEB128, bytes."""
    pairs = np.ascontiguousarray(pairs)
    out = np.empty(int(pairs[:, 1].sum()) + 10 * len(pairs) + 8, np.uint8)
    size = _entries()["write_texts"](buffer.ctypes.data, pairs.ctypes.data, len(pairs), out.ctypes.data)
    return out[:size].tobytes()


def _columns(schema: Schema, table: Table, rows: int, state: np.ndarray, buffer: np.ndarray) -> Columns:
    """What was written of a table's memory, by name."""
    steps = steps_of(schema)
    ends = {step.column: table.parts[f"{step.column}[]"].values[1 : rows + 1] for step in steps if step.op == k.ARRAY}
    columns = {}
    for step in steps:
        if step.op == k.ARRAY:
            continue
        part = table.parts[step.column]
        n = rows if not step.array else int(ends[step.array][-1]) if rows else 0
        nulls = None if part.nulls is None else part.nulls[:n].view(bool)
        names = None if part.names is None or part.dictionary is None else part.names[: part.dictionary[0]]
        columns[step.column] = Column(step.field, part.values[:n], nulls, names)
    return Columns(schema, rows, state, columns, ends, buffer)


@cache
def _entries() -> dict[str, Any]:
    """The compiled entries, made or loaded on first use."""
    return native.functions(
        "avro", k.ENTRIES, native.sources("streams.schema.bulk_kernel", "streams.schema.bulk_put", "streams.schema.bulk_wire")
    )
