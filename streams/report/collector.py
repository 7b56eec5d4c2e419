"""Collector: takes what a run wrote, piece by piece, in memory that does not grow with the run."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from streams.records import Instrument
from streams.report.columns import Rows
from streams.report.dealing import Dealing
from streams.report.latency import Answers
from streams.report.market import Markets
from streams.report.markouts import Markouts
from streams.report.profit import Profit
from streams.report.series import Series
from streams.report.working import Working

__all__ = ["Collector"]


class Collector:
    """What a report is made of. Results and market data may come in any order relative to each other, each in its own order of time.

    instruments : of all that is traded
    capital     : by currency, what returns are measured on; where it is not given, the most that all open positions cost at once
    seed        : of the bootstrap
    """

    def __init__(self, instruments: Iterable[Instrument], capital: Mapping[str, float] | None = None, seed: int = 1) -> None:
        self.markets = Markets(instruments)
        self.capital = dict(capital or {})
        self.seed = seed
        self.profit = Profit(self.markets)
        self.dealing = Dealing(self.markets)
        self.markouts = Markouts(self.markets)
        self.working = Working()
        self.answers = Answers()
        self.touches: dict[str, Series] = {}
        self.counts: dict[str, int] = {}
        self.from_ns = 0
        self.to_ns = 0
        self._takers = {
            "fills": (self.dealing.take, self.markouts.take),
            "positions": (self.profit.take,),
            "reports": (self.working.take,),
            "decisions": (self.working.decide,),
            "requests": (self.answers.ask,),
            "venue_events": (self.answers.answer,),
        }

    def take(self, columns: Mapping[str, Any]) -> None:
        """The next records by topic ("fills" or "fills.v1"), each as `Rows` takes them; topics that nothing needs are only counted."""
        until_ns = 0
        for topic in sorted(columns, key=_order):
            rows = Rows(topic.partition(".")[0], columns[topic])
            self.counts[rows.topic] = self.counts.get(rows.topic, 0) + rows.count
            if rows.count and rows.topic in self._takers:
                ts_ns = rows.whole("ts_ns")
                self.reach(ts_ns)
                until_ns = max(until_ns, int(ts_ns.max()))
                for taker in self._takers[rows.topic]:
                    taker(rows)
        if until_ns:
            self.markouts.known(until_ns)

    def touch(self, recv_ts_ns: np.ndarray, instrument: str, bid: np.ndarray, ask: np.ndarray) -> None:
        """The touch of an instrument ("binance:BTCUSDT") from these instants on: int64 ns, and float64 prices, NaN = the side is empty."""
        if not len(recv_ts_ns):
            return
        self.reach(recv_ts_ns)
        mid = (bid + ask) / 2
        series = self.touches.setdefault(instrument, Series({"bid": "last", "ask": "last", "mid": "last", "low": "min", "high": "max"}))
        series.add(recv_ts_ns, bid=bid, ask=ask, mid=mid, low=bid, high=ask)
        self.markouts.touch(instrument, recv_ts_ns, mid)

    def trades(self, recv_ts_ns: np.ndarray, instrument: str, px: np.ndarray, qty: np.ndarray) -> None:
        """The market's trades in an instrument: int64 ns, float64 prices and quantities."""
        if len(recv_ts_ns):
            self.reach(recv_ts_ns)
            self.dealing.market(instrument, px, qty)

    def known(self, until_ns: int) -> None:
        """All results before this instant have been taken."""
        self.markouts.known(until_ns)

    def finish(self) -> None:
        """Nothing comes any more."""
        self.markouts.known(self.to_ns, ended=True)
        self.working.until(self.to_ns)

    def reach(self, ts_ns: np.ndarray) -> None:
        """The run lasted at least from the first to the last of these instants."""
        first, last = int(ts_ns.min()), int(ts_ns.max())
        self.from_ns = min(self.from_ns or first, first)
        self.to_ns = max(self.to_ns, last)


def _order(topic: str) -> tuple[bool, str]:
    """Requests before the answers to them."""
    return topic.startswith("venue_events"), topic
