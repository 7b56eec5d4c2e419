"""What a histogram of latencies has counted, as a value: merged with others, asked for quantiles."""

from typing import Any, NamedTuple

import numpy as np

from streams.lanes.histogram import BUCKETS, Bank, highest_of

__all__ = ["Counts", "Figures"]

_PARTS = 1_000_000  # of one, in which quantiles are counted: whole numbers have no rounding


class Figures(NamedTuple):
    """A distribution of latencies in five figures, ns.

    A quantile is the least value that so large a part of all records does not exceed: never too little, at most 1/128 too much. `max_ns`
    is exact, `mean_ns` too. All are 0 of no records. negative: records below 0, counted as 0: two clocks disagree.
    """

    count: int
    p50_ns: int
    p99_ns: int
    p999_ns: int
    max_ns: int
    mean_ns: float
    negative: int


class Counts:
    """Records by bucket. Equal when all of it is.

    counts : int64[BUCKETS]
    sum_ns, max_ns, negative : as in the histogram's Bank
    exact  : all records up to a moment, and no other; False: the writer stopped inside of one, which may be half counted
    """

    def __init__(self, counts: np.ndarray | None = None, sum_ns: int = 0, max_ns: int = 0, negative: int = 0, exact: bool = True) -> None:
        self.counts = np.zeros(BUCKETS, np.int64) if counts is None else counts
        self.sum_ns, self.max_ns, self.negative, self.exact = sum_ns, max_ns, negative, exact

    @classmethod
    def of_banks(cls, banks: np.ndarray, exact: bool) -> "Counts":
        """The sum of both banks, as `histogram.take` copies them. banks: int64[2, Bank in words]."""
        sums, most, negative, counts = (Bank._fields_[name].offset // 8 for name in ("sum_ns", "max_ns", "negative", "counts"))
        both = banks[:, counts : counts + BUCKETS].sum(axis=0)
        return cls(both, int(banks[:, sums].sum()), int(banks[:, most].max()), int(banks[:, negative].sum()), exact)

    @property
    def count(self) -> int:
        """How many records."""
        return int(self.counts.sum())

    def __add__(self, other: "Counts") -> "Counts":
        """All records of both."""
        return Counts(
            self.counts + other.counts,
            self.sum_ns + other.sum_ns,
            max(self.max_ns, other.max_ns),
            self.negative + other.negative,
            self.exact and other.exact,
        )

    def since(self, before: "Counts") -> "Counts":
        """Those that came after `before`, an earlier copy of the same histogram. Their maximum is known as a quantile is."""
        counts = self.counts - before.counts
        used = np.flatnonzero(counts)
        most = min(highest_of(int(used[-1])), self.max_ns) if len(used) else 0
        exact = self.exact and before.exact
        return Counts(counts, self.sum_ns - before.sum_ns, most, self.negative - before.negative, exact)

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Counts) and self._key() == other._key()

    def __repr__(self) -> str:
        return f"Counts({self.figures()})"

    __hash__ = None  # type: ignore[assignment]

    def quantile(self, part: float) -> int:
        """The value, ns, that `part` of all records do not exceed, 0 <= part <= 1, counted in millionths; 0 of no records."""
        upto = np.cumsum(self.counts)
        if not upto[-1]:
            return 0
        rank = max(1, -(-round(part * _PARTS) * int(upto[-1]) // _PARTS))
        return min(highest_of(int(np.searchsorted(upto, rank))), self.max_ns)

    def figures(self) -> Figures:
        """The figures that are exported."""
        count = self.count
        mean_ns = self.sum_ns / count if count else 0.0
        quantiles = (self.quantile(0.5), self.quantile(0.99), self.quantile(0.999))
        return Figures(count, *quantiles, self.max_ns, mean_ns, self.negative)

    def _key(self) -> tuple[bytes, int, int, int, bool]:
        return self.counts.tobytes(), self.sum_ns, self.max_ns, self.negative, self.exact
