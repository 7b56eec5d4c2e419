"""The codec between Faust and the platform's Avro: what it gives for bytes of every kind, without asking the registry."""

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.control.codec import RecordCodec, Unread
from streams.lanes.wire import Wire
from streams.records import CommandType
from streams.schema import codec as avro
from streams.schema import model
from tests.control.made import fill, order_command, position
from tests.lanes.stub_registry import StubRegistry


def codec(wire: Wire, topic: str) -> RecordCodec:
    return RecordCodec(wire=wire, topic=topic)


def test_codec_gives_back_each_record_with_the_bytes_of_the_lanes(wire):
    for topic, record in (
        ("fills.v1", fill(1, 5)),
        ("positions.v1", position(1, 5, 0, 1)),
        ("commands.v1", order_command(CommandType.KILL)),
    ):
        found = codec(wire, topic)
        assert found.dumps(record) == wire.encode(topic, record)
        assert found.loads(found.dumps(record)) == record


def test_codec_clone_as_faust_makes_them_still_decodes(wire):
    cloned = codec(wire, "fills.v1").clone()
    assert cloned.loads(cloned.dumps(fill(1, 5))) == fill(1, 5)


def test_codec_schema_that_is_new_here_is_left_for_the_agent_without_a_question(wire, registry: StubRegistry):
    older = json.loads(json.dumps(model.for_topic("fills.v1").plain))
    older["fields"] = [field for field in older["fields"] if field["name"] != "mid_px_e9"]
    registry.schemas.append(json.dumps(older))
    value = avro.frame(len(registry.schemas), avro.encode(fill(1, 5))[:-1])  # mid_px_e9 is the last field, null is one byte
    calls, found = registry.calls, codec(wire, "fills.v1")
    assert found.loads(value) == Unread(value, "")
    assert registry.calls == calls
    assert wire.decode("fills.v1", value) == fill(1, 5)
    assert found.loads(value) == fill(1, 5)  # met before: no question is left


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=80), st.booleans())
def test_codec_any_bytes_never_raise(wire, data, ours):
    found = codec(wire, "fills.v1").loads((wire.header("fills.v1") if ours else b"") + data)
    assert isinstance(found, Unread) or type(found).__name__ == "Fill"


def test_codec_truncated_record_says_why(wire):
    value = wire.encode("fills.v1", fill(1, 5))
    found = codec(wire, "fills.v1").loads(value[:-3])
    assert (found.value, bool(found.reason)) == (value[:-3], True)
