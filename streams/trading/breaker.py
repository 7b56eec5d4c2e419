"""Circuit breakers: each watches one number and says when it has moved too far within an interval. They trip the risk tree, and stay
tripped until a person resets them.

| rule        | trips when                                                                        | limit        |
|-------------|-----------------------------------------------------------------------------------|--------------|
| PRICE_MOVE  | the mid lies further than the limit from any mid of the last interval             | basis points |
| LOSS_RATE   | the P&L lies further below any P&L of the last interval than the limit            | money        |
| REJECT_RATE | a venue has rejected more requests within the last interval than the limit        | count        |

"Within the last interval" is counted in sixteenths of it (see `streams.trading.window`): nothing older ever trips a breaker.
"""

from streams.kernel import Struct
from streams.trading.window import WindowCount, WindowMax

__all__ = ["LossRate", "PriceMove", "RejectRate"]

NO_BREAKER: int = -1  # limit of a breaker that never trips


class PriceMove(Struct):
    """PRICE_MOVE of one scope in one instrument.

    limit_bps : NO_BREAKER = never trips
    tripped   : 1 = it has moved too far; used_bps: how far, rounded up
    high, low : largest mid and largest negative mid within the interval, twice the mid in ticks
    """

    limit_bps: int = -1
    tripped: int
    used_bps: int
    high: WindowMax
    low: WindowMax

    def set(self, limit_bps: int, interval_ns: int) -> int:
        """Set the limit and begin anew; NO_BREAKER (any negative) takes it away. 1, or 0 where the interval is too short."""
        if limit_bps >= 0 and (self.high.set(interval_ns) == 0 or self.low.set(interval_ns) == 0):
            return 0
        self.limit_bps = limit_bps if limit_bps >= 0 else NO_BREAKER
        self.reset()
        return 1

    def reset(self) -> None:
        """Forget what was seen: only moves from here on count."""
        self.tripped = 0
        self.used_bps = 0
        self.high.clear()
        self.low.clear()

    def on_mid(self, mid2_ticks: int, now_ns: int) -> int:
        """1 where this mid trips the breaker; 0 where it does not, or is tripped already. 0 < mid2_ticks < 2**39."""
        if self.limit_bps < 0 or self.tripped != 0:
            return 0
        self.high.put(mid2_ticks, now_ns)
        self.low.put(-mid2_ticks, now_ns)
        high = self.high.largest(now_ns)
        low = -self.low.largest(now_ns)
        if (high - mid2_ticks) * 10_000 <= self.limit_bps * high and (mid2_ticks - low) * 10_000 <= self.limit_bps * low:
            return 0
        fall_bps = -(-(high - mid2_ticks) * 10_000 // high)
        rise_bps = -(-(mid2_ticks - low) * 10_000 // low)
        self.tripped = 1
        self.used_bps = max(fall_bps, rise_bps)
        return 1


class LossRate(Struct):
    """LOSS_RATE of one scope.

    limit   : money, |limit| < 2**59; NO_BREAKER = never trips
    tripped : 1 = lost too much; used: how much, money, rounded up
    best_x2 : largest P&L within the interval, twice the money
    """

    limit: int = -1
    tripped: int
    used: int
    best_x2: WindowMax

    def set(self, limit: int, interval_ns: int) -> int:
        """Set the limit and begin anew; NO_BREAKER (any negative) takes it away. 1, or 0 where the interval is too short."""
        if limit >= 0 and self.best_x2.set(interval_ns) == 0:
            return 0
        self.limit = limit if limit >= 0 else NO_BREAKER
        self.reset()
        return 1

    def reset(self) -> None:
        """Forget what was seen: only losses from here on count."""
        self.tripped = 0
        self.used = 0
        self.best_x2.clear()

    def on_pnl(self, pnl_x2: int, now_ns: int) -> int:
        """1 where this P&L (twice the money, |pnl_x2| <= 2**60) trips the breaker; 0 where it does not, or is tripped already."""
        if self.limit < 0 or self.tripped != 0:
            return 0
        self.best_x2.put(pnl_x2, now_ns)
        lost_x2 = self.best_x2.largest(now_ns) - pnl_x2
        if lost_x2 <= 2 * self.limit:
            return 0
        self.tripped = 1
        self.used = (lost_x2 + 1) // 2
        return 1


class RejectRate(Struct):
    """REJECT_RATE of one scope.

    limit   : rejects within the interval that are still well; NO_BREAKER = never trips
    tripped : 1 = there were more; used: how many
    """

    limit: int = -1
    tripped: int
    used: int
    rejects: WindowCount

    def set(self, limit: int, interval_ns: int) -> int:
        """Set the limit and begin anew; NO_BREAKER (any negative) takes it away. 1, or 0 where the interval is too short."""
        if limit >= 0 and self.rejects.set(interval_ns) == 0:
            return 0
        self.limit = limit if limit >= 0 else NO_BREAKER
        self.reset()
        return 1

    def reset(self) -> None:
        """Forget what was seen: only rejects from here on count."""
        self.tripped = 0
        self.used = 0
        self.rejects.clear()

    def on_reject(self, now_ns: int) -> int:
        """1 where this reject trips the breaker; 0 where it does not, or is tripped already."""
        if self.limit < 0 or self.tripped != 0:
            return 0
        self.used = self.rejects.add(now_ns)
        self.tripped = 1 if self.used > self.limit else 0
        return self.tripped
