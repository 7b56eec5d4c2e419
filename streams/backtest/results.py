"""Results: what a backtest wrote, as records under a run id, hashed and handed to sinks.

    results = Results(process.edge, run_id, [Memory()])
    for tape in engine.play(pieces, offsets):
        results.take(tape)
    outcome = results.finish()

The rolling hash goes over the Avro bodies in the order written, as a journal's does (contract 16), but with run_id 0: two backtests that
wrote the same have one hash, whatever they are called. Batches are cut by count, not where a tape ends, so every sink sees the same
batches however the input was cut.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from streams.backtest.arrow import table_of
from streams.backtest.bodies import Bodies
from streams.backtest.events import Events
from streams.schema import bulk
from streams.schema.edge import Edge
from streams.schema.model import SCHEMAS, Schema

__all__ = ["BATCH_RECORDS", "Batch", "Outcome", "Results", "Sink", "TapeLike", "ToCall"]

BATCH_RECORDS = 1 << 17
"""Records of one batch, all topics together; the last batch has fewer."""

_MARKET = tuple(SCHEMAS[name] for name in ("Trade", "Quote", "Funding"))
_KIND_AT = 36  # of every slot: one byte behind id, cause_id, ts_ns, recv_ts_ns and instrument


class Batch:
    """Rows by record, to be used until the sink is given the next.

    columns : as they were decoded; run_id is set
    places  : int64 a row: its place among all records that the backtest wrote, from 0; of the market among those of its topic
    """

    def __init__(self, rows: Mapping[Schema, tuple[bulk.Columns, np.ndarray]]) -> None:
        self.columns = {schema: columns for schema, (columns, _) in rows.items()}
        self.places = {schema: places for schema, (_, places) in rows.items()}

    @cached_property
    def tables(self) -> dict[str, pa.Table]:
        """The same by topic as Arrow tables, which have memory of their own: they may be kept."""
        return {schema.topic: table_of(found, self.places[schema]) for schema, found in self.columns.items()}


class TapeLike(Protocol):
    """What is asked of a tape: `kind` int8[n] and `address` int64[n] of the slots that were written, in the order written."""

    @property
    def kind(self) -> np.ndarray: ...
    @property
    def address(self) -> np.ndarray: ...


class Sink(Protocol):
    """Where results go. A topic's rows come in order, batch by batch; topics that had none in a batch are not in it."""

    def take(self, batch: Batch) -> None:
        """Keep these rows."""
        ...

    def close(self, whole: bool) -> None:
        """The end: what is kept is `whole`, or a fault has ended the backtest and nothing must stay that looks whole."""
        ...


class ToCall:
    """A sink that gives a function the rows of each batch, by topic as Arrow tables."""

    def __init__(self, call: Callable[[dict[str, pa.Table]], object]) -> None:
        self._call = call

    def take(self, batch: Batch) -> None:
        """Call it."""
        self._call(batch.tables)

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
        self._closed = False

    def __enter__(self) -> "Results":
        return self

    def __exit__(self, fault: type[BaseException] | None, *_: Any) -> None:
        if not self._closed:
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
            at = last
            if self._bodies.count == self._most:
                self._give(self._bodies.take(), self._counts)

    def take_market(self, piece: Events) -> None:
        """Keep the trades, quotes and funding rates of a piece of market data under the run id, too; they are not hashed."""
        kinds = kinds_of(piece.address)
        rows = np.flatnonzero(np.isin(kinds, [s.slot.kind for s in _MARKET if s.slot]))
        for first in range(0, len(rows), self._most):
            part = rows[first : first + self._most]
            self._market.add(kinds[part], piece.address[part])
            found, exch_ts_ns, kind = self._market.take(), piece.exch_ts_ns[part], kinds[part]
            for schema, (columns, places) in found.items():
                first_place = self._market_counts[schema.topic]
                places[:] = np.arange(first_place, first_place + columns.rows)
                if schema.slot and "exch_ts_ns" in columns.columns:  # in memory beside the slots, not in them
                    columns.columns["exch_ts_ns"].values[:] = exch_ts_ns[kind == schema.slot.kind]
            self._give(found, self._market_counts)

    def finish(self) -> Outcome:
        """Give the sinks what is left and close them; what was written."""
        if self._bodies.count:
            self._give(self._bodies.take(), self._counts)
        self._close(whole=True)
        return Outcome(self.digest, dict(sorted(self._counts.items())), dict(sorted(self._market_counts.items())))

    def _give(self, found: Mapping[Schema, tuple[bulk.Columns, np.ndarray]], counts: Counter[str]) -> None:
        for schema, (columns, _) in found.items():
            counts[schema.topic] += columns.rows
            columns.columns["run_id"].values[:] = self.run_id
        batch = Batch(found)
        for sink in self.sinks:
            sink.take(batch)

    def _close(self, whole: bool) -> None:
        self._closed = True
        for sink in self.sinks:
            sink.close(whole)


def kinds_of(slots: np.ndarray) -> np.ndarray:
    """The kinds of slots at these addresses, int8[n]."""
    buffer, _ = bulk.gathered(slots + _KIND_AT, np.ones(len(slots), np.int64))
    return buffer[: len(slots)].view(np.int8)
