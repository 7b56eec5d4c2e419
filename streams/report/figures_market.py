"""Figures of instruments, orders, markouts and latency, as JSON values with NaN where there is none."""

import math
from typing import Any

import numpy as np

from streams.report.collector import Collector
from streams.report.dealing import SIDES, Tape
from streams.report.latency import Histogram
from streams.report.market import Market
from streams.report.markouts import GROUPS, HORIZONS_NS

__all__ = ["instrument_figures", "latency_figures", "markout_figures", "order_figures", "over"]

_BPS = 1e4
_QUANTILES = (0.5, 0.9, 0.99)


def instrument_figures(c: Collector, market: Market) -> dict[str, Any]:
    """An instrument: the market, our prices against its VWAP, our orders and markouts in it."""
    tape, touch = c.dealing.tapes.get(market.name, Tape()), c.touches.get(market.name)
    tallies = [tally for (*_, name), tally in c.dealing.tallies.items() if name == market.name]
    vwap = over(tape.market_worth, tape.market_qty)
    mids = touch.values["mid"] if touch else np.empty(0)
    mids = mids[~np.isnan(mids)]
    own, ours = {}, math.fsum(t.qty(side) for t in tallies for side in SIDES)
    for side, sign in zip(SIDES, (-1, 1), strict=True):
        px = over(math.fsum(t.worth[side] for t in tallies), math.fsum(t.qty(side) for t in tallies))
        own[side.lower()] = {"vwap": px, "better_bps": sign * over(px - vwap, vwap) * _BPS}
    return {
        **market._asdict(),
        "first_mid": float(mids[0]) if len(mids) else np.nan,
        "last_mid": float(mids[-1]) if len(mids) else np.nan,
        "change": float(mids[-1] / mids[0] - 1) if len(mids) else np.nan,
        "market": {"trades": tape.market_count, "qty": tape.market_qty, "vwap": vwap},
        "own": own,
        "participation": over(ours, tape.market_qty),
        "orders": order_figures(c, market.name),
        "markouts": markout_figures(c, market.name),
    }


def order_figures(c: Collector, name: str | None) -> dict[str, Any]:
    """Reports by what happened, and the share of accepted orders that were filled at least in part: of one instrument, None = of all."""
    counts: dict[str, int] = {}
    for (one, what), count in sorted(c.working.reports.items()):
        if name in (None, one):
            counts[what] = counts.get(what, 0) + count
    filled = sum(count for one, count in c.working.filled.items() if name in (None, one))
    return {"reports": counts, "accepted": counts.get("NEW", 0), "filled": filled, "fill_rate": over(filled, counts.get("NEW", 0))}


def markout_figures(c: Collector, name: str | None) -> list[dict[str, Any]]:
    """Markouts by horizon and group: of one instrument, None = of all."""
    found = []
    for horizon_ns in HORIZONS_NS:
        groups = {}
        for group in GROUPS:
            mean = c.markouts.mean(horizon_ns, group, None if name is None else [name])
            groups[group] = {"bps": mean.value, "error_bps": mean.error, "fills": mean.count}
        found.append({"horizon_ns": horizon_ns, **groups})
    return found


def latency_figures(key: tuple[str, str], histogram: Histogram) -> dict[str, Any]:
    """Latency of the answers of a venue to requests of an action."""
    venue, action = key
    found = {f"p{round(100 * share)}_ns": histogram.quantile_ns(share) for share in _QUANTILES}
    return {"venue": venue, "action": action, "count": histogram.count, "min_ns": histogram.least_ns, **found, "max_ns": histogram.most_ns}


def over(top: float, bottom: float) -> float:
    """A ratio; NaN over nothing."""
    return top / bottom if bottom else np.nan
