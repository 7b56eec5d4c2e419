"""The risk tree: may this order be sent? Ten rules on every scope from the account up to the firm.

A check only compares: the sums that the rules need are kept up to date by `reserve`, `release`, `on_fill` and `on_mark`. Each scope
checks the rules in this order, the account first and the root last; the first rule broken is the answer:

| rule           | what is compared with the limit (denied when greater)                                        | unit         |
|----------------|----------------------------------------------------------------------------------------------|--------------|
| (halted)       | scope, or scope and instrument, halted; or reduce-only and the order does not only reduce    |              |
| ORDER_SIZE     | the order's quantity                                                                         | lots         |
| ORDER_NOTIONAL | price x quantity; a market order at the opposite touch                                       | money        |
| COLLAR         | how far a limit price lies beyond the opposite touch                                         | basis points |
| LONG, SHORT    | position if every working order of that side and this one fill: per instrument, and in all   | lots, money  |
| GROSS          | sum of abs(position) at the marks + all working notional + this order                        | money        |
| OPEN_ORDERS    | working orders with this one                                                                 | count        |
| OPEN_NOTIONAL  | working notional with this order                                                             | money        |
| ORDER_RATE     | NEW and REPLACE in any interval                                                              | count        |
| DAILY_LOSS     | loss since midnight UTC: realized + unrealized at the marks - fees                           | money        |

An order that can only reduce the account's position in its instrument, with all working orders of its side, is never denied for GROSS or
DAILY_LOSS: it lowers the one and is the way out of the other. A REPLACE is checked for what it adds; a CANCEL is never checked. Not a
false positive anywhere: within every limit means approved. Limits of 0 are limits; only a negative value (NULL) means none. Without a
limit MAX_MONEY holds, beyond which 64-bit sums would not be exact.

Exposure counts marks, reservations count limit prices: a market order that walks past the touch it was reserved at, or a fill of an unknown
order, may carry a scope over a limit; the next order is denied then.
"""

from streams.kernel import NULL, Struct, Table
from streams.trading.codes import BUY
from streams.trading.risk_order import RiskInstrument, RiskOrder
from streams.trading.risk_rules import (
    COLLAR,
    CONCENTRATION,
    CORRELATED,
    DAILY_LOSS,
    DENY_BAD_FIELD,
    DENY_NO_REFERENCE_PRICE,
    DENY_UNKNOWN_ACCOUNT,
    DENY_UNKNOWN_INSTRUMENT,
    MAX_BPS,
    MAX_MONEY,
    NO_LIMIT,
    OK,
    ORDER_RATE,
    SECTOR,
)
from streams.trading.risk_scope import RiskLeaf, RiskNode
from streams.trading.token_bucket import NO_RATE

__all__ = ["RiskTree"]

_DAY_NS = 86_400_000_000_000


