"""The transactions of a mirror: what was sent, where each record of it came to stand, and all of it at once or nothing."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from streams.lanes.bulk_transactions import BulkTransactions
from streams.lanes.client import MAX_RECORD_BYTES, TRANSACTION_TIMEOUT_MS
from streams.lanes.place import Place

__all__ = ["MirrorSender", "Sent"]


class Sent(NamedTuple):
    """Records sent to one place: the rows that the caller gave, without those that are too large."""

    place: Place
    first: int
    rows: np.ndarray


class MirrorSender:
    """Two producers in turn: no transaction begins where the broker still writes the markers of the one before.

    too_large : (place, id, value) of what was not sent; the caller takes them away
    records   : sent since it was made
    """

    def __init__(self, producers: Sequence[BulkTransactions], group: str) -> None:
        self._producers, self._group, self._turn = producers, group, 0
        self.records = 0
        self._count: dict[Place, int] = {}
        self.too_large: list[tuple[Place, int, bytes]] = []

    @property
    def producer(self) -> BulkTransactions:
        """Whose turn it is."""
        return self._producers[self._turn]

    def begin(self) -> None:
        """Open a transaction. LaneError, as from all that follows: nothing of it will be seen."""
        self.producer.begin()
        self.producer.note_offsets()
        self._count = {}

    def send(self, place: Place, buffer: np.ndarray, start: np.ndarray, size: np.ndarray, id: np.ndarray, rows: np.ndarray) -> Sent:
        """Send rows of a buffer (uint8), in order, but those that no topic takes; start, size, id: int64, of every row there is."""
        fits = size[rows] <= MAX_RECORD_BYTES
        for row in rows[~fits].tolist():
            self.too_large.append((place, int(id[row]), buffer[start[row] : start[row] + size[row]].tobytes()))
        rows = rows[fits]
        self.producer.send_rows(*place, buffer, start[rows], size[rows])
        return self._noted(place, rows)

    def send_value(self, place: Place, value: bytes, key: bytes | None = None) -> Sent:
        """Send one value."""
        self.producer.send(*place, value, key)
        return self._noted(place, np.zeros(1, np.int64))

    def deliver(self) -> None:
        """Wait until the broker has everything that was sent."""
        self.producer.flush(TRANSACTION_TIMEOUT_MS / 1000)

    def offsets(self, sent: Sent) -> np.ndarray:
        """Where delivered records stand, int64."""
        return self.producer.offsets(*sent.place)[sent.first : sent.first + len(sent.rows)]

    def commit(self, positions: Mapping[Place, int]) -> None:
        """Commit, with positions under the group's name; the other producer's turn comes."""
        self.producer.commit(positions, self._group)
        self._turn ^= 1

    def abort(self) -> None:
        """Make sure that nothing of an open transaction shows."""
        for producer in self._producers:
            producer.abort()

    def close(self) -> None:
        """Free the clients."""
        for producer in self._producers:
            producer.close(0.0)

    def _noted(self, place: Place, rows: np.ndarray) -> Sent:
        first = self._count.get(place, 0)
        self._count[place] = first + len(rows)
        self.records += len(rows)
        return Sent(place, first, rows)
