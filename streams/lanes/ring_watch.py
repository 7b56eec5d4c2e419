"""Rings as an event loop waits for them: a callback when any of them has news, some tens of us after it was published.

watch = RingWatch([own, control, kill], wait)
watch.start(asyncio.get_running_loop(), on_news)       # on_news(others) reads what is there
watch.stop()
"""

import asyncio
import functools
import os
import threading
from collections.abc import Callable, Sequence

import numpy as np

from streams.kernel import native
from streams.kernel.atomics import store_release
from streams.kernel.system import can_sleep_on_any, wake_all
from streams.lanes import ring_watch_kernel as k
from streams.lanes.record_ring import record_sources
from streams.lanes.ring_ends import Reader
from streams.lanes.ring_group import MOST, RingGroup
from streams.lanes.ring_kernel import RingReader
from streams.lanes.waiting import POLICIES, Waiting

__all__ = ["RingWatch", "prepare"]


class RingWatch:
    """Watches rings for one event loop. A compiled thread sleeps on them and tells through a pipe: the loop is not asked for its lock.

    readers : whose rings. News is what is published from where they have read to at `start`, once
    wait    : what never sleeps spins or yields; else it sleeps soon: an event loop takes longer to wake than spinning could save
    kind    : of the first ring, slots of this kind only are news; 0 = any. What it passes over the owner must pass over now and then
    """

    def __init__(self, readers: Sequence[Reader], wait: Waiting = POLICIES["backoff"], kind: int = 0) -> None:
        self._readers = list(readers)
        wait = POLICIES["sleep"] if wait.sleeps else wait
        self._words = np.zeros(k.WORDS_NBYTES // 8, np.int64)
        self._words[k.KIND // 8] = kind
        self._seen = [_looker(reader) for reader in readers]  # reading ends of the thread alone: they commit nothing
        self._any = np.zeros(3 * MOST, np.int64)
        group = RingGroup(
            n=len(readers),
            words=self._any.ctypes.data,
            many=int(can_sleep_on_any()),
            spins=wait.spins,
            yields=wait.yields,
            sleeps=int(wait.sleeps),
        )
        for i, looker in enumerate(self._seen):
            group.readers[i] = looker.ctypes.data
        self._group = group.pack()
        self._out, self._in = os.pipe()
        os.set_blocking(self._out, False)
        os.set_blocking(self._in, False)
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self, loop: asyncio.AbstractEventLoop, on_news: Callable[[bool], None]) -> None:
        """Call `on_news` in the loop now, and whenever a ring has news from now on; true: it may be another than the first."""
        run = _compiled()["watch"]
        self._loop = loop
        loop.add_reader(self._out, self._told, loop, on_news)
        self._thread = threading.Thread(
            target=run, args=(self._group.ctypes.data, self._words.ctypes.data, self._in), name="ring-watch", daemon=True
        )
        self._arm()
        on_news(True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; harmless if it never began."""
        if self._thread is not None and self._loop is not None:
            store_release(self._words.ctypes.data + k.STOP, 1)
            wake_all(self._words.ctypes.data + k.ARMED)
            self._thread.join()
            self._thread = None
            if not self._loop.is_closed():
                self._loop.remove_reader(self._out)
        for fd in (self._out, self._in):
            if fd >= 0:
                os.close(fd)
        self._out = self._in = -1

    def _told(self, loop: asyncio.AbstractEventLoop, on_news: Callable[[bool], None]) -> None:
        told = os.read(self._out, 1)  # it tells once until it is armed
        try:
            on_news(told[0] & k.OTHERS != 0)
        finally:
            loop.call_soon(self._arm)  # behind the tasks that the news wakes; what they leave unread is told of then

    def _arm(self) -> None:
        for reader, looker in zip(self._readers, self._seen, strict=True):  # what its owner has read may be gone
            looker[_NEXT] = max(int(looker[_NEXT]), reader.next)
        store_release(self._words.ctypes.data + k.ARMED, 1)
        wake_all(self._words.ctypes.data + k.ARMED)


def prepare() -> None:
    """Compile, or load from disk, now and not when the first one starts."""
    _compiled()


def _looker(reader: Reader) -> np.ndarray:
    """The RingReader of a reader copied, as words."""
    s = reader.state
    state = RingReader(ring=s.ring, data=s.data, line=s.line, slot_nbytes=s.slot_nbytes, capacity=s.capacity, next=s.next, head=s.next)
    return state.pack().view(np.int64)


def _place(name: str) -> int:
    return RingReader._fields_[name].offset // 8  # type: ignore[attr-defined]


_NEXT = _place("next")


@functools.cache
def _compiled() -> dict[str, Callable[..., int]]:
    return native.functions(
        "ring_watch", k.ENTRIES, [*record_sources(), *native.sources("streams.lanes.ring_watch_kernel", "streams.slots")]
    )
