"""Columns as Avro bodies: `encode` is the inverse of `bulk.decode`, with no Python object a record.

buffer, starts = encode(columns, header)                  # what decode gave, or
buffer, starts = encode(columns_of(schema, {"id": ids, "venue": "binance", "payload": [b"...", ...], ...}), header)
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from streams.errors import SchemaError
from streams.kernel import native
from streams.schema import bulk_encode_kernel as kernel
from streams.schema import bulk_kernel as k
from streams.schema.bulk import Column, Columns
from streams.schema.bulk_put import LONG_MAX, MONEY_MAX, SLACK, money_fits
from streams.schema.bulk_table import WIDE, Step, steps_of
from streams.schema.columns import columns_of
from streams.schema.model import ENUMS

__all__ = ["columns_of", "encode", "prepare"]

HEADER_MAX = 7
EXACT_FROM = 1 << 24  # bytes of room beyond which names are added up one by one
BEHIND = 8  # bytes that may be looked at behind a text
BYTES = {
    k.LONG: LONG_MAX,
    k.INT: 5,
    k.BOOLEAN: 1,
    k.ENUM: 1,
    k.DOUBLE: 8,
    k.MONEY: MONEY_MAX,
    k.TEXT: LONG_MAX,
    k.RAW: LONG_MAX,
    k.FIXED: 0,
}
BYTES |= {k.NAME: LONG_MAX, k.ARRAY: LONG_MAX + 1}  # of a value at most; of texts the size, of arrays the count and the end


def encode(columns: Columns, header: bytes = b"") -> tuple[np.ndarray, np.ndarray]:
    """(buffer, starts): the values one after another, each `header` (at most 7 bytes) and a body; uint8, and int64[rows + 1].

    The bodies are what `codec.encode` writes. SchemaError names a column of another shape than the schema's, or the first value that does
    not fit its field. Texts are not looked at: they are UTF-8 by the caller's promise.
    """
    program = _Program(columns)
    if len(header) > HEADER_MAX:
        raise SchemaError(f"{columns.schema.name}: a header of {len(header)} bytes; at most {HEADER_MAX} are written")
    out = np.empty(program.most + columns.rows * len(header) + SLACK, np.uint8)
    starts = np.empty(columns.rows + 1, np.int64)
    table = program.table
    what = int.from_bytes(header, "little"), len(header), out.ctypes.data, starts.ctypes.data
    done = _entry()(table.ctypes.data, table.nbytes, program.buffer.ctypes.data, columns.rows, *what)
    if done != columns.rows:
        raise SchemaError(_why_not(program, done))
    return out[: starts[-1]], starts


def prepare() -> None:
    """Compile the loop, or load it from disk, now and not at the first columns."""
    _entry()


class _Program:
    """The program of some columns, once all is checked that the loop relies on.

    most    : bytes of all bodies at most
    reached : how far texts go in the buffer
    """

    def __init__(self, columns: Columns) -> None:
        self.columns = columns
        self.name = columns.schema.name
        self.kept: list[np.ndarray] = []
        self.most = self.reached = 0
        self.table = np.array([self._step(step) for step in steps_of(columns.schema)], np.int64)
        self.buffer = columns.buffer
        if self.reached > len(self.buffer) - BEHIND or not self.buffer.flags.c_contiguous:
            self.buffer = np.concatenate((self.buffer, np.zeros(BEHIND, np.uint8)))

    def parts(self) -> Iterator[tuple[Step, Column]]:
        """Each column with its step."""
        return ((step, self.columns.columns[step.column]) for step in steps_of(self.columns.schema) if step.op != k.ARRAY)

    def rows(self, step: Step) -> int:
        """Rows of a column, or elements."""
        if not step.array:
            return self.columns.rows
        ends = self.columns.ends[step.array]
        return int(ends[-1]) if len(ends) else 0

    def _step(self, step: Step) -> tuple[int, int, int, int, int]:
        if step.op == k.ARRAY:
            return step.op, self._ends(step), 0, step.fields, 0
        column = self.columns.columns.get(step.column)
        if column is None:
            raise SchemaError(f"{self.name}: no column {step.column!r}; its columns are {', '.join(self.columns.columns)}")
        rows, op = self.rows(step), step.op
        if op == k.NAME and column.names is None:
            op = k.TEXT
        values = self._values(step, column.values, op, rows)
        nulls = 0
        if step.field.nullable:
            mask = np.zeros(rows, np.uint8) if column.nulls is None else column.nulls
            nulls = self._array(step, mask, (rows,), (bool, np.uint8))
            self.most += rows
        elif column.nulls is not None and column.nulls.any():
            raise SchemaError(f"{self.name}.{step.column}: row {int(column.nulls.argmax())} is null; the field is never null")
        self.most += rows * BYTES[op]
        more = 0
        if op == k.ENUM:
            more = 2 * (len(ENUMS[step.field.of].symbols) - 1)
        elif op == k.BOOLEAN:
            more = 1
        elif op == k.NAME and column.names is not None:
            more = self._names(step, column, rows)
        elif op in (k.TEXT, k.RAW, k.FIXED):
            more = step.field.size
            self.most += int(self._pairs(step, column.values)[:, 1].sum())
        return op, values, nulls, more, step.fields

    def _values(self, step: Step, values: np.ndarray, op: int, rows: int) -> int:
        wide = op in (*WIDE, k.TEXT)
        return self._array(step, values, (rows, 2) if wide else (rows,), (np.float64,) if op == k.DOUBLE else (np.int64,))

    def _array(self, step: Step, values: np.ndarray, shape: tuple[int, ...], kinds: tuple[type, ...]) -> int:
        """The address of an array of this shape; SchemaError if it is another."""
        if values.shape != shape or values.dtype not in kinds:
            found = f"{values.dtype}{list(values.shape)}"
            raise SchemaError(f"{self.name}.{step.column}: its column is {found}; {np.dtype(kinds[-1])}{list(shape)} is needed")
        self.kept.append(np.ascontiguousarray(values))
        return self.kept[-1].ctypes.data

    def _pairs(self, step: Step, pairs: np.ndarray) -> np.ndarray:
        """Pairs of which every one lies in the buffer."""
        if len(pairs):
            room, most = len(self.columns.buffer), pairs.max(0)
            reached = int((pairs[:, 0] + pairs[:, 1]).max()) if most.max() <= room else room + 1
            if pairs.min() < 0 or reached > room:
                raise SchemaError(f"{self.name}.{step.column}: a text lies outside the buffer of {room} bytes")
            self.reached = max(self.reached, reached)
        return pairs

    def _names(self, step: Step, column: Column, rows: int) -> int:
        """The address of a column's names."""
        names = column.names if column.names is not None else np.empty((0, 2), np.int64)
        address = self._array(step, names, (len(names), 2), (np.int64,))
        self._pairs(step, names)
        used = column.values if column.nulls is None else column.values[~column.nulls.view(bool)]
        if len(used) and not 0 <= used.min() <= used.max() < len(names):
            raise SchemaError(f"{self.name}.{step.column}: a number that names nothing; there are {len(names)} names")
        if len(names):
            most = rows * int(names[:, 1].max())
            self.most += most if most <= EXACT_FROM else int(names[used, 1].sum())
        return address

    def _ends(self, step: Step) -> int:
        """The address of where each row's elements end, a 0 before the first."""
        ends = self.columns.ends.get(step.column)
        if ends is None or ends.shape != (self.columns.rows,):
            raise SchemaError(f"{self.name}.{step.column}: `ends` must say for each of {self.columns.rows} rows where its elements end")
        whole = np.concatenate((np.zeros(1, np.int64), ends.astype(np.int64, copy=False)))
        if (whole[1:] < whole[:-1]).any():
            raise SchemaError(f"{self.name}.{step.column}: `ends` descend")
        self.most += BYTES[k.ARRAY] * self.columns.rows
        self.kept.append(whole)
        return whole.ctypes.data


