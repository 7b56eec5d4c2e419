"""Contract 22: the table of `trades.v1` is `trades`, one record a row, types a person can read, and ClickHouse takes it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from streams.records import BookLevel, BookUpdate, Clock, Command, CommandType, Side, StartPosition
from streams.schema import clickhouse
from streams.schema.model import SCHEMAS


def column(schema: str, name: str) -> clickhouse.Column:
    return next(c for c in clickhouse.columns(SCHEMAS[schema]) if c.name == name)


def test_columns_of_prices_are_stored_integers_with_a_float_alias() -> None:
    stored, alias = column("Trade", "px_e9"), column("Trade", "px")
    assert (stored.type, stored.codec, stored.alias) == ("Int64", "GCD, Delta, ZSTD(1)", "")
    assert (alias.type, alias.alias, alias.comment) == ("Float64", "`px_e9` / 1e9", "price, > 0")
    assert column("Order", "px").type == "Nullable(Float64)"
    assert column("BookUpdate", "levels.px").alias == "arrayMap(x -> x / 1e9, `levels.px_e9`)"


def test_columns_of_instants_are_times_and_durations_numbers() -> None:
    names = clickhouse.insert_columns(SCHEMAS["Trade"])
    assert names[3:5] == ("ts", "recv_ts")
    assert "exch_ts" in names
    assert column("Order", "expire_ts").type == "Nullable(DateTime64(9, 'UTC'))"
    assert column("JournalEntry", "tick_ts").type == "Array(DateTime64(9, 'UTC'))"
    assert column("Signal", "horizon_ns").type == "Int64"


def test_columns_of_names_enums_and_money_have_their_types() -> None:
    assert column("Trade", "symbol").type == column("Trade", "side").type == "LowCardinality(String)"
    assert column("Limit", "venue").type == "LowCardinality(Nullable(String))"
    assert column("Fill", "fee").type == "Decimal(38, 9)"
    assert column("Fill", "maker").type == "Bool"


@pytest.mark.parametrize(
    ("schema", "part"),
    [
        ("Trade", "PARTITION BY toDate(ingest_ts)\nORDER BY (`venue`, `symbol`, `ts`)\nTTL toDateTime(ingest_ts) + INTERVAL 7 DAY\n"),
        ("Fill", "PARTITION BY toYYYYMM(ingest_ts)\nORDER BY (`account`, `symbol`, `ts`)\nTTL toDateTime(ingest_ts) + INTERVAL 7 YEAR\n"),
        ("Name", "ENGINE = MergeTree\nORDER BY (`kind`, `number`)\nSETTINGS non_replicated_deduplication_window = 10000\n"),
    ],
)
def test_table_ddl_keeps_what_the_schema_says(schema: str, part: str) -> None:
    ddl = clickhouse.table_ddl(SCHEMAS[schema], "m")
    assert ddl.startswith(f"CREATE TABLE IF NOT EXISTS `m`.`{SCHEMAS[schema].plural}`\n(")
    assert part in ddl


def test_row_of_an_update_has_a_list_a_column_of_its_levels() -> None:
    levels = (BookLevel(Side.BUY, 3, 4), BookLevel(Side.SELL, 5, 0))
    update = BookUpdate(1, 0, 7, 8, 9, "binance", "BTCUSDT", 10, 11, 12, True, False, levels, bid_px_e9=3)
    values = dict(zip(clickhouse.insert_columns(SCHEMAS["BookUpdate"]), clickhouse.row(update, 2, 55, 1_000), strict=True))
    assert values["levels.side"] == ["BUY", "SELL"]
    assert values["levels.px_e9"] == [3, 5]
    assert (values["ts"], values["bid_px_e9"], values["ask_px_e9"]) == (8, 3, None)
    assert (values["_partition"], values["_offset"], values["ingest_ts"]) == (2, 55, 1_000)


def test_row_of_a_command_has_enums_by_name() -> None:
    start = (StartPosition("frames.v1", 0, 5),)
    command = Command(1, 0, 7, 8, 9, CommandType.RUN, "", "start", clock=Clock.RECORDING, start_positions=start)
    values = dict(zip(clickhouse.insert_columns(SCHEMAS["Command"]), clickhouse.row(command, 0, 0, 0), strict=True))
    assert (values["kind"], values["clock"], values["start_positions.offset"]) == ("RUN", "RECORDING", [5])
    other = clickhouse.row(command._replace(clock=None), 0, 0, 0)
    assert other[clickhouse.insert_columns(SCHEMAS["Command"]).index("clock")] is None


@pytest.mark.slow
def test_tables_of_all_topics_are_taken_filled_and_deduplicated_by_the_engine(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.schema.chdb_tables", str(tmp_path / "db")],
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert done.returncode == 0, done.stderr[-2000:]
    out = json.loads(done.stdout.splitlines()[-1])
    assert out.pop("trade") == "(1, 'Float64', \"DateTime64(9, 'UTC')\")"
    assert sorted(out) == sorted(s.plural for s in SCHEMAS.values())
    for table, (rows, offsets, exact, without_comment, made) in out.items():
        assert (rows, offsets, exact, without_comment) == (made, made, 1, 0), table
