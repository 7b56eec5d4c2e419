"""The loop of the fast feed: frames from bytes to slots, one after the other, without Python.

A frame gets its id and is written whole into the ring `frames`; normalize reads it; its mark and its records go into the ring `market`,
published once all of them are made: of a frame at which normalize fails nothing is seen. So nothing leaves before its cause is in a ring,
and the lane sees the first frame of a wave before the second is read. The loop stops where it needs Python: a frame that compiled code does
not read, a ring without room, a book that needs a snapshot. Called again, it goes on where it stopped.

A process that starts again gives the loop the frames that are in the ring already. What it makes of them is compared with what stands in
the ring `market`, slot by slot up to its head, and published from there on.
"""

from streams.agents.market_ring import LARGEST_KIND, RING_BYTES, put_record, slots_of
from streams.agents.market_work import MarketWork
from streams.kernel import Struct, at, call2, call3, load_byte, load_word, store_word
from streams.kernel.atomics import load_acquire, pause
from streams.kernel.fault import FAULT
from streams.kernel.system import monotonic_ns, sleep_on, yield_cpu
from streams.lanes.fast_slots import KIND_FRAME
from streams.lanes.histogram import record
from streams.lanes.record_kernel import NO_ROOM
from streams.lanes.record_kernel import put_record as put_frame
from streams.lanes.ring_ahead import ask_room
from streams.lanes.ring_kernel import RingWriter
from streams.lanes.ring_layout import WRITER
from streams.slots import KIND_COMMAND

__all__ = [
    "DIFFERS",
    "DONE",
    "ENTRIES",
    "FAILED",
    "FULL",
    "HALF",
    "LATER",
    "REST",
    "RESYNC",
    "TOO_LARGE",
    "UNREAD",
    "FeedLoop",
]

DONE, LATER, HALF, FULL, REST, RESYNC, TOO_LARGE, FAILED, DIFFERS = range(9)
"""Why the loop stopped: at `last`; at `until_ns`, or there is news in the ring `control`; a checkpoint is due; a ring has no room; Python
is to look at this frame; a book needs a snapshot; a frame or a record takes more than half of its ring; normalize failed; what it made is
not what stands in the ring."""

UNREAD = -1  # what normalize answers to a frame that it leaves to Python
NEW, WRITTEN, READ = range(3)
"""How far the frame in hand is: not in the ring yet; in the ring; its records are being made."""

_NEXT = 4  # slots whose cache lines are asked for before they are written
_WORD = 8
_LOW = 0xFFFFFFFF
_MARK_HEAD = _LOW | KIND_FRAME << 32 | 0xFF << 40
_CAUSE, _TS, _RECV, _KIND, _WIRE, _RING = 8, 16, 24, 32, 40, 48
_KIND_BYTE = 36


