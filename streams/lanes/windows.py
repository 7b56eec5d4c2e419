"""Windows of a journal entry merged again, as the lane consumed them."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from streams.errors import RestoreError
from streams.records import InputRun
from streams.schema import ids

__all__ = ["Merger", "Read"]


class Read(NamedTuple):
    """A record and where it stood."""

    topic: str
    partition: int
    offset: int
    record: Any


class Merger:
    """The windows of one sequence: `add` each, then `take` what the runs behind them consumed."""

    def __init__(self) -> None:
        self._windows: list[Read] = []
        self._order: list[Read] = []
        self._taken = 0

    def add(self, run: InputRun, found: Iterable[Read]) -> None:
        """The records of a window, those alone that the process was given. RestoreError if they are not what the journal says."""
        if self._taken < len(self._order):
            raise RestoreError(f"{len(self._order) - self._taken} records of windows were not consumed; the journal is damaged")
        if self._order:
            self._windows, self._order, self._taken = [], [], 0
        records = list(found)
        where = f"{run.topic}[{run.partition}] offsets {run.first_offset} to {run.last_offset}"
        if len(records) != run.count:
            raise RestoreError(f"{where}: {len(records)} records are there for this process, the journal says {run.count} were read")
        if records[0].record.id != run.first_id:
            there = ids.text(records[0].record.id)
            raise RestoreError(
                f"{where}: record {ids.text(run.first_id)}, which the journal says was read there, is not there, but {there}"
            )
        self._windows += records

    def take(self, run: InputRun) -> list[Read]:
        """The next records in consuming order. RestoreError if they are not what the journal says."""
        if not self._order:
            rank = {topic: k for k, topic in enumerate(dict.fromkeys(read.topic for read in self._windows))}
            self._order = sorted(self._windows, key=lambda read: (read.record.recv_ts_ns, rank[read.topic], read.record.id))
        found = self._order[self._taken : self._taken + run.count]
        if len(found) < run.count or found[0].record.id != run.first_id:
            raise RestoreError(f"record {ids.text(run.first_id)} is not the next one of its windows; the journal is damaged")
        self._taken += run.count
        return found
