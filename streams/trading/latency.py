"""How long what is sent takes: constant, drawn from a log-normal distribution, or as it was measured; first in, first out.

`Latency` is one direction of the orders' way; `FeedLatency` says when the venue knew what we received later; `VenueLatency` has all of one
venue. Times in ns since 1970 UTC on our clock.
"""

import math

from streams.kernel import I8, NULL, Struct, Table
from streams.trading.draw import normal

__all__ = [
    "CONSTANT",
    "LOG_NORMAL",
    "MAX_FEED_LATENCY_NS",
    "MAX_LATENCY_NS",
    "RECORDED",
    "FeedLatency",
    "Latency",
    "LatencyPoint",
    "VenueLatency",
]

CONSTANT: int = 0
LOG_NORMAL: int = 1
RECORDED: int = 2

MAX_LATENCY_NS: int = 60_000_000_000
MAX_FEED_LATENCY_NS: int = 2_000_000_000
_KINDS: int = 32


class LatencyPoint(Struct):
    """A latency that was measured: of what left at `at_ns`."""

    at_ns: int
    latency_ns: int


class Latency(Struct, align=64):
    """Latency of one direction. Sizes: latencies (measured points).

    kind        : CONSTANT, LOG_NORMAL or RECORDED
    constant_ns : CONSTANT: the latency, 0 to MAX_LATENCY_NS
    median_ns   : LOG_NORMAL: half are below, > 0; sigma: standard deviation of its logarithm, >= 0
    seed        : stream of random numbers; draws: numbers drawn
    count       : RECORDED: points in use, times increasing; place: the last one at or before the last time asked for
    last_ns     : latest arrival so far
    """

    constant_ns: int
    median_ns: float
    sigma: float
    seed: int
    draws: int
    count: int
    place: int
    last_ns: int
    kind: I8
    points: Table[LatencyPoint, "latencies"]

    def arrival_ns(self, at_ns: int) -> int:
        """When what leaves at `at_ns` arrives: after its latency, and never before what left earlier. Times of leaving never decrease."""
        self.last_ns = max(self.last_ns, at_ns + self.latency_ns(at_ns))
        return self.last_ns

    def latency_ns(self, at_ns: int) -> int:
        """Latency of what leaves now, 0 to MAX_LATENCY_NS."""
        if self.kind == CONSTANT:
            return self.constant_ns
        if self.kind == LOG_NORMAL:
            return self.drawn_ns()
        return self.recorded_ns(at_ns)

    def drawn_ns(self) -> int:
        """The next latency of the distribution: median x exp(sigma x standard normal), rounded to ns."""
        self.draws += 1
        drawn = self.median_ns * math.exp(self.sigma * normal(self.seed, self.draws))
        return round(min(drawn, float(MAX_LATENCY_NS)))

    def recorded_ns(self, at_ns: int) -> int:
        """Measured latency at a time, between two points on the line through them, before and behind all points that of the nearest.

        As IntpOrderLatency of hftbacktest (models/latency.rs), in whole ns towards the earlier point.
        """
        while self.place + 1 < self.count and self.points[self.place + 1].at_ns <= at_ns:
            self.place += 1
        here = self.points[self.place]
        if self.place + 1 >= self.count or at_ns <= here.at_ns:
            return here.latency_ns
        there = self.points[self.place + 1]
        slope = float(there.latency_ns - here.latency_ns) / float(there.at_ns - here.at_ns)
        return int(slope * float(at_ns - here.at_ns)) + here.latency_ns


class FeedLatency(Struct, align=64):
    """When the venue knew what we received. Sizes: instruments, latencies (1).

    recorded  : 1 = by the venue's own stamps; 0 = `latency` before we received it
    offset_ns : recorded: what the venue's clock shows less than ours
    last_ns   : per instrument and kind of record, the latest time given
    """

    offset_ns: int
    recorded: I8 = 1
    latency: Latency
    last_ns: Table[int, "32 * instruments"]

    def venue_ns(self, row: int, kind: int, recv_ts_ns: int, exch_ts_ns: int) -> int:
        """When the venue knew a record: never after we received it, never MAX_FEED_LATENCY_NS before, never earlier than the record of
        that instrument and kind before it. NULL: the venue's stamp plus the offset lies after `recv_ts_ns`.

        row: 0 <= row < instruments; kind: KIND_... of its slots; exch_ts_ns: 0 = the venue gave no stamp
        """
        t = recv_ts_ns
        if self.recorded == 0:
            t = recv_ts_ns - self.latency.latency_ns(recv_ts_ns)
        elif exch_ts_ns > 0:
            t = exch_ts_ns + self.offset_ns
            if t > recv_ts_ns:
                return NULL
        place = row * _KINDS + kind
        t = max(t, recv_ts_ns - MAX_FEED_LATENCY_NS, self.last_ns[place])
        self.last_ns[place] = t
        return t


class VenueLatency(Struct, align=64):
    """All latencies of one venue: of its market data, of our requests, of its answers."""

    feed: FeedLatency
    entry: Latency
    response: Latency
