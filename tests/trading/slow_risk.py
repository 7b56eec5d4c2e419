"""The risk tree written to be obviously right: lists of working orders and fills, every sum worked out anew at every question."""

from fractions import Fraction

from streams.records import DenyCode, Rule

DAY_NS = 86_400_000_000_000
MAX_MONEY = 1 << 59
NONE, LOTS, MONEY, COUNT, BPS = range(5)
BUY = 0


class SlowRisk:
    """Scopes hang in `parents`; money in units, prices in ticks, quantities in lots. Answers: (code, scope, limit, used, unit)."""

    def __init__(self, parents, account_scope, units):
        self.parents, self.account_scope, self.units = parents, account_scope, units
        self.limits = {}  # (scope, instrument or -1, rule) -> value
        self.rates = {}  # scope -> (count, interval_ns, [times: full at the first, a token taken at each other])
        self.halted = set()  # (scope, instrument or -1)
        self.reduce_only = set()
        self.working = {}  # key -> [account, instrument, side, px, lots]
        self.fills = []  # (account, instrument, side, px, lots, fee)
        self.marks = {}  # instrument -> mark2
        self.day = None
        self.day_start = {}

    # ---- what happened ----
    def on_time(self, now_ns):
        if self.day is None or now_ns // DAY_NS > self.day:
            self.day = now_ns // DAY_NS
            self.day_start = {scope: self.pnl_x2(scope) for scope in range(len(self.parents))}

    def set_limit(self, scope, instrument, rule, value, interval_ns, now_ns):
        if rule == Rule.ORDER_RATE:
            self.rates.pop(scope, None)
            if value >= 0:
                self.rates[scope] = (value, interval_ns, [])
        elif value < 0:
            self.limits.pop((scope, instrument, rule), None)
        else:
            self.limits[scope, instrument, rule] = value

    def fill(self, account, instrument, side, px, lots, fee):
        self.marks.setdefault(instrument, 2 * px)
        self.fills.append((account, instrument, side, px, lots, fee))

    # ---- sums, from scratch ----
    def chain(self, account):
        scope = self.account_scope[account]
        while scope >= 0:
            yield scope
            scope = self.parents[scope]

    def net(self, account, instrument):
        return sum(f[4] if f[2] == BUY else -f[4] for f in self.fills if f[:2] == (account, instrument))

    def accounts(self, scope):
        return [a for a in range(len(self.account_scope)) if scope in self.chain(a)]

    def open(self, scope):
        return [w for w in self.working.values() if w[0] in self.accounts(scope)]

    def values_x2(self, scope):
        return [self.net(a, i) * mark2 * self.units[i] for a in self.accounts(scope) for i, mark2 in self.marks.items()]

    def pnl_x2(self, scope):
        total = 0
        for account, instrument, side, px, lots, fee in self.fills:
            if account in self.accounts(scope):
                signed = lots if side == BUY else -lots
                total += signed * (self.marks[instrument] - 2 * px) * self.units[instrument] - 2 * fee
        return total

    def money(self, orders, side):
        return sum(px * lots * self.units[i] for _, i, s, px, lots in orders if s == side)

    def lots(self, orders, instrument, side):
        return sum(w[4] for w in orders if w[1] == instrument and w[2] == side)

    def tokens(self, scope, now_ns):
        """Tokens in exact fractions, by following the bucket from when it was full."""
        count, interval, times = self.rates[scope]
        tokens, at = Fraction(count), None
        for t in times:
            if at is not None:
                tokens = min(Fraction(count), tokens + Fraction((t - at) * count, interval))
            tokens, at = tokens - 1, t
        return tokens if at is None else min(Fraction(count), tokens + Fraction((now_ns - at) * count, interval))

    # ---- the question ----
    def check(self, account, instrument, side, qty, px, bid, ask, now_ns, leaves=None, key=None):
        """px None = market order; leaves and key of the working order for a replace."""
        self.on_time(now_ns)
        touch = ask if side == BUY else bid
        market = px is None
        px = touch if market else px
        if px is None:
            return (DenyCode.NO_REFERENCE_PRICE, -1, 0, 0, NONE)
        old = self.working.get(key)
        worst_px, worst_lots, add_lots, add_money = px, qty, qty, px * qty * self.units[instrument]
        if old is not None:
            worst_px, worst_lots = max(px, old[3]), max(leaves, old[4])
            add_lots = worst_lots - old[4]
            add_money = (worst_px * worst_lots - old[3] * old[4]) * self.units[instrument]
        if not (0 < qty < 1 << 31 and 0 < px < 1 << 38):
            return (DenyCode.BAD_FIELD, -1, 0, 0, NONE)
        if max(px * qty, worst_px * worst_lots) * self.units[instrument] > MAX_MONEY // self.units[instrument] * self.units[instrument]:
            return (DenyCode.BAD_FIELD, -1, 0, 0, NONE)
        own = [w for w in self.working.values() if w[0] == account]
        against = -self.net(account, instrument) if side == BUY else self.net(account, instrument)
        reducing = against - self.lots(own, instrument, side) >= add_lots
        for scope in self.chain(account):
            answer = self.check_scope(scope, instrument, side, qty, px, touch, market, add_lots, add_money, old is None, reducing, now_ns)
            if answer is not None:
                return answer
        for scope in self.chain(account):
            if scope in self.rates:
                self.rates[scope][2].append(now_ns)
        return (DenyCode.OK, -1, 0, 0, NONE)

    def check_scope(self, scope, instrument, side, qty, px, touch, market, add_lots, add_money, new, reducing, now_ns):
        if {(scope, -1), (scope, instrument)} & self.halted or (scope in self.reduce_only and not reducing):
            return (DenyCode.HALTED, scope, 0, 0, NONE)
        size = min(
            (self.limits[k] for k in ((scope, -1, Rule.ORDER_SIZE), (scope, instrument, Rule.ORDER_SIZE)) if k in self.limits), default=None
        )
        if size is not None and qty > size:
            return (DenyCode.ORDER_SIZE, scope, size, qty, LOTS)
        money = px * qty * self.units[instrument]
        limit = self.limits.get((scope, -1, Rule.ORDER_NOTIONAL))
        if limit is not None and money > limit:
            return (DenyCode.ORDER_NOTIONAL, scope, limit, money, MONEY)
        bps = min((self.limits[k] for k in ((scope, -1, Rule.COLLAR), (scope, instrument, Rule.COLLAR)) if k in self.limits), default=None)
        if bps is not None and not market:
            if touch is None:
                return (DenyCode.NO_REFERENCE_PRICE, scope, 0, 0, NONE)
            beyond = Fraction((px - touch) * (1 if side == BUY else -1) * 10_000, touch)
            if beyond > bps:
                return (DenyCode.COLLAR, scope, bps, -((-beyond) // 1), BPS)
        held = sum(self.net(a, instrument) for a in self.accounts(scope)) * (1 if side == BUY else -1)
        rule, code = (Rule.LONG, DenyCode.LONG) if side == BUY else (Rule.SHORT, DenyCode.SHORT)
        working = self.open(scope)
        limit = self.limits.get((scope, instrument, rule))
        used = held + self.lots(working, instrument, side) + add_lots
        if limit is not None and add_lots > 0 and used > limit:
            return (code, scope, limit, used, LOTS)
        exposure = Fraction(sum(self.values_x2(scope)) * (1 if side == BUY else -1), 2)
        limit = self.limits.get((scope, -1, rule), MAX_MONEY)
        used = exposure + self.money(working, side) + add_money
        if add_money > 0 and used > limit:
            return (code, scope, limit, -((-used) // 1), MONEY)
        notional = self.money(working, 0) + self.money(working, 1) + add_money
        limit = self.limits.get((scope, -1, Rule.GROSS), MAX_MONEY)
        used = Fraction(sum(map(abs, self.values_x2(scope))), 2) + notional
        if add_money > 0 and not reducing and used > limit:
            return (DenyCode.GROSS, scope, limit, -((-used) // 1), MONEY)
        limit = self.limits.get((scope, -1, Rule.OPEN_ORDERS))
        if limit is not None and new and len(working) + 1 > limit:
            return (DenyCode.OPEN_ORDERS, scope, limit, len(working) + 1, COUNT)
        limit = self.limits.get((scope, -1, Rule.OPEN_NOTIONAL), MAX_MONEY)
        if add_money > 0 and notional > limit:
            return (DenyCode.OPEN_NOTIONAL, scope, limit, notional, MONEY)
        if scope in self.rates and self.tokens(scope, now_ns) < 1:
            return (DenyCode.ORDER_RATE, scope, self.rates[scope][0], self.rates[scope][0] + 1, COUNT)
        limit = self.limits.get((scope, -1, Rule.DAILY_LOSS))
        loss = Fraction(self.day_start[scope] - self.pnl_x2(scope), 2)
        if limit is not None and not reducing and loss > limit:
            return (DenyCode.DAILY_LOSS, scope, limit, -((-loss) // 1), MONEY)
        return None
