"""A simulated venue: limit, market and stop orders against recorded market data, with queue position, partial fills and fees.

`venue_queue` states the model of resting orders. Orders that take walk the displayed book; what they take is gone from the book here until
the next update of that level, so that no lot is sold twice: *too hard* where the level was refilled without an update, *too kind* in
that nobody moves away. The venue adds no latency. Stops trigger on trades; one that the last trade has reached already enters at once.
"""

from streams.kernel import NULL
from streams.trading.book import NONE
from streams.trading.codes import BUY, DAY, FOK, GTC, GTD, IOC, LIMIT, MARKET, SELL, STOP, STOP_LIMIT
from streams.trading.order import Order
from streams.trading.venue_answer import (
    ACK,
    CANCEL_REJECT,
    CANCELLED,
    EXPIRED,
    REASON_BAD_FIELD,
    REASON_DUPLICATE,
    REASON_EXPIRED,
    REASON_FULL,
    REASON_NO_LIQUIDITY,
    REASON_NONE,
    REASON_POST_ONLY,
    REASON_REPLACED_DOWN,
    REASON_TOO_SMALL,
    REASON_UNKNOWN_INSTRUMENT,
    REASON_UNKNOWN_ORDER,
    REJECT,
    REPLACE_REJECT,
    REPLACED,
)
from streams.trading.venue_queue import VenueQueue

__all__ = ["SimVenue"]

_NEVER = 1 << 62
_DAY_NS = 86_400_000_000_000
_MAX_PX_TICKS = 1 << 38
_MAX_QTY_LOTS = 1 << 31


