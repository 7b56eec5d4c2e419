"""Columns become the bodies that the codec, fastavro and avro write, and those become the columns again."""

import io
import json
from dataclasses import replace
from decimal import Decimal
from typing import Any, cast

import avro.io
import avro.schema
import fastavro
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.errors import SchemaError
from streams.records import Balance, BookLevel, BookUpdate, JournalEntry, Limit, Metric, Rule, Side, StartPosition
from streams.schema import bulk, bulk_encode, codec
from streams.schema import bulk_encode_kernel as kernel
from streams.schema.bulk_encode import columns_of, encode
from streams.schema.model import NESTED, SCHEMAS, Schema
from tests.schema.made import any_record, plain
from tests.schema.test_codec import TRADE

HEADER = codec.frame(7, b"")
FRAME = {"id": 1, "cause_id": 0, "run_id": 1, "ts_ns": 2, "recv_ts_ns": 3, "venue": "binance", "connection": 0, "source_seq": 4}


def bodies_of(columns: bulk.Columns, header: bytes = b"") -> list[bytes]:
    buffer, starts = encode(columns, header)
    return [buffer[starts[i] : starts[i + 1]].tobytes() for i in range(columns.rows)]


def values_of(schema: Schema, made: list[Any]) -> dict[str, Any]:
    """Records as columns take them."""
    values: dict[str, Any] = {}
    for i, f in enumerate(schema.fields):
        column = [record[i] for record in made]
        if f.type != "array":
            values[f.name] = column
            continue
        ends = np.cumsum([len(items) for items in column], dtype=np.int64)
        items = [item for one in column for item in one]
        if f.of in NESTED:
            values[f.name] = ends
            values |= {f"{f.name}.{e.name}": [item[k] for item in items] for k, e in enumerate(NESTED[f.of].fields)}
        else:
            values |= {f"{f.name}.ends": ends, f.name: items}
    return values


def by_fastavro(schema: Schema, record: Any) -> bytes:
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, cast(Any, schema.avro), plain(record))
    return stream.getvalue()


@pytest.mark.parametrize("name", sorted(SCHEMAS))
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_encode_any_columns_are_what_codec_and_fastavro_write(name: str, data: st.DataObject) -> None:
    schema = SCHEMAS[name]
    made = data.draw(st.lists(any_record(schema), min_size=1, max_size=4))
    bodies = [codec.encode(record) for record in made]
    assert bodies == [by_fastavro(schema, record) for record in made]
    assert bodies_of(bulk.decode(schema, bodies)) == bodies
    assert bulk_encode._Program(bulk.decode(schema, bodies)).most >= sum(map(len, bodies))
    framed = [HEADER + body for body in bodies]
    assert bodies_of(bulk.decode(schema, framed, HEADER), HEADER) == framed
    assert bodies_of(columns_of(schema, values_of(schema, made))) == bodies


@pytest.mark.parametrize("name", sorted(SCHEMAS))
@settings(max_examples=5, deadline=None)
@given(data=st.data())
def test_encode_any_columns_are_what_apache_avro_writes_and_reads(name: str, data: st.DataObject) -> None:
    schema = SCHEMAS[name]
    record, parsed = data.draw(any_record(schema)), avro.schema.parse(json.dumps(schema.avro))
    stream = io.BytesIO()
    avro.io.DatumWriter(parsed).write(plain(record), avro.io.BinaryEncoder(stream))
    body = bodies_of(columns_of(schema, values_of(schema, [record])))[0]
    assert body == stream.getvalue()
    assert avro.io.DatumReader(parsed).read(avro.io.BinaryDecoder(io.BytesIO(body))) == plain(record)


@pytest.mark.parametrize("name", ["Balance", "BookUpdate", "Command", "JournalEntry", "Limit", "VenueEvent"])
@settings(max_examples=5, deadline=None)
@given(data=st.data())
def test_encode_plain_and_compiled_write_the_same_bytes(name: str, data: st.DataObject) -> None:
    made = data.draw(st.lists(any_record(SCHEMAS[name]), max_size=4))
    columns = bulk.decode(SCHEMAS[name], [codec.encode(record) for record in made])
    compiled = bodies_of(columns, HEADER)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bulk_encode, "_entry", lambda: kernel.encode_rows)
        assert bodies_of(columns, HEADER) == compiled


