"""Records that were read and wait for their batch, and when a batch is due."""

from collections import deque
from collections.abc import Collection

from streams.lanes.messages import Place
from streams.schema.model import DLQ
from streams.sinks.records import Records, joined

__all__ = ["PROMPT", "Held", "Place", "is_prompt"]

PROMPT = ("alerts.v1", "commands.v1", "fills.v1", "orders.v1", "positions.v1", "reports.v1")  # and dead letters: what people watch
BATCHES = 4  # that there is room for: one is inserted, one is made, two are read


def is_prompt(topic: str) -> bool:
    """Whether people watch the records of a topic."""
    return topic in PROMPT or topic.endswith(DLQ)


class Held:
    """Records by partition, in order, until they are in their tables.

    An insert costs the server about ten milliseconds however few rows it has, so no record goes in alone that may wait.

    patience_s          : how long the first record of a batch waits
    rows_max, bytes_max : of a batch; there is room for BATCHES of them
    rows, size_bytes    : held, and given out but not yet `gone`
    """

    def __init__(self, patience_s: float, rows_max: int, bytes_max: int) -> None:
        self.patience_s, self.rows_max, self.bytes_max = patience_s, rows_max, bytes_max
        self.rows = self.size_bytes = 0
        self._waiting: dict[Place, deque[tuple[float, Records]]] = {}

    @property
    def room(self) -> int:
        """Records that may still be added."""
        return 0 if self.size_bytes >= BATCHES * self.bytes_max else max(0, BATCHES * self.rows_max - self.rows)

    def add(self, place: Place, records: Records, now_s: float) -> None:
        """Hold more records of a partition."""
        self._waiting.setdefault(place, deque()).append((now_s, records))
        self.rows += len(records)
        self.size_bytes += records.size_bytes

    def due(self, now_s: float, busy: Collection[Place] = ()) -> dict[Place, Records]:
        """A batch of each partition that is not `busy` and whose records are many, or have waited long, or stand in the way of others."""
        full = self.room == 0
        return {place: self._cut(place) for place in list(self._waiting) if place not in busy and (full or self._is_due(place, now_s))}

    def everything(self, busy: Collection[Place] = ()) -> dict[Place, Records]:
        """A batch of each partition that is not `busy`."""
        return {place: self._cut(place) for place in list(self._waiting) if place not in busy}

    def gone(self, rows: int, size_bytes: int) -> None:
        """So much of what was given out is held no longer."""
        self.rows -= rows
        self.size_bytes -= size_bytes

    def _is_due(self, place: Place, now_s: float) -> bool:
        waiting = self._waiting[place]
        if now_s - waiting[0][0] >= self.patience_s:
            return True
        return sum(len(r) for _, r in waiting) >= self.rows_max or sum(r.size_bytes for _, r in waiting) >= self.bytes_max

    def _cut(self, place: Place) -> Records:
        """The first records of a partition, as many as a batch has; at least one."""
        waiting, parts = self._waiting[place], list[Records]()
        rows, size_bytes = self.rows_max, self.bytes_max
        while waiting:
            since_s, records = waiting[0]
            count = max(records.fitting(rows, size_bytes), 0 if parts else 1)
            if not count:
                break
            parts.append(records.part(0, count))
            waiting.popleft()
            if count < len(records):
                waiting.appendleft((since_s, records.part(count, len(records))))
                break
            rows, size_bytes = rows - count, size_bytes - parts[-1].size_bytes
        if not waiting:
            del self._waiting[place]
        return joined(parts)
