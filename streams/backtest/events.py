"""Events: a piece of the stream of market records that a backtest is carried through."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np

from streams.records import BookUpdate, Funding, Quote, Trade
from streams.schema.model import SCHEMAS

__all__ = ["MARKET_TOPICS", "EventSource", "Events", "market_topics"]

MARKET_TOPICS: tuple[str, ...] = tuple(SCHEMAS[cls.__name__].topic for cls in (BookUpdate, Trade, Quote, Funding))
"""Topics of market records, in the order in which records of one time are consumed by a process that begins with a strategy."""


class Events(NamedTuple):
    """Some market records in consuming order; the pieces of a stream follow each other. int64[n] each.

    address    : of each record's first slot (`streams.slots`), 64-byte aligned; the LevelSlots of a book update lie one behind another.
                 Their `instrument` is the number of the dictionary, their `ts_ns` recv_ts_ns here
    nbytes     : of all its slots: 64 a level, 64 of a trade or a funding, 128 of a quote
    recv_ts_ns : when it is seen, ns since 1970 UTC; never descending in the whole stream
    exch_ts_ns : the venue's own stamp as recorded, by its clock; 0 = it has none
    kept       : what must live as long as the addresses are used
    """

    address: np.ndarray
    nbytes: np.ndarray
    recv_ts_ns: np.ndarray
    exch_ts_ns: np.ndarray
    kept: Any

    @property
    def count(self) -> int:
        """Records; `len` would be the number of fields."""
        return len(self.address)

    def part(self, first: int, last: int) -> "Events":
        """The records from `first` up to `last`, in the same memory."""
        return Events(*(column[first:last] for column in self[:4]), kept=self.kept)


class EventSource(Protocol):
    """Where market records come from: recordings, topics, ClickHouse, arrays.

    total, done : records there are and records given so far; total 0 = not known
    """

    total: int
    done: int

    def pieces(self) -> Iterator[Events]:
        """The stream from its beginning, in memory that does not grow with it; a piece may be used as long as its `kept` lives."""
        ...

    def describe(self) -> dict[str, Any]:
        """What the stream is made of, for the manifest: JSON values, known before the first piece, equal for equal streams."""
        ...

    def findings(self) -> dict[str, Any]:
        """What there was in it, as JSON values: counts by topic, what was damaged and why. Whole when the stream has been read."""
        ...

    def clock_offset_ns(self) -> dict[str, int]:
        """By venue, what is added to `exch_ts_ns` to have it in the clock of `recv_ts_ns` (`streams.backtest.clock`)."""
        ...


def market_topics(reads: Iterable[type]) -> tuple[str, ...]:
    """All MARKET_TOPICS: first those of a process's inputs in its order, which is their rank, then the others."""
    own = (SCHEMAS[cls.__name__].topic for cls in reads)
    return tuple(dict.fromkeys((*(topic for topic in own if topic in MARKET_TOPICS), *MARKET_TOPICS)))
