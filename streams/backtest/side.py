"""One venue of a backtest as its gateway sees it: requests on their way to it, events on their way back.

Both queues are first in, first out: what was sent later never arrives before. An event is what a live gateway makes of the simulated
venue's answer (`streams.venues.gateway`): its id and times are those of its arrival, its cause is the request it answers, or for what
nobody asked for (fills, expiry, a stop's trigger) the order's last accepted request.
"""

from streams.agents.codes import (
    ACTION_CANCEL,
    ACTION_NEW,
    VENUE_ACK,
    VENUE_EXPIRED,
    VENUE_FILL,
    VENUE_REPLACED,
    VENUE_TRIGGERED,
)
from streams.agents.copying import copy_slot
from streams.kernel import I8, NULL, Struct, Table, addr_of, at
from streams.slots import KIND_VENUE_EVENT, RequestSlot, VenueEventSlot
from streams.trading.latency import VenueLatency
from streams.trading.order_terms import copy_terms
from streams.trading.venue import SimVenue
from streams.trading.venue_answer import VenueAnswer
from streams.trading.venue_feed import take_market

__all__ = ["EVENT_BYTES", "NEVER_NS", "VenueSide"]

NEVER_NS: int = 1 << 62
EVENT_BYTES: int = VenueEventSlot._size_
REQUEST_BYTES: int = RequestSlot._size_
_ZERO: int = 48  # "0"
_DIGITS: int = 8


