"""The risk tree: may this order be sent? Every rule on every scope from the account up to the firm, in a tree of any depth.

A check only compares: the sums that the rules need are kept up to date by `reserve`, `release`, `on_fill`, `on_mark`, `on_funding` and
`on_message`. Each scope checks the rules in this order, the account first and the root last; the first rule broken is the answer:

| rule              | what is compared with the limit (denied when greater)                                                  | unit       |
|-------------------|--------------------------------------------------------------------------------------------------------|------------|
| (halted)          | the scope, or the scope in this instrument, is halted                                                  |            |
| (tripped)         | a breaker has tripped the scope, or the scope in this instrument: its code                             |            |
| RESTRICTED *      | the instrument is on the restricted list                                                               | on, off    |
| REDUCE_ONLY *     | the order does more than reduce the account's position                                                 | on, off    |
| ORDER_SIZE *      | the order's quantity                                                                                   | lots       |
| ORDER_NOTIONAL    | price x quantity; a market order at the opposite touch                                                 | money      |
| COLLAR *          | how far a limit price lies beyond the opposite touch                                                   | bps        |
| LONG, SHORT * e   | position if every working order of that side and this one fill: per instrument, and in all             | lots, money|
| GROSS e           | sum of abs(position) at the marks + all working notional + this order                                  | money      |
| OPEN_ORDERS       | working orders with this one                                                                           | count      |
| OPEN_NOTIONAL     | working notional with this order                                                                       | money      |
| ORDER_RATE        | NEW and REPLACE in any interval                                                                        | count      |
| DAILY_LOSS e      | loss since midnight UTC: realized + unrealized at the marks + funding - fees                           | money      |
| NET * e           | as LONG and SHORT, one limit for both sides                                                            | lots, money|
| SECTOR e          | as GROSS, of the instruments of the order's sector                                                     | money      |
| CURRENCY e        | as LONG and SHORT in money, of the instruments with the order's base currency                          | money      |
| CONCENTRATION e   | as LONG and SHORT in money, of the order's instrument; limit: this share of CAPITAL + P&L              | bps        |
| CORRELATED e      | as LONG and SHORT in money, sum of beta x exposure over the instruments of the order's cluster         | money      |
| VAR e             | as GROSS, each instrument times its VAR_WEIGHT                                                         | money      |
| MESSAGES_PER_FILL | messages since midnight UTC with this one; limit: so many for each fill since then and for one to come | count      |
| DAILY_TRADES      | fills since midnight UTC, and one to come                                                              | count      |
| DAILY_VOLUME      | money of the fills since midnight UTC + working notional + this order                                  | money      |
| DRAWDOWN e        | how far the P&L of the run lies below its highest                                                      | money      |
| STOP_LOSS * e     | loss of the scope's position in the order's instrument since it was last flat or on the other side     | money      |
| MARGIN * e        | as GROSS, each instrument times its rate (the rule's value, bps); limit: CAPITAL + P&L                 | money      |
| LEVERAGE e        | as GROSS; limit: this multiple of CAPITAL + P&L (10,000 bps = 1)                                       | bps        |

With an asterisk: may be set in one instrument as well, and the tighter one holds (MARGIN: the instrument's own). With e: of exposure or
loss, never denied to an order that can only reduce the account's position in its instrument, all working orders of its side counted: it is
the way out. Kept numbers: CAPITAL (money, 0 where not set), VAR_WEIGHT * (bps; the scope's own for the instrument, else the scope's, else
the nearest above), REDUCE (on, off: orders of the accounts below are cut to the largest quantity within every limit rather than denied).

Limits of 0 are limits; only a negative value (NULL) means none. Without a limit MAX_MONEY holds for LONG, SHORT, GROSS and OPEN_NOTIONAL,
beyond which 64-bit sums would not be exact.

A REPLACE is checked for what it adds; a CANCEL is never checked. Not a false positive anywhere: within every limit means approved. VAR and
MARGIN round each instrument up to half a money unit, CORRELATED to a money unit; what CAPITAL + P&L allows is rounded down to half of one.
CONCENTRATION, MARGIN and LEVERAGE tell limit and used value in money.

Exposure counts marks, reservations count limit prices: a market order that walks past the touch it was reserved at, or a fill of an unknown
order, may carry a scope over a limit; the next order is denied then. Money is one currency throughout, linear in the price: an inverse
contract has no `money_per_tick_lot` and is an unknown instrument here.
"""

from streams.trading.risk_bound import larger
from streams.trading.risk_quick import RiskQuick
from streams.trading.risk_rules import DENY_BAD_FIELD, DENY_NO_REFERENCE_PRICE, NEVER, OK, REDUCE

__all__ = ["RiskTree"]


