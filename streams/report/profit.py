"""Profit: equity, drawdown, attribution, positions and round trips, from the records of positions.v1."""

from dataclasses import dataclass, field

import numpy as np

from streams.report.columns import Rows
from streams.report.market import Markets
from streams.report.series import Series

__all__ = ["PARTS", "Drawdown", "Holding", "Key", "Profit", "Purse"]

PARTS = ("spread", "inventory", "fees", "funding")
"""What total profit is the sum of; fees count with their sign: paid is negative."""
Key = tuple[str, str, str]
"""(account, strategy, instrument)"""


@dataclass
class Drawdown:
    """The largest fall of equity below its highest point before, over every record. Money in the purse's currency, instants in ns.

    fall : <= 0; equity: profit at the moment of the fall; peak_ns, trough_ns: when it began and was deepest, 0 = there is none;
    recovered_ns : when equity was back, 0 = it never was
    """

    fall: float = 0.0
    peak: float = 0.0
    peak_ns: int = 0
    trough_ns: int = 0
    recovered_ns: int = 0


@dataclass
class Holding:
    """A strategy's position in an instrument. Money in the instrument's currency; profit parts with their sign.

    trips, won, lost : times it came back to flat or turned; with a gain, with a loss after fees; gained, gave: the sums of those
    qty, most_qty    : position at the end, largest one either way
    """

    total: float = 0.0
    realized: float = 0.0
    unrealized: float = 0.0
    parts: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PARTS, 0.0))
    qty: float = 0.0
    most_qty: float = 0.0
    cost: float = 0.0
    trips: int = 0
    won: int = 0
    lost: int = 0
    gained: float = 0.0
    gave: float = 0.0
    net: float = 0.0  # realized less fees plus funding
    flat_net: float = 0.0  # the same when it was flat last
    series: Series = field(default_factory=lambda: Series({"total": "last", "qty": "last"}))


@dataclass
class Purse:
    """All that settles in one currency. `capital_used`: the most that all open positions cost at once."""

    total: float = 0.0
    parts: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PARTS, 0.0))
    tied: float = 0.0
    capital_used: float = 0.0
    top: float = 0.0
    top_ns: int = 0
    drawdown: Drawdown = field(default_factory=Drawdown)
    series: Series = field(
        default_factory=lambda: Series({"equity": "last", "low": "min", "high": "max", "fall": "min"} | dict.fromkeys(PARTS, "last"))
    )


class Profit:
    """Takes positions in the order written. holdings by key, purses by currency."""

    def __init__(self, markets: Markets) -> None:
        self.markets = markets
        self.holdings: dict[Key, Holding] = {}
        self.purses: dict[str, Purse] = {}

    def take(self, rows: Rows) -> None:
        """The next records of positions.v1."""
        if not rows.count:
            return
        ts_ns = rows.whole("ts_ns")
        codes, keys = rows.keys("account", "strategy", "venue", "symbol")
        columns = _columns(rows)
        changes = {name: np.empty(rows.count) for name in ("total", "tied", *PARTS)}
        for code, (account, strategy, venue, symbol) in enumerate(keys):
            at = np.flatnonzero(codes == code)
            key = account, strategy, f"{venue}:{symbol}"
            holding = self.holdings.setdefault(key, Holding())
            here = {name: values[at] for name, values in columns.items()}
            _trips(holding, here)
            before = {"total": holding.total, "tied": abs(holding.cost), **holding.parts}
            for name, change in changes.items():
                change[at] = np.diff(here[name], prepend=before[name])
            _follow(holding, here)
            holding.series.add(ts_ns[at], total=here["total"], qty=here["qty"])
        currency = np.array([self.markets[f"{venue}:{symbol}"].currency for *_, venue, symbol in keys], object)[codes]
        for one in dict.fromkeys(currency.tolist()):
            at = np.flatnonzero(currency == one)
            _book(self.purses.setdefault(one, Purse()), ts_ns[at], {name: change[at] for name, change in changes.items()})


