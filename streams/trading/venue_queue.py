"""Resting orders in a market they are not part of: where they stand in the queue, and when the market's own events fill them.

The model, and where it errs (docs/simulation.md has it with examples):
- A new order stands behind every lot displayed at its price. Trades at its price move it forward; so does a level that shrinks below what
  is ahead. Cancellations ahead of it are only seen that way: *too hard*, by the cancels in front, unless `queue_model` shares them out.
- A trade fills no more than its own volume: what lay ahead first, then our orders by price and time. A trade beyond our price would have
  met us first, and fills us up to its volume: *right* unless the sender would have stopped earlier.
- A book that crosses our price fills us up to what it displays there, which is then gone until the level's next update: *too kind* by what
  would have gone to others at a better place in the queue, *too hard* by what traded before the update.
- An order shows a piece of itself at a time (display, max_floor). When it is filled the next piece joins the end of the queue, behind all
  that is displayed there; what a trade has left over reaches it still.
- Of an order with a least quantity nothing fills where an event has less for it.
- Nobody reacts to our orders, and our own orders do not meet each other.
- `whole` fills orders like hftbacktest's NoPartialFillExchange: what reaches an order at all fills all of it, at its price, and one that
  takes is filled at the touch, whatever its size; nothing is used up. *Too kind* for every order larger than what is there.
"""

from streams.trading.book import NONE
from streams.trading.codes import BUY, SELL
from streams.trading.impact import PROPAGATOR
from streams.trading.order import Order
from streams.trading.queue_model import EXACT, NONE_AHEAD
from streams.trading.risk_rules import MAX_PX_TICKS
from streams.trading.venue_state import VenueState

__all__ = ["VenueQueue"]


