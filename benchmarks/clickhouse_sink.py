"""Topic to table: the sink beside clickhouse-connect's own inserts, and how long a record takes from its commit to a visible row.

A stack of its own: a real broker, the embedded ClickHouse through its URL. First the sink's process empties a topic of two partitions that
is full; counted is from the first visible rows to the last. Then batches in memory go the same way, without the broker. The peer is given
its rows (or columns) ready made and typed, so only its insert counts; with fastavro in front it has the sink's work. Wall time, the best of
several runs; contents are compared by a hash. At last fills are sent one by one beside a stream of trades, and each is looked for.
"""

import contextlib
import io
import logging
import multiprocessing
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
from claims import Claim, conditions, report
from clickhouse_connect.datatypes.format import set_write_format
from clickhouse_connect.driver.client import Client
from made_records import SYMBOLS, trade

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from streams.config import Endpoints
from streams.lanes.bus import BulkProducer, TopicSpec, create_topics
from streams.lanes.registry import SchemaIds
from streams.lanes.wire import Wire
from streams.local import services
from streams.schema import clickhouse, codec, model
from streams.sinks.batch import make_batch
from streams.sinks.clickhouse import SinkSettings, run_sink
from streams.sinks.inserter import Inserter, ensure_tables
from streams.sinks.query import connect
from streams.sinks.records import Records
from tests.conftest import ADDRESSES, free_base
from tests.sinks.samples import sample

BATCHES, ROWS = 4, 250_000  # a batch of the sink holds 250,000 records
RUNS = 3
PARTITIONS = 2
STREAM_ROWS_S, FILLS = 20_000, 40
BOUND_S = 120.0
TOPIC = "trades.v1"
SCHEMA, FILL = model.for_topic(TOPIC), model.SCHEMAS["Fill"]
NAMES = clickhouse.insert_columns(SCHEMA)
GOAL, GOAL_ROWS = 3, 1_000_000
"""Times clickhouse-connect's rows, and rows a second."""


class Bench:
    """The same batches, in every form that is inserted."""

    def __init__(self, client: Client, url: str, wire: Wire) -> None:
        self.client, self.url, self.database, self.wire = client, url, "bench", wire
        now_ms = time.time_ns() // 1_000_000
        records = [trade(n) for n in range(ROWS)]
        values = [self.wire.encode(TOPIC, record) for record in records]
        self.values = values
        self.records = [Records.of(values, range(b * ROWS, b * ROWS + ROWS), [now_ms] * ROWS) for b in range(BATCHES)]
        self.rows = [[clickhouse.row(r, b % PARTITIONS, b * ROWS + n, now_ms) for n, r in enumerate(records)] for b in range(BATCHES)]
        self.columns = [[_array(column) for column in zip(*rows, strict=True)] for rows in self.rows]
        self.avro = fastavro.parse_schema(SCHEMA.plain)

    def sink(self) -> None:
        """What the sink does of batches: of each partition one is inserted while the next is made."""
        inserter, started = Inserter(self.url, self.database, threading.Event()), []
        for number, records in enumerate(self.records):
            batch = make_batch(TOPIC, number % PARTITIONS, records, self.wire)
            assert batch.rows == ROWS, "the sink lost records"
            if number >= PARTITIONS:
                started[number - PARTITIONS].result()
            started.append(inserter.start(batch))
        for insert in started:
            insert.result()
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
        for number, records in enumerate(self.records):
            places = zip(records.offset.tolist(), records.timestamp_ms.tolist(), strict=True)
            self.insert([[*self._read(v).values(), number % PARTITIONS, *at] for v, at in zip(self.values, places, strict=True)])

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

    def _read(self, value: bytes) -> Any:
        stream = io.BytesIO(value)
        stream.seek(codec.HEADER.size)
        return fastavro.schemaless_reader(stream, self.avro, None)  # type: ignore[arg-type]


def _array(column: tuple[Any, ...]) -> Any:
    return np.array(column, np.int64) if isinstance(column[0], int) else list(column)


