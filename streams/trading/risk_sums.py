"""What changes the sums of the risk tree: working orders, fills, marks, funding, messages and the day."""

from streams.kernel import NULL
from streams.trading.codes import BUY
from streams.trading.risk_bound import beta_share
from streams.trading.risk_instrument import RiskInstrument
from streams.trading.risk_leaf import RiskLeaf
from streams.trading.risk_limits import RiskLimits
from streams.trading.risk_rules import DENY_UNKNOWN_ACCOUNT, DENY_UNKNOWN_INSTRUMENT, MAX_MONEY, OK

__all__ = ["RiskSums"]

_DAY_NS = 86_400_000_000_000
_MOST_X2 = 4 * MAX_MONEY  # largest `gross`: positions and working orders, each up to 2 x MAX_MONEY half units


class RiskSums(RiskLimits, align=64):
    """Limits and the sums that they bound. Every change walks from the account to the root; nothing is ever added up anew.

    day_end_ns : midnight UTC at which the daily sums begin again
    """

    day_end_ns: int

    def unknown(self, account: int, instrument: int) -> int:
        """DenyCode where the account has no scope or the instrument no worth, OK if both are known."""
        if not 0 <= account < self.account_scope.n or self.account_scope[account] < 0:
            return DENY_UNKNOWN_ACCOUNT
        if not 0 <= instrument < self.instruments.n or self.instruments[instrument].money_per_tick_lot == 0:
            return DENY_UNKNOWN_INSTRUMENT
        return OK

    # ---- working orders ----
    def reserve(self, account: int, instrument: int, side: int, px_ticks: int, qty_lots: int, orders: int) -> None:
        """Hold room for lots that may fill, on every scope, before the venue has answered. orders: 1 for a NEW, 0 for a REPLACE."""
        self.work(account, instrument, side, px_ticks, qty_lots, 1, orders)

    def release(self, account: int, instrument: int, side: int, px_ticks: int, qty_lots: int, orders: int) -> None:
        """Give back room for lots that will not fill any more, at the price they were reserved at. orders: 1 when the order is done."""
        self.work(account, instrument, side, px_ticks, qty_lots, -1, -orders)

    def work(self, account: int, instrument: int, side: int, px_ticks: int, qty_lots: int, sign: int, orders: int) -> None:
        """Add sign x lots and `orders` orders to what works, from the account to the root."""
        money_x2 = 2 * sign * self.instruments[instrument].notional(px_ticks, qty_lots)
        scope = self.account_scope[account]
        while scope >= 0:
            node = self.nodes[scope]
            self.leaf(scope, instrument).lots[side].used += sign * qty_lots
            node.orders.used += orders
            node.open.used += money_x2
            if side == BUY:
                self.shift(scope, instrument, money_x2, 0, money_x2)
            else:
                self.shift(scope, instrument, 0, money_x2, money_x2)
            scope = node.parent

    # ---- fills, marks, funding ----
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
        if before == 0:
            self.join(known, instrument, scope)
        elif before + signed == 0:
            self.part(known, instrument, scope)
        old_x2 = known.value_x2(before, known.mark2_ticks)
        new_x2 = known.value_x2(before + signed, known.mark2_ticks)
        won_x2 = known.value_x2(signed, known.mark2_ticks - 2 * px_ticks)
        money = known.notional(px_ticks, qty_lots)
        money_x2 = 2 * money if money >= 0 else _MOST_X2
        above = scope
        while above >= 0:
            node = self.nodes[above]
            held = self.leaf(above, instrument).net_lots
            self.leaf(above, instrument).hold(signed)
            self.revalue(above, instrument, old_x2, new_x2, won_x2)
            self.reopen(above, instrument, held, px_ticks)
            node.trade(money_x2)
            node.earn(-2 * fee if abs(fee) < MAX_MONEY else _MOST_X2)
            node.settle()
            above = node.parent
        return 1

    def on_mark(self, instrument: int, mark2_ticks: int, now_ns: int) -> None:
        """Value every position in a known instrument at twice the mid, 0 < mark2_ticks < 2**39.

        Only the accounts that hold it are walked, whatever else they hold. The P&L settles after all of them: a peak in between, when one
        side of a desk is valued and the other is not, never was.
        """
        self.on_time(now_ns)
        known = self.instruments[instrument]
        old2_ticks = known.mark2_ticks
        if mark2_ticks == old2_ticks:
            return
        known.mark2_ticks = mark2_ticks
        holder = known.first_holder
        while holder >= 0:
            lots = self.leaf(holder, instrument).net_lots
            old_x2 = known.value_x2(lots, old2_ticks)
            new_x2 = known.value_x2(lots, mark2_ticks)
            won_x2 = known.value_x2(lots, mark2_ticks - old2_ticks)
            above = holder
            while above >= 0:
                self.revalue(above, instrument, old_x2, new_x2, won_x2)
                above = self.nodes[above].parent
            holder = self.leaf(holder, instrument).next_holder
        holder = known.first_holder
        while holder >= 0:
            self.settle(holder)
            holder = self.leaf(holder, instrument).next_holder

    def on_funding(self, account: int, instrument: int, money: int, now_ns: int) -> int:
        """Book funding that an account received (negative: paid); 1, or 0 for an account or instrument that is unknown here."""
        if self.unknown(account, instrument) != OK:
            return 0
        self.on_time(now_ns)
        scope = self.account_scope[account]
        above = scope
        while above >= 0:
            self.nodes[above].earn(2 * money if abs(money) < MAX_MONEY else _MOST_X2)
            above = self.nodes[above].parent
        self.settle(scope)
        return 1

    def settle(self, scope: int) -> None:
        """Let losses, peaks and what depends on CAPITAL + P&L follow, from a scope to the root."""
        while scope >= 0:
            self.nodes[scope].settle()
            scope = self.nodes[scope].parent

    # ---- messages and the day ----
    def on_message(self, account: int, now_ns: int) -> int:
        """Count one message to the venue (NEW, REPLACE, CANCEL) of an account; 0 where it is unknown."""
        self.on_time(now_ns)
        if not 0 <= account < self.account_scope.n or self.account_scope[account] < 0:
            return 0
        scope = self.account_scope[account]
        while scope >= 0:
            self.nodes[scope].message()
            scope = self.nodes[scope].parent
        return 1

    def on_time(self, now_ns: int) -> None:
        """Begin a new UTC day where `now_ns` lies in one. Called by every other event."""
        if now_ns >= self.day_end_ns:
            self.day_end_ns = (now_ns // _DAY_NS + 1) * _DAY_NS
            for scope in range(self.nodes.n):
                self.nodes[scope].begin_day()

    # ---- one scope ----
    def revalue(self, scope: int, instrument: int, old_x2: int, new_x2: int, won_x2: int) -> None:
        """Carry an account's position from one value to another, and what that won; NULL = beyond exact sums."""
        node = self.nodes[scope]
        if old_x2 == NULL or new_x2 == NULL or won_x2 == NULL:
            node.spoil()
            return
        self.shift(scope, instrument, new_x2 - old_x2, old_x2 - new_x2, abs(new_x2) - abs(old_x2))
        if node.inexact == 0:
            node.earn(won_x2)
            leaf = self.leaf(scope, instrument)
            leaf.lose(leaf.loss.used - won_x2)

    def reopen(self, scope: int, instrument: int, held_lots: int, px_ticks: int) -> None:
        """Begin the loss of a position anew where a fill closed it or turned it to the other side."""
        leaf = self.leaf(scope, instrument)
        if leaf.net_lots == 0:
            leaf.lose(0)
        elif held_lots != 0 and (held_lots > 0) != (leaf.net_lots > 0):
            known = self.instruments[instrument]
            won_x2 = known.value_x2(leaf.net_lots, known.mark2_ticks - 2 * px_ticks)
            if won_x2 == NULL:
                self.nodes[scope].spoil()
            else:
                leaf.lose(-won_x2)

    def shift(self, scope: int, instrument: int, buy_x2: int, sell_x2: int, gross_x2: int) -> None:
        """Add to a scope's exposure on each side and in all, in its groups and by its weights; beyond their range the scope halts."""
        node = self.nodes[scope]
        gross = node.gross.used + gross_x2
        if node.inexact != 0 or gross > _MOST_X2:
            node.spoil()
            return
        node.gross.used = gross
        node.sides[0].used += buy_x2
        node.sides[1].used += sell_x2
        leaf = self.leaf(scope, instrument)
        leaf.gross_x2 += gross_x2
        leaf.side_x2[0] += buy_x2
        leaf.side_x2[1] += sell_x2
        known = self.instruments[instrument]
        if known.sector >= 0:
            self.sector(scope, known.sector).used += gross_x2
        if known.base >= 0:
            self.currency(scope, known.base, 0).used += buy_x2
            self.currency(scope, known.base, 1).used += sell_x2
        if known.cluster >= 0:
            if buy_x2 != 0:
                self.correlate(scope, known, leaf, 0)
            if sell_x2 != 0:
                self.correlate(scope, known, leaf, 1)
        if (leaf.var_bps | leaf.margin_bps) != 0:
            node.var.used -= leaf.var_x2
            node.margin.used -= leaf.margin_x2
            leaf.weigh()
            node.var.used += leaf.var_x2
            node.margin.used += leaf.margin_x2

    def correlate(self, scope: int, known: RiskInstrument, leaf: RiskLeaf, side: int) -> None:
        """Follow one side of a leaf in its cluster."""
        share = beta_share(leaf.side_x2[side], abs(known.beta_e9))
        self.cluster(scope, known.cluster, known.beta_side(side)).used += share - leaf.beta[side]
        leaf.beta[side] = share

    def join(self, known: RiskInstrument, instrument: int, scope: int) -> None:
        """Put an account's scope before the first holder of an instrument."""
        leaf = self.leaf(scope, instrument)
        leaf.next_holder = known.first_holder
        leaf.prev_holder = -1
        if known.first_holder >= 0:
            self.leaf(known.first_holder, instrument).prev_holder = scope
        known.first_holder = scope

    def part(self, known: RiskInstrument, instrument: int, scope: int) -> None:
        """Take an account's scope out of the holders of an instrument."""
        leaf = self.leaf(scope, instrument)
        if leaf.next_holder >= 0:
            self.leaf(leaf.next_holder, instrument).prev_holder = leaf.prev_holder
        if leaf.prev_holder >= 0:
            self.leaf(leaf.prev_holder, instrument).next_holder = leaf.next_holder
        else:
            known.first_holder = leaf.next_holder
        leaf.next_holder = -1
        leaf.prev_holder = -1
