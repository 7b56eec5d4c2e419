"""Memory for the columns of some values, and the program that tells the compiled loop where they lie.

All columns of a decoding lie in one block: freed as a whole it is found again by the next, while pages of many small ones would be asked
of the system anew each time.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from streams.schema import bulk_kernel as k
from streams.schema.clickhouse import NAMES
from streams.schema.model import ENUMS, NESTED, Field, Schema

__all__ = ["Part", "Step", "Table", "steps_of"]

CODES = {
    "long": k.LONG,
    "int": k.INT,
    "double": k.DOUBLE,
    "boolean": k.BOOLEAN,
    "enum": k.ENUM,
    "money": k.MONEY,
    "string": k.TEXT,
    "bytes": k.RAW,
    "fixed": k.FIXED,
}
WIDE = (k.MONEY, k.TEXT, k.RAW, k.FIXED)  # two words a row
LEAST_BYTES = {k.DOUBLE: 8}  # of a value; every other takes one at least
ELEMENTS_A_ROW, DISTINCT_NAMES = 32, 1024  # what there is room for at first
MORE_ROOM = 8  # times, at each further attempt


@dataclass(frozen=True)
class Step:
    """A field in the program. array: name of the array it stands in.

    fields : of an array, how many steps of it follow; of another, how many stand from here to the next array or the end
    """

    field: Field
    op: int
    array: str
    fields: int

    @property
    def column(self) -> str:
        """The name of its column: `px_e9`, in an array `levels.px_e9`; an array of numbers has its own name."""
        return f"{self.array}.{self.field.name}" if self.array and self.field.name else self.array or self.field.name


@dataclass(frozen=True)
class Part:
    """Memory of one step. dictionary: of a name, its words (`bulk_wire.intern`); table, names: what those point to."""

    values: np.ndarray
    nulls: np.ndarray | None
    dictionary: np.ndarray | None = None
    table: np.ndarray | None = None
    names: np.ndarray | None = None


class Table:
    """Room for `count` values of `size` bytes in all, and for more elements of arrays and distinct names at each `attempt`."""

    def __init__(self, schema: Schema, count: int, size: int, attempt: int) -> None:
        self.steps, self.count = steps_of(schema), count
        self.distinct = DISTINCT_NAMES * MORE_ROOM**attempt
        elements = ELEMENTS_A_ROW * (count + 1) * MORE_ROOM**attempt
        self.room = {
            step.field.name: min(elements, _most_elements(self.steps, step, count, size)) for step in self.steps if step.op == k.ARRAY
        }
        words = iter(np.split(*_cuts(np.int64, [self._words(step) for step in self.steps])))
        nulls = iter(np.split(*_cuts(np.uint8, [self._rows(step) for step in self.steps if step.field.nullable])))
        self.parts = [self._part(step, next(words), next(nulls) if step.field.nullable else None) for step in self.steps]
        self.program = np.array([self._step(step, part) for step, part in zip(self.steps, self.parts, strict=True)], np.int64)

    def __iter__(self) -> Iterator[tuple[Step, Part]]:
        return zip(self.steps, self.parts, strict=True)

    def _rows(self, step: Step) -> int:
        """Rows or elements of a column."""
        return self.room[step.array] if step.array else self.count

    def _words(self, step: Step) -> int:
        rows = self._rows(step)
        return rows + 1 if step.op == k.ARRAY else 2 * rows if step.op in WIDE else rows

    def _part(self, step: Step, words: np.ndarray, nulls: np.ndarray | None) -> Part:
        if step.op == k.ARRAY:
            words[0] = 0
        if step.op == k.DOUBLE:
            return Part(words.view(np.float64), nulls)
        if step.op != k.NAME:
            return Part(words.reshape(-1, 2) if step.op in WIDE else words, nulls)
        room = min(self._rows(step), self.distinct)
        bits = max(3, (2 * room).bit_length())
        table, names = np.zeros(1 << bits, np.int64), np.empty((room, 2), np.int64)
        return Part(words, nulls, np.array((0, room, bits, table.ctypes.data, names.ctypes.data), np.int64), table, names)

    def _step(self, step: Step, part: Part) -> tuple[int, int, int, int, int]:
        """The words of a step."""
        more = step.fields
        if part.dictionary is not None:
            more = part.dictionary.ctypes.data
        elif step.op == k.ENUM:
            more = 2 * (len(ENUMS[step.field.of].symbols) - 1)
        elif step.op == k.BOOLEAN:
            more = 1
        elif step.op == k.FIXED:
            more = step.field.size
        nulls = 0 if part.nulls is None else part.nulls.ctypes.data
        return step.op, part.values.ctypes.data, nulls, more, self.room.get(step.field.name, step.fields)


@cache
def steps_of(schema: Schema) -> tuple[Step, ...]:
    """The program of a schema without its addresses."""
    steps: list[Step] = []
    for f in schema.fields:
        if f.type != "array":
            steps.append(Step(f, _code(f), "", 0))
            continue
        inner = NESTED[f.of].fields if f.of in NESTED else (Field("", f.of, "", False, False, None, f.doc, ""),)
        steps.append(Step(f, k.ARRAY, "", len(inner)))
        steps += [Step(e, _code(e), f.name, 0) for e in inner]
    plain = 0
    for i in reversed(range(len(steps))):
        plain = 0 if steps[i].op == k.ARRAY else plain + 1
        steps[i] = steps[i] if steps[i].op == k.ARRAY else replace(steps[i], fields=plain)
    return tuple(steps)


def _code(f: Field) -> int:
    return k.NAME if f.type == "string" and f.name in NAMES else CODES[f.type]


def _most_elements(steps: tuple[Step, ...], array: Step, count: int, size: int) -> int:
    """Elements that are begun in `size` bytes at most: whole ones, and one that is cut in each value."""
    element = sum(LEAST_BYTES.get(step.op, 1) for step in steps if step.array == array.field.name)
    return size // element + count + 1


def _cuts(kind: type, sizes: list[int]) -> tuple[np.ndarray, list[int]]:
    """One block for parts of these sizes, and where to cut it."""
    ends = np.cumsum(sizes, dtype=np.int64).tolist()
    return np.empty(ends[-1] if ends else 0, kind), ends[:-1]
