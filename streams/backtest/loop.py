"""The loop of a backtest: the node of all agents and the simulated venues, carried in virtual time through market records in memory.

Two sides, joined by queues alone. Ours sees a market record at its receive time; a venue saw it at its own time, earlier. A request
reaches its venue after the entry latency, an event comes back after the response latency. The next action is the one of the smallest
time; at equal times first a tick, then our market record, our event, the venues' own time (expiry), their market record, their request:
the order of hftbacktest (`backtest/evs.rs`: local data, local order, exchange data, exchange order). So no step sees what comes later.

The loop stops where it needs Python: the tape is full, or nothing more may happen before `until_ns`. Called again, it goes on.
"""

from streams.agents.codes import VENUE_FILL
from streams.agents.copying import copy_slot
from streams.agents.node import KIND_TICK, SLOT_BYTES, Node
from streams.agents.outbox import Outbox
from streams.backtest.side import EVENT_BYTES, NEVER_NS, VenueSide
from streams.kernel import I8, I32, NULL, Array, Struct, Table, addr_of, at, bit, call3, load_word, prefetch, store_byte, store_word
from streams.kernel.fault import FAULT
from streams.slots import (
    KIND_LEVEL,
    KIND_REQUEST,
    KIND_VENUE_EVENT,
    Slot,
    VenueEventSlot,
)
from streams.trading.latency import MAX_FEED_LATENCY_NS
from streams.trading.venue_feed import LEVEL_BYTES

__all__ = ["DONE", "ENTRIES", "FAILED", "FULL", "Loop"]

DONE, FULL, FAILED, GO, GIVEN = range(5)
"""Why the loop stopped: nothing before `until_ns`; no room on the tape; the node failed at what `doing` says. GO: it goes on; GIVEN: once
what the node has written is carried on."""

WORD = 8
WIDE = 256
_AHEAD = 16  # records whose slots are asked for before they are looked at
MIN_TICK_NS = 1_000  # between two ticks: a timer that sets itself anew for now would else fire for ever

DOING_CONTROL, DOING_TICK, DOING_RECORD, DOING_EVENT, DOING_EXPIRY, DOING_FEED, DOING_REQUEST = range(7)


