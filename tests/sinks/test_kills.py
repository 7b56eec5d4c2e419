"""Sink and ClickHouse killed in the middle of inserts, again and again, while records stream in: each offset is once in the table."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import Error

from streams.errors import SinkError
from streams.lanes.bus import BulkProducer
from streams.sinks.query import connect
from tests.conftest import Store
from tests.sinks.conftest import Bench, SinkProcess, trade
from tests.sinks.test_sink import COUNTS, eventually, once, store

__all__ = ["store"]

TOTAL, WAVE, PARTITIONS = 160_000, 4_000, 2
KILLS = 3  # of each
BOUND_S = 40.0
INSERTING = "SELECT count() FROM system.processes WHERE query_kind = 'Insert'"
pytestmark = [pytest.mark.broker, pytest.mark.slow]


@contextmanager
def streaming(bench: Bench, go_on: threading.Event) -> Iterator[None]:
    """Send all trades, in waves to one partition after the other; as fast as kills need them until `go_on` is set."""
    values = [bench.wire.encode("trades.v1", trade(n)) for n in range(1, TOTAL + 1)]
    buffer, sizes = np.frombuffer(b"".join(values), np.uint8), np.array([len(value) for value in values], np.int64)
    starts = np.cumsum(sizes) - sizes

    def send() -> None:
        with BulkProducer(bench.stack.kafka) as producer:
            for number, first in enumerate(range(0, TOTAL, WAVE)):
                rows = slice(first, first + WAVE)
                producer.send_rows("trades.v1", number % PARTITIONS, buffer, starts[rows], sizes[rows])
                go_on.wait(0.25)
            producer.flush()

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield
    finally:
        go_on.set()
        sender.join()


def wait_for_an_insert(url: str) -> None:
    """Until the server is at work on one."""
    client: Client | None = None
    until_s = time.monotonic() + BOUND_S
    while time.monotonic() < until_s:
        try:
            client = client or connect(url)
            if client.query(INSERTING).result_rows[0][0]:
                return
        except (Error, SinkError, OSError):
            client = None
    raise AssertionError(f"no insert within {BOUND_S} s")


def restarts(sink: SinkProcess, store: Store) -> Iterator[Callable[[], object]]:
    """What is killed in turn, and started again."""

    def store_dies() -> None:
        store.kill()
        store.start()

    def sink_dies() -> None:
        sink.kill()
        sink.start()

    return itertools.cycle((store_dies, sink_dies))


def test_sink_and_clickhouse_killed_in_the_middle_of_inserts_write_each_offset_once(bench: Bench, store: Store) -> None:
    sink, go_on = bench.sink(clickhouse=store.url, rows_max=20_000), threading.Event()

    def counts() -> list[tuple]:
        with connect(store.url, bench.database) as client:
            return [tuple(row) for row in client.query(COUNTS).result_rows]

    with streaming(bench, go_on):
        sink.start()
        for kill in itertools.islice(restarts(sink, store), 2 * KILLS):
            wait_for_an_insert(store.url)
            kill()
        go_on.set()
        eventually(counts, once(TOTAL), BOUND_S)
    assert sink.stop() == 0
    assert "ClickHouse does not take the batch; trying again" in sink.log.read_text()
    with connect(store.url, bench.database) as client:
        gaps = "SELECT _partition, max(_offset) - min(_offset) + 1 - count() FROM trades GROUP BY _partition ORDER BY _partition"
        assert [tuple(row) for row in client.query(gaps).result_rows] == [(partition, 0) for partition in range(PARTITIONS)]
