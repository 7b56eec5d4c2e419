"""Results of a backtest: one hash and one set of rows however the tapes are cut; memory and Parquet hold what the records say."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streams.backtest.arrow import arrow_schema, table_of
from streams.backtest.arrow_arrays import arrays_of
from streams.backtest.bodies import Bodies
from streams.backtest.events import Events
from streams.backtest.results import Outcome, Results
from streams.backtest.results_memory import Memory
from streams.backtest.results_parquet import Parquet, read_columns, read_tables, topics_of
from streams.errors import ConfigError
from streams.schema import bulk, clickhouse, codec
from streams.schema.layout import NULL
from streams.schema.model import SCHEMAS, Schema
from streams.schema.rolling import EMPTY_HASH, roll
from streams.slots import KIND_VENUE_EVENT
from streams.trading.venue_answer import REASONS
from tests.backtest.tapes import Tape, bodies, tape
from tests.schema.made import edge
from tests.sinks.samples import sample

RUN = 1_500_000_007


def run(tapes: list[Tape], *sinks: Any, batch: int = 100, run_id: int = RUN) -> Outcome:
    """What results say of these tapes."""
    with Results(edge(), run_id, sinks, batch) as results:
        for one in tapes:
            results.take(one)
        return results.finish()


def records_of(given: Tape, run_id: int = RUN) -> dict[str, list[Any]]:
    """The records of a tape by topic."""
    made, out = edge(), dict[str, list[Any]]()
    for kind, slot in given.slots:
        record = made.from_slot(kind, slot, run_id)
        if kind == KIND_VENUE_EVENT:
            at = record.id - 1
            record = record._replace(exch_ts_ns=int(given.exch_ts_ns[at]), reason=REASONS[given.reason[at]] or None)
        out.setdefault(SCHEMAS[type(record).__name__].topic, []).append(record)
    return out


def slow_arrays(records: list[Any]) -> dict[str, list[Any]]:
    """What `arrays_of` gives, from records."""
    schema, out = SCHEMAS[type(records[0]).__name__], dict[str, list[Any]]()
    for i, f in enumerate(schema.fields):
        values = [record[i] for record in records]
        if f.type == "money":
            values = [NULL if v is None else int(v.scaleb(9)) for v in values]
        elif f.type in ("int", "long", "boolean") and f.nullable:
            values = [(-1 if f.type == "boolean" else NULL) if v is None else int(v) for v in values]
        elif f.type == "enum":
            values = [None if v is None else v.name for v in values]
        elif f.type == "double":
            values = [float("nan") if v is None else v for v in values]
        out[f.name] = values
    return {**out, "_offset": [record.id - 1 for record in records]}


def assert_same(found: dict[str, np.ndarray], wanted: dict[str, list[Any]]) -> None:
    assert list(found) == list(wanted)
    for name, values in wanted.items():
        np.testing.assert_array_equal(found[name], np.array(values, found[name].dtype), name)


def test_results_digest_is_the_rolling_hash_of_bodies_without_run_id() -> None:
    given, digest = tape(250), EMPTY_HASH
    for _, body in bodies(edge(), given, 0):
        digest = roll(digest, body)
    outcome = run([given])
    assert outcome.digest == digest.hex()
    assert outcome.counts == {topic: len(records) for topic, records in sorted(records_of(given).items())}
    assert outcome.records == 250


@pytest.mark.parametrize("cuts", [(0, 250), (0, 1, 99, 100, 101, 250), (*range(0, 251, 7), 250)])
def test_results_however_tapes_are_cut_are_the_same(cuts: tuple[int, ...], tmp_path: Path) -> None:
    given, whole, memory = tape(250), Memory(), Memory()
    parts = [given.part(a, b) for a, b in itertools.pairwise(cuts)]
    assert run([given], whole, Parquet(tmp_path / "a")) == run(parts, memory, Parquet(tmp_path / "b"))
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
    for topic in whole.topics:
        assert memory.table(topic).equals(whole.table(topic))


def test_memory_holds_the_records_of_the_run() -> None:
    given, memory = tape(600, seed=3), Memory()
    run([given], memory)
    wanted = records_of(given)
    assert memory.whole
    assert memory.topics == tuple(sorted(wanted))
    for topic, records in wanted.items():
        assert_same(memory.columns(topic), slow_arrays(records))


def test_memory_of_nothing_has_columns_without_rows() -> None:
    found = Memory().columns("fills.v1")
    assert list(found) == [*(f.name for f in SCHEMAS["Fill"].fields), "_offset"]
    assert all(len(values) == 0 for values in found.values())


def test_parquet_holds_what_memory_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.backtest.results_parquet.ROWS", 16)  # several row groups
    memory = Memory()
    run([tape(600, seed=4)], memory, Parquet(tmp_path))
    assert topics_of(tmp_path) == memory.topics
    for topic in memory.topics:
        assert len(list(read_tables(tmp_path, topic))) > 1
        ours, theirs = read_columns(tmp_path, topic), memory.columns(topic)
        assert_same(ours, {name: values.tolist() for name, values in theirs.items()})


def test_parquet_of_a_backtest_that_failed_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "made"

    def failing() -> None:
        with Results(edge(), RUN, [Parquet(folder)], 10) as results:
            results.take(tape(50))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert not folder.exists()


def test_parquet_on_a_full_disk_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    sink = Parquet(folder)
    (folder / "orders.v1.parquet").symlink_to("/dev/full")
    with pytest.raises(ConfigError, match=r"made: cannot be written .*No space left on device.*make room"):
        run([tape(50)], sink)
    sink.close(False)
    assert not folder.exists()


def test_parquet_that_is_none_says_so(tmp_path: Path) -> None:
    (tmp_path / "fills.v1.parquet").write_bytes(b"no")
    with pytest.raises(ConfigError, match=r"fills.v1.parquet: cannot be read .*run the replay again"):
        read_columns(tmp_path, "fills.v1")


@pytest.mark.parametrize("schema", list(SCHEMAS.values()), ids=lambda schema: schema.name)
def test_arrow_columns_are_those_of_the_clickhouse_table(schema: Schema) -> None:
    table, columns = arrow_schema(schema), clickhouse.columns(schema)[:-3]
    assert [field.name for field in table] == [*(c.name for c in columns), "_offset"]
    assert [field.metadata[b"comment"].decode() for field in table][:-1] == [c.comment for c in columns]
    assert table.metadata[b"topic"].decode() == schema.topic


@pytest.mark.parametrize("schema", list(SCHEMAS.values()), ids=lambda schema: schema.name)
def test_arrow_table_of_any_record_holds_its_values(schema: Schema) -> None:
    records = [sample(schema, n) for n in range(6)]
    table = table_of(bulk.decode(schema, [codec.encode(r) for r in records]), np.arange(6))
    columns = [c for c in clickhouse.columns(schema)[:-3] if not c.alias]
    rows = [clickhouse.row(r, 0, 0, 0)[:-3] for r in records]
    for i, column in enumerate(columns):
        values = table.column(column.name)
        found = values.to_pylist() if "DateTime64" not in column.type else _whole(values)
        assert found == [row[i] for row in rows], column.name
    for column in clickhouse.columns(schema)[:-3]:
        if column.alias and not column.type.startswith("Array"):
            stored = table.column(f"{column.name}_e9").to_pylist()
            assert table.column(column.name).to_pylist() == [None if n is None else n / 1e9 for n in stored]


def test_arrays_of_wide_money_are_exact() -> None:
    made = sample(SCHEMAS["Fill"], 1)
    records = [made, made._replace(fee=made.fee * 10**20), made._replace(fee=-made.fee * 10**20)]
    table = table_of(bulk.decode(SCHEMAS["Fill"], [codec.encode(r) for r in records]), np.arange(3))
    assert arrays_of(SCHEMAS["Fill"], [table])["fee"].tolist() == [int(r.fee.scaleb(9)) for r in records]


def test_results_keep_trades_and_quotes_of_the_market() -> None:
    given, memory = tape(200, names=("Trade", "Quote", "Funding", "Order")), Memory()
    exch_ts_ns = np.arange(200, dtype=np.int64) + 5
    with Results(edge(), RUN, [memory], 64) as results:
        results.take_market(Events(given.address, np.full(200, 64), np.zeros(200, np.int64), exch_ts_ns, given))
        outcome = results.finish()
    assert outcome.digest == EMPTY_HASH.hex()
    assert outcome.counts == {}
    wanted = records_of(given)
    assert outcome.market == {topic: len(wanted[topic]) for topic in sorted(wanted) if topic != "orders.v1"}
    stamps = {r.id: int(t) for records in wanted.values() for r in records for t in [exch_ts_ns[r.id - 1]]}
    for topic in outcome.market:
        records = [r._replace(exch_ts_ns=stamps[r.id]) if hasattr(r, "exch_ts_ns") else r for r in wanted[topic]]
        assert_same(memory.columns(topic), {**slow_arrays(records), "_offset": list(range(len(records)))})


def _whole(values: Any) -> list[Any]:
    """Instants as whole numbers; a Python object would lose digits."""
    import pyarrow as pa

    kind = pa.list_(pa.int64()) if pa.types.is_list(values.type) else pa.int64()
    return values.cast(kind).to_pylist()


def test_bodies_writer_is_ready_before_slots_come() -> None:
    assert Bodies(edge()).digest == EMPTY_HASH
