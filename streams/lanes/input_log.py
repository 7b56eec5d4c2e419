"""The inputs of one batch as the journal names them: runs of records found in arrays, or windows of partitions and how they were merged."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from streams.lanes.place import Place
from streams.lanes.writers import TICKS
from streams.records import InputRun, StartPosition
from streams.schema import ids

__all__ = ["MERGED", "WINDOW", "InputLog", "Sequence", "consuming_order"]

MERGED = "*"
"""Topic of a run whose records are the next ones of the windows before it, in consuming order."""

WINDOW = -2
"""Writer of a run that is a window: the records that the process took of a range of offsets; MERGED runs say when each was consumed."""

_NONE = -1
_FEW = 16  # runs more than windows need; below, runs are named, which a person can follow


def consuming_order(recv_ts_ns: np.ndarray, rank: np.ndarray, id: np.ndarray) -> np.ndarray:
    """The places of data records in the order in which they are consumed: by receive time, rank of the topic among the inputs, id.

    int64 arrays of one length; so is what comes back.
    """
    return np.lexsort((id, rank, recv_ts_ns))


@dataclass(frozen=True)
class Sequence:
    """Records in consuming order, one element each: the index of its place (int32), offset and id (int64)."""

    places: tuple[Place, ...]
    place: np.ndarray
    offset: np.ndarray
    id: np.ndarray

    def __len__(self) -> int:
        return len(self.id)


@dataclass
class _Rows:
    """Records `first` to `last` of a sequence."""

    sequence: Sequence
    first: int
    last: int


class InputLog:
    """The inputs of one batch, in the order in which they were consumed.

    A run is records of one partition with ascending offsets and consecutive ids. Where a sequence of several partitions was consumed whole
    and would make many short runs, its windows stand there instead: who knows the records of each window merges them again.

    A record that was not fed to the process at all stands in no run; if it is a dead letter it stands in `dead_letters` alone. A dead
    letter inside a run was fed and refused by an agent.
    """

    def __init__(self) -> None:
        self.count = 0
        self.dead_letters: list[StartPosition] = []
        self.tick_ts_ns: list[int] = []
        self.topics: set[str] = set()
        self._items: list[InputRun | _Rows] = []

    def add(self, topic: str, partition: int, offset: int, id: int) -> None:
        """One record fed to the process."""
        self.count += 1
        last = self._items[-1] if self._items else None
        follows = isinstance(last, InputRun) and (last.topic, last.partition, last.first_id + last.count) == (topic, partition, id)
        if isinstance(last, InputRun) and follows and offset > last.last_offset:
            self._items[-1] = last._replace(last_offset=offset, count=last.count + 1)
        else:
            self._items.append(InputRun(topic, partition, offset, offset, _NONE, id, 1))
            self.topics.add(topic)

    def add_rows(self, sequence: Sequence, first: int, last: int) -> None:
        """The records `first` up to `last` of a sequence, fed to the process."""
        if first == last:
            return
        self.count += last - first
        before = self._items[-1] if self._items else None
        if isinstance(before, _Rows) and before.sequence is sequence and before.last == first:
            before.last = last
        else:
            self._items.append(_Rows(sequence, first, last))

    def add_tick(self, id: int, ts_ns: int) -> None:
        """One clock tick."""
        last = self._items[-1] if self._items else None
        if isinstance(last, InputRun) and last.topic == TICKS and last.first_id + last.count == id:
            self._items[-1] = last._replace(count=last.count + 1)
        else:
            self._items.append(InputRun(TICKS, _NONE, _NONE, _NONE, ids.writer(id), id, 1))
        self.tick_ts_ns.append(ts_ns)

    def add_dead_letter(self, topic: str, partition: int, offset: int) -> None:
        """One input that could not be used."""
        self.dead_letters.append(StartPosition(topic, partition, offset))
        self.topics.add(topic)

    @property
    def empty(self) -> bool:
        """True before the first input, tick or dead letter."""
        return not self._items and not self.dead_letters

    def runs(self) -> tuple[InputRun, ...]:
        """The runs, in the order consumed."""
        found: list[InputRun] = []
        merged: dict[int, bool] = {}
        for item in self._items:
            if isinstance(item, InputRun):
                found.append(item)
                continue
            sequence = item.sequence
            if id(sequence) not in merged:
                merged[id(sequence)] = self._is_shorter_merged(sequence)
                if merged[id(sequence)]:
                    found += _windows(sequence)
            if merged[id(sequence)]:
                found.append(InputRun(MERGED, _NONE, _NONE, _NONE, _NONE, int(sequence.id[item.first]), item.last - item.first))
            else:
                found += _runs(sequence, item.first, item.last)
        self.topics |= {run.topic for run in found} - {TICKS, MERGED}
        return tuple(found)

    def _is_shorter_merged(self, sequence: Sequence) -> bool:
        parts = [item for item in self._items if isinstance(item, _Rows) and item.sequence is sequence]
        if sum(item.last - item.first for item in parts) < len(sequence):  # a window stands for all of its records
            return False
        runs = sum(len(_cuts(sequence, item.first, item.last)) for item in parts)
        return runs > len(parts) + len(np.unique(sequence.place)) + _FEW


def _cuts(s: Sequence, first: int, last: int) -> np.ndarray:
    """Where runs begin among these records."""
    place, offset, id = s.place[first:last], s.offset[first:last], s.id[first:last]
    begins = (np.diff(place) != 0) | (np.diff(offset) <= 0) | (np.diff(id) != 1)
    return np.concatenate((np.zeros(1, np.int64), np.flatnonzero(begins) + 1)) + first


def _runs(s: Sequence, first: int, last: int) -> Iterator[InputRun]:
    cuts = _cuts(s, first, last)
    ends = np.append(cuts[1:], last)
    columns = (s.place[cuts], s.offset[cuts], s.offset[ends - 1], s.id[cuts], ends - cuts)
    for index, begin, end, id, count in zip(*(column.tolist() for column in columns), strict=True):
        topic, partition = s.places[int(index)]
        yield InputRun(topic, partition, begin, end, _NONE, id, count)


def _windows(s: Sequence) -> Iterator[InputRun]:
    for index in np.unique(s.place).tolist():  # in the order of the places: the rank of a topic is kept
        rows = np.flatnonzero(s.place == index)
        first = rows[np.argmin(s.offset[rows])]
        last_offset = int(s.offset[rows].max())
        topic, partition = s.places[int(index)]
        yield InputRun(topic, partition, int(s.offset[first]), last_offset, WINDOW, int(s.id[first]), len(rows))
