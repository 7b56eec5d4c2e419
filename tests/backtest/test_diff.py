"""The first difference between two runs: equal runs are equal, and a planted change is named by record and field."""

import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.backtest.arrow import arrow_schema
from streams.backtest.arrow_arrays import arrays_of
from streams.backtest.diff import Verdict, first_difference
from streams.backtest.kept_rows import WRITTEN, FolderRows
from streams.backtest.replays import kept
from streams.backtest.results import Results
from streams.backtest.results_memory import Memory
from streams.backtest.results_parquet import Parquet
from streams.commands.diff import diff
from streams.errors import ConfigError
from streams.schema.model import for_topic
from tests.backtest.tapes import Tape, tape
from tests.backtest.test_manifest import manifest
from tests.schema.made import edge

ROWS = 240


class Kept:
    """Rows in memory, as a folder gives them, in parts of so many rows."""

    digest = ""

    def __init__(self, tables: dict[str, pa.Table], name: str = "a", part: int = 64, placed: bool = True) -> None:
        self.made, self.name, self.part, self.placed = tables, name, part, placed

    def counts(self) -> dict[str, int]:
        return {topic: table.num_rows for topic, table in self.made.items()}

    def tables(self, topic: str) -> Any:
        table = self.made.get(topic)
        if table is not None:
            yield from (table.slice(i, self.part) for i in range(0, table.num_rows, self.part))


def kept_of(given_: Tape, run_id: int = 1_500_000_000) -> dict[str, pa.Table]:
    """The tables of a run."""
    memory = Memory()
    with Results(edge(), run_id, [memory]) as results:
        results.take(given_)
        results.finish()
    return {topic: memory.table(topic) for topic in WRITTEN if memory.table(topic).num_rows}


RUN = kept_of(tape(ROWS, seed=5))


def changed(table: pa.Table, row: int, column: str, value: Any) -> pa.Table:
    """The table with another value in one place."""
    i = table.column_names.index(column)
    values = (
        table.column(i).to_pylist()
        if not pa.types.is_timestamp(table.schema.field(i).type)
        else table.column(i).cast(pa.int64()).to_pylist()
    )
    values[row] = value
    return table.set_column(i, table.schema.field(i), pa.chunked_array([pa.array(values).cast(table.schema.field(i).type)]))


def slow(a: dict[str, pa.Table], b: dict[str, pa.Table]) -> tuple[str, int, str] | None:
    """Topic, row and field of the first difference, one row at a time."""
    found = []
    for topic in WRITTEN:
        schema = for_topic(topic)
        ours, theirs = (arrays_of(schema, [side[topic]] if topic in side else []) for side in (a, b))
        counts = len(ours["id"]), len(theirs["id"])
        for row in range(max(counts)):
            places = [int(side["_offset"][row]) for side, n in zip((ours, theirs), counts, strict=True) if row < n]
            if row >= min(counts):
                found.append((min(places), (topic, row, "")))
                break
            names = [f.name for f in schema.fields if f.name != "run_id"]
            fields = [name for name in names if repr(ours[name][row]) != repr(theirs[name][row])]
            if fields:
                found.append((min(places), (topic, row, fields[0])))
                break
    return min(found)[1] if found else None


def told(verdict: Verdict) -> tuple[str, int, str] | None:
    d = verdict.difference
    return None if d is None else (d.topic, d.row, d.field)


@pytest.mark.parametrize("part", [1, 7, 64, 1000])
def test_difference_of_equal_runs_is_none_whatever_their_ids_and_parts(part: int) -> None:
    other = kept_of(tape(ROWS, seed=5), run_id=1_999_999_999)
    verdict = first_difference(Kept(RUN), Kept(other, "b", part))
    assert verdict.equal
    assert verdict.records == ROWS


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1 << 30), part=st.integers(1, 80))
def test_difference_of_planted_changes_is_the_first_of_them(seed: int, part: int) -> None:
    rng, other = random.Random(seed), dict(RUN)
    for _ in range(rng.randrange(1, 4)):
        topic = rng.choice(sorted(other))
        table, schema = other[topic], for_topic(topic)
        what = rng.randrange(4)
        if what == 0:
            other[topic] = table.slice(0, rng.randrange(table.num_rows))  # an end that is missing
        elif what == 1:
            row = rng.randrange(table.num_rows)
            other[topic] = pa.concat_tables([table.slice(0, row), table.slice(row + 1)])  # one that is missing
        else:
            names = [f.name for f in schema.fields if f.type == "long" and not f.name.endswith("_ns") and not f.nullable]
            other[topic] = changed(table, rng.randrange(table.num_rows), rng.choice(names), rng.randrange(1 << 40))
        if not other[topic].num_rows:
            del other[topic]
    assert told(first_difference(Kept(RUN), Kept(other, "b", part))) == slow(RUN, other)


