"""Rows of several partitions or files put into the order of their receive times, as columns."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["Merge", "Rows", "merged"]

_COLUMNS = ("place", "offset", "recv_ts_ns", "start", "size", "batch")
_LEAST = np.int64(-(1 << 63))


@dataclass(slots=True)
class Rows:
    """Records or lines, one a row; int64[n] each.

    place, offset : the partition's (or file's) place in the list, and the record's offset there
    recv_ts_ns    : its receive time; 0 of one that cannot be read
    start, size   : address and bytes of its slots, or of what it carries; 0 bytes = nothing to do
    batch         : key in `memory` of what these bytes lie in
    memory        : what must live as long as the rows
    """

    place: np.ndarray
    offset: np.ndarray
    recv_ts_ns: np.ndarray
    start: np.ndarray
    size: np.ndarray
    batch: np.ndarray
    memory: dict[int, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.place)

    def take(self, rows: Any) -> "Rows":
        """Some of the rows: a slice, a mask or indices."""
        times, starts, sizes = self.recv_ts_ns[rows], self.start[rows], self.size[rows]
        return Rows(self.place[rows], self.offset[rows], times, starts, sizes, self.batch[rows], self.memory)

    def alone(self) -> "Rows":
        """The same rows, without the memory of others."""
        self.memory = {batch: self.memory[batch] for batch in np.unique(self.batch).tolist()}
        return self

    def runs(self) -> list[list[int]]:
        """[place, first offset, rows] of each partition that has rows; of one partition they are in the order of the offsets."""
        places, first, counts = np.unique(self.place, return_index=True, return_counts=True)
        return [list(run) for run in zip(places.tolist(), self.offset[first].tolist(), counts.tolist(), strict=True)]

    @classmethod
    def join(cls, parts: "list[Rows]") -> "Rows":
        """All rows of the parts, in their order; at least one part."""
        if len(parts) == 1:
            return parts[0]
        columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS}
        return cls(**columns, memory={batch: memory for part in parts for batch, memory in part.memory.items()})


def merged(rows: Rows) -> Rows:
    """All rows in the order in which partitions are merged whose heads are compared, as far as these rows go."""
    return rows.take(np.lexsort((rows.place, _times(rows))))


class Merge:
    """Puts the records of several partitions into the order of their receive times.

    A record waits until every other partition has one to compare with or is at its end, so that a backlog comes in the order in which it
    was received. Live, records of two topics may overtake each other by the time between two transactions.
    """

    def __init__(self, partitions: int) -> None:
        self._waiting: list[list[Rows]] = [[] for _ in range(partitions)]
        self._last = [_LEAST] * partitions  # latest time of what waits
        self._at_end = [False] * partitions

    def add(self, rows: Rows) -> None:
        """The next records of one partition."""
        place = int(rows.place[0])
        self._at_end[place] = False
        self._waiting[place].append(rows)
        self._last[place] = max(self._last[place], rows.recv_ts_ns.max())

    def end(self, place: int) -> None:
        """A partition has nothing more for now."""
        self._at_end[place] = True

    def lacking(self) -> list[int]:
        """Partitions that have nothing here and are not at their end: what `ready` waits for."""
        return [place for place, waiting in enumerate(self._waiting) if not waiting and not self._at_end[place]]

    def ready(self) -> Rows | None:
        """The records that need not wait any longer, in order; None if there is none. At equal times the smaller place goes first."""
        if not any(self._waiting) or self.lacking():
            return None
        going = [place for place, at_end in enumerate(self._at_end) if not at_end]  # what they bring next is not known
        rows = Rows.join([rows for waiting in self._waiting for rows in waiting])
        times = _times(rows)
        limit = min((self._last[place] for place in going), default=None)
        near = np.arange(len(rows)) if limit is None else np.flatnonzero(times <= limit)
        order = near[np.lexsort((rows.place[near], times[near]))]
        places = rows.place[order]
        count = min((len(order) - int(np.argmax(places[::-1] == p)) for p in going if self._last[p] == limit), default=len(order))
        left = np.ones(len(rows), bool)
        left[order[:count]] = False
        self._keep(rows, left)
        return rows.take(order[:count])

    def _keep(self, rows: Rows, left: np.ndarray) -> None:
        """These rows wait on."""
        for place, waiting in enumerate(self._waiting):
            waiting.clear()
            mine = left & (rows.place == place)
            self._last[place] = _LEAST
            if mine.any():
                waiting.append(rows.take(mine).alone())
                self._last[place] = rows.recv_ts_ns[mine].max()


def _times(rows: Rows) -> np.ndarray:
    """The times to sort by, int64[n]: one behind an earlier one of its partition counts as that, for it cannot go before it."""
    times = rows.recv_ts_ns.copy()
    for place in np.unique(rows.place):
        mine = rows.place == place
        times[mine] = np.maximum.accumulate(times[mine])
    return times
