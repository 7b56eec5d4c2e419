"""One ring as the mirror reads it: slots in place by their numbers, from where the last journal entry left, until they are in topics."""

import ctypes
from collections.abc import Sequence

import numpy as np

from streams.errors import LaneError
from streams.kernel.atomics import load_acquire
from streams.lanes import ring_layout as at
from streams.lanes.fast_rings import FastShard
from streams.lanes.fast_slots import KIND_TAKEN, TakenSlot
from streams.lanes.record_ring import RecordReader, Records, RingRecord

__all__ = ["Release", "RingSource"]

_ROWS = 5_000
_KIND = TakenSlot._fields_["kind"].offset  # of every slot
_RING_AND_COUNT = TakenSlot._fields_["ring"].offset // 8  # the word of a TAKEN that has both


class RingSource:
    """A blocking reading end of the mirror.

    at    : number of the slot that is to be mirrored next; the caller moves it
    slots : uint8[2 x capacity, slot bytes]: slot n is row n % capacity, and up to `capacity` slots from there are its successors
    """

    def __init__(self, shard: FastShard, name: str) -> None:
        self.name, self.ring = name, shard.open(name)
        self._name = shard.mirror_label
        self._reader = self.ring.reader(self._name)
        self._records = RecordReader(self._reader)
        ring = self.ring
        whole = 2 * ring.capacity * ring.slot_nbytes
        memory = np.ctypeslib.as_array((ctypes.c_uint8 * whole).from_address(ring.memory.data))
        self.memory, self.slots = memory, memory.reshape(2 * ring.capacity, ring.slot_nbytes)
        self.at = self._reader.committed

    @property
    def head(self) -> int:
        """Slots published so far."""
        return self.ring.head

    @property
    def behind(self) -> int:
        """Slots published and not mirrored."""
        return self.ring.head - self.at

    @property
    def committed(self) -> int:
        """Slots below it may be gone."""
        return self._reader.committed

    @property
    def writer_left(self) -> bool:
        """Whether its writer has left in order: what it wrote last is done with."""
        return load_acquire(self.ring.address + at.WRITER + at.PROCESS) == 0

    def rows(self, first: int, last: int) -> np.ndarray:
        """The slots from `first` up to `last`, in place: uint8[last - first, slot bytes]."""
        row = first & (self.ring.capacity - 1)
        return self.slots[row : row + last - first]

    def words(self, first: int, last: int) -> np.ndarray:
        """The same as int64[last - first, slot words]."""
        return self.rows(first, last).view(np.int64)

    def kinds(self, first: int, last: int) -> np.ndarray:
        """Their kinds, uint8."""
        return self.rows(first, last)[:, _KIND]

    def checkpoint(self, first: int, last: int) -> int:
        """Number of the first slot from `first` on and before `last` at which a checkpoint of the writer stands; -1 if there is none."""
        if first >= last:
            return -1
        marks = self.words(first, last)[:, _RING_AND_COUNT] >> 32 == 0
        found = np.flatnonzero((self.kinds(first, last) == KIND_TAKEN) & marks)
        return first + int(found[0]) if len(found) else -1

    def go_to(self, number: int) -> None:
        """Go on at a slot below which everything is in topics. LaneError if slots behind it were given up meanwhile."""
        self.at = max(number, self._reader.committed)  # a mirror that is new to the run, or died before it had committed the ring
        lost = self.ring.head - self.ring.capacity
        if self.at > self.ring.head or lost > self.at:
            raise LaneError(
                f"{self.ring.path}: slot {number:,} is to be mirrored, the ring keeps {max(0, lost):,} to {self.ring.head:,}; "
                "start a fresh run"
            )

    def taken_by_others(self) -> int:
        """Slots below it are done with by every other reader that the writer waits for."""
        lines = [line for line in self.ring.readers() if line.waited_for and line.name != self._name]
        return self.ring.head - max((line.behind for line in lines), default=0)

    def walk(self, first: int, upto: int, most: int = _ROWS) -> Records:
        """Up to `most` whole records from the one that begins at `first`, before slot `upto`, in place, until the next call."""
        self._records.seek(first)
        return self._records.walk(most, upto)

    @property
    def walked(self) -> int:
        """Number of the slot behind the last record that `walk` or `take` gave."""
        return self._records.next

    def take(self, first: int, upto: int, most: int = _ROWS) -> list[RingRecord]:
        """The same, copied."""
        self._records.seek(first)
        return self._records.take(most, upto)

    def commit(self, number: int) -> None:
        """Slots below `number` are in topics, and nothing will be asked of them again."""
        if number > self._reader.committed:
            self._reader.seek(number)
            self._reader.commit_to(number)

    def close(self) -> None:
        """Let go of it, to come back: its writer waits."""
        self._reader.detach()
        self.slots = self.memory = np.zeros((0, 0), np.uint8)  # whoever touches them after this finds nothing, not other memory
        self.ring.close()


class Release:
    """Lets slots of a ring go whose records others took, when what those wrote of it has been mirrored.

    by     : the ring whose slots are let go, of control records
    takers : the rings in which its readers say what they took
    """

    def __init__(self, by: RingSource, takers: Sequence[RingSource]) -> None:
        self._by, self._takers = by, tuple(takers)
        self._upto, self._heads = 0, [0] * len(takers)

    def look(self) -> None:
        """To be called now and then."""
        if all(taker.at >= head for taker, head in zip(self._takers, self._heads, strict=True)):
            self._by.commit(self._upto)
            self._upto = self._by.taken_by_others()
            self._heads = [taker.head for taker in self._takers]
