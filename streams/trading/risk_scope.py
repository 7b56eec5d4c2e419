"""What one scope of the risk tree (firm, desk, trader, account) holds: limits, the sums they bound, and the ten rules that compare them."""

from streams.kernel import NULL, Struct
from streams.trading.codes import BUY
from streams.trading.risk_order import RiskOrder
from streams.trading.risk_rules import (
    COLLAR,
    DAILY_LOSS,
    DENY_COLLAR,
    DENY_DAILY_LOSS,
    DENY_GROSS,
    DENY_HALTED,
    DENY_LONG,
    DENY_NO_REFERENCE_PRICE,
    DENY_OPEN_NOTIONAL,
    DENY_OPEN_ORDERS,
    DENY_ORDER_NOTIONAL,
    DENY_ORDER_RATE,
    DENY_ORDER_SIZE,
    DENY_SHORT,
    GROSS,
    LONG,
    MAX_MONEY,
    NO_LIMIT,
    OK,
    OPEN_NOTIONAL,
    OPEN_ORDERS,
    ORDER_NOTIONAL,
    ORDER_SIZE,
    SHORT,
    UNIT_BPS,
    UNIT_COUNT,
    UNIT_LOTS,
    UNIT_MONEY,
)
from streams.trading.token_bucket import TokenBucket

__all__ = ["RiskLeaf", "RiskNode"]


class RiskLeaf(Struct, align=64):
    """One scope in one instrument, in lots: what it holds, what it has working, and its limits.

    net_lots, |net_lots| < 2**59; open_buy_lots, open_sell_lots >= 0: lots that working orders may still fill.
    """

    net_lots: int
    open_buy_lots: int
    open_sell_lots: int
    limit_order_size_lots: int = NO_LIMIT
    limit_long_lots: int = NO_LIMIT
    limit_short_lots: int = NO_LIMIT
    limit_collar_bps: int = NO_LIMIT
    halted: int

    def set_limit(self, rule: int, limit: int) -> int:
        """Set a limit in lots (COLLAR: basis points); 0 for a rule that has none per instrument."""
        if rule == ORDER_SIZE:
            self.limit_order_size_lots = limit
        elif rule == LONG:
            self.limit_long_lots = limit
        elif rule == SHORT:
            self.limit_short_lots = limit
        elif rule == COLLAR:
            self.limit_collar_bps = limit
        else:
            return 0
        return 1

    def idle(self) -> int:
        """1 where nothing is held and nothing works."""
        return 1 if self.net_lots == 0 and self.open_buy_lots == 0 and self.open_sell_lots == 0 else 0

    def room_lots(self, side: int) -> int:
        """Lots held on the other side that no working order of this side covers yet; negative or 0 = none."""
        return -self.net_lots - self.open_buy_lots if side == BUY else self.net_lots - self.open_sell_lots

    def reserve(self, side: int, lots: int) -> None:
        """Add lots to what works (negative: take away)."""
        if side == BUY:
            self.open_buy_lots += lots
        else:
            self.open_sell_lots += lots