class FeedLoop(Struct, align=64):
    """What the loop works on; addresses are of memory that the caller keeps.

    frames, market       : the RingWriters
    take, next           : entries of normalize; state, work: its state and its scratch; row: the one row of columns it reads frames from
    ids                  : 0: the frames are new; else int64 a frame: they are in the ring already
    times, seqs, starts, sizes : int64 a frame: receive time, source_seq, address and bytes of the payload
    wires                : int64 a frame: monotonic, when its first byte was there; paced 1: when it is due, and not before
    at, last             : frame in hand, the one to stop before; stage, id: how far it is, and its id
    made, marked         : kind of the record made last until it is in the ring, else 0; 1 = the frame's mark is in the ring
    held, shown          : slots of the frame that are not published yet; 1 = others are: it takes more than half of the ring
    connection, topic, partition, venue : of all frames; numbers of topic and venue; largest: bytes of a frame at most
    sent_connection, sent_seq : of the last frame that is in the ring
    first_id, sequence   : of the writer of frames, and its last sequence
    clock_ns, clock_at_ns, speed : the run's clock showed clock_ns at the monotonic clock_at_ns; seen_ns: monotonic, when looked at last
    until_ns             : monotonic, when a wait for a due frame ends; control, control_head: address of that ring's HEAD, and what it said
    frames_limit, market_limit : slots of the rings from which on no new frame is taken before a checkpoint
    early_ns             : how long before a frame is due it sleeps no more; sleeps, yields: what it does while it waits
    check, check_end     : next slot of `market` to compare with, and where comparing ends
    scratch, scratch_slots : memory to make records in that are compared
    histogram            : where the time from the wire to the ring is counted, 0 = nowhere
    count, records, slots: frames, records and their slots since the start; book: instrument that needs a snapshot
    """

    frames: int
    market: int
    take: int
    next: int
    state: int
    work: int
    row: int
    ids: int
    times: int
    seqs: int
    starts: int
    sizes: int
    wires: int
    paced: int
    at: int
    last: int
    stage: int
    id: int
    made: int
    marked: int
    held: int
    shown: int
    connection: int
    topic: int
    partition: int
    venue: int
    largest: int
    sent_connection: int
    sent_seq: int
    first_id: int
    sequence: int
    clock_ns: int
    clock_at_ns: int
    seen_ns: int
    speed: float = 1.0
    until_ns: int
    control: int
    control_head: int
    frames_limit: int
    market_limit: int
    early_ns: int
    sleeps: int
    yields: int
    check: int
    check_end: int
    scratch: int
    scratch_slots: int
    histogram: int
    count: int
    records: int
    slots: int
    book: int

    def run(self) -> int:
        """Carry frames until there is a reason to stop."""
        stop = DONE
        while stop == DONE and self.at < self.last:
            if self.stage == NEW:
                stop = self.bring()
            elif self.stage == WRITTEN:
                stop = self.read()
            else:
                stop = self.make()
        return stop

    def of(self, column: int) -> int:
        """A column's value of the frame in hand."""
        return load_word(column + _WORD * self.at)

    # ---- a frame ----
    def bring(self) -> int:
        """Write the frame into its ring, once it is due."""
        start = self.of(self.starts)
        size = self.of(self.sizes)
        recv_ts_ns = self.of(self.times)
        if self.ids != 0:
            self.id = self.of(self.ids)
        else:
            if at(RingWriter, self.frames).next >= self.frames_limit or at(RingWriter, self.market).next >= self.market_limit:
                return HALF
            if self.paced != 0 and not self.due(self.of(self.wires)):
                return LATER
            if size > self.largest:
                return TOO_LARGE
            if self.paced == 0:
                self.seen_ns = monotonic_ns()
            id = self.first_id + self.sequence + 1
            ts_ns = max(recv_ts_ns, self.now_ns())
            number = put_frame(
                at(RingWriter, self.frames),
                id,
                0,
                ts_ns,
                recv_ts_ns,
                self.topic,
                self.partition,
                -1,
                self.connection,
                self.of(self.seqs),
                start,
                size,
            )
            if number < 0:
                return FULL if number == NO_ROOM else TOO_LARGE
            self.sequence += 1
            self.sent_connection = self.connection
            self.sent_seq = self.of(self.seqs)
            self.id = id
        self.give(start, size)
        return DONE

    def give(self, start: int, size: int) -> None:
        """The frame is in its ring: normalize is to read these bytes of it."""
        store_word(self.row, self.id)
        store_word(self.row + _WORD, self.of(self.times))
        store_word(self.row + 2 * _WORD, self.venue)
        store_word(self.row + 3 * _WORD, start)
        store_word(self.row + 4 * _WORD, size)
        self.stage = WRITTEN

    def now_ns(self) -> int:
        """The run's time when the clock was last looked at."""
        return self.clock_ns + int(self.speed * float(self.seen_ns - self.clock_at_ns))

    def due(self, wire_ns: int) -> bool:
        """Wait until it is `wire_ns`; false if something else is to be looked at first."""
        now = monotonic_ns()
        while now < wire_ns:
            if now >= self.until_ns or (self.control != 0 and load_acquire(self.control) != self.control_head):
                return False
            left = min(wire_ns, self.until_ns) - now - self.early_ns
            if self.sleeps != 0 and left > 0:
                sleep_on(at(RingWriter, self.market).ring + WRITER, 0, left)  # a word that is always 0: a nap
            elif self.yields != 0:
                yield_cpu()
            else:
                pause()
            now = monotonic_ns()
        self.seen_ns = now
        return True

    def read(self) -> int:
        """Let normalize read the frame."""
        answer = call3(self.take, self.state, self.work, 0)
        if answer == FAULT:
            return FAILED
        if answer == UNREAD:
            return REST
        self.stage = READ
        return DONE

    # ---- its records ----
    def make(self) -> int:
        """Make the next record of the frame, and put it into the ring: with the frame's mark, if that is not there yet."""
        w = at(MarketWork, self.work)
        if self.made == 0:
            kind = call2(self.next, self.state, self.work)
            if kind == FAULT:
                return FAILED
            self.made = kind
        n = slots_of(w) if self.made != 0 else 0
        mark = 1 - self.marked
        if n + mark > 0:
            stop = self.put(w, mark, n)
            if stop != DONE:
                return stop
        self.marked = 1
        if self.made == 0:
            self.end()
            return DONE
        self.records += 1
        self.slots += n
        asked = self.made == KIND_COMMAND
        self.made = 0
        if asked:
            self.book = w.book
            return RESYNC
        return DONE

    def end(self) -> None:
        """The frame is done with."""
        self.marked = 0
        self.shown = 0
        self.stage = NEW
        self.at += 1
        self.count += 1
        if self.at >= self.last or self.paced != 0:  # there is time until the next
            ask_room(at(RingWriter, self.frames), _NEXT)
            ask_room(at(RingWriter, self.market), _NEXT)

    def put(self, w: MarketWork, mark: int, n: int) -> int:
        """Put the frame's mark (`mark` 1) and the `n` slots of the record made last into the ring; the last of it publishes the frame."""
        ring = at(RingWriter, self.market)
        checked = self.check < self.check_end
        total = mark + n
        wire_ns = self.of(self.wires)
        if total > ring.capacity // 2 or (checked and total > self.scratch_slots):
            return TOO_LARGE
        if self.held + total > ring.capacity // 2:
            self.show(ring, wire_ns)
        to = self.scratch if checked else ring.claim(self.held + total)
        if to == 0:
            return FULL
        if not checked:
            to += RING_BYTES * self.held
        if mark != 0:
            self.put_mark(to, wire_ns)
        if n > 0:
            put_record(w, to + RING_BYTES * mark)
        if checked:
            self.shown = 1
            return DONE if self.same(ring, to, mark, total) else DIFFERS
        self.held += total
        if w.todo == 0:
            self.show(ring, wire_ns)
        return DONE

    def show(self, ring: RingWriter, wire_ns: int) -> None:
        """Publish what the ring has of the frame."""
        if self.held == 0:
            return
        marks = self.shown == 0
        now = monotonic_ns()
        if marks:  # the first of it is the mark
            store_word(ring.slot(ring.next) + _RING, now)
        ring.publish(self.held)
        self.held = 0
        self.shown = 1
        if marks and wire_ns != 0 and self.histogram != 0:
            record(self.histogram, now - wire_ns)

    def put_mark(self, to: int, wire_ns: int) -> None:
        """The frame's FrameMark."""
        recv_ts_ns = self.of(self.times)
        store_word(to, self.id)
        store_word(to + _CAUSE, 0)
        store_word(to + _TS, recv_ts_ns)
        store_word(to + _RECV, recv_ts_ns)
        store_word(to + _KIND, _MARK_HEAD)
        store_word(to + _WIRE, wire_ns)
        for place in range(to + _RING, to + RING_BYTES, _WORD):
            store_word(place, 0)

    def same(self, ring: RingWriter, made: int, mark: int, total: int) -> bool:
        """Whether what was made stands in the ring: all bytes but the instants of a mark. If so, it is gone past."""
        if self.check + total > self.check_end:
            return False
        there = ring.slot(self.check)
        for place in range(0, RING_BYTES * total, _WORD):
            instant = mark != 0 and place in (_WIRE, _RING)
            if not instant and load_word(there + place) != load_word(made + place):
                return False
        self.check += total
        return True

    def respell(self, start: int, size: int) -> None:
        """Python has spelled the frame anew: normalize is to read this instead."""
        self.give(start, size)

    def skip(self) -> None:
        """Python has found that the frame gives no records: its mark stands alone."""
        at(MarketWork, self.work).todo = 0
        self.stage = READ


def feed_frames(loop: int) -> int:
    """Run the FeedLoop at an address; why it stopped."""
    return at(FeedLoop, loop).run()


def feed_respelled(loop: int, start: int, size: int) -> int:
    """Go on with the frame as Python has spelled it."""
    at(FeedLoop, loop).respell(start, size)
    return 0


def feed_skip(loop: int) -> int:
    """Go on without records of the frame."""
    at(FeedLoop, loop).skip()
    return 0


def feed_marks(slot: int, n: int, out: int) -> int:
    """Which of n slots at an address are marks, TAKEN included: their numbers from 0 as int64 at `out`; how many."""
    found = 0
    for i in range(n):
        if load_byte(slot + RING_BYTES * i + _KIND_BYTE) > LARGEST_KIND:
            store_word(out + _WORD * found, i)
            found += 1
    return found


ENTRIES = {
    "feed_frames": (feed_frames, 1),
    "feed_respelled": (feed_respelled, 3),
    "feed_skip": (feed_skip, 1),
    "feed_marks": (feed_marks, 3),
}
"""Entry points: name -> (function, number of arguments)."""
