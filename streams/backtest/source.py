"""Source: what all sources of market records have in common: read once into the store, surveyed on the way, replayed from there."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from hashlib import blake2b
from typing import Any

import numpy as np
import structlog

from streams.agents.market_node import market_sources
from streams.backtest import store
from streams.backtest.clock import Survey, offset_ns
from streams.backtest.events import Events
from streams.backtest.laid import entry
from streams.backtest.lead_in import between
from streams.backtest.names import MarketNames
from streams.backtest.order import ORDER
from streams.backtest.store import Stored
from streams.errors import ConfigError
from streams.kernel.native import sources

__all__ = ["Progress", "Source", "instant"]

Progress = Callable[[int, int], None]
"""Told of records read, and about how many there are (0 = not known), while a stream is read for the first time."""

_LOG = structlog.get_logger("backtest")
_CODE = ("streams.schema", "streams.venues.binance", "streams.venues.merge", "streams.agents.market_node")
_MODULES = ("laid", "merging", "normalized", "order", "source", "store", "stream_kernel", "tables", "values_in")
_CODE += tuple(f"streams.backtest.{name}" for name in _MODULES)


class Source(ABC):
    """A stream of market records; see EventSource.

    from_ns, to_ns  : records received from then on and before then; None = no bound
    clock_offset_ns : by venue, in place of what is estimated
    cached          : False = nothing is kept on disk; the stream is read again each time
    """

    name = ""

    def __init__(
        self,
        names: MarketNames,
        from_ns: int | None = None,
        to_ns: int | None = None,
        clock_offset_ns: Mapping[str, int] | None = None,
        cached: bool = True,
    ) -> None:
        if from_ns is not None and to_ns is not None and from_ns >= to_ns:
            raise ConfigError(f"the range from {instant(from_ns)} to {instant(to_ns)} is empty: --from must be before --to")
        self.names, self.from_ns, self.to_ns, self.cached = names, from_ns, to_ns, cached
        self.total = self.done = 0
        self.progress: Progress = lambda done, total: None
        self._given = dict(clock_offset_ns or {})
        self._stored: Stored | None = None
        self._about: dict[str, Any] | None = None

    # ---- what a source is ----
    @abstractmethod
    def _described(self) -> dict[str, Any]:
        """What it reads, as JSON values: that and the names are all that the stream depends on, but for the range."""

    @abstractmethod
    def _read(self) -> Iterator[Events]:
        """The stream made anew, in consuming order, at least from what a book at `from_ns` needs on."""

    @abstractmethod
    def _found(self) -> dict[str, Any]:
        """What `_read` met that is no market record, once it is at its end."""

    def _expected(self, count: int) -> int:
        """How many records there may be in all when `count` have been read; 0 = that is not known."""
        return 0

    # ---- what a backtest asks ----
    def describe(self) -> dict[str, Any]:
        """For the manifest."""
        clock = {venue: {"offset_ns": ns, "given": venue in self._given} for venue, ns in sorted(self.clock_offset_ns().items())}
        return {
            "source": self.name,
            **self._described(),
            "from_ns": self.from_ns,
            "to_ns": self.to_ns,
            "order": ORDER,
            "topics": list(self.names.topics),
            "clock": clock,
        }

    def clock_offset_ns(self) -> dict[str, int]:
        """By venue that has stamps in the range, what is added to them."""
        least = self._prepared()["least_latency_ns"]
        return {venue: self._given.get(venue, offset_ns(ns)) for venue, ns in least.items()} | self._given

    def findings(self) -> dict[str, Any]:
        """Least latencies and records by topic in the range; of all that was read its span, and what was no market record."""
        return dict(self._prepared())

    def prepare(self) -> None:
        """Read what has to be read before the first piece, and tell `progress`. ConfigError if there is nothing in the range."""
        self._prepared()

    def pieces(self) -> Iterator[Events]:
        """The stream; each call begins anew."""
        self._prepared()
        self.done = 0
        for piece in between(self._stored.pieces() if self._stored else self._stream(), self.from_ns, self.to_ns):
            yield piece
            self.done += piece.count

    # ---- once ----
    def _prepared(self) -> dict[str, Any]:
        if self._about is None:
            self._about = self._from_store() if self.cached else self._read_once()
            self._check()
        return self._about

    def _from_store(self) -> dict[str, Any]:
        key = store.key_of({"source": self.name, **self._described(), **self.names.described(), "code": _code_hash()})
        self._stored = store.find(key)
        if self._stored is None:
            survey = self._survey()
            try:
                self._stored = store.keep(key, self._watched(self._stream(), survey), self._met)
            except OSError as error:
                _LOG.warning("the stream is not kept on disk and read twice", reason=str(error))
                return self._read_once()
            self._stored.note(self._range, survey.seen())
        seen = self._stored.noted(self._range)
        if seen is None:
            survey = self._survey()
            for _ in self._watched(self._stored.pieces(), survey):
                pass
            seen = survey.seen()
            self._stored.note(self._range, seen)
        return {**self._stored.about["met"], **seen}

    def _read_once(self) -> dict[str, Any]:
        """Read the whole stream to know about it."""
        survey = self._survey()
        for _ in self._watched(self._stream(), survey):
            pass
        return {**self._met(), **survey.seen()}

    def _survey(self) -> Survey:
        return Survey(self.names.edge, self.names.instruments)

    @property
    def _range(self) -> str:
        return f"{self.from_ns}-{self.to_ns}"

    def _stream(self) -> Iterator[Events]:
        """The stream, each record written when it was received. The time at which a live normalize wrote it, later by its lag, is not the
        market's: it would let the agents' clock run ahead of what they have seen."""
        for piece in self._read():
            columns = [np.ascontiguousarray(column) for column in (piece.address, piece.nbytes, piece.recv_ts_ns)]
            entry("set_now")(*(column.ctypes.data for column in columns), piece.count)
            yield piece

    def _watched(self, pieces: Iterator[Events], survey: Survey) -> Iterator[Events]:
        """The stream; what of it lies in the range is surveyed."""
        self._first_ns = self._last_ns = done = 0
        self.total = 0
        for piece in pieces:
            first, last = _within(piece.recv_ts_ns, self.from_ns, self.to_ns)
            survey.take(piece.part(first, last))
            self._first_ns = self._first_ns or int(piece.recv_ts_ns[0])
            self._last_ns = int(piece.recv_ts_ns[-1])
            self.total += last - first
            done += piece.count
            self.progress(done, self._stored.count if self._stored else self._expected(done))
            yield piece

    def _met(self) -> dict[str, Any]:
        return {"first_ns": self._first_ns, "last_ns": self._last_ns, **self._found()}

    def _check(self) -> None:
        about = self._about or {}
        if self._stored:
            first, last = _within(self._stored.times(), self.from_ns, self.to_ns)
            self.total = last - first
        if self.total:
            return
        what = ", ".join(f"{n} {kind}" for kind, n in about.get("lost", {}).items() if n)
        there = "it has none at all"
        if about.get("last_ns"):
            there = f"its records are from {instant(about['first_ns'])} to {instant(about['last_ns'])}"
        asked = f"from {instant(self.from_ns, 'its beginning')} to {instant(self.to_ns, 'its end')}"
        raise ConfigError(f"{self._shown()}: no market record {asked}; {there}{f' ({what})' if what else ''}")

    def _shown(self) -> str:
        """What a user calls it."""
        return self.name


def instant(ts_ns: int | None, otherwise: str = "") -> str:
    """An instant as people write it, UTC to the millisecond; None is said otherwise."""
    if ts_ns is None:
        return otherwise
    return datetime.fromtimestamp(ts_ns // 1_000_000 / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]


@cache
def _code_hash() -> str:
    """Hash of all that makes slots of what is read."""
    found = blake2b(digest_size=16)
    for path in sorted({*market_sources(), *sources(*_CODE)}):
        found.update(path.name.encode() + b"\0" + path.read_bytes())
    return found.hexdigest()


def _within(times: np.ndarray, from_ns: int | None, to_ns: int | None) -> tuple[int, int]:
    """Where the range begins and ends in times that never descend."""
    first = 0 if from_ns is None else int(np.searchsorted(times, from_ns, "left"))
    last = len(times) if to_ns is None else int(np.searchsorted(times, to_ns, "left"))
    return first, max(first, last)
