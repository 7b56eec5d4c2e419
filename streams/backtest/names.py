"""MarketNames: what a source has to know to make market records: names, instruments, who writes what."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from streams.agents.process import Process
from streams.agents.roles import WRITES
from streams.agents.spec import DEFAULT_SIZES
from streams.backtest.events import MARKET_TOPICS, market_topics
from streams.lanes.writers import writer_name
from streams.records import Instrument, NameKind
from streams.schema.edge import Edge
from streams.schema.model import COMMON, SCHEMAS

__all__ = ["MarketNames", "names_of"]

_WRITTEN = tuple(SCHEMAS[name].topic for name in WRITES["normalize"])


@dataclass(frozen=True)
class MarketNames:
    """Names and instruments of a backtest.

    edge        : knows all of them
    instruments : their rules, in the order of their records
    topics      : of market records, in the order in which records of one time are consumed
    writers     : by topic that normalize writes, the number of its writer; it numbers its records from 1
    feeds       : by venue the writer of its frames
    sizes       : of normalize, over DEFAULT_SIZES
    """

    edge: Edge
    instruments: Sequence[Instrument]
    topics: tuple[str, ...] = MARKET_TOPICS
    writers: Mapping[str, int] = field(default_factory=dict)
    feeds: Mapping[str, int] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)

    def described(self) -> dict[str, Any]:
        """All that slots depend on, as JSON values."""
        dictionary = self.edge.dictionary
        return {
            "instruments": [[str(value) for value in i[len(COMMON) :]] for i in self.instruments],
            "names": {kind.name: dictionary.names(kind) for kind in (NameKind.VENUE, NameKind.INSTRUMENT)},
            "topics": self.topics,
            "writers": dict(sorted(self.writers.items())),
            "feeds": dict(sorted(self.feeds.items())),
            "sizes": dict(sorted({**DEFAULT_SIZES, **self.sizes}.items())),
        }


def names_of(process: Process, feeds: Mapping[str, int] | None = None) -> MarketNames:
    """The names of a process that has been told of names and instruments.

    Writers have the names that `apply` gives those of shard 0. What has none there gets a number that nobody has. feeds: as of MarketNames.
    """
    dictionary = process.edge.dictionary
    known = dictionary.numbers(NameKind.WRITER)
    free = count(len(known))
    writers = {topic: _or(known.get(writer_name("normalize", 0, topic)), free) for topic in _WRITTEN}
    found = {venue: _or((feeds or {}).get(venue), free) for venue in dictionary.names(NameKind.VENUE)}
    return MarketNames(process.edge, process.instruments, market_topics(process.reads), writers, found, process.sizes)


def _or(number: int | None, free: Iterator[int]) -> int:
    return next(free) if number is None else number