@pytest.mark.parametrize("text", ["", "é", "12345678", "1234567€", "x" * 63, "x" * 64, "y" * 8192])
def test_encode_text_of_any_length_is_written(text: str) -> None:
    made = [Metric(0, 0, 0, 0, 0, text * n, "s", text, "m", 0.5) for n in (0, 1, 3)]
    bodies = [codec.encode(record) for record in made]
    assert bodies_of(columns_of(SCHEMAS["Metric"], values_of(SCHEMAS["Metric"], made))) == bodies
    assert bodies_of(bulk.decode(SCHEMAS["Metric"], bodies)) == bodies


def test_encode_one_long_name_among_many_rows_takes_no_more_room_than_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_encode, "EXACT_FROM", 0)
    made = [TRADE._replace(venue="v" * (1 if n else 100_000), symbol=f"s{n}") for n in range(40)]
    bodies = [codec.encode(record) for record in made]
    assert bodies_of(bulk.decode(SCHEMAS["Trade"], bodies)) == bodies
    limits = [any_limit(n) for n in range(40)]
    bodies = [codec.encode(record) for record in limits]
    assert bodies_of(bulk.decode(SCHEMAS["Limit"], bodies)) == bodies


def any_limit(n: int) -> Limit:
    """A limit, every other one without a venue."""
    return Limit(n, 0, 0, 0, 0, "s" * n, Rule.LONG, venue="v" if n % 2 else None)


def test_encode_large_arrays_are_written() -> None:
    made = [
        BookUpdate(1, 0, 0, 0, 0, "v", "s", 0, 0, 0, False, False, levels=(BookLevel(Side.SELL, 1 << 60, n),) * n) for n in (0, 1, 9000, 64)
    ]
    bodies = [codec.encode(record) for record in made]
    assert bodies_of(bulk.decode(SCHEMAS["BookUpdate"], bodies)) == bodies


def test_encode_no_rows_are_no_bodies() -> None:
    buffer, starts = encode(bulk.decode(SCHEMAS["Trade"], []))
    assert (len(buffer), starts.tolist()) == (0, [0])


def test_columns_of_one_value_for_all_rows_and_defaults_left_out() -> None:
    values = FRAME | {"id": range(3), "payload": [b"", b"a" * 100, b"{}"]}
    wanted = [
        codec.encode(SCHEMAS["Frame"].record(i, 0, 1, 2, 3, "binance", 0, 4, p)) for i, p in enumerate(cast(list[bytes], values["payload"]))
    ]
    assert bodies_of(columns_of(SCHEMAS["Frame"], values)) == wanted
    few = dict.fromkeys(("id", "cause_id", "run_id", "ts_ns", "recv_ts_ns"), 1)
    balance = columns_of(SCHEMAS["Balance"], few | {"account": "a", "currency": "b", "cash": [Decimal("0.1")], "fees": Decimal(-1)})
    assert bodies_of(balance) == [codec.encode(Balance(1, 1, 1, 1, 1, "a", "b", Decimal("0.1"), Decimal(-1)))]
    command = columns_of(SCHEMAS["Command"], few | {"kind": [0, 1], "target": ["", "x"], "reason": "r"})
    assert [codec.decode(SCHEMAS["Command"].record, body).target for body in bodies_of(command)] == ["", "x"]


def test_columns_of_texts_in_a_buffer_are_taken_from_there() -> None:
    buffer = np.frombuffer(b"--one--two", np.uint8)
    pairs = np.array([(2, 3), (7, 3)], np.int64)
    found = bodies_of(columns_of(SCHEMAS["Frame"], FRAME | {"payload": pairs}, buffer))
    assert [codec.decode(SCHEMAS["Frame"].record, body).payload for body in found] == [b"one", b"two"]


