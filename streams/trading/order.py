"""One order: its terms, its quantities, and what each answer of the venue does to them.

`leaves = max(0, qty - cum)` while the order is open and 0 in a terminal status; `cost_tick_lots` is the sum of price x quantity of its
fills. The same class serves the node's view of its open orders and the simulated venue.
"""

from streams.kernel import I8, I32, Struct
from streams.trading.codes import CANCELLED, FILLED, NEW, PARTIALLY_FILLED, PENDING_NEW, PENDING_REPLACE
from streams.trading.order_state import (
    ACK,
    CANCEL,
    CANCEL_REJECT,
    CANCEL_REQUEST,
    EVENTS,
    EXPIRE,
    FILL,
    FILL_FULL,
    NEXT,
    REFUSED,
    REJECT,
    REPLACE,
    REPLACE_REJECT,
    REPLACE_REQUEST,
    TRIGGER,
    WORKING,
)

__all__ = ["Order"]


class Order(Struct, align=64):
    """Terms and state of one order.

    Prices in ticks (0 < px < 2**38; 0 or NULL = the order has none), quantities in lots (0 <= qty < 2**31).

    order_id             : id of its NEW record
    request_id           : id of the request that the venue knows it by (its client order id is made of it); changes when replaced
    new_request_id       : id of the REPLACE that is pending, 0 = none
    parent_id, cause_id  : order it is a child of; id of the input that caused it (0 = none)
    leaves_qty_lots      : what can still fill
    cum_qty_lots         : what has filled, late fills included
    cost_tick_lots       : sum of price x quantity of the fills, below 2**62
    new_px_ticks, new_qty_lots : terms of the pending replace
    display, min, max_floor, peg_offset, participation, start, end : see `order_terms`; 0 or NULL = none
    ahead_lots, shown_lots, peg_limit_ticks : simulated venue: lots in front of it in the queue, what is left of the piece that it shows,
                           the worst price of a pegged order (0 = any)
    next, prev           : neighbours in a list of the pool, -1 = none
    list_number          : list it stands in, -1 = none
    parent_slot, child_head, child_tail, child_count, sibling_next, sibling_prev : its family in the pool, -1 = none; see OrderPool.adopt
    acked, triggered     : the venue has accepted it; a stop has become active
    expiring             : its time is over, and a cancel has been sent for that
    late_fills           : fills that came in a terminal status, and fills beyond the quantity
    """

    # what is asked of every order of a list comes first: one cache line
    order_id: int
    px_ticks: int
    leaves_qty_lots: int
    new_px_ticks: int
    ahead_lots: int
    shown_lots: int
    next: I32 = -1
    prev: I32 = -1
    instrument: I32 = -1
    side: I8
    ord_type: I8
    ord_status: I8
    acked: I8
    request_id: int
    new_request_id: int
    parent_id: int
    cause_id: int
    qty_lots: int
    cum_qty_lots: int
    cost_tick_lots: int
    stop_px_ticks: int
    expire_ts_ns: int
    display_qty_lots: int
    min_qty_lots: int
    max_floor_qty_lots: int
    peg_offset_ticks: int
    participation_e9: int
    start_ts_ns: int
    end_ts_ns: int
    new_qty_lots: int
    created_ts_ns: int
    updated_ts_ns: int
    peg_limit_ticks: int
    account: I32 = -1
    strategy: I32 = -1
    list_number: I32 = -1
    parent_slot: I32 = -1
    child_head: I32 = -1
    child_tail: I32 = -1
    child_count: I32
    sibling_next: I32 = -1
    sibling_prev: I32 = -1
    late_fills: I32
    time_in_force: I8
    post_only: I8
    reduce_only: I8
    triggered: I8
    expiring: I8

    def reset(self, order_id: int) -> None:
        """Every field as in a new order of that id; the links stay."""
        self.order_id = order_id
        self.request_id = order_id
        self.new_request_id = 0
        self.parent_id = 0
        self.cause_id = 0
        self.px_ticks = 0
        self.qty_lots = 0
        self.leaves_qty_lots = 0
        self.cum_qty_lots = 0
        self.cost_tick_lots = 0
        self.stop_px_ticks = 0
        self.expire_ts_ns = 0
        self.display_qty_lots = 0
        self.min_qty_lots = 0
        self.max_floor_qty_lots = 0
        self.peg_offset_ticks = 0
        self.participation_e9 = 0
        self.start_ts_ns = 0
        self.end_ts_ns = 0
        self.new_px_ticks = 0
        self.new_qty_lots = 0
        self.created_ts_ns = 0
        self.updated_ts_ns = 0
        self.ahead_lots = 0
        self.shown_lots = 0
        self.peg_limit_ticks = 0
        self.instrument = -1
        self.account = -1
        self.strategy = -1
        self.parent_slot = -1
        self.child_head = -1
        self.child_tail = -1
        self.child_count = 0
        self.sibling_next = -1
        self.sibling_prev = -1
        self.late_fills = 0
        self.side = 0
        self.ord_type = 0
        self.time_in_force = 0
        self.post_only = 0
        self.reduce_only = 0
        self.ord_status = PENDING_NEW
        self.acked = 0
        self.triggered = 0
        self.expiring = 0

    def set_terms(self, side: int, px_ticks: int, qty_lots: int) -> None:
        """Side, price and quantity of a new order; all of it is open."""
        self.side = side
        self.px_ticks = px_ticks
        self.qty_lots = qty_lots
        self.leaves_qty_lots = qty_lots

    # ---- what it is ----
    def terminal(self) -> bool:
        """FILLED, CANCELLED, REJECTED or EXPIRED."""
        s = self.ord_status
        return s == FILLED or s >= CANCELLED

    def live(self) -> bool:
        """Not terminal: it may still fill."""
        return not self.terminal()

    def open_qty_lots(self) -> int:
        """The most that can still fill: a pending replace counts with the larger of old and new. What risk holds a reservation for."""
        q = self.leaves_qty_lots
        if self.new_request_id != 0:
            q = max(q, self.new_qty_lots - self.cum_qty_lots)
        return q

    def open_px_ticks(self) -> int:
        """The highest price it can fill at by its terms: a pending replace counts with the higher of old and new."""
        return max(self.px_ticks, self.new_px_ticks) if self.new_request_id != 0 else self.px_ticks

    def working_status(self) -> int:
        """Where an order of which something is open stands when no cancel is pending."""
        if self.new_request_id != 0:
            return PENDING_REPLACE
        if self.cum_qty_lots > 0:
            return PARTIALLY_FILLED
        return NEW if self.acked != 0 else PENDING_NEW

    # ---- what happens to it; each returns the status after it, REFUSED if it cannot happen now (then nothing changed) ----
    def can(self, event: int) -> bool:
        """The event is possible in this status."""
        return NEXT[self.ord_status * EVENTS + event] != REFUSED

    def step(self, event: int) -> int:
        """Move by the table of `order_state`; the new status, or REFUSED."""
        to = NEXT[self.ord_status * EVENTS + event]
        if to == REFUSED:
            return REFUSED
        if to == WORKING:
            to = self.working_status()
        self.ord_status = to
        if self.terminal():
            self.leaves_qty_lots = 0
            self.new_request_id = 0
        return self.ord_status

    def on_ack(self) -> int:
        """The venue has accepted the order."""
        if not self.can(ACK):
            return REFUSED
        self.acked = 1
        return self.step(ACK)

    def on_fill(self, px_ticks: int, qty_lots: int) -> int:
        """The order filled: px x qty in tick-lots below 2**62, 0 < qty_lots < 2**31. Never refused; see `late_fills`."""
        if self.terminal() or qty_lots > self.leaves_qty_lots:
            self.late_fills += 1
        self.cum_qty_lots += qty_lots
        self.cost_tick_lots += px_ticks * qty_lots
        left = max(0, self.leaves_qty_lots - qty_lots)
        self.leaves_qty_lots = left
        return self.step(FILL if left > 0 else FILL_FULL)

    def on_cancel_request(self) -> int:
        """A CANCEL goes to the venue."""
        return self.step(CANCEL_REQUEST)

    def on_cancelled(self) -> int:
        """The venue has cancelled what was open."""
        return self.step(CANCEL)

    def on_cancel_reject(self) -> int:
        """The venue refused the cancel; the order stands as before."""
        return self.step(CANCEL_REJECT)

    def on_replace_request(self, request_id: int, px_ticks: int, qty_lots: int) -> int:
        """A REPLACE goes to the venue: its id (not 0), and the price and total quantity it asks for."""
        if not self.can(REPLACE_REQUEST):
            return REFUSED
        self.new_request_id = request_id
        self.new_px_ticks = px_ticks
        self.new_qty_lots = qty_lots
        return self.step(REPLACE_REQUEST)

    def on_replaced(self, px_ticks: int, qty_lots: int) -> int:
        """The venue has replaced the order: price and total quantity now. A total of what has filled already completes it."""
        if not self.can(REPLACE):
            return REFUSED
        if self.new_request_id != 0:
            self.request_id = self.new_request_id
        self.new_request_id = 0
        self.acked = 1
        self.px_ticks = px_ticks
        self.qty_lots = qty_lots
        self.leaves_qty_lots = max(0, qty_lots - self.cum_qty_lots)
        # a cancel that is pending too has nothing left to cancel then
        return self.step(FILL_FULL if self.leaves_qty_lots == 0 else REPLACE)

    def on_replace_reject(self) -> int:
        """The venue refused the replace; the old terms stand."""
        self.new_request_id = 0
        return self.step(REPLACE_REJECT)

    def on_reject(self) -> int:
        """The venue (or the gateway) refused the order."""
        return self.step(REJECT)

    def on_expire(self) -> int:
        """The order's time is over, or the rest of an IOC or FOK ended."""
        return self.step(EXPIRE)

    def on_trigger(self) -> int:
        """A stop order became active."""
        if not self.can(TRIGGER):
            return REFUSED
        self.triggered = 1
        return self.step(TRIGGER)
