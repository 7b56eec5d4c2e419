"""The quick pass over the rules of a scope: every sum against its limit at once, in no order, without a division.

What it lets through breaks no rule. What it does not is asked rule by rule (`verdict`): rounding is seen as against the order here, and a
gate may stand open for an order that reduces.
"""

from streams.kernel import NULL
from streams.trading.risk_bound import at_most, larger
from streams.trading.risk_leaf import RiskLeaf
from streams.trading.risk_rules import NEVER
from streams.trading.risk_scope import RiskNode
from streams.trading.risk_verdict import RiskVerdict

__all__ = ["RiskQuick"]


class RiskQuick(RiskVerdict, align=64):
    """Which orders surely fit, and the largest share of any limit that they use."""

    # ---- does it fit? ----
    def allows(self, first: int) -> bool:
        """Whether the order as such is within ORDER_SIZE, ORDER_NOTIONAL and COLLAR of every scope from the account's up."""
        order = self.order
        leaf = self.leaf(first, order.instrument)
        if order.qty_lots > leaf.size.limit or order.notional > leaf.notional.limit:
            return False
        if order.collared == 0 or leaf.collar.limit == NEVER:
            return True
        return order.touch_ticks != NULL and order.beyond_e4 <= order.touch_ticks * leaf.collar.limit

    def fits(self, scope: int) -> bool:
        """Whether the order surely breaks no other rule of a scope."""
        order = self.order
        node, leaf = self.nodes[scope], self.leaf(scope, order.instrument)
        rate = node.rate
        add_x2 = order.add_x2
        if (node.gate | leaf.gate) != 0 or (rate.count >= 0 and rate.credit_at(order.now_ns) < rate.interval_ns):
            return False
        if order.add_orders > 0 and node.orders.over(1):
            return False
        if add_x2 > 0 and (node.open.over(add_x2) or node.volume.over(node.open.used + add_x2)):
            return False
        return order.opens == 0 or (self.fits_exposure(node, leaf) and self.fits_groups(scope))

    def fits_exposure(self, node: RiskNode, leaf: RiskLeaf) -> bool:
        """LONG, SHORT, NET, GROSS, LEVERAGE, CONCENTRATION, VAR, MARGIN and the rules of loss."""
        order = self.order
        side, add_x2 = order.side, order.add_x2
        add = float(add_x2)
        return not (
            (node.lost | leaf.lost) != 0
            or node.sides[side].over(add_x2)
            or (order.add_lots > 0 and leaf.lots[side].over(order.add_lots))
            or node.gross.over(add_x2)
            or node.concentration.over(leaf.side_x2[side] + add_x2)
            or node.var.over(at_most(add * leaf.var_weight))
            or node.margin.over(at_most(add * leaf.margin_weight))
        )

    def fits_groups(self, scope: int) -> bool:
        """SECTOR, CURRENCY, CORRELATED."""
        order = self.order
        known = self.instruments[order.instrument]
        if known.sector >= 0 and self.sector(scope, known.sector).over(order.add_x2):
            return False
        if known.base >= 0 and self.currency(scope, known.base, order.side).over(order.add_x2):
            return False
        if known.cluster < 0:
            return True
        add = at_most(float(order.add_x2) * known.beta_weight)
        return not self.cluster(scope, known.cluster, known.beta_side(order.side)).over(add)

    # ---- how much of any limit does it use? ----
    def share_of_order(self, first: int) -> float:
        """Largest share of ORDER_SIZE, ORDER_NOTIONAL and COLLAR."""
        order = self.order
        leaf = self.leaf(first, order.instrument)
        share = larger(leaf.size.share(order.qty_lots), leaf.notional.share(order.notional))
        return larger(share, order.beyond_bps * leaf.collar.per_limit) if order.beyond_e4 > 0 else share

    def share(self, scope: int) -> float:
        """Largest share of any other limit of a scope. VAR, MARGIN and CORRELATED count what the order adds without rounding."""
        order = self.order
        node, leaf = self.nodes[scope], self.leaf(scope, order.instrument)
        add_x2 = order.add_x2
        share = larger(node.done_share, node.rate.share(node.rate.credit_at(order.now_ns)))
        if order.add_orders > 0:
            share = larger(share, node.orders.share(1))
        if add_x2 > 0:
            share = larger(share, larger(node.open.share(add_x2), node.volume.share(node.open.used + add_x2)))
        if order.opens != 0:
            share = larger(share, larger(self.share_of_exposure(node, leaf), self.share_of_groups(scope)))
        return share

    def share_of_exposure(self, node: RiskNode, leaf: RiskLeaf) -> float:
        """As `fits_exposure`."""
        order = self.order
        side, add_x2 = order.side, order.add_x2
        add = float(add_x2)
        share = larger(node.sides[side].share(add_x2), node.gross.share(add_x2))
        share = larger(share, node.concentration.share(leaf.side_x2[side] + add_x2))
        weighed = larger(node.var.share_of(add * leaf.var_weight), node.margin.share_of(add * leaf.margin_weight))
        share = larger(larger(share, weighed), larger(node.lost_share, leaf.lost_share))
        return larger(share, leaf.lots[side].share(order.add_lots)) if order.add_lots > 0 else share

    def share_of_groups(self, scope: int) -> float:
        """As `fits_groups`."""
        order = self.order
        known = self.instruments[order.instrument]
        share = 0.0
        if known.sector >= 0:
            share = larger(share, self.sector(scope, known.sector).share(order.add_x2))
        if known.base >= 0:
            share = larger(share, self.currency(scope, known.base, order.side).share(order.add_x2))
        if known.cluster >= 0:
            cluster = self.cluster(scope, known.cluster, known.beta_side(order.side))
            share = larger(share, cluster.share_of(float(order.add_x2) * known.beta_weight))
        return share
