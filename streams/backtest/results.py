"""Results: what a backtest wrote, as records under a run id, hashed and handed to sinks.

    results = Results(process.edge, run_id, [Memory()])
    for tape in engine.play(pieces, offsets):
        results.take(tape)
    outcome = results.finish()

The rolling hash goes over the Avro bodies in the order written, as a journal's does (contract 16), but with run_id 0: two backtests that
wrote the same have one hash, whatever they are called. Batches are cut by count, not where a tape ends, so every sink sees the same
batches however the input was cut.
"""

import contextlib
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from streams.backtest.arrow import table_of
from streams.backtest.bodies import Bodies, Held
from streams.backtest.events import Events
from streams.errors import MillraceError
from streams.schema import bulk
from streams.schema.edge import Edge
from streams.schema.model import SCHEMAS, Schema
from streams.slots import KIND_VENUE_EVENT
from streams.trading.venue_answer import REASONS

__all__ = ["BATCH_RECORDS", "Batch", "Outcome", "Results", "Sink", "TapeLike", "ToCall"]

BATCH_RECORDS = 1 << 17
"""Records of one batch, all topics together; the last batch has fewer."""

_MARKET = tuple(SCHEMAS[name] for name in ("Trade", "Quote", "Funding"))
_VENUE_EVENT = SCHEMAS["VenueEvent"]
_KIND_AT = 36  # of every slot: one byte behind id, cause_id, ts_ns, recv_ts_ns and instrument


class Batch:
    """Rows of several topics, to be used until the sink is given the next. What nobody asks for is not decoded.

    run_id     : that they have
    held       : the bodies by record
    exch_ts_ns : by record, the venue's own stamps, which no slot holds; reason: of venue events, its place in REASONS
    """

    def __init__(
        self,
        run_id: int,
        held: Mapping[Schema, Held],
        exch_ts_ns: Mapping[Schema, np.ndarray] | None = None,
        reason: np.ndarray | None = None,
    ) -> None:
        self.run_id, self.held = run_id, held
        self._exch_ts_ns, self._reason = exch_ts_ns or {}, reason
        self._columns: dict[Schema, bulk.Columns] = {}
        self._tables: dict[Schema, pa.Table] = {}

    def columns(self, schema: Schema) -> bulk.Columns:
        """The rows of a record as columns."""
        found = self._columns.get(schema)
        if found is None:
            found = self._columns[schema] = self.held[schema].columns(self.run_id)
            if "exch_ts_ns" in found.columns and schema in self._exch_ts_ns:
                found.columns["exch_ts_ns"].values[:] = self._exch_ts_ns[schema]
            if schema is _VENUE_EVENT and self._reason is not None and self._reason.any():
                found = self._columns[schema] = _with_reasons(found, self._reason)
        return found

    def table(self, schema: Schema) -> pa.Table:
        """The same as an Arrow table, which has memory of its own: it may be kept."""
        found = self._tables.get(schema)
        if found is None:
            found = self._tables[schema] = table_of(self.columns(schema), self.held[schema].places)
        return found


class TapeLike(Protocol):
    """What is asked of an engine's tape, [n] each: of the slots that were written, in the order written, kind (int8) and address (int64);
    of a venue event when the venue wrote it (int64) and why, its place in REASONS (int8)."""

    @property
    def kind(self) -> np.ndarray: ...
    @property
    def address(self) -> np.ndarray: ...
    @property
    def exch_ts_ns(self) -> np.ndarray: ...
    @property
    def reason(self) -> np.ndarray: ...


class Sink(Protocol):
    """Where results go. A topic's rows come in order, batch by batch; topics that had none in a batch are not in it."""

    def take(self, batch: Batch) -> None:
        """Keep these rows."""
        ...

    def close(self, whole: bool) -> None:
        """The end: what is kept is `whole`, or a fault has ended the backtest and nothing must stay that looks whole."""
        ...


class ToCall:
    """A sink that gives a function the rows of each batch, by topic as Arrow tables. topics: those it wants, all by default."""

    def __init__(self, call: Callable[[dict[str, pa.Table]], object], topics: Collection[str] = ()) -> None:
        self._call, self._topics = call, frozenset(topics)

    def take(self, batch: Batch) -> None:
        """Call it."""
        wanted = [schema for schema in batch.held if not self._topics or schema.topic in self._topics]
        if wanted:
            self._call({schema.topic: batch.table(schema) for schema in wanted})

    def close(self, whole: bool) -> None:
        """Nothing is kept here."""


@dataclass(frozen=True)
class Outcome:
    """What a backtest wrote. digest: the rolling hash, 32 hex digits; counts: records by topic; market: market records kept by topic."""

    digest: str
    counts: dict[str, int]
    market: dict[str, int] = field(default_factory=dict)

    @property
    def records(self) -> int:
        """Records of all topics, without those of the market."""
        return sum(self.counts.values())


