"""Columns of a topic as numbers: `Rows`, whatever they came in: an Arrow table, or arrays by field name."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from streams.errors import SchemaError
from streams.schema.layout import NULL

__all__ = ["Rows"]

E9 = 1e9
WORD = 2.0**64


class Rows:
    """The rows of one topic, in the order written.

    columns : a pyarrow Table or RecordBatch with the names of the topic's ClickHouse table (`ts` is an instant), or a mapping from field
              name as in the Avro schema (`ts_ns` is int64) to an array: numbers int64, money int64 x 10^9 or Decimal, texts and enums as
              objects; null is the smallest int64, NaN or None
    """

    def __init__(self, topic: str, columns: Any) -> None:
        self.topic = topic
        self._columns = columns
        names = columns.column_names if isinstance(columns, pa.Table) else columns.schema.names if _is_batch(columns) else list(columns)
        self._names = frozenset(names)
        self.count = columns.num_rows if not isinstance(columns, Mapping) else len(next(iter(columns.values()), ()))

    def has(self, name: str) -> bool:
        """The column is there."""
        return name in self._names or (name.endswith("_ns") and name[:-3] in self._names)

    def whole(self, name: str) -> np.ndarray:
        """int64: a number, a count or an instant in ns; null is the smallest int64."""
        found = self._column(name)
        if not _is_arrow(found):
            return _filled(found, np.int64, NULL)
        return found.cast(pa.int64()).fill_null(NULL).to_numpy(zero_copy_only=False)

    def e9(self, name: str) -> np.ndarray:
        """float64: a price or quantity in its own unit; null is NaN."""
        stored = self.whole(name)
        return np.where(stored == NULL, np.nan, stored / E9)

    def money(self, name: str) -> np.ndarray:
        """float64: money in its own unit; null is NaN."""
        found = self._column(name)
        if _is_arrow(found):
            return _decimals(found)
        if found.dtype == object:
            return np.array([np.nan if x is None or x == NULL else float(x) / (E9 if isinstance(x, int) else 1) for x in found], np.float64)
        return np.where(found == NULL, np.nan, found / E9)

    def flags(self, name: str) -> np.ndarray:
        """bool: true where the field is true; null is false."""
        found = self._column(name)
        if _is_arrow(found):
            return found.cast(pa.bool_()).fill_null(False).to_numpy(zero_copy_only=False)
        return np.asarray(found == 1)

    def texts(self, name: str) -> tuple[np.ndarray, list[str]]:
        """(numbers, names): int64 a row, and what they stand for; null is ""."""
        found = self._column(name)
        if _is_arrow(found):
            found = found if pa.types.is_dictionary(found.type) else found.dictionary_encode()
            names = [x or "" for x in found.dictionary.to_pylist()] + [""]
            return found.indices.cast(pa.int64()).fill_null(len(names) - 1).to_numpy(zero_copy_only=False), names
        numbers: dict[str, int] = {}
        codes = np.fromiter((numbers.setdefault(x or "", len(numbers)) for x in found.tolist()), np.int64, len(found))
        return codes, list(numbers)

    def equal(self, name: str, text: str) -> np.ndarray:
        """bool: where a name or an enum's symbol is this one."""
        codes, names = self.texts(name)
        return np.isin(codes, [i for i, one in enumerate(names) if one == text])

    def keys(self, *fields: str) -> tuple[np.ndarray, list[tuple[str, ...]]]:
        """(numbers, keys): which of the distinct tuples of these names each row has, in the order they come first."""
        parts = [self.texts(name) for name in fields]
        code = np.zeros(self.count, np.int64)
        for codes, names in parts:
            code = code * (len(names) + 1) + codes
        _, first, place = np.unique(code, return_index=True, return_inverse=True)
        order = np.argsort(first, kind="stable")
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        return rank[place], [tuple(names[codes[row]] for codes, names in parts) for row in first[order].tolist()]

    def _column(self, name: str) -> Any:
        """The column as Arrow's array or as a numpy array."""
        if not self.has(name):
            raise SchemaError(f"report: {self.topic} have no column {name!r}; found {', '.join(sorted(self._names))}")
        found = self._columns[name if name in self._names else name[:-3]]
        if isinstance(found, pa.ChunkedArray):
            found = found.combine_chunks()
        if isinstance(found, pa.ChunkedArray):  # of no chunk at all
            found = pa.array([], found.type)
        return found if _is_arrow(found) else np.asarray(found)


def _is_arrow(found: Any) -> bool:
    return isinstance(found, pa.Array)


def _is_batch(columns: Any) -> bool:
    return isinstance(columns, pa.RecordBatch)


def _filled(found: np.ndarray, kind: Any, null: int) -> np.ndarray:
    if found.dtype == object:
        return np.array([null if x is None else x for x in found.tolist()], kind)
    if found.dtype.kind == "f":
        return np.where(np.isnan(found), null, np.nan_to_num(found)).astype(kind)
    return found.astype(kind, copy=False)


def _decimals(found: pa.Array) -> np.ndarray:
    """Arrow's decimal128 with 9 digits after the point as float64, by its two words."""
    if not pa.types.is_decimal(found.type):
        return found.cast(pa.float64()).fill_null(float("nan")).to_numpy(zero_copy_only=False)
    buffer = found.cast(pa.decimal128(38, 9)).buffers()[1]
    words = np.frombuffer(buffer, np.int64)[2 * found.offset : 2 * (found.offset + len(found))].reshape(-1, 2)
    low, high = words[:, 0].astype(np.uint64), words[:, 1]
    value = np.where(high == words[:, 0] >> 63, words[:, 0] / E9, (high * WORD + low) / E9)
    return np.where(np.asarray(found.is_null()), np.nan, value)