def test_columns_of_a_journal_entry_are_its_arrays() -> None:
    entry = JournalEntry(*(1, 0, 7, 2, 3), "p", 0, 4, (), (5, 6), (StartPosition("t", 1, 9),), (), b"h" * 16, (), (), "c")
    values = values_of(SCHEMAS["JournalEntry"], [entry])
    assert bodies_of(columns_of(SCHEMAS["JournalEntry"], values)) == [codec.encode(entry)]
    for name in ("inputs", "outputs", "schemas", "dead_letters"):
        values = {key: value for key, value in values.items() if key.partition(".")[0] != name}
    assert bodies_of(columns_of(SCHEMAS["JournalEntry"], values)) == [codec.encode(entry)]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"run_id": [1, 1 << 31]}, r"Trade.run_id: row 1: 2147483648 does not fit; -2147483648 to 2147483647 is allowed"),
        ({"side": [2, 0]}, r"Trade.side: row 0: 2 does not fit; 0 to 1 is allowed"),
        ({"side": [-1, 0]}, r"Trade.side: row 0: -1 does not fit"),
        ({"side": [1 << 62, 0]}, r"Trade.side: row 0"),
        ({"px_e9": [1.5, 2.0]}, r"Trade.px_e9: long is needed"),
        ({"px_e9": [1, None]}, r"Trade.px_e9: long is needed"),
        ({"px_e9": [1 << 63, 0]}, r"Trade.px_e9: long is needed"),
        ({"venue": [b"x", "y"]}, r"Trade.venue: string is needed"),
        ({"venue": "\ud800"}, r"Trade.venue: string is needed"),
        ({"px_e9": [1]}, r"Trade.px_e9: 1 values of 2 rows"),
        ({"price": [1]}, r"Trade: no column 'price'"),
    ],
)
def test_encode_value_that_does_not_fit_is_named(changes: dict[str, Any], reason: str) -> None:
    values = values_of(SCHEMAS["Trade"], [TRADE, TRADE]) | changes
    with pytest.raises(SchemaError, match=reason):
        encode(columns_of(SCHEMAS["Trade"], values))


def test_columns_of_without_a_column_says_which() -> None:
    values = values_of(SCHEMAS["Trade"], [TRADE])
    del values["px_e9"]
    with pytest.raises(SchemaError, match="Trade: no column 'px_e9', and the field has no default"):
        columns_of(SCHEMAS["Trade"], values)


def test_encode_money_beyond_38_digits_is_named() -> None:
    few = dict.fromkeys(("id", "cause_id", "run_id", "ts_ns", "recv_ts_ns"), 1) | {"account": "a", "currency": "b"}
    for n in (10**38, -(10**38), 10**38 + (1 << 63), -(10**38) - 1, (1 << 127) - 1, -(1 << 127)):
        low = n % (1 << 64)
        words = np.array([(0, 0), (low - (low >> 63 << 64), n >> 64)], np.int64)
        columns = columns_of(SCHEMAS["Balance"], few | {"cash": words, "fees": Decimal(0)})
        with pytest.raises(SchemaError, match=r"Balance.cash: row 1: .* does not fit; decimal\(38, 9\) has 38 digits"):
            encode(columns)


@pytest.mark.parametrize(
    ("column", "changes"),
    [
        ("id", {"values": np.zeros(1, np.int64)}),
        ("id", {"values": np.zeros(2, np.int32)}),
        ("levels.px_e9", {"values": np.zeros(1, np.int64)}),
        ("levels", {"ends": np.array([1, 3])}),
        ("levels", {"ends": np.array([3, 2])}),
        ("levels", {"ends": np.array([2])}),
        ("venue", {"values": np.array([0, 1])}),
        ("venue", {"values": np.array([0, -1])}),
        ("venue", {"names": np.array([(0, 1 << 40)])}),
        ("venue", {"names": np.array([(-1, 1)])}),
        ("venue", {"names": np.array([((1 << 63) - 1, 1)])}),
        ("venue", {"names": np.array([(0, -1)])}),
        ("venue", {"names": np.zeros((0, 2), np.int64)}),
    ],
)
def test_encode_columns_that_lead_outside_their_memory_are_refused(column: str, changes: dict[str, np.ndarray]) -> None:
    update = BookUpdate(1, 0, 0, 0, 0, "v", "s", 0, 0, 0, False, False, levels=(BookLevel(Side.SELL, 1, 2),))
    columns = bulk.decode(SCHEMAS["BookUpdate"], [codec.encode(update)] * 2)
    if column in columns.ends:
        columns.ends[column] = changes["ends"]
    else:
        columns.columns[column] = replace(columns.columns[column], **changes)
    with pytest.raises(SchemaError, match=r"BookUpdate.(id|levels|venue)"):
        encode(columns)