class Loop(Struct, align=64):
    """What the loop works on. Sizes: venues, instruments, in_flight. Addresses are of memory that the caller keeps.

    node, step           : the node and its entry `node_step`
    now_ns, until_ns     : time of the last action; none at or after `until_ns` is done
    reads                : bit KIND_... of the market records that the process reads
    record_..., record_at, record_count : int64 a market record as we see it: address, bytes, receive time; the next one, how many
    feed_..., feed_at, feed_count       : the same as the venues see it, with the venue's time and its place
    left, left_bytes     : what of an input the node has still to take
    entry                : entries of the outbox that have been carried on
    last_tick_ns, tick_id: time and id of the last tick; event_id: of the last event of a venue
    due_ns, event_ns, request_ns, expire_ns : when a tick is due, and the first event, request, expiry of any venue; ..._of: which venue
    doing, doing_ns, doing_at : the action that is being done, its time, the address of its record
    taped                : bit KIND_... of what goes on the tape; tape_...: its columns, entries, room
    records, answers, ticks : market records and events of venues that reached us, ticks
    written              : by kind, slots that the node wrote; venue_of, fee_currency: by instrument, the place of its venue (-1 = none is
                           simulated), and the currency of its fees
    """

    node: int
    step: int
    now_ns: int
    until_ns: int
    reads: int
    record_address: int
    record_bytes: int
    record_ts: int
    record_at: int
    record_count: int
    feed_address: int
    feed_bytes: int
    feed_ts: int
    feed_of: int
    feed_at: int
    feed_count: int
    left: int
    left_bytes: int
    entry: int
    last_tick_ns: int
    tick_id: int
    event_id: int
    due_ns: int
    event_ns: int
    event_of: int
    request_ns: int
    request_of: int
    expire_ns: int
    expire_of: int
    doing: int
    doing_ns: int
    doing_at: int
    taped: int
    tape_kind: int
    tape_address: int
    tape_bytes: int
    tape_exch: int
    tape_reason: int
    tape_slots: int
    tape_count: int
    tape_room: int
    records: int
    answers: int
    ticks: int
    tick: Slot
    written: Array[int, 32]
    venue_of: Table[I8, "instruments"]
    fee_currency: Table[I32, "instruments"]
    sides: Table[VenueSide, "venues"]

    def run(self) -> int:
        """Act until there is a reason to stop."""
        stop = self.settle()
        while stop == GO:
            stop = self.act()
            if stop == GIVEN:
                stop = self.settle()
        return stop

    # ---- what is next ----
    def look(self) -> None:
        """Work out anew when the venues do something next."""
        self.event_ns = NEVER_NS
        self.request_ns = NEVER_NS
        self.expire_ns = NEVER_NS
        for i in range(self.sides.n):
            side = self.sides[i]
            if side.next_event_ns() < self.event_ns:
                self.event_ns = side.next_event_ns()
                self.event_of = i
            if side.next_request_ns() < self.request_ns:
                self.request_ns = side.next_request_ns()
                self.request_of = i
            if side.next_expire_ns() < self.expire_ns:
                self.expire_ns = side.next_expire_ns()
                self.expire_of = i

    def act(self) -> int:
        """The next action, if it lies before `until_ns`."""
        record_ns = NEVER_NS
        feed_ns = NEVER_NS
        if self.record_at < self.record_count:
            record_ns = load_word(self.record_ts + WORD * self.record_at)
        if self.feed_at < self.feed_count:
            feed_ns = load_word(self.feed_ts + WORD * self.feed_at)
        ours = min(record_ns, self.event_ns)
        theirs = min(feed_ns, min(self.request_ns, self.expire_ns))
        t = min(ours, theirs)
        if self.due_ns <= t:
            tick_ns = max(self.due_ns, max(self.now_ns, self.last_tick_ns + MIN_TICK_NS))
            if tick_ns <= t and tick_ns < self.until_ns:
                return self.on_tick(tick_ns)
        if t >= self.until_ns:
            return DONE
        self.now_ns = t
        self.doing_ns = t
        if record_ns == t:
            return self.on_record()
        if self.event_ns == t:
            return self.on_event()
        if self.expire_ns == t:
            self.doing = DOING_EXPIRY
            self.sides[self.expire_of].on_time(t)
            self.look()
        elif feed_ns == t:
            self.on_feed(t)
        else:
            self.doing = DOING_REQUEST
            self.sides[self.request_of].on_request()
            self.look()
        return GO

    # ---- the venues' side ----
    def on_feed(self, now_ns: int) -> None:
        """The market of a venue goes on by one record."""
        place = WORD * self.feed_at
        address = load_word(self.feed_address + place)
        self.doing = DOING_FEED
        self.doing_at = address
        of = load_word(self.feed_of + place)
        side = self.sides[of]
        said = side.on_market(now_ns, address, load_word(self.feed_bytes + place))
        self.feed_at += 1
        if said or side.next_expire_ns() != self.expire_ns:
            self.look()

    # ---- our side ----
    def on_tick(self, now_ns: int) -> int:
        """A tick for what is due."""
        self.now_ns = now_ns
        self.doing = DOING_TICK
        self.doing_ns = now_ns
        self.last_tick_ns = now_ns
        self.tick_id += 1
        self.ticks += 1
        self.tick.stamp(self.tick_id, 0, now_ns, now_ns, -1, KIND_TICK, -1)
        return self.give(addr_of(self.tick), SLOT_BYTES[KIND_TICK])

    def on_record(self) -> int:
        """The next market record reaches us."""
        place = WORD * self.record_at
        address = load_word(self.record_address + place)
        self.doing = DOING_RECORD
        self.doing_at = address
        self.record_at += 1
        self.records += 1
        if self.reads & bit(at(Slot, address).kind) == 0:
            return GO
        return self.give(address, load_word(self.record_bytes + place))

    def on_event(self) -> int:
        """The next event of a venue reaches us."""
        if self.tape_count >= self.tape_room:
            return FULL
        side = self.sides[self.event_of]
        self.doing = DOING_EVENT
        k = side.event_head & (side.events.n - 1)
        self.receive(side.events[k])
        address = addr_of(side.events[k])
        self.doing_at = address
        self.answers += 1
        if self.taped & bit(KIND_VENUE_EVENT) != 0:
            self.write(KIND_VENUE_EVENT, address, EVENT_BYTES, side.venue_ts[k], side.reasons[k])
        stop = self.give(address, EVENT_BYTES)
        side.pass_event()
        self.look()
        return stop

    def receive(self, e: VenueEventSlot) -> None:
        """The gateway writes an event down."""
        self.event_id += 1
        e.id = self.event_id
        e.ts_ns = self.now_ns
        e.recv_ts_ns = self.now_ns
        if e.event_type == VENUE_FILL:
            e.fee_currency = self.fee_currency[e.instrument]

    def give(self, address: int, nbytes: int) -> int:
        """Let the node carry an input, as far as it takes it."""
        taken = call3(self.step, self.node, address, nbytes)
        if taken == FAULT:
            return FAILED
        self.left = address + taken
        self.left_bytes = nbytes - taken
        self.due_ns = at(Node, self.node).due_ns()
        return GIVEN

    def settle(self) -> int:
        """Carry on what the node has written, and give it the rest of its input, until both are done."""
        while True:
            out = at(Node, self.node).out
            if out.count > 0:
                if self.empty(out) == FULL:
                    return FULL
            elif self.left_bytes == 0:
                return GO
            if self.left_bytes > 0 and self.give(self.left, self.left_bytes) == FAILED:
                return FAILED

    def empty(self, out: Outbox) -> int:
        """Send the requests of the outbox, copy what is taped, and empty it."""
        sent = False
        while self.entry < out.count and self.tape_count < self.tape_room:
            kind = out.kinds[self.entry]
            row = out.rows[self.entry]
            if self.taped & bit(kind) != 0:
                self.write(kind, out.slot(kind, row), int(SLOT_BYTES[kind]), 0, 0)
            self.written[kind] += 1
            if kind == KIND_REQUEST:
                r = out.requests[row]
                of = self.venue_of[r.instrument]
                if of < 0:
                    raise ValueError("a request is for a venue that is not simulated")
                self.sides[of].send(r, max(self.now_ns, r.ts_ns))
                sent = True
            self.entry += 1
        if sent:
            self.look()
        if self.entry < out.count:
            return FULL
        self.entry = 0
        out.empty()
        return GO

    # ---- the tape ----
    def write(self, kind: int, address: int, nbytes: int, exch_ts_ns: int, reason: int) -> None:
        """One entry."""
        n = self.tape_count
        place = WORD * n
        to = self.tape_slots + WIDE * n
        copy_slot(to, address, nbytes)
        store_byte(self.tape_kind + n, kind)
        store_word(self.tape_address + place, to)
        store_word(self.tape_bytes + place, nbytes)
        store_word(self.tape_exch + place, exch_ts_ns)
        store_byte(self.tape_reason + n, reason)
        self.tape_count = n + 1


