"""What a strategy sees and calls: its positions, its open orders, the books; place, replace, cancel, quote, timers, signals."""

from streams.agents.codes import ACTION_CANCEL, ACTION_NEW, ACTION_REPLACE
from streams.agents.outbox import Outbox
from streams.agents.views import Views
from streams.kernel import I32, NULL, Struct, Table, at
from streams.trading.book import Book
from streams.trading.codes import GTC, LIMIT, MARKET, NEW, PARTIALLY_FILLED

__all__ = ["MAX_ORDERS_PER_CALL", "NEVER_NS", "REFUSAL_PAUSE_NS", "Context"]

MAX_ORDERS_PER_CALL = 32  # one callback may send so many orders, replaces and cancels
NEVER_NS = 1 << 62
REFUSAL_PAUSE_NS = 1_000_000_000  # quotes wait so long after a refusal, in the run's time: it would be refused again


class Context(Struct, align=64):
    """One strategy's window on its process. Prices in ticks, quantities in lots, instruments by dictionary number.

    resume_ns  : quotes are neither placed nor moved before: an order was just refused
    views, out : where the process keeps them; set for the time of a callback only, so that a snapshot holds no address
    quotes     : order ids of the quotes kept by `quote`, [2 x instrument + side], 0 = none
    """

    now_ns: int
    due_ns: int = NEVER_NS
    resume_ns: int
    orders_left: int
    refused: int
    strategy: I32
    account: I32
    views: int
    out: int
    quotes: Table[int, "2 * instruments"]

    # ---- what it sees ----
    def book(self, instrument: int) -> Book:
        """The rebuilt book."""
        return at(Views, self.views).books[instrument]

    def position(self, instrument: int) -> int:
        """Signed lots held by this strategy."""
        return at(Views, self.views).holding(self.strategy, instrument)

    def leaves(self, order_id: int) -> int:
        """Lots of an own order that may still fill; 0 if it is unknown or done."""
        orders = at(Views, self.views).orders
        s = orders.find(order_id)
        return orders.pool[s].leaves_qty_lots if s >= 0 else 0

    # ---- what it does ----
    def buy(self, instrument: int, px_ticks: int, qty_lots: int) -> int:
        """A limit order, GTC; its order id, 0 if it was refused."""
        return self.place(instrument, 0, px_ticks, qty_lots, LIMIT, GTC, False)

    def sell(self, instrument: int, px_ticks: int, qty_lots: int) -> int:
        """A limit order, GTC; its order id, 0 if it was refused."""
        return self.place(instrument, 1, px_ticks, qty_lots, LIMIT, GTC, False)

    def place(self, instrument: int, side: int, px_ticks: int, qty_lots: int, ord_type: int, time_in_force: int, post_only: bool) -> int:
        """A new order; its order id. 0 = refused: more than MAX_ORDERS_PER_CALL in one callback, or no more room for open orders."""
        views = at(Views, self.views)
        if self.orders_left <= 0 or qty_lots <= 0 or views.full():
            self.refused += 1
            return 0
        self.orders_left -= 1
        e = at(Outbox, self.out).new_order(instrument, side)
        e.action = ACTION_NEW
        e.order_id = e.id
        e.account = self.account
        e.strategy = self.strategy
        e.ord_type = ord_type
        e.time_in_force = time_in_force
        e.post_only = 1 if post_only else 0
        e.px_ticks = px_ticks if ord_type != MARKET else NULL
        e.qty_lots = qty_lots
        return e.id

    def replace(self, order_id: int, px_ticks: int, qty_lots: int) -> bool:
        """Change price and total quantity of an order that rests; False if it does not."""
        views = at(Views, self.views)
        if self.orders_left <= 0 or not views.working(order_id):
            return False
        self.orders_left -= 1
        e = at(Outbox, self.out).change_order(views.orders.pool[views.orders.find(order_id)], ACTION_REPLACE)
        e.px_ticks = px_ticks
        e.qty_lots = qty_lots
        return True

    def cancel(self, order_id: int) -> bool:
        """Ask to cancel an order; False if nothing of it is open, or a cancel is pending."""
        views = at(Views, self.views)
        if self.orders_left <= 0 or not views.cancellable(order_id):
            return False
        self.orders_left -= 1
        at(Outbox, self.out).change_order(views.orders.pool[views.orders.find(order_id)], ACTION_CANCEL)
        return True

    def quote(self, instrument: int, side: int, px_ticks: int, qty_lots: int) -> None:
        """Keep exactly one post-only order on this side at this price; 0 lots pull it.

        It waits while something is pending, and REFUSAL_PAUSE_NS after one of the strategy's orders was refused.
        """
        views = at(Views, self.views)
        k = 2 * instrument + side
        s = views.orders.find(self.quotes[k]) if self.quotes[k] != 0 else -1
        if s < 0:
            self.quotes[k] = 0
            if qty_lots > 0 and self.now_ns >= self.resume_ns:
                self.quotes[k] = self.place(instrument, side, px_ticks, qty_lots, LIMIT, GTC, True)
            return
        o = views.orders.pool[s]
        if o.ord_status != NEW and o.ord_status != PARTIALLY_FILLED:
            return
        if qty_lots <= 0:
            self.cancel(o.order_id)
        elif o.px_ticks != px_ticks and self.now_ns >= self.resume_ns:
            self.replace(o.order_id, px_ticks, o.cum_qty_lots + qty_lots)

    def quoted(self, instrument: int, side: int) -> int:
        """Price in ticks of the quote kept on this side, 0 if there is none."""
        order_id = self.quotes[2 * instrument + side]
        orders = at(Views, self.views).orders
        s = orders.find(order_id) if order_id != 0 else -1
        return orders.pool[s].px_ticks if s >= 0 else 0

    def pull(self, instrument: int) -> None:
        """Cancel both quotes of an instrument."""
        self.quote(instrument, 0, 0, 0)
        self.quote(instrument, 1, 0, 0)

    def set_timer(self, due_ns: int) -> None:
        """Call `on_timer` at the first input at or after `due_ns`."""
        self.due_ns = due_ns

    def signal(self, instrument: int, side: int, strength: float, fair_px_ticks: float, horizon_ns: int, urgency: float) -> None:
        """Telemetry: nobody trades on it. strength and urgency in [0, 1]."""
        e = at(Outbox, self.out).new_signal(instrument, side)
        e.strategy = self.strategy
        e.strength = strength
        e.fair_px = fair_px_ticks
        e.horizon_ns = horizon_ns
        e.urgency = urgency