class Flow:
    """Topics of the stack, and a sink's process that empties them into a database of its own."""

    def __init__(self, stack: Endpoints, wire: Wire) -> None:
        self.stack, self.wire = stack, wire
        self.settings = SinkSettings(
            process="sink",
            kafka=stack.kafka,
            registry=stack.registry,
            clickhouse=stack.clickhouse,
            database="flow",
            topology="bench",
            topics=(TOPIC, "fills.v1"),
        )
        self.process = multiprocessing.get_context("spawn").Process(target=run_sink, args=(self.settings,))

    def fill(self, values: list[bytes]) -> None:
        """BATCHES times these values, over the partitions in turn."""
        rows = np.frombuffer(b"".join(values), np.uint8), *_places(values)
        with BulkProducer(self.stack.kafka) as producer:
            for number in range(BATCHES):
                producer.send_rows(TOPIC, number % PARTITIONS, *rows)
            producer.flush()

    def rate(self) -> float:
        """Rows a second of a sink that starts before full topics."""
        count = f"SELECT count() FROM flow.{SCHEMA.plural}"
        with connect(self.stack.clickhouse) as client:
            ensure_tables(client, "flow", [SCHEMA, FILL])
            self.process.start()
            first, first_s = wait_for(client, count, 1, 0.05)
            last, last_s = wait_for(client, count, BATCHES * ROWS, 0.05)
            once = client.query(f"SELECT count() = uniqExact(_partition, _offset) FROM flow.{SCHEMA.plural}").result_rows[0][0]
        assert (last, once) == (BATCHES * ROWS, True), f"{last} rows in the table, {BATCHES * ROWS} were put in"
        return (last - first) / (last_s - first_s)

    def delays_s(self, values: list[bytes]) -> np.ndarray:
        """From the broker's word that it has a fill until the fill is seen, while trades stream."""
        stop, found = threading.Event(), []
        streaming = threading.Thread(target=self._stream, args=(values, stop))
        streaming.start()
        with BulkProducer(self.stack.kafka) as producer, connect(self.stack.clickhouse) as client:
            for n in range(FILLS):
                producer.send("fills.v1", 0, self.wire.encode("fills.v1", sample(FILL, n)))
                producer.flush()
                sent_s = time.perf_counter()
                found.append(wait_for(client, "SELECT count() FROM flow.fills", n + 1, 0.01)[1] - sent_s)
        stop.set()
        streaming.join()
        return np.array(found)

    def _stream(self, values: list[bytes], stop: threading.Event) -> None:
        wave = STREAM_ROWS_S // 100
        rows = np.frombuffer(b"".join(values[:wave]), np.uint8), *_places(values[:wave])
        with BulkProducer(self.stack.kafka) as producer:
            while not stop.wait(0.01):
                producer.send_rows(TOPIC, 0, *rows)


def _places(values: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    sizes = np.array([len(value) for value in values], np.int64)
    return np.cumsum(sizes) - sizes, sizes


def wait_for(client: Client, sql: str, least: int, pause_s: float) -> tuple[int, float]:
    """(what a query gives when it gives at least so much, when that was). Each look costs the engine milliseconds."""
    until_s = time.perf_counter() + BOUND_S
    while time.perf_counter() < until_s:
        found = client.query(sql).result_rows[0][0]
        if found >= least:
            return found, time.perf_counter()
        time.sleep(pause_s)
    raise AssertionError(f"{sql}: not {least} within {BOUND_S} s")


@contextlib.contextmanager
def stack() -> Iterator[Endpoints]:
    """The embedded stack in a folder of its own."""
    for name in ADDRESSES:
        os.environ.pop(name, None)
    with tempfile.TemporaryDirectory(prefix="millrace-bench-", ignore_cleanup_errors=True) as folder:
        os.environ["MILLRACE_PORT"], os.environ["MILLRACE_HOME"] = str(free_base()), folder
        try:
            yield services.up(lambda _: None, home=Path(folder))
        finally:
            services.down(purge=True, progress=lambda _: None, home=Path(folder))


def measure() -> list[Claim]:
    logging.disable(logging.CRITICAL)
    set_write_format("DateTime64", "int")  # its datetime objects would lose the nanoseconds
    with stack() as where:
        create_topics(where.kafka, [TopicSpec(TOPIC, PARTITIONS), TopicSpec("fills.v1", 1)])
        wire = Wire(SchemaIds(where.registry))
        wire.ids.register_all((TOPIC, "fills.v1"))
        flow = Flow(where, wire)
        with connect(where.clickhouse) as client:
            ensure_tables(client, "bench", [SCHEMA])
            bench = Bench(client, where.clickhouse, wire)
            flow.fill(bench.values)
            try:
                rate, delays_s = flow.rate(), flow.delays_s(bench.values)
            finally:
                flow.process.terminate()
                flow.process.join()
            return _measured(bench, rate, delays_s)


def _measured(bench: Bench, rate: float, delays_s: np.ndarray) -> list[Claim]:
    bench.sink()  # engine and objects are loaded
    ours, content = bench.rate(bench.sink)
    assert content[0] == BATCHES * ROWS, f"{content[0]} rows in the table, {BATCHES * ROWS} were put in"
    p50, p99 = np.percentile(delays_s, (50, 99))
    claims = [
        Claim("topic to table, the sink", rate, None, None, "rows/s", "none", True),
        Claim("batches in memory to table, as the sink does it", ours, None, None, "rows/s", f"> {GOAL_ROWS:,}", ours > GOAL_ROWS),
        Claim(f"commit to visible row, fills beside {STREAM_ROWS_S:,} trades/s, p50", p50, None, None, "s", "< 1", bool(p50 < 1)),
        Claim("the same, p99", p99, None, None, "s", "< 1", bool(p99 < 1)),
    ]
    ways = (
        ("rows made before", bench.insert_rows, GOAL),
        ("fastavro and rows", bench.decode_and_insert_rows, GOAL),
        ("numpy columns made before", bench.insert_columns, 0),
    )
    for name, run, goal in ways:
        peer, found = bench.rate(run)
        assert found == content, f"clickhouse-connect's {name} filled the table otherwise"
        text = f"{goal}x" if goal else "none"
        claims.append(
            Claim(f"topic to table (peer: clickhouse-connect, {name})", rate, peer, rate / peer, "rows/s", text, rate >= goal * peer)
        )
    return claims


if __name__ == "__main__":
    where = conditions(rows=BATCHES * ROWS, batch=ROWS, partitions=PARTITIONS, symbols=len(SYMBOLS), record="Trade")
    report("clickhouse_sink", where, measure)
