"""Figures of a report as JSON values: numbers in their own units, instants in ns, shares as fractions; null where there is none."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from streams.report import intervals
from streams.report.collector import Collector
from streams.report.dealing import SIDES, Tally, Tape
from streams.report.market import Market
from streams.report.markouts import GROUPS, HORIZONS_NS
from streams.report.periods import by_period
from streams.report.profit import PARTS, Holding, Key, Purse
from streams.report.returns import FEWEST, YEAR_NS, figures_of, period_ns, returns_of
from streams.report.series import Series

__all__ = ["FORMAT", "capital_of", "figures"]

FORMAT = "millrace-report-1"
BPS = 1e4
QUANTILES = (0.5, 0.9, 0.99)


def figures(collector: Collector, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """All of them; see docs/report.md for what each means. The collector is finished."""
    c = collector
    names = sorted(c.dealing.tapes.keys() | c.touches.keys() | {name for *_, name in c.profit.holdings})
    found = {
        "format": FORMAT,
        "manifest": dict(manifest),
        "from_ts_ns": c.from_ns,
        "to_ts_ns": c.to_ns,
        "records": c.counts,
        "currencies": [
            _currency(c, currency, purse) for currency, purse in sorted(c.profit.purses.items(), key=lambda x: (-_traded(c, x[0]), x[0]))
        ],
        "holdings": [_holding(c, key) for key in sorted(c.profit.holdings)],
        "instruments": [_instrument(c, c.markets[name]) for name in names],
        "orders": _orders(c, None),
        "decisions": dict(sorted(c.working.decisions.items())),
        "denied": dict(c.working.denied.most_common()),
        "rejected": dict(c.working.rejected.most_common()),
        "markouts": _markouts(c, None),
        "markout_touches_thinned": c.markouts.thinned,
        "latency": [_latency(key, histogram) for key, histogram in sorted(c.answers.histograms.items())],
    }
    return _clean(found)


def capital_of(collector: Collector, currency: str) -> float:
    """What returns in a currency are measured on."""
    return collector.capital.get(currency, collector.profit.purses[currency].capital_used)


def _currency(c: Collector, currency: str, purse: Purse) -> dict[str, Any]:
    capital = capital_of(c, currency)
    series = _whole_run(c, purse.series)
    returns = returns_of(series, "equity", capital, period_ns(series))
    held = [holding for (*_, name), holding in c.profit.holdings.items() if c.markets[name].currency == currency]
    tallies = [tally for (*_, name), tally in c.dealing.tallies.items() if c.markets[name].currency == currency]
    turnover, worst = math.fsum(t.turnover for t in tallies), purse.drawdown
    found = figures_of(returns, c.seed)
    return {
        "currency": currency,
        "capital": capital,
        "capital_given": currency in c.capital,
        "profit": _profit(held),
        "drawdown": {
            "money": worst.fall,
            "share": worst.fall / (capital + worst.peak) if capital + worst.peak > 0 else np.nan,
            "peak_ts_ns": worst.peak_ns or None,
            "trough_ts_ns": worst.trough_ns or None,
            "recovered_ts_ns": worst.recovered_ns or None,
        },
        **_dealt(tallies, purse.total),
        "turnover_of_capital": _over(turnover, capital),
        "trips": _trips(held),
        "returns": {
            "period_ns": returns.period_ns,
            "count": len(returns.values),
            "fewest": FEWEST,
            "year_ns": YEAR_NS,
            "whole": returns.whole,
            "confidence": intervals.CONFIDENCE,
            "resamples": intervals.RESAMPLES,
            "block": intervals.block_length(len(returns.values)),
            "seed": c.seed,
            "figures": found,
            "sharpe_lo": intervals.lo_sharpe(found["sharpe"]["value"], len(returns.values), returns.per_year),
        },
        "hold": _hold(c, currency, capital, returns.period_ns),
        "periods": by_period(series, capital),
    }


def _profit(held: Iterable[Holding]) -> dict[str, float]:
    """Total, its parts, and what of it is realized, of all together."""
    held = list(held)
    found = {name: math.fsum(getattr(h, name) for h in held) for name in ("total", "realized", "unrealized")}
    return found | {name: math.fsum(h.parts[name] for h in held) for name in PARTS}


def _dealt(tallies: Iterable[Tally], total: float) -> dict[str, Any]:
    tallies = list(tallies)
    turnover = math.fsum(t.turnover for t in tallies)
    edge, known = math.fsum(t.edge for t in tallies), math.fsum(t.edge_turnover for t in tallies)
    fees: dict[str, float] = {}
    for tally in tallies:
        for currency, fee in tally.fees.items():
            fees[currency] = fees.get(currency, 0.0) + fee
    return {
        "fills": sum(t.count for t in tallies),
        "maker_fills": sum(t.maker_count for t in tallies),
        "turnover": turnover,
        "maker_ratio": _over(math.fsum(t.maker_turnover for t in tallies), turnover),
        "profit_bps": _over(total * BPS, turnover),
        "edge_bps": _over(edge * BPS, known),
        "fees_paid": fees,
    }


def _trips(held: Iterable[Holding]) -> dict[str, Any]:
    held = list(held)
    won, lost = sum(h.won for h in held), sum(h.lost for h in held)
    gained, gave = math.fsum(h.gained for h in held), math.fsum(h.gave for h in held)
    return {
        "count": sum(h.trips for h in held),
        "won": won,
        "lost": lost,
        "win_rate": _over(won, won + lost),
        "average_gain": _over(gained, won),
        "average_loss": _over(gave, lost),
        "profit_factor": _over(gained, -gave),
    }


def _holding(c: Collector, key: Key) -> dict[str, Any]:
    account, strategy, name = key
    holding, tally = c.profit.holdings[key], c.dealing.tallies.get(key, Tally())
    return {
        "account": account,
        "strategy": strategy,
        "instrument": name,
        "currency": c.markets[name].currency,
        "base": c.markets[name].base,
        "qty": holding.qty,
        "most_qty": holding.most_qty,
        "bought_qty": tally.qty("BUY"),
        "sold_qty": tally.qty("SELL"),
        "profit": _profit([holding]),
        "trips": _trips([holding]),
        **_dealt([tally], holding.total),
    }


def _instrument(c: Collector, market: Market) -> dict[str, Any]:
    tape, touch = c.dealing.tapes.get(market.name, Tape()), c.touches.get(market.name)
    tallies = [tally for (*_, name), tally in c.dealing.tallies.items() if name == market.name]
    vwap = _over(tape.market_worth, tape.market_qty)
    mids = touch.values["mid"] if touch else np.empty(0)
    mids = mids[~np.isnan(mids)]
    own, ours = {}, math.fsum(t.qty(side) for t in tallies for side in SIDES)
    for side, sign in zip(SIDES, (-1, 1), strict=True):
        px = _over(math.fsum(t.worth[side] for t in tallies), math.fsum(t.qty(side) for t in tallies))
        own[side.lower()] = {"vwap": px, "better_bps": sign * _over(px - vwap, vwap) * BPS}
    return {
        **market._asdict(),
        "first_mid": float(mids[0]) if len(mids) else np.nan,
        "last_mid": float(mids[-1]) if len(mids) else np.nan,
        "change": float(mids[-1] / mids[0] - 1) if len(mids) else np.nan,
        "market": {"trades": tape.market_count, "qty": tape.market_qty, "vwap": vwap},
        "own": own,
        "participation": _over(ours, tape.market_qty),
        "orders": _orders(c, market.name),
        "markouts": _markouts(c, market.name),
    }


def _orders(c: Collector, name: str | None) -> dict[str, Any]:
    """Reports by what happened, and the share of accepted orders that were filled at least in part."""
    counts: dict[str, int] = {}
    for (one, what), count in sorted(c.working.reports.items()):
        if name in (None, one):
            counts[what] = counts.get(what, 0) + count
    filled = sum(count for one, count in c.working.filled.items() if name in (None, one))
    return {"reports": counts, "accepted": counts.get("NEW", 0), "filled": filled, "fill_rate": _over(filled, counts.get("NEW", 0))}


def _markouts(c: Collector, name: str | None) -> list[dict[str, Any]]:
    found = []
    for horizon_ns in HORIZONS_NS:
        groups = {}
        for group in GROUPS:
            mean = c.markouts.mean(horizon_ns, group, None if name is None else [name])
            groups[group] = {"bps": mean.value, "error_bps": mean.error, "fills": mean.count}
        found.append({"horizon_ns": horizon_ns, **groups})
    return found


def _latency(key: tuple[str, str], histogram: Any) -> dict[str, Any]:
    venue, action = key
    found = {f"p{round(100 * share)}_ns": histogram.quantile_ns(share) for share in QUANTILES}
    return {"venue": venue, "action": action, "count": histogram.count, "min_ns": histogram.least_ns, **found, "max_ns": histogram.most_ns}


def _hold(c: Collector, currency: str, capital: float, period: int) -> dict[str, Any] | None:
    """Buy and hold: the capital in equal parts in each instrument that was traded, bought at its first mid."""
    names = sorted({name for *_, name in c.dealing.tallies if c.markets[name].currency == currency and name in c.touches})
    series = hold_series(c, names)
    if series is None:
        return None
    returns = returns_of(series, "growth", 1.0, period)
    return {"instruments": names, "figures": figures_of(returns), "profit": capital * float(series.filled("growth", 0.0)[-1])}


def hold_series(c: Collector, names: list[str]) -> Series | None:
    """Growth of one unit that is put in equal parts into these instruments; None where none has a mid."""
    cuts = [(c.markets[name], _whole_run(c, c.touches[name])) for name in names]
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


def _whole_run(c: Collector, series: Series) -> Series:
    """A copy that begins and ends with the run."""
    made = series.at(series.period_ns)
    made.cover(c.from_ns, c.to_ns)
    return made


def _traded(c: Collector, currency: str) -> float:
    return math.fsum(tally.turnover for (*_, name), tally in c.dealing.tallies.items() if c.markets[name].currency == currency)


def _over(top: float, bottom: float) -> float:
    return top / bottom if bottom else np.nan


def _clean(value: Any) -> Any:
    """JSON has no NaN and no infinity."""
    if isinstance(value, Mapping):
        return {str(key): _clean(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(one) for one in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value
