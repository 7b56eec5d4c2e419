"""Results in ClickHouse: the rows that memory and Parquet hold, once, however often a backtest is repeated."""

import itertools
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clickhouse_connect.driver.client import Client

from streams.backtest.diff import first_difference
from streams.backtest.events import Events
from streams.backtest.kept_rows import ClickHouseRows
from streams.backtest.results import Results
from streams.backtest.results_clickhouse import NO_PARTITION, ClickHouse
from streams.backtest.results_memory import Memory
from streams.backtest.results_parquet import Parquet, read_tables
from streams.errors import ConfigError, SinkError
from streams.schema import clickhouse as tables
from streams.schema.model import SCHEMAS, for_topic
from streams.sinks.query import connect
from tests.backtest.tapes import Tape, tape
from tests.backtest.test_diff import Kept
from tests.schema.made import edge

pytestmark = pytest.mark.slow
MARKET = ("Trade", "Quote", "Funding")


@pytest.fixture(scope="module")
def client(clickhouse: str) -> Iterator[Client]:
    """A client with a database of their own, which the first sink makes."""
    name = f"r_{uuid.uuid4().hex[:8]}"
    with connect(clickhouse) as found:
        found.database = name
        yield found
        found.command(f"DROP DATABASE IF EXISTS {name}")


RUNS = itertools.count(1_500_000_000)


@pytest.fixture
def run() -> int:
    """A run of this test's own."""
    return next(RUNS)


def replay(clickhouse: str, client: Client, run: int, given: Tape, *sinks: Any, market: Tape | None = None) -> None:
    """Results of a tape, in batches of 100."""
    assert client.database
    with Results(edge(), run, [ClickHouse(run, clickhouse, client.database), *sinks], 100) as results:
        if market is not None:
            n = len(market.kind)
            results.take_market(Events(market.address, np.full(n, 64), np.zeros(n, np.int64), market.exch_ts_ns + 7, market))
        results.take(given)
        results.finish()


def content(client: Client, run: int, table: str, source: str = "") -> list[tuple[Any, ...]]:
    """The rows of a table, or of another source with its columns, as text: every digit counts."""
    schema = next(s for s in SCHEMAS.values() if s.plural == table)
    names = [c.name for c in tables.columns(schema)[:-3]]
    shown = ", ".join(f"toString(`{name}`)" for name in (*names, "_offset"))
    return list(client.query(f"SELECT {shown} FROM {source or table} WHERE run_id = {run} ORDER BY _offset").result_rows)


def test_clickhouse_holds_what_memory_and_parquet_hold(clickhouse: str, client: Client, run: int, tmp_path: Path) -> None:
    memory = Memory()
    replay(clickhouse, client, run, tape(280, seed=9), memory, Parquet(tmp_path), market=tape(90, seed=4, names=MARKET))
    assert len(memory.topics) == 13
    for topic in memory.topics:
        table = for_topic(topic).plural
        rows = content(client, run, table)
        assert rows
        assert rows == content(client, run, table, f"file('{tmp_path / topic}.parquet', Parquet)"), topic
        assert sum(part.num_rows for part in read_tables(tmp_path, topic)) == len(rows) == memory.table(topic).num_rows
    where = client.query(f"SELECT DISTINCT run_id, _partition, ingest_ts > now() - 600 FROM orders WHERE run_id = {run}").result_rows
    assert where == [(run, NO_PARTITION, 1)]


def test_rows_in_clickhouse_have_no_difference_from_those_in_a_folder(
    clickhouse: str, client: Client, run: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.backtest.kept_rows.WINDOW_ROWS", 16)  # several windows
    memory = Memory()
    replay(clickhouse, client, run, tape(160, seed=3), memory)
    ours = Kept({topic: memory.table(topic) for topic in memory.topics})
    verdict = first_difference(ours, ClickHouseRows(client, run))
    assert verdict.equal
    assert verdict.records == 160
    client.command(
        f"ALTER TABLE fills UPDATE last_px_e9 = last_px_e9 + 1 WHERE run_id = {run} AND _offset > 60", settings={"mutations_sync": 2}
    )
    difference = first_difference(ours, ClickHouseRows(client, run)).difference
    assert difference is not None
    assert (difference.topic, difference.field) == ("fills.v1", "last_px_e9")
    with pytest.raises(ConfigError, match="run 77: ClickHouse has no rows of it"):
        ClickHouseRows(client, 77)


def test_clickhouse_repeated_run_replaces_itself(clickhouse: str, client: Client, run: int) -> None:
    names = ("Order", "Fill")
    replay(clickhouse, client, run, tape(250, names=names))
    once = content(client, run, "orders")
    replay(clickhouse, client, run, tape(250, names=names))
    assert content(client, run, "orders") == once
    replay(clickhouse, client, run, tape(40, seed=2, names=names))
    assert 0 < len(content(client, run, "orders")) < len(once)


def test_clickhouse_written_by_two_at_once_says_so_and_keeps_neither(clickhouse: str, client: Client, run: int) -> None:
    assert client.database
    given, one = tape(60, names=("Order",)), ClickHouse(run, clickhouse, client.database)
    with Results(edge(), run, [one], 100) as results:
        results.take(given)
        replay(clickhouse, client, run, given)
        with pytest.raises(SinkError, match="another replay of this manifest wrote at the same time"):
            results.finish()
    assert content(client, run, "orders") == []


def test_clickhouse_of_a_backtest_that_failed_has_no_rows_of_it(clickhouse: str, client: Client, run: int) -> None:
    replay(clickhouse, client, run, tape(50, names=("Order",)))
    assert client.database
    other = ClickHouse(run + 1_000, clickhouse, client.database)

    def failing() -> None:
        with Results(edge(), run + 1_000, [other], 10) as results:
            results.take(tape(60, names=("Order", "Fill")))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    counts = client.query(f"SELECT run_id, count() FROM orders WHERE run_id IN ({run}, {run + 1_000}) GROUP BY run_id").result_rows
    assert [run_id for run_id, _ in counts] == [run]


def test_clickhouse_that_does_not_answer_is_one_line() -> None:
    with pytest.raises(SinkError, match=r"ClickHouse at 127\.0\.0\.1:9: connection refused"):
        ClickHouse(next(RUNS), "http://127.0.0.1:9", "millrace")
