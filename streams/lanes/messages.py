"""A batch of messages as columns, wherever their bytes stand."""

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from streams.errors import LaneError
from streams.kernel import native
from streams.lanes import message_kernel as k
from streams.lanes.place import Place

__all__ = ["Messages", "entry", "prepare"]


class Messages:
    """Messages in the order in which each partition has them. Memory behind the addresses stays until `release` or the next `take`.

    count         : rows
    place         : int32, index into the consumer's `places`
    offset        : int64
    timestamp_ms  : int64, of the message's creation; -1 = none
    address, size : int64, where the value stands and its bytes; 0 and 0 = null. After `release` all are 0
    ends          : partitions whose end was met, and the offset there: behind markers of transactions, so above the last message's + 1
    """

    def __init__(self, columns: np.ndarray, ends: dict[Place, int], release: Callable[["Messages"], None], memory: Any = None) -> None:
        self.pointers, place, self.offset, self.timestamp_ms, self.address, self.size, self._key, self._key_size = columns
        self.place = place.astype(np.int32)
        self.count = columns.shape[1]
        self.ends = ends
        self._release: Callable[[Messages], None] | None = release
        self._memory = memory

    def __len__(self) -> int:
        return self.count

    def value(self, row: int) -> bytes | None:
        """A copy of the value of a row (0 <= row < count), None if it is null. LaneError after `release`."""
        return self._copy(self.address, self.size, row)

    def key(self, row: int) -> bytes | None:
        """A copy of the key of a row, None if it has none."""
        return self._copy(self._key, self._key_size, row)

    def release(self) -> None:
        """Give the memory back. Addresses are 0 from now on, the other columns stay; a second call does nothing."""
        release, self._release = self._release, None
        if release is not None:
            release(self)
            for column in (self.pointers, self.address, self.size, self._key, self._key_size):
                column[:] = 0
            self._memory = None

    def _copy(self, address: np.ndarray, size: np.ndarray, row: int) -> bytes | None:
        if self._release is None:
            raise LaneError("messages were released: their bytes are gone")
        if not 0 <= row < self.count:
            raise IndexError(f"row {row} of {self.count}")
        at = int(address[row])
        return ctypes.string_at(at, int(size[row])) if at else None


def prepare() -> None:
    """Compile the loops over messages, or load them from disk, now and not at the first batch."""
    _entries()


def entry(name: str) -> Any:
    """A compiled entry of `message_kernel`, made or loaded on first use."""
    return _entries()[name]


@cache
def _entries() -> dict[str, Any]:
    return native.functions("messages", k.ENTRIES, native.sources("streams.lanes.message_kernel", "streams.schema.bulk_put"))