def play(loop: int) -> int:
    """Run the Loop at an address; why it stopped."""
    return at(Loop, loop).run()


def stamp(loop: int, columns: int, n: int) -> int:
    """Write when the venues knew records, and which; how many were written: all `n`, or those before one received earlier than the record
    before it, or known to its venue after we received it.

    columns: addresses of int64[n] address, bytes, receive time, venue's stamp; written: venue's time, venue's place (-1 = no venue's). Then
    the receive time of the record before; written: how many were known MAX_FEED_LATENCY_NS before, how many before the one before them, how
    many are no venue's, and how many events they are: a book update is one a level, every other record one.
    """
    x = at(Loop, loop)
    addresses = load_word(columns)
    sizes = load_word(columns + WORD)
    recv = load_word(columns + 2 * WORD)
    exch = load_word(columns + 3 * WORD)
    ts = load_word(columns + 4 * WORD)
    of = load_word(columns + 5 * WORD)
    before_ns = load_word(columns + 6 * WORD)
    late = 0
    back = 0
    others = 0
    events = 0
    newest_ns = 0
    done = 0
    while done < n:
        place = WORD * done
        if done + _AHEAD < n:
            prefetch(load_word(addresses + place + WORD * _AHEAD))
        recv_ns = load_word(recv + place)
        if recv_ns < before_ns:
            break
        before_ns = recv_ns
        head = at(Slot, load_word(addresses + place))
        row = head.instrument
        k = x.venue_of[row] if 0 <= row < x.venue_of.n else -1
        store_word(of + place, k)
        if k >= 0:
            t = x.sides[k].feed_ns(row, head.kind, recv_ns, load_word(exch + place))
            if t == NULL:
                break
            store_word(ts + place, t)
            late += 1 if recv_ns - t == MAX_FEED_LATENCY_NS else 0
            back += 1 if t < newest_ns else 0
            newest_ns = max(newest_ns, t)
        else:
            others += 1
        events += load_word(sizes + place) // LEVEL_BYTES if head.kind == KIND_LEVEL else 1
        done += 1
    store_word(columns + 7 * WORD, late)
    store_word(columns + 8 * WORD, back)
    store_word(columns + 9 * WORD, others)
    store_word(columns + 10 * WORD, events)
    return done


ENTRIES = {"play": (play, 1), "stamp": (stamp, 3)}
"""Entry points: name -> (function, number of arguments)."""
