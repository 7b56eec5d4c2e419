"""The risk agent: approves, reduces or denies each order. One decision per order, so that the counts of the two topics reconcile
(contract 15).

It keeps what it reserved for each working order, so that two orders in flight never share the same room. docs/risk.md tells every rule, and
the order in which they are checked.
"""

from streams.agents.codes import (
    ACTION_CANCEL,
    ACTION_NEW,
    CODE_BOOK_STALE,
    CODE_DUPLICATE,
    CODE_LAGGING,
    CODE_MIRROR_BEHIND,
    CODE_ORDER_POOL_FULL,
    CODE_STALE_REQUEST,
    CODE_UNKNOWN_ORDER,
    CODE_VENUE,
    EXEC_REJECTED,
    EXEC_REPLACE_REJECT,
    EXEC_TRIGGERED,
    OUTCOME_APPROVE,
    OUTCOME_DENY,
    OUTCOME_REDUCE,
)
from streams.agents.outbox import Outbox
from streams.agents.risk_state import RiskState
from streams.agents.risk_terms import may_rest, min_lots, reach_px_ticks, touch_px_ticks
from streams.agents.views import Views
from streams.kernel import NULL
from streams.slots import FillSlot, OrderSlot, ReportSlot
from streams.trading.codes import BUY, CANCELLED, EXPIRED, FILLED, NEW, PARTIALLY_FILLED, REJECTED, SELL, STOP
from streams.trading.guards import answer
from streams.trading.order_terms import check_terms, copy_algorithm_terms, copy_terms, risk_px_ticks
from streams.trading.risk_rules import (
    DENY_BAD_FIELD,
    DENY_LOSS_RATE,
    DENY_PRICE_MOVE,
    DENY_REDUCE_ONLY,
    DENY_REJECT_RATE,
    OK,
    UNIT_NONE,
)

__all__ = ["RiskAgent"]

_MAX_LAG_NS: int = 2_000_000_000  # wall time; a process whose market data is older than this does not trade


