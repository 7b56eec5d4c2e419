"""The two ends of a ring, as compiled loops use them: a writer's claim and publish, a reader's poll, wait, take and commit.

Each end is a Struct in its process's own memory; the ring is reached by address. Slot `number` of the stream lies at
`data + (number & mask) * slot_nbytes`, and the slots are mapped twice in a row, so that up to `capacity` slots from any number on are
contiguous: a record of many slots is read in place.

Memory order, wherever one side relies on the other's:
    publish -> poll     the slots, then HEAD by release; a reader loads HEAD by acquire, so it sees whole slots
    commit -> claim     what was read, then the cursor by release; the writer loads cursors by acquire before it writes those slots again
    claim -> intact     CLAIM, a release fence, then the slots; a reader loads the slots, an acquire fence, then CLAIM: if any byte was new,
                        so is CLAIM, and the copy is refused
    join <-> slowest    a new reader stores its line, a full fence, loads HEAD; the writer a full fence, then loads the lines: either it
                        sees the line, or the reader sees all it had published, and what is older is checked by `intact`
    publish <-> sleep   HEAD, then SLEEPERS is loaded; a sleeper stores SLEEPERS, then loads HEAD: both need a full fence between. The
                        writer leaves it out where the sleeper can have the system make it on the writer's core (`barrier_all`)
    wake                SLEEPERS cleared, EVENT counted, sleepers woken; a sleeper loads EVENT before it stores SLEEPERS, and sleeps only
                        while EVENT is that: no wake is lost, and what a killed sleeper left costs one call
"""

from streams.kernel import Struct, at
from streams.kernel.atomics import (
    fence,
    fence_acquire,
    fence_compiler,
    fence_release,
    fetch_add,
    load_acquire,
    load_relaxed,
    pause,
    store_relaxed,
    store_release,
)
from streams.kernel.system import barrier_all, monotonic_ns, sleep_on, wake_all, yield_cpu
from streams.lanes.ring_layout import (
    BARRIER,
    BLOCKING,
    CLAIM,
    CURSOR,
    EVENT,
    FIRST_LINE,
    FULL,
    HEAD,
    LINE_NBYTES,
    LINES,
    LOST,
    OVERRUNS,
    SLEEPERS,
    STATE,
    WRITER,
)

__all__ = ["BLIND_NAP_NS", "CLOCK_EACH", "ENTRIES", "RingReader", "RingWriter", "copy_words", "look_again", "wake_sleepers"]

CLOCK_EACH = 1024  # looks of a spinning reader from one look at the clock to the next
_ROOM_NAP_NS = 20_000  # a writer that sleeps is not woken: readers would pay for it at each commit
BLIND_NAP_NS = 1_000_000  # a sleeper that may miss its wake looks again


