"""Two clocks: what is added to a venue's stamps to have them in the clock of the receive times, estimated over a stream.

A recorder's clock may be off the venue's, and then a feed latency, receive time less the venue's stamp, may be negative, which cannot be.
Messages that go one way do not tell delay from difference of clocks, so the least that must be true is taken: where every latency is
>= 0 the clocks are believed; else the offset is the least difference seen, so that the fastest message took no time at all. All latencies
are then too small by the true delay of that message.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from streams.backtest.events import Events
from streams.backtest.laid import entry
from streams.records import Instrument, NameKind
from streams.schema.edge import Edge
from streams.schema.model import BY_KIND

__all__ = ["NO_STAMPS", "Survey", "offset_ns"]

NO_STAMPS = (1 << 63) - 1
"""Least latency of a venue that stamps nothing."""


def offset_ns(least_latency_ns: int) -> int:
    """Nanoseconds to add to a venue's stamps, <= 0, when receive time less stamp was never below this.

    >>> offset_ns(3_000_000), offset_ns(-1_274_000_000), offset_ns(NO_STAMPS)
    (0, -1274000000, 0)
    """
    return min(least_latency_ns, 0)


class Survey:
    """What a stream holds, looked at piece by piece: the least latency by venue, records by topic."""

    def __init__(self, edge: Edge, instruments: Iterable[Instrument]) -> None:
        self._venues = edge.dictionary.names(NameKind.VENUE)
        numbers = {f"{i.venue}:{i.symbol}": i.venue for i in instruments}
        named = edge.dictionary.names(NameKind.INSTRUMENT)
        venue_of = edge.dictionary.numbers(NameKind.VENUE)
        self._venue_of = np.array([venue_of[numbers[name]] if name in numbers else len(self._venues) for name in named], np.int64)
        self._least = np.full(len(self._venues) + 1, NO_STAMPS, np.int64)
        self._counts = np.zeros(32, np.int64)

    def take(self, events: Events) -> None:
        """Look at a piece."""
        columns = [np.ascontiguousarray(column, np.int64) for column in events[:4]]
        tables = self._venue_of.ctypes.data, len(self._venue_of), self._least.ctypes.data, self._counts.ctypes.data
        seen = entry("survey")(*(column.ctypes.data for column in columns), events.count, *tables)
        if seen != events.count:
            raise ValueError(f"record {seen} of a piece is no slot")

    @property
    def least_latency_ns(self) -> dict[str, int]:
        """By venue that stamped anything."""
        found = zip(self._venues, self._least.tolist(), strict=False)
        return {venue: least for venue, least in found if least != NO_STAMPS}

    def seen(self) -> dict[str, Any]:
        """Both, as JSON values."""
        return {"least_latency_ns": self.least_latency_ns, "records": self.counts}

    @property
    def counts(self) -> dict[str, Any]:
        """Records by topic, and levels of book updates."""
        found = {BY_KIND[kind].topic: n for kind, n in enumerate(self._counts.tolist()) if n and kind}
        return {**found, "levels": int(self._counts[0])}
