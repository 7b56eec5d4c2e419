"""Buy and hold: what the same capital had become in what was traded, bought at the first mid and held without costs."""

import numpy as np

from streams.report.collector import Collector
from streams.report.series import Series

__all__ = ["hold_series", "whole_run"]


def hold_series(c: Collector, names: list[str]) -> Series | None:
    """Growth of one unit that is put in equal parts into these instruments; None where none has a mid."""
    cuts = [(c.markets[name], whole_run(c, c.touches[name])) for name in names]
    cuts = [(market, cut) for market, cut in cuts if not np.isnan(cut.values["mid"]).all()]
    if not cuts:
        return None
    longest = max(cut.period_ns for _, cut in cuts)
    made = Series({"growth": "last"})
    grown = []
    for market, cut in cuts:
        cut = cut.at(longest)
        mids = cut.filled("mid")
        mids = np.where(np.isnan(mids), mids[~np.isnan(mids)][0], mids)
        grown.append(market.hold(np.concatenate((mids[:1], mids)))[1:])
        made.period_ns, made.first = cut.period_ns, cut.first
    made.values["growth"] = np.mean(grown, 0)
    return made


def whole_run(c: Collector, series: Series, period_ns: int = 0) -> Series:
    """A copy that begins and ends with the run, in buckets at least so long."""
    made = series.at(max(series.period_ns, period_ns))
    made.cover(c.from_ns, c.to_ns)
    return made
