"""Series: values over time in at most 4,000 buckets of one length, however long the run is."""

from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["DAY", "HOUR", "MIN", "MOST", "MS", "PERIODS_NS", "S", "Series", "shortest_period_ns"]

MS, S = 1_000_000, 1_000_000_000
MIN, HOUR, DAY = 60 * S, 3600 * S, 86400 * S
PERIODS_NS = (10 * MS, 50 * MS, 100 * MS, 500 * MS, S, 5 * S, 10 * S, 30 * S, MIN, 5 * MIN, 10 * MIN, 30 * MIN, HOUR, 6 * HOUR, DAY)
PERIODS_NS += (10 * DAY, 100 * DAY, 1000 * DAY)
"""Lengths of a bucket, each a multiple of the one before; buckets begin at multiples of it since 1970 UTC."""
MOST = 4000

_EMPTY = {"last": np.nan, "min": np.nan, "max": np.nan, "sum": 0.0}


class Series:
    """Columns of float64, one value a bucket. A run cut into pieces anywhere gives the same series.

    rules     : by column `last`, `min`, `max` (NaN in a bucket without a value) or `sum` (0 there)
    period_ns : length of a bucket; it grows as the run does
    first     : number of the first bucket: it begins at first * period_ns
    """

    def __init__(self, rules: Mapping[str, str]) -> None:
        self.rules = dict(rules)
        self.period_ns = PERIODS_NS[0]
        self.first = 0
        self.values: dict[str, np.ndarray] = {name: np.empty(0) for name in rules}
        self._range_ns = (0, 0)  # not that of the buckets: they reach further, and would make the next length depend on the pieces

    @property
    def count(self) -> int:
        """Buckets there are."""
        return len(next(iter(self.values.values())))

    def add(self, ts_ns: np.ndarray, **columns: Any) -> None:
        """Take values at these instants (int64 ns, any order; in a bucket the later row is the last), float64; NaN is no value."""
        if not len(ts_ns):
            return
        self.cover(int(ts_ns.min()), int(ts_ns.max()))
        places = ts_ns // self.period_ns - self.first
        for name, values in columns.items():
            held: Any = self.values[name]
            rule = self.rules[name]
            some = ~np.isnan(values)
            at, new = (places, values) if some.all() else (places[some], values[some])
            if rule == "last":
                held[at] = new
            elif rule == "sum":
                np.add.at(held, at, new)
            else:
                (np.fmin if rule == "min" else np.fmax).at(held, at, new)

    def cover(self, from_ns: int, to_ns: int) -> None:
        """Have a bucket for every instant between these two, both included."""
        if self.count:
            from_ns, to_ns = min(from_ns, self._range_ns[0]), max(to_ns, self._range_ns[1])
        self._range_ns = from_ns, to_ns
        self._coarsen(max(self.period_ns, shortest_period_ns(from_ns, to_ns)))
        first, last = from_ns // self.period_ns, to_ns // self.period_ns
        before, behind = (self.first - first, last + 1 - self.first - self.count) if self.count else (0, last + 1 - first)
        if before or behind:
            for name, held in self.values.items():
                empty = _EMPTY[self.rules[name]]
                self.values[name] = np.concatenate((np.full(before, empty), held, np.full(behind, empty)))
            self.first = first

    def at(self, period_ns: int) -> "Series":
        """The same with longer buckets, a copy."""
        made = Series(self.rules)
        made.period_ns, made.first, made._range_ns = self.period_ns, self.first, self._range_ns
        made.values = {name: held.copy() for name, held in self.values.items()}
        made._coarsen(max(period_ns, self.period_ns))
        return made

    def starts_ns(self) -> np.ndarray:
        """When each bucket begins, int64 ns."""
        return (self.first + np.arange(self.count, dtype=np.int64)) * self.period_ns

    def filled(self, name: str, before: float = np.nan) -> np.ndarray:
        """A column in which a bucket without a value has that of the one before it; `before` stands in front of the first."""
        held = self.values[name]
        place = np.maximum.accumulate(np.where(np.isnan(held), -1, np.arange(len(held))))
        return np.where(place < 0, before, held[place])

    def _coarsen(self, period_ns: int) -> None:
        if period_ns == self.period_ns:
            return
        factor = period_ns // self.period_ns
        first, before = self.first // factor, self.first % factor
        behind = -(before + self.count) % factor
        for name, held in self.values.items():
            rule = self.rules[name]
            table = np.concatenate((np.full(before, _EMPTY[rule]), held, np.full(behind, _EMPTY[rule]))).reshape(-1, factor)
            self.values[name] = _merged(table, rule)
        self.first, self.period_ns = first, period_ns


def shortest_period_ns(from_ns: int, to_ns: int, most: int = MOST) -> int:
    """The shortest period of which at most `most` buckets cover both instants."""
    return next((p for p in PERIODS_NS if to_ns // p - from_ns // p < most), PERIODS_NS[-1])


def _merged(table: np.ndarray, rule: str) -> np.ndarray:
    """One value for each row."""
    if rule == "sum":
        return table.sum(1)
    if rule == "last":
        place = np.where(np.isnan(table), -1, np.arange(table.shape[1])).max(1)
        return np.where(place < 0, np.nan, table[np.arange(len(table)), place])
    return (np.fmin if rule == "min" else np.fmax).reduce(table, 1)
