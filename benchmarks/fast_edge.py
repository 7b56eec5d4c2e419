"""The edge of the fast lane in one compiled loop: frames leave by a schedule through the feed, requests become the venue's text, and a
venue in memory answers them at once. It stands for feed and gateway in one process; the lane is another.

Each frame has an instant at which it is due. The loop gives it to the feed then, or as soon as it can, and says to the feed that it came
when it was due: whatever holds the loop counts as latency of every frame that was due meanwhile. So does the lane's being late. A frame's
bytes are asked for before it is due: what has just been copied out of a socket is in the cache, what was recorded long ago is not.
"""

import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from order_cycle import begin_event

from streams.agents.codes import ACTION_NEW, VENUE_ACK, VENUE_CANCELLED, VENUE_FILL
from streams.kernel import Struct, addr_of, at, call1, native, prefetch
from streams.kernel.raw import load_word, store_word
from streams.kernel.system import monotonic_ns, yield_cpu
from streams.lanes.fast_slots import KIND_STAMPS, StampSlot
from streams.lanes.ring_ahead import ask_slots
from streams.lanes.ring_ends import ring_sources
from streams.lanes.ring_kernel import RingReader, RingWriter, copy_words
from streams.slots import KIND_REQUEST, RequestSlot, Slot, VenueEventSlot
from streams.venues.binance.fast_feed_kernel import DONE, RESYNC
from streams.venues.sim.request_kernel import write_request
from streams.venues.sim.request_text import SOURCES

__all__ = ["EDGE_FILES", "SAMPLE", "TEXTS", "TEXT_BYTES", "Edge", "carry_entry", "host_entry", "sample_columns"]

SAMPLE = ("wire", "ring", "taken", "decided", "checked", "seen", "sent")
"""Words of a sample, monotonic ns: frame due, its slots published, taken, order asked for, outputs there, request read, its text there."""
TEXTS, TEXT_BYTES = 256, 1024
EDGE_FILES = (Path(__file__), Path(__file__).with_name("order_cycle.py"))
"""Compiled code of an Edge beside that of the package."""
_QUIET_NS = 300_000_000  # no request for so long after the last frame: there is nothing left
_PATIENCE_NS = 5_000_000_000
_WORD, _LINE, _EVENT = 8, 64, 128
_AHEAD = 6


