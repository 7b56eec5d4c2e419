"""The summary of a run, read from tables."""

import time
import uuid
from collections.abc import Iterator

import pytest
from clickhouse_connect.driver.client import Client

from streams.commands.summary import stage_lines
from streams.records import Latency
from streams.schema import clickhouse as tables
from streams.schema import model
from streams.sinks.batch import native_block
from streams.sinks.inserter import ensure_tables
from streams.sinks.query import connect

RUN = 3


@pytest.fixture
def client(clickhouse: str) -> Iterator[Client]:
    name = f"t_{uuid.uuid4().hex[:8]}"
    with connect(clickhouse) as client:
        ensure_tables(client, name, [model.SCHEMAS["Latency"]])
        client.database = name
        yield client
        client.command(f"DROP DATABASE {name}")


def a_second(id: int, process: str, stage: str | None, records: int, *figures_ns: int | None, run: int = RUN) -> Latency:
    """What one stage counted within a second; p50, p99, p99.9 and the longest in ns."""
    now_ns = time.time_ns()
    topic = "" if stage else "quotes.v1"
    walls_ns = [now_ns] * 4
    return Latency(id, 0, run, now_ns, now_ns, process, topic, 0, *walls_ns, records, stage, *(figures_ns or [None] * 4))


def insert(client: Client, rows: list[Latency]) -> None:
    schema, now_ms = model.SCHEMAS["Latency"], time.time_ns() // 1_000_000
    block = native_block(schema, [tables.row(row, 0, n, now_ms) for n, row in enumerate(rows)])
    names = tables.insert_columns(schema)
    client.raw_insert(f"`{client.database}`.`{schema.plural}`", names, block, fmt="Native", settings={"async_insert": 0})


@pytest.mark.slow
def test_stages_are_told_in_the_order_of_the_way_weighted_by_records(client: Client) -> None:
    insert(
        client,
        [
            a_second(1, "trade", "ring_taken", 10, 1_000, 9_000, 9_500, 50_000),
            a_second(2, "trade", "ring_taken", 90, 2_000, 7_000, 7_500, 8_000),
            a_second(3, "gateway", "checked_sent", 5, 400_000, 800_000, 900_000, 1_234_567),
            a_second(4, "feed", "wire_ring", 1_200, 380, 1_100, 2_000, 3_000),
            a_second(5, "feed", "wire_ring", 9, 999_000, 999_000, 999_000, 999_000, run=RUN + 1),
            a_second(6, "books", None, 7),
        ],
    )
    told = [line.split() for line in stage_lines(client, RUN)]
    assert told[1:] == [
        ["feed", "wire_ring", "1,200", "0.4", "/", "1.1", "3.0"],
        ["trade", "ring_taken", "100", "2.0", "/", "7.0", "50.0"],
        ["gateway", "checked_sent", "5", "400.0", "/", "800.0", "1,234.6"],
    ]


@pytest.mark.slow
def test_stages_of_a_run_on_the_kafka_lane_are_not_mentioned(client: Client) -> None:
    insert(client, [a_second(6, "books", None, 7)])
    assert list(stage_lines(client, RUN)) == []
