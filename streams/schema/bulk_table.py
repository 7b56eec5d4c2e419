"""Memory for the columns of some values, and the program that tells the compiled loop where they lie.

All columns of a decoding lie in one block: freed as a whole it is found again by the next, while pages of many small ones would be asked
of the system anew each time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from streams.schema import bulk_kernel as k
from streams.schema.clickhouse import NAMES
from streams.schema.model import ENUMS, NESTED, Field, Schema

__all__ = ["WIDE", "Part", "Step", "Table", "code_of", "inner_fields", "key_of", "more_of", "programs_of", "steps_of", "with_runs"]

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
LEAST_BYTES = {k.DOUBLE: 8, k.FLOAT: 4, k.DEFAULT: 0}  # of a value; every other takes one at least
ELEMENTS_A_ROW, DISTINCT_NAMES = 32, 1024  # what there is room for at first
MORE_ROOM = 8  # times, at each further attempt


@dataclass(frozen=True)
class Step:
    """A field in the program. array: name of the array it stands in.

    fields  : of an array, how many steps of it follow; of another, how many stand from here to the next array or the end
    union   : NULL_FIRST, NULL_SECOND or 0, as the writer has it
    symbols : of an enum, what each symbol of the writer is for the reader
    default : of a field that the writer does not have: words of a value, two words, 1 if it is null
    """

    field: Field
    op: int
    array: str
    fields: int
    union: int = 0
    symbols: tuple[int, ...] = ()
    default: tuple[int, ...] = ()

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
    """Room for `count` values of `size` bytes in all, and for more elements of arrays and distinct names at each `attempt`.

    programs : what each kind of body is decoded by; their fields that the schema does not have get columns, too
    parts    : memory of each column, of an array under its name and "[]"
    words    : the programs that tell the compiled loop where all lies
    """

    def __init__(self, schema: Schema, programs: Sequence[tuple[Step, ...]], count: int, size: int, attempt: int) -> None:
        self.count = count
        self.distinct = DISTINCT_NAMES * MORE_ROOM**attempt
        elements = ELEMENTS_A_ROW * (count + 1) * MORE_ROOM**attempt
        known = {key_of(step): step for steps in (*reversed(programs), steps_of(schema)) for step in steps}
        columns = list(known.values())
        self.room = {
            step.field.name: min(elements, max(_most_elements(steps, step, count, size) for steps in programs))
            for step in columns
            if step.op == k.ARRAY
        }
        words = iter(np.split(*_cuts(np.int64, [self._words(step) for step in columns])))
        nulls = iter(np.split(*_cuts(np.uint8, [self._rows(step) for step in columns if step.field.nullable])))
        self.parts = {key_of(step): self._part(step, next(words), next(nulls) if step.field.nullable else None) for step in columns}
        self._kept: list[np.ndarray] = []
        self.words = [np.array([self._step(step) for step in steps], np.int64) for steps in programs]

    def _rows(self, step: Step) -> int:
        """Rows or elements of a column."""
        return self.room[step.array] if step.array else self.count

    def _words(self, step: Step) -> int:
        rows = self._rows(step)
        return rows + 1 if step.op == k.ARRAY else 2 * rows if step.op in WIDE else rows

    def _part(self, step: Step, words: np.ndarray, nulls: np.ndarray | None) -> Part:
        if step.op == k.ARRAY:
            words[:] = 0  # all of it, for arrays that only some writers have: rows of others leave no end
        if step.op == k.DOUBLE:
            return Part(words.view(np.float64), nulls)
        if step.op != k.NAME:
            return Part(words.reshape(-1, 2) if step.op in WIDE else words, nulls)
        room = min(self._rows(step), self.distinct)
        bits = max(3, (2 * room).bit_length())
        table, names = np.zeros(1 << bits, np.int64), np.empty((room, 2), np.int64)
        return Part(words, nulls, np.array((0, room, bits, table.ctypes.data, names.ctypes.data), np.int64), table, names)

    def _step(self, step: Step) -> tuple[int, int, int, int, int]:
        """The words of a step."""
        part = self.parts[key_of(step)]
        dictionary = 0 if part.dictionary is None else part.dictionary.ctypes.data
        nulls = 0 if part.nulls is None else part.nulls.ctypes.data
        more = dictionary if step.op == k.NAME else self._more(step, dictionary)
        room = self.room[step.field.name] if step.op == k.ARRAY else step.fields
        return step.op + step.union, part.values.ctypes.data, nulls, more, room

    def _more(self, step: Step, dictionary: int) -> int:
        words, more = more_of(step)
        if step.op == k.DEFAULT and dictionary:
            words = (1, *words[1:])  # a name is one word here; a null needs no entry
            dictionary = 0 if words[-1] else dictionary
        if words:
            self._kept.append(np.array([*words, dictionary], np.int64))
            return self._kept[-1].ctypes.data
        return more


def more_of(step: Step) -> tuple[tuple[int, ...], int]:
    """What a step's MORE points to, or what it is."""
    if step.op == k.SYMBOL:
        return (len(step.symbols), *step.symbols), 0
    if step.op == k.DEFAULT:
        return step.default, 0
    return (), {k.ENUM: 2 * (len(step.symbols) - 1), k.BOOLEAN: 1, k.FIXED: step.field.size}.get(step.op, step.fields)


