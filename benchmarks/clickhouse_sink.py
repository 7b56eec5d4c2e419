"""Topic messages into their table: the sink's way, from message to inserted row, beside clickhouse-connect's own inserts.

An embedded ClickHouse of its own, through its URL. No broker: messages are in memory, as the consumer hands them over; decoding, making the
block, and the insert with its token count, one batch after another. The peer is given its rows (or columns) ready made and typed, so only
its insert counts; with fastavro in front it has the sink's work. Wall time, the best of several runs; contents are compared by a hash.
"""

import io
import logging
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import fastavro
import numpy as np
from claims import Claim, conditions, report
from clickhouse_connect.datatypes.format import set_write_format
from clickhouse_connect.driver.client import Client
from made_records import SYMBOLS, trade

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from streams.lanes.wire import Wire
from streams.schema import clickhouse, codec, model
from streams.sinks.batch import make_batch
from streams.sinks.inserter import Inserter, ensure_tables
from streams.sinks.query import connect
from tests.conftest import Store, free_base, own_folder

BATCHES, ROWS = 10, 50_000  # a batch of the sink holds 50,000 records
RUNS = 3
TOPIC = "trades.v1"
SCHEMA = model.for_topic(TOPIC)
NAMES = clickhouse.insert_columns(SCHEMA)
GOAL, GOAL_ROWS = 3, 1_000_000
"""Times clickhouse-connect's rows, and rows a second."""


class Message(NamedTuple):
    """A record as the consumer hands it over."""

    content: bytes
    at: int
    ms: int

    def value(self) -> bytes:
        return self.content

    def offset(self) -> int:
        return self.at

    def timestamp(self) -> tuple[int, int]:
        return 1, self.ms


class Ids:
    """A registry that knows one schema."""

    def id_of(self, topic: str) -> int:
        return 7


class Bench:
    """The same batches, in every form that is inserted."""

    def __init__(self, client: Client, url: str) -> None:
        self.client, self.url, self.database = client, url, "bench"
        self.wire = Wire(Ids())  # type: ignore[arg-type]
        now_ms = time.time_ns() // 1_000_000
        records = [trade(n) for n in range(ROWS)]
        values = [self.wire.encode(TOPIC, record) for record in records]
        self.messages = [[Message(value, b * ROWS + n, now_ms) for n, value in enumerate(values)] for b in range(BATCHES)]
        self.rows = [[clickhouse.row(r, 0, m.at, now_ms) for r, m in zip(records, batch, strict=True)] for batch in self.messages]
        self.columns = [[_array(column) for column in zip(*rows, strict=True)] for rows in self.rows]
        self.avro = fastavro.parse_schema(SCHEMA.plain)

    def sink(self) -> None:
        """What the sink does of a batch."""
        inserter = Inserter(self.url, self.database, threading.Event())
        for messages in self.messages:
            batch = make_batch(TOPIC, 0, messages, self.wire)  # type: ignore[arg-type]
            assert batch.rows == ROWS, "the sink lost records"
            inserter.insert([batch])
        inserter.close()

    def insert(self, data: Any, oriented: bool = False) -> None:
        """clickhouse-connect's own insert."""
        table = f"`{self.database}`.`{SCHEMA.plural}`"
        settings = {"async_insert": 0}
        self.client.insert(table, data, NAMES, column_oriented=oriented, settings=settings)

    def insert_rows(self) -> None:
        for rows in self.rows:
            self.insert(rows)

    def insert_columns(self) -> None:
        for columns in self.columns:
            self.insert(columns, oriented=True)

    def decode_and_insert_rows(self) -> None:
        """The sink's work with fastavro and rows."""
        for messages in self.messages:
            self.insert([_row(self._read(message), message) for message in messages])

    def rate(self, run: Callable[[], None]) -> tuple[float, Any]:
        """(rows a second, what the table holds then), best of several runs."""
        spent = []
        for _ in range(RUNS):
            self.client.command(f"TRUNCATE TABLE `{self.database}`.`{SCHEMA.plural}`")
            began = time.perf_counter()
            run()
            spent.append(time.perf_counter() - began)
        return BATCHES * ROWS / min(spent), self.content()

    def content(self) -> Any:
        """Count and order-free hash of every row."""
        names = ", ".join(f"`{name}`" for name in NAMES)
        sql = f"SELECT count(), groupBitXor(cityHash64({names})) FROM `{self.database}`.`{SCHEMA.plural}`"
        return self.client.query(sql).result_rows[0]

    def _read(self, message: Message) -> Any:
        stream = io.BytesIO(message.content)
        stream.seek(codec.HEADER.size)
        return fastavro.schemaless_reader(stream, self.avro, None)  # type: ignore[arg-type]


def _row(record: dict[str, Any], message: Message) -> list[Any]:
    return [*record.values(), 0, message.at, message.ms]


def _array(column: tuple[Any, ...]) -> Any:
    return np.array(column, np.int64) if isinstance(column[0], int) else list(column)


def measure() -> list[Claim]:
    logging.disable(logging.CRITICAL)
    set_write_format("DateTime64", "int")  # its datetime objects would lose the nanoseconds
    with own_folder() as folder:
        store = Store(Path(folder), free_base())
        store.start()
        try:
            with connect(store.url) as client:
                ensure_tables(client, "bench", [SCHEMA])
                return _measured(Bench(client, store.url))
        finally:
            store.stop()


def _measured(bench: Bench) -> list[Claim]:
    bench.sink()  # engine and objects are loaded
    ours, content = bench.rate(bench.sink)
    assert content[0] == BATCHES * ROWS, f"{content[0]} rows in the table, {BATCHES * ROWS} were put in"
    claims = [Claim("messages to table, the sink", ours, None, None, "rows/s", f"> {GOAL_ROWS:,}", ours > GOAL_ROWS)]
    ways = (
        ("rows made before", bench.insert_rows, GOAL),
        ("fastavro and rows", bench.decode_and_insert_rows, GOAL),
        ("numpy columns made before", bench.insert_columns, 0),
    )
    for name, run, goal in ways:
        peer, found = bench.rate(run)
        assert found == content, f"clickhouse-connect's {name} filled the table otherwise"
        text = f"{goal}x" if goal else "none"
        claims.append(Claim(f"the same (peer: clickhouse-connect, {name})", ours, peer, ours / peer, "rows/s", text, ours >= goal * peer))
    return claims


if __name__ == "__main__":
    where = conditions(rows=BATCHES * ROWS, batch=ROWS, symbols=len(SYMBOLS), record="Trade", broker="none, messages in memory")
    report("clickhouse_sink", where, measure)
