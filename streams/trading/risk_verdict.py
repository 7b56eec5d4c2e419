"""Which rule of a scope an order breaks: every rule one by one, in the declared order, with limit and used value."""

from streams.kernel import NULL
from streams.trading.codes import BUY
from streams.trading.risk_bound import RiskBound, beta_share, bps_ceil, twice
from streams.trading.risk_leaf import RiskLeaf
from streams.trading.risk_order import RiskOrder
from streams.trading.risk_rules import (
    COLLAR,
    DENY_COLLAR,
    DENY_CONCENTRATION,
    DENY_CORRELATED,
    DENY_CURRENCY,
    DENY_DAILY_LOSS,
    DENY_DAILY_TRADES,
    DENY_DAILY_VOLUME,
    DENY_DRAWDOWN,
    DENY_GROSS,
    DENY_HALTED,
    DENY_LEVERAGE,
    DENY_LONG,
    DENY_MARGIN,
    DENY_MESSAGES_PER_FILL,
    DENY_NET,
    DENY_NO_REFERENCE_PRICE,
    DENY_OPEN_NOTIONAL,
    DENY_OPEN_ORDERS,
    DENY_ORDER_NOTIONAL,
    DENY_ORDER_RATE,
    DENY_ORDER_SIZE,
    DENY_REDUCE_ONLY,
    DENY_RESTRICTED,
    DENY_SECTOR,
    DENY_SHORT,
    DENY_STOP_LOSS,
    DENY_VAR,
    GROSS,
    LONG,
    MAX_MONEY,
    NET,
    NEVER,
    OK,
    ORDER_NOTIONAL,
    ORDER_SIZE,
    UNIT_BPS,
    UNIT_COUNT,
    UNIT_LOTS,
    UNIT_MONEY,
)
from streams.trading.risk_scope import RiskNode
from streams.trading.risk_sums import RiskSums

__all__ = ["RiskVerdict"]


