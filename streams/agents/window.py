"""What a strategy sees of its process: time, books, its positions, its open orders, the signals of all."""

from streams.agents.told import HeldPosition
from streams.agents.views import Views
from streams.kernel import I32, Array, Struct, Table, at
from streams.slots import OrderSlot
from streams.trading.book import Book
from streams.trading.order import Order
from streams.trading.ranking import Opinion

__all__ = ["ANY", "MAX_METRICS", "MAX_TIMERS", "NEVER_NS", "Window"]

ANY = -1  # every instrument, both sides
MAX_TIMERS = 8
MAX_METRICS = 16
NEVER_NS = 1 << 62


class Window(Struct, align=64):
    """The state and the eyes of a strategy's context. Prices in ticks, quantities in lots, instruments by dictionary number.

    due_ns     : when the first timer is due
    resume_ns  : quotes are neither placed nor moved before: an order was just refused
    home       : the strategy's first instrument
    views, out : where the process keeps them; set for the time of a callback only, so that a snapshot holds no address
    timers     : when each is due, 0 = not set
    metrics    : dictionary number of each metric of the class, + 1; 0 = none
    quotes     : order ids of the quotes kept by `quote`, [2 x instrument + side], 0 = none
    draft      : where the terms of a refused order go
    """

    now_ns: int
    due_ns: int = NEVER_NS
    resume_ns: int
    orders_left: int
    words_left: int
    refused: int
    unsaid: int
    strategy: I32
    account: I32
    home: I32 = -1
    views: int
    out: int
    timers: Array[int, MAX_TIMERS]
    metrics: Array[I32, MAX_METRICS]
    quotes: Table[int, "2 * instruments"]
    draft: OrderSlot

    # ---- market ----
    def book(self, instrument: int) -> Book:
        """The rebuilt book."""
        return at(Views, self.views).books[instrument]

    def tick(self, instrument: int) -> float:
        """Price units of one tick: a price in ticks times this is the price."""
        return at(Views, self.views).specs[instrument].tick_e9 / 1e9

    def mark2(self, instrument: int) -> int:
        """Twice the mark price in ticks, 0 if there is none yet."""
        return at(Views, self.views).specs[instrument].mark2_ticks

    def last_trade(self, instrument: int) -> int:
        """Price in ticks of the market's last trade, 0 if there was none yet."""
        return at(Views, self.views).specs[instrument].last_px_ticks

    # ---- positions ----
    def position(self, instrument: int) -> int:
        """Signed lots held by this strategy, from its own fills: right at once."""
        return at(Views, self.views).holding(self.strategy, instrument)

    def held(self, instrument: int) -> HeldPosition:
        """Position, cost and P&L as the account last told: after each fill, and at most every 100 ms while the mark moves."""
        return at(Views, self.views).told.position(self.strategy, instrument)

    def pnl(self, instrument: int) -> int:
        """Profit or loss of the run in money units, as the account last told: realized, unrealized and funding, less fees."""
        return self.held(instrument).pnl()

    # ---- own open orders ----
    def leaves(self, order_id: int) -> int:
        """Lots of an own order that may still fill; 0 if it is unknown or done."""
        orders = at(Views, self.views).orders
        s = orders.find(order_id)
        return orders.pool[s].leaves_qty_lots if s >= 0 else 0

    def first_order(self, instrument: int = ANY, side: int = ANY) -> int:
        """Slot of the oldest own open order of an instrument and a side, -1 if there is none; `order` gives what is in it.

        An order is open from the end of the callback that placed it until a report says that it has ended.
        """
        return self.matching(at(Views, self.views).orders.first(self.strategy), instrument, side)

    def next_order(self, slot: int, instrument: int = ANY, side: int = ANY) -> int:
        """Slot of the next own open order, -1 behind the last."""
        return self.matching(at(Views, self.views).orders.pool[slot].next, instrument, side)

    def order(self, slot: int) -> Order:
        """The order in a slot that `first_order` or `next_order` gave: terms, status, quantities. Only to be read."""
        return at(Views, self.views).orders.pool[slot]

    def matching(self, slot: int, instrument: int, side: int) -> int:
        """The first slot from this one on whose order is of that instrument and side."""
        pool = at(Views, self.views).orders.pool
        while slot >= 0:
            o = pool[slot]
            if (instrument < 0 or o.instrument == instrument) and (side < 0 or o.side == side):
                break
            slot = o.next
        return slot

    def open_orders(self, instrument: int = ANY, side: int = ANY) -> int:
        """How many own orders are open."""
        count = 0
        s = self.first_order(instrument, side)
        while s >= 0:
            count += 1
            s = self.next_order(s, instrument, side)
        return count

    def open_lots(self, instrument: int = ANY, side: int = ANY) -> int:
        """Lots of own open orders that may still fill."""
        lots = 0
        s = self.first_order(instrument, side)
        while s >= 0:
            lots += self.order(s).leaves_qty_lots
            s = self.next_order(s, instrument, side)
        return lots

    def quoted(self, instrument: int, side: int) -> int:
        """Price in ticks of the quote kept on this side, 0 if there is none."""
        order_id = self.quotes[2 * instrument + side]
        orders = at(Views, self.views).orders
        s = orders.find(order_id) if order_id != 0 else -1
        return orders.pool[s].px_ticks if s >= 0 else 0

    # ---- signals ----
    def signals(self, instrument: int) -> int:
        """How many strategies have a live signal on an instrument, this one included: younger than its horizon."""
        return at(Views, self.views).told.ranking.settle(instrument, self.now_ns)

    def ranked(self, instrument: int, place: int) -> Opinion:
        """The live signal at a place by urgency, then strength; 0 = the first. 0 <= place < signals(instrument)."""
        return at(Views, self.views).told.ranking.at_place(instrument, place)

    def consensus(self, instrument: int) -> Opinion:
        """The live signals summed up, as in the record that has no strategy; its strength is 0 if there are none."""
        ranking = at(Views, self.views).told.ranking
        ranking.agree(instrument, self.now_ns)
        return ranking.consensus