class Results:
    """Takes what a backtest writes, tape by tape, and gives it to its sinks. A context: left by a fault, the sinks are told so.

    run_id : that the rows have; 0 to 2**31 - 1
    """

    def __init__(self, edge: Edge, run_id: int, sinks: Sequence[Sink] = (), batch_records: int = BATCH_RECORDS) -> None:
        self.run_id, self.sinks = run_id, tuple(sinks)
        self._most = batch_records
        self._bodies = Bodies(edge)
        self._market = Bodies(edge, hashed=False)
        self._counts: Counter[str] = Counter()
        self._market_counts: Counter[str] = Counter()
        self._stamps: list[np.ndarray] = []
        self._reasons: list[np.ndarray] = []
        self._closed = False

    def __enter__(self) -> "Results":
        return self

    def __exit__(self, fault: type[BaseException] | None, *_: Any) -> None:
        if not self._closed:
            with contextlib.suppress(MillraceError):  # what ended the backtest is the news
                self._close(whole=False)

    @property
    def digest(self) -> str:
        """The rolling hash so far, hex."""
        return self._bodies.digest.hex()

    def take(self, tape: TapeLike) -> None:
        """Write what is on a tape; it is used no longer afterwards."""
        kinds, slots, at = tape.kind, tape.address, 0
        while at < len(kinds):
            last = min(len(kinds), at + self._most - self._bodies.count)
            self._bodies.add(kinds[at:last], slots[at:last])
            of_venues = at + np.flatnonzero(kinds[at:last] == KIND_VENUE_EVENT)
            self._stamps.append(tape.exch_ts_ns[of_venues])
            self._reasons.append(tape.reason[of_venues])
            at = last
            if self._bodies.count == self._most:
                self._give_written()

    def take_market(self, piece: Events) -> None:
        """Keep the trades, quotes and funding rates of a piece of market data under the run id, too; they are not hashed."""
        kinds = _kinds_of(piece.address)
        rows = np.flatnonzero(np.isin(kinds, [s.slot.kind for s in _MARKET if s.slot]))
        for first in range(0, len(rows), self._most):
            part = rows[first : first + self._most]
            self._market.add(kinds[part], piece.address[part])
            held, exch_ts_ns = self._market.take(), {}
            for schema, bodies in held.items():
                assert schema.slot is not None
                bodies.places[:] = np.arange(bodies.count) + self._market_counts[schema.topic]
                exch_ts_ns[schema] = piece.exch_ts_ns[part[kinds[part] == schema.slot.kind]]
            self._give(Batch(self.run_id, held, exch_ts_ns), self._market_counts)

    def finish(self) -> Outcome:
        """Give the sinks what is left and close them; what was written."""
        if self._bodies.count:
            self._give_written()
        self._close(whole=True)
        return Outcome(self.digest, dict(sorted(self._counts.items())), dict(sorted(self._market_counts.items())))

    def _give_written(self) -> None:
        """Give the sinks all that is held."""
        stamps, reasons = np.concatenate(self._stamps), np.concatenate(self._reasons)
        self._stamps, self._reasons = [], []
        self._give(Batch(self.run_id, self._bodies.take(), {_VENUE_EVENT: stamps}, reasons), self._counts)

    def _give(self, batch: Batch, counts: Counter[str]) -> None:
        for schema, bodies in batch.held.items():
            counts[schema.topic] += bodies.count
        for sink in self.sinks:
            sink.take(batch)

    def _close(self, whole: bool) -> None:
        """Close every sink, whatever the others say."""
        self._closed = True
        with contextlib.ExitStack() as all_of_them:
            for sink in self.sinks:
                all_of_them.callback(sink.close, whole)


def _with_reasons(found: bulk.Columns, reason: np.ndarray) -> bulk.Columns:
    """The columns with the reasons of venues in words."""
    words = [text.encode() for text in REASONS]
    sizes = np.array([len(word) for word in words], np.int64)
    begins = len(found.buffer) - bulk.BEHIND + np.concatenate((np.zeros(1, np.int64), np.cumsum(sizes[:-1])))
    texts = np.frombuffer(b"".join((*words, bytes(bulk.BEHIND))), np.uint8)
    pairs = np.stack((begins, sizes), 1)[reason]
    column = bulk.Column(found.columns["reason"].field, pairs, reason == 0, None)
    buffer = np.concatenate((found.buffer[: -bulk.BEHIND], texts))
    return replace(found, columns={**found.columns, "reason": column}, buffer=buffer)


def _kinds_of(slots: np.ndarray) -> np.ndarray:
    """The kinds of slots at these addresses, int8[n]."""
    buffer, _ = bulk.gathered(slots + _KIND_AT, np.ones(len(slots), np.int64))
    return buffer[: len(slots)].view(np.int8)
