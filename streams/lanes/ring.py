"""A ring: slots that one process writes and many read, in shared memory, with nothing between them but cache lines.

    ring = Ring.create(path, [LevelSlot, TradeSlot], capacity=65_536)      # or Ring.open(path, [...]) in another process
    writer = ring.writer("feed-binance")                                   # one at a time; a dead one's place can be taken
    reader = ring.reader("lane-0")                                         # blocking: the writer waits for it
    monitor = ring.reader("top", lossy=True)                               # never waited for; what it misses is counted

Compiled loops take `writer.address` and `reader.address` and use `ring_kernel.RingWriter` and `RingReader` there; the handles serve the
rest. Several writers have a ring each. Plain (`compiled=False`) ends run the same code uncompiled on the same memory; between processes
that is for debugging on x86-64 only, because plain Python cannot order its stores.

An end belongs to a process and has a name. When the process is gone, killed or not, whoever asks for the name next takes over: a writer
goes on after the last published slot (what was claimed and not published is void), a blocking reader at its last commit: the writer has
been waiting. `free_dead` lets the writer go on without it; should it come back, what it missed is counted as lost.
"""

import json
import mmap
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from streams.errors import LaneError
from streams.kernel.atomics import fence, load_acquire, store_relaxed, store_release
from streams.kernel.fields import up
from streams.kernel.struct import StructMeta
from streams.kernel.system import barrier_register
from streams.lanes import ring_kernel as k
from streams.lanes import ring_layout as at
from streams.lanes.ring_ends import Reader, Writer
from streams.lanes.ring_memory import RingMemory, reserve
from streams.lanes.ring_owner import alive, held, started
from streams.lanes.waiting import POLICIES, Waiting

__all__ = ["LineInfo", "Ring", "ring_nbytes"]

_MAGIC = int.from_bytes(b"millring", "little")
_VERSION = 1
_NEVER = 1 << 62
_SIZES = (64, 128, 256)
_NOTHING: Mapping[str, str] = {}


def ring_nbytes(slots: Sequence[StructMeta], capacity: int) -> int:
    """Bytes of the slots of a ring that `Ring.create` would make."""
    size = max(s._size_ for s in slots)
    return size * _rounded(capacity, size)


