"""Confidence intervals of figures of a series of returns."""

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["CONFIDENCE", "RESAMPLES", "block_length", "bootstrap", "lo_sharpe", "resampled"]

CONFIDENCE = 0.95
RESAMPLES = 1000
_Z = 1.959963984540054  # of the normal distribution, 97.5 %


def block_length(count: int) -> int:
    """Mean length of a block for `count` returns: their number to the power 1/3, the rate of Politis and Romano (1994)."""
    return max(1, round(count ** (1 / 3)))


def resampled(returns: np.ndarray, seed: int, resamples: int = RESAMPLES, block: int | None = None) -> np.ndarray:
    """Series drawn from a series by the stationary bootstrap (Politis and Romano 1994): float64[resamples, n].

    Blocks of consecutive returns, the series closed to a ring, each beginning anywhere and of geometric length with mean `block`; so what
    follows what is kept as far as blocks are long. The same seed gives the same series.
    """
    count = len(returns)
    draw = np.random.Generator(np.random.PCG64(seed))
    begins = draw.random((resamples, count), np.float32) < 1 / (block or block_length(count))
    begins[:, 0] = True
    places = np.arange(count, dtype=np.int32)
    begun = np.maximum.accumulate(np.where(begins, places, 0), 1)
    start = np.take_along_axis(draw.integers(0, count, (resamples, count), np.int32), begun, 1)
    return returns[(start + places - begun) % count]


def bootstrap(drawn: np.ndarray, figure: Callable[[np.ndarray], Any]) -> tuple[float, float]:
    """The interval that holds the middle 95 % of a figure of the drawn series; NaN where any of them has none."""
    found = np.asarray(figure(drawn), np.float64)
    if np.isnan(found).any():
        return np.nan, np.nan
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(found, (tail, 1 - tail), method="inverted_cdf")
    return float(low), float(high)


def lo_sharpe(sharpe: float, count: int, per_year: float) -> tuple[float, float]:
    """The interval of an annual Sharpe ratio of `count` returns taken as independent (Lo 2002): SE of a period sqrt((1 + s^2 / 2) / n)."""
    once = sharpe / np.sqrt(per_year)
    error = np.sqrt((1 + once * once / 2) / count) if count else np.nan
    return float((once - _Z * error) * np.sqrt(per_year)), float((once + _Z * error) * np.sqrt(per_year))