class SimVenue(VenueQueue, align=64):
    """The venue: market data and requests in, answers out (`answers`), in the order of the calls. Fields and sizes: see VenueQueue.

    Call `setup` once and fill `specs`; instruments without `valid` are not traded. Times never decrease. An order id is accepted once, as
    long as it is among the last `executions` accepted: give that size room for all orders of a run.
    """

    def setup(self) -> None:
        """Take the sizes from the tables. ValueError where they do not fit together."""
        if self.orders.lists.n < 3 * self.books.n:
            raise ValueError("order_lists: the simulated venue needs 3 an instrument")
        self.orders.setup()
        self.ids.setup()
        self.next_expire_ns = _NEVER
        for i in range(self.books.n):
            self.books[i].setup()
            self.best_key[2 * i] = NONE
            self.best_key[2 * i + 1] = NONE

    # ---- time and trades ----
    def on_time(self, now_ns: int) -> None:
        """Move the clock; orders whose time is over expire. To be called before what happens at `now_ns`."""
        self.now_ns = max(self.now_ns, now_ns)
        if self.now_ns < self.next_expire_ns:
            return
        self.next_expire_ns = _NEVER
        for number in range(3 * self.books.n):
            s = self.orders.first(number)
            while s >= 0:
                o = self.orders.pool[s]
                following = o.next
                if 0 < o.expire_ts_ns <= self.now_ns:
                    self.end(s, EXPIRED, o.request_id, REASON_EXPIRED)
                elif o.expire_ts_ns > 0:
                    self.next_expire_ns = min(self.next_expire_ns, o.expire_ts_ns)
                s = following
            if number < 2 * self.books.n:
                self.refresh_best(number, number & 1)

    def on_trade(self, instrument: int, aggressor: int, px_ticks: int, qty_lots: int) -> None:
        """A trade happened: the queue moves, orders fill, stops trigger."""
        self.fill_traded(instrument, aggressor, px_ticks, qty_lots)
        self.last_px_ticks[instrument] = px_ticks
        s = self.orders.first(2 * self.books.n + instrument)
        while s >= 0:
            following = self.orders.pool[s].next
            if self.reached(self.orders.pool[s]):
                self.orders.unlink(s)
                self.enter(s)
            s = following

    # ---- requests ----
    def on_new(
        self,
        order_id: int,
        instrument: int,
        side: int,
        ord_type: int,
        time_in_force: int,
        post_only: int,
        px_ticks: int,
        qty_lots: int,
        stop_px_ticks: int,
        expire_ts_ns: int,
    ) -> None:
        """A new order arrives. Prices that it has not are NULL or 0; expire_ts_ns for GTD; DAY ends at midnight UTC."""
        o = self.draft
        o.reset(order_id)
        o.instrument = instrument
        o.set_terms(side, 0 if px_ticks == NULL else px_ticks, qty_lots)
        o.ord_type = ord_type
        o.time_in_force = time_in_force
        o.post_only = post_only
        o.stop_px_ticks = 0 if stop_px_ticks == NULL else stop_px_ticks
        o.expire_ts_ns = self.expiry(time_in_force, expire_ts_ns)
        reason = self.objection(order_id)
        s = self.orders.add(order_id) if reason == REASON_NONE else -1
        if s < 0:
            o.leaves_qty_lots = 0
            self.answer(REJECT, o, order_id, REASON_FULL if reason == REASON_NONE else reason)
            return
        self.ids.add(order_id, 0)
        self.copy_draft(s)
        self.answer(ACK, o, order_id, REASON_NONE)
        if self.is_stop(o) and not self.reached(o):
            self.orders.link(s, 2 * self.books.n + instrument)
            if o.expire_ts_ns > 0:
                self.next_expire_ns = min(self.next_expire_ns, o.expire_ts_ns)
        else:
            self.enter(s)

    def on_cancel(self, order_id: int, request_id: int) -> None:
        """A cancel arrives; refused for an order that is not open."""
        s = self.orders.find(order_id)
        if s < 0:
            self.refuse(CANCEL_REJECT, order_id, request_id)
            return
        self.close(s, CANCELLED, request_id, REASON_NONE)

    def on_replace(self, order_id: int, request_id: int, px_ticks: int, qty_lots: int) -> None:
        """A new price and total quantity arrive. Less at the same price keeps its place in the queue; all else goes to its end, or takes.
        No more than has filled already: the order is cancelled."""
        s = self.orders.find(order_id)
        if s < 0:
            self.refuse(REPLACE_REJECT, order_id, request_id)
            return
        o = self.orders.pool[s]
        px = 0 if self.is_market(o) else px_ticks
        if 0 < qty_lots <= o.cum_qty_lots:
            self.close(s, CANCELLED, request_id, REASON_REPLACED_DOWN)
            return
        reason = self.terms_objection(o, px, qty_lots)
        waiting = o.list_number >= 2 * self.books.n
        if reason == REASON_NONE and o.post_only != 0 and self.takes(o, px):
            reason = REASON_POST_ONLY
        if reason != REASON_NONE:
            self.answer(REPLACE_REJECT, o, request_id, reason)
            return
        keeps_place = px == o.px_ticks and qty_lots <= o.qty_lots
        o.px_ticks = px
        o.qty_lots = qty_lots
        o.leaves_qty_lots = qty_lots - o.cum_qty_lots
        o.request_id = request_id
        self.answer(REPLACED, o, request_id, REASON_NONE)
        if not waiting and not keeps_place:
            number = o.list_number
            self.orders.unlink(s)
            self.refresh_best(number, o.side)
            self.enter(s)

    # ---- entering and leaving the book ----
    def enter(self, slot: int) -> None:
        """An accepted order that stands in no list takes what it can; the rest rests or ends."""
        o = self.orders.pool[slot]
        if o.time_in_force == FOK and self.available_lots(o) < o.leaves_qty_lots:
            self.end(slot, EXPIRED, o.request_id, REASON_NO_LIQUIDITY)
            return
        self.take(slot)
        if o.leaves_qty_lots == 0:
            self.orders.drop(slot)
        elif o.time_in_force == IOC or self.is_market(o):
            self.end(slot, EXPIRED, o.request_id, REASON_NO_LIQUIDITY)
        else:
            self.rest(slot)

    def take(self, slot: int) -> None:
        """Execute against the displayed book, best level first; what is taken is gone from it."""
        o = self.orders.pool[slot]
        book = self.books[o.instrument]
        other = SELL if o.side == BUY else BUY
        touch = book.touch(other)
        while touch != NONE and o.leaves_qty_lots > 0 and self.meets(o, o.px_ticks, touch):
            shown = book.qty(other, touch)
            q = min(shown, o.leaves_qty_lots)
            self.fill(slot, touch, q, 0)
            book.apply(other, touch, shown - q)
            touch = book.touch(other)

    def available_lots(self, o: Order) -> int:
        """Lots that an order could take now, counted no further than it needs."""
        book = self.books[o.instrument]
        other = SELL if o.side == BUY else BUY
        lots = 0
        px = book.touch(other)
        while px != NONE and lots < o.leaves_qty_lots and self.meets(o, o.px_ticks, px):
            lots += book.qty(other, px)
            px = book.worse(other, px)
        return lots

    def close(self, slot: int, kind: int, request_id: int, reason: int) -> None:
        """End an order that rests or waits, and keep the best price right."""
        o = self.orders.pool[slot]
        number = o.list_number
        self.end(slot, kind, request_id, reason)
        if number < 2 * self.books.n:
            self.refresh_best(number, number & 1)

    def end(self, slot: int, kind: int, request_id: int, reason: int) -> None:
        """Answer that an order has ended and forget it."""
        o = self.orders.pool[slot]
        o.leaves_qty_lots = 0
        self.answer(kind, o, request_id, reason)
        self.orders.drop(slot)

    def refuse(self, kind: int, order_id: int, request_id: int) -> None:
        """Answer a request about an order that is not open."""
        self.draft.reset(order_id)
        self.answer(kind, self.draft, request_id, REASON_UNKNOWN_ORDER)

    def copy_draft(self, slot: int) -> None:
        """Write the examined terms into the pool."""
        d = self.draft
        o = self.orders.pool[slot]
        o.instrument = d.instrument
        o.set_terms(d.side, d.px_ticks, d.qty_lots)
        o.ord_type = d.ord_type
        o.time_in_force = d.time_in_force
        o.post_only = d.post_only
        o.stop_px_ticks = d.stop_px_ticks
        o.expire_ts_ns = d.expire_ts_ns
        o.created_ts_ns = self.now_ns

    # ---- what a request may ask ----
    def objection(self, order_id: int) -> int:
        """Why the venue refuses the draft, REASON_NONE if it does not."""
        o = self.draft
        if not 0 <= o.instrument < self.books.n or self.specs[o.instrument].valid == 0:
            return REASON_UNKNOWN_INSTRUMENT
        if self.ids.has(order_id, 0):
            return REASON_DUPLICATE
        if not (0 <= o.side <= 1 and MARKET <= o.ord_type <= STOP_LIMIT and GTC <= o.time_in_force <= GTD):
            return REASON_BAD_FIELD
        if self.is_stop(o) and not 0 < o.stop_px_ticks < _MAX_PX_TICKS:
            return REASON_BAD_FIELD
        if o.post_only != 0 and (o.ord_type != LIMIT or o.time_in_force == IOC or o.time_in_force == FOK):
            return REASON_BAD_FIELD
        if o.time_in_force == GTD and o.expire_ts_ns <= self.now_ns:
            return REASON_EXPIRED
        reason = self.terms_objection(o, o.px_ticks, o.qty_lots)
        if reason == REASON_NONE and o.post_only != 0 and self.takes(o, o.px_ticks):
            return REASON_POST_ONLY
        return reason

    def terms_objection(self, o: Order, px_ticks: int, qty_lots: int) -> int:
        """Why price and quantity are refused: their range, and the instrument's filters. A market order counts at the touch."""
        spec = self.specs[o.instrument]
        if not 0 < qty_lots < _MAX_QTY_LOTS:
            return REASON_BAD_FIELD
        px = px_ticks
        if self.is_market(o):
            px = self.books[o.instrument].touch(SELL if o.side == BUY else BUY)
            if px == NONE:
                return REASON_NONE  # accepted, and expires for want of liquidity
        if not 0 < px < _MAX_PX_TICKS or px > _NEVER // spec.money_per_tick_lot // qty_lots:
            return REASON_BAD_FIELD
        if qty_lots < spec.min_qty_lots or (spec.max_qty_lots > 0 and qty_lots > spec.max_qty_lots):
            return REASON_TOO_SMALL
        return REASON_TOO_SMALL if spec.notional(px, qty_lots) < spec.min_notional else REASON_NONE

    def expiry(self, time_in_force: int, expire_ts_ns: int) -> int:
        """When an order ends by itself, 0 = never."""
        if time_in_force == GTD:
            return 0 if expire_ts_ns == NULL else expire_ts_ns
        return (self.now_ns // _DAY_NS + 1) * _DAY_NS if time_in_force == DAY else 0

    def is_stop(self, o: Order) -> bool:
        """It waits for the last trade to reach its stop price."""
        return o.ord_type == STOP or o.ord_type == STOP_LIMIT

    def is_market(self, o: Order) -> bool:
        """It takes at any price."""
        return o.ord_type == MARKET or o.ord_type == STOP

    def meets(self, o: Order, px_ticks: int, touch_ticks: int) -> bool:
        """An order at a price would trade with the other side's touch."""
        return self.is_market(o) or self.key(o.side, px_ticks) >= self.key(o.side, touch_ticks)

    def takes(self, o: Order, px_ticks: int) -> bool:
        """An order at a price would trade at once."""
        touch = self.books[o.instrument].touch(SELL if o.side == BUY else BUY)
        return touch != NONE and self.meets(o, px_ticks, touch)

    def reached(self, o: Order) -> bool:
        """The last trade has reached a stop's price."""
        last = self.last_px_ticks[o.instrument]
        return last != 0 and self.key(o.side, last) >= self.key(o.side, o.stop_px_ticks)
