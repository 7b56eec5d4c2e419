"""The tables of the risk tree: scopes and how they hang together, instruments, their groups and weights."""

from streams.kernel import Struct, Table
from streams.trading.risk_bound import RiskBound
from streams.trading.risk_instrument import RiskInstrument
from streams.trading.risk_leaf import RiskLeaf
from streams.trading.risk_rules import COLLAR, MARGIN, MAX_BETA_E9, MAX_MONEY, NEVER, ORDER_NOTIONAL, ORDER_SIZE, VAR_WEIGHT
from streams.trading.risk_scope import RiskNode

__all__ = ["RiskTables"]


class RiskTables(Struct, align=64):
    """Scopes, instruments and groups. A leaf, sector, currency or cluster of a scope stands at (its number x scopes + scope)."""

    nodes: Table[RiskNode, "scopes"]
    leaves: Table[RiskLeaf, "instruments * scopes"]
    instruments: Table[RiskInstrument, "instruments"]
    sectors: Table[RiskBound, "sectors * scopes"]
    currencies: Table[RiskBound, "currencies * scopes * 2"]
    clusters: Table[RiskBound, "clusters * scopes * 2"]
    account_scope: Table[int, "accounts"]
    scope_account: Table[int, "scopes"]

    # ---- where things stand ----
    def leaf(self, scope: int, instrument: int) -> RiskLeaf:
        """What a scope holds, works and may in one instrument."""
        return self.leaves[instrument * self.nodes.n + scope]

    def sector(self, scope: int, sector: int) -> RiskBound:
        """Gross exposure of a scope in a sector, half money units."""
        return self.sectors[sector * self.nodes.n + scope]

    def currency(self, scope: int, base: int, side: int) -> RiskBound:
        """Exposure of a scope on one side of the instruments with one base currency, half money units."""
        return self.currencies[(base * self.nodes.n + scope) * 2 + side]

    def cluster(self, scope: int, cluster: int, side: int) -> RiskBound:
        """Sum of beta x exposure of a scope on one side of a cluster, money."""
        return self.clusters[(cluster * self.nodes.n + scope) * 2 + side]

    # ---- structure ----
    def setup(self) -> None:
        """Empty the tree: no account has a scope, nothing has a limit."""
        for account in range(self.account_scope.n):
            self.account_scope[account] = -1
        for scope in range(self.nodes.n):
            self.scope_account[scope] = -1
            self.nodes[scope].clear()
        for leaf in range(self.leaves.n):
            self.leaves[leaf].rebound(NEVER)

    def set_instrument(self, instrument: int, money_per_tick_lot: int) -> int:
        """Say what one tick x one lot is worth in money units (> 0); refused while somebody holds or works the instrument."""
        if not (0 <= instrument < self.instruments.n and 0 < money_per_tick_lot < MAX_MONEY):
            return 0
        known = self.instruments[instrument]
        if known.money_per_tick_lot == money_per_tick_lot:
            return 1
        if self.idle(instrument) == 0:
            return 0
        known.set(money_per_tick_lot)
        return 1

    def set_groups(self, instrument: int, sector: int, base: int, cluster: int, beta_e9: int) -> int:
        """Say which sector, base currency and cluster an instrument is in (-1 = none), and its beta x 10**9 in the cluster.

        Refused for numbers out of range, |beta_e9| > MAX_BETA_E9, and while somebody holds or works the instrument."""
        scopes = self.nodes.n
        if not (0 <= instrument < self.instruments.n and -1 <= sector < self.sectors.n // scopes):
            return 0
        if not (-1 <= base < self.currencies.n // (2 * scopes) and -1 <= cluster < self.clusters.n // (2 * scopes)):
            return 0
        if not -MAX_BETA_E9 <= beta_e9 <= MAX_BETA_E9:
            return 0
        known = self.instruments[instrument]
        if known.sector == sector and known.base == base and known.cluster == cluster and known.beta_e9 == beta_e9:
            return 1
        if self.idle(instrument) == 0:
            return 0
        known.group(sector, base, cluster, beta_e9)
        return 1

    def idle(self, instrument: int) -> int:
        """1 where no account holds or works the instrument."""
        for account in range(self.account_scope.n):
            scope = self.account_scope[account]
            if scope >= 0 and self.leaf(scope, instrument).idle() == 0:
                return 0
        return 1

    def set_parent(self, scope: int, parent: int) -> int:
        """Hang a scope under another, -1 = make it a root; refused for a cycle, under an account, or when the scope is not idle."""
        if not (0 <= scope < self.nodes.n and -1 <= parent < self.nodes.n):
            return 0
        if self.nodes[scope].parent == parent:
            return 1
        above = parent
        while above >= 0:
            if above == scope or self.scope_account[above] >= 0:
                return 0
            above = self.nodes[above].parent
        if self.nodes[scope].idle() == 0:
            return 0
        self.nodes[scope].parent = parent
        for instrument in range(self.instruments.n):
            self.refold(instrument)
            self.reweigh(instrument)
        return 1

    def set_account(self, account: int, scope: int) -> int:
        """Say which scope an account is; refused for a scope with children or another account, and when either is not idle."""
        if not (0 <= account < self.account_scope.n and 0 <= scope < self.nodes.n):
            return 0
        if self.account_scope[account] == scope:
            return 1
        old = self.account_scope[account]
        if self.scope_account[scope] >= 0 or self.nodes[scope].idle() == 0 or (old >= 0 and self.nodes[old].idle() == 0):
            return 0
        for child in range(self.nodes.n):
            if self.nodes[child].parent == scope:
                return 0
        if old >= 0:
            self.scope_account[old] = -1
        self.account_scope[account] = scope
        self.scope_account[scope] = account
        for instrument in range(self.instruments.n):
            self.refold(instrument)
        return 1

    # ---- what follows from limits ----
    def refold(self, instrument: int) -> None:
        """Work out what every account may order of one instrument: the tightest of ORDER_SIZE, ORDER_NOTIONAL and COLLAR up to the root."""
        for account in range(self.account_scope.n):
            first = self.account_scope[account]
            if first < 0:
                continue
            size_lots = notional = collar_bps = NEVER
            scope = first
            while scope >= 0:
                node, leaf = self.nodes[scope], self.leaf(scope, instrument)
                size_lots = min(size_lots, leaf.own_size, node.limits[ORDER_SIZE])
                notional = min(notional, node.limits[ORDER_NOTIONAL])
                collar_bps = min(collar_bps, leaf.own_collar, node.limits[COLLAR])
                scope = node.parent
            self.leaf(first, instrument).fold(size_lots, notional, collar_bps)

    def reweigh(self, instrument: int) -> None:
        """Work out what VAR and MARGIN weigh in one instrument, on every scope."""
        for scope in range(self.nodes.n):
            leaf, node = self.leaf(scope, instrument), self.nodes[scope]
            margin_bps = node.limits[MARGIN] if leaf.own_margin == NEVER else leaf.own_margin
            leaf.set_weights(self.var_weight(scope, instrument), 0 if margin_bps == NEVER else margin_bps)
            var_x2, margin_x2 = leaf.var_x2, leaf.margin_x2
            leaf.weigh()
            node.var.used += leaf.var_x2 - var_x2
            node.margin.used += leaf.margin_x2 - margin_x2

    def var_weight(self, scope: int, instrument: int) -> int:
        """VAR_WEIGHT of a scope's instrument: its own, else the scope's, else the nearest above; 0 = none set."""
        while scope >= 0:
            if self.leaf(scope, instrument).own_var_weight != NEVER:
                return self.leaf(scope, instrument).own_var_weight
            if self.nodes[scope].limits[VAR_WEIGHT] != NEVER:
                return self.nodes[scope].limits[VAR_WEIGHT]
            scope = self.nodes[scope].parent
        return 0