@pytest.mark.parametrize(
    ("column", "field", "value"),
    [("side", "side", "SELL"), ("ts", "ts_ns", 5), ("account", "account", "else"), ("px_e9", "px_e9", None), ("parent_id", "parent_id", 3)],
)
def test_difference_of_any_type_names_the_field(column: str, field: str, value: Any) -> None:
    table = RUN["orders.v1"]
    row = next(i for i, found in enumerate(arrays_of(for_topic("orders.v1"), [table])[field].tolist()) if found not in (value, None))
    verdict = first_difference(Kept(RUN), Kept({**RUN, "orders.v1": changed(table, row, column, value)}))
    assert told(verdict) == ("orders.v1", row, field)
    assert verdict.difference is not None
    assert verdict.difference.b is not None
    assert verdict.difference.b[field] == value


def test_difference_in_order_alone_is_told() -> None:
    table = RUN["orders.v1"]
    verdict = first_difference(Kept(RUN), Kept({**RUN, "orders.v1": changed(table, 3, "_offset", 10**6)}))
    assert told(verdict) == ("orders.v1", 3, "_offset")


def numbered(table: pa.Table, writers: int, first: int) -> pa.Table:
    """The rows of a topic with a writer of their own, from a sequence on; each is caused by the first order or by an input."""
    rank = WRITTEN.index(table.schema.metadata[b"topic"].decode())
    order = (WRITTEN.index("orders.v1") + writers << 47) + first
    rows = range(table.num_rows)
    columns = {
        "id": [(rank + writers << 47) + first + row for row in rows],
        "cause_id": [order if row % 2 else (1 << 47) + first + 7 * row for row in rows],
        "order_id": [order] * len(rows),
        "request_id": [order] * len(rows),
        "parent_id": [order] * len(rows),
    }
    for name, values in columns.items():
        if name in table.column_names:
            i = table.column_names.index(name)
            table = table.set_column(i, table.schema.field(i), pa.array(values, pa.int64()))
    return table


def test_difference_from_a_live_run_compares_ids_by_their_place() -> None:
    replay = Kept({topic: numbered(table, 3, 1) for topic, table in RUN.items()}, "b")
    live = {topic: numbered(table, 20, 1_000) for topic, table in RUN.items()}
    assert first_difference(Kept(live, placed=False), replay).equal
    second = live["orders.v1"].column("id")[1].as_py()
    other = {**live, "fills.v1": changed(live["fills.v1"], 5, "cause_id", second)}
    assert told(first_difference(Kept(other, placed=False), replay)) == ("fills.v1", 5, "cause_id")


def keep(home: Path, given_: Tape, parquet: bool = True, **changes: Any) -> int:
    """A replay that was kept; its run id."""
    made = manifest(**changes)
    with kept(made, home) as folder, Results(edge(), made.run_id, [Parquet(folder)] if parquet else []) as results:
        results.take(given_)
        made.write(folder, results.finish(), {})
    return made.run_id


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MILLRACE_HOME", str(tmp_path))
    return tmp_path


def test_diff_command_of_equal_replays_says_equal(home: Path) -> None:
    a, b = keep(home, tape(90)), keep(home, tape(90), seed=2)
    lines: list[str] = []
    assert diff(str(a), "last", False, lines.append) == 0
    digest = FolderRows(home / "replays" / str(a)).digest
    assert lines == [f"{a} and {b}: equal (90 records, hash {digest})"]


def test_diff_command_of_a_changed_replay_names_record_field_and_manifest(home: Path) -> None:
    given_ = tape(90)
    a, b = keep(home, given_), keep(home, tape(60), settings={"strategy.gamma": "0.2"})
    lines: list[str] = []
    assert diff(str(a), str(b), False, lines.append) == 1
    assert lines[0].startswith(f"{a} and {b} differ: ")
    assert "only in the first: id=0:61, cause_id=" in lines[0]
    assert lines[1].startswith("records: ")
    assert lines[-1] == "manifest: settings.strategy.gamma: None and 0.2"
    assert diff(str(a), str(b), True, lines.append) == 1


def test_diff_command_without_records_compares_hashes(home: Path) -> None:
    a, b, c = keep(home, tape(90), False), keep(home, tape(90), True, seed=2), keep(home, tape(91), False, seed=3)
    lines: list[str] = []
    assert diff(str(a), str(b), False, lines.append) == 0
    assert lines[0].startswith(f"{a} and {b}: equal by hash ")
    with pytest.raises(ConfigError, match=f"their hashes differ, but the records of {c} were not kept"):
        diff(str(b), str(c), False, lines.append)


def test_diff_command_of_a_live_run_without_a_stack_says_what_digits_mean(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KAFKA", "REGISTRY", "CLICKHOUSE"):
        monkeypatch.delenv(f"MILLRACE_{name}", raising=False)
    with pytest.raises(ConfigError, match=r"no stack is up in .*up to four digits are the number of a live run"):
        diff("12", "last", False, print)


def test_arrow_schema_has_every_compared_topic() -> None:
    assert all(arrow_schema(for_topic(topic)).metadata for topic in WRITTEN)
