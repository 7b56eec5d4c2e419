"""Messages become rows or dead letters."""

import doctest
import time
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import DecodeError
from streams.records import Balance
from streams.schema import bulk, clickhouse, codec, model
from streams.sinks import batch, plan
from streams.sinks.batch import Dead, make_batch, native_block
from streams.sinks.columns import block_of
from streams.sinks.inserter import ensure_tables
from streams.sinks.plan import NOTHING, Progress
from streams.sinks.query import connect
from streams.sinks.records import Records
from tests.schema.columns_read import records_of
from tests.sinks.samples import sample

T0_MS = 1_700_000_000_000


class StubWire:
    """Decodes without a registry: values are bodies alone."""

    def writer(self, topic: str, value: bytes | None) -> dict[str, Any]:
        raise DecodeError("no registry")

    def header(self, topic: str) -> bytes:
        return b""

    def decode(self, topic: str, value: bytes | None) -> Any:
        if value is None:
            raise DecodeError("no value")
        return codec.decode(model.for_topic(topic).record, value)


def batch_of(topic: str, values: list[bytes | None], first: int = 0) -> Any:
    return make_batch(topic, 3, numbered(values, first), StubWire())  # type: ignore[arg-type]


def numbered(values: list[bytes | None], first: int) -> Records:
    """Records with these values, from an offset on."""
    offsets = range(first, first + len(values))
    return Records.of(values, offsets, [T0_MS + offset for offset in offsets])


@pytest.fixture(scope="module")
def tables(clickhouse: str) -> Iterator[Client]:
    name = f"t_{uuid.uuid4().hex[:8]}"
    with connect(clickhouse) as client:
        made = ensure_tables(client, name)
        assert sorted(made) == sorted({schema.plural for schema in model.SCHEMAS.values()})
        assert ensure_tables(client, name) == []
        client.database = name
        yield client
        client.command(f"DROP DATABASE {name}")


@pytest.mark.slow
def test_table_of_an_older_schema_gets_the_columns_it_lacks(request: pytest.FixtureRequest) -> None:
    name, schema = f"t_{uuid.uuid4().hex[:8]}", model.SCHEMAS["Instrument"]
    asked = f"SELECT name, type, default_expression FROM system.columns WHERE database = '{name}'"
    with connect(request.getfixturevalue("clickhouse")) as client:
        ensure_tables(client, name, [schema])
        whole = client.query(asked).result_rows
        client.command(f"ALTER TABLE {name}.instruments DROP COLUMN beta, DROP COLUMN beta_e9, DROP COLUMN sector")
        client.command(f"INSERT INTO {name}.instruments (symbol, _offset, ingest_ts) VALUES ('OLD', 7, now64(3))")
        assert ensure_tables(client, name, [schema]) == ["instruments.sector", "instruments.beta_e9", "instruments.beta"]
        assert ensure_tables(client, name, [schema]) == []
        assert client.query(asked).result_rows == whole
        assert client.query(f"SELECT sector, beta FROM {name}.instruments").result_rows == [(None, 1.0)]
        client.command(f"DROP DATABASE {name}")


@pytest.mark.slow
@pytest.mark.parametrize("schema", list(model.SCHEMAS.values()), ids=lambda schema: schema.name)
def test_native_block_of_every_record_comes_back_from_its_table(tables: Client, schema: model.Schema) -> None:
    now_ms = time.time_ns() // 1_000_000  # older rows would fall to the TTL at once
    rows = [clickhouse.row(sample(schema, n), 1, n, now_ms + n) for n in range(4)]
    names = clickhouse.insert_columns(schema)
    types = {c.name: c.type for c in clickhouse.columns(schema)}
    block = native_block(schema, rows)
    tables.raw_insert(f"`{tables.database}`.`{schema.plural}`", names, block, fmt="Native", settings={"async_insert": 0})
    asked = ", ".join(_exact(name, types[name]) for name in names)
    found = tables.query(f"SELECT {asked} FROM `{schema.plural}` ORDER BY `_offset`", query_formats={"String": "bytes"})
    assert [[_plain(v) for v in row] for row in found.result_rows] == [[_plain(v) for v in row] for row in rows]


def _exact(name: str, kind: str) -> str:
    """Instants as integers: Python's own lose digits."""
    if "DateTime64" not in kind:
        return f"`{name}`"
    to = "toUnixTimestamp64Milli" if "(3" in kind else "toUnixTimestamp64Nano"
    return f"arrayMap(x -> {to}(x), `{name}`)" if kind.startswith("Array") else f"{to}(`{name}`)"


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value.encode() if isinstance(value, str) else value


