"""Ratios of returns, with the definitions of Quantopian's `empyrical` (0.5.5; empyrical-reloaded 0.7.1 gives the same numbers).

A return is equity at the end of a period divided by that at its beginning, less 1. `returns` is float64[..., n], a series along the last
axis; a float64 comes back, or an array of one value a series. `per_year` is how many periods a year has. NaN: too few returns, or nothing
to divide by (where empyrical says infinity).
"""

from typing import Any

import numpy as np

__all__ = [
    "annual_return",
    "annual_volatility",
    "calmar",
    "expected_shortfall",
    "max_drawdown",
    "sharpe",
    "sortino",
    "total_return",
    "value_at_risk",
]

ROUNDING = 1e-12  # a standard deviation below this share of the largest return is what rounding left of a constant


def total_return(returns: np.ndarray) -> Any:
    """What one unit of capital gained, each period's result left in: prod(1 + r) - 1."""
    return np.prod(returns + 1, -1) - 1 if returns.shape[-1] else _nothing(returns)


def annual_return(returns: np.ndarray, per_year: float) -> Any:
    """The growth of a year at this pace (CAGR): prod(1 + r) ** (per_year / n) - 1. Infinite where no float64 holds it."""
    if not returns.shape[-1]:
        return _nothing(returns)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.prod(returns + 1, -1) ** (per_year / returns.shape[-1]) - 1


def annual_volatility(returns: np.ndarray, per_year: float) -> Any:
    """Standard deviation (n - 1) of the returns x sqrt(per_year)."""
    return np.std(returns, -1, ddof=1) * np.sqrt(per_year) if returns.shape[-1] > 1 else _nothing(returns)


def sharpe(returns: np.ndarray, per_year: float) -> Any:
    """Mean over standard deviation (n - 1) of the returns x sqrt(per_year), the riskless return taken as 0 (Sharpe 1994)."""
    if returns.shape[-1] < 2:
        return _nothing(returns)
    spread = np.std(returns, -1, ddof=1)
    spread = np.where(spread > ROUNDING * np.abs(returns).max(-1), spread, 0.0)
    return _ratio(np.mean(returns, -1), spread) * np.sqrt(per_year)


def sortino(returns: np.ndarray, per_year: float) -> Any:
    """Mean over the root mean square of the losses x sqrt(per_year); a period without a loss counts as 0 (Sortino and Price 1994)."""
    if returns.shape[-1] < 2:
        return _nothing(returns)
    return _ratio(np.mean(returns, -1), np.sqrt(np.mean(np.minimum(returns, 0) ** 2, -1))) * np.sqrt(per_year)


def max_drawdown(returns: np.ndarray) -> Any:
    """The largest fall of equity below its highest point before, as a share of that: 0 or negative."""
    if not returns.shape[-1]:
        return _nothing(returns)
    equity = np.cumprod(returns + 1, -1)
    peak = np.maximum(np.maximum.accumulate(equity, -1), 1.0)  # 1 is where it began
    return np.min((equity - peak) / peak, -1)


def calmar(returns: np.ndarray, per_year: float) -> Any:
    """Annual return over the size of the largest drawdown (Young 1991); NaN where a float64 does not hold it."""
    found = _ratio(annual_return(returns, per_year), np.abs(max_drawdown(returns)))
    return np.where(np.isinf(found), np.nan, found)[()]


def value_at_risk(returns: np.ndarray, cutoff: float = 0.05) -> Any:
    """The return that `cutoff` of the periods fall short of: a percentile, interpolated."""
    return np.percentile(returns, 100 * cutoff, -1) if returns.shape[-1] else _nothing(returns)


def expected_shortfall(returns: np.ndarray, cutoff: float = 0.05) -> Any:
    """Mean of the worst `cutoff` of the returns, at least of one: `conditional_value_at_risk` there."""
    if not returns.shape[-1]:
        return _nothing(returns)
    worst = int((returns.shape[-1] - 1) * cutoff)
    return np.mean(np.partition(returns, worst, -1)[..., : worst + 1], -1)


def _nothing(returns: np.ndarray) -> Any:
    return np.full(returns.shape[:-1], np.nan)[()]


def _ratio(top: Any, bottom: Any) -> Any:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(bottom > 0, np.divide(top, bottom), np.nan)[()]
