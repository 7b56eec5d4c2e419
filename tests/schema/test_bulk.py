"""Columns hold what the codec and fastavro read, value by value, and point out what those refuse."""

import io
import random
from decimal import Decimal
from typing import Any, cast

import fastavro
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.errors import DecodeError
from streams.records import Balance, BookLevel, BookUpdate, Metric, Side, Trade
from streams.schema import bulk, codec
from streams.schema import bulk_kernel as kernel
from streams.schema.model import SCHEMAS
from tests.schema.columns_read import WIDE, records_of, values_of
from tests.schema.made import any_record, plain
from tests.schema.test_codec import TRADE
from tests.schema.test_codec_hostile import HEAD

LEVEL = BookLevel(Side.SELL, 61_800_300_000_000, 15_000_000)
UPDATE = BookUpdate(1, 0, 0, 0, 0, "v", "s", 0, 0, 0, False, False, levels=(LEVEL,) * 2)
MONEY = [0, 1, -1, 127, -128, 1 << 55, 1 << 63, -(1 << 63), 1 << 64, -(1 << 64) - 1, 10**38 - 1, -(10**38) + 1]


def decode(name: str, bodies: list[bytes], header: bytes = b"") -> bulk.Columns:
    return bulk.decode(SCHEMAS[name], bodies, header)


def mutated(body: bytes, rng: random.Random) -> bytes:
    """A body with a few bytes changed, put in or taken out."""
    bad = bytearray(body)
    for _ in range(rng.randrange(1, 4)):
        at, what = rng.randrange(len(bad) + 1), rng.randrange(4)
        if what == 0:
            bad[at : at + 1] = bytes((rng.choice((0, 1, 2, 127, 128, 255, rng.randrange(256))),))
        elif what == 1:
            bad[at:at] = rng.randbytes(rng.randrange(1, 12))
        elif what == 2:
            del bad[at : at + rng.randrange(1, 9)]
        else:
            bad[at : at + 1] = b"\xff" * rng.randrange(1, 12)
    return bytes(bad)


def read(name: str, body: bytes) -> Any:
    """The record, None if the codec refuses the body."""
    try:
        return codec.decode(SCHEMAS[name].record, body)
    except DecodeError:
        return None


@pytest.mark.parametrize("name", sorted(SCHEMAS))
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_decode_any_records_equal_codec_and_fastavro(name: str, data: st.DataObject) -> None:
    made = data.draw(st.lists(any_record(SCHEMAS[name]), max_size=4))
    bodies = [codec.encode(record) for record in made]
    found = decode(name, bodies)
    back = records_of(found)
    assert back == [codec.decode(SCHEMAS[name].record, body) for body in bodies] == made
    assert [plain(r) for r in back] == [fastavro.schemaless_reader(io.BytesIO(b), cast(Any, SCHEMAS[name].avro), None) for b in bodies]
    assert not found.state.any()


@pytest.mark.parametrize("name", sorted(SCHEMAS))
@settings(max_examples=10, deadline=None)
@given(data=st.data(), seed=st.integers(0, 1 << 32))
def test_decode_mutated_bodies_reads_what_the_codec_reads(name: str, data: st.DataObject, seed: int) -> None:
    body, rng = codec.encode(data.draw(any_record(SCHEMAS[name]))), random.Random(seed)
    bodies = [mutated(body, rng) if rng.random() < 0.8 else body for _ in range(25)]
    wanted = [read(name, b) for b in bodies]
    found = decode(name, bodies)
    assert found.state.tolist() == [kernel.BAD if record is None else kernel.GOOD for record in wanted]
    assert repr(records_of(found)) == repr([record for record in wanted if record is not None])  # by text: NaN is not equal to itself


