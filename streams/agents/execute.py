"""The execute agent: owns every order's state. Decisions become requests; the venue's answers become reports and fills.

Every state change of every order is a report, every execution a fill, each venue execution counted once, however often it is told.

GTD and DAY orders expire at the venue. One that is still open EXPIRY_GRACE_NS after its end stands at a venue that cannot do that, or did
not: execute cancels it there, and reports EXPIRED when that is done (contract 15).
"""

from streams.agents.codes import (
    ACTION_CANCEL,
    ACTION_NEW,
    CODE_DUPLICATE,
    CODE_ORDER_POOL_FULL,
    CODE_UNKNOWN_ORDER,
    CODE_VENUE,
    EXEC_CANCEL_REJECT,
    EXEC_CANCELLED,
    EXEC_EXPIRED,
    EXEC_NEW,
    EXEC_PENDING_CANCEL,
    EXEC_PENDING_NEW,
    EXEC_PENDING_REPLACE,
    EXEC_REJECTED,
    EXEC_REPLACE_REJECT,
    EXEC_REPLACED,
    EXEC_TRADE,
    EXEC_TRIGGERED,
    OUTCOME_DENY,
    VENUE_ACK,
    VENUE_CANCEL_REJECT,
    VENUE_CANCELLED,
    VENUE_EXPIRED,
    VENUE_FILL,
    VENUE_REJECT,
    VENUE_REPLACE_REJECT,
    VENUE_REPLACED,
    VENUE_TRIGGERED,
)
from streams.agents.outbox import Outbox
from streams.agents.views import Views
from streams.kernel import NULL, Struct
from streams.slots import DecisionSlot, VenueEventSlot
from streams.trading.codes import PENDING_CANCEL, REJECTED
from streams.trading.id_set import IdSet
from streams.trading.order import Order
from streams.trading.order_state import REFUSED
from streams.trading.order_terms import copy_algorithm_terms, copy_terms, ends_ns, given
from streams.trading.orders import Orders
from streams.trading.risk_rules import OK

__all__ = ["EXPIRY_GRACE_NS", "EXPIRY_RETRY_NS", "ExecuteAgent"]

EXPIRY_GRACE_NS: int = 100_000_000  # the venue's own word comes first
EXPIRY_RETRY_NS: int = 1_000_000_000  # after a cancel that was refused
_NEVER: int = 1 << 62
_EXPIRED_AT_ONCE: int = 32  # orders that one input may expire: what they cause must fit the outbox


