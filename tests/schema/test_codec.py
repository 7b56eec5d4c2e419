"""Bodies equal fastavro's byte for byte, and foreign readers read them."""

import io
import json
from decimal import Decimal
from typing import Any, cast

import avro.io
import avro.schema
import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.errors import DecodeError, SchemaError
from streams.records import Balance, BookLevel, BookUpdate, Param, Side, Trade
from streams.schema import codec
from streams.schema.model import SCHEMAS
from tests.schema.made import any_record, plain

TRADE = Trade(1, 0, 7, 2, 3, "binance", "BTCUSDT", 4, 5, Side.SELL, 61_800_300_000_000, 15_000_000)


@pytest.mark.parametrize("name", sorted(SCHEMAS))
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_encode_any_record_equals_fastavro_and_decodes_to_itself(name: str, data: st.DataObject) -> None:
    schema = SCHEMAS[name]
    record = data.draw(any_record(schema))
    body = codec.encode(record)
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, cast(Any, schema.avro), plain(record))
    assert body == stream.getvalue()
    back = codec.decode(schema.record, body)
    assert back == record
    assert type(back) is schema.record


@pytest.mark.parametrize("name", sorted(SCHEMAS))
@settings(max_examples=5, deadline=None)
@given(data=st.data())
def test_encode_any_record_is_read_by_apache_avro(name: str, data: st.DataObject) -> None:
    schema = SCHEMAS[name]
    record = data.draw(any_record(schema))
    parsed = avro.schema.parse(json.dumps(schema.avro))
    decoder = avro.io.BinaryDecoder(io.BytesIO(codec.encode(record)))
    assert avro.io.DatumReader(parsed).read(decoder) == plain(record)


def test_decode_memoryview_gives_the_record() -> None:
    assert codec.decode(Trade, memoryview(codec.encode(TRADE))) == TRADE


def test_decode_array_in_several_blocks_with_sizes_gives_all_elements() -> None:
    update = BookUpdate(1, 0, 0, 0, 0, "v", "s", 0, 0, 0, False, False, levels=(BookLevel(Side.BUY, 1, 2),) * 2)
    body = codec.encode(update)
    item, end = b"\0\2\4", b"\0" * 4  # four nulls follow the array
    assert body.endswith(b"\4" + item + item + b"\0" + end)
    head = body[: -len(b"\4" + item + item + b"\0" + end)]
    assert codec.decode(BookUpdate, head + b"\2" + item + b"\1\6" + item + b"\0" + end) == update  # count -1, size 3 bytes


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"px_e9": 1 << 63}, "Trade.px_e9: 9223372036854775808 does not fit 64 bits"),
        ({"px_e9": -(1 << 63) - 1}, "Trade.px_e9: -9223372036854775809 does not fit 64 bits"),
        ({"px_e9": 1 << 200}, f"Trade.px_e9: {1 << 200} does not fit 64 bits"),
        ({"px_e9": 1.5}, "Trade.px_e9: 1.5 is of type float, long is needed"),
        ({"px_e9": None}, "Trade.px_e9: is null; it may not be"),
        ({"run_id": 1 << 31}, "Trade.run_id: 2147483648 does not fit 32 bits"),
        ({"venue": 5}, "Trade.venue: 5 is of type int, string is needed"),
        ({"side": 2}, "Trade.side: 2 is of type int, Side is needed"),
    ],
)
def test_encode_unfit_value_names_field_and_type(change: dict[str, Any], message: str) -> None:
    with pytest.raises(SchemaError) as caught:
        codec.encode(TRADE._replace(**change))
    assert str(caught.value) == message


def test_encode_unfit_level_names_its_place() -> None:
    levels = (BookLevel(Side.BUY, 1, 2), BookLevel(Side.BUY, 1, cast(Any, "x")))
    with pytest.raises(SchemaError, match=r"BookUpdate.levels\[1\].qty_e9: 'x' is of type str, long is needed"):
        codec.encode(BookUpdate(1, 0, 0, 0, 0, "v", "s", 0, 0, 0, False, False, levels=levels))


def test_encode_something_else_says_what_a_record_is() -> None:
    with pytest.raises(SchemaError, match="dict is no record"):
        codec.encode({})


@pytest.mark.parametrize("money", ["1E+29", "NaN", "Infinity", "1E-10", "1E-999999"])
def test_encode_money_out_of_range_is_refused(money: str) -> None:
    with pytest.raises(SchemaError, match=r"Balance.cash"):
        codec.encode(Balance(0, 0, 0, 0, 0, "a", "USDT", Decimal(money), Decimal(0)))


def test_decode_as_older_schema_fills_in_the_default() -> None:
    old = dict(SCHEMAS["Param"].avro)
    old["fields"] = old["fields"][:-1]  # value_text came later
    param = Param(1, 0, 0, 2, 3, "maker", "gamma", value_double=0.5)
    body = codec.encode(param)[:-1]
    assert codec.decode_as(Param, old, body) == param


def test_decode_as_older_schema_fills_in_money() -> None:
    balance = Balance(1, 0, 7, 0, 0, "maker-1", "USDT", Decimal(5), Decimal(0))
    old = SCHEMAS["Balance"].avro | {"fields": [f for f in SCHEMAS["Balance"].avro["fields"] if "default" not in f]}
    body = codec.encode(balance)[: -5 * len(b"\2\0")]
    assert codec.decode_as(Balance, old, body) == balance


def test_decode_as_newer_schema_leaves_the_new_field_out() -> None:
    new = dict(SCHEMAS["Param"].avro)
    new["fields"] = [*new["fields"], {"name": "note", "type": "string", "default": ""}]
    param = Param(1, 0, 0, 2, 3, "maker", "gamma", value_double=0.5)
    assert codec.decode_as(Param, new, codec.encode(param) + b"\4hi") == param
    with pytest.raises(DecodeError, match="Param: body of another schema version cannot be read"):
        codec.decode_as(Param, new, codec.encode(param))
    with pytest.raises(DecodeError, match="Param: 1 bytes after the last field"):
        codec.decode_as(Param, new, codec.encode(param) + b"\4hi!")


def test_frame_and_unframe_carry_schema_id_and_body() -> None:
    value = codec.frame(513, b"body")
    assert value == b"\0\0\0\2\1body"
    schema_id, body = codec.unframe(value)
    assert (schema_id, bytes(body)) == (513, b"body")


@pytest.mark.parametrize(("value", "reason"), [(b"\0\0", "no registry header"), (b"{1234}", "byte 123, not with the registry's magic 0")])
def test_unframe_without_header_says_what_it_found(value: bytes, reason: str) -> None:
    with pytest.raises(DecodeError, match=reason):
        codec.unframe(value)