@pytest.mark.parametrize("name", ["Balance", "BookUpdate", "Command", "JournalEntry", "Limit", "VenueEvent"])
@settings(max_examples=5, deadline=None)
@given(data=st.data(), seed=st.integers(0, 1 << 32))
def test_decode_plain_and_compiled_write_the_same_memory(name: str, data: st.DataObject, seed: int) -> None:
    body, rng = codec.encode(data.draw(any_record(SCHEMAS[name]))), random.Random(seed)
    bodies = [b"\0" * 5 + (mutated(body, rng) if i % 2 else body) for i in range(4)] + [b"\1" * 5 + body]
    compiled = decode(name, bodies, b"\0" * 5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bulk, "_entries", lambda: {name: function for name, (function, _) in kernel.ENTRIES.items()})
        slow = decode(name, bodies, b"\0" * 5)
        texts = [bulk.texts_of(c.names, slow.buffer) for c in slow.columns.values() if c.names is not None]
    assert texts == [bulk.texts_of(c.names, compiled.buffer) for c in compiled.columns.values() if c.names is not None]
    assert (slow.rows, slow.state.tobytes()) == (compiled.rows, compiled.state.tobytes())
    for key, column in compiled.columns.items():
        assert slow.columns[key].values.tobytes() == column.values.tobytes(), key
        if column.nulls is not None:
            assert slow.columns[key].nulls.tobytes() == column.nulls.tobytes(), key  # type: ignore[union-attr]


