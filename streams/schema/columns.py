"""Columns made of what Python and numpy have: `columns_of`, for who writes a topic in bulk."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, cast

import numpy as np

from streams.errors import SchemaError
from streams.schema import bulk_kernel as k
from streams.schema import units
from streams.schema.bulk import BEHIND, Column, Columns
from streams.schema.bulk_table import Step, steps_of
from streams.schema.model import ENUMS, Field, Schema

__all__ = ["columns_of"]

WORD = 1 << 64
INT64_MAX = (1 << 63) - 1
E9_DIGITS = 9


def columns_of(schema: Schema, values: Mapping[str, Any], buffer: np.ndarray | None = None) -> Columns:
    """The columns of a schema, by field name as in `Columns.columns`; fields with a default may be left out.

    A value is an array or sequence, one element a row (of an array's field `levels.px_e9`: an element of all rows' arrays, whose `ends`
    stand under the array's own name; of an array of numbers under `name.ends`), or one value for all rows. Numbers: int, float or numpy;
    enums: the symbol's index; money: Decimal; texts and bytes: str and bytes, or int64[rows, 2] of (start, size) in `buffer`; None is
    null. SchemaError names a column that is missing or of another length.
    """
    made = _Maker(schema, values, buffer)
    return Columns(schema, made.rows, np.zeros(made.rows, np.uint8), made.columns, made.ends, made.buffer())


class _Maker:
    """Columns under construction; texts are gathered behind the caller's buffer."""

    def __init__(self, schema: Schema, values: Mapping[str, Any], buffer: np.ndarray | None) -> None:
        self.schema, self.values = schema, values
        self.texts = [] if buffer is None else [buffer.tobytes()]
        self.size = sum(map(len, self.texts))
        steps = steps_of(schema)
        known = {s.column for s in steps} | {f"{s.column}.ends" for s in steps if s.op == k.ARRAY}
        unknown = [name for name in values if name not in known]
        if unknown:
            raise SchemaError(f"{schema.name}: no column {unknown[0]!r}; its columns are {', '.join(sorted(known))}")
        self.rows = self._rows(steps)
        self.ends = {s.column: self._ends(s) for s in steps if s.op == k.ARRAY}
        self.columns = {s.column: self._column(s) for s in steps if s.op != k.ARRAY}

    def buffer(self) -> np.ndarray:
        """All texts, with room behind them for a load."""
        return np.frombuffer(b"".join((*self.texts, bytes(BEHIND))), np.uint8)

    def _rows(self, steps: tuple[Step, ...]) -> int:
        """The length of the first value that has one."""
        for step in steps:
            value = self.values.get(_ends_name(step, self.schema) if step.op == k.ARRAY else step.column)
            if not step.array and _is_many(value):
                return len(cast(Any, value))
        return 1

    def _ends(self, step: Step) -> np.ndarray:
        name = _ends_name(step, self.schema)
        ends = np.asarray(self.values.get(name, np.zeros(self.rows, np.int64)), np.int64)
        if ends.shape != (self.rows,):
            raise SchemaError(f"{self.schema.name}.{name}: {len(ends)} ends of {self.rows} rows")
        return ends

    def _column(self, step: Step) -> Column:
        rows = self.rows
        if step.array:
            rows = int(self.ends[step.array][-1]) if self.rows else 0
        if step.column not in self.values:
            if step.array and not rows:
                value: Any = []
            elif step.field.has_default:
                value = _default(step.field)
            else:
                raise SchemaError(f"{self.schema.name}: no column {step.column!r}, and the field has no default")
        else:
            value = self.values[step.column]
        if _is_many(value) and len(value) != rows:
            raise SchemaError(f"{self.schema.name}.{step.column}: {len(value)} values of {rows} rows")
        try:
            return self._filled(step, value, rows)
        except (ArithmeticError, AttributeError, TypeError, ValueError) as error:
            raise SchemaError(f"{self.schema.name}.{step.column}: {step.field.of or step.field.type} is needed: {error}") from error

    def _filled(self, step: Step, value: Any, rows: int) -> Column:
        nulls = None
        many = value if _is_many(value) else [value]
        if step.field.nullable and not isinstance(many, np.ndarray):
            mask = np.fromiter((x is None for x in many), bool, len(many))
            nulls = mask if _is_many(value) else np.repeat(mask, rows)
            many = [_nothing(step.field) if x is None else x for x in many]
        names = None
        if step.op in (k.NAME, k.TEXT, k.RAW, k.FIXED):
            found, names = self._texts(step, many)
        elif step.op == k.MONEY:
            found = many if isinstance(many, np.ndarray) else np.array([_words(x) for x in many], np.int64).reshape(-1, 2)
        else:
            found = np.asarray(many, np.float64) if step.op == k.DOUBLE else _whole(many)
        return Column(step.field, found if _is_many(value) else np.repeat(found, rows, 0), nulls, names)

    def _texts(self, step: Step, many: Any) -> tuple[np.ndarray, np.ndarray | None]:
        """Pairs, or numbers of names and their pairs."""
        if isinstance(many, np.ndarray) and many.dtype == np.int64:
            return many, None
        if step.op in (k.RAW, k.FIXED):
            return self._add(list(many)), None
        numbers: dict[str, int] = {}
        found = np.fromiter((numbers.setdefault(x, len(numbers)) for x in many), np.int64, len(many))
        pairs = self._add([x.encode() for x in numbers])
        return (found, pairs) if step.op == k.NAME else (pairs[found], None)

    def _add(self, texts: Sequence[bytes]) -> np.ndarray:
        """The pairs of these texts, which are put behind the others."""
        pairs = np.empty((len(texts), 2), np.int64)
        pairs[:, 1] = np.fromiter(map(len, texts), np.int64, len(texts))
        np.cumsum(pairs[:-1, 1], out=pairs[1:, 0])
        if len(texts):
            pairs[0, 0] = 0
            pairs[:, 0] += self.size
            self.size = int(pairs[-1].sum())
        self.texts += texts
        return pairs


def _ends_name(step: Step, schema: Schema) -> str:
    """Where the ends of an array are given: an array of numbers has its own name for the numbers."""
    inner = {s.column for s in steps_of(schema) if s.array == step.column}
    return f"{step.column}.ends" if step.column in inner else step.column


def _is_many(value: Any) -> bool:
    return isinstance(value, list | tuple | np.ndarray | range)


def _default(f: Field) -> Any:
    return ENUMS[f.of].symbols.index(f.default) if f.type == "enum" and f.default is not None else f.default


def _whole(many: Any) -> np.ndarray:
    """int64 of whole numbers."""
    found = np.asarray(many)
    if len(found) and (found.dtype.kind not in "iub" or (found.dtype == np.uint64 and found.max() > INT64_MAX)):
        raise ValueError(f"{found.dtype} found, which int64 does not hold")
    return found.astype(np.int64, copy=False)


def _nothing(f: Field) -> Any:
    """What stands where null is."""
    return {"string": "", "bytes": b"", "fixed": b"", "money": Decimal(0)}.get(f.type, 0)


def _words(money: Decimal) -> tuple[int, int]:
    """Low and high word of money x 10^9."""
    shifted = money.scaleb(E9_DIGITS, units.WIDE)
    n = int(shifted)
    if n != shifted or (money and not n):
        raise ValueError(f"{money} has more than 9 digits after the point")
    low = n % WORD
    return low - (low >> 63) * WORD, n >> 64
