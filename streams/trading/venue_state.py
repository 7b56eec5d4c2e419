"""What a simulated venue holds: books, resting orders, models and answers, and how an order is filled, forgotten and answered."""

from streams.kernel import I8, Struct, Table, bit
from streams.trading.book import NONE, Book
from streams.trading.codes import BUY, PEGGED
from streams.trading.fee_tiers import FeeTiers
from streams.trading.id_set import IdSet
from streams.trading.impact import Impact
from streams.trading.instrument import InstrumentSpec
from streams.trading.order import Order
from streams.trading.order_terms import shown_limit_lots
from streams.trading.orders import Orders
from streams.trading.queue_model import NONE_AHEAD, QueuePlace
from streams.trading.venue_answer import FILL, REASON_NONE, AnswerQueue, VenueAnswer

__all__ = ["VenueState"]

_MARKS: int = 63


class VenueState(Struct, align=64):
    """Books, resting orders, models and answers of a simulated venue.

    Sizes: instruments, window, far (per book), orders, order_lists (at least 3 x instruments), executions (order ids remembered), answers.
    Lists of `orders`: 2 x instrument + side hold resting orders, 2 x instruments + instrument the stops that wait.

    now_ns         : largest time seen
    next_expire_ns : no order expires before
    pegs           : pegged orders that are open
    queue_model    : NONE_AHEAD, ... or EXACT; queue_exponent, and lot_base per instrument (base quantity of a lot): see queue_model
    whole          : 1 = orders fill whole
    impacted       : 1 = our taking moves prices: `impacts`, per instrument
    answer_count, fill_count : answers and fills ever written
    best_key       : per list of resting orders the largest key, NONE = empty; a buy's key is its price, a sell's minus it
    marks          : per list of resting orders bit (price mod 64) of each; more bits may be set
    draft          : the order of a request while it is examined
    last_px_ticks  : per instrument, price of the last trade, 0 = none
    places         : per slot of `orders`, unless queue_model is NONE_AHEAD
    joins          : EXACT: orders that ever joined a queue, the market's and ours
    tiers          : fees by traded volume; volume_unit: per instrument money units of 10^-6 of its quote currency, negative: the inverse
    """

    now_ns: int
    next_expire_ns: int
    pegs: int
    answer_count: int
    fill_count: int
    queue_model: I8
    whole: I8
    impacted: I8
    books: Table[Book, "instruments"]
    specs: Table[InstrumentSpec, "instruments"]
    last_px_ticks: Table[int, "instruments"]
    best_key: Table[int, "2 * instruments"]
    marks: Table[int, "2 * instruments"]
    draft: Order
    orders: Orders
    ids: IdSet
    answers: AnswerQueue
    queue_exponent: float
    joins: int
    lot_base: Table[float, "instruments"]
    volume_unit: Table[int, "instruments"]
    places: Table[QueuePlace, "orders"]
    impacts: Table[Impact, "instruments"]
    tiers: FeeTiers

    # ---- places in queues ----
    def rest(self, slot: int) -> None:
        """Show a piece of the order at the end of the queue at its price, behind all that is displayed."""
        o = self.orders.pool[slot]
        number = 2 * o.instrument + o.side
        o.shown_lots = min(o.leaves_qty_lots, shown_limit_lots(o))
        o.ahead_lots = self.books[o.instrument].qty(o.side, o.px_ticks)
        if self.queue_model != NONE_AHEAD:
            self.joins += 1
            self.places[slot].joined = self.joins
            self.places[slot].start(o.ahead_lots * self.lot_base[o.instrument])
        self.orders.link(slot, number)
        self.best_key[number] = max(self.best_key[number], self.key(o.side, o.px_ticks))
        self.marks[number] |= bit(o.px_ticks & _MARKS)
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

    def marked(self, number: int, px_ticks: int) -> bool:
        """A resting order of a list may stand at a price; False: none does."""
        return (self.marks[number] >> (px_ticks & _MARKS)) & 1 != 0

    def refresh_best(self, number: int, side: int) -> None:
        """Work out the best key and the marks of a list anew."""
        best = NONE
        marks = 0
        s = self.orders.first(number)
        while s >= 0:
            o = self.orders.pool[s]
            best = max(best, self.key(side, o.px_ticks))
            marks |= bit(o.px_ticks & _MARKS)
            s = o.next
        self.best_key[number] = best
        self.marks[number] = marks

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
        spec = self.specs[o.instrument]
        a.fee = spec.fee(px_ticks, qty_lots, maker) if self.tiers.count == 0 else self.tier_fee(o.instrument, a)

    def tier_fee(self, instrument: int, a: VenueAnswer) -> int:
        """Fee of an execution by what has been traded before it, which it adds to."""
        if self.tiers.day < 0:
            self.tiers.start(self.now_ns)
        self.tiers.roll(self.now_ns)
        spec = self.specs[instrument]
        notional = spec.notional(a.px_ticks, a.qty_lots)
        fee = self.tiers.fee(notional, a.maker, spec.fees.rounding)
        unit = self.volume_unit[instrument]
        self.tiers.add(notional // unit if unit > 0 else notional * -unit)
        return fee

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
