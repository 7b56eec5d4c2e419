"""ClickHouse's tables as a source: for what Kafka does not keep any more. Read page by page, as it was written, and merged."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from streams.backtest.events import MARKET_TOPICS, Events
from streams.backtest.merging import merged
from streams.backtest.names import MarketNames
from streams.backtest.order import Part, in_order
from streams.backtest.source import Source
from streams.backtest.tables import Tables
from streams.backtest.values_in import ValuesIn, met
from streams.schema import codec
from streams.schema.bulk_encode import columns_of, encode
from streams.schema.model import for_topic

__all__ = ["ClickHouseSource"]

_EARLY_NS = 10_000_000_000
_UNREAD = {  # of a record, what slots do not hold
    "book_updates.v1": {"first_seq": 0},
    "trades.v1": {},
    "quotes.v1": {"seq": 0, "spread_e9": 0, "imbalance": 0.0, "microprice": 0.0},
    "funding.v1": {},
}


class ClickHouseSource(Source):
    """Market records of live runs from their tables. runs: their numbers, in the order of their times."""

    name = "clickhouse"

    def __init__(self, names: MarketNames, tables: Tables, runs: Sequence[int], **range_and_clock: Any) -> None:
        super().__init__(names, **range_and_clock)
        self.tables, self.runs = tables, tuple(runs)
        self._values: list[ValuesIn] = []
        self._counts: list[dict[str, int]] | None = None

    def _described(self) -> dict[str, Any]:
        if self._counts is None:
            self._counts = [self.tables.counts(run) for run in self.runs]
        runs = [{"run": run, "rows": counts} for run, counts in zip(self.runs, self._counts, strict=True)]
        return {"database": self.tables.where.database, "runs": runs, "read": [self.from_ns, self.to_ns]}

    def _read(self) -> Iterator[Events]:
        self._values = [ValuesIn(self.names, run) for run in self.runs]
        for run, values in zip(self.runs, self._values, strict=True):
            pairs = [(i.venue, i.symbol) for i in {(i.venue, i.symbol): i for i in self.names.instruments}.values()]
            streams = [self._parts(topic, run, venue, symbol, values) for topic in MARKET_TOPICS for venue, symbol in pairs]
            yield from in_order(merged(streams))

    def _found(self) -> dict[str, Any]:
        return met(self._values)

    def _expected(self, count: int) -> int:
        return sum(sum(counts.values()) for counts in self._counts or ())

    def _shown(self) -> str:
        return f"ClickHouse {self.tables.where.clickhouse}, run {', '.join(map(str, self.runs))}"

    def _parts(self, topic: str, run: int, venue: str, symbol: str, values: ValuesIn) -> Iterator[Part]:
        first_ns = 0
        if self.from_ns is not None:
            first_ns = self.from_ns - _EARLY_NS
            if topic == MARKET_TOPICS[0]:
                first_ns = self.tables.snapshot_before(run, venue, symbol, self.from_ns) or 0
        last_id = 0
        for page in self.tables.pages(topic, run, venue, symbol, max(first_ns, 1)):
            yield _part(topic, page, venue, symbol, last_id, values)
            last_id = int(page["id"][-1])
            if self.to_ns is not None and int(page["recv_ts_ns"].min()) >= self.to_ns + _EARLY_NS:
                return


def _part(topic: str, page: dict[str, Any], venue: str, symbol: str, last_id: int, values: ValuesIn) -> Part:
    """The market records of a page."""
    schema = for_topic(topic)
    columns = {**_UNREAD[topic], "venue": venue, "symbol": symbol}
    for name, column in page.items():
        if isinstance(column, tuple):
            column, columns["levels"] = column
        columns[name] = column
    exch_ts_ns = page.get("exch_ts_ns", np.zeros(len(page["id"]), np.int64))
    buffer, starts = encode(columns_of(schema, columns))
    address, size = buffer.ctypes.data + starts[:-1], np.diff(starts)
    again = np.diff(page["id"], prepend=last_id) == 0  # rows that were put in twice
    address = np.where(again, 0, address)

    def decode(row: int) -> Any:
        return codec.decode(schema.record, buffer[starts[row] : starts[row + 1]].tobytes())

    rows = np.flatnonzero(~again)
    return values.part(topic, address[rows], size[rows], lambda row: decode(int(rows[row])), exch_ts_ns=exch_ts_ns[rows])