class RiskTree(RiskQuick, align=64):
    """Scopes, their limits and sums; sizes: scopes, accounts, instruments, sectors, currencies, clusters.

    An account is a scope without children. Call `setup` once, then `set_instrument`, `set_groups`, `set_parent`, `set_account`,
    `set_limit` and `set_group_limit`; setters answer 1, or 0 where they refuse (numbers out of range, a cycle, a scope that already
    holds something).

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

    # ---- what callers ask ----
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
        price (outside 1 .. 2**38 - 1) = none; min_lots: fewest lots the order may be cut to (REDUCE), qty_lots = never cut.

        A cut order is approved (approved_lots > 0) and answers the code of what was in its way."""
        return self.decide(account, instrument, side, qty_lots, px_ticks, bid_ticks, ask_ticks, now_ns, qty_lots, 0, 0, min_lots)

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
            account,
            instrument,
            side,
            qty_lots,
            px_ticks,
            bid_ticks,
            ask_ticks,
            now_ns,
            leaves_lots,
            reserved_px_ticks,
            reserved_lots,
            min_lots,
        )

    def reducible_lots(self, account: int, instrument: int, side: int) -> int:
        """Lots that an order of this side may have and still only reduce the account's position, working orders counted first."""
        return max(0, self.leaf(self.account_scope[account], instrument).room_lots(side))

    # ---- how it is decided ----
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
        min_lots: int,
    ) -> int:
        """What `check` and `check_replace` share: every scope is asked, and only then a token is taken from each."""
        self.on_time(now_ns)
        self.scope = -1
        self.approved_lots = 0
        self.score = 1.0
        order = self.order
        unknown = self.unknown(account, instrument)
        if unknown != OK:
            return self.tell(order.refuse(unknown))
        if order.ask(instrument, side, qty_lots, px_ticks, bid_ticks, ask_ticks, now_ns) == 0:
            return self.tell(order.refuse(DENY_NO_REFERENCE_PRICE))
        first = self.account_scope[account]
        code = self.examine(first, leaves_lots, reserved_px_ticks, reserved_lots)
        if code == OK:
            self.approved_lots = qty_lots
        elif self.scope >= 0:
            self.nodes[self.scope].denials += 1
            if min_lots < qty_lots and self.cuts(first) != 0:
                done_lots = qty_lots - leaves_lots
                self.approved_lots = self.cut(first, max(min_lots, done_lots + 1), done_lots, reserved_px_ticks, reserved_lots)
        if self.approved_lots > 0:
            self.take(first)
        return self.tell(code)

    def examine(self, first: int, leaves_lots: int, reserved_px_ticks: int, reserved_lots: int) -> int:
        """DenyCode of the order as it stands in `order`, asked of every scope from the account's up; score of it if OK. Changes no sum."""
        order = self.order
        if order.weigh(self.instruments[order.instrument], leaves_lots, reserved_px_ticks, reserved_lots) == 0:
            self.scope = -1
            return order.refuse(DENY_BAD_FIELD)
        order.reducing = 1 if self.leaf(first, order.instrument).room_lots(order.side) >= order.add_lots else 0
        order.opens = 1 if order.add_x2 > 0 and order.reducing == 0 else 0
        quick = self.allows(first)
        score = self.share_of_order(first)
        scope = first
        while scope >= 0:
            if not (quick and self.fits(scope)) and self.verdict(scope) != OK:
                self.scope = scope
                return order.code
            score = larger(score, self.share(scope))
            scope = self.nodes[scope].parent
        self.score = min(score, 1.0)
        return order.approve()

    def take(self, first: int) -> None:
        """Take a token on every scope from the account's up."""
        scope = first
        while scope >= 0:
            self.nodes[scope].rate.take(self.order.now_ns)
            scope = self.nodes[scope].parent

    def tell(self, code: int) -> int:
        """Copy the order's answer to where callers read it; the code."""
        order = self.order
        self.code = code
        self.limit_value = order.limit_value
        self.used_value = order.used_value
        self.value_unit = order.value_unit
        self.reserve_px_ticks = order.reserve_px_ticks
        self.reserve_lots = order.reserve_lots
        return code

    # ---- conditional approval ----
    def cuts(self, first: int) -> int:
        """1 where REDUCE is on in the account's scope or one above it."""
        scope = first
        while scope >= 0:
            if 0 < self.nodes[scope].limits[REDUCE] < NEVER:
                return 1
            scope = self.nodes[scope].parent
        return 0

    def cut(self, first: int, least_lots: int, done_lots: int, reserved_px_ticks: int, reserved_lots: int) -> int:
        """Largest quantity from least_lots on that every scope lets through, 0 if none; the order then has it and the answer is that of
        the quantity asked. Found by halving, for what is let through is let through smaller as well."""
        order = self.order
        code, scope = order.code, self.scope
        limit_value, used_value, value_unit = order.limit_value, order.used_value, order.value_unit
        low = least_lots - 1
        high = order.qty_lots
        while high - low > 1:
            order.qty_lots = least_lots if low < least_lots else (low + high) // 2
            if self.examine(first, order.qty_lots - done_lots, reserved_px_ticks, reserved_lots) == OK:
                low = order.qty_lots
            elif low < least_lots:
                break
            else:
                high = order.qty_lots
        found = low if low >= least_lots else 0
        if found > 0 and found != order.qty_lots:
            order.qty_lots = found
            self.examine(first, found - done_lots, reserved_px_ticks, reserved_lots)
        order.answer(code, limit_value, used_value, value_unit)
        self.scope = scope
        self.score = self.score if found > 0 else 1.0
        return found