class ExecuteAgent(Struct, align=64):
    """orders: every open order, and the ended ones as long as their slots are free, for what comes late.

    next_end_ns : no order has to be cancelled for its end before
    executions  : ids of executions booked already
    unknown     : answers of the venue to orders that are not known here
    refused     : answers that do not fit the order's state
    """

    unknown: int
    refused: int
    repeated: int
    next_end_ns: int = _NEVER
    orders: Orders
    executions: IdSet

    def setup(self) -> None:
        """Once, before the first input."""
        self.orders.setup()
        self.executions.setup()

    # ---- decisions ----
    def on_decision(self, d: DecisionSlot, out: Outbox) -> None:
        if d.action == ACTION_NEW:
            self.on_new(d, out)
        elif d.action == ACTION_CANCEL:
            self.on_cancel(d, out)
        else:
            self.on_replace(d, out)

    def on_new(self, d: DecisionSlot, out: Outbox) -> None:
        code = d.code
        s = -1
        if d.outcome != OUTCOME_DENY:
            known = self.orders.find(d.order_id)
            s = self.orders.add(d.order_id) if known < 0 else -1
            if s < 0:
                code = CODE_DUPLICATE if known >= 0 else CODE_ORDER_POOL_FULL
        if s < 0:
            self.report_denied(d, EXEC_REJECTED, REJECTED, code, out)
            return
        o = self.orders.pool[s]
        o.instrument = d.instrument
        o.account = d.account
        o.strategy = d.strategy
        copy_terms(o, d)
        copy_algorithm_terms(o, d)
        o.created_ts_ns = out.now_ns
        o.set_terms(d.side, d.px_ticks, d.approved_qty_lots)
        if given(d.parent_id):
            self.orders.adopt(s, d.parent_id)
        self.await_end(o)
        self.send(o, d.action, o.px_ticks, o.qty_lots, out)
        self.report(o, EXEC_PENDING_NEW, OK, 0, 0, out)

    def on_cancel(self, d: DecisionSlot, out: Outbox) -> None:
        s = self.orders.find(d.order_id)
        if s < 0:
            self.report_denied(d, EXEC_CANCEL_REJECT, REJECTED, CODE_UNKNOWN_ORDER, out)
            return
        o = self.orders.pool[s]
        if o.on_cancel_request() == REFUSED:
            self.report(o, EXEC_CANCEL_REJECT, CODE_UNKNOWN_ORDER, 0, 0, out)
            return
        self.send(o, d.action, o.px_ticks, o.qty_lots, out)
        self.report(o, EXEC_PENDING_CANCEL, OK, 0, 0, out)

    def on_replace(self, d: DecisionSlot, out: Outbox) -> None:
        s = self.orders.find(d.order_id)
        if s < 0:
            self.report_denied(d, EXEC_REPLACE_REJECT, REJECTED, CODE_UNKNOWN_ORDER, out)
            return
        o = self.orders.pool[s]
        if d.outcome == OUTCOME_DENY:
            self.report(o, EXEC_REPLACE_REJECT, d.code, 0, 0, out)
            return
        if o.on_replace_request(d.cause_id, d.px_ticks, d.approved_qty_lots) == REFUSED:
            self.report(o, EXEC_REPLACE_REJECT, CODE_UNKNOWN_ORDER, 0, 0, out)
            return
        self.send(o, d.action, d.px_ticks, d.approved_qty_lots, out)
        self.report(o, EXEC_PENDING_REPLACE, OK, 0, 0, out)

    def send(self, o: Order, action: int, px_ticks: int, qty_lots: int, out: Outbox) -> None:
        """What the gateway is to tell the venue."""
        r = out.new_request(o.instrument, o.side)
        r.action = action
        r.order_id = o.order_id
        r.account = o.account
        r.strategy = o.strategy
        copy_terms(r, o)
        r.px_ticks = px_ticks
        r.qty_lots = qty_lots

    # ---- orders whose time is over ----
    def await_end(self, o: Order) -> None:
        """Look at the order again when it should have ended."""
        end_ns = ends_ns(o.time_in_force, o.expire_ts_ns, o.created_ts_ns)
        if end_ns > 0:
            self.next_end_ns = min(self.next_end_ns, end_ns + EXPIRY_GRACE_NS)

    def on_time(self, out: Outbox) -> None:
        """Cancel GTD and DAY orders that should have ended."""
        if out.now_ns < self.next_end_ns:
            return
        self.next_end_ns = _NEVER
        left = _EXPIRED_AT_ONCE
        for s in range(self.orders.used):
            o = self.orders.pool[s]
            end_ns = ends_ns(o.time_in_force, o.expire_ts_ns, o.created_ts_ns)
            if o.order_id == 0 or end_ns == 0 or o.expiring != 0 or o.terminal():
                continue
            if end_ns + EXPIRY_GRACE_NS > out.now_ns or left == 0:
                self.next_end_ns = min(self.next_end_ns, end_ns + EXPIRY_GRACE_NS)
            elif o.ord_status == PENDING_CANCEL:  # its answer may leave the order open
                self.next_end_ns = min(self.next_end_ns, out.now_ns + EXPIRY_RETRY_NS)
            else:
                left -= 1
                o.on_cancel_request()
                o.expiring = 1
                self.send(o, ACTION_CANCEL, o.px_ticks, o.qty_lots, out)
                self.report(o, EXEC_PENDING_CANCEL, OK, 0, 0, out)

    # ---- what the venue says ----
    def on_venue_event(self, e: VenueEventSlot, views: Views, out: Outbox) -> None:
        s = self.orders.find(e.order_id)
        if s < 0:
            self.unknown += 1
            return
        o = self.orders.pool[s]
        was_over = o.terminal()
        if e.event_type == VENUE_FILL:
            if not self.executions.add(e.exec_hi, e.exec_lo):
                self.repeated += 1
                return
            self.fill(o, e, views, out)
        else:
            self.answer(o, e, out)
        if o.terminal() and not was_over:
            self.orders.retire(s)

    def answer(self, o: Order, e: VenueEventSlot, out: Outbox) -> None:
        """Anything but an execution."""
        kind = e.event_type
        code = OK
        if kind == VENUE_ACK:
            exec_type, status = EXEC_NEW, o.on_ack()
        elif kind == VENUE_REJECT:
            exec_type, status, code = EXEC_REJECTED, o.on_reject(), CODE_VENUE
        elif kind == VENUE_EXPIRED or (kind == VENUE_CANCELLED and o.expiring != 0):
            exec_type, status = EXEC_EXPIRED, o.on_expire()
        elif kind == VENUE_CANCELLED:
            exec_type, status = EXEC_CANCELLED, o.on_cancelled()
        elif kind == VENUE_TRIGGERED:
            exec_type, status = EXEC_TRIGGERED, o.on_trigger()
        elif kind == VENUE_REPLACED:
            px_ticks = e.px_ticks if e.px_ticks != NULL else o.new_px_ticks
            qty_lots = e.qty_lots if e.qty_lots != NULL else o.new_qty_lots
            exec_type, status = EXEC_REPLACED, o.on_replaced(px_ticks, qty_lots)
        elif kind == VENUE_CANCEL_REJECT:
            exec_type, status, code = EXEC_CANCEL_REJECT, o.on_cancel_reject(), CODE_VENUE
            if o.expiring != 0 and o.live():
                o.expiring = 0
                self.next_end_ns = min(self.next_end_ns, out.now_ns + EXPIRY_RETRY_NS)
        elif kind == VENUE_REPLACE_REJECT:
            exec_type, status, code = EXEC_REPLACE_REJECT, o.on_replace_reject(), CODE_VENUE
        else:
            exec_type, status = -1, REFUSED
        if status == REFUSED:
            self.refused += 1
            return
        if code != OK and e.code != OK:
            code = e.code  # the gateway itself refused it, and says why
        self.report(o, exec_type, code, 0, 0, out)

    def fill(self, o: Order, e: VenueEventSlot, views: Views, out: Outbox) -> None:
        """One execution: a fill, and a report of the state after it."""
        spec = views.specs[o.instrument]
        o.on_fill(e.last_px_ticks, e.last_qty_lots)
        f = out.new_fill(o.instrument, o.side)
        f.order_id = o.order_id
        f.account = o.account
        f.strategy = o.strategy
        f.exec_hi = e.exec_hi
        f.exec_lo = e.exec_lo
        f.last_px_ticks = e.last_px_ticks
        f.last_qty_lots = e.last_qty_lots
        f.leaves_qty_lots = o.leaves_qty_lots
        f.maker = 1 if e.maker == 1 else 0
        f.fee = e.fee if e.fee != NULL else spec.fee(e.last_px_ticks, e.last_qty_lots, e.maker)
        f.fee_currency = e.fee_currency if e.fee_currency >= 0 else spec.settle_currency
        f.mid2_ticks = spec.mark2_ticks if spec.mark2_ticks > 0 else NULL
        self.report(o, EXEC_TRADE, OK, e.last_px_ticks, e.last_qty_lots, out)

    # ---- reports ----
    def report(self, o: Order, exec_type: int, code: int, last_px_ticks: int, last_qty_lots: int, out: Outbox) -> None:
        """The order's state now. last_px_ticks 0 = no execution."""
        o.updated_ts_ns = out.now_ns
        r = out.new_report(o.instrument, o.side)
        r.order_id = o.order_id
        r.account = o.account
        r.strategy = o.strategy
        r.parent_id = o.parent_id if o.parent_id != 0 else NULL
        r.exec_type = exec_type
        r.ord_status = o.ord_status
        r.ord_type = o.ord_type
        r.time_in_force = o.time_in_force
        r.px_ticks = o.px_ticks
        r.qty_lots = o.qty_lots
        r.leaves_qty_lots = o.leaves_qty_lots
        r.cum_qty_lots = o.cum_qty_lots
        r.last_px_ticks = last_px_ticks if last_px_ticks > 0 else NULL
        r.last_qty_lots = last_qty_lots if last_px_ticks > 0 else NULL
        r.code = code

    def report_denied(self, d: DecisionSlot, exec_type: int, ord_status: int, code: int, out: Outbox) -> None:
        """An order that never came to be here: denied, unknown or already there."""
        r = out.new_report(d.instrument, d.side)
        r.order_id = d.order_id
        r.account = d.account
        r.strategy = d.strategy
        r.parent_id = d.parent_id
        r.exec_type = exec_type
        r.ord_status = ord_status
        r.ord_type = d.ord_type
        r.time_in_force = d.time_in_force
        r.px_ticks = d.px_ticks
        r.qty_lots = d.qty_lots
        r.leaves_qty_lots = 0
        r.cum_qty_lots = 0
        r.last_px_ticks = NULL
        r.last_qty_lots = NULL
        r.code = code
