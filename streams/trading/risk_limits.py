"""The limits of the risk tree: setting them, and halting and tripping scopes."""

from streams.trading.risk_bound import twice
from streams.trading.risk_rules import (
    COLLAR,
    CONCENTRATION,
    CORRELATED,
    CURRENCY,
    LATENCY,
    LEVERAGE,
    MARGIN,
    MAX_BPS,
    MAX_MONEY,
    MAX_PER_FILL,
    MAX_WEIGHT_BPS,
    MESSAGES_PER_FILL,
    NEVER,
    OK,
    ORDER_NOTIONAL,
    ORDER_RATE,
    ORDER_SIZE,
    PRICE_MOVE,
    REPEATED,
    RULES,
    SECTOR,
    SELF_MATCH,
    STOP_LOSS,
    VAR_WEIGHT,
)
from streams.trading.risk_tables import RiskTables
from streams.trading.token_bucket import NO_RATE

__all__ = ["RiskLimits"]


class RiskLimits(RiskTables, align=64):
    """Tables with their limits."""

    def set_limit(self, scope: int, instrument: int, rule: int, value: int, interval_ns: int) -> int:
        """Set a limit of a scope, over all instruments (-1) or in one; a negative value (NULL) takes it away. 1, or 0 where refused.

        Units and which rules take an instrument: the table of `streams.trading.risk`. Limits in money are at most MAX_MONEY; COLLAR,
        LEVERAGE and CONCENTRATION at most MAX_BPS; MARGIN and VAR_WEIGHT at most MAX_WEIGHT_BPS. RESTRICTED, REDUCE_ONLY and REDUCE are
        on where the value is above 0. Rules that the agent keeps (SELF_MATCH, REPEATED, breakers, ages) are refused here.
        """
        if not (0 <= scope < self.nodes.n and -1 <= instrument < self.instruments.n and 0 <= rule < RULES):
            return 0
        if SECTOR <= rule <= CURRENCY or rule == CORRELATED or SELF_MATCH <= rule <= REPEATED or PRICE_MOVE <= rule <= LATENCY:
            return 0
        most = MAX_BPS if rule == COLLAR or rule == LEVERAGE or rule == CONCENTRATION else MAX_MONEY
        if rule == MARGIN or rule == VAR_WEIGHT:
            most = MAX_WEIGHT_BPS
        elif rule == MESSAGES_PER_FILL:
            most = MAX_PER_FILL
        if value > most:
            return 0
        limit = value if value >= 0 else NEVER
        node = self.nodes[scope]
        had = self.margin_of(scope, instrument)
        if instrument >= 0:
            if self.leaf(scope, instrument).keep(rule, limit) == 0:
                return 0
        elif rule == ORDER_RATE:
            return node.rate.set(value if value >= 0 else NO_RATE, interval_ns)
        else:
            node.keep(rule, limit)
        if rule == MARGIN:
            node.margins += (1 if limit != NEVER else 0) - (1 if had != NEVER else 0)
            node.rebound()
        self.spread(scope, instrument, rule)
        return 1

    def margin_of(self, scope: int, instrument: int) -> int:
        """Rate MARGIN as set for a scope, in all instruments (-1) or in one; NEVER = none."""
        return self.leaf(scope, instrument).own_margin if instrument >= 0 else self.nodes[scope].limits[MARGIN]

    def spread(self, scope: int, instrument: int, rule: int) -> None:
        """Carry a changed limit to the leaves it holds for: all those of the scope, or one."""
        for i in range(self.instruments.n):
            if instrument == -1 or instrument == i:
                self.leaf(scope, i).rebound(self.nodes[scope].limits[STOP_LOSS])
                if rule == ORDER_SIZE or rule == ORDER_NOTIONAL or rule == COLLAR:
                    self.refold(i)
                elif rule == MARGIN or rule == VAR_WEIGHT:
                    self.reweigh(i)

    def set_group_limit(self, scope: int, rule: int, group: int, value: int) -> int:
        """Set the money limit of one SECTOR, CURRENCY or CORRELATED cluster (numbers of the dictionary); negative takes it away."""
        scopes = self.nodes.n
        if not (0 <= scope < scopes and group >= 0 and value <= MAX_MONEY):
            return 0
        limit = value if value >= 0 else NEVER
        if rule == SECTOR and group < self.sectors.n // scopes:
            self.sector(scope, group).bound(twice(limit))
        elif rule == CURRENCY and group < self.currencies.n // (2 * scopes):
            self.currency(scope, group, 0).bound(twice(limit))
            self.currency(scope, group, 1).bound(twice(limit))
        elif rule == CORRELATED and group < self.clusters.n // (2 * scopes):
            self.cluster(scope, group, 0).bound(limit)
            self.cluster(scope, group, 1).bound(limit)
        else:
            return 0
        return 1

    # ---- halts and breakers ----
    def set_halted(self, scope: int, instrument: int, halted: int) -> int:
        """Halt (1) or resume (0) a scope, in one instrument or in all (-1)."""
        if not (0 <= scope < self.nodes.n and -1 <= instrument < self.instruments.n):
            return 0
        if instrument >= 0:
            self.leaf(scope, instrument).halted = halted
            self.leaf(scope, instrument).regate()
        else:
            self.nodes[scope].halted = halted
            self.nodes[scope].regate()
        return 1

    def trip(self, scope: int, instrument: int, code: int) -> int:
        """Deny every NEW and REPLACE of a scope with this DenyCode (> 0), in one instrument or in all (-1), until `reset`.

        What tripped first stays the answer."""
        if not (0 <= scope < self.nodes.n and -1 <= instrument < self.instruments.n and code > OK):
            return 0
        if instrument >= 0:
            leaf = self.leaf(scope, instrument)
            leaf.tripped = leaf.tripped if leaf.tripped != 0 else code
            self.leaf(scope, instrument).regate()
        else:
            node = self.nodes[scope]
            node.tripped = node.tripped if node.tripped != 0 else code
            node.regate()
        return 1

    def reset(self, scope: int, instrument: int) -> int:
        """End what `trip` began."""
        if not (0 <= scope < self.nodes.n and -1 <= instrument < self.instruments.n):
            return 0
        if instrument >= 0:
            self.leaf(scope, instrument).tripped = 0
            self.leaf(scope, instrument).regate()
        else:
            self.nodes[scope].tripped = 0
            self.nodes[scope].regate()
        return 1
