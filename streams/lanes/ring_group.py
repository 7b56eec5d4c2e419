"""Waiting for several rings at once: a loop that drains more than one sleeps until any of their writers publishes."""

from streams.kernel import Array, Struct, at
from streams.kernel.atomics import fence, load_relaxed, store_relaxed
from streams.kernel.system import monotonic_ns, sleep_on, sleep_on_any
from streams.lanes.ring_kernel import BLIND_NAP_NS, CLOCK_EACH, RingReader, look_again
from streams.lanes.ring_layout import EVENT

__all__ = ["ENTRIES", "MOST", "RingGroup"]

MOST = 16  # readers of a group
_NAP_NS = 50_000
_LOW_HALF = 0xFFFFFFFF


class RingGroup(Struct, align=64):
    """Several reading ends that one loop waits for at once, MOST at most.

    readers : addresses of the RingReaders
    words   : address of 3 x MOST words, for the system call
    many    : 1 = the host can sleep on several words; else a sleep is a nap of 50 us
    """

    n: int
    words: int
    many: int
    spins: int
    yields: int
    sleeps: int
    readers: Array[int, 16]

    def news(self) -> bool:
        """Whether any of them has something to read."""
        found = False
        for i in range(self.n):
            found = found or at(RingReader, self.readers[i]).poll() > 0
        return found

    def wait(self, patience_ns: int) -> bool:
        """The same, waiting for news; false after `patience_ns` without."""
        ready = self.news()
        if not ready:
            until = monotonic_ns() + patience_ns
            looks = 0
            while not ready:
                looks += 1
                if look_again(looks, self.spins, self.yields, self.sleeps) != 0:
                    self.sleep(until)
                ready = self.news()
                timed = looks % CLOCK_EACH == 0 or (looks > self.spins and self.yields + self.sleeps > 0)
                if not ready and timed and monotonic_ns() >= until:
                    break
        return ready

    def sleep(self, until_ns: int) -> None:
        """Sleep until a slot is published in any of the rings, or the time is up."""
        for i in range(self.n):
            r = at(RingReader, self.readers[i])
            store_relaxed(self.words + 24 * i, r.announce() & _LOW_HALF)
            store_relaxed(self.words + 24 * i + 8, r.ring + EVENT)
            store_relaxed(self.words + 24 * i + 16, 2)
        fence()
        for i in range(self.n):
            if at(RingReader, self.readers[i]).blind():
                until_ns = min(until_ns, monotonic_ns() + BLIND_NAP_NS)
        if not self.news():
            if self.many != 0:
                sleep_on_any(self.words, self.n, until_ns)
            else:
                sleep_on(self.words, load_relaxed(self.words), max(0, min(_NAP_NS, until_ns - monotonic_ns())))


def ring_group_wait(group: int, patience_ns: int) -> int:
    ready = 0
    if at(RingGroup, group).wait(patience_ns):
        ready = 1
    return ready


ENTRIES = {"ring_group_wait": (ring_group_wait, 2)}