class RiskVerdict(RiskSums, align=64):
    """Sums and what they say of one order, which stands in `order`."""

    order: RiskOrder

    def verdict(self, scope: int) -> int:
        """DenyCode of the first rule of a scope that the order breaks, OK if none; limit and used value stand in the order."""
        node, leaf = self.nodes[scope], self.leaf(scope, self.order.instrument)
        code = self.judge_gate(node, leaf)
        if code == OK:
            code = self.judge_order(node, leaf)
        if code == OK and self.order.opens != 0:
            code = self.judge_side(node, leaf)
        if code == OK:
            code = self.judge_totals(node)
        if code == OK and self.order.opens != 0:
            code = self.judge_exposure(scope, node, leaf)
        if code == OK:
            code = self.judge_day(node)
        if code == OK and self.order.opens != 0:
            code = self.judge_loss(node, leaf)
        return code

    def judge_gate(self, node: RiskNode, leaf: RiskLeaf) -> int:
        """Halts, tripped breakers, RESTRICTED, REDUCE_ONLY."""
        order = self.order
        if (node.halted | leaf.halted | node.inexact) != 0:
            return order.refuse(DENY_HALTED)
        if node.tripped != 0:
            return order.refuse(node.tripped)
        if leaf.tripped != 0:
            return order.refuse(leaf.tripped)
        if (node.restricted | leaf.restricted) != 0:
            return order.refuse(DENY_RESTRICTED)
        if (node.reduce_only | leaf.reduce_only) != 0 and order.reducing == 0:
            return order.refuse(DENY_REDUCE_ONLY)
        return OK

    def judge_order(self, node: RiskNode, leaf: RiskLeaf) -> int:
        """ORDER_SIZE, ORDER_NOTIONAL, COLLAR."""
        order = self.order
        size_lots = min(leaf.own_size, node.limits[ORDER_SIZE])
        if order.qty_lots > size_lots:
            return order.answer(DENY_ORDER_SIZE, size_lots, order.qty_lots, UNIT_LOTS)
        if order.notional > node.limits[ORDER_NOTIONAL]:
            return order.answer(DENY_ORDER_NOTIONAL, node.limits[ORDER_NOTIONAL], order.notional, UNIT_MONEY)
        collar_bps = min(leaf.own_collar, node.limits[COLLAR])
        if order.collared != 0 and collar_bps != NEVER:
            if order.touch_ticks == NULL:
                return order.refuse(DENY_NO_REFERENCE_PRICE)
            if order.beyond_e4 > order.touch_ticks * collar_bps:
                return order.answer(DENY_COLLAR, collar_bps, -(-order.beyond_e4 // order.touch_ticks), UNIT_BPS)
        return OK

    def judge_side(self, node: RiskNode, leaf: RiskLeaf) -> int:
        """LONG or SHORT, in lots and in money."""
        order = self.order
        code = DENY_LONG if order.side == BUY else DENY_SHORT
        limit_lots = leaf.own_long if order.side == BUY else leaf.own_short
        lots = leaf.lots[order.side].used + order.add_lots
        if order.add_lots > 0 and lots > limit_lots:
            return order.answer(code, limit_lots, lots, UNIT_LOTS)
        limit_x2 = 2 * min(node.limits[LONG + order.side], MAX_MONEY)
        side_x2 = node.sides[order.side].used + order.add_x2
        if side_x2 > limit_x2:
            return order.answer_x2(code, limit_x2, side_x2)
        return OK

    def judge_totals(self, node: RiskNode) -> int:
        """GROSS, OPEN_ORDERS, OPEN_NOTIONAL, ORDER_RATE, DAILY_LOSS."""
        order = self.order
        gross_x2 = node.gross.used + order.add_x2
        limit_x2 = 2 * min(node.limits[GROSS], MAX_MONEY)
        if order.opens != 0 and gross_x2 > limit_x2:
            return order.answer_x2(DENY_GROSS, limit_x2, gross_x2)
        if order.add_orders > 0 and node.orders.over(1):
            return order.answer(DENY_OPEN_ORDERS, node.orders.limit, node.orders.used + 1, UNIT_COUNT)
        if order.add_x2 > 0 and node.open.over(order.add_x2):
            return self.beyond(DENY_OPEN_NOTIONAL, node.open, order.add_x2)
        if node.rate.allows(order.now_ns) == 0:
            return order.answer(DENY_ORDER_RATE, node.rate.count, node.rate.count + 1, UNIT_COUNT)
        if order.opens != 0 and node.loss.over(0):
            return self.beyond(DENY_DAILY_LOSS, node.loss, 0)
        return OK

    def judge_exposure(self, scope: int, node: RiskNode, leaf: RiskLeaf) -> int:
        """NET, SECTOR, CURRENCY, CONCENTRATION, CORRELATED, VAR."""
        order = self.order
        known = self.instruments[order.instrument]
        lots = leaf.lots[order.side].used + order.add_lots
        if order.add_lots > 0 and lots > leaf.own_net:
            return order.answer(DENY_NET, leaf.own_net, lots, UNIT_LOTS)
        net_x2 = node.sides[order.side].used + order.add_x2
        if net_x2 > twice(node.limits[NET]):
            return order.answer_x2(DENY_NET, twice(node.limits[NET]), net_x2)
        if known.sector >= 0 and self.sector(scope, known.sector).over(order.add_x2):
            return self.beyond(DENY_SECTOR, self.sector(scope, known.sector), order.add_x2)
        if known.base >= 0 and self.currency(scope, known.base, order.side).over(order.add_x2):
            return self.beyond(DENY_CURRENCY, self.currency(scope, known.base, order.side), order.add_x2)
        side_x2 = leaf.side_x2[order.side] + order.add_x2
        if node.concentration.over(side_x2):
            return self.beyond(DENY_CONCENTRATION, node.concentration, side_x2)
        if known.cluster >= 0:
            add = beta_share(side_x2, abs(known.beta_e9)) - leaf.beta[order.side]
            cluster = self.cluster(scope, known.cluster, known.beta_side(order.side))
            if cluster.over(add):
                return order.answer(DENY_CORRELATED, cluster.limit, cluster.used + add, UNIT_MONEY)
        add_var = bps_ceil(leaf.gross_x2 + order.add_x2, leaf.var_bps) - leaf.var_x2
        if node.var.over(add_var):
            return self.beyond(DENY_VAR, node.var, add_var)
        return OK

    def judge_day(self, node: RiskNode) -> int:
        """MESSAGES_PER_FILL, DAILY_TRADES, DAILY_VOLUME."""
        order = self.order
        if node.messages.over(1):
            return order.answer(DENY_MESSAGES_PER_FILL, node.messages.limit, node.messages.used + 1, UNIT_COUNT)
        if node.trades.over(1):
            return order.answer(DENY_DAILY_TRADES, node.trades.limit, node.trades.used + 1, UNIT_COUNT)
        volume_x2 = node.open.used + order.add_x2
        if order.add_x2 > 0 and node.volume.over(volume_x2):
            return self.beyond(DENY_DAILY_VOLUME, node.volume, volume_x2)
        return OK

    def judge_loss(self, node: RiskNode, leaf: RiskLeaf) -> int:
        """DRAWDOWN, STOP_LOSS, MARGIN, LEVERAGE."""
        order = self.order
        if node.drawdown.over(0):
            return self.beyond(DENY_DRAWDOWN, node.drawdown, 0)
        if leaf.loss.over(0):
            return self.beyond(DENY_STOP_LOSS, leaf.loss, 0)
        add_margin = bps_ceil(leaf.gross_x2 + order.add_x2, leaf.margin_bps) - leaf.margin_x2
        if node.margin.over(add_margin):
            return self.beyond(DENY_MARGIN, node.margin, add_margin)
        gross_x2 = node.gross.used + order.add_x2
        if gross_x2 > node.leverage_x2:
            return order.answer_x2(DENY_LEVERAGE, node.leverage_x2, gross_x2)
        return OK

    def beyond(self, code: int, bound: RiskBound, add_x2: int) -> int:
        """Answer with what a bound in half money units allows and what would be used."""
        return self.order.answer_x2(code, bound.limit, bound.used + add_x2)
