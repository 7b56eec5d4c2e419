"""Exponentially weighted means: by observation, and by time."""

import math

from streams.kernel import Struct

__all__ = ["Ewma", "TimeEwma"]


class Ewma(Struct):
    """Exponentially weighted mean of a series, and its variance; each observation weighs the same whenever it comes.

    Roberts, "Control chart tests based on geometric moving averages", Technometrics 1 (1959): m_n = (1 - alpha) m_n-1 + alpha x_n, begun
    with m_0 = x_0. So m_n = (1 - alpha)^n x_0 + alpha sum_k (1 - alpha)^(n - k) x_k, what pandas calls `ewm(adjust=False)`. The
    variance is v_n = (1 - alpha) (v_n-1 + alpha (x_n - m_n-1)^2), v_0 = 0: the mean of (x_k - m_n)^2 under the same weights (Finch,
    "Incremental calculation of weighted mean and variance", 2009, section 9). An error is damped by 1 - alpha each step: none grows.

    alpha : 0 < alpha <= 1; 2 / (span + 1) for a span
    """

    alpha: float = 1.0
    mean: float
    variance: float
    count: int

    def setup(self, alpha: float) -> int:
        """Set the weight of a new observation and begin anew; 1, or 0 where it is not in (0, 1]."""
        if not (alpha > 0.0 and alpha <= 1.0):
            return 0
        self.alpha = alpha
        self.mean = 0.0
        self.variance = 0.0
        self.count = 0
        return 1

    def setup_half_life(self, observations: float) -> int:
        """Set the weight so that an observation counts half after so many more, > 0; 1, or 0 where it is out of range."""
        if not observations > 0.0:
            return 0
        return self.setup(-math.expm1(-math.log(2.0) / observations))

    def update(self, x: float) -> None:
        """Take an observation, finite."""
        if self.count == 0:
            self.mean = x
        else:
            diff = x - self.mean
            self.mean += self.alpha * diff
            self.variance = (1.0 - self.alpha) * (self.variance + self.alpha * diff * diff)
        self.count += 1

    def ready(self) -> bool:
        """As many observations as the span 2 / alpha - 1: the first one weighs less than e^-2."""
        return (self.count + 1) * self.alpha >= 2.0 - 1e-9  # a weight of 2 / (span + 1) is rounded

    def deviation(self) -> float:
        """Square root of the variance, the unit of the observations."""
        return math.sqrt(self.variance)


class TimeEwma(Struct):
    """Exponentially weighted mean of a path that keeps each value until the next: a price, a spread, a depth.

    Zumbach and Müller, "Operators on inhomogeneous time series", International Journal of Theoretical and Applied Finance 4 (2001), the
    EMA operator with previous-point interpolation: m(t_n) = mu m(t_n-1) + (1 - mu) x_n-1, mu = exp(-(t_n - t_n-1) / tau). So it does
    not depend on how often an unchanged value is told. Begun with m = x_0.

    tau_ns : > 0
    """

    tau_ns: int = 1
    started_ns: int
    stamp_ns: int
    count: int
    mean: float
    last: float

    def setup(self, tau_ns: int) -> int:
        """Set the memory and begin anew; 1, or 0 where it is not above 0."""
        if tau_ns <= 0:
            return 0
        self.tau_ns = tau_ns
        self.count = 0
        self.mean = 0.0
        self.last = 0.0
        return 1

    def update(self, x: float, now_ns: int) -> None:
        """Take the value that holds from now on, finite. A time before the last one counts as the last one."""
        if self.count == 0:
            self.mean = x
            self.started_ns = now_ns
            self.stamp_ns = now_ns
        self.mean = self.at_ns(now_ns)
        self.stamp_ns = max(now_ns, self.stamp_ns)
        self.last = x
        self.count += 1

    def at_ns(self, now_ns: int) -> float:
        """The mean at a time not before the last update; 0 before the first."""
        age = float(max(now_ns - self.stamp_ns, 0)) / self.tau_ns
        return self.mean - math.expm1(-age) * (self.last - self.mean)

    def ready(self) -> bool:
        """At least 3 tau between the first and the last update: the first value weighs less than 5 %."""
        return self.count > 0 and self.stamp_ns - self.started_ns >= 3 * self.tau_ns