class RiskNode(Struct, align=64):
    """One scope over all its instruments, in money.

    parent            : scope above, -1 = root
    halted            : 1 = every NEW and REPLACE is denied
    reduce_only       : 1 = only orders that reduce the account's position pass
    inexact           : 1 = a sum left its range (2**60 half money units); the scope stays halted, for its sums are no longer exact
    open_orders       : orders that may still fill
    open_buy_notional, open_sell_notional : reserved by them, money
    net_x2, gross_x2  : exposure at the marks, twice the money: sum over accounts and instruments of q x mark2, and of |q| x mark2
    pnl_x2            : twice the P&L: realized + unrealized at the marks - fees, since the run began
    day_start_pnl_x2  : pnl_x2 when the UTC day began
    denials           : orders denied by this scope
    """

    parent: int = -1
    halted: int
    reduce_only: int
    inexact: int
    open_orders: int
    open_buy_notional: int
    open_sell_notional: int
    net_x2: int
    gross_x2: int
    pnl_x2: int
    day_start_pnl_x2: int
    limit_order_size_lots: int = NO_LIMIT
    limit_collar_bps: int = NO_LIMIT
    limit_order_notional: int = NO_LIMIT
    limit_long: int = NO_LIMIT
    limit_short: int = NO_LIMIT
    limit_gross: int = NO_LIMIT
    limit_open_orders: int = NO_LIMIT
    limit_open_notional: int = NO_LIMIT
    limit_daily_loss: int = NO_LIMIT
    denials: int
    rate: TokenBucket

    # ---- limits and sums ----
    def set_limit(self, rule: int, limit: int) -> int:
        """Set a limit over all instruments; 0 for an unknown rule (the rate is set in `rate`)."""
        if rule == ORDER_SIZE:
            self.limit_order_size_lots = limit
        elif rule == ORDER_NOTIONAL:
            self.limit_order_notional = limit
        elif rule == COLLAR:
            self.limit_collar_bps = limit
        elif rule == LONG:
            self.limit_long = limit
        elif rule == SHORT:
            self.limit_short = limit
        elif rule == GROSS:
            self.limit_gross = limit
        elif rule == OPEN_ORDERS:
            self.limit_open_orders = limit
        elif rule == OPEN_NOTIONAL:
            self.limit_open_notional = limit
        elif rule == DAILY_LOSS:
            self.limit_daily_loss = limit
        else:
            return 0
        return 1

    def idle(self) -> int:
        """1 where nothing is held, working or earned: the scope may move in the tree."""
        busy = self.open_orders | self.open_buy_notional | self.open_sell_notional | self.gross_x2 | self.pnl_x2 | self.inexact
        return 1 if busy == 0 else 0

    def reserve(self, side: int, money: int, orders: int) -> None:
        """Add money and orders to what works (negative: take away)."""
        self.open_orders += orders
        if side == BUY:
            self.open_buy_notional += money
        else:
            self.open_sell_notional += money

    def add(self, net_x2: int, gross_x2: int, pnl_x2: int) -> None:
        """Add to exposure and P&L; beyond their range the scope halts, for compiled integers would wrap."""
        net = self.net_x2 + net_x2
        gross = self.gross_x2 + gross_x2
        pnl = self.pnl_x2 + pnl_x2
        if abs(net) > 2 * MAX_MONEY or gross > 2 * MAX_MONEY or abs(pnl) > 2 * MAX_MONEY:
            self.inexact = 1
            return
        self.net_x2 = net
        self.gross_x2 = gross
        self.pnl_x2 = pnl

    # ---- the rules, in their declared order ----
    def check(self, order: RiskOrder, leaf: RiskLeaf) -> int:
        """DenyCode of the first rule that the order breaks, OK if none; limit and used value stand in the order."""
        if self.halted != 0 or leaf.halted != 0 or self.inexact != 0 or (self.reduce_only != 0 and order.reducing == 0):
            return order.refuse(DENY_HALTED)
        size_lots = min(leaf.limit_order_size_lots, self.limit_order_size_lots)
        if order.qty_lots > size_lots:
            return order.answer(DENY_ORDER_SIZE, size_lots, order.qty_lots, UNIT_LOTS)
        if order.notional > self.limit_order_notional:
            return order.answer(DENY_ORDER_NOTIONAL, self.limit_order_notional, order.notional, UNIT_MONEY)
        code = self.check_collar(order, min(leaf.limit_collar_bps, self.limit_collar_bps))
        if code == OK:
            code = self.check_long(order, leaf) if order.side == BUY else self.check_short(order, leaf)
        if code == OK:
            code = self.check_totals(order)
        return code

    def check_collar(self, order: RiskOrder, collar_bps: int) -> int:
        """COLLAR; a limit price that has nothing to be compared with is denied as well."""
        if collar_bps == NO_LIMIT or order.limit == 0:
            return OK
        touch = order.touch_ticks
        if touch == NULL:
            return order.refuse(DENY_NO_REFERENCE_PRICE)
        beyond = order.px_ticks - touch if order.side == BUY else touch - order.px_ticks
        if beyond * 10_000 > touch * collar_bps:
            return order.answer(DENY_COLLAR, collar_bps, -(-beyond * 10_000 // touch), UNIT_BPS)
        return OK

    def check_long(self, order: RiskOrder, leaf: RiskLeaf) -> int:
        """LONG, in lots and in money."""
        lots = leaf.net_lots + leaf.open_buy_lots + order.add_lots
        if order.add_lots > 0 and lots > leaf.limit_long_lots:
            return order.answer(DENY_LONG, leaf.limit_long_lots, lots, UNIT_LOTS)
        money_x2 = self.net_x2 + 2 * (self.open_buy_notional + order.add_notional)
        if order.add_notional > 0 and money_x2 > 2 * self.limit_long:
            return order.answer(DENY_LONG, self.limit_long, (money_x2 + 1) // 2, UNIT_MONEY)
        return OK

    def check_short(self, order: RiskOrder, leaf: RiskLeaf) -> int:
        """SHORT, in lots and in money."""
        lots = leaf.open_sell_lots - leaf.net_lots + order.add_lots
        if order.add_lots > 0 and lots > leaf.limit_short_lots:
            return order.answer(DENY_SHORT, leaf.limit_short_lots, lots, UNIT_LOTS)
        money_x2 = 2 * (self.open_sell_notional + order.add_notional) - self.net_x2
        if order.add_notional > 0 and money_x2 > 2 * self.limit_short:
            return order.answer(DENY_SHORT, self.limit_short, (money_x2 + 1) // 2, UNIT_MONEY)
        return OK

    def check_totals(self, order: RiskOrder) -> int:
        """GROSS, OPEN_ORDERS, OPEN_NOTIONAL, ORDER_RATE, DAILY_LOSS."""
        open_notional = self.open_buy_notional + self.open_sell_notional + order.add_notional
        gross_x2 = self.gross_x2 + 2 * open_notional
        if order.add_notional > 0 and order.reducing == 0 and gross_x2 > 2 * self.limit_gross:
            return order.answer(DENY_GROSS, self.limit_gross, (gross_x2 + 1) // 2, UNIT_MONEY)
        if order.add_orders > 0 and self.open_orders + 1 > self.limit_open_orders:
            return order.answer(DENY_OPEN_ORDERS, self.limit_open_orders, self.open_orders + 1, UNIT_COUNT)
        if order.add_notional > 0 and open_notional > self.limit_open_notional:
            return order.answer(DENY_OPEN_NOTIONAL, self.limit_open_notional, open_notional, UNIT_MONEY)
        if self.rate.allows(order.now_ns) == 0:
            return order.answer(DENY_ORDER_RATE, self.rate.count, self.rate.count + 1, UNIT_COUNT)
        loss_x2 = self.day_start_pnl_x2 - self.pnl_x2
        if order.reducing == 0 and loss_x2 > 2 * self.limit_daily_loss:
            return order.answer(DENY_DAILY_LOSS, self.limit_daily_loss, (loss_x2 + 1) // 2, UNIT_MONEY)
        return OK
