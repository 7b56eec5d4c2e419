"""Arrow tables of a topic as numpy arrays: `arrays_of`. It reads Arrow's buffers itself: Arrow's own way to numpy imports pandas first."""

import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa

from streams.backtest.arrow import PLACE, columns_of_schema
from streams.schema.layout import NULL
from streams.schema.model import Field, Schema

__all__ = ["arrays_of"]

_NUMBERS = {"int": np.int32, "long": np.int64, "double": np.float64}
_WORD = 1 << 64


def arrays_of(schema: Schema, tables: Iterable[pa.Table]) -> dict[str, np.ndarray]:
    """The rows of tables by field name as in the Avro schema, a numpy array each, and `_offset`; of arrays the rows' arrays as objects.

    int, long, bool : int64, bool; null is the smallest int64 (-1 of a bool, which is int64 then). Instants are ns
    double          : float64, null is NaN
    money           : the number x 10^9, int64 if all fit it, else Python's int as objects; null is the smallest int64
    names, enums, texts, bytes : objects (str, bytes), null is None
    """
    parts = [table for table in tables if table.num_rows]
    found = {}
    for field, name, column in columns_of_schema(schema):
        found[name] = _joined(field, [chunk for part in parts for chunk in part.column(column).chunks if len(chunk)])
    places = [chunk for part in parts for chunk in part.column(PLACE.name).chunks if len(chunk)]
    return {**found, PLACE.name: _join([_fixed(chunk, np.int64) for chunk in places], np.int64)}


def _joined(field: Field, chunks: list[Any]) -> np.ndarray:
    """A field of all rows."""
    if chunks and pa.types.is_list(chunks[0].type):
        return _join([_objects(chunk.to_pylist()) for chunk in chunks], object)
    if field.type == "array":
        return np.empty(0, object)
    if field.type == "boolean":
        return _join([_flags(chunk, field.nullable) for chunk in chunks], np.int64 if field.nullable else bool)
    if field.type == "money":
        return _join([_money(chunk) for chunk in chunks], np.int64)
    if field.type in _NUMBERS:
        kind, null = (np.float64, np.nan) if field.type == "double" else (np.int64, NULL)
        return _join([_filled(_fixed(chunk, _NUMBERS[field.type]).astype(kind), chunk, null) for chunk in chunks], kind)
    return _join([_names(chunk) if pa.types.is_dictionary(chunk.type) else _objects(_texts(chunk)) for chunk in chunks], object)


def _join(parts: list[np.ndarray], kind: Any) -> np.ndarray:
    return np.empty(0, kind) if not parts else parts[0] if len(parts) == 1 else np.concatenate(parts)


def _fixed(chunk: Any, kind: Any, words: int = 1) -> np.ndarray:
    """Values of fixed width, without a copy; what stands where null is has no meaning."""
    return np.frombuffer(chunk.buffers()[1], kind)[words * chunk.offset : words * (chunk.offset + len(chunk))]


def _bits(buffer: Any, chunk: Any) -> np.ndarray:
    """A bitmap as bool."""
    return np.unpackbits(np.frombuffer(buffer, np.uint8), bitorder="little")[chunk.offset : chunk.offset + len(chunk)].view(bool)


def _filled(values: np.ndarray, chunk: Any, null: Any) -> np.ndarray:
    """Values with `null` where null is."""
    return np.where(_bits(chunk.buffers()[0], chunk), values, null) if chunk.null_count else values


def _flags(chunk: Any, nullable: bool) -> np.ndarray:
    values = _bits(chunk.buffers()[1], chunk)
    return _filled(values.astype(np.int64), chunk, -1) if nullable else values


def _money(chunk: Any) -> np.ndarray:
    """Money x 10^9."""
    words = _fixed(chunk, np.int64, 2).reshape(-1, 2)
    low, high = words[:, 0], words[:, 1]
    fits = high == low >> 63
    if chunk.null_count:
        fits |= ~_bits(chunk.buffers()[0], chunk)
    if fits.all():
        return _filled(low, chunk, NULL)
    return _filled(_objects([h * _WORD + low_ % _WORD for low_, h in words.tolist()]), chunk, NULL)


def _names(chunk: Any) -> np.ndarray:
    """Names or symbols; equal ones are one object."""
    numbers, known = chunk.indices, _objects([*_texts(chunk.dictionary), None])
    kind = np.int8 if numbers.type == pa.int8() else np.int32
    return known[_filled(_fixed(numbers, kind), numbers, len(known) - 1)]


def _texts(chunk: Any) -> list[Any]:
    """Texts or bytes."""
    _, ends, data = chunk.buffers()
    ends = np.frombuffer(ends, np.int32)[chunk.offset : chunk.offset + len(chunk) + 1].tolist()
    held = data.to_pybytes() if data is not None else b""
    found: list[Any] = [held[a:b] for a, b in itertools.pairwise(ends)]
    if pa.types.is_string(chunk.type):
        found = [text.decode() for text in found]
    if chunk.null_count:
        found = [text if there else None for text, there in zip(found, _bits(chunk.buffers()[0], chunk).tolist(), strict=True)]
    return found


def _objects(values: list[Any]) -> np.ndarray:
    """Any values as objects, lists too."""
    return np.array([None, *values], object)[1:]