class VenueQueue(VenueState, align=64):
    """What market data does to resting orders. Fields and sizes: see VenueState."""

    # ---- market data ----
    def on_level(self, instrument: int, side: int, px_ticks: int, qty_lots: int) -> None:
        """A level has a new quantity, 0 = none. `on_update_end` follows the last level of an update."""
        number = 2 * instrument + side
        if self.marked(number, px_ticks):
            self.shrink_ahead(number, px_ticks, qty_lots)
        self.books[instrument].apply(side, px_ticks, qty_lots)

    def on_snapshot(self, instrument: int) -> None:
        """A snapshot begins: the book is empty until its levels have come."""
        self.books[instrument].clear()

    def fill_reached(self, instrument: int, snapshot: int) -> None:
        """All levels of an update are in: orders that the other side has reached fill."""
        for side in range(2):
            number = 2 * instrument + side
            if self.best_key[number] != NONE:
                if snapshot != 0:
                    self.requeue(instrument, side)
                self.fill_crossed(instrument, side)

    def fill_traded(self, instrument: int, aggressor: int, px_ticks: int, qty_lots: int) -> None:
        """A trade reaches the resting orders of the other side, best price first."""
        side = SELL if aggressor == BUY else BUY
        number = 2 * instrument + side
        trade_key = self.key(side, px_ticks)
        own_key = self.best_key[number]
        if own_key < trade_key:
            return
        left = qty_lots
        while own_key != NONE and own_key >= trade_key and left > 0:
            px = self.key(side, own_key)
            if own_key > trade_key:
                left = self.fill_level(number, px, left)
            else:
                self.advance_level(number, px, left)
            own_key = self.next_key(number, side, own_key)
        self.refresh_best(number, side)

    def fill_crossed(self, instrument: int, side: int) -> None:
        """Resting orders of a side that the other side's touch has reached fill against what it displays."""
        number = 2 * instrument + side
        book = self.books[instrument]
        other = SELL if side == BUY else BUY
        own_key = self.best_key[number]
        touch = book.touch(other)
        if touch == NONE or own_key < self.key(side, touch):
            return
        moved = 0
        if self.impacted != 0:
            moved = self.moved_ticks(instrument, side)
        while own_key != NONE and touch != NONE and own_key >= self.key(side, touch) + moved:
            shown = book.qty(other, touch)
            left = self.fill_level(number, self.key(side, own_key), shown)
            if left < shown:
                book.apply(other, touch, left)
                touch = book.touch(other)
            if left > 0:  # every order at this price is filled
                own_key = self.next_key(number, side, own_key)
        self.refresh_best(number, side)

    # ---- one price of our own ----
    def fill_level(self, number: int, px_ticks: int, volume_lots: int) -> int:
        """Fill the orders at a price, oldest first, from a volume that all of them share; what is left of it."""
        if self.whole != 0:
            self.fill_whole(number, px_ticks)
            return volume_lots
        s = self.orders.first(number)
        while s >= 0 and volume_lots > 0:
            o = self.orders.pool[s]
            following = o.next
            if o.px_ticks == px_ticks:
                q = min(o.shown_lots, volume_lots)
                if q >= self.least_lots(o):
                    volume_lots -= q
                    if self.fill_resting(s, px_ticks, q) and following < 0:
                        following = s  # it was the last, and its next piece is
            s = following
        return volume_lots

    def fill_whole(self, number: int, px_ticks: int) -> None:
        """Fill all orders at a price."""
        s = self.orders.first(number)
        while s >= 0:
            o = self.orders.pool[s]
            following = o.next
            if o.px_ticks == px_ticks:
                self.fill_resting(s, px_ticks, o.leaves_qty_lots)
            s = following

    def advance_level(self, number: int, px_ticks: int, volume_lots: int) -> None:
        """A trade at a price: first what lay ahead, then the orders there, oldest first, as far as its volume goes."""
        own_lots = 0  # filled to older orders of ours, which stood in front
        lot = self.lot_base[number >> 1]
        s = self.orders.first(number)
        while s >= 0:
            o = self.orders.pool[s]
            following = o.next
            if o.px_ticks == px_ticks:
                passed = volume_lots - own_lots
                if self.queue_model != NONE_AHEAD:
                    self.places[s].trade(passed * lot)
                    o.ahead_lots = max(0, passed + self.places[s].ahead_lots(lot))
                if passed > o.ahead_lots:
                    q = min(passed - o.ahead_lots, o.shown_lots)
                    o.ahead_lots = 0
                    if self.queue_model != NONE_AHEAD:
                        self.places[s].reach()
                    if self.whole != 0:
                        self.fill_resting(s, px_ticks, o.leaves_qty_lots)
                    elif q >= self.least_lots(o):
                        own_lots += q
                        if self.fill_resting(s, px_ticks, q) and following < 0:
                            following = s
                else:
                    o.ahead_lots -= passed
            s = following

    def fill_resting(self, slot: int, px_ticks: int, qty_lots: int) -> bool:
        """Execute part of what a resting order shows; an order that is done leaves. True: its next piece stands at the end of the queue."""
        o = self.orders.pool[slot]
        self.fill(slot, px_ticks, qty_lots, 1)
        o.shown_lots -= qty_lots
        if o.leaves_qty_lots == 0:
            self.forget(slot)
            return False
        if o.shown_lots > 0:
            return False
        self.orders.unlink(slot)
        self.rest(slot)
        return True

    def least_lots(self, o: Order) -> int:
        """Fewer lots than these do not fill of a resting order: its least quantity, as far as it shows that much; at least 1."""
        return max(1, min(o.min_qty_lots, o.shown_lots))

    def shrink_ahead(self, number: int, px_ticks: int, qty_lots: int) -> None:
        """No more can be ahead of an order than its level holds."""
        if self.queue_model != NONE_AHEAD:
            self.share_cancels(number, px_ticks, qty_lots)
            return
        s = self.orders.first(number)
        while s >= 0:
            o = self.orders.pool[s]
            if o.px_ticks == px_ticks and o.ahead_lots > qty_lots:
                o.ahead_lots = qty_lots
            s = o.next

    def share_cancels(self, number: int, px_ticks: int, qty_lots: int) -> None:
        """A level changes: its cancellations were ahead of our orders and behind them, as the model has it."""
        if self.queue_model == EXACT:
            return
        instrument = number >> 1
        lot = self.lot_base[instrument]
        before = self.books[instrument].qty(number & 1, px_ticks) * lot
        s = self.orders.first(number)
        while s >= 0:
            o = self.orders.pool[s]
            if o.px_ticks == px_ticks:
                place = self.places[s]
                place.level(before, qty_lots * lot, self.queue_model, self.queue_exponent)
                o.ahead_lots = max(0, place.ahead_lots(lot))
            s = o.next

    def requeue(self, instrument: int, side: int) -> None:
        """After a snapshot: no more ahead than the new book holds at each order's price."""
        s = self.orders.first(2 * instrument + side)
        while s >= 0:
            o = self.orders.pool[s]
            o.ahead_lots = min(o.ahead_lots, self.books[instrument].qty(side, o.px_ticks))
            self.places[s].limit(o.ahead_lots * self.lot_base[instrument])
            s = o.next

    def moved_ticks(self, instrument: int, side: int) -> int:
        """How much further than displayed the other side is from our orders of a side, by what our taking has moved; >= 0."""
        impact = self.impacts[instrument]
        return impact.cost_ticks(side, MAX_PX_TICKS, 1, self.now_ns) if impact.model == PROPAGATOR else 0
