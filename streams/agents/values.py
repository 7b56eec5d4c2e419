"""Values of topics one after another in memory that grows: what a compiled process writes into."""

import numpy as np

from streams.agents.rows import Written

__all__ = ["Values"]

_ROOM = 1 << 8  # values that there is room for at first
_BYTES = 1 << 16


class Values:
    """Values written and not yet taken.

    topic, id, start, size : int64 arrays, an element a value; the first `count` hold
    buffer                 : uint8; the first `filled` bytes hold
    """

    def __init__(self, topics: tuple[str, ...], header_bytes: int) -> None:
        self.topics, self.header_bytes = topics, header_bytes
        self.count = self.filled = 0
        self.topic, self.id, self.start, self.size = np.zeros((4, _ROOM), np.int64)
        self.buffer = np.zeros(_BYTES, np.uint8)
        self._addresses = self._found()

    def words(self) -> tuple[int, ...]:
        """What `drive` is told of them: addresses of the four arrays, count, room; address of the buffer, bytes, room."""
        *arrays, buffer = self._addresses
        return *arrays, self.count, len(self.id), buffer, self.filled, len(self.buffer)

    def grow(self, need_bytes: int = 0) -> None:
        """Make room for at least another value, and for so many bytes more. Memory moves: addresses change."""
        if self.count < len(self.id) and len(self.buffer) - self.filled >= need_bytes:
            return
        if self.count == len(self.id):
            self.topic, self.id, self.start, self.size = (_twice(array) for array in (self.topic, self.id, self.start, self.size))
        while len(self.buffer) - self.filled < need_bytes:
            self.buffer = _twice(self.buffer)
        self._addresses = self._found()

    def add(self, topic: int, id: int, header: bytes, body: bytes) -> None:
        """One more value."""
        size = len(header) + len(body)
        self.grow(size)
        self.topic[self.count], self.id[self.count] = topic, id
        self.start[self.count], self.size[self.count] = self.filled, size
        self.buffer[self.filled : self.filled + size] = np.frombuffer(header + body, np.uint8)
        self.count += 1
        self.filled += size

    def take(self, digest: bytes) -> Written:
        """All of them; they stay where they are until the next is added."""
        n = self.count
        found = Written(
            self.topics,
            self.topic[:n].astype(np.int32),
            self.id[:n],
            self.start[:n],
            self.size[:n],
            self.buffer[: self.filled],
            self.header_bytes,
            digest,
        )
        self.count = self.filled = 0
        return found

    def _found(self) -> tuple[int, ...]:
        return tuple(array.ctypes.data for array in (self.topic, self.id, self.start, self.size, self.buffer))


def _twice(array: np.ndarray) -> np.ndarray:
    more = np.zeros(2 * len(array), array.dtype)
    more[: len(array)] = array
    return more