def _rounded(capacity: int, size: int) -> int:
    """Slots that a ring has: a power of two that fills a page."""
    return 1 << (max(capacity, mmap.PAGESIZE // size) - 1).bit_length()


@dataclass(frozen=True, slots=True)
class LineInfo:
    """One reader as the ring knows it. behind: slots published and not committed; live: its process lives (false: it left, too)."""

    name: str
    lossy: bool
    waited_for: bool
    live: bool
    behind: int
    lost: int
    overruns: int


class Ring:
    """A ring in a file; made by `create` or `open`. A handle is one thread's."""

    def __init__(self, path: str, fd: int, slots: Sequence[StructMeta], about: Mapping[str, str]) -> None:
        head = np.frombuffer(os.pread(fd, at.HEAD, 0), np.int64)
        if len(head) * 8 < at.HEAD or head[0] != _MAGIC:
            raise LaneError(f"{path}: is no ring; remove it, or take another name")
        if head[1] != _VERSION:
            raise LaneError(f"{path}: ring of format {head[1]}, this version has {_VERSION}; stop all its processes and remove it")
        self.path, self._fd = path, fd
        self.slot_nbytes, self.capacity, header, text = (int(v) for v in head[2:6])
        whole = header + self.slot_nbytes * self.capacity
        if os.fstat(fd).st_size < whole:
            raise LaneError(f"{path}: has {os.fstat(fd).st_size:,} bytes of {whole:,}; stop all its processes and remove it")
        at.refuse_stranger(path, os.pread(fd, text, at.TEXT), slots, about)
        self.memory = RingMemory(path, fd, header, self.slot_nbytes * self.capacity)
        self.address = self.memory.address

    @classmethod
    def create(
        cls, path: str | os.PathLike[str], slots: Sequence[StructMeta], capacity: int, about: Mapping[str, str] = _NOTHING
    ) -> "Ring":
        """A new ring in a new file, readable by this user only. /dev/shm is memory; elsewhere the host writes it to disk now and then.

        slots: every class that may stand in it; the largest gives the slot's bytes (64, 128 or 256). capacity: slots, > 0, rounded up to
        a power of two that fills a page. about: what else both sides must agree on, by name. LaneError if the file exists or has no room.
        """
        path, size = os.fspath(path), max((s._size_ for s in slots), default=0)
        if size not in _SIZES:
            raise LaneError(f"{path}: slots of {size} bytes; a ring has slots of 64, 128 or 256 bytes")
        if capacity <= 0:
            raise LaneError(f"{path}: capacity {capacity}; at least one slot is needed")
        capacity = _rounded(capacity, size)
        text = json.dumps(at.described(slots, about), separators=(",", ":")).encode()
        header = up(at.TEXT + len(text), mmap.PAGESIZE)
        aside = f"{path}.{os.getpid()}.new"
        fd = os.open(aside, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            reserve(path, fd, header + capacity * size)
            os.pwrite(fd, np.array([_MAGIC, _VERSION, size, capacity, header, len(text)], np.int64).tobytes(), 0)
            os.pwrite(fd, text, at.TEXT)
            os.link(aside, path)  # whole or not at all: nobody opens half a ring
        except FileExistsError:
            raise LaneError(f"{path}: exists; open it, or remove it when no process uses it") from None
        finally:
            os.close(fd)
            os.unlink(aside)
        return cls.open(path, slots, about)

    @classmethod
    def open(cls, path: str | os.PathLike[str], slots: Sequence[StructMeta], about: Mapping[str, str] = _NOTHING) -> "Ring":
        """The ring in a file. LaneError if there is none, or if its slots are laid out otherwise than here: it names class and field."""
        path = os.fspath(path)
        try:
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError as e:
            raise LaneError(f"{path}: cannot be opened as a ring ({e.strerror}); does its writer run?") from None
        try:
            return cls(path, fd, slots, about)
        except BaseException:
            os.close(fd)
            raise

    @property
    def head(self) -> int:
        """Slots published so far."""
        return load_acquire(self.address + at.HEAD)

    @property
    def epoch(self) -> int:
        """Writers so far."""
        return load_acquire(self.address + at.WRITER + at.EPOCH)

    @property
    def full(self) -> int:
        """Claims of the writer that found no room, over all writers."""
        return load_acquire(self.address + at.WRITER + at.FULL)

    @property
    def writer_lives(self) -> bool:
        """Whether the process of the writer lives; false also if it left, or none ever came."""
        return self._lives(self.address + at.WRITER)

    def writer(self, name: str, wait: Waiting = POLICIES["backoff"], compiled: bool = True) -> "Writer":
        """Become the writer. LaneError names the one that lives. wait: how `claim_within` waits for blocking readers."""
        line = self.address + at.WRITER
        with held(self._fd, self.path):
            self._refuse_living(line, "writer", name)
            self._own(line, name)
            store_relaxed(line + at.EPOCH, load_acquire(line + at.EPOCH) + 1)
            barrier = barrier_register() == 0
            store_relaxed(line + at.BARRIER, int(barrier))
            fence()  # before the first publish that leaves its own out
            k.wake_sleepers(self.address)  # who slept through the end of the writer before looks again
        return Writer(self, line, int(not barrier), wait, compiled)

    def reader(
        self, name: str, lossy: bool = False, start: str = "resume", wait: Waiting = POLICIES["backoff"], compiled: bool = True
    ) -> "Reader":
        """Join under a name, 1 to 64 bytes; LaneError if a living process has it, or all lines are taken.

        start: `resume` = where the name last committed, or `now` if it is new; `now` = what is published from now on; `oldest` = what the
        ring still holds.
        """
        if start not in ("resume", "now", "oldest"):
            raise LaneError(f"{self.path}: reader {name!r} cannot start at {start!r}; use resume, now or oldest")
        with held(self._fd, self.path):
            line = self._line_for(name)
            self._refuse_living(line, "reader", name)
            known = self._name(line) == name
            if known and start == "resume" and load_acquire(line + at.STATE) == at.BLOCKING:
                cursor = load_acquire(line + at.CURSOR)
                safe = max(cursor, load_acquire(line + at.SAFE))  # the writer has been waiting all along
                self._own(line, name)
                if lossy:
                    store_release(line + at.STATE, at.LOSSY)
            else:
                cursor, safe = self._join(line, name, start if known or start != "resume" else "now", lossy)
        return Reader(self, line, cursor, _NEVER if lossy else safe, wait, compiled)

    def readers(self) -> list[LineInfo]:
        """Every reader that has a line, in the order of the lines."""
        head = self.head
        return [self._info(line, head) for line in self._lines() if self._name(line)]

    def cursor_of(self, name: str) -> int:
        """Address of the word where a blocking reader says up to where it is done; 0 if nobody waits for a reader of that name."""
        lines = (line for line in self._lines() if self._name(line) == name and load_acquire(line + at.STATE) == at.BLOCKING)
        return next(lines, -at.CURSOR) + at.CURSOR

    def free_dead(self) -> list[str]:
        """Wait no more for blocking readers whose process is gone; their names. Who left with `detach` is not gone."""
        freed = []
        with held(self._fd, self.path):
            for line in self._lines():
                pid = load_acquire(line + at.PROCESS)
                if load_acquire(line + at.STATE) == at.BLOCKING and pid and not alive(pid, load_acquire(line + at.STARTED)):
                    store_release(line + at.STATE, at.FREE)
                    freed.append(self._name(line))
        return freed

    def free(self, name: str) -> None:
        """Wait no more for a reader, and forget that a process had it; LaneError if it has no line, or lives."""
        with held(self._fd, self.path):
            line = next((line for line in self._lines() if self._name(line) == name), None)
            if line is None:
                names = ", ".join(r.name for r in self.readers()) or "none"
                raise LaneError(f"{self.path}: has no reader {name!r}; readers: {names}")
            self._refuse_living(line, "reader", name)
            store_release(line + at.STATE, at.FREE)
            store_release(line + at.PROCESS, 0)

    def close(self) -> None:
        """Unmap it. Its ends are let go first by `leave` or `detach`; those that are not look dead when this process ends."""
        if not self.memory.closed:
            self.memory.close()
            os.close(self._fd)

    def _lines(self) -> range:
        first = self.address + at.FIRST_LINE
        return range(first, first + load_acquire(self.address + at.LINES) * at.LINE_NBYTES, at.LINE_NBYTES)

    def _line_for(self, name: str) -> int:
        """The line that has the name, else one never used, else one that is free."""
        used = self._lines()
        same = [line for line in used if self._name(line) == name]
        if same:
            return same[0]
        if len(used) < at.READERS:
            return used.stop
        free = [line for line in used if load_acquire(line + at.STATE) != at.BLOCKING and not self._lives(line)]
        if not free:
            names = ", ".join(self._name(line) for line in used)
            raise LaneError(f"{self.path}: all {at.READERS} readers are taken ({names}); end one, or free one that will not come back")
        return free[0]

    def _join(self, line: int, name: str, start: str, lossy: bool) -> tuple[int, int]:
        """Announce a reader; its first slot, and the first that is sure to stay."""
        other = self._name(line) != name
        store_release(line + at.STATE, at.FREE)
        self._own(line, name)
        if other:
            store_relaxed(line + at.LOST, 0)
            store_relaxed(line + at.OVERRUNS, 0)
        head = self.head
        oldest = max(0, load_acquire(self.address + at.CLAIM) - self.capacity)
        cursor = min(oldest, head) if start == "oldest" else head if start == "now" else load_acquire(line + at.CURSOR)
        store_relaxed(line + at.CURSOR, cursor)
        store_relaxed(line + at.SAFE, _NEVER)
        used = (line - self.address - at.FIRST_LINE) // at.LINE_NBYTES + 1
        if used > load_acquire(self.address + at.LINES):
            store_release(self.address + at.LINES, used)
        store_release(line + at.STATE, at.LOSSY if lossy else at.BLOCKING)
        fence()  # the writer sees the line, or this sees all it published before it looked
        safe = self.head
        store_release(line + at.SAFE, safe)
        if start == "now":
            cursor = safe
            store_release(line + at.CURSOR, cursor)
        return cursor, safe

    def _own(self, line: int, name: str) -> None:
        text = name.encode()
        if not 0 < len(text) <= at.NAME_NBYTES:
            raise LaneError(f"{self.path}: name {name!r} has {len(text)} bytes; 1 to {at.NAME_NBYTES} are allowed")
        self.memory.bytes_at(line + at.NAME - self.address, at.NAME_NBYTES)[:] = np.frombuffer(text.ljust(at.NAME_NBYTES, b"\0"), np.uint8)
        store_relaxed(line + at.STARTED, started(os.getpid()))
        store_release(line + at.PROCESS, os.getpid())

    def _name(self, line: int) -> str:
        return self.memory.bytes_at(line + at.NAME - self.address, at.NAME_NBYTES).tobytes().rstrip(b"\0").decode()

    def _lives(self, line: int) -> bool:
        return alive(load_acquire(line + at.PROCESS), load_acquire(line + at.STARTED))

    def _refuse_living(self, line: int, what: str, name: str) -> None:
        if self._lives(line):
            pid = load_acquire(line + at.PROCESS)
            raise LaneError(f"{self.path}: {what} {self._name(line)!r} lives as process {pid}; end it, then {name!r} can take its place")

    def _info(self, line: int, head: int) -> LineInfo:
        state, lost, overruns = (load_acquire(line + word) for word in (at.STATE, at.LOST, at.OVERRUNS))
        behind = max(0, head - load_acquire(line + at.CURSOR))
        return LineInfo(self._name(line), state == at.LOSSY, state == at.BLOCKING, self._lives(line), behind, lost, overruns)
