"""Schema ids: asked once, remembered while the registry is away, clear words when it is needed; records of other schema versions."""

import copy
import io
import json
from collections.abc import Iterator

import fastavro
import pytest

from streams.errors import DecodeError, LaneError
from streams.lanes.registry import SchemaIds, UnknownSchemaError
from streams.lanes.wire import Wire
from streams.records import Side, Trade
from streams.schema import codec, model
from tests.lanes.stub_registry import StubRegistry

TRADE = Trade(1, 0, 1, 2, 3, "sim", "X", 4, 5, Side.SELL, 6, 7)


@pytest.fixture
def registry() -> Iterator[StubRegistry]:
    stub = StubRegistry()
    yield stub
    stub.close()


def test_register_all_gives_every_topic_and_its_dead_letters_an_id(registry: StubRegistry) -> None:
    ids = SchemaIds(registry.url).register_all()
    assert {"trades.v1", "journal.v1", "frames.v1.dlq.v1"} <= set(ids)
    assert ids["frames.v1.dlq.v1"] == ids["trades.v1.dlq.v1"]
    assert set(registry.subjects) == {f"{topic}-value" for topic in ids}


def test_id_of_topic_not_registered_says_what_to_do(registry: StubRegistry) -> None:
    with pytest.raises(LaneError, match=r"subject trades\.v1-value has not the schema of Trade; `millrace apply` registers it"):
        SchemaIds(registry.url).id_of("trades.v1")


def test_wire_registry_gone_goes_on_with_what_it_knows(registry: StubRegistry) -> None:
    ids = SchemaIds(registry.url)
    ids.register("trades.v1")
    wire = Wire(ids)
    value = wire.encode("trades.v1", TRADE)
    registry.close()
    assert wire.decode("trades.v1", value) == TRADE
    assert wire.encode("trades.v1", TRADE) == value
    with pytest.raises(LaneError, match="does not answer"):
        wire.encode("quotes.v1", TRADE)
    with pytest.raises(LaneError, match="does not answer"):
        wire.decode("trades.v1", codec.frame(99, b""))


def test_decode_unknown_schema_id_is_a_decode_error_not_a_fault(registry: StubRegistry) -> None:
    ids = SchemaIds(registry.url)
    ids.register("trades.v1")
    with pytest.raises(UnknownSchemaError):
        ids.writer_schema(99)
    with pytest.raises(DecodeError, match="schema id 99 is unknown"):
        Wire(ids).decode("trades.v1", codec.frame(99, b"abc"))


def test_decode_other_topics_schema_names_both(registry: StubRegistry) -> None:
    ids = SchemaIds(registry.url)
    ids.register_all(["trades.v1", "quotes.v1"])
    with pytest.raises(DecodeError, match=r"is of Quote, trades\.v1 carries Trade"):
        Wire(ids).decode("trades.v1", codec.frame(ids.id_of("quotes.v1"), b"abc"))


def test_wire_record_of_another_version_is_read_and_written_in_it(registry: StubRegistry) -> None:
    ids = SchemaIds(registry.url)
    ids.register("trades.v1")
    newer = copy.deepcopy(model.SCHEMAS["Trade"].plain)
    newer["fields"].append({"name": "note", "type": ["null", "string"], "default": None})
    registry.schemas.append(json.dumps(newer))
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(newer), {**TRADE._asdict(), "side": "SELL", "note": "x"})
    wire = Wire(ids)
    assert wire.decode("trades.v1", codec.frame(2, out.getvalue())) == TRADE
    older = copy.deepcopy(model.SCHEMAS["Trade"].plain)
    older["fields"].pop()
    registry.schemas.append(json.dumps(older))
    body = wire.body_in(3, "trades.v1", TRADE)
    assert fastavro.schemaless_reader(io.BytesIO(body), fastavro.parse_schema(older), None)["px_e9"] == 6
    assert codec.encode(TRADE).startswith(body)
