"""Breakers, own prices and repeats written to be obviously right: everything that happened is kept and looked at anew."""

from streams.records import DenyCode, Rule

GRANULES = 16


def recent(events, interval_ns, now_ns):
    """Events (time, ...) of the newest sixteen steps of the interval."""
    step_ns = interval_ns // GRANULES
    return [event for event in events if event[0] // step_ns > now_ns // step_ns - GRANULES]


class SlowMove:
    """PRICE_MOVE: any mid of the interval against the newest."""

    def __init__(self, bps, interval_ns):
        self.bps, self.interval_ns, self.seen, self.used = bps, interval_ns, [], None

    def on_mid(self, mid2, now_ns):
        if self.bps < 0 or self.used is not None:
            return
        self.seen.append((now_ns, mid2))
        moves = [(abs(mid2 - old), old) for _, old in recent(self.seen, self.interval_ns, now_ns)]
        if any(move * 10_000 > self.bps * old for move, old in moves):
            self.used = max(-(-move * 10_000 // old) for move, old in moves)


class SlowLoss:
    """LOSS_RATE: the best P&L of the interval against the newest."""

    def __init__(self, limit, interval_ns):
        self.limit, self.interval_ns, self.seen, self.used = limit, interval_ns, [], None

    def on_pnl(self, pnl_x2, now_ns):
        if self.limit < 0 or self.used is not None:
            return
        self.seen.append((now_ns, pnl_x2))
        lost_x2 = max(old for _, old in recent(self.seen, self.interval_ns, now_ns)) - pnl_x2
        if lost_x2 > 2 * self.limit:
            self.used = -(-lost_x2 // 2)


class SlowRejects:
    """REJECT_RATE: how many there were."""

    def __init__(self, limit, interval_ns):
        self.limit, self.interval_ns, self.seen, self.used = limit, interval_ns, [], None

    def on_reject(self, now_ns):
        if self.limit < 0 or self.used is not None:
            return
        self.seen.append((now_ns,))
        count = len(recent(self.seen, self.interval_ns, now_ns))
        if count > self.limit:
            self.used = count


class SlowOwn:
    """Own orders as a list; the best is looked for."""

    def __init__(self, parents, account_scope):
        self.parents, self.account_scope, self.orders = parents, account_scope, {}

    def chain(self, account):
        scope = self.account_scope[account]
        while scope >= 0:
            yield scope
            scope = self.parents[scope]

    def crossed(self, scope, instrument, side, px):
        met = [p for a, i, s, p in self.orders.values() if i == instrument and s != side and p > 0 and scope in self.chain(a)]
        if side == 0:
            return min((p for p in met if p <= px), default=0)
        return max((p for p in met if p >= px), default=0)


def slow_check(chain, limits, order, own, seen_ns):
    """(code, scope, limit, used) of the first guard that refuses, scope by scope; limits: (scope, rule, instrument or -1) -> value."""
    for scope in chain:
        age_ns, lag_ns = order["now_ns"] - order["book_ts_ns"], order["now_ns"] - order["cause_ts_ns"]
        for instrument in (order["instrument"], -1):
            stale_ns = limits.get((scope, Rule.DATA_STALE, instrument))
            if stale_ns is not None and age_ns > stale_ns:
                return DenyCode.DATA_STALE, scope, stale_ns, age_ns
        latency_ns = limits.get((scope, Rule.LATENCY, -1))
        if latency_ns is not None and lag_ns > latency_ns:
            return DenyCode.LAGGING, scope, latency_ns, lag_ns
        reach = order["reach_px_ticks"]
        if limits.get((scope, Rule.SELF_MATCH, -1)) and reach and own.crossed(scope, order["instrument"], order["side"], reach):
            return DenyCode.SELF_MATCH, scope, None, None
        repeated_ns = limits.get((scope, Rule.REPEATED, -1))
        if repeated_ns is not None and order["new"] and seen_ns is not None and order["now_ns"] - seen_ns < repeated_ns:
            return DenyCode.REPEATED, scope, repeated_ns, order["now_ns"] - seen_ns
    return DenyCode.OK, -1, None, None
