"""Figures of a report as JSON values: numbers in their own units, instants in ns, shares as fractions; null where there is none."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from streams.report import intervals
from streams.report.collector import Collector
from streams.report.dealing import Tally
from streams.report.figures_market import instrument_figures, latency_figures, markout_figures, order_figures, over
from streams.report.hold import hold_series, whole_run
from streams.report.periods import by_period
from streams.report.profit import PARTS, Holding, Key, Purse
from streams.report.returns import FEWEST, YEAR_NS, figures_of, period_ns, returns_of

__all__ = ["FORMAT", "capital_of", "figures"]

FORMAT = "millrace-report-1"
BPS = 1e4


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
        "instruments": [instrument_figures(c, c.markets[name]) for name in names],
        "orders": order_figures(c, None),
        "decisions": dict(sorted(c.working.decisions.items())),
        "denied": dict(c.working.denied.most_common()),
        "rejected": dict(c.working.rejected.most_common()),
        "markouts": markout_figures(c, None),
        "markout_touches_thinned": c.markouts.thinned,
        "latency": [latency_figures(key, histogram) for key, histogram in sorted(c.answers.histograms.items())],
    }
    return _clean(found)


def capital_of(collector: Collector, currency: str) -> float:
    """What returns in a currency are measured on."""
    return collector.capital.get(currency, collector.profit.purses[currency].capital_used)


def _currency(c: Collector, currency: str, purse: Purse) -> dict[str, Any]:
    capital = capital_of(c, currency)
    series = whole_run(c, purse.series)
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
        "turnover_of_capital": over(turnover, capital),
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
        "maker_ratio": over(math.fsum(t.maker_turnover for t in tallies), turnover),
        "profit_bps": over(total * BPS, turnover),
        "edge_bps": over(edge * BPS, known),
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
        "win_rate": over(won, won + lost),
        "average_gain": over(gained, won),
        "average_loss": over(gave, lost),
        "profit_factor": over(gained, -gave),
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


def _traded(c: Collector, currency: str) -> float:
    return math.fsum(tally.turnover for (*_, name), tally in c.dealing.tallies.items() if c.markets[name].currency == currency)


def _clean(value: Any) -> Any:
    """JSON has no NaN and no infinity."""
    if isinstance(value, Mapping):
        return {str(key): _clean(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(one) for one in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value


def _hold(c: Collector, currency: str, capital: float, period: int) -> dict[str, Any] | None:
    """Buy and hold: the capital in equal parts in each instrument that was traded, bought at its first mid."""
    names = sorted({name for *_, name in c.dealing.tallies if c.markets[name].currency == currency and name in c.touches})
    series = hold_series(c, names)
    if series is None:
        return None
    returns = returns_of(series, "growth", 1.0, period)
    return {"instruments": names, "figures": figures_of(returns), "profit": capital * float(series.filled("growth", 0.0)[-1])}
