"""The risk tree written to be obviously right: lists of working orders, fills, marks and messages, every sum worked out anew at every
question, money in fractions, the largest quantity found by trying every one."""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from streams.records import DenyCode, Rule

DAY_NS = 86_400_000_000_000
MAX_MONEY = 1 << 59
NONE, LOTS, MONEY, COUNT, BPS = range(5)
BUY, SELL = 0, 1
FLAGS = (Rule.RESTRICTED, Rule.REDUCE_ONLY, Rule.REDUCE)


@dataclass
class Order:
    """What is asked. px None = market; old: the working order that a replace changes, leaves: its lots that would stay open."""

    account: int
    instrument: int
    side: int
    qty: int
    px: int | None
    bid: int | None
    ask: int | None
    now_ns: int
    leaves: int
    old: list | None

    def touch(self):
        return self.ask if self.side == BUY else self.bid

    def price(self):
        return self.touch() if self.px is None else self.px

    def with_qty(self, qty):
        leaves = self.leaves - (self.qty - qty)
        return Order(self.account, self.instrument, self.side, qty, self.px, self.bid, self.ask, self.now_ns, leaves, self.old)

    def worst(self):
        """Price and lots that it may have to answer for until the venue has answered."""
        if self.old is None:
            return self.price(), self.leaves
        return max(self.price(), self.old[3]), max(self.leaves, self.old[4])


