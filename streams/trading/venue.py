"""A simulated venue: orders of every type but the algorithms' against recorded market data, with queue position, partial fills and fees.

`venue_queue` states the model of resting orders, `venue_entry` that of orders that take or are pegged; `order_terms` says which fields an
order must have. The venue adds no latency. Stops trigger on trades; one that the last trade has reached already enters at once.
"""

from streams.kernel import NULL
from streams.trading.book import NONE
from streams.trading.codes import BUY, GTD, PEGGED, SELL
from streams.trading.order import Order
from streams.trading.order_terms import check_terms, copy_terms, ends_ns, shown_limit_lots
from streams.trading.risk_rules import DENY_UNSUPPORTED, MAX_PX_TICKS, MAX_QTY_LOTS, OK
from streams.trading.venue_answer import (
    ACK,
    CANCEL_REJECT,
    CANCELLED,
    EXPIRED,
    REASON_BAD_FIELD,
    REASON_DUPLICATE,
    REASON_EXPIRED,
    REASON_FULL,
    REASON_NO_PEG,
    REASON_NONE,
    REASON_POST_ONLY,
    REASON_REPLACED_DOWN,
    REASON_TOO_SMALL,
    REASON_UNKNOWN_INSTRUMENT,
    REASON_UNKNOWN_ORDER,
    REASON_UNSUPPORTED,
    REJECT,
    REPLACE_REJECT,
    REPLACED,
)
from streams.trading.venue_entry import VenueEntry

__all__ = ["MAX_PIECES", "SimVenue"]

MAX_PIECES = 10  # an order may show itself in so many pieces: ICEBERG_PARTS of Binance's spot filters; it bounds the fills of one event
_NEVER = 1 << 62


