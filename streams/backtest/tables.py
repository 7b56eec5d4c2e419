"""Market records from ClickHouse's tables, page by page in the order in which they were written: columns in its Native format."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import Error

from streams.config import Endpoints
from streams.errors import SinkError
from streams.schema.model import for_topic
from streams.sinks.query import connect, reason

__all__ = ["Tables", "native_columns"]

_MARKET = ("book_updates", "trades", "quotes")
_STAMPS = ("id", "cause_id", "run_id", "ts_ns", "recv_ts_ns")
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "book_updates.v1": (*_STAMPS, "exch_ts_ns", "last_seq", "snapshot", "gap", "levels.side", "levels.px_e9", "levels.qty_e9"),
    "trades.v1": (*_STAMPS, "exch_ts_ns", "trade_id", "side", "px_e9", "qty_e9"),
    "quotes.v1": (*_STAMPS, "exch_ts_ns", "bid_px_e9", "bid_qty_e9", "ask_px_e9", "ask_qty_e9"),
    "funding.v1": (*_STAMPS, "funding_ts_ns", "rate_e9", "mark_e9"),
}
"""What slots hold of a record, and the venue's stamp; the rest of a record is not read."""

_ROWS = {"book_updates.v1": 5_000}  # of a page, each with many levels; of the others:
_ROWS_ELSE = 100_000


class Tables:
    """The tables of a ClickHouse, read by one thread; it is reached when it is first asked."""

    def __init__(self, where: Endpoints) -> None:
        self.where = where
        self._open: Client | None = None

    def span(self, run: int) -> tuple[int, int] | None:
        """First and last receive time of a run's book updates, trades and quotes; None if there is none. SinkError."""
        parts = [f"SELECT min(recv_ts) AS a, max(recv_ts) AS b, count() AS n FROM `{table}` WHERE run_id = {run}" for table in _MARKET]
        union = " UNION ALL ".join(parts)
        found = self._columns(
            f"SELECT {_ns('min(a)')} AS first, {_ns('max(b)')} AS last, toInt64(sum(n)) AS rows FROM ({union}) WHERE n > 0"
        )
        return (int(found["first"][0]), int(found["last"][0])) if found["rows"][0] else None

    def counts(self, run: int) -> dict[str, int]:
        """Records of a run by topic."""
        return {
            topic: int(self._columns(f"SELECT toInt64(count()) AS n FROM `{for_topic(topic).plural}` WHERE run_id = {run}")["n"][0])
            for topic in _FIELDS
        }

    def snapshot_before(self, run: int, venue: str, symbol: str, ts_ns: int) -> int | None:
        """Receive time of the last whole book of an instrument at `ts_ns` or before; None if there is none."""
        where = f"{_of(run, venue, symbol)} AND snapshot AND recv_ts <= fromUnixTimestamp64Nano({ts_ns})"
        found = self._columns(f"SELECT {_ns('max(recv_ts)')} AS last, toInt64(count()) AS rows FROM `book_updates` WHERE {where}")
        return int(found["last"][0]) if found["rows"][0] else None

    def pages(self, topic: str, run: int, venue: str, symbol: str, from_ns: int = 0) -> Iterator[dict[str, Any]]:
        """The records of a run and an instrument as columns (int64; arrays as (values, ends)), in the order written, page by page.

        from_ns : a receive time; some records before it may be given, too
        """
        table, rows = for_topic(topic).plural, _ROWS.get(topic, _ROWS_ELSE)
        columns = ", ".join(f"{_selected(name)} AS `{name}`" for name in _FIELDS[topic])
        after_ns, after_id = from_ns - 1, 0  # a record is written at its receive time or later
        while True:
            behind = f"(ts, id) > (fromUnixTimestamp64Nano({after_ns}), {after_id}) AND ts >= fromUnixTimestamp64Nano({after_ns})"
            page = self._columns(
                f"SELECT {columns} FROM `{table}` WHERE {_of(run, venue, symbol)} AND {behind} ORDER BY ts, id LIMIT {rows}"
            )
            count = len(page.get("id", ()))
            if count:
                yield page
            if count < rows:
                return
            after_ns, after_id = int(page["ts_ns"][-1]), int(page["id"][-1])

    def _columns(self, sql: str) -> dict[str, Any]:
        try:
            if self._open is None:
                self._open = connect(self.where.clickhouse, self.where.database)
            return native_columns(self._open.raw_query(sql, fmt="Native"))
        except Error as fault:
            raise SinkError(f"ClickHouse {self.where.clickhouse}: reading market records: {reason(fault)}") from None


def native_columns(data: bytes) -> dict[str, Any]:
    """Columns of ClickHouse's Native format by name: of Int64 an array, of Array(Int64) an array of all values and where each row ends."""
    found: dict[str, list[Any]] = {}
    at = 0
    while at < len(data):
        count, at = _leb128(data, at)
        rows, at = _leb128(data, at)
        for _ in range(count):
            name, at = _text(data, at)
            kind, at = _text(data, at)
            ends = None
            size = rows
            if kind == "Array(Int64)":
                ends, at = _words(data, at, rows)
                size = int(ends[-1]) if rows else 0
            elif kind != "Int64":
                raise SinkError(f"ClickHouse: column {name} has type {kind}; Int64 was asked for")
            values, at = _words(data, at, size)
            found.setdefault(name, []).append(values if ends is None else (values, ends))
    return {name: _joined(blocks) for name, blocks in found.items()}


def _joined(blocks: list[Any]) -> Any:
    if not isinstance(blocks[0], tuple):
        return np.concatenate(blocks)
    before = np.cumsum([0, *(len(values) for values, _ in blocks)])
    ends = [ends + first for (_, ends), first in zip(blocks, before, strict=False)]
    return np.concatenate([values for values, _ in blocks]), np.concatenate(ends)


def _words(data: bytes, at: int, count: int) -> tuple[np.ndarray, int]:
    return np.frombuffer(data, np.int64, count, at), at + 8 * count


def _text(data: bytes, at: int) -> tuple[str, int]:
    size, at = _leb128(data, at)
    return data[at : at + size].decode(), at + size


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    n = shift = 0
    while True:
        byte = data[at]
        at += 1
        n |= (byte & 127) << shift
        if byte < 128:
            return n, at
        shift += 7


def _of(run: int, venue: str, symbol: str) -> str:
    return f"run_id = {run} AND venue = {_quoted(venue)} AND symbol = {_quoted(symbol)}"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _selected(name: str) -> str:
    """A field as Int64."""
    if name.endswith("_ns"):
        return _ns(f"`{name.removesuffix('_ns')}`")
    if name == "levels.side":
        return "arrayMap(x -> toInt64(x::String = 'SELL'), `levels.side`)"
    if name == "side":
        return "toInt64(side::String = 'SELL')"
    return f"`{name}`" if name.startswith("levels.") else f"toInt64(`{name}`)"


def _ns(sql: str) -> str:
    return f"toUnixTimestamp64Nano({sql})"