def test_decode_body_cut_anywhere_is_pointed_out() -> None:
    body = codec.encode(UPDATE)
    found = decode("BookUpdate", [body[:size] for size in range(len(body))] + [body])
    assert found.state.tolist() == [kernel.BAD] * len(body) + [kernel.GOOD]
    assert records_of(found) == [UPDATE]


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("Trade", b""),
        ("Trade", codec.encode(TRADE) + b"\0"),
        ("Trade", b"\xff" * 11),
        ("Trade", b"\xff" * 9 + b"\2"),
        ("Trade", b"\0\0\x80\x80\x80\x80\x10" + b"\0" * 20),
        ("Trade", b"\0" * 5 + b"\1" + b"\0" * 20),
        ("Trade", b"\0" * 5 + b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\1"),
        ("Trade", b"\0" * 5 + b"\2\xff" + b"\0" * 20),
        ("Trade", b"\0" * 5 + b"\2v\2s\0\0\4\0\0"),
        ("BookUpdate", HEAD[:-1] + b"\2"),
        ("BookUpdate", HEAD + b"\0\4"),
        ("BookUpdate", HEAD + b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\1" + b"\0"),
        ("BookUpdate", HEAD + b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\1" + b"\0" * 30),
        ("BookUpdate", HEAD + b"\1" * 50),
        ("BookUpdate", HEAD + b"\2\4"),
        ("Fill", b"\0" * 10 + b"\0" + b"\0" * 4 + b"\x22" + b"\1" * 17),
        ("Fill", b"\0" * 10 + b"\0" + b"\0" * 4 + b"\x20" + b"\x7f" * 16),
        ("Frame", bytes(codec.MAX_BODY + 1)),
    ],
)
def test_decode_damaged_body_is_pointed_out_and_the_next_is_read(name: str, body: bytes) -> None:
    good = codec.encode(TRADE) if name == "Trade" else codec.encode(UPDATE) if name == "BookUpdate" else b""
    assert read(name, body) is None
    assert decode(name, [body, good]).state.tolist() == [kernel.BAD, kernel.GOOD if good else kernel.BAD]


@pytest.mark.parametrize("text", ["é", "€", "𝄞", "abcdefgé", "12345678", "1234567€", "\0", "߿ࠀ￿𐀀\U0010ffff"])
def test_decode_text_of_any_width_is_read(text: str) -> None:
    made = [Metric(0, 0, 0, 0, 0, text * n, "s", text, "m", 0.5) for n in (0, 1, 3)]
    assert records_of(decode("Metric", [codec.encode(record) for record in made])) == made


@pytest.mark.parametrize(
    "bad", ["80", "c0af", "c1bf", "e09fbf", "eda080", "edbfbf", "f08fbfbf", "f4908080", "f5808080", "c3", "e282", "e28228", "ff"]
)
def test_decode_what_is_no_text_is_pointed_out(bad: str) -> None:
    for ahead in (b"", b"12345678"):
        text = ahead + bytes.fromhex(bad)
        with pytest.raises(UnicodeDecodeError):
            text.decode()
        body = b"\0" * 5 + bytes((2 * len(text),)) + text + codec.encode(TRADE)[-29:]
        assert decode("Trade", [body]).rows == 0


def test_decode_money_of_any_size_is_exact_to_the_bound() -> None:
    made = [Decimal(n).scaleb(-9, WIDE) for n in (*MONEY, *(10**i for i in range(38)), *(-(10**i) for i in range(38)))]
    found = decode("Balance", [codec.encode(Balance(0, 0, 0, 0, 0, "a", "b", m, m.copy_negate())) for m in made])
    assert values_of(found, found.columns["cash"]) == made
    assert values_of(found, found.columns["fees"]) == [m.copy_negate() for m in made]


@pytest.mark.parametrize("n", [10**38, -(10**38), 10**38 + (1 << 63), -(10**38) - 1, (1 << 127) - 1, -(1 << 127)])
def test_decode_money_beyond_38_digits_is_pointed_out(n: int) -> None:
    body = codec.encode(Balance(0, 0, 0, 0, 0, "a", "b", Decimal(0), Decimal(0)))
    assert body[9:11] == b"\2\0"
    bad = body[:9] + b"\x20" + n.to_bytes(16, "big", signed=True) + body[11:]
    assert read("Balance", bad) is None
    assert decode("Balance", [bad, body]).state.tolist() == [kernel.BAD, kernel.GOOD]


def test_decode_array_in_several_blocks_with_sizes_gives_all_elements() -> None:
    update = UPDATE._replace(levels=(BookLevel(Side.BUY, 1, 2),) * 2)
    item, end = b"\0\2\4", b"\0" * 4
    head = codec.encode(update)[: -len(b"\4" + item + item + b"\0" + end)]
    assert records_of(decode("BookUpdate", [head + b"\2" + item + b"\1\6" + item + b"\0" + end])) == [update]


def test_decode_more_elements_than_there_is_room_for_makes_room() -> None:
    made = [UPDATE._replace(levels=(LEVEL,) * n) for n in (3, 30_000, 0, 1)]
    found = decode("BookUpdate", [codec.encode(record) for record in made])
    assert records_of(found) == made
    assert found.ends["levels"].tolist() == [3, 30_003, 30_003, 30_004]


def test_decode_other_headers_are_pointed_out() -> None:
    body = codec.encode(TRADE)
    values = [codec.frame(7, body), codec.frame(8, body), b"", b"\0\0\0\0", codec.frame(7, body), codec.frame(7, body[:-1])]
    found = decode("Trade", values, codec.frame(7, b""))
    assert found.state.tolist() == [kernel.GOOD, kernel.FOREIGN, kernel.FOREIGN, kernel.FOREIGN, kernel.GOOD, kernel.BAD]
    assert records_of(found) == [TRADE, TRADE]


def test_decode_nothing_has_columns_without_rows() -> None:
    found = decode("BookUpdate", [])
    assert (found.rows, records_of(found), found.columns["levels.side"].values.tolist()) == (0, [], [])


def test_decode_many_names_keeps_each_once() -> None:
    made = [
        Trade(n, 0, 1, 0, 0, f"venue-{n % 3}", f"{'long-name-of-an-instrument-' * (n % 2)}{n % 1000}", 0, 0, Side.BUY, 1, 1)
        for n in range(3000)
    ]
    found = decode("Trade", [codec.encode(record) for record in made])
    names = {key: column.names for key, column in found.columns.items() if column.names is not None}
    assert {key: len(pairs) for key, pairs in names.items()} == {"venue": 3, "symbol": 1000}
    assert records_of(found) == made


def test_every_schema_has_its_columns_in_the_order_of_its_fields() -> None:
    for schema in SCHEMAS.values():
        keys = [name.partition(".")[0] for name in decode(schema.name, []).columns]
        assert list(dict.fromkeys(keys)) == [f.name for f in schema.fields]
        assert np.array_equal(decode(schema.name, []).state, [])