def _columns(rows: Rows) -> dict[str, np.ndarray]:
    """What is needed of each record, float64."""
    found = {name: rows.money(f"{name}_pnl") for name in ("realized", "unrealized", "spread", "inventory")}
    found |= {"fees": -rows.money("fees"), "funding": rows.money("funding"), "qty": rows.e9("qty_e9"), "cost": rows.money("cost")}
    found["total"] = found["realized"] + found["unrealized"] + found["fees"] + found["funding"]
    found["net"] = found["realized"] + found["fees"] + found["funding"]
    found["tied"] = np.abs(found["cost"])
    return found


def _trips(holding: Holding, here: dict[str, np.ndarray]) -> None:
    """Count the round trips that end here: the position is flat again, or has turned to the other side."""
    qty, net = here["qty"], here["net"]
    before = np.concatenate(([holding.qty], qty[:-1]))
    ends = np.flatnonzero((before != 0) & (np.sign(before) != np.sign(qty)))
    if not len(ends):
        return
    results = np.diff(net[ends], prepend=holding.flat_net)
    holding.flat_net = float(net[ends[-1]])
    won, lost = results > 0, results < 0
    holding.trips += len(ends)
    holding.won += int(won.sum())
    holding.lost += int(lost.sum())
    holding.gained += float(results[won].sum())
    holding.gave += float(results[lost].sum())


def _follow(holding: Holding, here: dict[str, np.ndarray]) -> None:
    """The holding as of the last of these records."""
    for name in ("total", "realized", "unrealized", "qty", "cost", "net"):
        setattr(holding, name, float(here[name][-1]))
    holding.parts = {name: float(here[name][-1]) for name in PARTS}
    largest = here["qty"][np.argmax(np.abs(here["qty"]))]
    if abs(largest) > abs(holding.most_qty):
        holding.most_qty = float(largest)


def _book(purse: Purse, ts_ns: np.ndarray, changes: dict[str, np.ndarray]) -> None:
    """Add what changed, record by record."""
    parts = {name: _running(purse.parts[name], changes[name]) for name in PARTS}
    equity, tied = _running(purse.total, changes["total"]), _running(purse.tied, changes["tied"])
    if not purse.top_ns:
        purse.top_ns = int(ts_ns[0])
    fall = _falls(purse, ts_ns, equity)
    purse.series.add(ts_ns, equity=equity, low=equity, high=equity, fall=fall, **parts)
    purse.total, purse.tied = float(equity[-1]), float(tied[-1])
    purse.parts = {name: float(values[-1]) for name, values in parts.items()}
    purse.capital_used = max(purse.capital_used, float(tied.max()))


def _running(before: float, changes: np.ndarray) -> np.ndarray:
    """Sums one after the other from `before` on: the same bits however the records are cut into pieces."""
    return np.cumsum(np.concatenate(([before], changes)))[1:]


def _falls(purse: Purse, ts_ns: np.ndarray, equity: np.ndarray) -> np.ndarray:
    """How far equity is below its highest point before, at each record; keeps the largest."""
    peaks = np.maximum.accumulate(np.concatenate(([purse.top], equity)))[1:]
    risen = np.flatnonzero(equity >= peaks)
    worst = purse.drawdown
    if worst.fall < 0 and not worst.recovered_ns:
        back = np.flatnonzero(equity >= worst.peak)
        worst.recovered_ns = int(ts_ns[back[0]]) if len(back) else 0
    falls = equity - peaks
    at = int(np.argmin(falls))
    if falls[at] < worst.fall:
        before = risen[risen < at]
        peak_ns = int(ts_ns[before[-1]]) if len(before) else purse.top_ns
        back = at + np.flatnonzero(equity[at:] >= peaks[at])
        recovered_ns = int(ts_ns[back[0]]) if len(back) else 0
        purse.drawdown = Drawdown(float(falls[at]), float(peaks[at]), peak_ns, int(ts_ns[at]), recovered_ns)
    if len(risen):
        purse.top_ns = int(ts_ns[risen[-1]])
    purse.top = float(peaks[-1])
    return falls