class Edge(Struct, align=64):
    """What the loop works on; addresses are of memory that the caller keeps.

    feed, give        : the feed's loop and its entry: carries the frames from `first` on, as many as `count` says
    first, count      : addresses of the words that say which frames, `at` and `last` of the FeedLoop
    due, wire, next, frames : int64 a frame: when it is due, what the feed is told; the next one, how many
    starts, sizes     : int64 a frame: address and size of its bytes
    requests, events  : RingReader of the lane's ring, RingWriter of the venue's events
    tables            : of the edge that names instruments
    texts, text_sizes : the last TEXTS texts, TEXT_BYTES each, and their sizes
    samples, sampled, room : as SAMPLE says, how many, how many there is room for
    answered          : events that the venue has sent, also the last part of their ids
    orders, fills     : new orders seen, every fourth of which is filled at once
    until_ns          : the loop fails then, whatever is left
    clock_ns          : the run's time less that of the host's clock; 0 = the caller keeps now_ns, the time of the venue's events
    """

    feed: int
    give: int
    first: int
    count: int
    due: int
    wire: int
    next: int
    frames: int
    starts: int
    sizes: int
    requests: int
    events: int
    tables: int
    texts: int
    text_sizes: int
    samples: int
    sampled: int
    room: int
    event_id: int
    answered: int
    orders: int
    fills: int
    now_ns: int
    clock_ns: int
    until_ns: int
    yields: int
    failed: int
    stamp: StampSlot
    event: VenueEventSlot

    def run(self) -> int:
        """Carry all frames and what comes of them; requests answered. Below 0: -2 the feed stopped, -3 a text could not be written, -4 the
        lane takes no events, -5 it was not done by `until_ns`."""
        last_ns = monotonic_ns()
        done = False
        while self.failed == 0 and not done:
            before = self.sampled + self.next
            busy = self.take_requests()
            now = monotonic_ns()
            if self.next < self.frames and now >= load_word(self.due + _WORD * self.next):
                self.give_frame()
            if self.sampled + self.next > before:
                last_ns = now
            elif self.next >= self.frames:  # the lane's ticks go on for ever: they are no work
                done = now - last_ns > _QUIET_NS
            if now > self.until_ns:
                self.failed = -5
            if not busy and self.yields != 0:
                yield_cpu()
        return self.answered if self.failed == 0 else self.failed

    def give_frame(self) -> None:
        """The next frame to the feed."""
        store_word(self.wire + _WORD * self.next, load_word(self.due + _WORD * self.next))
        store_word(self.first, self.next)
        store_word(self.count, self.next + 1)
        self.next += 1
        stop = call1(self.give, self.feed)
        while stop == RESYNC:  # a book asks for a snapshot: it is in the recording, and comes when it came
            stop = call1(self.give, self.feed)
        if stop != DONE:
            self.failed = -2
        if self.next < self.frames:
            self.ask_frame(self.next)

    def ask_frame(self, frame: int) -> None:
        """Let the bytes of a frame be in the cache."""
        at_byte = load_word(self.starts + _WORD * frame)
        end = at_byte + load_word(self.sizes + _WORD * frame)
        while at_byte < end:
            prefetch(at_byte)
            at_byte += _LINE

    def take_requests(self) -> bool:
        """Whatever the lane has written: texts of requests, and their answers."""
        r = at(RingReader, self.requests)
        ready = r.poll()
        seen_ns = 0
        if ready > 0:
            seen_ns = monotonic_ns()
            ask_slots(r, min(ready, _AHEAD))
        for _ in range(ready):
            slot = r.slot(r.next)
            kind = at(Slot, slot).kind
            if kind == KIND_STAMPS:
                copy_words(slot, addr_of(self.stamp), 128)
            elif kind == KIND_REQUEST:
                self.on_request(at(RequestSlot, slot), slot, seen_ns)
            r.next += 1
        if ready > 0:
            r.commit()
        return ready > 0

    def on_request(self, q: RequestSlot, slot: int, seen_ns: int) -> None:
        k = self.sampled % TEXTS
        size = write_request(self.tables, slot, self.texts + k * TEXT_BYTES, TEXT_BYTES)
        sent_ns = monotonic_ns()
        if size < 0 or self.sampled >= self.room:
            self.failed = -3
            return
        store_word(self.text_sizes + _WORD * k, size)
        to = self.samples + 7 * _WORD * self.sampled
        store_word(to, self.stamp.wire_ns)
        store_word(to + 8, self.stamp.ring_ns)
        store_word(to + 16, self.stamp.taken_ns)
        store_word(to + 24, self.stamp.decided_ns)
        store_word(to + 32, self.stamp.checked_ns)
        store_word(to + 40, seen_ns)
        store_word(to + 48, sent_ns)
        self.sampled += 1
        if self.clock_ns != 0:
            self.now_ns = self.clock_ns + sent_ns
        if q.action == ACTION_NEW:
            self.orders += 1
            self.answer(q, VENUE_ACK)
            if self.orders % 4 == 0:
                self.fills += 1
                self.answer(q, VENUE_FILL)
        else:
            self.answer(q, VENUE_CANCELLED)

    def answer(self, q: RequestSlot, kind: int) -> None:
        """The venue says something to a request."""
        self.answered += 1
        e = self.event
        begin_event(e, self.event_id + self.answered, self.now_ns, kind, q.id, q.order_id, q.instrument, q.side)
        if kind == VENUE_ACK:
            e.px_ticks = q.px_ticks
            e.qty_lots = q.qty_lots
        elif kind == VENUE_FILL:
            e.exec_hi = 1
            e.exec_lo = self.fills
            e.last_px_ticks = q.px_ticks
            e.last_qty_lots = q.qty_lots
            e.maker = 1
        w = at(RingWriter, self.events)
        to = w.claim_within(1, _PATIENCE_NS)
        if to == 0:
            self.failed = -4
            return
        copy_words(addr_of(e), to, _EVENT)
        w.publish(1)


def edge_carry(edge: int) -> int:
    return at(Edge, edge).run()


def edge_host(due: int, late: int, n: int) -> int:
    """Wait for each of n instants, and write how late each was seen: what the host does to a loop that does nothing."""
    for k in range(n):
        now = monotonic_ns()
        while now < load_word(due + _WORD * k):
            now = monotonic_ns()
        store_word(late + _WORD * k, now - load_word(due + _WORD * k))
    return n


@cache
def entries() -> dict[str, Any]:
    files = [*ring_sources(), *native.sources(*SOURCES, "streams.lanes.fast_slots"), *EDGE_FILES]
    return native.functions("bench_edge", {"edge_carry": (edge_carry, 1), "edge_host": (edge_host, 3)}, files)


def carry_entry() -> Any:
    """`Edge.run` of an Edge at an address, as machine code."""
    return entries()["edge_carry"]


def host_entry() -> Any:
    """`edge_host`, as machine code: addresses of int64 instants and of as many words, and how many."""
    return entries()["edge_host"]


def sample_columns(samples: np.ndarray, sampled: int) -> dict[str, np.ndarray]:
    """Columns by name of SAMPLE."""
    rows = samples.reshape(-1, len(SAMPLE))[:sampled]
    return {name: rows[:, k] for k, name in enumerate(SAMPLE)}


if __name__ == "__main__":
    carry_entry()
