"""What a strategy calls: place, replace, cancel, quote, timers, metrics, signals. What it sees is in `streams.agents.window`."""

from streams.agents.codes import ACTION_CANCEL, ACTION_NEW, ACTION_REPLACE
from streams.agents.outbox import FOLLOWS, Outbox
from streams.agents.views import Views
from streams.agents.window import ANY, MAX_TIMERS, NEVER_NS, Window
from streams.kernel import NULL, at
from streams.slots import OrderSlot
from streams.trading.codes import (
    BUY,
    GTC,
    ICEBERG,
    IOC,
    LIMIT,
    MARKET,
    NEW,
    PARTIALLY_FILLED,
    PEGGED,
    SELL,
    STOP,
    STOP_LIMIT,
    sign,
)
from streams.trading.ranking import share

__all__ = ["ANY", "MAX_ORDERS_PER_CALL", "MAX_WORDS_PER_CALL", "NEVER_NS", "REFUSAL_PAUSE_NS", "Context"]

MAX_ORDERS_PER_CALL = 32  # one callback may send so many orders and replaces
MAX_WORDS_PER_CALL = 16  # one callback may write so many signals and metrics
REFUSAL_PAUSE_NS = 1_000_000_000  # quotes wait so long after a refusal, in the run's time: it would be refused again
_KEPT = 64  # entries of the outbox that strategies leave to the other agents


