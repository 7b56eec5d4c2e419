"""The risk agent: approves or denies each order. One decision per order, so that the counts of the two topics reconcile (contract 15).

It keeps what it reserved for each working order, so that two orders in flight never share the same room.
"""

from streams.agents.codes import (
    ACTION_CANCEL,
    ACTION_NEW,
    CODE_BOOK_STALE,
    CODE_DUPLICATE,
    CODE_LAGGING,
    CODE_ORDER_POOL_FULL,
    CODE_UNKNOWN_ORDER,
    COMMAND_KILL,
    COMMAND_RESUME,
    OUTCOME_APPROVE,
    OUTCOME_DENY,
)
from streams.agents.outbox import Outbox
from streams.agents.views import Views
from streams.kernel import NULL, Struct
from streams.slots import CommandSlot, DecisionSlot, FillSlot, LimitSlot, OrderSlot, ReportSlot
from streams.trading.codes import CANCELLED, EXPIRED, FILLED, NEW, PARTIALLY_FILLED, REJECTED
from streams.trading.order_terms import check_terms, risk_px_ticks
from streams.trading.orders import Orders
from streams.trading.risk import RiskTree
from streams.trading.risk_rules import DENY_BAD_FIELD, OK

__all__ = ["RiskAgent"]


class RiskAgent(Struct, align=64):
    """tree: scopes, limits and sums; working: what is reserved for each order (px_ticks, leaves_qty_lots are the reserved ones).

    max_lag_ns : orders whose market data is older than this, by `now`, are denied; 0 = no limit
    """

    max_lag_ns: int
    denied: int
    tree: RiskTree
    working: Orders

    def setup(self) -> None:
        """Once, before the first input."""
        self.tree.setup()
        self.working.setup()

    def on_order(self, e: OrderSlot, views: Views, out: Outbox) -> None:
        code = OK if e.action == ACTION_CANCEL else self.examine(e, views)
        self.decide(e, code, out)

    def examine(self, e: OrderSlot, views: Views) -> int:
        """OK and the room is reserved, or why not."""
        self.tree.scope = -1
        self.tree.value_unit = 0
        if e.instrument < 0:
            return DENY_BAD_FIELD
        code = check_terms(e, views.now_ns)
        if code != OK:
            return code
        if not views.quotable(e.instrument):
            return CODE_BOOK_STALE
        if self.max_lag_ns > 0 and views.now_ns - views.data_ts_ns > self.max_lag_ns:
            return CODE_LAGGING
        if e.action == ACTION_NEW:
            return self.examine_new(e, views)
        return self.examine_replace(e, views)

    def examine_new(self, e: OrderSlot, views: Views) -> int:
        if self.working.find(e.order_id) >= 0:
            return CODE_DUPLICATE
        if self.working.open_count >= self.working.pool.n:
            return CODE_ORDER_POOL_FULL
        book = views.books[e.instrument]
        tree = self.tree
        code = tree.check(e.account, e.instrument, e.side, e.qty_lots, risk_px_ticks(e), book.bid(), book.ask(), views.now_ns, e.qty_lots)
        if code == OK:
            o = self.working.pool[self.working.add(e.order_id)]
            o.instrument = e.instrument
            o.account = e.account
            o.strategy = e.strategy
            o.side = e.side
            o.px_ticks = tree.reserve_px_ticks
            o.qty_lots = e.qty_lots
            o.leaves_qty_lots = tree.reserve_lots
            o.ord_status = NEW
            tree.reserve(o.account, o.instrument, o.side, o.px_ticks, o.leaves_qty_lots, 1)
        return code

    def examine_replace(self, e: OrderSlot, views: Views) -> int:
        s = self.working.find(e.order_id)
        if s < 0:
            return CODE_UNKNOWN_ORDER
        o = self.working.pool[s]
        leaves_lots = e.qty_lots - o.cum_qty_lots
        if leaves_lots <= 0:
            return DENY_BAD_FIELD
        book = views.books[e.instrument]
        tree = self.tree
        code = tree.check_replace(
            o.account,
            o.instrument,
            o.side,
            e.qty_lots,
            risk_px_ticks(e),
            book.bid(),
            book.ask(),
            views.now_ns,
            leaves_lots,
            o.px_ticks,
            o.leaves_qty_lots,
            e.qty_lots,
        )
        if code == OK:
            self.move(s, tree.reserve_px_ticks, tree.reserve_lots)
        return code

    def decide(self, e: OrderSlot, code: int, out: Outbox) -> None:
        """Write the decision, with the whole order in it."""
        d = out.new_decision(e.instrument, e.side)
        d.outcome = OUTCOME_APPROVE if code == OK else OUTCOME_DENY
        d.code = code
        d.scope = -1
        d.limit_value = NULL
        d.used_value = NULL
        d.value_unit = 0
        d.risk_score = 0.0 if code == OK else 1.0
        d.approved_qty_lots = e.qty_lots if code == OK else 0
        if code != OK:
            self.denied += 1
            if self.tree.scope >= 0 and self.tree.value_unit != 0:
                d.limit_value = self.tree.limit_value
                d.used_value = self.tree.used_value
                d.value_unit = self.tree.value_unit
            d.scope = self.tree.scope
        self.copy_order(e, d)

    def copy_order(self, e: OrderSlot, d: DecisionSlot) -> None:
        d.action = e.action
        d.order_id = e.order_id
        d.account = e.account
        d.strategy = e.strategy
        d.parent_id = e.parent_id
        d.ord_type = e.ord_type
        d.time_in_force = e.time_in_force
        d.post_only = e.post_only
        d.reduce_only = e.reduce_only
        d.px_ticks = e.px_ticks
        d.qty_lots = e.qty_lots
        d.stop_px_ticks = e.stop_px_ticks
        d.display_qty_lots = e.display_qty_lots
        d.min_qty_lots = e.min_qty_lots
        d.expire_ts_ns = e.expire_ts_ns
        d.peg_offset_ticks = e.peg_offset_ticks
        d.participation_e9 = e.participation_e9
        d.start_ts_ns = e.start_ts_ns
        d.end_ts_ns = e.end_ts_ns
        d.max_floor_qty_lots = e.max_floor_qty_lots

    # ---- what happens to the orders ----
    def on_fill(self, e: FillSlot, views: Views) -> None:
        """Move what was reserved for the filled lots to the position."""
        s = self.working.find(e.order_id)
        reserved_px = 0
        if s >= 0:
            o = self.working.pool[s]
            reserved_px = o.px_ticks
            o.leaves_qty_lots -= e.last_qty_lots
            o.cum_qty_lots += e.last_qty_lots
        self.tree.on_fill(e.account, e.instrument, e.side, e.last_px_ticks, e.last_qty_lots, e.fee, reserved_px, views.now_ns)

    def on_report(self, e: ReportSlot) -> None:
        """Give back what cannot fill any more: the rest of a finished order, the worse of two prices once a replace is settled."""
        s = self.working.find(e.order_id)
        if s < 0:
            return
        st = e.ord_status
        if st == FILLED or st == CANCELLED or st == REJECTED or st == EXPIRED:
            o = self.working.pool[s]
            self.tree.release(o.account, o.instrument, o.side, o.px_ticks, o.leaves_qty_lots, 1)
            self.working.drop(s)
        elif (st == NEW or st == PARTIALLY_FILLED) and e.px_ticks > 0 and e.leaves_qty_lots > 0:
            self.move(s, e.px_ticks, e.leaves_qty_lots)

    def move(self, s: int, px_ticks: int, leaves_lots: int) -> None:
        """Reserve another price and quantity for a working order."""
        o = self.working.pool[s]
        if o.px_ticks == px_ticks and o.leaves_qty_lots == leaves_lots:
            return
        self.tree.release(o.account, o.instrument, o.side, o.px_ticks, o.leaves_qty_lots, 0)
        o.px_ticks = px_ticks
        o.leaves_qty_lots = leaves_lots
        self.tree.reserve(o.account, o.instrument, o.side, px_ticks, leaves_lots, 0)

    # ---- marks, limits, commands ----
    def on_mark(self, instrument: int, views: Views) -> None:
        self.tree.on_mark(instrument, views.specs[instrument].mark2_ticks, views.now_ns)

    def on_instrument(self, instrument: int, views: Views) -> None:
        self.tree.set_instrument(instrument, views.specs[instrument].money_per_tick_lot)

    def on_limit(self, e: LimitSlot) -> None:
        """Scopes come in the order root first, so that a parent is known before its children."""
        if e.parent >= 0:
            self.tree.set_parent(e.scope, e.parent)
        value = e.limit_count
        if e.limit_qty_lots != NULL:
            value = e.limit_qty_lots
        elif e.limit_money != NULL:
            value = e.limit_money
        elif e.limit_bps != NULL:
            value = e.limit_bps
        self.tree.set_limit(e.scope, e.instrument, e.rule, value, e.interval_ns if e.interval_ns != NULL else 0)

    def on_command(self, e: CommandSlot) -> None:
        """KILL halts a scope, or all of them, in one instrument or in every one; RESUME lets them trade again.

        What names a strategy is the strategy agent's business."""
        if e.command_type != COMMAND_KILL and e.command_type != COMMAND_RESUME:
            return
        halted = 1 if e.command_type == COMMAND_KILL else 0
        if e.target_scope >= 0:
            self.tree.set_halted(e.target_scope, -1, halted)
        elif e.target_strategy < 0 and e.instrument >= -1:
            for scope in range(self.tree.nodes.n):
                self.tree.set_halted(scope, e.instrument, halted)
