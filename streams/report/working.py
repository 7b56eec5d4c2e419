"""Working: how orders fared, from reports.v1 and decisions.v1, and what we quoted when."""

from collections import Counter

import numpy as np

from streams.report.columns import Rows
from streams.report.series import Series
from streams.schema.layout import NULL

__all__ = ["Working"]

LIVE = ("NEW", "PARTIALLY_FILLED", "PENDING_CANCEL", "PENDING_REPLACE")
"""States in which an order may still fill."""


class Working:
    """Takes reports and decisions in the order written.

    reports : by (instrument, what happened); denied, rejected: by code; filled: by instrument, orders with at least one execution
    quotes  : by instrument, of each bucket the best bid and ask of ours that stood in it
    """

    def __init__(self) -> None:
        self.reports: Counter[tuple[str, str]] = Counter()
        self.filled: Counter[str] = Counter()
        self.rejected: Counter[str] = Counter()
        self.decisions: Counter[str] = Counter()
        self.denied: Counter[str] = Counter()
        self.quotes: dict[str, Series] = {}
        self._standing: dict[str, np.ndarray] = {}  # order id, when it began to stand so, sign of its side, price in units of 10^-9

    def take(self, rows: Rows) -> None:
        """The next records of reports.v1."""
        if not rows.count:
            return
        codes, keys = rows.keys("venue", "symbol", "exec_type")
        for (venue, symbol, what), count in zip(keys, np.bincount(codes).tolist(), strict=True):
            self.reports[f"{venue}:{symbol}", what] += count
        reasons, names = rows.texts("code")
        rejects = rows.equal("exec_type", "REJECTED")
        self.rejected.update({names[i]: int(n) for i, n in enumerate(np.bincount(reasons[rejects], minlength=len(names))) if n})
        first = rows.equal("exec_type", "TRADE") & (rows.whole("cum_qty_e9") == rows.whole("last_qty_e9"))
        states, symbols = rows.texts("ord_status")
        live = np.isin(states, [i for i, name in enumerate(symbols) if name in LIVE])
        sign = np.where(rows.equal("side", "BUY"), 1, -1)
        told = np.stack((rows.whole("order_id"), rows.whole("ts_ns"), sign, rows.whole("px_e9"), live.astype(np.int64)))
        codes, markets = rows.keys("venue", "symbol")
        for code, key in enumerate(markets):
            name, at = ":".join(key), codes == code
            self.filled[name] += int(first[at].sum())
            self._quote(name, told[:, at])

    def decide(self, rows: Rows) -> None:
        """The next records of decisions.v1."""
        codes, keys = rows.keys("outcome", "code")
        for (outcome, code), count in zip(keys, np.bincount(codes, minlength=len(keys)).tolist(), strict=True):
            self.decisions[outcome] += count
            if outcome == "DENY":
                self.denied[code] += count

    def until(self, end_ns: int) -> None:
        """What stands still stands at this instant."""
        for name, standing in self._standing.items():
            if standing.shape[1]:
                _paint(self.quotes[name], standing[1], np.full(standing.shape[1], end_ns), standing[2], standing[3])
                standing[1] = np.maximum(standing[1], end_ns)

    def _quote(self, name: str, told: np.ndarray) -> None:
        """Paint how long each order stood at which price: from a report of it to the next one."""
        series = self.quotes.setdefault(name, Series({"bid": "max", "ask": "min"}))
        standing = self._standing.get(name, np.empty((4, 0), np.int64))
        every = np.concatenate((np.concatenate((standing, np.ones((1, standing.shape[1]), np.int64))), told), 1)
        every = every[:, np.argsort(every[0], kind="stable")]
        order, since_ns, sign, px, live = every
        last = np.append(order[1:] != order[:-1], True)
        shown = (live == 1) & (px != NULL)
        ended = shown & ~last
        until_ns = np.append(since_ns[1:], 0)
        _paint(series, since_ns[ended], until_ns[ended], sign[ended], px[ended])
        self._standing[name] = every[:4, shown & last]


def _paint(series: Series, since_ns: np.ndarray, until_ns: np.ndarray, sign: np.ndarray, px_e9: np.ndarray) -> None:
    """Put prices that stood from `since_ns` to `until_ns` into each bucket between."""
    if not len(since_ns):
        return
    series.cover(int(since_ns.min()), int(until_ns.max()))
    first, last = since_ns // series.period_ns, until_ns // series.period_ns
    many = last - first + 1
    row = np.repeat(np.arange(len(many)), many)
    bucket = first[row] + np.arange(len(row)) - np.repeat(np.cumsum(many) - many, many)
    px, buy = px_e9[row] / 1e9, sign[row] > 0
    series.add(bucket * series.period_ns, bid=np.where(buy, px, np.nan), ask=np.where(buy, np.nan, px))
