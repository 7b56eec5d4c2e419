"""What a process of the fast lane took, as its journal entry names it: inputs in their order as columns, then as runs.

The lane says which slots of a ring it takes; where their records stand in topics is known to who wrote them there: a Ledger keeps that
until they are taken.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from streams.lanes.place import Place
from streams.lanes.writers import TICKS
from streams.records import InputRun, StartPosition
from streams.schema import ids

__all__ = ["TICK_PLACE", "Inputs", "Ledger", "Stood"]

TICK_PLACE: Place = (TICKS, -1)
_NONE = -1


@dataclass(frozen=True)
class Stood:
    """Records and where they stand, int64[n] each: the index of the place in a list, the offset there, the id."""

    place: np.ndarray
    offset: np.ndarray
    id: np.ndarray

    def __len__(self) -> int:
        return len(self.id)

    @staticmethod
    def of(place: int, offset: np.ndarray, id: np.ndarray) -> "Stood":
        """Records of one place."""
        return Stood(np.full(len(id), place, np.int64), offset, id)

    @staticmethod
    def joined(parts: "list[Stood]") -> "Stood":
        """One after the other."""
        empty = np.zeros(0, np.int64)
        return Stood(*(np.concatenate([empty, *(getattr(part, name) for part in parts)]) for name in ("place", "offset", "id")))

    def at(self, rows: np.ndarray | slice) -> "Stood":
        """Those in these rows."""
        return Stood(self.place[rows], self.offset[rows], self.id[rows])


class Ledger:
    """Records of a ring that have been written to topics and not been taken yet, by the number of their first slot."""

    def __init__(self) -> None:
        self.number = np.zeros(0, np.int64)
        self.stood = Stood.joined([])

    def __len__(self) -> int:
        return len(self.number)

    def add(self, number: np.ndarray, stood: Stood) -> None:
        """Records that follow those before, with ascending numbers."""
        self.number = np.concatenate((self.number, number))
        self.stood = Stood.joined([self.stood, stood])

    def find(self, first: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(row, n) of each range of slots: its records are the n rows from `row` on."""
        row = np.searchsorted(self.number, first)
        return row, np.searchsorted(self.number, first + count) - row

    def drop(self, upto: int) -> None:
        """Slots below `upto` are never taken again."""
        row = int(np.searchsorted(self.number, upto))
        self.number, self.stood = self.number[row:], self.stood.at(slice(row, None))


class Inputs:
    """The inputs of one batch, in the order consumed; for `LaneRecords.entry`.

    places       : what `Stood.place` counts in; TICK_PLACE stands for ticks
    dead_letters : inputs that could not be used; tick_ts_ns: times of the ticks among the inputs
    """

    def __init__(self, places: Sequence[Place]) -> None:
        self.places = places
        self.dead_letters: list[StartPosition] = []
        self.tick_ts_ns: list[int] = []
        self._parts: list[Stood] = []

    @property
    def empty(self) -> bool:
        """True before the first of them."""
        return not self._parts and not self.dead_letters

    @property
    def count(self) -> int:
        """How many, without ticks."""
        return sum(map(len, self._parts)) - len(self.tick_ts_ns)

    @property
    def topics(self) -> set[str]:
        """Of all of them, dead letters too."""
        used = np.unique(Stood.joined(self._parts).place).tolist()
        return ({self.places[index][0] for index in used} | {letter.topic for letter in self.dead_letters}) - {TICKS}

    def add(self, pool: Stood, row: np.ndarray, n: np.ndarray) -> Stood:
        """Inputs that follow those before: for each element the n rows of the pool from `row` on, int64; what was added."""
        found = pool.at(np.repeat(row - np.cumsum(n) + n, n) + np.arange(int(n.sum())))
        if len(found):
            self._parts.append(found)
        return found

    def add_dead_letter(self, topic: str, partition: int, offset: int) -> None:
        """One input that could not be used."""
        self.dead_letters.append(StartPosition(topic, partition, offset))

    def find(self, id: int) -> tuple[Place, int] | None:
        """Place and offset of one of them."""
        for part in self._parts:
            rows = np.flatnonzero(part.id == id)
            if len(rows):
                return self.places[int(part.place[rows[0]])], int(part.offset[rows[0]])
        return None

    def runs(self) -> tuple[InputRun, ...]:
        """The runs, in the order consumed: records of one place with ascending offsets and consecutive ids."""
        return tuple(self._runs(Stood.joined(self._parts)))

    def _runs(self, s: Stood) -> Iterator[InputRun]:
        if not len(s):
            return
        begins = (np.diff(s.place) != 0) | (np.diff(s.offset) <= 0) | (np.diff(s.id) != 1)
        cuts = np.concatenate((np.zeros(1, np.int64), np.flatnonzero(begins) + 1))
        ends = np.append(cuts[1:], len(s))
        columns = s.place[cuts], s.offset[cuts], s.offset[ends - 1], s.id[cuts], ends - cuts
        for index, first, last, id, count in zip(*(column.tolist() for column in columns), strict=True):
            topic, partition = self.places[index]
            if topic == TICKS:
                yield InputRun(TICKS, _NONE, _NONE, _NONE, ids.writer(id), id, count)
            else:
                yield InputRun(topic, partition, first, last, _NONE, id, count)
