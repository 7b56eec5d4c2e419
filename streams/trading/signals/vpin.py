"""VPIN: the volume-synchronized probability of informed trading, from the taker's side and by bulk classification."""

import math

from streams.kernel import Struct
from streams.trading.codes import BUY
from streams.trading.signals.bar_clock import BarClock
from streams.trading.signals.roll import MAX_CHANGE_TICKS
from streams.trading.signals.window import FloatWindow, IntWindow

__all__ = ["BulkVpin", "Vpin", "normal_cdf"]


def normal_cdf(x: float) -> float:
    """Share of the standard normal distribution below x."""
    return 0.5 * (1.0 + math.erf(x / math.sqrt(2.0)))


class Vpin(Struct):
    """VPIN over the last `window` buckets of `bucket_lots` each, trades classified by the side of their taker.

    Easley, López de Prado and O'Hara, "Flow toxicity and liquidity in a high-frequency world", Review of Financial Studies 25 (2012):
    VPIN = sum over n buckets of |V_S - V_B| / (n V). A trade that passes the end of a bucket goes on in the next. Exact.
    """

    bucket_lots: int = 1
    filled_lots: int
    bought_lots: int
    imbalance: IntWindow

    def setup(self, window: int, bucket_lots: int) -> int:
        """Set the number of buckets and their volume, 1..2**40 lots, and begin anew; 1, or 0 where one is out of range."""
        if bucket_lots < 1 or bucket_lots > 1 << 40 or self.imbalance.setup(window) == 0:
            return 0
        self.bucket_lots = bucket_lots
        self.filled_lots = 0
        self.bought_lots = 0
        return 1

    def update(self, side: int, qty_lots: int) -> None:
        """Take a trade. side: of the taker; qty_lots > 0."""
        left = qty_lots
        room = self.bucket_lots - self.filled_lots
        if left >= room:
            self.add(side, room)
            self.close()
            left -= room
            for _ in range(min(left // self.bucket_lots, self.imbalance.window)):  # whole buckets; what the window would lose is left out
                self.imbalance.push(self.bucket_lots)
            left %= self.bucket_lots
        self.add(side, left)

    def add(self, side: int, qty_lots: int) -> None:
        """Put lots into the open bucket, which has room for them."""
        self.filled_lots += qty_lots
        if side == BUY:
            self.bought_lots += qty_lots

    def close(self) -> None:
        """End the open bucket."""
        self.imbalance.push(abs(2 * self.bought_lots - self.bucket_lots))
        self.filled_lots = 0
        self.bought_lots = 0

    def ready(self) -> bool:
        """`window` buckets are held."""
        return self.imbalance.full()

    def value(self) -> float:
        """VPIN, 0 to 1; 0 before the first bucket is full."""
        return self.imbalance.total / (self.imbalance.count * self.bucket_lots) if self.imbalance.count > 0 else 0.0


class BulkVpin(Struct):
    """VPIN with bulk volume classification: each time bar's volume is split by how far the price went, no taker's side needed.

    Easley, López de Prado and O'Hara (2012): of a bar's volume V_i the share Z(dP_i / sigma) is bought, the rest sold, Z the standard
    normal distribution, dP_i the change of the price from bar to bar, sigma its standard deviation: here over the last `sigma_window` bars
    (divisor n, this bar among them), and a half is bought where it is 0. The split volume then fills buckets as in `Vpin`. Bars without
    trades are no bars; the first bar has no change and gives none.
    """

    clock: BarClock
    bucket_lots: int = 1
    seen: int
    px_ticks: int
    closed_px_ticks: int
    bar_lots: int
    filled_lots: int
    bought: float
    changes: IntWindow
    squares: IntWindow
    imbalance: FloatWindow

    def setup(self, window: int, bucket_lots: int, bar_ns: int, sigma_window: int) -> int:
        """Set buckets, their volume (1..2**40 lots), length of a bar (> 0) and bars of sigma, and begin anew; 1, or 0 out of range."""
        if bar_ns < 1 or bucket_lots < 1 or bucket_lots > 1 << 40 or self.changes.setup(sigma_window) == 0:
            return 0
        if self.imbalance.setup(window) == 0:
            return 0
        self.squares.setup(sigma_window)
        self.clock.setup(bar_ns)
        self.bucket_lots = bucket_lots
        self.seen = 0
        self.bar_lots = 0
        self.filled_lots = 0
        self.bought = 0.0
        return 1

    def update(self, px_ticks: int, qty_lots: int, now_ns: int) -> None:
        """Take a trade, qty_lots > 0. It closes the bar before if that has ended."""
        if self.clock.ended(now_ns):
            if self.seen == 1:
                self.close_bar()
            self.closed_px_ticks = self.px_ticks
            self.bar_lots = 0
            self.seen = 1
        self.px_ticks = px_ticks
        self.bar_lots += qty_lots

    def close_bar(self) -> None:
        """Classify the bar's volume and put it into buckets."""
        change = min(max(self.px_ticks - self.closed_px_ticks, -MAX_CHANGE_TICKS), MAX_CHANGE_TICKS)
        self.changes.push(change)
        self.squares.push(change * change)
        sigma = self.sigma_ticks()
        share = normal_cdf(change / sigma) if sigma > 0.0 else 0.5
        left = self.bar_lots
        whole = 0  # buckets that this bar fills alone are all alike
        while left >= self.bucket_lots - self.filled_lots and whole <= self.imbalance.window + 1:
            room = self.bucket_lots - self.filled_lots
            self.bought += room * share
            left -= room
            self.imbalance.push(abs(2.0 * self.bought - self.bucket_lots))
            self.filled_lots = 0
            self.bought = 0.0
            whole += 1
        left %= self.bucket_lots
        self.filled_lots += left
        self.bought += left * share

    def sigma_ticks(self) -> float:
        """Standard deviation of the changes from bar to bar, ticks; 0 before there is one."""
        n = self.changes.count
        if n == 0:
            return 0.0
        return math.sqrt(float(n * self.squares.total - self.changes.total * self.changes.total) / float(n * n))

    def ready(self) -> bool:
        """`window` buckets are held."""
        return self.imbalance.full()

    def value(self) -> float:
        """VPIN, 0 to 1; 0 before the first bucket is full."""
        return self.imbalance.total() / (self.imbalance.count * self.bucket_lots) if self.imbalance.count > 0 else 0.0
