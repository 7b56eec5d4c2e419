"""Latency of orders: from a request to the venue's answer to it, as quantiles of a histogram that does not grow."""

from dataclasses import dataclass, field

import numpy as np

from streams.report.columns import Rows
from streams.schema.layout import NULL

__all__ = ["Answers", "Histogram"]

STEPS = 64
"""Buckets to a doubling: a quantile is at most 1.1 % above the true one."""


UNANSWERED = 100_000
"""Requests without an answer that are remembered, the newest."""


@dataclass
class Histogram:
    """Counts of durations in ns by size, buckets growing by 2^(1/64); smallest and largest exactly."""

    counts: np.ndarray = field(default_factory=lambda: np.zeros(64 * STEPS, np.int64))
    least_ns: int = 1 << 62
    most_ns: int = 0

    def add(self, durations_ns: np.ndarray) -> None:
        """More durations, int64 >= 0."""
        if len(durations_ns):
            np.add.at(self.counts, np.ceil(np.log2(np.maximum(durations_ns, 1)) * STEPS).astype(np.int64), 1)
            self.least_ns, self.most_ns = min(self.least_ns, int(durations_ns.min())), max(self.most_ns, int(durations_ns.max()))

    @property
    def count(self) -> int:
        """Durations there are."""
        return int(self.counts.sum())

    def quantile_ns(self, share: float) -> float:
        """The duration that `share` of all do not exceed; NaN if there is none."""
        total = self.count
        if not total:
            return np.nan
        place = int(np.searchsorted(np.cumsum(self.counts), max(1, int(np.ceil(share * total)))))
        return float(np.clip(2.0 ** (place / STEPS), self.least_ns, self.most_ns))


class Answers:
    """Takes requests.v1 and venue_events.v1, a request before its answer. histograms by (venue, action)."""

    def __init__(self) -> None:
        self.histograms: dict[tuple[str, str], Histogram] = {}
        self._asked = np.empty((3, 0), np.int64)  # id, ts_ns, number of (venue, action)
        self._kinds: list[tuple[str, ...]] = []

    def ask(self, rows: Rows) -> None:
        """The next requests."""
        if not rows.count:
            return
        codes, keys = rows.keys("venue", "action")
        self._kinds += [key for key in keys if key not in self._kinds]
        numbers = np.array([self._kinds.index(key) for key in keys], np.int64)[codes]
        self._asked = np.concatenate((self._asked, np.stack((rows.whole("id"), rows.whole("ts_ns"), numbers))), 1)[:, -UNANSWERED:]

    def answer(self, rows: Rows) -> None:
        """The next answers; of several to one request the first counts."""
        if not rows.count or not self._asked.shape[1]:
            return
        asked, ts_ns = rows.whole("request_id"), rows.whole("ts_ns")
        asked, first = np.unique(asked, return_index=True)
        some = asked != NULL
        asked, ts_ns = asked[some], ts_ns[first[some]]
        _, mine, theirs = np.intersect1d(self._asked[0], asked, assume_unique=True, return_indices=True)
        took_ns, kind = ts_ns[theirs] - self._asked[1, mine], self._asked[2, mine]
        for number in np.unique(kind).tolist():
            venue, action = self._kinds[number]
            self.histograms.setdefault((venue, action), Histogram()).add(np.maximum(took_ns[kind == number], 0))
        left = np.ones(self._asked.shape[1], bool)
        left[mine] = False
        self._asked = self._asked[:, left]
