"""The recorded inputs of a process, read once and forwards, in bulk: pieces of partitions, read as rows when they are needed."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from streams.agents.batch import BatchProcess, Rows
from streams.errors import RestoreError
from streams.lanes.bulk_consumer import BulkConsumer
from streams.lanes.client import TRANSACTION_TIMEOUT_MS
from streams.lanes.control import COMMANDS
from streams.lanes.messages import Messages, entry
from streams.lanes.place import Place

__all__ = ["Piece", "Sources"]

_ROWS = 20_000
_WAIT_S = 0.2
_STALL_S = TRANSACTION_TIMEOUT_MS / 1000 + 20.0
_MOST_BYTES = 128 << 20  # of values fetched and not asked for yet; beyond, only the partition that is asked for is fetched
_SETTINGS = {
    "fetch.wait.max.ms": 10,
    "queued.max.messages.kbytes": 16_384,
    "fetch.message.max.bytes": 4 << 20,
    "auto.offset.reset": "earliest",  # of an input that was silent for long only what lies before the position may be gone
}
_SPARE = 64  # bytes behind the values


@dataclass
class Piece:
    """Some records of one partition, in order, in memory of their own. offset, address, size: int64, an element a record."""

    place: Place
    offset: np.ndarray
    address: np.ndarray
    size: np.ndarray
    memory: np.ndarray
    rows: Rows | None = None

    @property
    def last_offset(self) -> int:
        return int(self.offset[-1])

    def read(self, batch: BatchProcess) -> Rows:
        """Its records; values that are none have state BAD. LaneError for a registry that is needed and away."""
        if self.rows is None:
            self.rows = batch.read(self.place[0], self.address, self.size)
        return self.rows


class Sources:
    """Reads from given positions on: what the journal says was read, when it is there. A follower may ask for what has just been written.

    Memory holds the records of one batch, and what was fetched with them of other partitions, at most 128 MB of values.
    """

    def __init__(self, bootstrap: str, positions: Mapping[Place, int]) -> None:
        self.bootstrap = bootstrap
        self._next = dict(positions)  # where fetching goes on
        self._held: dict[Place, list[Piece]] = {}
        self._held_bytes = 0
        self._ends: dict[Place, int] = {}
        self._assigned: set[Place] = set()
        self._consumer: BulkConsumer | None = None

    def take(self, place: Place, last_offset: int) -> list[Piece]:
        """The pieces held of a partition, the last of which reaches to `last_offset` at least; RestoreError if that is no longer kept."""
        self._next.setdefault(place, 0)
        held, until_s = self._held.setdefault(place, []), time.monotonic() + _STALL_S
        while (not held or held[-1].last_offset < last_offset) and self._ends.get(place, -1) <= last_offset:
            self._fetch(place)
            if time.monotonic() > until_s:
                raise RestoreError(f"{place[0]}[{place[1]}]: no record at offset {last_offset} within {_STALL_S:.0f} s")
        if not any(last_offset in piece.offset for piece in held if piece.last_offset >= last_offset):
            raise RestoreError(f"{place[0]}[{place[1]}]: the record at offset {last_offset} is no longer kept; start a fresh run")
        return held

    def free(self, place: Place, last_offset: int) -> None:
        """The records up to `last_offset` are not needed any more.

        Commands are kept: one that came over the ring `kill` was carried before what stands before it in its topic.
        """
        if place[0] == COMMANDS:
            return
        held = self._held[place]
        while held and held[0].last_offset <= last_offset:
            self._held_bytes -= held.pop(0).memory.nbytes

    def close(self) -> None:
        """Free the consumer."""
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None

    def _fetch(self, place: Place) -> None:
        messages = self._open(place).take(_ROWS, _WAIT_S)
        for index in np.unique(messages.place).tolist():
            piece = _copied(messages, self._consumer.places[index] if self._consumer else place, np.flatnonzero(messages.place == index))
            self._held.setdefault(piece.place, []).append(piece)
            self._held_bytes += piece.memory.nbytes
            self._next[piece.place] = piece.last_offset + 1
        self._ends.update(messages.ends)
        messages.release()

    def _open(self, place: Place) -> BulkConsumer:
        """The consumer, with this partition assigned: alone while too much of others is held."""
        if self._consumer is None:
            self._consumer = BulkConsumer(self.bootstrap, settings=_SETTINGS)
        full = self._held_bytes > _MOST_BYTES
        if place not in self._assigned or (full and len(self._assigned) > 1):
            wanted = {place: self._next[place]} if full else dict(self._next)
            self._consumer.assign(wanted)
            self._assigned = set(wanted)
            for other in wanted:
                self._ends.pop(other, None)
        return self._consumer


def _copied(messages: Messages, place: Place, rows: np.ndarray) -> Piece:
    size, address = messages.size[rows], messages.address[rows]
    memory = np.empty(int(size.sum()) + _SPARE, np.uint8)
    entry("copy_values")(address.ctypes.data, size.ctypes.data, len(rows), memory.ctypes.data)
    starts = memory.ctypes.data + np.cumsum(size) - size
    return Piece(place, messages.offset[rows], np.where(address == 0, 0, starts), size, memory)
