"""Blocks made from columns fill a table with what blocks made from rows fill it with, value by value."""

import time
import uuid
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from clickhouse_connect.driver.client import Client
from hypothesis import HealthCheck, given, settings

from streams.records import Metric
from streams.schema import bulk, clickhouse, codec
from streams.schema.model import SCHEMAS, Schema
from streams.sinks.batch import native_block
from streams.sinks.columns import block_of
from streams.sinks.inserter import ensure_tables
from streams.sinks.query import connect
from tests.schema.made import any_record
from tests.sinks.samples import sample

ROWS, COLUMNS = 1, 2  # the partition that each way writes under


def made(schema: Schema) -> list[Any]:
    """Random records, and some whose fields all differ."""
    records: list[Any] = [sample(schema, n) for n in range(4)]

    @settings(max_examples=20, database=None, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(record=any_record(schema))
    def collect(record: Any) -> None:
        records.append(record)

    collect()
    return records


def put_both_ways(client: Client, schema: Schema, records: list[Any]) -> None:
    """Insert records as rows and as columns."""
    now_ms = time.time_ns() // 1_000_000  # older rows would fall to the TTL at once
    found = bulk.decode(schema, [codec.encode(record) for record in records])
    assert found.rows == len(records)
    offsets = np.arange(len(records), dtype=np.int64)
    by_columns = block_of(found, COLUMNS, offsets, offsets + now_ms)
    by_rows = native_block(schema, [clickhouse.row(record, ROWS, n, now_ms + n) for n, record in enumerate(records)])
    for block in (by_rows, by_columns):
        settings_ = {"async_insert": 0, "max_partitions_per_insert_block": 0}
        client.raw_insert(
            f"`{client.database}`.`{schema.plural}`", clickhouse.insert_columns(schema), block, fmt="Native", settings=settings_
        )


def content(client: Client, schema: Schema, partition: int) -> bytes:
    """What the table holds under a partition, as bytes."""
    names = ", ".join(f"`{name}`" for name in clickhouse.insert_columns(schema) if name != "_partition")
    sql = f"SELECT {names} FROM `{client.database}`.`{schema.plural}` WHERE _partition = {partition} ORDER BY _offset"
    return client.raw_query(sql, fmt="RowBinary")


@pytest.fixture(scope="module")
def tables(clickhouse: str) -> Iterator[Client]:
    name = f"c_{uuid.uuid4().hex[:8]}"
    with connect(clickhouse) as client:
        ensure_tables(client, name)
        client.database = name
        yield client
        client.command(f"DROP DATABASE {name}")


@pytest.mark.slow
@pytest.mark.parametrize("schema", list(SCHEMAS.values()), ids=lambda schema: schema.name)
def test_block_of_any_records_fills_the_table_as_rows_do(tables: Client, schema: Schema) -> None:
    put_both_ways(tables, schema, made(schema))
    by_rows = content(tables, schema, ROWS)
    assert by_rows
    assert content(tables, schema, COLUMNS) == by_rows


@pytest.mark.slow
@pytest.mark.parametrize("count", [255, 256, 257, 65_537])
def test_block_of_many_names_numbers_them_in_the_width_they_need(tables: Client, count: int) -> None:
    schema = SCHEMAS["Metric"]
    tables.command(f"TRUNCATE TABLE `{tables.database}`.metrics")
    put_both_ways(tables, schema, [Metric(n, 0, 0, 0, 0, "v", f"s{n}", f"x{n % 7}", "m", float(n)) for n in range(count)])
    assert content(tables, schema, COLUMNS) == content(tables, schema, ROWS)


def test_block_of_no_rows_is_empty() -> None:
    none = np.empty(0, np.int64)
    assert block_of(bulk.decode(SCHEMAS["Trade"], [b""]), 0, none, none) == b""