class SlowRisk:
    """Scopes hang in `parents`; money in units, prices in ticks, quantities in lots."""

    def __init__(self, parents, account_scope, units):
        self.parents, self.account_scope, self.units = list(parents), account_scope, units
        self.limits = {}  # (scope, instrument or -1, rule) -> value
        self.group_limits = {}  # (scope, rule, group) -> value
        self.groups = dict.fromkeys(range(len(units)), (-1, -1, -1, 0))  # instrument -> sector, base, cluster, beta_e9
        self.rates = {}  # scope -> (count, interval_ns, [times: full at the first, a token taken at each other])
        self.halted = set()  # (scope, instrument or -1)
        self.tripped = {}  # (scope, instrument or -1) -> code
        self.working = {}  # key -> [account, instrument, side, px, lots]
        self.fills = []  # (day, account, instrument, side, px, lots, fee)
        self.funding = []  # (account, money)
        self.messages = []  # (day, account)
        self.marks = {}  # instrument -> mark
        self.day = None
        self.day_start = {}
        self.peak = [Fraction(0)] * len(parents)

    # ---- what happened ----
    def on_time(self, now_ns):
        if self.day is None or now_ns // DAY_NS > self.day:
            self.day = now_ns // DAY_NS
            self.day_start = {scope: self.pnl(scope) for scope in range(len(self.parents))}

    def set_limit(self, scope, instrument, rule, value, interval_ns):
        if rule == Rule.ORDER_RATE:
            self.rates.pop(scope, None)
            if value >= 0:
                self.rates[scope] = (value, interval_ns, [])
        elif value < 0 or (rule in FLAGS and value == 0):
            self.limits.pop((scope, instrument, rule), None)
        else:
            self.limits[scope, instrument, rule] = value

    def set_group_limit(self, scope, rule, group, value):
        self.group_limits.pop((scope, rule, group), None)
        if value >= 0:
            self.group_limits[scope, rule, group] = value

    def fill(self, account, instrument, side, px, lots, fee):
        self.marks.setdefault(instrument, Fraction(px))
        self.fills.append((self.day, account, instrument, side, px, lots, fee))
        self.follow()

    def mark(self, instrument, mark):
        self.marks[instrument] = mark
        self.follow()

    def fund(self, account, money):
        self.funding.append((account, money))
        self.follow()

    def follow(self):
        self.peak = [max(peak, self.pnl(scope)) for scope, peak in enumerate(self.peak)]

    # ---- sums, from scratch ----
    def chain(self, account):
        scope = self.account_scope[account]
        while scope >= 0:
            yield scope
            scope = self.parents[scope]

    def accounts(self, scope):
        return [a for a in range(len(self.account_scope)) if scope in self.chain(a)]

    def net(self, account, instrument):
        return sum(lots if side == BUY else -lots for _, a, i, side, _, lots, _ in self.fills if (a, i) == (account, instrument))

    def value(self, account, instrument):
        lots = self.net(account, instrument)
        return lots * self.marks[instrument] * self.units[instrument] if lots else Fraction(0)

    def net_value(self, scope, instruments):
        return sum((self.value(a, i) for a in self.accounts(scope) for i in instruments), Fraction(0))

    def open(self, scope, instruments=None, side=None):
        mine = self.accounts(scope)
        return [
            w
            for w in self.working.values()
            if w[0] in mine and (instruments is None or w[1] in instruments) and (side is None or w[2] == side)
        ]

    def money(self, orders):
        return sum(px * lots * self.units[i] for _, i, _, px, lots in orders)

    def gross(self, scope, instruments):
        held = sum((abs(self.value(a, i)) for a in self.accounts(scope) for i in instruments), Fraction(0))
        return held + self.money(self.open(scope, instruments))

    def side_exposure(self, scope, instruments, side):
        """What the scope would have on a side if everything working of that side filled."""
        sign = 1 if side == BUY else -1
        return sign * self.net_value(scope, instruments) + self.money(self.open(scope, instruments, side))

    def pnl(self, scope):
        mine = self.accounts(scope)
        total = Fraction(sum(money for account, money in self.funding if account in mine))
        for _, account, instrument, side, px, lots, fee in self.fills:
            if account in mine:
                signed = lots if side == BUY else -lots
                total += signed * (self.marks[instrument] - px) * self.units[instrument] - fee
        return total

    def open_loss(self, scope, instrument):
        """Loss of the position that the scope holds, since it was flat or on the other side."""
        net, opened = 0, []
        for _, account, i, side, px, lots, _ in self.fills:
            if i == instrument and account in self.accounts(scope):
                signed = lots if side == BUY else -lots
                before, net = net, net + signed
                if before * net < 0:
                    opened = [(net, px)]
                elif net == 0:
                    opened = []
                else:
                    opened.append((signed, px))
        return -sum((lots * (self.marks[instrument] - px) * self.units[instrument] for lots, px in opened), Fraction(0))

    def tokens(self, scope, now_ns):
        """Tokens in exact fractions, by following the bucket from when it was full."""
        count, interval, times = self.rates[scope]
        tokens, at = Fraction(count), None
        for t in times:
            if at is not None:
                tokens = min(Fraction(count), tokens + Fraction((t - at) * count, interval))
            tokens, at = tokens - 1, t
        return tokens if at is None else min(Fraction(count), tokens + Fraction((now_ns - at) * count, interval))

    def limit(self, scope, rule, instrument=-1):
        return self.limits.get((scope, instrument, rule))

    def tightest(self, scope, rule, instrument):
        set_ones = [x for x in (self.limit(scope, rule), self.limit(scope, rule, instrument)) if x is not None]
        return min(set_ones, default=None)

    def var_weight(self, scope, instrument):
        while scope >= 0:
            for i in (instrument, -1):
                if self.limit(scope, Rule.VAR_WEIGHT, i) is not None:
                    return self.limit(scope, Rule.VAR_WEIGHT, i)
            scope = self.parents[scope]
        return 0

    def margin_rate(self, scope, instrument):
        own = self.limit(scope, Rule.MARGIN, instrument)
        return own if own is not None else self.limit(scope, Rule.MARGIN) or 0

    def has_margin(self, scope):
        return any(s == scope and rule == Rule.MARGIN for s, _, rule in self.limits)

    def equity(self, scope):
        return (self.limit(scope, Rule.CAPITAL) or 0) + self.pnl(scope)

    def weighed(self, scope, weight, instrument=None, add=0):
        """Gross exposures by their weights in basis points, each instrument's rounded up to half a money unit."""
        total = Fraction(0)
        for i in range(len(self.units)):
            gross = self.gross(scope, [i]) + (add if i == instrument else 0)
            total += Fraction(ceil(2 * gross * weight(scope, i) / 10_000), 2)
        return total

    def correlated(self, scope, cluster, up, instrument=None, side=None, add=0):
        """Sum of |beta| x exposure on the side that goes up (or down) with the cluster, each instrument's rounded up to a money unit."""
        total = 0
        for i, (_, _, c, beta_e9) in self.groups.items():
            if c == cluster:
                mine = (BUY if beta_e9 >= 0 else SELL) if up else (SELL if beta_e9 >= 0 else BUY)
                exposure = self.side_exposure(scope, [i], mine) + (add if (i, mine) == (instrument, side) else 0)
                total += ceil(exposure * abs(beta_e9) / Fraction(10**9))
        return total

    # ---- the question ----
    def check(self, order, min_lots):
        """(code, scope, limit, used, unit), approved lots, score."""
        self.on_time(order.now_ns)
        answer, score = self.decide(order)
        approved = order.qty if answer[0] == DenyCode.OK else 0
        cut = any(self.limit(scope, Rule.REDUCE) for scope in self.chain(order.account))
        if not approved and answer[1] >= 0 and cut:
            for qty in range(order.qty - 1, max(min_lots, order.qty - order.leaves + 1) - 1, -1):
                smaller, score = self.decide(order.with_qty(qty))
                if smaller[0] == DenyCode.OK:
                    approved = qty
                    break
        if approved:
            for scope in self.chain(order.account):
                if scope in self.rates:
                    self.rates[scope][2].append(order.now_ns)
        return answer, approved, score if approved else 1

    def decide(self, order):
        """(code, scope, limit, used, unit) and score, nothing taken."""
        if order.price() is None:
            return (DenyCode.NO_REFERENCE_PRICE, -1, 0, 0, NONE), 1
        unit = self.units[order.instrument]
        px, lots = order.worst()
        if not (0 < order.qty < 1 << 31 and 0 < order.price() < 1 << 38):
            return (DenyCode.BAD_FIELD, -1, 0, 0, NONE), 1
        if max(order.price() * order.qty, px * lots) > MAX_MONEY // unit:
            return (DenyCode.BAD_FIELD, -1, 0, 0, NONE), 1
        score = Fraction(0)
        for scope in self.chain(order.account):
            for code, limit, used, value_unit, *unrounded in self.rules(scope, order):
                if limit is None or used > limit:
                    return (code, scope, floor(limit or 0), ceil(used or 0), value_unit), 1
                if limit > 0:
                    score = max(score, Fraction(*unrounded or (used,)) / limit)
        return (DenyCode.OK, -1, 0, 0, NONE), min(score, 1)

    def broken(self, order):
        """Every (code, scope) that the order breaks, in the declared order."""
        return [
            (code, scope)
            for scope in self.chain(order.account)
            for code, limit, used, *_ in self.rules(scope, order)
            if limit is None or used > limit
        ]

    def reducing(self, order, add_lots):
        """Whether with every working order of its side it still only reduces the account's position."""
        account, instrument, side = order.account, order.instrument, order.side
        against = -self.net(account, instrument) if side == BUY else self.net(account, instrument)
        own = [w for w in self.working.values() if w[:3] == [account, instrument, side]]
        return against - sum(w[4] for w in own) >= add_lots

    def rules(self, scope, order):
        """(code, limit, used, unit) of every rule that is asked, limits that are not set left out; limit None = denied whatever is used."""
        instrument, side, _qty = order.instrument, order.side, order.qty
        px, lots = order.worst()
        add_lots, add = lots, px * lots * self.units[instrument]
        if order.old is not None:
            add_lots, add = lots - order.old[4], add - order.old[3] * order.old[4] * self.units[instrument]
        reducing = self.reducing(order, add_lots)
        opens = add > 0 and not reducing
        yield from (*self.gates(scope, instrument, reducing), *self.order_rules(scope, order))
        every = range(len(self.units))
        code, rule = (DenyCode.LONG, Rule.LONG) if side == BUY else (DenyCode.SHORT, Rule.SHORT)
        net = self.net_lots(scope, instrument, side) + add_lots
        money = self.side_exposure(scope, every, side) + add
        gross = self.gross(scope, every) + add
        working = self.open(scope)
        if opens and add_lots > 0:
            yield from limited(code, self.limit(scope, rule, instrument), net, LOTS)
        if opens:
            yield bounded(code, self.limit(scope, rule), money)
            yield bounded(DenyCode.GROSS, self.limit(scope, Rule.GROSS), gross)
        if order.old is None:
            yield from limited(DenyCode.OPEN_ORDERS, self.limit(scope, Rule.OPEN_ORDERS), len(working) + 1, COUNT)
        if add > 0:
            yield bounded(DenyCode.OPEN_NOTIONAL, self.limit(scope, Rule.OPEN_NOTIONAL), self.money(working) + add)
        if scope in self.rates:
            count, tokens = self.rates[scope][0], self.tokens(scope, order.now_ns)
            yield DenyCode.ORDER_RATE, count, count + 1 if tokens < 1 else 0, COUNT, count - tokens + 1
        pnl = self.pnl(scope)
        if opens:
            yield from limited(DenyCode.DAILY_LOSS, self.limit(scope, Rule.DAILY_LOSS), self.day_start[scope] - pnl, MONEY)
            yield from self.exposure_rules(scope, order, add_lots, add, net, money)
        yield from self.day_rules(scope, add)
        if opens:
            yield from limited(DenyCode.DRAWDOWN, self.limit(scope, Rule.DRAWDOWN), self.peak[scope] - pnl, MONEY)
            loss = self.open_loss(scope, instrument)
            yield from limited(DenyCode.STOP_LOSS, self.tightest(scope, Rule.STOP_LOSS, instrument), loss, MONEY)
            if self.has_margin(scope):
                rate = Fraction(self.margin_rate(scope, instrument), 10_000)
                used = self.weighed(scope, self.margin_rate, instrument, add)
                yield DenyCode.MARGIN, self.equity(scope), used, MONEY, self.weighed(scope, self.margin_rate) + add * rate
            yield from self.share_of_equity(scope, DenyCode.LEVERAGE, Rule.LEVERAGE, gross)

    def gates(self, scope, instrument, reducing):
        if {(scope, -1), (scope, instrument)} & self.halted:
            yield DenyCode.HALTED, None, None, NONE
        for i in (-1, instrument):
            if (scope, i) in self.tripped:
                yield self.tripped[scope, i], None, None, NONE
        if self.tightest(scope, Rule.RESTRICTED, instrument):
            yield DenyCode.RESTRICTED, None, None, NONE
        if self.tightest(scope, Rule.REDUCE_ONLY, instrument) and not reducing:
            yield DenyCode.REDUCE_ONLY, None, None, NONE

    def order_rules(self, scope, order):
        notional = order.price() * order.qty * self.units[order.instrument]
        yield from limited(DenyCode.ORDER_SIZE, self.tightest(scope, Rule.ORDER_SIZE, order.instrument), order.qty, LOTS)
        yield from limited(DenyCode.ORDER_NOTIONAL, self.limit(scope, Rule.ORDER_NOTIONAL), notional, MONEY)
        collar, touch = self.tightest(scope, Rule.COLLAR, order.instrument), order.touch()
        if collar is not None and order.px is not None:
            if touch is None:
                yield DenyCode.NO_REFERENCE_PRICE, None, None, NONE
            else:
                beyond = order.px - touch if order.side == BUY else touch - order.px
                yield DenyCode.COLLAR, collar, Fraction(max(beyond, 0) * 10_000, touch), BPS

    def exposure_rules(self, scope, order, add_lots, add, net, money):
        instrument, side = order.instrument, order.side
        if add_lots > 0:
            yield from limited(DenyCode.NET, self.limit(scope, Rule.NET, instrument), net, LOTS)
        yield from limited(DenyCode.NET, self.limit(scope, Rule.NET), money, MONEY)
        sector, base, cluster, beta_e9 = self.groups[instrument]
        used = self.gross(scope, [i for i, g in self.groups.items() if g[0] == sector]) + add
        yield from limited(DenyCode.SECTOR, self.group_limits.get((scope, Rule.SECTOR, sector)), used, MONEY)
        used = self.side_exposure(scope, [i for i, g in self.groups.items() if g[1] == base], side) + add
        yield from limited(DenyCode.CURRENCY, self.group_limits.get((scope, Rule.CURRENCY, base)), used, MONEY)
        one = self.side_exposure(scope, [instrument], side) + add
        yield from self.share_of_equity(scope, DenyCode.CONCENTRATION, Rule.CONCENTRATION, one)
        up = (side == BUY) == (beta_e9 >= 0)
        limit = self.group_limits.get((scope, Rule.CORRELATED, cluster))
        if limit is not None:
            used = self.correlated(scope, cluster, up, instrument, side, add)
            unrounded = self.correlated(scope, cluster, up) + Fraction(add * abs(beta_e9), 10**9)
            yield DenyCode.CORRELATED, limit, used, MONEY, unrounded
        limit = self.limit(scope, Rule.VAR)
        if limit is not None:
            used = self.weighed(scope, self.var_weight, instrument, add)
            unrounded = self.weighed(scope, self.var_weight) + Fraction(add * self.var_weight(scope, instrument), 10_000)
            yield DenyCode.VAR, limit, used, MONEY, unrounded

    def day_rules(self, scope, add):
        mine = self.accounts(scope)
        fills = [f for f in self.fills if f[0] == self.day and f[1] in mine]
        messages = sum(day == self.day and account in mine for day, account in self.messages)
        per_fill = self.limit(scope, Rule.MESSAGES_PER_FILL)
        if per_fill is not None:
            yield DenyCode.MESSAGES_PER_FILL, per_fill * (len(fills) + 1), messages + 1, COUNT
        yield from limited(DenyCode.DAILY_TRADES, self.limit(scope, Rule.DAILY_TRADES), len(fills) + 1, COUNT)
        if add > 0:
            volume = sum(px * lots * self.units[i] for _, _, i, _, px, lots, _ in fills)
            yield from limited(
                DenyCode.DAILY_VOLUME, self.limit(scope, Rule.DAILY_VOLUME), volume + self.money(self.open(scope)) + add, MONEY
            )

    def share_of_equity(self, scope, code, rule, used):
        bps = self.limit(scope, rule)
        if bps is not None:
            yield code, Fraction(floor(2 * self.equity(scope) * bps / 10_000), 2), used, MONEY

    def net_lots(self, scope, instrument, side):
        held = sum(self.net(a, instrument) for a in self.accounts(scope))
        return (held if side == BUY else -held) + sum(w[4] for w in self.open(scope, [instrument], side))


def limited(code, limit, used, unit):
    """The rule as a list of one, or of none where it has no limit."""
    return [] if limit is None else [(code, limit, used, unit)]


def bounded(code, limit, used):
    """The rule, with the largest exact sum where it has no limit: no share of that counts."""
    return (code, MAX_MONEY, used, MONEY, 0) if limit is None else (code, limit, used, MONEY)
