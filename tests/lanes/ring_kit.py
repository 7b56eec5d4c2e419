"""What tests of the ring share: slots that show any torn byte, compiled loops that write and check them, and processes to kill."""

import gc
import os
import signal
import time
import traceback
from collections.abc import Callable
from functools import cache

import numpy as np

from streams.kernel import Struct, at, native
from streams.kernel.atomics import fetch_add, load_acquire, load_relaxed, store_relaxed
from streams.lanes.ring import Ring
from streams.lanes.ring_ends import ring_sources
from streams.lanes.ring_kernel import RingReader, RingWriter
from streams.lanes.waiting import POLICIES

BOUND_S = 20.0
STOP, SEEN, BAD, LOST = 0, 64, 128, 192
"""Words of a board: shared memory of a test and its processes, which a killed one leaves as it was."""


class Note(Struct, align=64):
    """64 bytes that all follow from the slot's number."""

    a: int
    b: int
    c: int
    d: int
    e: int
    f: int
    g: int
    h: int


def fill(address: int, number: int) -> None:
    for j in range(8):
        store_relaxed(address + 8 * j, (number + 1) * (2 * j + 3))


def right(address: int, number: int) -> bool:
    good = True
    for j in range(8):
        good = good and load_relaxed(address + 8 * j) == (number + 1) * (2 * j + 3)
    return good


def produce(writer: int, n: int, batch: int, board: int) -> int:
    """Write notes in place, up to number n, until STOP; where it got."""
    w = at(RingWriter, writer)
    while w.next < n and load_acquire(board + STOP) == 0:
        part = min(batch, n - w.next)
        address = w.claim_within(part, 100_000_000)
        if address != 0:
            for j in range(part):
                fill(address + 64 * j, w.next + j)
            w.publish(part)
    return w.next


def consume(reader: int, n: int, each: int, board: int) -> int:
    """Check notes in place, up to number n, until STOP; SEEN, BAD and LOST are counted on the board. Commits every `each`."""
    r = at(RingReader, reader)
    while r.next < n and load_acquire(board + STOP) == 0:
        ready = min(r.wait(100_000_000), each)
        good = 0
        for j in range(ready):
            good += right(r.slot(r.next + j), r.next + j)
        if r.intact():
            fetch_add(board + SEEN, ready)
            fetch_add(board + BAD, ready - good)
            r.next += ready
            r.commit()
        else:
            fetch_add(board + LOST, r.skip())
    return r.next


def watch(reader: int, n: int, buffer: int, board: int) -> int:
    """Copy notes out one to sixteen at a time, up to number n, until STOP, and check the copies."""
    r = at(RingReader, reader)
    while r.next < n and load_acquire(board + STOP) == 0:
        if r.wait(100_000_000) > 0:
            lost = r.lost
            got = r.take(buffer, 1 + r.next % 16)
            fetch_add(board + LOST, r.lost - lost)
            fetch_add(board + SEEN, got)
            for j in range(got):
                if not right(buffer + 64 * j, r.next - got + j):
                    fetch_add(board + BAD, 1)
            r.commit()
    return r.next


ENTRIES = {"produce": (produce, 4), "consume": (consume, 4), "watch": (watch, 4)}


@cache
def loop(name: str) -> Callable[..., int]:
    """A compiled loop of this file."""
    loaded = native.load("ring_kit", lambda: ENTRIES, [*ring_sources(), __file__])
    return native.function(getattr(loaded, name), ENTRIES[name][1])


def until(reached: Callable[[], bool], what: str) -> None:
    """Wait for a condition; fail after BOUND_S."""
    end = time.monotonic() + BOUND_S
    while not reached():
        assert time.monotonic() < end, f"{what}: not within {BOUND_S:.0f} s"
        time.sleep(0.0005)


class Child:
    """A forked process that runs `work` and ends; its exit status is 0 if that returned true."""

    def __init__(self, work: Callable[[], object]) -> None:
        gc.freeze()  # garbage of the parent is not the child's to collect: clients in it have threads that the child does not have
        self.pid = os.fork()
        if self.pid == 0:
            status = 1
            try:
                status = 0 if work() else 2
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        gc.unfreeze()
        self.ended: int | None = None

    def kill(self) -> None:
        """kill -9, and wait for the end."""
        if self.ended is None:
            os.kill(self.pid, signal.SIGKILL)
            self.ended = os.waitpid(self.pid, 0)[1]

    def over(self) -> bool:
        """Whether it has ended."""
        if self.ended is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.ended = status if pid else None
        return self.ended is not None

    def join(self) -> int:
        """Its exit status, once it has ended."""
        until(self.over, "end of a child")
        assert self.ended is not None
        return os.waitstatus_to_exitcode(self.ended)


def producer(path: str, board: int, n: int, batch: int, wait: str = "yield") -> Child:
    """A process that writes notes up to number n."""

    def work() -> bool:
        with_ring = Ring.open(path, [Note])
        w = with_ring.writer("producer", wait=POLICIES[wait])
        return loop("produce")(w.address, n, batch, board) >= 0

    loop("produce")
    return Child(work)


def consumer(path: str, board: int, n: int, name: str, each: int = 16, wait: str = "yield", start: str = "resume") -> Child:
    """A process that checks every note in place."""

    def work() -> bool:
        r = Ring.open(path, [Note]).reader(name, wait=POLICIES[wait], start=start)
        return loop("consume")(r.address, n, each, board) >= 0

    loop("consume")
    return Child(work)


def watcher(path: str, board: int, n: int, name: str, wait: str = "yield") -> Child:
    """A lossy reader's process."""

    def work() -> bool:
        r = Ring.open(path, [Note]).reader(name, lossy=True, wait=POLICIES[wait])
        buffer = np.zeros(16 * 64 + 64, np.uint8)
        return loop("watch")(r.address, n, buffer.ctypes.data + -buffer.ctypes.data % 64, board) >= 0

    loop("watch")
    return Child(work)