class Context(Window, align=64):
    """One strategy's window on its process, and its hands. A side is 0 BUY, 1 SELL; prices in ticks, quantities in lots.

    An order is refused (id 0, `refused` counts them) beyond MAX_ORDERS_PER_CALL in one callback, with a quantity that is not above 0, and
    where there is no room for another open order. What is placed is decided by risk after the callback: `on_order` tells.
    """

    # ---- orders ----
    def buy(self, instrument: int, px_ticks: int, qty_lots: int) -> int:
        """A limit order, GTC; its order id, 0 if it was refused."""
        return self.place(instrument, BUY, px_ticks, qty_lots)

    def sell(self, instrument: int, px_ticks: int, qty_lots: int) -> int:
        """A limit order, GTC; its order id, 0 if it was refused."""
        return self.place(instrument, SELL, px_ticks, qty_lots)

    def market(self, instrument: int, side: int, qty_lots: int) -> int:
        """An order that takes what is there at any price, IOC; its order id, 0 if it was refused."""
        return self.place(instrument, side, NULL, qty_lots, MARKET, IOC)

    def stop(self, instrument: int, side: int, stop_px_ticks: int, qty_lots: int) -> int:
        """A market order that waits until the market trades at the stop price or beyond; its order id, 0 if it was refused."""
        e = self.new_order(instrument, side, qty_lots)
        e.ord_type = STOP
        e.stop_px_ticks = stop_px_ticks
        return e.id

    def stop_limit(self, instrument: int, side: int, stop_px_ticks: int, px_ticks: int, qty_lots: int) -> int:
        """A limit order that waits until the market trades at the stop price or beyond; its order id, 0 if it was refused."""
        e = self.new_order(instrument, side, qty_lots)
        e.ord_type = STOP_LIMIT
        e.stop_px_ticks = stop_px_ticks
        e.px_ticks = px_ticks
        return e.id

    def iceberg(self, instrument: int, side: int, px_ticks: int, qty_lots: int, display_qty_lots: int) -> int:
        """A limit order that shows only so many lots at a time; its order id, 0 if it was refused."""
        e = self.new_order(instrument, side, qty_lots)
        e.ord_type = ICEBERG
        e.px_ticks = px_ticks
        e.display_qty_lots = display_qty_lots
        return e.id

    def pegged(self, instrument: int, side: int, offset_ticks: int, qty_lots: int, limit_px_ticks: int = NULL) -> int:
        """An order that follows its own side's best price at a distance, up to a limit price; its order id, 0 if it was refused."""
        e = self.new_order(instrument, side, qty_lots)
        e.ord_type = PEGGED
        e.peg_offset_ticks = offset_ticks
        e.px_ticks = limit_px_ticks
        return e.id

    def place(
        self,
        instrument: int,
        side: int,
        px_ticks: int,
        qty_lots: int,
        ord_type: int = LIMIT,
        time_in_force: int = GTC,
        post_only: bool = False,
    ) -> int:
        """A new order of any type that needs no more than a price; its order id, 0 if it was refused."""
        e = self.new_order(instrument, side, qty_lots)
        e.ord_type = ord_type
        e.time_in_force = time_in_force
        e.post_only = 1 if post_only else 0
        e.px_ticks = px_ticks if ord_type != MARKET else NULL
        return e.id

    def new_order(self, instrument: int, side: int, qty_lots: int) -> OrderSlot:
        """The record of a new order, on its way already: LIMIT, GTC, no price yet. Set its other terms before the callback ends.

        Its `id` is the order id; 0 if it was refused, and what is set then goes nowhere.
        """
        views = at(Views, self.views)
        out = at(Outbox, self.out)
        if self.orders_left <= 0 or qty_lots <= 0 or views.full() or out.free() <= _KEPT:
            self.refused += 1
            self.draft.id = 0
            return self.draft
        self.orders_left -= 1
        e = out.new_order(instrument, side)
        e.action = ACTION_NEW
        e.order_id = e.id
        e.account = self.account
        e.strategy = self.strategy
        e.ord_type = LIMIT
        e.time_in_force = GTC
        e.post_only = 0
        e.px_ticks = NULL
        e.qty_lots = qty_lots
        return e

    def fits(self, count: int) -> bool:
        """So many more orders can be placed in this callback: ask before a batch that must go out whole."""
        views = at(Views, self.views)
        free = at(Outbox, self.out).free() - _KEPT
        return count <= self.orders_left and count * (1 + FOLLOWS) <= free and count <= views.orders.pool.n - views.orders.open_count

    def ladder(self, instrument: int, side: int, px_ticks: int, step_ticks: int, levels: int, qty_lots: int) -> int:
        """A batch of limit orders, all or none: the first at a price, each next one a step further away; how many, `levels` or 0."""
        if levels <= 0 or not self.fits(levels):
            self.refused += 1
            return 0
        for k in range(levels):
            self.place(instrument, side, px_ticks - sign(side) * k * step_ticks, qty_lots)
        return levels

    # ---- changes ----
    def replace(self, order_id: int, px_ticks: int, qty_lots: int) -> bool:
        """Change price and total quantity of an order that rests; False if it does not, or too much was sent in this callback."""
        views = at(Views, self.views)
        if self.orders_left <= 0 or at(Outbox, self.out).free() <= _KEPT or not views.working(order_id):
            return False
        self.orders_left -= 1
        e = at(Outbox, self.out).change_order(views.orders.pool[views.orders.find(order_id)], ACTION_REPLACE)
        e.px_ticks = px_ticks
        e.qty_lots = qty_lots
        return True

    def cancel(self, order_id: int) -> bool:
        """Ask to cancel an order; False if nothing of it is open, or a cancel is pending."""
        views = at(Views, self.views)
        s = views.orders.find(order_id)
        if s < 0 or at(Outbox, self.out).free() <= 1 + FOLLOWS or not views.may_cancel(views.orders.pool[s]):
            return False
        at(Outbox, self.out).change_order(views.orders.pool[s], ACTION_CANCEL)
        return True

    def cancel_all(self, instrument: int = ANY, side: int = ANY) -> int:
        """Ask to cancel every own order of an instrument and a side; how many were asked for. Orders placed in this callback stay."""
        count = 0
        s = self.first_order(instrument, side)
        while s >= 0:
            if self.cancel(self.order(s).order_id):
                count += 1
            s = self.next_order(s, instrument, side)
        return count

    # ---- quotes ----
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

    def pull(self, instrument: int) -> None:
        """Cancel both quotes of an instrument."""
        self.quote(instrument, BUY, 0, 0)
        self.quote(instrument, SELL, 0, 0)

    # ---- timers ----
    def set_timer(self, due_ns: int, timer: int = 0) -> None:
        """Call `on_timer` with this number once, at the first input at or after `due_ns`, which replaces the old time. 0 to 7."""
        self.timers[timer] = max(due_ns, 1)
        self.due_ns = min(self.due_ns, max(due_ns, 1))

    def clear_timer(self, timer: int = 0) -> None:
        """Forget a timer."""
        self.timers[timer] = 0
        first = NEVER_NS
        for k in range(MAX_TIMERS):
            if self.timers[k] != 0:
                first = min(first, self.timers[k])
        self.due_ns = first

    # ---- telemetry ----
    def metric(self, index: int, value: float, instrument: int = -1) -> None:
        """Write the metric at this place of the class's `metrics`; of the strategy's first instrument unless another is given."""
        of = instrument if instrument >= 0 else self.home
        if self.metrics[index] == 0 or of < 0 or not self.speak():
            self.unsaid += 1
            return
        e = at(Outbox, self.out).new_metric(of)
        e.strategy = self.strategy
        e.metric = self.metrics[index] - 1
        e.value = value

    def signal(self, instrument: int, side: int, strength: float, fair_px_ticks: float, horizon_ns: int, urgency: float) -> None:
        """Tell what the strategy thinks: telemetry, no agent trades on it. strength and urgency are kept within 0 to 1.

        The signal is live for `horizon_ns`, or until the next one; live signals of an instrument are ranked, and summed up in a record
        without a strategy where there are two or more.
        """
        if not self.speak():
            self.unsaid += 1
            return
        e = at(Outbox, self.out).new_signal(instrument, side)
        e.strategy = self.strategy
        e.strength = share(strength)
        e.fair_px = fair_px_ticks * self.tick(instrument)
        e.horizon_ns = horizon_ns
        e.urgency = share(urgency)
        e.rank = 0

    def speak(self) -> bool:
        """There is room for one more signal or metric."""
        if self.words_left <= 0 or at(Outbox, self.out).free() <= _KEPT:
            return False
        self.words_left -= 1
        return True