class RingWriter(Struct, align=64):
    """The writing end; one a ring.

    next        : number of the next slot to publish
    claimed     : what CLAIM says; >= next
    limit       : numbers below it can be claimed without looking at the readers
    full        : claims that found no room
    fenced      : 1 = publish needs its own full fence
    """

    ring: int
    data: int
    slot_nbytes: int
    capacity: int
    next: int
    claimed: int
    limit: int
    ahead: int
    full: int
    fenced: int
    spins: int
    yields: int
    sleeps: int

    def slot(self, number: int) -> int:
        """Address of a slot."""
        return self.data + (number & (self.capacity - 1)) * self.slot_nbytes

    def claim(self, n: int) -> int:
        """Address of the next n slots, to be written in place and published; 0 = a blocking reader is in the way. 0 < n <= capacity."""
        address = self.room(n)
        if address == 0:
            self.full += 1
            store_relaxed(self.ring + WRITER + FULL, self.full)
        return address

    def claim_within(self, n: int, patience_ns: int) -> int:
        """The same, waiting for room; 0 after `patience_ns` without."""
        address = self.claim(n)
        if address == 0:
            until = monotonic_ns() + patience_ns
            looks = 0
            while address == 0 and monotonic_ns() < until:
                looks += 1
                if look_again(looks, self.spins, self.yields, self.sleeps) != 0:
                    sleep_on(self.ring + WRITER, 0, _ROOM_NAP_NS)  # a word that is always 0: a nap
                address = self.room(n)
        return address

    def room(self, n: int) -> int:
        """The same, not counted when there is no room."""
        upto = self.next + n
        if upto > self.limit:
            self.limit = self.slowest() + self.capacity
            if upto > self.limit:
                return 0
        if upto > self.claimed:
            self.claimed = upto + self.ahead  # some more, so that the word is not written at each claim
            store_relaxed(self.ring + CLAIM, self.claimed)
            fence_release()  # before any byte of the slots changes
        return self.slot(self.next)

    def slowest(self) -> int:
        """Smallest cursor of the blocking readers; `next` without any."""
        fence()  # see join
        lowest = self.next
        for i in range(load_acquire(self.ring + LINES)):
            line = self.ring + FIRST_LINE + i * LINE_NBYTES
            if load_acquire(line + STATE) == BLOCKING:
                lowest = min(lowest, load_acquire(line + CURSOR))
        return lowest

    def publish(self, n: int) -> None:
        """Make n claimed slots, which are written, visible, and wake who sleeps. 0 < n <= what was claimed."""
        self.next += n
        store_release(self.ring + HEAD, self.next)
        if self.fenced != 0:
            fence()
        else:
            fence_compiler()
        if load_relaxed(self.ring + SLEEPERS) != 0:
            wake_sleepers(self.ring)

    def write(self, source: int, n: int) -> int:
        """Copy n slots, as far as there is room, and publish them; how many."""
        done = 0
        while done < n:
            part = min(n - done, max(self.capacity // 4, 1))
            if self.room(part) == 0:
                part = self.limit - self.next
                if part <= 0 or self.room(part) == 0:
                    break
            copy_words(source + done * self.slot_nbytes, self.slot(self.next), part * self.slot_nbytes)
            self.publish(part)
            done += part
        return done


class RingReader(Struct, align=64):
    """A reading end, in the line of the ring that its name has.

    next     : number of the next slot to read
    head     : HEAD when it was last loaded
    safe     : slots from here on stay until they are committed; those before, and all of a lossy reader's, must be checked by `intact`
    lost     : slots that were overwritten before they could be read, since the name first joined
    overruns : how many times that happened
    """

    ring: int
    data: int
    line: int
    slot_nbytes: int
    capacity: int
    next: int
    head: int
    safe: int
    lost: int
    overruns: int
    spins: int
    yields: int
    sleeps: int

    def slot(self, number: int) -> int:
        """Address of a slot."""
        return self.data + (number & (self.capacity - 1)) * self.slot_nbytes

    def poll(self) -> int:
        """Slots that can be read from `next` on, 0 = none. Of a lossy reader it may be more than the ring holds: `intact` will tell."""
        if self.head <= self.next:
            self.head = load_acquire(self.ring + HEAD)
        return self.head - self.next

    def wait(self, patience_ns: int) -> int:
        """The same, waiting for news; 0 after `patience_ns` without."""
        ready = self.poll()
        if ready == 0:
            until = monotonic_ns() + patience_ns
            looks = 0
            while ready == 0:
                looks += 1
                if look_again(looks, self.spins, self.yields, self.sleeps) != 0:
                    self.sleep(until)
                ready = self.poll()
                timed = looks % CLOCK_EACH == 0 or (looks > self.spins and self.yields + self.sleeps > 0)
                if ready == 0 and timed and monotonic_ns() >= until:
                    break
        return ready

    def sleep(self, until_ns: int) -> None:
        """Sleep until a slot is published, or the time is up."""
        event = self.announce()
        fence()
        left = until_ns - monotonic_ns()
        if self.blind():
            left = min(left, BLIND_NAP_NS)
        if left > 0 and self.poll() == 0:
            sleep_on(self.ring + EVENT, event, left)

    def announce(self) -> int:
        """Say that this reader will sleep, unless a look after a full fence finds something; the EVENT to sleep on."""
        event = load_acquire(self.ring + EVENT)
        store_relaxed(self.ring + SLEEPERS, 1)
        return event

    def blind(self) -> bool:
        """Fence on the writer's core; true if that cannot be, so that a wake may be missed."""
        return load_relaxed(self.ring + WRITER + BARRIER) != 0 and barrier_all() < 0

    def intact(self) -> bool:
        """Whether what has been read from `next` on, in place or copied, was still whole."""
        if self.next >= self.safe:
            return True
        fence_acquire()
        return load_relaxed(self.ring + CLAIM) - self.next <= self.capacity

    def skip(self) -> int:
        """After `intact` said no: go on where slots will last for a while, and count what is lost; how many slots."""
        head = load_acquire(self.ring + HEAD)
        to = min(load_relaxed(self.ring + CLAIM) - self.capacity // 2, head, self.safe)
        lost = to - self.next
        self.next = to
        self.head = head
        self.lost += lost
        self.overruns += 1
        store_relaxed(self.line + LOST, self.lost)
        store_relaxed(self.line + OVERRUNS, self.overruns)
        return lost

    def take(self, target: int, n: int) -> int:
        """Copy up to n slots out, whole ones only, and go past them; how many. Cursors are not committed."""
        ready = self.poll()
        while ready > 0:
            part = min(n, ready, self.capacity)
            copy_words(self.slot(self.next), target, part * self.slot_nbytes)
            if self.intact():  # the first is the oldest: if it is whole, all are
                self.next += part
                return part
            self.skip()
            ready = self.poll()
        return 0

    def commit(self) -> None:
        """Slots below `next` are done with: the writer may have them, and a restart begins after them."""
        store_release(self.line + CURSOR, self.next)

    def commit_to(self, number: int) -> None:
        """The same for slots below a number only: what a restart needs of those from it on is still to be kept. number <= next."""
        store_release(self.line + CURSOR, number)


def look_again(looks: int, spins: int, yields: int, sleeps: int) -> int:
    """Pause or yield before a look at something, the `looks`th in a row; 1 = it is time to sleep instead."""
    if looks <= spins:
        pause()
    elif looks - spins <= yields:
        yield_cpu()
    elif sleeps != 0:
        return 1
    else:
        pause()
    return 0


def wake_sleepers(ring: int) -> None:
    """Wake every sleeping reader of a ring."""
    store_relaxed(ring + SLEEPERS, 0)
    fetch_add(ring + EVENT, 1)
    wake_all(ring + EVENT)


def copy_words(source: int, target: int, nbytes: int) -> None:
    """Copy aligned words one by one, so that none is torn."""
    for i in range(0, nbytes, 8):
        store_relaxed(target + i, load_relaxed(source + i))


def ring_write(writer: int, source: int, n: int, patience_ns: int) -> int:
    w = at(RingWriter, writer)
    done = w.write(source, n)
    while done < n and w.claim_within(1, patience_ns) != 0:
        done += w.write(source + done * w.slot_nbytes, n - done)
    return done


def ring_take(reader: int, target: int, n: int, patience_ns: int) -> int:
    r = at(RingReader, reader)
    done = 0
    if r.wait(patience_ns) > 0:
        done = r.take(target, n)
    return done


def ring_poll(reader: int) -> int:
    return at(RingReader, reader).poll()


def ring_commit(reader: int) -> int:
    at(RingReader, reader).commit()
    return 0


def ring_room(writer: int, n: int, patience_ns: int) -> int:
    return at(RingWriter, writer).claim_within(n, patience_ns)


ENTRIES = {
    "ring_room": (ring_room, 3),
    "ring_write": (ring_write, 4),
    "ring_take": (ring_take, 4),
    "ring_poll": (ring_poll, 1),
    "ring_commit": (ring_commit, 1),
}
"""What the handles of `ring` call; other compiled loops use the Structs."""
