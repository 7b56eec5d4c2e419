"""Records of one partition with bytes of their own: what a sink holds when the consumer has taken its messages back."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from streams.errors import LaneError
from streams.lanes.bulk_consumer import BulkConsumer
from streams.lanes.messages import Messages, Place
from streams.schema import bulk

__all__ = ["Records", "by_place", "joined", "read_records"]

_CHUNK = 10_000
_WAIT_S = 0.2
_STALL_S = 30.0


@dataclass(frozen=True)
class Records:
    """Consecutive records, at least one. Value i is buffer[starts[i] : starts[i + 1]].

    buffer               : uint8, some bytes more than the values have
    starts               : int64, one more than there are records, not descending
    offset, timestamp_ms : int64
    null                 : bool, True = without a value
    """

    buffer: np.ndarray
    starts: np.ndarray
    offset: np.ndarray
    timestamp_ms: np.ndarray
    null: np.ndarray

    @classmethod
    def of(cls, values: Sequence[bytes | None], offsets: Sequence[int], timestamps_ms: Sequence[int]) -> "Records":
        """Records made of Python's values."""
        buffer = np.frombuffer(b"".join((*(value or b"" for value in values), bytes(bulk.BEHIND))), np.uint8)
        starts = np.cumsum([0, *(len(value or b"") for value in values)], dtype=np.int64)
        null = np.array([value is None for value in values], bool)
        return cls(buffer, starts, np.array(offsets, np.int64), np.array(timestamps_ms, np.int64), null)

    def __len__(self) -> int:
        return len(self.offset)

    @property
    def size_bytes(self) -> int:
        """Bytes of all values."""
        return int(self.starts[-1] - self.starts[0])

    def value(self, row: int) -> bytes | None:
        """The value of a record, None if it has none."""
        return None if self.null[row] else self.buffer[self.starts[row] : self.starts[row + 1]].tobytes()

    def part(self, first: int, last: int) -> "Records":
        """The records from `first` up to `last`, without a copy."""
        rows = slice(first, last)
        return Records(self.buffer, self.starts[first : last + 1], self.offset[rows], self.timestamp_ms[rows], self.null[rows])

    def fitting(self, rows: int, size_bytes: int) -> int:
        """How many records from the first on have at most so many rows and bytes."""
        return min(rows, int(np.searchsorted(self.starts, self.starts[0] + size_bytes, "right")) - 1, len(self))


def by_place(messages: Messages, places: Sequence[Place]) -> Iterator[tuple[Place, Records]]:
    """The messages of each partition, copied: they may be released afterwards."""
    if not messages.count:
        return
    order = np.argsort(messages.place, kind="stable")
    cuts = np.flatnonzero(np.diff(messages.place[order])) + 1
    for rows in np.split(order, cuts):
        buffer, starts = bulk.gathered(messages.address[rows], messages.size[rows])
        null = messages.address[rows] == 0
        yield places[messages.place[rows[0]]], Records(buffer, starts, messages.offset[rows], messages.timestamp_ms[rows], null)


def joined(parts: Sequence[Records]) -> Records:
    """The records of all parts (at least one), with a buffer that begins with the first value."""
    if len(parts) == 1 and parts[0].starts[0] == 0:
        return parts[0]
    size_bytes = sum(part.size_bytes for part in parts)
    buffer = np.empty(size_bytes + bulk.BEHIND, np.uint8)
    starts: list[np.ndarray] = [np.zeros(1, np.int64)]
    at = 0
    for part in parts:
        first, last = int(part.starts[0]), int(part.starts[-1])
        buffer[at : at + last - first] = part.buffer[first:last]
        starts.append(part.starts[1:] + (at - first))
        at += last - first
    offset, timestamp_ms = (np.concatenate([getattr(part, name) for part in parts]) for name in ("offset", "timestamp_ms"))
    return Records(buffer, np.concatenate(starts), offset, timestamp_ms, np.concatenate([part.null for part in parts]))


def read_records(kafka: str, place: Place, first: int, last: int) -> Records | None:
    """The committed records of a partition from offset `first` to `last`, None if there are none. All of it has to be settled."""
    parts: list[Records] = []
    stalled_s = time.monotonic() + _STALL_S
    with BulkConsumer(kafka) as consumer:
        consumer.assign({place: first})
        while True:
            messages = consumer.take(_CHUNK, _WAIT_S)
            for _, found in by_place(messages, consumer.places):
                if wanted := int(np.searchsorted(found.offset, last, "right")):
                    parts.append(found.part(0, wanted))
                if found.offset[-1] >= last:
                    return joined(parts) if parts else None
            if messages.ends.get(place, -1) > last:
                return joined(parts) if parts else None
            if time.monotonic() > stalled_s:
                raise LaneError(f"kafka {kafka}: {place[0]}[{place[1]}]: nothing up to offset {last} within {_STALL_S:.0f} s")
            if messages.count:
                stalled_s = time.monotonic() + _STALL_S
