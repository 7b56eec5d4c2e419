"""Markouts: what fills had earned against the mid a moment later, in basis points of their price.

For a fill of side s (+1 bought, -1 sold) at price p and time t, and horizon h: s x (mid(t + h) - p) / p x 10^4, weighted by notional. The
mid is that of the last touch at or before t + h, as received. Positive: the market moved the fill's way. At h = 0 it is half the spread
earned (of a maker) or paid (of a taker).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from streams.report.columns import Rows
from streams.report.market import Markets

__all__ = ["GROUPS", "HORIZONS_NS", "KEPT", "Markouts", "Mean", "Touches"]

HORIZONS_NS = (0, 100_000_000, 1_000_000_000, 10_000_000_000)
KEPT = 1_000_000
"""Touches of an instrument that are kept for fills still to come; beyond, the older half is thinned to one each 100 ms."""
THIN_NS = 100_000_000
BPS = 1e4
GROUPS = ("all", "maker", "taker")


@dataclass
class Mean:
    """A weighted mean as it grows: sums of weights, of weight x value, of weight x value^2, of weight^2."""

    count: int = 0
    sums: np.ndarray = field(default_factory=lambda: np.zeros(4))

    def add(self, values: np.ndarray, weights: np.ndarray) -> None:
        """More of them."""
        self.count += len(values)
        terms = np.stack((weights, weights * values, weights * values * values, weights * weights))
        self.sums = np.cumsum(np.concatenate((self.sums[:, None], terms), 1), 1)[:, -1]

    @property
    def value(self) -> float:
        """NaN while there is none."""
        return float(self.sums[1] / self.sums[0]) if self.sums[0] > 0 else np.nan

    @property
    def error(self) -> float:
        """Standard error of the mean, values taken as independent; NaN with fewer than two."""
        w, wx, wxx, ww = self.sums.tolist()
        if self.count < 2 or w <= 0:
            return np.nan
        spread = max(wxx / w - (wx / w) ** 2, 0.0)
        return float(np.sqrt(spread * ww) / w * np.sqrt(self.count / (self.count - 1)))


class Touches:
    """The touch of one instrument over time, as much of it as fills may still ask for."""

    def __init__(self) -> None:
        self.ts_ns = np.empty(0, np.int64)
        self.mid = np.empty(0)
        self.thinned = 0
        self.last_ns = -(1 << 63)

    def add(self, ts_ns: np.ndarray, mid: np.ndarray) -> None:
        """Later ones, in time order."""
        self.ts_ns = np.concatenate((self.ts_ns, ts_ns))
        self.mid = np.concatenate((self.mid, mid))
        if len(ts_ns):
            self.last_ns = int(ts_ns[-1])
        if len(self.ts_ns) > KEPT:
            self._thin()

    def mids(self, at_ns: np.ndarray) -> np.ndarray:
        """The mid at these instants, NaN where there was none."""
        if not len(self.ts_ns):
            return np.full(len(at_ns), np.nan)
        place = np.searchsorted(self.ts_ns, at_ns, "right") - 1
        return np.where(place < 0, np.nan, self.mid[place])

    def forget(self, before_ns: int) -> None:
        """Nobody will ask for an instant before this one."""
        place = int(np.searchsorted(self.ts_ns, before_ns, "right")) - 1
        if place > 0:
            self.ts_ns, self.mid = self.ts_ns[place:].copy(), self.mid[place:].copy()

    def _thin(self) -> None:
        half = len(self.ts_ns) // 2
        bucket = self.ts_ns[:half] // THIN_NS
        last = np.append(bucket[1:] != bucket[:-1], True)
        self.thinned += half - int(last.sum())
        keep = np.concatenate((last, np.ones(len(self.ts_ns) - half, bool)))
        self.ts_ns, self.mid = self.ts_ns[keep], self.mid[keep]


@dataclass
class _Waiting:
    """Fills whose mid at t + h is not known yet: price, sign of the side, notional, 1 = maker; and the instant asked for."""

    rows: np.ndarray = field(default_factory=lambda: np.empty((4, 0)))
    at_ns: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))


class Markouts:
    """Takes fills and touches, whichever comes first. means by (instrument, horizon, group)."""

    def __init__(self, markets: Markets) -> None:
        self.markets = markets
        self.touches: dict[str, Touches] = {}
        self.means: dict[tuple[str, int, str], Mean] = {}
        self._waiting: dict[tuple[str, int], _Waiting] = {}
        self._known_ns = -(1 << 63)

    def touch(self, name: str, ts_ns: np.ndarray, mid: np.ndarray) -> None:
        """The mid of an instrument from these instants on."""
        self.touches.setdefault(name, Touches()).add(ts_ns, mid)

    def take(self, rows: Rows) -> None:
        """The next records of fills.v1."""
        if not rows.count:
            return
        codes, keys = rows.keys("venue", "symbol")
        ts_ns, px, qty = rows.whole("ts_ns"), rows.e9("last_px_e9"), rows.e9("last_qty_e9")
        mid, maker, buy = rows.e9("mid_px_e9"), rows.flags("maker"), rows.equal("side", "BUY")
        for code, key in enumerate(keys):
            name, at = ":".join(key), codes == code
            notional = self.markets[name].notional(px[at], qty[at])
            fills = np.stack((px[at], np.where(buy[at], 1.0, -1.0), notional, maker[at].astype(np.float64)))
            self._settle(name, 0, mid[at], fills)
            for horizon_ns in HORIZONS_NS[1:]:
                waiting = self._waiting.setdefault((name, horizon_ns), _Waiting())
                waiting.at_ns = np.concatenate((waiting.at_ns, ts_ns[at] + horizon_ns))
                waiting.rows = np.concatenate((waiting.rows, fills), 1)

    def known(self, until_ns: int, ended: bool = False) -> None:
        """All fills before this instant have been taken, settle what can be, forget what is past.

        ended : all touches, too, and the last one stood until then: only changes are told
        """
        self._known_ns = max(self._known_ns, until_ns)
        for (name, horizon_ns), waiting in self._waiting.items():
            touches = self.touches.get(name)
            if touches is None:
                continue
            last_ns = max(touches.last_ns, until_ns) if ended else touches.last_ns - 1
            due = waiting.at_ns <= last_ns  # of equal instants the last touch counts, and it may be still to come
            if due.any():
                self._settle(name, horizon_ns, touches.mids(waiting.at_ns[due]), waiting.rows[:, due])
                waiting.rows, waiting.at_ns = waiting.rows[:, ~due], waiting.at_ns[~due]
        for name, touches in self.touches.items():
            asked = [int(w.at_ns.min()) for (one, _), w in self._waiting.items() if one == name and len(w.at_ns)]
            touches.forget(min([self._known_ns, *asked]))

    @property
    def thinned(self) -> int:
        """Touches that were given up to keep memory bounded: if not 0, markouts below a second may be off by 100 ms."""
        return sum(touches.thinned for touches in self.touches.values())

    def mean(self, horizon_ns: int, group: str, names: Iterable[str] | None = None) -> Mean:
        """That of these instruments, None = of all, in the order of their names."""
        whole = Mean()
        for name in sorted(self.touches.keys() | {one for one, *_ in self.means} if names is None else names):
            one = self.means.get((name, horizon_ns, group))
            if one is not None:
                whole.count += one.count
                whole.sums = whole.sums + one.sums
        return whole

    def _settle(self, name: str, horizon_ns: int, mid: np.ndarray, fills: np.ndarray) -> None:
        px, sign, notional, maker = fills
        known = ~np.isnan(mid)
        bps = sign * (mid - px) / px * BPS
        for group, some in zip(GROUPS, (known, known & (maker == 1), known & (maker == 0)), strict=True):
            if some.any():
                self.means.setdefault((name, horizon_ns, group), Mean()).add(bps[some], notional[some])
