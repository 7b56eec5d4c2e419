"""Resting orders in a market they are not part of: where they stand in the queue, and when the market's own events fill them.

The model, and where it errs:
- A new order stands behind every lot displayed at its price. Trades at its price move it forward; so does a level that shrinks below what
  is ahead. Cancellations ahead of it are only seen that way: *too hard*, by the cancels in front.
- A trade fills no more than its own volume: what lay ahead first, then our orders by price and time. A trade beyond our price would have
  met us first, and fills us up to its volume: *right* unless the sender would have stopped earlier.
- A book that crosses our price fills us up to what it displays there, which is then gone until the level's next update: *too kind* by what
  would have gone to others at a better place in the queue, *too hard* by what traded before the update.
- An order shows a piece of itself at a time (display, max_floor). When it is filled the next piece joins the end of the queue, behind all
  that is displayed there; what a trade has left over reaches it still.
- Of an order with a least quantity nothing fills where an event has less for it.
- Nobody reacts to our orders, and our own orders do not meet each other.
"""

from streams.kernel import Struct, Table
from streams.trading.book import NONE, Book
from streams.trading.codes import BUY, PEGGED, SELL
from streams.trading.id_set import IdSet
from streams.trading.instrument import InstrumentSpec
from streams.trading.order import Order
from streams.trading.order_terms import shown_limit_lots
from streams.trading.orders import Orders
from streams.trading.venue_answer import FILL, REASON_NONE, AnswerQueue, VenueAnswer

__all__ = ["VenueQueue"]


class VenueQueue(Struct, align=64):
    """Books, resting orders and answers of a simulated venue, and what market data does to them.

    Sizes: instruments, window, far (per book), orders, order_lists (at least 3 x instruments), executions (order ids remembered), answers.
    Lists of `orders`: 2 x instrument + side hold resting orders, 2 x instruments + instrument the stops that wait.

    now_ns         : largest time seen
    next_expire_ns : no order expires before
    pegs           : pegged orders that are open
    answer_count, fill_count : answers and fills ever written
    best_key       : per list of resting orders a key that none of them exceeds, NONE = empty; a buy's key is its price, a sell's minus it
    draft          : the order of a request while it is examined
    last_px_ticks  : per instrument, price of the last trade, 0 = none
    """

    now_ns: int
    next_expire_ns: int
    pegs: int
    answer_count: int
    fill_count: int
    books: Table[Book, "instruments"]
    specs: Table[InstrumentSpec, "instruments"]
    last_px_ticks: Table[int, "instruments"]
    best_key: Table[int, "2 * instruments"]
    draft: Order
    orders: Orders
    ids: IdSet
    answers: AnswerQueue

    # ---- market data ----
    def on_level(self, instrument: int, side: int, px_ticks: int, qty_lots: int) -> None:
        """A level has a new quantity, 0 = none. `on_update_end` follows the last level of an update."""
        number = 2 * instrument + side
        if self.key(side, px_ticks) <= self.best_key[number]:
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
        while own_key != NONE and touch != NONE and own_key >= self.key(side, touch):
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

    def advance_level(self, number: int, px_ticks: int, volume_lots: int) -> None:
        """A trade at a price: first what lay ahead, then the orders there, oldest first, as far as its volume goes."""
        own_lots = 0  # filled to older orders of ours, which stood in front
        s = self.orders.first(number)
        while s >= 0:
            o = self.orders.pool[s]
            following = o.next
            if o.px_ticks == px_ticks:
                passed = volume_lots - own_lots
                if passed > o.ahead_lots:
                    q = min(passed - o.ahead_lots, o.shown_lots)
                    o.ahead_lots = 0
                    if q >= self.least_lots(o):
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
        s = self.orders.first(number)
        while s >= 0:
            o = self.orders.pool[s]
            if o.px_ticks == px_ticks and o.ahead_lots > qty_lots:
                o.ahead_lots = qty_lots
            s = o.next

    def requeue(self, instrument: int, side: int) -> None:
        """After a snapshot: no more ahead than the new book holds at each order's price."""
        s = self.orders.first(2 * instrument + side)
        while s >= 0:
            o = self.orders.pool[s]
            o.ahead_lots = min(o.ahead_lots, self.books[instrument].qty(side, o.px_ticks))
            s = o.next

    def rest(self, slot: int) -> None:
        """Show a piece of the order at the end of the queue at its price, behind all that is displayed."""
        o = self.orders.pool[slot]
        number = 2 * o.instrument + o.side
        o.shown_lots = min(o.leaves_qty_lots, shown_limit_lots(o))
        o.ahead_lots = self.books[o.instrument].qty(o.side, o.px_ticks)
        self.orders.link(slot, number)
        self.best_key[number] = max(self.best_key[number], self.key(o.side, o.px_ticks))
        if o.expire_ts_ns > 0:
            self.next_expire_ns = min(self.next_expire_ns, o.expire_ts_ns)

    def key(self, side: int, px_ticks: int) -> int:
        """A price as a number that grows with its priority; the same again gives the price."""
        return px_ticks if side == BUY else -px_ticks

    def next_key(self, number: int, side: int, key: int) -> int:
        """Best key under `key` among the resting orders of a list, NONE if there is none."""
        best = NONE
        s = self.orders.first(number)
        while s >= 0:
            o = self.orders.pool[s]
            k = self.key(side, o.px_ticks)
            if best < k < key:
                best = k
            s = o.next
        return best

    def refresh_best(self, number: int, side: int) -> None:
        """Work out the best key of a list anew."""
        self.best_key[number] = self.next_key(number, side, -NONE)

    # ---- answers ----
    def fill(self, slot: int, px_ticks: int, qty_lots: int, maker: int) -> None:
        """Execute part of an order. px x qty in money below 2**62."""
        o = self.orders.pool[slot]
        o.leaves_qty_lots -= qty_lots
        o.cum_qty_lots += qty_lots
        self.fill_count += 1
        a = self.answer(FILL, o, o.request_id, REASON_NONE)
        a.exec_seq = self.fill_count
        a.px_ticks = px_ticks
        a.qty_lots = qty_lots
        a.maker = maker
        a.fee = self.specs[o.instrument].fee(px_ticks, qty_lots, maker)

    def forget(self, slot: int) -> None:
        """An order has ended: its slot is free."""
        if self.orders.pool[slot].ord_type == PEGGED:
            self.pegs -= 1
        self.orders.drop(slot)

    def answer(self, kind: int, o: Order, request_id: int, reason: int) -> VenueAnswer:
        """Write an answer about an order as it stands; the answer, for the caller to add to."""
        self.answer_count += 1
        a = self.answers.push()
        a.seq = self.answer_count
        a.ts_ns = self.now_ns
        a.order_id = o.order_id
        a.request_id = request_id
        a.exec_seq = 0
        a.px_ticks = o.peg_limit_ticks if o.ord_type == PEGGED else o.px_ticks
        a.qty_lots = o.qty_lots
        a.leaves_qty_lots = o.leaves_qty_lots
        a.cum_qty_lots = o.cum_qty_lots
        a.fee = 0
        a.instrument = o.instrument
        a.kind = kind
        a.side = o.side
        a.maker = 0
        a.reason = reason
        return a