def _why_not(program: _Program, row: int) -> str:
    """The first field of a row that does not fit, and what it allows."""
    columns = program.columns
    for step, column in program.parts():
        first, last = row, row + 1
        if step.array:
            ends = columns.ends[step.array]
            first, last = int(ends[row - 1]) if row else 0, int(ends[row])
        for at in range(first, last):
            allowed = _misfit(step, column, at)
            if allowed:
                value = column.values[at].tolist()
                return f"{program.name}.{step.column}: row {row}: {value} does not fit; {allowed}"
    return f"{program.name}: row {row} cannot be encoded"


def _misfit(step: Step, column: Column, at: int) -> str:
    """What a value's field allows; "" if the value fits."""
    if column.nulls is not None and column.nulls[at]:
        return ""
    value = column.values[at]
    if step.op == k.MONEY:
        return "" if money_fits(int(value[1]), int(value[0])) else "decimal(38, 9) has 38 digits"
    if step.op == k.FIXED:
        return "" if value[1] == step.field.size else f"{step.field.size} bytes are needed"
    most = {k.INT: k.INT_MAX, k.BOOLEAN: 1}.get(step.op)
    if step.op == k.ENUM:
        most = len(ENUMS[step.field.of].symbols) - 1
    if most is None:
        return ""
    least = k.INT_MIN if step.op == k.INT else 0
    return "" if least <= int(value) <= most else f"{least} to {most} is allowed"


@cache
def _entry() -> Any:
    """The compiled loop, made or loaded on first use."""
    files = native.sources("streams.schema.bulk_encode_kernel", "streams.schema.bulk_kernel", "streams.schema.bulk_put")
    return native.function(native.load("avro_out", lambda: {"encode_rows": (kernel.encode_rows, 8)}, files).encode_rows, 8)
