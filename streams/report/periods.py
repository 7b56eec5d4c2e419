"""Returns by period: the run cut by the clock into at most 48 parts, months of the calendar where it is longer than that many days."""

from typing import Any

import numpy as np

from streams.report.series import DAY, HOUR, MIN, S, Series

__all__ = ["MOST_ROWS", "by_period"]

MOST_ROWS = 48
LENGTHS_NS = (S, 10 * S, 30 * S, MIN, 5 * MIN, 10 * MIN, 30 * MIN, HOUR, 6 * HOUR, DAY)
_NAMES = {S: "s", MIN: "min", HOUR: "h", DAY: "day"}


def by_period(series: Series, capital: float) -> dict[str, Any]:
    """{length, length_ns, rows}: of each period its begin, profit, and return on the equity it began with. length_ns is null for months.

    series : of profit since the beginning (`equity`, a column `last`)
    """
    begins, ends = _cut(series)
    profit = series.filled("equity", 0.0)
    length_ns = _length_ns(series)
    rows = []
    before = 0.0
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        after = float(profit[end - 1])
        rows.append(
            {"ts_ns": begin, "profit": after - before, "return": (after - before) / (capital + before) if capital + before > 0 else np.nan}
        )
        before = after
    return {"length": _name(length_ns), "length_ns": length_ns, "rows": rows}


def _length_ns(series: Series) -> int | None:
    """Of one period; None = months."""
    first, end = series.first * series.period_ns, (series.first + series.count) * series.period_ns
    return next((p for p in LENGTHS_NS if p >= series.period_ns and -(-end // p) - first // p <= MOST_ROWS), None)


def _cut(series: Series) -> tuple[np.ndarray, np.ndarray]:
    """When each period begins, ns, and the bucket behind its last one."""
    starts_ns, length_ns = series.starts_ns(), _length_ns(series)
    if length_ns is None:
        months = starts_ns.astype("datetime64[ns]").astype("datetime64[M]")
        labels, clock = months.astype(np.int64), months.astype("datetime64[ns]").astype(np.int64)
    else:
        labels = starts_ns // length_ns
        clock = labels * length_ns
    ends = np.append(np.flatnonzero(np.diff(labels)) + 1, len(labels))
    return clock[ends - 1], ends


def _name(length_ns: int | None) -> str:
    if length_ns is None:
        return "month"
    unit = max(u for u in _NAMES if length_ns % u == 0)
    return f"{length_ns // unit} {_NAMES[unit]}"
