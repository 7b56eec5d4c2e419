"""Pictures: what the page draws, as small JSON: numbers as whole steps, each the difference to the one before."""

import math
from typing import Any

import numpy as np

from streams.report.collector import Collector
from streams.report.figures import capital_of
from streams.report.hold import hold_series, whole_run
from streams.report.periods import by_period
from streams.report.profit import PARTS
from streams.report.series import Series
from streams.report.text import digits_of

__all__ = ["MOST_INSTRUMENTS", "pictures"]

MOST_INSTRUMENTS = 8
"""Instruments with pictures of their own: those traded most."""
TONES = ("main", "other", "spread", "inventory", "loss", "funding", "sell", "market")


def pictures(c: Collector) -> dict[str, dict[str, Any]]:
    """By name ("equity USDT", "price binance:BTCUSDT"): {title, unit, digits, from_ms, period_ms, count, lines, marks}.

    A line has name, tone, kind (line, step, area, band) and its values as {step, v}; a band has low and high. A line that is `off` is shown
    when asked for. Marks are fills: `at` (bucket), px, qty, count, side, maker (0 to 1).
    """
    made: dict[str, dict[str, Any]] = {}
    for currency in c.profit.purses:
        made |= _money(c, currency)
    traded = sorted(c.dealing.tallies, key=lambda key: -c.dealing.tallies[key].turnover)
    names = list(dict.fromkeys([name for *_, name in traded] + sorted(c.touches)))[:MOST_INSTRUMENTS]
    for name in names:
        made |= _market(c, name)
    return made


def _money(c: Collector, currency: str) -> dict[str, dict[str, Any]]:
    purse = c.profit.purses[currency]
    series = whole_run(c, purse.series)
    v = {name: series.filled(name, 0.0) for name in series.rules}
    digits = digits_of(max(abs(purse.total), -purse.drawdown.fall))
    step = 10.0**-digits
    low, high = np.fmin(series.values["low"], v["equity"]), np.fmax(series.values["high"], v["equity"])
    equity = [
        {"name": "range", "tone": "main", "kind": "band", "low": _steps(low, step), "high": _steps(high, step)},
        {"name": "P&L", "tone": "main", "kind": "line", **_steps(v["equity"], step)},
    ]
    names = sorted({name for *_, name in c.dealing.tallies if c.markets[name].currency == currency and name in c.touches})
    held = hold_series(c, names)
    if held is not None:
        grown = held.at(series.period_ns)
        if grown.period_ns == series.period_ns and grown.count == series.count:
            hold = grown.filled("growth", 0.0) * capital_of(c, currency)
            equity.append({"name": "buy and hold", "tone": "other", "kind": "line", "off": True, **_steps(hold, step)})
    fall = [{"name": "drawdown", "tone": "loss", "kind": "area", **_steps(_falls(series), step)}]
    parts = [{"name": name, "tone": name, "kind": "line", **_steps(v[name], step)} for name in PARTS if v[name].any()]
    parts.append({"name": "total", "tone": "main", "kind": "line", **_steps(v["equity"], step)})
    frame = _frame(series, digits, currency)
    found = (
        {f"strategies {currency}": {**frame, "title": "P&L by strategy", "lines": by}}
        if (by := _by_holding(c, currency, series, step))
        else {}
    )
    cut = by_period(series, capital_of(c, currency))
    bars = [
        {"name": f"P&L of {cut['length']}", "tone": "main", "kind": "bar", **_steps(np.array([row["profit"] for row in cut["rows"]]), step)}
    ]
    begin_ns, length_ns = cut["rows"][0]["ts_ns"], cut["length_ns"] or 0
    over = {**frame, "from_ms": begin_ns / 1e6, "period_ms": length_ns / 1e6, "count": len(cut["rows"])}
    return {
        **({f"periods {currency}": {**over, "title": "P&L", "lines": bars}} if length_ns else {}),
        f"equity {currency}": {**frame, "title": "P&L", "lines": equity},
        f"drawdown {currency}": {**frame, "title": "Drawdown", "lines": fall, "small": True},
        f"parts {currency}": {**frame, "title": "P&L by source", "lines": parts},
        **found,
    }


def _by_holding(c: Collector, currency: str, whole: Series, step: float) -> list[dict[str, Any]]:
    """P&L of each strategy, instruments together; none where there is one alone, or more than colours."""
    held: dict[str, list[np.ndarray]] = {}
    for (account, strategy, name), holding in sorted(c.profit.holdings.items()):
        if c.markets[name].currency == currency:
            cut = whole_run(c, holding.series, whole.period_ns)
            held.setdefault("/".join(x for x in (account, strategy) if x), []).append(cut.filled("total", 0.0))
    if not 1 < len(held) <= len(TONES):
        return []
    return [
        {"name": who, "tone": tone, "kind": "line", **_steps(np.sum(v, 0), step)}
        for (who, v), tone in zip(held.items(), TONES, strict=False)
    ]


