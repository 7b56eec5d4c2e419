"""The merge of market data as it reads best: one record at a time, heads compared."""

from collections import deque


class SlowMerge:
    """Puts the records of several partitions into the order of their receive times.

    A record waits until every other partition has one to compare with or is at its end, so that a backlog comes in the order in which it
    was received. Live, records of two topics may overtake each other by the time between two transactions.
    """

    def __init__(self, partitions: int) -> None:
        self._waiting: list[deque[tuple]] = [deque() for _ in range(partitions)]
        self._at_end = [False] * partitions

    def add(self, record: tuple) -> None:
        """The next record of its partition."""
        self._at_end[record[0]] = False
        self._waiting[record[0]].append(record)

    def end(self, place: int) -> None:
        """A partition has nothing more for now."""
        self._at_end[place] = True

    def ready(self) -> list[tuple]:
        """The records that need not wait any longer. At equal times the partition that was named first goes first."""
        found: list[tuple] = []
        while all(w or end for w, end in zip(self._waiting, self._at_end, strict=True)) and any(self._waiting):
            heads = [(w[0][2].recv_ts_ns if w[0][2] else 0, place) for place, w in enumerate(self._waiting) if w]
            found.append(self._waiting[min(heads)[1]].popleft())
        return found
