"""The two ends of a ring as Python holds them: their Structs in this process's memory, and calls of their code, compiled or plain."""

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from streams.errors import LaneError
from streams.kernel import Struct, View, addr_of, native
from streams.kernel.atomics import load_acquire, store_release
from streams.kernel.system import can_sleep_on_any
from streams.lanes import ring_group as g
from streams.lanes import ring_kernel as k
from streams.lanes import ring_layout as at
from streams.lanes.waiting import POLICIES, Waiting

if TYPE_CHECKING:
    from streams.lanes.ring import Ring

__all__ = ["Reader", "ReaderGroup", "Writer", "prepare", "ring_sources"]

_ENTRIES = {**k.ENTRIES, **g.ENTRIES}
_MOST_AHEAD = 64
_PATIENCE_NS = 1_000_000_000


class _End:
    """What both ends share: the Struct in memory, and how to call its code."""

    def __init__(self, ring: "Ring", line: int, state: Struct, compiled: bool) -> None:
        self.ring, self.line, self.compiled = ring, line, compiled
        self._packed = state.pack() if compiled else None
        self.state: Any = View(type(state), self._packed) if compiled else state
        self.address: int = self._packed.ctypes.data if self._packed is not None else addr_of(state)

    def check(self) -> None:
        """LaneError if it has been let go, or its ring closed."""
        if self.ring.memory.closed or self.line == 0:
            raise LaneError(f"{self.ring.path}: this end has been closed; open the ring again")

    def _call(self, entry: str, *args: int) -> int:
        self.check()
        function = _compiled()[entry] if self.compiled else _ENTRIES[entry][0]
        return function(self.address, *args)

    def _let_go(self) -> None:
        line, self.line = self.line, 0
        if line and not self.ring.memory.closed:
            store_release(line + at.PROCESS, 0)


