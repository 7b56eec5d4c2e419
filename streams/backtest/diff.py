"""The first difference between two runs, record by record and field by field: `first_difference`.

Rows of a topic are compared one by one in the order written. Of the differences found, the first is the one whose record stands first
among all that a replay wrote (`_offset`); where a live run is one of the two, the one written first by its clock.

Not compared: `run_id`; and where a live run is one of the two, what never enters memory (text and raw bytes) and what a venue calls an
execution; its ids are compared by their place among the run's own, since ids of live runs go on from the run before.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from streams.backtest.arrow_arrays import arrays_of
from streams.backtest.kept_rows import WRITTEN, KeptRows
from streams.backtest.relative_ids import RelativeIds
from streams.schema import model
from streams.schema.layout import NULL
from streams.schema.model import Schema

__all__ = ["RowDifference", "Verdict", "first_difference"]

_PLACE = "_offset"
_RUN = "run_id"
_EXECUTION = "exec_id"
_DERIVED = ("spread_e9", "imbalance", "microprice", "avg_px")  # not in memory, but made of what is


@dataclass(frozen=True)
class RowDifference:
    """Where two runs first differ.

    row   : which record of the topic, from 0; ts_ns: when it was written
    field : the first field that differs, "" if one of the two has no such record, `_offset` if only the order among topics differs
    a, b  : the records by field, None where there is none
    """

    topic: str
    row: int
    ts_ns: int
    field: str
    a: dict[str, Any] | None
    b: dict[str, Any] | None


@dataclass(frozen=True)
class Verdict:
    """What comparing gave. records: compared and equal; counts: of each run by topic."""

    a: str
    b: str
    records: int
    difference: RowDifference | None
    counts: tuple[dict[str, int], dict[str, int]] = field(default=({}, {}))

    @property
    def equal(self) -> bool:
        """True if no field of any record differs."""
        return self.difference is None


def first_difference(a: KeptRows, b: KeptRows) -> Verdict:
    """The verdict on two runs. Memory holds a few row groups, however long the runs are."""
    exact = a.placed and b.placed
    ids = None if exact else (RelativeIds(a), RelativeIds(b))
    records, found, moved = 0, list[tuple[Any, RowDifference]](), list[tuple[Any, RowDifference]]()
    for rank, topic in enumerate(WRITTEN):
        compared = _Topic(topic, rank, exact, ids)
        for parts in _side_by_side(a.tables(topic), b.tables(topic)):
            if compared.take(*parts):
                break
        records += compared.rows
        found += [compared.found] if compared.found else []
        moved += [compared.moved] if compared.moved else []
    first = min(found or moved, key=lambda item: item[0], default=None)
    return Verdict(a.name, b.name, records, first[1] if first else None, (a.counts(), b.counts()))


class _Topic:
    """Compares the rows of one topic, part by part.

    rows  : rows that are equal
    found : the first difference with what it is ordered by; moved: the first record that only stands elsewhere among all
    """

    def __init__(self, topic: str, rank: int, exact: bool, ids: tuple[RelativeIds, RelativeIds] | None) -> None:
        self.topic, self.rank, self.exact, self.ids = topic, rank, exact, ids
        self.schema = model.for_topic(topic)
        self.fields = _compared(self.schema, exact)
        self.rows = 0
        self.found: tuple[Any, RowDifference] | None = None
        self.moved: tuple[Any, RowDifference] | None = None

    def take(self, a: pa.Table | None, b: pa.Table | None) -> bool:
        """Compare two parts of as many rows; None: that run has no more. True when a difference was found."""
        if a is None or b is None:
            self.found = self._difference(0, "", *(None if part is None else arrays_of(self.schema, [part]) for part in (a, b)))
            return True
        if self.exact and a.drop_columns([_RUN]).equals(b.drop_columns([_RUN])):
            self.rows += a.num_rows
            return False
        ours, theirs = (arrays_of(self.schema, [part]) for part in (a, b))
        differs = [(self._first(name, ours, theirs), i, name) for i, name in enumerate(self.fields)]
        row, _, name = min(differs)
        if row < a.num_rows:
            self.found = self._difference(row, name, ours, theirs)
            self.rows += row
            return True
        at = _unequal(ours[_PLACE], theirs[_PLACE])
        if self.exact and self.moved is None and at < a.num_rows:
            self.moved = self._difference(at, _PLACE, ours, theirs)
        self.rows += a.num_rows
        return False

    def _first(self, name: str, a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> int:
        """The first row in which a field differs; as many as there are if none does."""
        ours, theirs = a[name], b[name]
        if self.ids is not None and RelativeIds.is_id(name):
            ours, theirs = self.ids[0].places(ours), self.ids[1].places(theirs)
        return _unequal(ours, theirs)

    def _difference(
        self, row: int, name: str, a: dict[str, np.ndarray] | None, b: dict[str, np.ndarray] | None
    ) -> tuple[Any, RowDifference]:
        """What differs in a row of these parts, and what it is ordered by."""
        sides = [None if side is None else {key: _plain(values[row]) for key, values in side.items()} for side in (a, b)]
        known = [side for side in sides if side is not None]
        ts_ns = min(side["ts_ns"] for side in known)
        difference = RowDifference(self.topic, self.rows + row, ts_ns, name, *sides)
        return (min(side[_PLACE] for side in known) if self.exact else (ts_ns, self.rank)), difference


def _side_by_side(a: Iterator[pa.Table], b: Iterator[pa.Table]) -> Iterator[tuple[pa.Table | None, pa.Table | None]]:
    """Parts of as many rows from both; at the end what only one of them has, with None beside it."""
    ours, theirs = next(a, None), next(b, None)
    while ours is not None and theirs is not None:
        n = min(ours.num_rows, theirs.num_rows)
        if n:
            yield ours.slice(0, n), theirs.slice(0, n)
        ours = ours.slice(n) if n < ours.num_rows else next(a, None)
        theirs = theirs.slice(n) if n < theirs.num_rows else next(b, None)
    if ours is not None or theirs is not None:
        yield ours, theirs


def _compared(schema: Schema, exact: bool) -> tuple[str, ...]:
    """Fields that are compared, in the schema's order."""
    if exact:
        return tuple(f.name for f in schema.fields if f.name != _RUN)
    left = (_RUN, _EXECUTION)
    return tuple(f.name for f in schema.fields if f.name not in left and (f.slot != "skip" or f.name in _DERIVED))


def _unequal(a: np.ndarray, b: np.ndarray) -> int:
    """The first place where two columns differ; numbers that are none (NaN) are equal."""
    differs = a != b
    if a.dtype.kind == b.dtype.kind == "f":
        differs &= ~(np.isnan(a) & np.isnan(b))
    return int(np.argmax(differs)) if np.any(differs) else len(a)


def _plain(value: Any) -> Any:
    """A value as Python has it; null is None."""
    plain = value.item() if isinstance(value, np.generic) else value
    return None if plain == NULL or plain != plain else plain
