"""Returns: equity of one currency cut into equal periods, and the figures of them with their intervals."""

from typing import Any, NamedTuple

import numpy as np

from streams.report import intervals, ratios
from streams.report.series import DAY, HOUR, MIN, S, Series

__all__ = ["FEWEST", "YEAR_NS", "Returns", "figures_of", "period_ns", "returns_of"]

YEAR_NS = 365 * DAY
"""Markets that never close: a year has 365 days of 24 hours."""
PERIODS_NS = (S, 10 * S, MIN, 10 * MIN, HOUR, DAY)
FEWEST = 20
"""Fewer returns have no ratios."""


class Returns(NamedTuple):
    """values: float64[n], of consecutive periods of period_ns, the first one beginning at from_ns; whole: equity never fell to nothing."""

    values: np.ndarray
    period_ns: int
    from_ns: int
    whole: bool

    @property
    def per_year(self) -> float:
        """Periods a year has."""
        return YEAR_NS / self.period_ns


def period_ns(series: Series) -> int:
    """The period of the returns of a run: the shortest of 1 s, 10 s, 1 min, 10 min, 1 h, 1 day that the series still tells apart."""
    return next((p for p in PERIODS_NS if p >= series.period_ns), series.period_ns)


def returns_of(series: Series, name: str, capital: float, period: int) -> Returns:
    """Returns of profit on capital: (capital + profit at the end) / (capital + profit at the beginning) - 1 of each period.

    series, name : a column `last` of profit since the beginning
    """
    cut = series.at(period)
    equity = capital + np.concatenate(([0.0], cut.filled(name, 0.0)))
    whole = bool(capital > 0 and (equity > 0).all())
    values = equity[1:] / equity[:-1] - 1 if whole else np.empty(0)
    return Returns(values, cut.period_ns, cut.first * cut.period_ns, whole)


def figures_of(returns: Returns, seed: int | None = None) -> dict[str, Any]:
    """The ratios by name, each {value, low, high}; the last two are null without a seed or with too few returns."""
    values, per_year = returns.values, returns.per_year
    enough = len(values) >= FEWEST
    figures: dict[str, Any] = {
        "total_return": ratios.total_return,
        "annual_return": lambda r: ratios.annual_return(r, per_year),
        "annual_volatility": lambda r: ratios.annual_volatility(r, per_year),
        "sharpe": lambda r: ratios.sharpe(r, per_year),
        "sortino": lambda r: ratios.sortino(r, per_year),
        "calmar": lambda r: ratios.calmar(r, per_year),
        "max_drawdown": ratios.max_drawdown,
        "value_at_risk": ratios.value_at_risk,
        "expected_shortfall": ratios.expected_shortfall,
    }
    drawn = intervals.resampled(values, seed) if seed is not None and enough else None
    found: dict[str, Any] = {}
    for name, figure in figures.items():
        low, high = intervals.bootstrap(drawn, figure) if drawn is not None else (np.nan, np.nan)
        value = float(figure(values)) if enough or name == "total_return" else np.nan
        found[name] = {"value": value, "low": low, "high": high}
    moved = values[values != 0]
    found["winning_periods"] = {"value": float((moved > 0).mean()) if len(moved) else np.nan, "low": np.nan, "high": np.nan}
    return found
