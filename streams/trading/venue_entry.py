"""How an accepted order enters the market of the simulated venue: what it takes, whether its rest stands, and at what price it is pegged.

Orders that take walk the displayed book; what they take is gone from the book here until the next update of that level, so that no lot is
sold twice: *too hard* where the level was refilled without an update, *too kind* in that nobody moves away, unless `impact` says they do.

A pegged order stands at its own side's best price plus its offset, never beyond its limit; a post-only one stays a tick behind the other
side. It moves at the end of each book update, to the end of the queue of its new price, and stays where it is while its side is empty.
"""

from streams.trading.book import NONE
from streams.trading.codes import BUY, FOK, IOC, MARKET, PEGGED, SELL, STOP, STOP_LIMIT
from streams.trading.order import Order
from streams.trading.order_terms import given
from streams.trading.risk_rules import MAX_PX_TICKS
from streams.trading.venue_answer import EXPIRED, REASON_NO_LIQUIDITY, REASON_NONE, TRIGGERED
from streams.trading.venue_queue import VenueQueue

__all__ = ["VenueEntry"]

_MAX_MONEY = 1 << 62


class VenueEntry(VenueQueue, align=64):
    """The way into and out of the book. Fields and sizes: see VenueQueue."""

    def on_update_end(self, instrument: int, snapshot: int) -> None:
        """All levels of an update are in: orders that the other side has reached fill, pegged ones move. snapshot: 1 at the end of one."""
        self.fill_reached(instrument, snapshot)
        if self.pegs > 0:
            self.repeg(instrument)

    # ---- entering and leaving the book ----
    def enter(self, slot: int) -> None:
        """An accepted order that stands in no list takes what it can; the rest rests or ends.

        An order that must fill so much at once (FOK: all; min_qty) takes nothing where there is less."""
        o = self.orders.pool[slot]
        least = o.leaves_qty_lots if o.time_in_force == FOK else min(o.min_qty_lots, o.leaves_qty_lots)
        if least <= 0 or self.available_lots(o) >= least:
            self.take(slot)
        if o.leaves_qty_lots == 0:
            self.forget(slot)
        elif o.time_in_force == IOC or o.time_in_force == FOK or self.is_market(o):
            self.end(slot, EXPIRED, o.request_id, REASON_NO_LIQUIDITY)
        else:
            self.rest(slot)

    def take(self, slot: int) -> None:
        """Execute against the displayed book, best level first; what is taken is gone from it."""
        if self.impacted != 0:
            self.take_moved(slot)
            return
        o = self.orders.pool[slot]
        book = self.books[o.instrument]
        other = SELL if o.side == BUY else BUY
        touch = book.touch(other)
        while touch != NONE and o.leaves_qty_lots > 0 and self.meets(o, o.px_ticks, touch):
            if self.whole != 0:
                self.fill(slot, touch, o.leaves_qty_lots, 0)
                return
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
            shown = o.leaves_qty_lots if self.whole != 0 else book.qty(other, px)
            if self.impacted != 0:
                payable = self.payable_lots(o, px, lots, min(shown, o.leaves_qty_lots - lots))
                lots += payable
                if payable == 0 or (payable < shown and lots < o.leaves_qty_lots):
                    return lots
            else:
                lots += shown
            px = book.worse(other, px)
        return lots

    # ---- with impact ----
    def take_moved(self, slot: int) -> None:
        """As `take`, where our taking moves the price: it pays more than displayed, and a limit is reached sooner."""
        o = self.orders.pool[slot]
        book = self.books[o.instrument]
        impact = self.impacts[o.instrument]
        other = SELL if o.side == BUY else BUY
        taken = 0
        last_px = 0
        touch = book.touch(other)
        while touch != NONE and o.leaves_qty_lots > 0 and self.meets(o, o.px_ticks, touch):
            shown = o.leaves_qty_lots if self.whole != 0 else book.qty(other, touch)
            q = self.payable_lots(o, touch, taken, min(shown, o.leaves_qty_lots))
            if q == 0:
                break
            taken += q
            last_px = touch
            px = self.key(o.side, self.key(o.side, touch) + impact.cost_ticks(o.side, touch, taken, self.now_ns))
            self.fill(slot, px, q, 0)
            if self.whole == 0:
                book.apply(other, touch, shown - q)
            if q < shown:
                break
            touch = book.touch(other)
        if taken > 0:
            impact.took(o.side, last_px, taken, self.now_ns)

    def payable_lots(self, o: Order, touch_ticks: int, taken_lots: int, most_lots: int) -> int:
        """How many of `most_lots` an order that has taken so much can take at a displayed price without paying more than its limit."""
        impact = self.impacts[o.instrument]
        if self.is_market(o):
            return most_lots
        room = self.key(o.side, o.px_ticks) - self.key(o.side, touch_ticks)
        if impact.cost_ticks(o.side, touch_ticks, taken_lots + most_lots, self.now_ns) <= room:
            return most_lots
        low = 0  # payable; the cost rises with the quantity
        high = most_lots
        while high - low > 1:
            q = (low + high) >> 1
            if impact.cost_ticks(o.side, touch_ticks, taken_lots + q, self.now_ns) <= room:
                low = q
            else:
                high = q
        return low

    def trigger(self, slot: int) -> None:
        """A stop's price has been reached: it says so, and enters."""
        o = self.orders.pool[slot]
        o.triggered = 1
        self.answer(TRIGGERED, o, o.request_id, REASON_NONE)
        self.enter(slot)

    def close(self, slot: int, kind: int, request_id: int, reason: int) -> None:
        """End an order that rests or waits, and keep the best price right."""
        o = self.orders.pool[slot]
        number = o.list_number
        key = self.key(o.side, o.px_ticks)
        self.end(slot, kind, request_id, reason)
        if number < 2 * self.books.n and key == self.best_key[number]:
            self.refresh_best(number, number & 1)

    def end(self, slot: int, kind: int, request_id: int, reason: int) -> None:
        """Answer that an order has ended and forget it."""
        o = self.orders.pool[slot]
        o.leaves_qty_lots = 0
        self.answer(kind, o, request_id, reason)
        self.forget(slot)

    # ---- pegs ----
    def repeg(self, instrument: int) -> None:
        """Move the pegged orders of an instrument to where the book wants them; one that reaches the other side takes."""
        for side in range(2):
            number = 2 * instrument + side
            s = self.orders.first(number)
            for _ in range(self.orders.lists[number].count):  # each once: one that moves goes behind them
                o = self.orders.pool[s]
                following = o.next
                px = self.peg_px(o) if o.ord_type == PEGGED else 0
                if px > 0 and px != o.px_ticks:
                    self.orders.unlink(s)
                    o.px_ticks = px
                    self.enter(s)
                s = following
            self.refresh_best(number, side)

    def peg_px(self, o: Order) -> int:
        """Where a pegged order belongs now; 0 = its side is empty, or the price or its notional would be out of range."""
        book = self.books[o.instrument]
        touch = book.touch(o.side)
        if touch == NONE:
            return 0
        key = self.key(o.side, touch + (o.peg_offset_ticks if given(o.peg_offset_ticks) else 0))
        if o.peg_limit_ticks > 0:
            key = min(key, self.key(o.side, o.peg_limit_ticks))
        other = book.touch(SELL if o.side == BUY else BUY)
        if o.post_only != 0 and other != NONE:
            key = min(key, self.key(o.side, other) - 1)
        px = self.key(o.side, key)
        return px if self.px_fits(o, px, o.qty_lots) else 0

    # ---- words ----
    def px_fits(self, o: Order, px_ticks: int, qty_lots: int) -> bool:
        """A price is in range, and its notional below 2**62 money units. qty_lots > 0."""
        return 0 < px_ticks < MAX_PX_TICKS and px_ticks <= _MAX_MONEY // self.specs[o.instrument].money_per_tick_lot // qty_lots

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