class SimVenue(VenueEntry, align=64):
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
        self.trigger_stops(instrument, px_ticks)

    def trigger_stops(self, instrument: int, px_ticks: int) -> None:
        """The last trade was at this price: stops that it reaches enter."""
        self.last_px_ticks[instrument] = px_ticks
        s = self.orders.first(2 * self.books.n + instrument)
        while s >= 0:
            following = self.orders.pool[s].next
            if self.reached(self.orders.pool[s]):
                self.orders.unlink(s)
                self.trigger(s)
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
        """A new order arrives that shows all of itself; see `submit` for the other fields. Prices that it has not are NULL or 0."""
        o = self.draft
        o.reset(order_id)
        o.instrument = instrument
        o.set_terms(side, px_ticks, qty_lots)
        o.ord_type = ord_type
        o.time_in_force = time_in_force
        o.post_only = post_only
        o.stop_px_ticks = stop_px_ticks
        o.expire_ts_ns = expire_ts_ns
        self.submit()

    def submit(self) -> None:
        """The order in `draft` arrives: reset to its id, its instrument and terms written, and its `request_id` where that is another.
        DAY ends at midnight UTC."""
        o = self.draft
        o.px_ticks = 0 if o.px_ticks == NULL else o.px_ticks
        o.peg_limit_ticks = o.px_ticks if o.ord_type == PEGGED else 0
        reason = self.objection()
        s = self.orders.add(o.order_id) if reason == REASON_NONE else -1
        if s < 0:
            o.leaves_qty_lots = 0
            self.answer(REJECT, o, o.request_id, REASON_FULL if reason == REASON_NONE else reason)
            return
        self.ids.add(o.order_id, 0)
        self.copy_draft(s)
        self.answer(ACK, o, o.request_id, REASON_NONE)
        if not self.is_stop(o):
            self.enter(s)
        elif self.reached(o):
            self.trigger(s)
        else:
            self.orders.link(s, 2 * self.books.n + o.instrument)
            if o.expire_ts_ns > 0:
                self.next_expire_ns = min(self.next_expire_ns, o.expire_ts_ns)

    def on_cancel(self, order_id: int, request_id: int) -> None:
        """A cancel arrives; refused for an order that is not open."""
        s = self.orders.find(order_id)
        if s < 0:
            self.refuse(CANCEL_REJECT, order_id, request_id)
            return
        self.close(s, CANCELLED, request_id, REASON_NONE)

    def on_replace(self, order_id: int, request_id: int, px_ticks: int, qty_lots: int) -> None:
        """A new price (of a pegged order: its limit) and total quantity arrive. Less at the same price keeps its place in the queue; all
        else goes to its end, or takes. No more than has filled already: the order is cancelled."""
        s = self.orders.find(order_id)
        if s < 0:
            self.refuse(REPLACE_REJECT, order_id, request_id)
            return
        o = self.orders.pool[s]
        if 0 < qty_lots <= o.cum_qty_lots:
            self.close(s, CANCELLED, request_id, REASON_REPLACED_DOWN)
            return
        limit = 0 if px_ticks == NULL or self.is_market(o) else px_ticks
        old_limit = o.peg_limit_ticks
        px = limit
        reason = REASON_NONE
        if o.ord_type == PEGGED:
            reason = REASON_NONE if 0 <= limit < MAX_PX_TICKS else REASON_BAD_FIELD
            o.peg_limit_ticks = limit
            px = self.peg_px(o)
        if reason == REASON_NONE:
            reason = self.replace_objection(o, px, qty_lots)
        if reason != REASON_NONE:
            o.peg_limit_ticks = old_limit
            self.answer(REPLACE_REJECT, o, request_id, reason)
            return
        self.change(s, request_id, px, qty_lots)

    def change(self, slot: int, request_id: int, px_ticks: int, qty_lots: int) -> None:
        """Give an order its new terms, and the place in the queue that they leave it."""
        o = self.orders.pool[slot]
        waiting = o.list_number >= 2 * self.books.n
        keeps_place = px_ticks == o.px_ticks and qty_lots <= o.qty_lots
        o.px_ticks = px_ticks
        o.qty_lots = qty_lots
        o.leaves_qty_lots = qty_lots - o.cum_qty_lots
        o.shown_lots = min(o.shown_lots, o.leaves_qty_lots)
        o.request_id = request_id
        self.answer(REPLACED, o, request_id, REASON_NONE)
        if not waiting and not keeps_place:
            number = o.list_number
            self.orders.unlink(slot)
            self.refresh_best(number, o.side)
            self.enter(slot)

    def refuse(self, kind: int, order_id: int, request_id: int) -> None:
        """Answer a request about an order that is not open."""
        self.draft.reset(order_id)
        self.answer(kind, self.draft, request_id, REASON_UNKNOWN_ORDER)

    def copy_draft(self, slot: int) -> None:
        """Write the examined terms into the pool."""
        d = self.draft
        o = self.orders.pool[slot]
        copy_terms(o, d)
        o.instrument = d.instrument
        o.set_terms(d.side, d.px_ticks, d.qty_lots)
        o.request_id = d.request_id
        o.peg_limit_ticks = d.peg_limit_ticks
        o.created_ts_ns = self.now_ns
        if o.ord_type == PEGGED:
            self.pegs += 1

    # ---- what a request may ask ----
    def objection(self) -> int:
        """Why the venue refuses the draft, REASON_NONE if it does not; then the draft has the price and the end that it begins with."""
        o = self.draft
        if not 0 <= o.instrument < self.books.n or self.specs[o.instrument].valid == 0:
            return REASON_UNKNOWN_INSTRUMENT
        if self.ids.has(o.order_id, 0):
            return REASON_DUPLICATE
        if o.time_in_force == GTD and 0 < o.expire_ts_ns <= self.now_ns:
            return REASON_EXPIRED
        code = check_terms(o, self.now_ns)
        if code != OK:
            return REASON_UNSUPPORTED if code == DENY_UNSUPPORTED else REASON_BAD_FIELD
        o.expire_ts_ns = ends_ns(o.time_in_force, o.expire_ts_ns, self.now_ns)
        if o.ord_type == PEGGED:
            o.px_ticks = self.peg_px(o)
        return self.terms_objection(o, o.px_ticks, o.qty_lots)

    def replace_objection(self, o: Order, px_ticks: int, qty_lots: int) -> int:
        """Why an order's new price and quantity are refused."""
        if not max(o.display_qty_lots, o.min_qty_lots, o.max_floor_qty_lots) <= qty_lots < MAX_QTY_LOTS:
            return REASON_BAD_FIELD
        return self.terms_objection(o, px_ticks, qty_lots)

    def terms_objection(self, o: Order, px_ticks: int, qty_lots: int) -> int:
        """Why price and quantity are refused: their range, the instrument's filters, post-only. A market order counts at the touch."""
        spec = self.specs[o.instrument]
        px = px_ticks
        if o.ord_type == PEGGED and px == 0:
            return REASON_NO_PEG
        if qty_lots <= 0:
            return REASON_BAD_FIELD
        if self.is_market(o):
            px = self.books[o.instrument].touch(SELL if o.side == BUY else BUY)
            if px == NONE:
                return REASON_NONE  # accepted, and expires for want of liquidity
        if not self.px_fits(o, px, qty_lots):
            return REASON_BAD_FIELD
        if qty_lots < spec.min_qty_lots or (spec.max_qty_lots > 0 and qty_lots > spec.max_qty_lots):
            return REASON_TOO_SMALL
        if qty_lots > MAX_PIECES * shown_limit_lots(o) or spec.notional(px, qty_lots) < spec.min_notional:
            return REASON_TOO_SMALL
        return REASON_POST_ONLY if o.post_only != 0 and self.takes(o, px) else REASON_NONE
