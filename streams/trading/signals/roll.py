"""Roll's spread: the effective spread that the bounce of trades between bid and ask gives away."""

import math

from streams.kernel import Struct
from streams.trading.signals.window import IntWindow

__all__ = ["MAX_CHANGE_TICKS", "RollSpread"]

MAX_CHANGE_TICKS = 1 << 20  # larger changes count as this: the sums of MAX_WINDOW products, times MAX_WINDOW, stay below 2**61


class RollSpread(Struct):
    """Effective spread from the serial covariance of the last `window` pairs of successive price changes.

    Roll, "A simple implicit measure of the effective bid-ask spread in an efficient market", Journal of Finance 39 (1984), the formula of
    its abstract: s = 2 sqrt(-cov(dp_t, dp_t-1)), since bounce alone makes cov = -s^2 / 4. The covariance has divisor n - 1 and is computed
    from exact integer sums. Where it is positive, which happens by chance in small samples, the measure is not defined and told as 0.
    """

    seen: int
    px_ticks: int
    change_ticks: int
    products: IntWindow
    now: IntWindow
    before: IntWindow

    def setup(self, window: int) -> int:
        """Set the number of pairs, at least 2, and begin anew; 1, or 0 where it is out of range."""
        if window < 2 or self.products.setup(window) == 0:
            return 0
        self.now.setup(window)
        self.before.setup(window)
        self.seen = 0
        return 1

    def update(self, px_ticks: int) -> None:
        """Take the price of a trade."""
        if self.seen > 0:
            change = min(max(px_ticks - self.px_ticks, -MAX_CHANGE_TICKS), MAX_CHANGE_TICKS)
            if self.seen > 1:
                self.products.push(change * self.change_ticks)
                self.now.push(change)
                self.before.push(self.change_ticks)
            self.change_ticks = change
        self.px_ticks = px_ticks
        self.seen = min(self.seen + 1, 2)

    def ready(self) -> bool:
        """`window` pairs are held."""
        return self.products.full()

    def covariance(self) -> float:
        """Serial covariance of the changes, ticks^2; 0 with fewer than two pairs."""
        n = self.products.count
        if n < 2:
            return 0.0
        return float(n * self.products.total - self.now.total * self.before.total) / float(n * (n - 1))

    def spread_ticks(self) -> float:
        """The effective spread, ticks; 0 where the covariance is not negative."""
        return 2.0 * math.sqrt(max(-self.covariance(), 0.0))