def _falls(series: Series) -> np.ndarray:
    """The largest fall in each bucket; in one without a record it is as it was."""
    equity = series.filled("equity", 0.0)
    highest = np.maximum.accumulate(np.fmax(np.fmax(series.values["high"], equity), 0.0))
    return np.fmin(series.values["fall"], equity - highest)


def _market(c: Collector, name: str) -> dict[str, dict[str, Any]]:
    market, made = c.markets[name], {}
    found = [s for s in (c.touches.get(name), c.working.quotes.get(name), *(t.series for t in [c.dealing.tapes.get(name)] if t)) if s]
    held = [(key, holding) for key, holding in sorted(c.profit.holdings.items()) if key[2] == name]
    period = max([s.period_ns for s in found] + [h.series.period_ns for _, h in held] or [0])
    digits, step = _places(market.tick), market.tick
    lines: list[dict[str, Any]] = []
    frame: dict[str, Any] = {}
    if name in c.touches:
        cut = whole_run(c, c.touches[name], period)
        frame = _frame(cut, digits, market.quote)
        low, high = cut.filled("bid"), cut.filled("ask")
        low, high = np.fmin(cut.values["low"], low), np.fmax(cut.values["high"], high)
        lines.append({"name": "market bid to ask", "tone": "market", "kind": "band", "low": _steps(low, step), "high": _steps(high, step)})
    if name in c.working.quotes:
        cut = whole_run(c, c.working.quotes[name], period)
        frame = frame or _frame(cut, digits, market.quote)
        lines.append({"name": "our bid", "tone": "buy", "kind": "step", **_steps(cut.values["bid"], step)})
        lines.append({"name": "our ask", "tone": "sell", "kind": "step", **_steps(cut.values["ask"], step)})
    tape = c.dealing.tapes.get(name)
    marks = []
    if tape is not None and tape.series.count:
        cut = whole_run(c, tape.series, period)
        frame = frame or _frame(cut, digits, market.quote)
        marks = [_fills(cut, side, market.tick, market.lot) for side in ("buy", "sell")]
    if frame:
        made[f"price {name}"] = {
            **frame,
            "title": "Quotes and fills over the book",
            "lines": lines,
            "marks": marks,
            "tall": True,
            "over": True,
        }
    if held:
        cuts = [(key, whole_run(c, holding.series, period)) for key, holding in held]
        rows = []
        for i, ((account, strategy, _), cut) in enumerate(cuts):
            qty = cut.filled("qty", 0.0)
            tone = TONES[i % len(TONES)]
            label = "position" if len(cuts) == 1 else f"{account}/{strategy}" if strategy else account
            rows.append(
                {"name": label, "tone": tone, "kind": "area" if len(cuts) == 1 else "line", "hold": True, **_steps(qty, market.lot)}
            )
        made[f"position {name}"] = {
            **_frame(cuts[0][1], _places(market.lot), market.base),
            "title": "Position",
            "lines": rows,
            "small": True,
        }
    return made


def _fills(cut: Series, side: str, tick: float, lot: float) -> dict[str, Any]:
    """The buckets with fills of a side: average price, quantity, how many, share that added liquidity."""
    at = np.flatnonzero(cut.values[f"{side}_count"])
    qty = cut.values[f"{side}_qty"][at]
    found = {"side": side, "at": np.diff(at, prepend=0).tolist(), "count": cut.values[f"{side}_count"][at].astype(int).tolist()}
    found |= {"px": _steps(cut.values[f"{side}_worth"][at] / qty, tick / 10), "qty": _steps(qty, lot)}
    return found | {"maker": np.round(cut.values[f"{side}_maker"][at] / qty, 2).tolist()}


def _frame(series: Series, digits: int, unit: str) -> dict[str, Any]:
    start_ms, period_ms = series.first * series.period_ns / 1e6, series.period_ns / 1e6
    return {"unit": unit, "digits": digits, "from_ms": start_ms, "period_ms": period_ms, "count": series.count}


def _places(step: float) -> int:
    """Digits behind the point of a tick or lot."""
    return next((n for n in range(10) if math.isclose(round(step, n), step, rel_tol=1e-9)), 9)


def _steps(values: np.ndarray, step: float) -> dict[str, Any]:
    """Whole steps, each the difference to the last one that was there; null stays."""
    known = ~np.isnan(values)
    whole = np.round(np.where(known, values, 0) / step).astype(np.int64)
    some = whole[known]
    found: list[int | None] = [None] * len(values)
    for place, change in zip(np.flatnonzero(known).tolist(), np.diff(some, prepend=0).tolist(), strict=True):
        found[place] = change
    return {"step": step, "v": found}