def test_make_batch_bad_values_become_dead_letters_in_order() -> None:
    good = codec.encode(sample(model.SCHEMAS["Trade"], 1))
    made = batch_of("trades.v1", [b"", good, None, good, good + b"x"], first=40)
    assert (made.first, made.last, made.rows, made.token) == (40, 44, 2, "trades.v1-3-40-44")
    assert [(letter.offset, letter.payload) for letter in made.dead] == [(40, b""), (42, b""), (44, good + b"x")]


def test_make_batch_value_its_column_cannot_hold_becomes_a_dead_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    good = sample(model.SCHEMAS["Balance"], 1)
    huge = good._replace(cash=Decimal(10) ** 40)
    monkeypatch.setattr(codec, "decode", lambda _cls, body: huge if body == b"huge" else good)
    made = batch_of("balances.v1", [b"good", b"huge", b"good"])
    assert (made.rows, [letter.offset for letter in made.dead]) == (2, [1])
    assert made.dead[0].reason.startswith(f"{Balance.__name__}: does not fit its table: ")
    assert made.dead[0].payload == b"huge"


class OldWire(StubWire):
    """Knows one header, and one of a writer of before the last field of Param."""

    def header(self, topic: str) -> bytes:
        return codec.frame(2, b"")

    def decode(self, topic: str, value: bytes | None) -> Any:
        schema_id, body = codec.unframe(value or b"")
        schema = model.for_topic(topic)
        if schema_id == 2:
            return codec.decode(schema.record, body)
        return codec.decode_as(schema.record, schema.avro | {"fields": schema.avro["fields"][:-1]}, body)


class NewWire(OldWire):
    """Also knows how header 1 writes."""

    def writer(self, topic: str, value: bytes | None) -> dict[str, Any]:
        schema = model.for_topic(topic)
        return schema.avro | {"fields": schema.avro["fields"][:-1]}


@pytest.mark.parametrize("wire", [OldWire(), NewWire()], ids=["one by one", "in bulk"])
def test_make_batch_records_of_an_older_schema_stand_in_their_places(wire: StubWire, monkeypatch: pytest.MonkeyPatch) -> None:
    params = [sample(model.SCHEMAS["Param"], n)._replace(value_text=None) for n in range(6)]
    bodies = [codec.encode(param) for param in params]
    values = [codec.frame(1, body[:-1]) if n in (1, 2, 5) else codec.frame(2, body) for n, body in enumerate(bodies)]
    values[3] = codec.frame(2, bodies[3][:-1])  # damaged: cut
    values.append(codec.frame(1, bodies[0]))  # damaged: too long for its schema
    seen: list[tuple[list[Any], list[int]]] = []

    def look(found: bulk.Columns, partition: int, offsets: Any, ingest_ms: Any) -> bytes:
        seen.append((records_of(found), offsets.tolist()))
        return block_of(found, partition, offsets, ingest_ms)

    monkeypatch.setattr(batch, "block_of", look)
    made = make_batch("params.v1", 3, numbered(values, 10), wire)  # type: ignore[arg-type]
    wanted = [params[n] for n in (0, 1, 2, 4, 5)]
    assert seen == [(wanted, [10, 11, 12, 14, 15])]
    reasons = [(letter.offset, letter.reason.partition(" at ")[0]) for letter in made.dead]
    assert reasons == [(13, "Param.value_text"), (16, "Param: 1 bytes after the last field")]
    assert (made.first, made.last, made.rows) == (10, 16, 5)


@pytest.mark.parametrize("schema", list(model.SCHEMAS.values()), ids=lambda schema: schema.name)
def test_make_batch_makes_no_rows_of_any_schema(schema: model.Schema, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "_from_rows", None)
    topic = "trades.v1.dlq.v1" if schema.topic.startswith("*") else schema.topic
    assert batch_of(topic, [codec.encode(sample(schema, n)) for n in range(3)]).rows == 3


def test_make_batch_nothing_readable_has_no_rows_and_an_empty_block() -> None:
    made = batch_of("trades.v1", [b""])
    assert (made.rows, made.block, len(made.dead)) == (0, b"", 1)
    assert isinstance(made.dead[0], Dead)


@given(st.integers(0, 2**62), st.integers(0, 2**40), st.booleans(), st.integers(0, 2**40))
def test_progress_committed_is_read_back(offset: int, rows: int, pending: bool, dead: int) -> None:
    progress = Progress(offset, offset + rows if pending else NOTHING, dead)
    assert Progress.read(offset, progress.metadata) == progress
    assert progress.done() == (Progress(offset + rows + 1, NOTHING, dead) if pending else progress)


@pytest.mark.parametrize("metadata", [None, "", "someone else's", "millrace last=x"])
def test_progress_metadata_of_another_tool_means_no_batch(metadata: str | None) -> None:
    assert Progress.read(7, metadata) == Progress(7)


def test_plan_examples_hold() -> None:
    assert doctest.testmod(plan).failed == 0
