"""Market topics as a source: offsets from and to which are fixed when it is opened, committed records only, no group, nothing committed."""

import ctypes
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from streams.backtest.events import MARKET_TOPICS, Events
from streams.backtest.merging import merged
from streams.backtest.names import MarketNames
from streams.backtest.order import Part, in_order
from streams.backtest.source import Source
from streams.backtest.topic_ranges import Range
from streams.backtest.values_in import ValuesIn, met
from streams.errors import LaneError
from streams.lanes.bulk_consumer import BulkConsumer
from streams.lanes.client import TRANSACTION_TIMEOUT_MS
from streams.lanes.messages import Messages
from streams.lanes.place import Place
from streams.lanes.wire import Wire
from streams.records import Instrument

__all__ = ["KafkaSource", "RunRange"]

_WAIT_S = 0.2
_STALL_S = TRANSACTION_TIMEOUT_MS / 1000 + 20.0
_ROWS = {MARKET_TOPICS[0]: 2_000}  # of book updates, each with many levels; of the others:
_ROWS_ELSE = 20_000
_SETTINGS = {"fetch.wait.max.ms": 10, "queued.max.messages.kbytes": 16_384, "fetch.message.max.bytes": 4 << 20}


@dataclass(frozen=True)
class RunRange:
    """Offsets of one run by partition. record_id: of its RUN record."""

    run: int
    record_id: int
    places: Mapping[Place, Range]


class KafkaSource(Source):
    """Market records of live runs, one run after the other.

    bootstrap, wire : the cluster, and how its values are read; epoch: of its dictionary
    runs            : what is read, in the order of their times
    instruments     : all that the topics may carry
    """

    name = "kafka"

    def __init__(
        self,
        names: MarketNames,
        bootstrap: str,
        wire: Wire,
        epoch: int,
        runs: Sequence[RunRange],
        instruments: Sequence[Instrument] = (),
        **range_and_clock: Any,
    ) -> None:
        super().__init__(names, **range_and_clock)
        self.bootstrap, self.wire, self.epoch, self.runs, self.instruments = bootstrap, wire, epoch, tuple(runs), instruments
        self._values: list[ValuesIn] = []

    def _described(self) -> dict[str, Any]:
        runs = [
            {
                "run": run.run,
                "record": run.record_id,
                "offsets": {f"{topic}[{partition}]": list(one) for (topic, partition), one in sorted(run.places.items()) if not one.empty},
            }
            for run in self.runs
        ]
        return {"dictionary": self.epoch, "runs": runs}

    def _read(self) -> Iterator[Events]:
        self._values = [ValuesIn(self.names, run.run, self.instruments) for run in self.runs]
        for run, values in zip(self.runs, self._values, strict=True):
            streams = [self._parts(place, one, values) for place, one in run.places.items() if not one.empty]
            yield from in_order(merged(streams))

    def _found(self) -> dict[str, Any]:
        return met(self._values)

    def _expected(self, count: int) -> int:
        return sum(one.end - one.first for run in self.runs for one in run.places.values())

    def _shown(self) -> str:
        return f"kafka {self.bootstrap}, run {', '.join(str(run.run) for run in self.runs)}"

    def _parts(self, place: Place, within: Range, values: ValuesIn) -> Iterator[Part]:
        """The market records of a partition, in order. LaneError: the range is not there to its end."""
        rows, until_s = _ROWS.get(place[0], _ROWS_ELSE), time.monotonic() + _STALL_S
        with BulkConsumer(self.bootstrap, settings=_SETTINGS) as consumer:
            consumer.assign({place: within.first})
            while True:
                messages = consumer.take(rows, _WAIT_S)
                at_end = messages.ends.get(place, -1) >= within.end
                if messages.count:
                    until_s = time.monotonic() + _STALL_S
                    at_end = at_end or int(messages.offset[-1]) >= within.end - 1
                    yield self._part(place[0], messages, int(np.searchsorted(messages.offset, within.end, "left")), values)
                if at_end:
                    return
                if time.monotonic() > until_s:
                    raise LaneError(
                        f"kafka {self.bootstrap}: {place[0]}[{place[1]}]: nothing up to offset {within.end} within {_STALL_S:.0f} s: a "
                        "transaction may be open; repeat it a little later"
                    )

    def _part(self, topic: str, messages: Messages, count: int, values: ValuesIn) -> Part:
        address, size = messages.address[:count], messages.size[:count]

        def decode(row: int) -> Any:
            value = ctypes.string_at(int(address[row]), int(size[row])) if address[row] else None
            return self.wire.decode(topic, value)

        found = values.part(topic, address, size, decode, self.wire.header(topic), self.wire.writers(topic))
        messages.release()
        return found
