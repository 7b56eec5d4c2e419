"""What a journal entry names, found again in what was read: runs of records, and windows merged as the lane consumed them."""

from typing import NamedTuple

import numpy as np

from streams.errors import RestoreError
from streams.lanes.input_log import consuming_order
from streams.records import InputRun
from streams.schema import ids

__all__ = ["Found", "Merger", "consecutive"]


class Found(NamedTuple):
    """Records and where they stood: int64 arrays, an element a record.

    source, row : which of the rows of an entry, and which row there; offset: where in its partition
    """

    source: np.ndarray
    row: np.ndarray
    offset: np.ndarray
    id: np.ndarray
    run_id: np.ndarray
    recv_ts_ns: np.ndarray

    def __len__(self) -> int:
        return len(self.id)

    def at(self, places: np.ndarray | slice) -> "Found":
        """Those at these places, or where a mask is true."""
        return Found(*(column[places] for column in self))

    @staticmethod
    def joined(parts: "list[Found]") -> "Found":
        """One after the other."""
        if len(parts) == 1:
            return parts[0]
        return Found(*map(np.concatenate, zip(*parts, strict=True))) if parts else NOTHING


NOTHING = Found(*np.zeros((6, 0), np.int64))


def consecutive(run: InputRun, found: Found) -> Found:
    """Those of the records of a run's offsets that have consecutive ids from the run's first on. RestoreError if one is missing."""
    mine = np.flatnonzero((found.id >= run.first_id) & (found.id < run.first_id + run.count))
    due = np.arange(run.first_id, run.first_id + run.count)
    if not np.array_equal(found.id[mine], due):  # ids written twice, or against their order: each is taken where it is due
        mine = _one_by_one(run, found.id, mine)
    return found.at(mine)


class Merger:
    """The windows of one sequence: `add` each, then `take` what the runs behind them consumed."""

    def __init__(self) -> None:
        self._topics: list[str] = []
        self._windows: list[tuple[Found, int]] = []  # and the rank of their topic
        self._order: Found | None = None
        self._taken = 0

    def add(self, run: InputRun, found: Found) -> None:
        """The records of a window, those alone that the process was given. RestoreError if they are not what the journal says."""
        if self._order is not None:
            if self._taken < len(self._order):
                raise RestoreError(f"{len(self._order) - self._taken} records of windows were not consumed; the journal is damaged")
            self._topics, self._windows, self._order, self._taken = [], [], None, 0
        where = f"{run.topic}[{run.partition}] offsets {run.first_offset} to {run.last_offset}"
        if len(found) != run.count:
            raise RestoreError(f"{where}: {len(found)} records are there for this process, the journal says {run.count} were read")
        if found.id[0] != run.first_id:
            there = ids.text(int(found.id[0]))
            raise RestoreError(
                f"{where}: record {ids.text(run.first_id)}, which the journal says was read there, is not there, but {there}"
            )
        if run.topic not in self._topics:
            self._topics.append(run.topic)
        self._windows.append((found, self._topics.index(run.topic)))

    def take(self, run: InputRun) -> Found:
        """The next records in consuming order. RestoreError if they are not what the journal says."""
        if self._order is None:
            every = Found.joined([found for found, _ in self._windows])
            rank = np.repeat([rank for _, rank in self._windows], [len(found) for found, _ in self._windows])
            self._order = every.at(consuming_order(every.recv_ts_ns, rank, every.id))
        found = self._order.at(slice(self._taken, self._taken + run.count))
        if len(found) < run.count or found.id[0] != run.first_id:
            raise RestoreError(f"record {ids.text(run.first_id)} is not the next one of its windows; the journal is damaged")
        self._taken += run.count
        return found


def _one_by_one(run: InputRun, id: np.ndarray, mine: np.ndarray) -> np.ndarray:
    taken, due, end = [], run.first_id, run.first_id + run.count
    for at in mine.tolist():
        if id[at] == due:
            taken.append(at)
            due += 1
    if due != end:
        where = f"{run.topic}[{run.partition}] offsets {run.first_offset} to {run.last_offset}"
        raise RestoreError(f"{where}: record {ids.text(due)}, which the journal says was read there, is not there")
    return np.array(taken, np.int64)