class Writer(_End):
    """The writing end. `address` is the RingWriter's for compiled loops, valid as long as this object lives; `state` shows its fields."""

    def __init__(self, ring: "Ring", line: int, fenced: int, wait: Waiting, compiled: bool) -> None:
        claimed = load_acquire(ring.address + at.CLAIM)  # kept: a slot that the writer before began to write is whole no more
        state = k.RingWriter(
            ring=ring.address,
            data=ring.memory.data,
            slot_nbytes=ring.slot_nbytes,
            capacity=ring.capacity,
            next=ring.head,
            claimed=claimed,
            ahead=min(_MOST_AHEAD, ring.capacity // 8),
            full=load_acquire(line + at.FULL),
            fenced=fenced,
            spins=wait.spins,
            yields=wait.yields,
            sleeps=int(wait.sleeps),
        )
        super().__init__(ring, line, state, compiled)

    def write(self, slots: Any, patience_ns: int = _PATIENCE_NS) -> int:
        """Copy slots in, from bytes or an array whose bytes are a multiple of the slot's, and publish them.

        How many: fewer than given if a blocking reader left no room for `patience_ns`. Readers may see the first before the last.
        """
        data = np.frombuffer(np.ascontiguousarray(slots) if isinstance(slots, np.ndarray) else slots, np.uint8)
        n, rest = divmod(len(data), self.ring.slot_nbytes)
        if rest:
            raise LaneError(f"{self.ring.path}: {len(data)} bytes are no whole slots of {self.ring.slot_nbytes}")
        return self._call("ring_write", data.ctypes.data, n, patience_ns) if n else 0

    def wait_for_room(self, n: int, patience_ns: int) -> bool:
        """Whether there is room for n slots, 0 < n <= capacity, waiting for it up to `patience_ns`."""
        return self._call("ring_room", n, patience_ns) != 0

    def leave(self) -> None:
        """Let the place go: another process may write."""
        self._let_go()


class Reader(_End):
    """A reading end. `address` is the RingReader's for compiled loops, valid as long as this object lives; `state` shows its fields."""

    def __init__(self, ring: "Ring", line: int, cursor: int, safe: int, wait: Waiting, compiled: bool) -> None:
        state = k.RingReader(
            ring=ring.address,
            data=ring.memory.data,
            line=line,
            slot_nbytes=ring.slot_nbytes,
            capacity=ring.capacity,
            next=cursor,
            head=cursor,
            safe=safe,
            lost=load_acquire(line + at.LOST),
            overruns=load_acquire(line + at.OVERRUNS),
            spins=wait.spins,
            yields=wait.yields,
            sleeps=int(wait.sleeps),
        )
        super().__init__(ring, line, state, compiled)

    def poll(self) -> int:
        """Slots that can be read now."""
        return self._call("ring_poll")

    def read(self, most: int, patience_ns: int = 0) -> Any:
        """Copy up to `most` > 0 slots out: uint8[n, slot bytes]; n = 0: none came within `patience_ns`. Commit what is done with."""
        out = np.empty((most, self.ring.slot_nbytes), np.uint8)
        return out[: self._call("ring_take", out.ctypes.data, most, patience_ns)]

    def commit(self) -> None:
        """What was read is done with: the writer may have the slots, and a restart begins after them."""
        self._call("ring_commit")

    @property
    def next(self) -> int:
        """Number of the next slot to read."""
        return self.state.next

    @property
    def committed(self) -> int:
        """Slots below it are done with."""
        self.check()
        return load_acquire(self.line + at.CURSOR)

    @property
    def held(self) -> float:
        """Share of the ring, 0 to 1, that the writer cannot have again before this reader commits."""
        return (self.ring.head - self.committed) / self.ring.capacity

    def commit_to(self, number: int) -> None:
        """The same for slots below `number` only; a restart begins there. Never goes back; LaneError beyond what was read."""
        if number > self.next:
            raise LaneError(f"{self.ring.path}: slot {number:,} cannot be committed, only {self.next:,} were read")
        if number > self.committed:
            store_release(self.line + at.CURSOR, number)

    def seek(self, number: int) -> None:
        """Read on from a slot that is still there: between the last commit and the ring's head; LaneError for another."""
        first, head = self.committed, self.ring.head
        if not first <= number <= head:
            raise LaneError(f"{self.ring.path}: slot {number:,} cannot be read, the ring keeps {first:,} to {head:,} for this reader")
        self.state.next = self.state.head = number

    def detach(self) -> None:
        """Let go, to come back under the same name: the writer waits for a blocking reader meanwhile."""
        self._let_go()

    def leave(self) -> None:
        """Let go for good: nobody waits, though the name still resumes at its commit if the ring has it."""
        if self.line and not self.ring.memory.closed:
            store_release(self.line + at.STATE, at.FREE)
        self._let_go()


class ReaderGroup:
    """Several readers that one loop waits for at once; `address` is the RingGroup's for compiled loops, valid as long as this object lives.

    readers: 1 to 16, all compiled or all plain. wait: how; it sleeps on all of them at once where the host can (Linux 5.16), else in naps.
    """

    def __init__(self, readers: Sequence[Reader], wait: Waiting = POLICIES["backoff"]) -> None:
        if not 0 < len(readers) <= g.MOST or len({r.compiled for r in readers}) > 1:
            raise LaneError(f"{len(readers)} readers cannot wait together; 1 to {g.MOST} can, all compiled or all plain")
        self.readers, self.compiled = tuple(readers), readers[0].compiled
        self._words = np.zeros(3 * g.MOST, np.int64)
        state = g.RingGroup(
            n=len(readers),
            words=self._words.ctypes.data,
            many=int(can_sleep_on_any()),
            spins=wait.spins,
            yields=wait.yields,
            sleeps=int(wait.sleeps),
        )
        for i, r in enumerate(readers):
            state.readers[i] = r.address
        self.state = state
        self._packed = state.pack() if self.compiled else None
        self.address: int = self._packed.ctypes.data if self._packed is not None else addr_of(state)

    def wait(self, patience_ns: int) -> bool:
        """Whether any reader has something to read, waiting for it up to `patience_ns`."""
        for r in self.readers:
            r.check()
        function = _compiled()["ring_group_wait"] if self.compiled else g.ring_group_wait
        return function(self.address, patience_ns) != 0


def ring_sources() -> list[Any]:
    """Source files of the ring's compiled code, for objects of other loops that hold it."""
    return native.sources(*(f"streams.lanes.ring_{part}" for part in ("kernel", "group", "layout", "ahead")))


def prepare() -> None:
    """Compile the code of the ends, or load it from disk."""
    _compiled()


@functools.cache
def _compiled() -> dict[str, Callable[..., int]]:
    return native.functions("ring", _ENTRIES, ring_sources())
