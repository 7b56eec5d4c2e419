"""Guards: what an order is asked before the risk tree is. Each scope checks them in this order, the account first and the root last.

| rule       | denied when                                                                               | unit |
|------------|-------------------------------------------------------------------------------------------|------|
| DATA_STALE | the instrument's book was last updated longer ago than the limit                           | ns   |
| LATENCY    | `now` is later than what caused the order was received by more than the limit (code LAGGING) | ns   |
| SELF_MATCH | it could trade with a working order of an account under the scope                         |      |
| REPEATED   | the strategy had the same order (side, price, quantity) approved less than the limit ago   | ns   |

`now` moves with the inputs of the process and with the clock's ticks, so ages are right to a tick (10 ms). DATA_STALE and LATENCY are wall
time: they are multiplied by the speed of the run. REPEATED asks new orders only, the others replaces too. An order that cannot take
liquidity (post-only, a stop that waits) cannot trade with an own one, and a waiting stop is not in the book.
"""

from streams.kernel import NULL, Struct, Table
from streams.trading.own_touch import OwnTouches
from streams.trading.repeats import Repeats
from streams.trading.risk import RiskTree
from streams.trading.risk_rules import (
    DATA_STALE,
    DENY_DATA_STALE,
    DENY_LAGGING,
    DENY_REPEATED,
    DENY_SELF_MATCH,
    LATENCY,
    OK,
    REPEATED,
    SELF_MATCH,
    UNIT_NONE,
    UNIT_NS,
)

__all__ = ["GuardOrder", "GuardScope", "Guards", "answer"]


class GuardScope(Struct, align=64):
    """Limits of one scope, in ns, -1 = none; self_match: 1 = no order may trade with one of the scope's own."""

    data_stale_ns: int = -1
    latency_ns: int = -1
    repeated_ns: int = -1
    self_match: int


class GuardLeaf(Struct):
    """Limit of one scope in one instrument, -1 = none."""

    data_stale_ns: int = -1


class GuardOrder(Struct, align=64):
    """The order that is asked about.

    reach_px_ticks : price up to which (down to, for a sell) it may trade at once; 0 = it takes no liquidity
    px_ticks       : its limit price, NULL = none; new: 1 = a new order
    book_ts_ns, cause_ts_ns : when the book was last updated, and when what caused the order was received
    """

    account: int
    strategy: int
    instrument: int
    side: int
    new: int
    px_ticks: int
    reach_px_ticks: int
    qty_lots: int
    book_ts_ns: int
    cause_ts_ns: int
    now_ns: int


class Guards(Struct, align=64):
    """Limits of every scope and what they need to know; sizes: scopes, instruments, orders.

    speed   : seconds of the run in a second of wall time
    order   : the order under check, filled in by the caller
    repeats : what was approved; own: the best own prices
    """

    instruments: int
    speed: float = 1.0
    order: GuardOrder
    scopes: Table[GuardScope, "scopes"]
    leaves: Table[GuardLeaf, "scopes * instruments"]
    own: OwnTouches
    repeats: Repeats

    def setup(self, instruments: int) -> None:
        """Once, before anything else."""
        self.instruments = instruments
        self.own.setup(instruments)
        self.repeats.setup()

    def set_limit(self, scope: int, instrument: int, rule: int, value: int) -> int:
        """Set a limit; a negative value takes it away. 1, or 0 where it is refused.

        DATA_STALE ns, with an instrument or for every one (-1), of which the shorter holds; LATENCY and REPEATED ns, SELF_MATCH 0 or 1,
        without one.
        """
        if not (0 <= scope < self.scopes.n and -1 <= instrument < self.instruments):
            return 0
        limit = value if value >= 0 else -1
        node = self.scopes[scope]
        if rule == DATA_STALE and instrument >= 0:
            self.leaves[scope * self.instruments + instrument].data_stale_ns = limit
        elif instrument >= 0:
            return 0
        elif rule == DATA_STALE:
            node.data_stale_ns = limit
        elif rule == LATENCY:
            node.latency_ns = limit
        elif rule == REPEATED:
            node.repeated_ns = limit
        elif rule == SELF_MATCH:
            node.self_match = 1 if value > 0 else 0
        else:
            return 0
        return 1

    def check(self, tree: RiskTree) -> int:
        """DenyCode of the first guard that refuses `order`, with scope, limit and used in the tree's answer; OK if none does.

        The account must be known to the tree.
        """
        order = self.order
        scope = tree.account_scope[order.account]
        while scope >= 0:
            code = self.check_scope(tree, scope)
            if code != OK:
                return code
            scope = tree.nodes[scope].parent
        return OK

    def check_scope(self, tree: RiskTree, scope: int) -> int:
        """DenyCode of one scope's guards."""
        order = self.order
        node = self.scopes[scope]
        leaf_ns = self.leaves[scope * self.instruments + order.instrument].data_stale_ns
        age_ns = order.now_ns - order.book_ts_ns
        for limit_ns in (leaf_ns, node.data_stale_ns):
            if limit_ns >= 0 and age_ns > self.scaled(limit_ns):
                return answer(tree, DENY_DATA_STALE, scope, self.scaled(limit_ns), age_ns, UNIT_NS)
        lag_ns = order.now_ns - order.cause_ts_ns
        if node.latency_ns >= 0 and lag_ns > self.scaled(node.latency_ns):
            return answer(tree, DENY_LAGGING, scope, self.scaled(node.latency_ns), lag_ns, UNIT_NS)
        if node.self_match != 0 and order.reach_px_ticks > 0:
            met_px_ticks = self.own.crossed(scope, order.instrument, order.side, order.reach_px_ticks)
            if met_px_ticks > 0:
                return answer(tree, DENY_SELF_MATCH, scope, NULL, NULL, UNIT_NONE)
        if node.repeated_ns >= 0 and order.new != 0:
            seen_ns = self.repeats.find(order.account, order.strategy, order.instrument, order.side, order.px_ticks, order.qty_lots)
            if seen_ns != NULL and order.now_ns - seen_ns < node.repeated_ns:
                return answer(tree, DENY_REPEATED, scope, node.repeated_ns, order.now_ns - seen_ns, UNIT_NS)
        return OK

    def approved(self) -> None:
        """Remember `order`, which is new and approved."""
        x = self.order
        self.repeats.note(x.account, x.strategy, x.instrument, x.side, x.px_ticks, x.qty_lots, x.now_ns)

    def scaled(self, limit_ns: int) -> int:
        """A limit of wall time in the run's time. limit_ns < 2**53."""
        return int(limit_ns * self.speed)


def answer(tree: RiskTree, code: int, scope: int, limit_value: int, used_value: int, value_unit: int) -> int:
    """Write an answer where those of the tree stand; the code."""
    tree.code = code
    tree.scope = scope
    tree.limit_value = limit_value
    tree.used_value = used_value
    tree.value_unit = value_unit
    tree.approved_lots = 0
    tree.score = 1.0
    return code