class RiskAgent(RiskState, align=64):
    """What it knows is in RiskState; here is what it does with orders, and with what becomes of them."""

    def on_order(self, e: OrderSlot, views: Views, out: Outbox) -> None:
        tree = self.tree
        if e.action == ACTION_CANCEL:
            answer(tree, OK, -1, NULL, NULL, UNIT_NONE)
            tree.score = 0.0
        else:
            code = self.examine(e, views)
            if code == DENY_PRICE_MOVE or code == DENY_LOSS_RATE or code == DENY_REJECT_RATE:
                self.breakers.explain(tree, tree.scope, e.instrument, code)
        if e.action == ACTION_CANCEL or tree.approved_lots > 0:
            tree.on_message(e.account, views.now_ns)
        self.decide(e, out)

    # ---- the checks, in their declared order; the answer stands in the tree ----
    def examine(self, e: OrderSlot, views: Views) -> int:
        """DenyCode; approved_lots of the tree says whether it is denied, cut or approved, and then the room is reserved."""
        code = self.examine_input(e, views)
        if code == DENY_BAD_FIELD and views.beyond_id == e.id:
            return answer(self.tree, code, -1, views.beyond_bound, views.beyond_asked, views.beyond_unit)
        if code != OK:
            return answer(self.tree, code, -1, NULL, NULL, UNIT_NONE)
        self.ask_guards(e, views)
        code = self.guards.check(self.tree)
        if code != OK:
            return code
        return self.examine_new(e, views) if e.action == ACTION_NEW else self.examine_replace(e, views)

    def examine_input(self, e: OrderSlot, views: Views) -> int:
        """The order's own fields, whether it is known, and whether anything can be said about it now."""
        if e.instrument < 0 or e.strategy < 0:  # positions are kept by strategy
            return DENY_BAD_FIELD
        code = check_terms(e, views.now_ns)
        if code != OK:
            return code
        code = self.tree.unknown(e.account, e.instrument)
        if code != OK:
            return code
        if views.specs[e.instrument].book_stale != 0:
            return CODE_BOOK_STALE
        if views.now_ns - views.data_ts_ns > self.guards.scaled(_MAX_LAG_NS):
            return CODE_LAGGING
        s = self.working.find(e.order_id)
        if self.behind != 0 and (e.action == ACTION_NEW or s < 0 or e.qty_lots >= self.working.pool[s].qty_lots):
            return CODE_MIRROR_BEHIND
        if e.action != ACTION_NEW:
            if s < 0:
                return CODE_UNKNOWN_ORDER
            return OK if e.qty_lots > self.working.pool[s].cum_qty_lots else DENY_BAD_FIELD
        if s >= 0:
            return CODE_DUPLICATE
        if self.working.open_count >= self.working.pool.n:
            return CODE_ORDER_POOL_FULL
        if e.reduce_only != 0 and not self.reduces(e):
            return DENY_REDUCE_ONLY
        return OK

    def reduces(self, e: OrderSlot) -> bool:
        """The account holds something on the other side."""
        net_lots = self.tree.leaf(self.tree.account_scope[e.account], e.instrument).net_lots
        return net_lots < 0 if e.side == BUY else net_lots > 0

    def ask_guards(self, e: OrderSlot, views: Views) -> None:
        """Put the order before the guards."""
        x = self.guards.order
        x.account = e.account
        x.strategy = e.strategy
        x.instrument = e.instrument
        x.side = e.side
        x.new = 1 if e.action == ACTION_NEW else 0
        x.px_ticks = risk_px_ticks(e)
        x.reach_px_ticks = reach_px_ticks(e, views.books[e.instrument])
        x.qty_lots = e.qty_lots
        x.book_ts_ns = views.book_ts_ns[e.instrument]
        x.cause_ts_ns = e.recv_ts_ns
        x.now_ns = views.now_ns

    def examine_new(self, e: OrderSlot, views: Views) -> int:
        tree = self.tree
        px_ticks = risk_px_ticks(e) if e.ord_type != STOP else NULL
        bid = touch_px_ticks(e, views.books[e.instrument], BUY)
        ask = touch_px_ticks(e, views.books[e.instrument], SELL)
        fewest = min_lots(e, views.specs[e.instrument])
        code = tree.check(e.account, e.instrument, e.side, e.qty_lots, px_ticks, bid, ask, views.now_ns, fewest)
        if tree.approved_lots == 0:
            return code
        s = self.working.add(e.order_id)
        o = self.working.pool[s]
        o.instrument = e.instrument
        o.account = e.account
        o.strategy = e.strategy
        o.ord_type = e.ord_type
        o.time_in_force = e.time_in_force
        o.side = e.side
        o.px_ticks = tree.reserve_px_ticks
        o.qty_lots = tree.approved_lots
        o.leaves_qty_lots = tree.reserve_lots
        o.ord_status = NEW
        tree.reserve(o.account, o.instrument, o.side, o.px_ticks, o.leaves_qty_lots, 1)
        self.working.link(s, 2 * o.instrument + o.side)
        self.rest(s, e.px_ticks if may_rest(o) else 0)
        self.guards.approved()
        return code

    def examine_replace(self, e: OrderSlot, views: Views) -> int:
        """A REPLACE is taken whole or not at all: what already works is never cut by its own change."""
        s = self.working.find(e.order_id)
        o = self.working.pool[s]
        tree = self.tree
        code = tree.check_replace(
            o.account,
            o.instrument,
            o.side,
            e.qty_lots,
            risk_px_ticks(e) if e.ord_type != STOP else NULL,
            touch_px_ticks(e, views.books[e.instrument], BUY),
            touch_px_ticks(e, views.books[e.instrument], SELL),
            views.now_ns,
            e.qty_lots - o.cum_qty_lots,
            o.px_ticks,
            o.leaves_qty_lots,
            e.qty_lots,
        )
        if tree.approved_lots == 0:
            return code
        self.move(s, tree.reserve_px_ticks, tree.reserve_lots)
        if o.new_px_ticks > 0:  # the venue may hold it at the old price or at the new one
            self.rest(s, max(o.new_px_ticks, e.px_ticks) if o.side == BUY else min(o.new_px_ticks, e.px_ticks))
        return code

    # ---- the decision ----
    def decide(self, e: OrderSlot, out: Outbox) -> None:
        """Write the tree's answer as a decision, with the whole order in it."""
        tree = self.tree
        cancel = e.action == ACTION_CANCEL
        d = out.new_decision(e.instrument, e.side)
        d.approved_qty_lots = tree.approved_lots
        d.outcome = OUTCOME_APPROVE if cancel or tree.approved_lots == e.qty_lots else OUTCOME_REDUCE
        if not cancel and tree.approved_lots == 0:
            d.outcome = OUTCOME_DENY
            self.denied += 1
        spoke = d.outcome != OUTCOME_APPROVE
        d.code = tree.code if spoke else OK
        d.scope = tree.scope if spoke else -1
        told = spoke and tree.value_unit != UNIT_NONE
        d.limit_value = tree.limit_value if told else NULL
        d.used_value = tree.used_value if told else NULL
        d.value_unit = tree.value_unit if told else UNIT_NONE
        d.risk_score = tree.score
        d.action = e.action
        d.order_id = e.order_id
        d.account = e.account
        d.strategy = e.strategy
        d.px_ticks = e.px_ticks
        d.qty_lots = e.qty_lots
        copy_terms(d, e)
        copy_algorithm_terms(d, e)

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
        self.breakers.on_pnl(self.tree, views.now_ns)

    def on_report(self, e: ReportSlot, views: Views) -> None:
        """Give back what cannot fill any more: the rest of a finished order, the worse of two prices once a replace is settled."""
        refused = e.exec_type == EXEC_REJECTED or e.exec_type == EXEC_REPLACE_REJECT
        if refused and (e.code == CODE_VENUE or e.code == CODE_STALE_REQUEST):
            self.breakers.on_reject(self.tree, e.account, views.now_ns)
        st = e.ord_status
        ended = st == FILLED or st == CANCELLED or st == REJECTED or st == EXPIRED
        if not ended and st != NEW and st != PARTIALLY_FILLED:
            return  # something is pending: nothing is settled yet
        s = self.working.find(e.order_id)
        if s < 0:
            return
        o = self.working.pool[s]
        if ended:
            self.tree.release(o.account, o.instrument, o.side, o.px_ticks, o.leaves_qty_lots, 1)
            self.rest(s, 0)
            self.working.drop(s)
        elif e.px_ticks > 0 and e.leaves_qty_lots > 0:
            self.move(s, e.px_ticks, e.leaves_qty_lots)
            o.triggered = 1 if e.exec_type == EXEC_TRIGGERED else o.triggered
            self.rest(s, e.px_ticks if may_rest(o) else 0)

    def move(self, s: int, px_ticks: int, leaves_lots: int) -> None:
        """Reserve another price and quantity for a working order."""
        o = self.working.pool[s]
        if o.px_ticks == px_ticks and o.leaves_qty_lots == leaves_lots:
            return
        self.tree.release(o.account, o.instrument, o.side, o.px_ticks, o.leaves_qty_lots, 0)
        o.px_ticks = px_ticks
        o.leaves_qty_lots = leaves_lots
        self.tree.reserve(o.account, o.instrument, o.side, px_ticks, leaves_lots, 0)

    def rest(self, s: int, px_ticks: int) -> None:
        """Say at which price a working order may rest now, 0 = nowhere."""
        o = self.working.pool[s]
        if o.new_px_ticks == px_ticks:
            return
        own = self.guards.own
        own.remove(self.tree, self.working, s)
        o.new_px_ticks = px_ticks
        own.add(self.tree, self.working, s)