class VenueSide(Struct, align=64):
    """Sizes: in_flight (a power of two: requests, and events, that may be on their way at once).

    venue, latency           : addresses of the SimVenue and of the VenueLatency
    place                    : number of the venue in the backtest; in the execution ids
    asked, asked_of          : id of the request that the venue is working on, 0 = none; its instrument
    request_head, request_tail : the queue to the venue; the same of the events
    request_ts, event_ts     : when each arrives; venue_ts: when the venue wrote the event; reasons: why (`venue_answer.REASONS`)
    """

    venue: int
    latency: int
    place: int
    asked: int
    asked_of: int
    request_head: int
    request_tail: int
    event_head: int
    event_tail: int
    requests: Table[RequestSlot, "in_flight"]
    request_ts: Table[int, "in_flight"]
    events: Table[VenueEventSlot, "in_flight"]
    event_ts: Table[int, "in_flight"]
    venue_ts: Table[int, "in_flight"]
    reasons: Table[I8, "in_flight"]

    # ---- when something is next ----
    def next_request_ns(self) -> int:
        """When the next request reaches the venue."""
        if self.request_head == self.request_tail:
            return NEVER_NS
        return self.request_ts[self.request_head & (self.requests.n - 1)]

    def next_event_ns(self) -> int:
        """When the next event reaches us."""
        if self.event_head == self.event_tail:
            return NEVER_NS
        return self.event_ts[self.event_head & (self.events.n - 1)]

    def next_expire_ns(self) -> int:
        """No order of the venue expires before."""
        return at(SimVenue, self.venue).next_expire_ns

    def feed_ns(self, row: int, kind: int, recv_ts_ns: int, exch_ts_ns: int) -> int:
        """When the venue knew a market record; see FeedLatency."""
        return at(VenueLatency, self.latency).feed.venue_ns(row, kind, recv_ts_ns, exch_ts_ns)

    # ---- to the venue ----
    def send(self, r: RequestSlot, now_ns: int) -> None:
        """A request leaves. ValueError when `in_flight` are on their way already."""
        if self.request_head == self.request_tail:  # always the same memory, as long as few are on their way
            self.request_head = 0
            self.request_tail = 0
        elif self.request_tail - self.request_head >= self.requests.n:
            raise ValueError("too many requests are on their way at once")
        k = self.request_tail & (self.requests.n - 1)
        self.request_ts[k] = at(VenueLatency, self.latency).entry.arrival_ns(now_ns)
        copy_slot(addr_of(self.requests[k]), addr_of(r), REQUEST_BYTES)
        self.request_tail += 1

    def on_request(self) -> None:
        """The next request reaches the venue, which answers."""
        k = self.request_head & (self.requests.n - 1)
        r = self.requests[k]
        v = at(SimVenue, self.venue)
        v.on_time(self.request_ts[k])
        self.collect()
        self.asked = r.id
        self.asked_of = r.instrument
        if r.action == ACTION_NEW:
            self.submit(v, r)
        elif r.action == ACTION_CANCEL:
            v.on_cancel(r.order_id, r.id)
        else:
            v.on_replace(r.order_id, r.id, r.px_ticks, r.qty_lots)
        self.collect()
        self.asked = 0
        self.request_head += 1

    def submit(self, v: SimVenue, r: RequestSlot) -> None:
        """A new order, with its terms."""
        o = v.draft
        o.reset(r.order_id)
        o.instrument = r.instrument
        o.set_terms(r.side, 0 if r.px_ticks == NULL else r.px_ticks, r.qty_lots)
        copy_terms(o, r)
        o.reduce_only = 0
        o.request_id = r.id
        v.submit()

    # ---- the venue's own time ----
    def on_time(self, now_ns: int) -> None:
        """Orders expire."""
        at(SimVenue, self.venue).on_time(now_ns)
        self.collect()

    def on_market(self, now_ns: int, start: int, size: int) -> bool:
        """The venue's market goes on by one record; True if it has an answer to that."""
        v = at(SimVenue, self.venue)
        v.on_time(now_ns)
        take_market(v, start, size)
        if v.answers.empty():
            return False
        self.collect()
        return True

    # ---- from the venue ----
    def collect(self) -> None:
        """What the venue has answered leaves it. ValueError when `in_flight` are on their way already."""
        queue = at(SimVenue, self.venue).answers
        while not queue.empty():
            self.answer(queue.first())
            queue.take()
        queue.head = 0
        queue.tail = 0

    def answer(self, a: VenueAnswer) -> None:
        """One answer leaves the venue."""
        if self.event_head == self.event_tail:
            self.event_head = 0
            self.event_tail = 0
        elif self.event_tail - self.event_head >= self.events.n:
            raise ValueError("too many events are on their way at once")
        k = self.event_tail & (self.events.n - 1)
        self.event_ts[k] = at(VenueLatency, self.latency).response.arrival_ns(a.ts_ns)
        self.venue_ts[k] = a.ts_ns
        self.reasons[k] = a.reason
        self.event_tail += 1
        e = self.events[k]
        told = a.kind == VENUE_FILL or a.kind == VENUE_EXPIRED or a.kind == VENUE_TRIGGERED or self.asked == 0
        instrument = a.instrument if a.instrument >= 0 else self.asked_of
        e.stamp(0, a.request_id if told else self.asked, 0, 0, instrument, KIND_VENUE_EVENT, -1)
        e.order_id = a.order_id
        e.request_id = NULL if told else self.asked
        accepted = a.kind == VENUE_ACK or a.kind == VENUE_REPLACED
        e.px_ticks = a.px_ticks if accepted and a.px_ticks > 0 else NULL
        e.qty_lots = a.qty_lots if accepted else NULL
        e.event_type = a.kind
        e.code = 0
        self.write_execution(e, a)

    def write_execution(self, e: VenueEventSlot, a: VenueAnswer) -> None:
        """The fields that a fill has, and nothing else."""
        if a.kind != VENUE_FILL:
            e.exec_hi = NULL
            e.exec_lo = NULL
            e.last_px_ticks = NULL
            e.last_qty_lots = NULL
            e.fee = NULL
            e.fee_currency = -1
            e.maker = -1
            return
        e.exec_hi, e.exec_lo = exec_words(self.place, a.exec_seq)
        e.last_px_ticks = a.px_ticks
        e.last_qty_lots = a.qty_lots
        e.fee = a.fee
        e.fee_currency = -1
        e.maker = a.maker

    def pass_event(self) -> None:
        """The next event has been taken."""
        self.event_head += 1


def exec_words(place: int, number: int) -> tuple[int, int]:
    """An execution id as two words: "v", the venue's place, "-" and the number, 16 characters. 0 <= place < 10, 0 < number < 10**13."""
    high = 0
    low = 0
    left = number
    for i in range(_DIGITS):
        low |= (_ZERO + left % 10) << (8 * i)
        left //= 10
    for i in range(5):
        high |= (_ZERO + left % 10) << (8 * i)
        left //= 10
    return (118 << 56) | ((_ZERO + place) << 48) | (45 << 40) | high, low
