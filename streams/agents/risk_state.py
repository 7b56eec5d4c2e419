"""What the risk agent knows: the tree, the guards, the breakers, the working orders; and what limits, marks and commands do to them."""

from streams.agents.codes import COMMAND_KILL, COMMAND_MIRROR_BEHIND, COMMAND_MIRROR_CAUGHT_UP, COMMAND_RESUME
from streams.agents.views import Views
from streams.kernel import NULL, Struct
from streams.slots import CommandSlot, FundingSlot, InstrumentSlot, LimitSlot
from streams.trading.breakers import Breakers
from streams.trading.guards import Guards
from streams.trading.orders import Orders
from streams.trading.risk import RiskTree
from streams.trading.risk_rules import (
    DATA_STALE,
    LATENCY,
    LOSS_RATE,
    PRICE_MOVE,
    REJECT_RATE,
    REPEATED,
    SELF_MATCH,
)

__all__ = ["RiskState"]


class RiskState(Struct, align=64):
    """tree: scopes, limits and sums; guards, breakers: the limits that need more than sums.

    working         : what is reserved for each order, in the list 2 x instrument + side: px_ticks, leaves_qty_lots are the reserved ones,
                      new_px_ticks is the price nearest to the other side that it may rest at, 0 = none
    denied, refused : orders denied; limits that could not be set
    behind          : 1 = what the process wrote is kept too far behind: nothing that adds is approved
    """

    denied: int
    refused: int
    behind: int
    tree: RiskTree
    guards: Guards
    breakers: Breakers
    working: Orders

    def setup(self) -> None:
        """Once, before the first input."""
        self.tree.setup()
        self.working.setup()
        self.guards.setup(self.tree.instruments.n)
        self.breakers.setup(self.tree.instruments.n)

    # ---- marks and instruments ----
    def on_mark(self, instrument: int, views: Views) -> None:
        mark2_ticks = views.specs[instrument].mark2_ticks
        self.tree.on_mark(instrument, mark2_ticks, views.now_ns)
        self.breakers.on_mid(self.tree, instrument, mark2_ticks, views.now_ns)
        self.breakers.on_pnl(self.tree, views.now_ns)

    def on_funding(self, e: FundingSlot, views: Views) -> None:
        """A settlement counts to the loss of every account that holds the contract."""
        for account in range(self.tree.account_scope.n):
            if self.tree.account_scope[account] >= 0:
                lots = self.tree.leaf(self.tree.account_scope[account], e.instrument).net_lots
                self.tree.on_funding(account, e.instrument, views.specs[e.instrument].funding(lots, e.mark_e9, e.rate_e9), views.now_ns)
        self.breakers.on_pnl(self.tree, views.now_ns)

    def on_instrument(self, e: InstrumentSlot, views: Views) -> None:
        self.tree.set_instrument(e.instrument, views.specs[e.instrument].money_per_tick_lot)
        self.tree.set_groups(e.instrument, e.sector, e.base, e.cluster, e.beta_e9)

    # ---- limits ----
    def on_limit(self, e: LimitSlot) -> None:
        """Scopes come in the order root first, so that a parent is known before its children."""
        if e.parent >= 0:
            self.tree.set_parent(e.scope, e.parent)
        value = limit_value(e)
        interval_ns = e.interval_ns if e.interval_ns != NULL else 0
        rule = e.rule
        group = max(e.sector, e.currency, e.cluster)
        if group >= 0:
            done = self.tree.set_group_limit(e.scope, rule, group, value)
        elif rule == PRICE_MOVE or rule == LOSS_RATE or rule == REJECT_RATE:
            done = self.breakers.set_limit(self.tree, e.scope, e.instrument, rule, value, interval_ns)
        elif rule == DATA_STALE or rule == LATENCY or rule == REPEATED or rule == SELF_MATCH:
            done = self.guards.set_limit(e.scope, e.instrument, rule, value)
        else:
            done = self.tree.set_limit(e.scope, e.instrument, rule, value, interval_ns)
        self.refused += 1 - done

    # ---- commands ----
    def on_command(self, e: CommandSlot) -> None:
        """KILL halts a scope, or all of them, in one instrument or in every one; RESUME lets them trade again, and sets what breakers
        tripped there back. MIRROR_BEHIND stops what adds, until MIRROR_CAUGHT_UP; those for other processes do not come here.

        What names a strategy is the strategy agent's business."""
        if e.command_type == COMMAND_MIRROR_BEHIND or e.command_type == COMMAND_MIRROR_CAUGHT_UP:
            self.behind = 1 if e.command_type == COMMAND_MIRROR_BEHIND else 0
        if e.command_type != COMMAND_KILL and e.command_type != COMMAND_RESUME:
            return
        halted = 1 if e.command_type == COMMAND_KILL else 0
        if e.target_scope >= 0:
            self.set_halted(e.target_scope, -1, halted)
        elif e.target_strategy < 0 and e.instrument >= -1:
            for scope in range(self.tree.nodes.n):
                self.set_halted(scope, e.instrument, halted)
                if halted == 0 and e.instrument == -1:  # "everything" is what single instruments were halted by, too
                    for instrument in range(self.tree.instruments.n):
                        self.tree.set_halted(scope, instrument, 0)

    def set_halted(self, scope: int, instrument: int, halted: int) -> None:
        """Halt (1) or resume (0) one scope."""
        self.tree.set_halted(scope, instrument, halted)
        if halted == 0:
            self.breakers.reset(self.tree, scope, instrument)


def limit_value(e: LimitSlot) -> int:
    """The number of a limit, in its rule's unit; negative = the limit is lifted. REPEATED, DATA_STALE and LATENCY are their interval."""
    if e.rule == REPEATED or e.rule == DATA_STALE or e.rule == LATENCY:
        return e.interval_ns
    if e.limit_qty_lots != NULL:
        return e.limit_qty_lots
    if e.limit_money != NULL:
        return e.limit_money
    return e.limit_bps if e.limit_bps != NULL else e.limit_count