def programs_of(headers: Iterable[bytes], words: Sequence[np.ndarray]) -> np.ndarray:
    """What the compiled loop chooses from: header, first step and end of each program."""
    rows = [(int.from_bytes(h, "little"), w.ctypes.data, w.ctypes.data + w.nbytes) for h, w in zip(headers, words, strict=True)]
    return np.array(rows, np.int64)


@cache
def steps_of(schema: Schema) -> tuple[Step, ...]:
    """The program of a schema without its addresses."""
    steps: list[Step] = []
    for f in schema.fields:
        if f.type != "array":
            steps.append(_own(f, ""))
            continue
        inner = inner_fields(f)
        steps.append(Step(f, k.ARRAY, "", len(inner)))
        steps += [_own(e, f.name) for e in inner]
    return with_runs(steps)


def inner_fields(array: Field) -> tuple[Field, ...]:
    """Fields of an array's elements; of an array of numbers one without a name."""
    return NESTED[array.of].fields if array.of in NESTED else (Field("", array.of, "", False, False, None, array.doc, ""),)


def with_runs(steps: Sequence[Step]) -> tuple[Step, ...]:
    """The steps, each with how many stand from it to the next array or the end."""
    out, run = list(steps), 0
    for i in reversed(range(len(out))):
        run = 0 if out[i].op == k.ARRAY else run + 1
        out[i] = out[i] if out[i].op == k.ARRAY else replace(out[i], fields=run)
    return tuple(out)


def code_of(f: Field) -> int:
    """What a field is for the compiled loop."""
    return k.NAME if f.type == "string" and f.name in NAMES else CODES[f.type]


def _own(f: Field, array: str) -> Step:
    symbols = tuple(range(len(ENUMS[f.of].symbols))) if f.type == "enum" else ()
    return Step(f, code_of(f), array, 0, k.NULL_FIRST if f.nullable else 0, symbols)


def key_of(step: Step) -> str:
    """The name of a step's memory: an array of numbers and its elements have one name."""
    return step.column + ("[]" if step.field.type == "array" else "")


def _most_elements(steps: tuple[Step, ...], array: Step, count: int, size: int) -> int:
    """Elements that are begun in `size` bytes at most: whole ones, and one that is cut in each value."""
    element = sum(1 if step.union else LEAST_BYTES.get(step.op, 1) for step in steps if step.array == array.field.name)
    return size // max(element, 1) + count + 1


def _cuts(kind: type, sizes: list[int]) -> tuple[np.ndarray, list[int]]:
    """One block for parts of these sizes, and where to cut it."""
    ends = np.cumsum(sizes, dtype=np.int64).tolist()
    return np.empty(ends[-1] if ends else 0, kind), ends[:-1]