class RiskTree(Struct, align=64):
    """Scopes, their limits and sums; sizes: scopes, accounts, instruments, sectors, currencies, clusters.

    An account is a scope without children. Call `setup` once, then `set_instrument`, `set_parent`, `set_account` and `set_limit`; setters
    answer 1, or 0 where they refuse (numbers out of range, a cycle, a scope that already holds something).

    Result of the last check: code (DenyCode), scope that denied (-1 = none), limit_value and used_value (what the rule compared, the order
    included) in value_unit (0 none, 1 lots, 2 money, 3 count, 4 bps); approved_lots (0 = denied; less than asked = cut, then code, scope,
    limit and used say why), score (largest share of any limit used, 0 to 1; 1 when denied) and, where approved, reserve_px_ticks and
    reserve_lots: what the caller reserves, keeps with the order, and releases.

    Ranges: 0 < px_ticks < 2**38, 0 < qty_lots < 2**31, money |x| <= 2**59 (checked here); now_ns never decreases.
    """

    code: int
    scope: int
    limit_value: int
    used_value: int
    value_unit: int
    reserve_px_ticks: int
    reserve_lots: int
    approved_lots: int
    score: float
    day_end_ns: int
    order: RiskOrder
    nodes: Table[RiskNode, "scopes"]
    leaves: Table[RiskLeaf, "scopes * instruments"]
    instruments: Table[RiskInstrument, "instruments"]
    account_scope: Table[int, "accounts"]
    scope_account: Table[int, "scopes"]

    # ---- structure and limits ----
    def setup(self) -> None:
        """Empty the tree: no account has a scope."""
        for account in range(self.account_scope.n):
            self.account_scope[account] = -1
        for scope in range(self.nodes.n):
            self.scope_account[scope] = -1

    def set_instrument(self, instrument: int, money_per_tick_lot: int) -> int:
        """Say what one tick x one lot is worth in money units (> 0); refused while somebody holds or works the instrument."""
        if not (0 <= instrument < self.instruments.n and 0 < money_per_tick_lot < MAX_MONEY):
            return 0
        known = self.instruments[instrument]
        if known.money_per_tick_lot == money_per_tick_lot:
            return 1
        for account in range(self.account_scope.n):
            scope = self.account_scope[account]
            if scope >= 0 and self.leaf(scope, instrument).idle() == 0:
                return 0
        known.set(money_per_tick_lot)
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
        return 1

    def set_limit(self, scope: int, instrument: int, rule: int, value: int, interval_ns: int) -> int:
        """Set a limit; a negative value (NULL) takes it away.

        Units: ORDER_SIZE lots; LONG, SHORT lots with an instrument, money without (-1); COLLAR basis points; ORDER_NOTIONAL, GROSS,
        OPEN_NOTIONAL, DAILY_LOSS money; OPEN_ORDERS count; ORDER_RATE count per interval_ns. ORDER_SIZE and COLLAR without an instrument
        hold for every instrument, beside the instrument's own. The other rules take no instrument.
        """
        if not (0 <= scope < self.nodes.n and -1 <= instrument < self.instruments.n):
            return 0
        if value > (MAX_BPS if rule == COLLAR else MAX_MONEY):
            return 0
        limit = value if value >= 0 else NO_LIMIT
        if rule > DAILY_LOSS:
            return 1
        if instrument >= 0:
            return self.leaf(scope, instrument).set_limit(rule, limit)
        if rule == ORDER_RATE:
            return self.nodes[scope].rate.set(value if value >= 0 else NO_RATE, interval_ns)
        return self.nodes[scope].set_limit(rule, limit)

    def set_halted(self, scope: int, instrument: int, halted: int) -> int:
        """Halt (1) or resume (0) a scope, in one instrument or in all (-1)."""
        if not (0 <= scope < self.nodes.n and -1 <= instrument < self.instruments.n):
            return 0
        if instrument >= 0:
            self.leaf(scope, instrument).halted = halted
        else:
            self.nodes[scope].halted = halted
        return 1

    def set_reduce_only(self, scope: int, reduce_only: int) -> int:
        """Let only orders through that reduce the account's position (1), or all again (0)."""
        if not 0 <= scope < self.nodes.n:
            return 0
        self.nodes[scope].reduce_only = reduce_only
        return 1

    def set_group_limit(self, scope: int, rule: int, group: int, value: int) -> int:
        """Set the money limit of one SECTOR, CURRENCY or CORRELATED cluster (numbers of the dictionary); negative takes it away."""
        if not (0 <= scope < self.nodes.n and group >= 0 and SECTOR <= rule <= CORRELATED and rule != CONCENTRATION):
            return 0
        return 1 if value <= MAX_MONEY else 0

    def set_groups(self, instrument: int, sector: int, base: int, cluster: int, beta_e9: int) -> int:
        """Say which sector, base currency and cluster an instrument is in (-1 = none), and its beta x 10**9 in the cluster."""
        return 1 if 0 <= instrument < self.instruments.n and min(sector, base, cluster) >= -1 and abs(beta_e9) < 1 << 32 else 0

    def trip(self, scope: int, instrument: int, code: int) -> int:
        """Deny every NEW and REPLACE of a scope with this code, in one instrument or in all (-1), until `reset`."""
        return self.set_halted(scope, instrument, code)

    def reset(self, scope: int, instrument: int) -> int:
        """End what `trip` began."""
        return self.set_halted(scope, instrument, 0)

    def leaf(self, scope: int, instrument: int) -> RiskLeaf:
        """What a scope holds, works and may in one instrument."""
        return self.leaves[scope * self.instruments.n + instrument]

    # ---- checks ----
    def check(
        self,
        account: int,
        instrument: int,
        side: int,
        qty_lots: int,
        px_ticks: int,
        bid_ticks: int,
        ask_ticks: int,
        now_ns: int,
        min_lots: int,
    ) -> int:
        """DenyCode for a new order, OK = approved and a token taken on every scope. px_ticks NULL = market order; a touch that is no
        price (outside 1 .. 2**38 - 1) = none; min_lots: fewest lots the order may be cut to, qty_lots = never cut."""
        return self.decide(account, instrument, side, qty_lots, px_ticks, bid_ticks, ask_ticks, now_ns, qty_lots, 0, 0)

    def check_replace(
        self,
        account: int,
        instrument: int,
        side: int,
        qty_lots: int,
        px_ticks: int,
        bid_ticks: int,
        ask_ticks: int,
        now_ns: int,
        leaves_lots: int,
        reserved_px_ticks: int,
        reserved_lots: int,
        min_lots: int,
    ) -> int:
        """DenyCode for a new price and total quantity of a working order, of which leaves_lots would stay open.

        After OK the caller releases (reserved_px_ticks, reserved_lots) and reserves (reserve_px_ticks, reserve_lots): the worse of both
        until the venue has answered.
        """
        return self.decide(
            account, instrument, side, qty_lots, px_ticks, bid_ticks, ask_ticks, now_ns, leaves_lots, reserved_px_ticks, reserved_lots
        )

    def reducible_lots(self, account: int, instrument: int, side: int) -> int:
        """Lots that an order of this side may have and still only reduce the account's position, working orders counted first."""
        return max(0, self.leaf(self.account_scope[account], instrument).room_lots(side))

    def decide(
        self,
        account: int,
        instrument: int,
        side: int,
        qty_lots: int,
        px_ticks: int,
        bid_ticks: int,
        ask_ticks: int,
        now_ns: int,
        leaves_lots: int,
        reserved_px_ticks: int,
        reserved_lots: int,
    ) -> int:
        """What `check` and `check_replace` share: every scope is asked, and only then a token is taken from each."""
        self.on_time(now_ns)
        self.scope = -1
        order = self.order
        unknown = self.unknown(account, instrument)
        if unknown != OK:
            return self.tell(order.refuse(unknown))
        if order.ask(side, qty_lots, px_ticks, bid_ticks, ask_ticks, now_ns) == 0:
            return self.tell(order.refuse(DENY_NO_REFERENCE_PRICE))
        if order.weigh(self.instruments[instrument], leaves_lots, reserved_px_ticks, reserved_lots) == 0:
            return self.tell(order.refuse(DENY_BAD_FIELD))
        first = self.account_scope[account]
        order.reducing = 1 if self.leaf(first, instrument).room_lots(side) >= order.add_lots else 0
        scope = first
        while scope >= 0:
            node = self.nodes[scope]
            if node.check(order, self.leaf(scope, instrument)) != OK:
                node.denials += 1
                self.scope = scope
                return self.tell(order.code)
            scope = node.parent
        scope = first
        while scope >= 0:
            self.nodes[scope].rate.take(now_ns)
            scope = self.nodes[scope].parent
        return self.tell(order.approve())

    def unknown(self, account: int, instrument: int) -> int:
        """DenyCode where the account has no scope or the instrument no worth, OK if both are known."""
        if not 0 <= account < self.account_scope.n or self.account_scope[account] < 0:
            return DENY_UNKNOWN_ACCOUNT
        if not 0 <= instrument < self.instruments.n or self.instruments[instrument].money_per_tick_lot == 0:
            return DENY_UNKNOWN_INSTRUMENT
        return OK

    def tell(self, code: int) -> int:
        """Copy the order's answer to where callers read it; the code."""
        order = self.order
        self.code = code
        self.limit_value = order.limit_value
        self.used_value = order.used_value
        self.value_unit = order.value_unit
        self.reserve_px_ticks = order.reserve_px_ticks
        self.reserve_lots = order.reserve_lots
        self.approved_lots = order.qty_lots if code == OK else 0
        self.score = 0.0 if code == OK else 1.0
        return code

    # ---- what changes the sums ----
    def reserve(self, account: int, instrument: int, side: int, px_ticks: int, qty_lots: int, orders: int) -> None:
        """Hold room for lots that may fill, on every scope, before the venue has answered. orders: 1 for a NEW, 0 for a REPLACE."""
        self.work(account, instrument, side, px_ticks, qty_lots, 1, orders)

    def release(self, account: int, instrument: int, side: int, px_ticks: int, qty_lots: int, orders: int) -> None:
        """Give back room for lots that will not fill any more, at the price they were reserved at. orders: 1 when the order is done."""
        self.work(account, instrument, side, px_ticks, qty_lots, -1, -orders)

    def work(self, account: int, instrument: int, side: int, px_ticks: int, qty_lots: int, sign: int, orders: int) -> None:
        """Add sign x lots and `orders` orders to what works, from the account to the root."""
        money = sign * self.instruments[instrument].notional(px_ticks, qty_lots)
        scope = self.account_scope[account]
        while scope >= 0:
            self.leaf(scope, instrument).reserve(side, sign * qty_lots)
            self.nodes[scope].reserve(side, money, orders)
            scope = self.nodes[scope].parent

    def on_fill(
        self, account: int, instrument: int, side: int, px_ticks: int, qty_lots: int, fee: int, reserved_px_ticks: int, now_ns: int
    ) -> int:
        """Move filled lots from reserved to held; 1, or 0 for an account or instrument that is unknown here: then nothing changes.

        fee: money, negative = rebate; reserved_px_ticks: price they were reserved at, 0 = nothing was reserved. The order's count is
        released by the caller when the order is done.
        """
        if self.unknown(account, instrument) != OK:
            return 0
        self.on_time(now_ns)
        if reserved_px_ticks > 0:
            self.work(account, instrument, side, reserved_px_ticks, qty_lots, -1, 0)
        known = self.instruments[instrument]
        if known.mark2_ticks == 0:
            known.mark2_ticks = 2 * px_ticks  # no mark yet: worth what was paid
        signed = qty_lots if side == BUY else -qty_lots
        scope = self.account_scope[account]
        before = self.leaf(scope, instrument).net_lots
        known.holders += (1 if before + signed != 0 else 0) - (1 if before != 0 else 0)
        old_x2 = known.value_x2(before, known.mark2_ticks)
        new_x2 = known.value_x2(before + signed, known.mark2_ticks)
        won_x2 = known.value_x2(signed, known.mark2_ticks - 2 * px_ticks)
        above = scope
        while above >= 0:
            self.leaf(above, instrument).net_lots += signed
            above = self.nodes[above].parent
        self.revalue(scope, old_x2, new_x2, won_x2, fee)
        return 1

    def on_mark(self, instrument: int, mark2_ticks: int, now_ns: int) -> None:
        """Value every position in a known instrument at twice the mid, 0 < mark2_ticks < 2**39."""
        self.on_time(now_ns)
        known = self.instruments[instrument]
        old2_ticks = known.mark2_ticks
        if mark2_ticks == old2_ticks:
            return
        known.mark2_ticks = mark2_ticks
        if known.holders == 0:
            return
        for account in range(self.account_scope.n):
            scope = self.account_scope[account]
            if scope >= 0:
                lots = self.leaf(scope, instrument).net_lots
                won_x2 = known.value_x2(lots, mark2_ticks - old2_ticks)
                if lots != 0:
                    self.revalue(scope, known.value_x2(lots, old2_ticks), known.value_x2(lots, mark2_ticks), won_x2, 0)

    def on_message(self, account: int, now_ns: int) -> int:
        """Count one message to the venue (NEW, REPLACE, CANCEL) of an account; 0 where it is unknown."""
        self.on_time(now_ns)
        return 1 if 0 <= account < self.account_scope.n and self.account_scope[account] >= 0 else 0

    def on_funding(self, account: int, instrument: int, money: int, now_ns: int) -> int:
        """Book funding that an account received (negative: paid); 1, or 0 for an account or instrument that is unknown here."""
        if self.unknown(account, instrument) != OK:
            return 0
        self.on_time(now_ns)
        self.revalue(self.account_scope[account], 0, 0, 0, -money)
        return 1

    def on_time(self, now_ns: int) -> None:
        """Begin a new UTC day for DAILY_LOSS where `now_ns` lies in one. Called by every other event."""
        if now_ns >= self.day_end_ns:
            self.day_end_ns = (now_ns // _DAY_NS + 1) * _DAY_NS
            for scope in range(self.nodes.n):
                self.nodes[scope].day_start_pnl_x2 = self.nodes[scope].pnl_x2

    def revalue(self, scope: int, old_x2: int, new_x2: int, won_x2: int, fee: int) -> None:
        """Carry an account's position from one value to another, and what that won, up to the root; NULL = beyond exact sums."""
        exact = 1 if old_x2 != NULL and new_x2 != NULL and won_x2 != NULL and abs(fee) < MAX_MONEY else 0
        while scope >= 0:
            node = self.nodes[scope]
            if exact != 0:
                node.add(new_x2 - old_x2, abs(new_x2) - abs(old_x2), won_x2 - 2 * fee)
            else:
                node.inexact = 1
            scope = node.parent
