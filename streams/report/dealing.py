"""Dealing: what was traded at which prices and fees, from fills.v1 and the market's own trades."""

from dataclasses import dataclass, field

import numpy as np

from streams.report.columns import Rows
from streams.report.market import Market, Markets
from streams.report.profit import Key
from streams.report.series import Series

__all__ = ["SIDES", "Dealing", "Tally", "Tape"]

SIDES = ("BUY", "SELL")
E9 = 1e9
_SUMS = tuple(f"{side}_{what}" for side in ("buy", "sell") for what in ("qty", "worth", "count", "maker"))


@dataclass
class Tally:
    """Fills of a strategy in an instrument. By side: qty_e9, and worth = sum of price x quantity (quote currency).

    turnover : sum of notionals, in the instrument's currency; maker_turnover: that of fills that added liquidity
    edge     : what fills earned against the mid of their moment, of those with one; edge_turnover: the turnover of those
    fees     : by currency, paid is positive
    """

    qty_e9: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SIDES, 0))
    worth: dict[str, float] = field(default_factory=lambda: dict.fromkeys(SIDES, 0.0))
    count: int = 0
    maker_count: int = 0
    turnover: float = 0.0
    maker_turnover: float = 0.0
    edge: float = 0.0
    edge_turnover: float = 0.0
    fees: dict[str, float] = field(default_factory=dict)

    def qty(self, side: str) -> float:
        """Quantity bought or sold."""
        return self.qty_e9[side] / E9


@dataclass
class Tape:
    """An instrument: our fills a bucket, both sides apart, and the market's own trades."""

    series: Series = field(default_factory=lambda: Series(dict.fromkeys(_SUMS, "sum")))
    market_qty: float = 0.0
    market_worth: float = 0.0
    market_count: int = 0


class Dealing:
    """Takes fills in the order written. tallies by key, tapes by instrument."""

    def __init__(self, markets: Markets) -> None:
        self.markets = markets
        self.tallies: dict[Key, Tally] = {}
        self.tapes: dict[str, Tape] = {}

    def take(self, rows: Rows) -> None:
        """The next records of fills.v1."""
        if not rows.count:
            return
        codes, keys = rows.keys("account", "strategy", "venue", "symbol", "fee_currency")
        columns = {
            "qty_e9": rows.whole("last_qty_e9"),
            "px": rows.e9("last_px_e9"),
            "qty": rows.e9("last_qty_e9"),
            "fee": rows.money("fee"),
            "mid": rows.e9("mid_px_e9"),
        }
        columns |= {"maker": rows.flags("maker"), "buy": rows.equal("side", "BUY"), "ts_ns": rows.whole("ts_ns")}
        for code, (account, strategy, venue, symbol, currency) in enumerate(keys):
            at = codes == code
            name = f"{venue}:{symbol}"
            here = {column: values[at] for column, values in columns.items()}
            _count(self.tallies.setdefault((account, strategy, name), Tally()), self.markets[name], here, currency)
            _mark(self.tapes.setdefault(name, Tape()).series, here)

    def market(self, name: str, px: np.ndarray, qty: np.ndarray) -> None:
        """The market's trades in an instrument, float64 in price and quantity units."""
        tape = self.tapes.setdefault(name, Tape())
        tape.market_qty = _more(tape.market_qty, qty)
        tape.market_worth = _more(tape.market_worth, px * qty)
        tape.market_count += len(qty)


def _count(tally: Tally, market: Market, here: dict[str, np.ndarray], fee_currency: str) -> None:
    px, qty, buy, maker = here["px"], here["qty"], here["buy"], here["maker"]
    notional = market.notional(px, qty)
    for side, some in zip(SIDES, (buy, ~buy), strict=True):
        tally.qty_e9[side] += int(here["qty_e9"][some].sum())
        tally.worth[side] = _more(tally.worth[side], (px * qty)[some])
    tally.count += len(px)
    tally.maker_count += int(maker.sum())
    tally.turnover = _more(tally.turnover, notional)
    tally.maker_turnover = _more(tally.maker_turnover, notional[maker])
    known = ~np.isnan(here["mid"])
    worth = market.notional(here["mid"], qty) - notional
    earned = np.where(buy != market.inverse, worth, -worth)
    tally.edge = _more(tally.edge, earned[known])
    tally.edge_turnover = _more(tally.edge_turnover, notional[known])
    tally.fees[fee_currency] = _more(tally.fees.get(fee_currency, 0.0), here["fee"])


def _mark(series: Series, here: dict[str, np.ndarray]) -> None:
    sums = {}
    for side, some in (("buy", here["buy"]), ("sell", ~here["buy"])):
        qty = np.where(some, here["qty"], 0.0)
        sums |= {f"{side}_qty": qty, f"{side}_worth": qty * here["px"], f"{side}_count": some.astype(np.float64)}
        sums[f"{side}_maker"] = np.where(here["maker"], qty, 0.0)
    series.add(here["ts_ns"], **sums)


def _more(before: float, values: np.ndarray) -> float:
    """A sum, one value after the other: the same bits however the records are cut into pieces."""
    return float(np.cumsum(np.concatenate(([before], values)))[-1])
