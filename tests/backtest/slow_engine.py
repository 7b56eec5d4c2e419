"""A backtest the slow way: every possible next action is written down, and the first of them is done. What the loop is compared with."""

import ctypes

from streams.backtest.side import VenueSide
from streams.kernel import NULL, addr_of
from streams.slots import KIND_REQUEST, KIND_VENUE_EVENT, RequestSlot, Slot, VenueEventSlot
from streams.trading.venue_feed import take_market

TICK, OURS, EVENT, EXPIRY, THEIRS, REQUEST = range(6)  # of one time in this order


class SlowVenue:
    def __init__(self, model, place):
        self.model, self.venue, self.latency = model, model.venue, model.latency
        self.side = VenueSide({"in_flight": 64})
        self.side.place, self.side.venue, self.side.latency = place, addr_of(self.venue), addr_of(self.latency)
        self.requests, self.events = [], []  # (arrival, slot, ...), first in, first out

    def collect(self):
        """Answers of the venue leave it, as events."""
        self.side.collect()
        while self.side.event_head < self.side.event_tail:
            k = self.side.event_head % 64
            slot = self.side.events[k].pack().tobytes()
            self.events.append((self.side.event_ts[k], slot, self.side.venue_ts[k], self.side.reasons[k]))
            self.side.event_head += 1


class SlowEngine:
    """play: everything that is written, as (kind, bytes, venue's time, reason)."""

    def __init__(self, process, models, gateway_id, tick_id):
        self.process, self.node, self.event_id, self.tick_id = process, process.node, gateway_id, tick_id
        self.venues = [SlowVenue(model, place) for place, model in enumerate(models)]
        self.of = {number: venue for venue in self.venues for number in venue.model.instruments}
        self.now_ns = self.last_tick_ns = 0
        self.written = []

    def play(self, events):
        rows = list(zip(*(column.tolist() for column in events[:4]), strict=True))
        theirs = []
        for place, (address, nbytes, recv, exch) in enumerate(rows):
            head = Slot().unpack(ctypes.string_at(address, 64))
            venue = self.of.get(head.instrument)
            if venue is not None:
                known = venue.latency.feed.venue_ns(head.instrument, head.kind, recv, exch)
                assert known != NULL
                theirs.append((known, place, venue, address, nbytes))
        theirs.sort(key=lambda row: row[:2])
        self.give(self.process.take_slots())
        end_ns = rows[-1][2]
        while True:
            found = []
            if rows:
                found.append((rows[0][2], OURS, 0, None))
            if theirs:
                found.append((theirs[0][0], THEIRS, 0, None))
            for i, venue in enumerate(self.venues):
                found += [(q[0][0], kind, i, venue) for kind, q in ((EVENT, venue.events), (REQUEST, venue.requests)) if q]
                found.append((venue.venue.next_expire_ns, EXPIRY, i, venue))
            node = self.node.node
            due = [max(node.execute.next_end_ns, 0)]
            due += [e.context.due_ns for e in (node.strategy.entries[i] for i in range(node.strategy.count)) if e.started and not e.status]
            found.append((max(min(due), self.now_ns, self.last_tick_ns + 1000), TICK, 0, None))
            t, kind, _, venue = min(found, key=lambda action: action[:3])
            if t > end_ns:
                return self.written
            self.now_ns = t
            self.act(t, kind, venue, rows, theirs)

    def act(self, t, kind, venue, rows, theirs):
        if kind == TICK:
            self.tick_id += 1
            self.last_tick_ns = t
            tick = Slot()
            tick.stamp(self.tick_id, 0, t, t, -1, 0, -1)
            self.give(tick.pack().tobytes())
        elif kind == OURS:
            address, nbytes, _, _ = rows.pop(0)
            self.give(ctypes.string_at(address, nbytes))
        elif kind == EVENT:
            _, slot, venue_ns, reason = venue.events.pop(0)
            e = VenueEventSlot().unpack(slot)
            self.event_id += 1
            e.id, e.ts_ns, e.recv_ts_ns = self.event_id, t, t
            if e.exec_hi != NULL:
                e.fee_currency = 0
            self.written.append((KIND_VENUE_EVENT, e.pack().tobytes(), venue_ns, reason))
            self.give(e.pack().tobytes())
        elif kind == EXPIRY:
            venue.venue.on_time(t)
            venue.collect()
        elif kind == THEIRS:
            _, _, venue, address, nbytes = theirs.pop(0)
            venue.venue.on_time(t)
            take_market(venue.venue, address, nbytes)
            venue.collect()
        else:
            _, request = venue.requests.pop(0)
            venue.side.requests[0].unpack(request.pack())
            venue.side.request_ts[0], venue.side.request_head = t, 0
            venue.side.on_request()
            venue.collect()

    def give(self, slots):
        for kind, slot in self.node.step(slots):
            self.written.append((kind, slot, 0, 0))
            if kind == KIND_REQUEST:
                request = RequestSlot().unpack(slot)
                venue, now_ns = self.of[request.instrument], max(self.now_ns, request.ts_ns)
                venue.requests.append((venue.latency.entry.arrival_ns(now_ns), request))
