"""The breakers of every scope: fed with mids, P&L and rejects, they trip the risk tree, which denies with their code until `reset`."""

from streams.kernel import Struct, Table
from streams.trading.breaker import LossRate, PriceMove, RejectRate
from streams.trading.risk import RiskTree
from streams.trading.risk_rules import (
    DENY_LOSS_RATE,
    DENY_PRICE_MOVE,
    DENY_REJECT_RATE,
    LOSS_RATE,
    MAX_BPS,
    MAX_MONEY,
    OK,
    PRICE_MOVE,
    UNIT_BPS,
    UNIT_COUNT,
    UNIT_MONEY,
)

__all__ = ["BreakerScope", "Breakers"]


class BreakerScope(Struct, align=64):
    """What one scope watches over all its instruments.

    price_bps, price_interval_ns : PRICE_MOVE for every instrument that has none of its own; price_bps -1 = none
    """

    price_bps: int = -1
    price_interval_ns: int
    loss: LossRate
    rejects: RejectRate

    def tripped(self) -> int:
        """DenyCode of what has tripped over all instruments, OK = nothing."""
        if self.loss.tripped != 0:
            return DENY_LOSS_RATE
        return DENY_REJECT_RATE if self.rejects.tripped != 0 else OK


class BreakerLeaf(Struct, align=64):
    """What one scope watches in one instrument. own: 1 = the limit is the instrument's, 0 = the scope's."""

    own: int
    move: PriceMove


class Breakers(Struct, align=64):
    """PRICE_MOVE, LOSS_RATE and REJECT_RATE of every scope; sizes: scopes, instruments.

    watched_moves, watched_losses : limits set, so that nothing is done where there are none
    """

    instruments: int
    watched_moves: int
    watched_losses: int
    scopes: Table[BreakerScope, "scopes"]
    leaves: Table[BreakerLeaf, "scopes * instruments"]

    def setup(self, instruments: int) -> None:
        """Once, before anything else."""
        self.instruments = instruments

    def leaf(self, scope: int, instrument: int) -> BreakerLeaf:
        """What a scope watches in one instrument."""
        return self.leaves[scope * self.instruments + instrument]

    # ---- limits ----
    def set_limit(self, tree: RiskTree, scope: int, instrument: int, rule: int, value: int, interval_ns: int) -> int:
        """Set a limit and begin anew; a negative value takes it away. What it had tripped is free again. 1, or 0 where it is refused.

        PRICE_MOVE basis points, with an instrument or for every instrument that has none of its own (-1); LOSS_RATE money and REJECT_RATE
        count without one. interval_ns >= 16.
        """
        if not (0 <= scope < self.scopes.n and -1 <= instrument < self.instruments):
            return 0
        if value > (MAX_BPS if rule == PRICE_MOVE else MAX_MONEY) or (instrument >= 0 and rule != PRICE_MOVE):
            return 0
        if rule == PRICE_MOVE:
            return self.set_move(tree, scope, instrument, value, interval_ns)
        node = self.scopes[scope]
        tripped = node.tripped()
        done = node.loss.set(value, interval_ns) if rule == LOSS_RATE else node.rejects.set(value, interval_ns)
        self.settle(tree, scope, tripped)
        self.count()
        return done

    def set_move(self, tree: RiskTree, scope: int, instrument: int, bps: int, interval_ns: int) -> int:
        """PRICE_MOVE of one instrument, or of every one that has none of its own."""
        node = self.scopes[scope]
        if bps >= 0 and interval_ns < 16:
            return 0
        if instrument < 0:
            node.price_bps = bps if bps >= 0 else -1
            node.price_interval_ns = interval_ns
        for i in range(self.instruments):
            leaf = self.leaf(scope, i)
            if i == instrument:
                leaf.own = 1 if bps >= 0 else 0
            if i == instrument or (instrument < 0 and leaf.own == 0):
                if leaf.move.tripped != 0:
                    tree.reset(scope, i)
                if leaf.own != 0:
                    leaf.move.set(bps, interval_ns)
                else:
                    leaf.move.set(node.price_bps, node.price_interval_ns)
        self.count()
        return 1

    def count(self) -> None:
        """Count the limits anew."""
        self.watched_moves = 0
        self.watched_losses = 0
        for scope in range(self.scopes.n):
            self.watched_losses += 1 if self.scopes[scope].loss.limit >= 0 else 0
        for i in range(self.leaves.n):
            self.watched_moves += 1 if self.leaves[i].move.limit_bps >= 0 else 0

    # ---- what they watch ----
    def on_mid(self, tree: RiskTree, instrument: int, mid2_ticks: int, now_ns: int) -> None:
        """Twice the mid of an instrument, 0 < mid2_ticks < 2**39."""
        if self.watched_moves == 0:
            return
        for scope in range(self.scopes.n):
            if self.leaf(scope, instrument).move.on_mid(mid2_ticks, now_ns) != 0:
                tree.trip(scope, instrument, DENY_PRICE_MOVE)

    def on_pnl(self, tree: RiskTree, now_ns: int) -> None:
        """The P&L of any scope may have changed."""
        if self.watched_losses == 0:
            return
        for scope in range(self.scopes.n):
            if self.scopes[scope].loss.on_pnl(tree.nodes[scope].pnl_x2, now_ns) != 0:
                tree.trip(scope, -1, self.scopes[scope].tripped())

    def on_reject(self, tree: RiskTree, account: int, now_ns: int) -> None:
        """A venue has rejected a request of an account."""
        scope = tree.account_scope[account] if 0 <= account < tree.account_scope.n else -1
        while scope >= 0:
            if self.scopes[scope].rejects.on_reject(now_ns) != 0:
                tree.trip(scope, -1, self.scopes[scope].tripped())
            scope = tree.nodes[scope].parent

    # ---- what is tripped ----
    def reset(self, tree: RiskTree, scope: int, instrument: int) -> None:
        """Let a scope trade again, in one instrument or in all (-1): its breakers begin anew."""
        for i in range(self.instruments):
            if instrument < 0 or i == instrument:
                if self.leaf(scope, i).move.tripped != 0:
                    tree.reset(scope, i)
                self.leaf(scope, i).move.reset()
        if instrument < 0:
            tripped = self.scopes[scope].tripped()
            self.scopes[scope].loss.reset()
            self.scopes[scope].rejects.reset()
            self.settle(tree, scope, tripped)

    def settle(self, tree: RiskTree, scope: int, before: int) -> None:
        """Carry to the tree what a scope's breakers over all instruments say now; `before`: what they said."""
        tripped = self.scopes[scope].tripped()
        if before != tripped:
            tree.reset(scope, -1)
            if tripped != OK:
                tree.trip(scope, -1, tripped)

    def explain(self, tree: RiskTree, scope: int, instrument: int, code: int) -> None:
        """Fill limit and used in the tree's answer, for a denial by a tripped breaker."""
        node = self.scopes[scope]
        if code == DENY_PRICE_MOVE:
            move = self.leaf(scope, instrument).move
            tree.limit_value = move.limit_bps
            tree.used_value = move.used_bps
            tree.value_unit = UNIT_BPS
        elif code == DENY_LOSS_RATE:
            tree.limit_value = node.loss.limit
            tree.used_value = node.loss.used
            tree.value_unit = UNIT_MONEY
        elif code == DENY_REJECT_RATE:
            tree.limit_value = node.rejects.limit
            tree.used_value = node.rejects.used
            tree.value_unit = UNIT_COUNT
