"""Realized volatility: the root of the sum of squared returns."""

import math

from streams.kernel import Struct
from streams.trading.signals.window import FloatWindow

__all__ = ["RealizedVolatility"]


class RealizedVolatility(Struct):
    """Realized variance of the last `window` log returns of a price.

    Andersen, Bollerslev, Diebold and Labys, "Modeling and forecasting realized volatility", Econometrica 71 (2003): RV = sum of
    squared intraday returns. Prices are sampled every `interval_ns` on a grid that begins with the first price, each sample the last price
    at or before it (previous tick); an interval of 0 takes every price. Short intervals measure the bounce of the price as well.

    interval_ns : >= 0
    """

    interval_ns: int
    due_ns: int
    last: float
    sampled: float
    squares: FloatWindow

    def setup(self, window: int, interval_ns: int) -> int:
        """Set the number of returns and the time between prices, and begin anew; 1, or 0 where a value is out of range."""
        if interval_ns < 0 or self.squares.setup(window) == 0:
            return 0
        self.interval_ns = interval_ns
        self.due_ns = 0
        self.last = 0.0
        self.sampled = 0.0
        return 1

    def update(self, px: float, now_ns: int) -> None:
        """Take a price, > 0, any unit. Times do not run backward."""
        if self.sampled == 0.0:
            self.sampled = px
            self.due_ns = now_ns + self.interval_ns
        elif self.interval_ns == 0:
            self.sample(px)
        elif now_ns >= self.due_ns:
            self.catch_up(px, now_ns)
        self.last = px

    def catch_up(self, px: float, now_ns: int) -> None:
        """Sample each grid point up to now. A price at the very grid point is its sample."""
        passed = (now_ns - self.due_ns) // self.interval_ns + 1
        at_point = self.due_ns + (passed - 1) * self.interval_ns == now_ns
        self.sample(px if passed == 1 and at_point else self.last)
        for _ in range(min(passed - 2, self.squares.window)):  # more zeros than the window holds change nothing
            self.squares.push(0.0)
        if passed > 1:
            self.sample(px if at_point else self.last)
        self.due_ns += passed * self.interval_ns

    def sample(self, px: float) -> None:
        """Add the squared log return since the sample before."""
        r = math.log(px / self.sampled)
        self.squares.push(r * r)
        self.sampled = px

    def ready(self) -> bool:
        """`window` returns are held."""
        return self.squares.full()

    def variance(self) -> float:
        """Sum of the squared log returns held; 0 without any."""
        return self.squares.total()

    def volatility(self) -> float:
        """Root of the sum of squared log returns: the volatility over the time of the window, a fraction of the price."""
        return math.sqrt(self.squares.total())

    def per_root_second(self) -> float:
        """Volatility of a second, a fraction of the price (x price in ticks: sigma in ticks per root second). 0 with interval 0."""
        span_ns = self.squares.count * self.interval_ns
        return math.sqrt(self.squares.total() / (span_ns / 1e9)) if span_ns > 0 else 0.0
