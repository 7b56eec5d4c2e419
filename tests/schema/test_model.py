"""The schemas themselves: every field says what it is, names mean the same everywhere, and a bad schema is refused with file and field."""

import json
from pathlib import Path
from typing import Any

import pytest

from streams.errors import SchemaError
from streams.records import Order
from streams.schema import clickhouse, model
from streams.schema.model import BY_TOPIC, COMMON, SCHEMAS

TRADE = json.loads((model.FOLDER / "trade.avsc").read_text())


def test_schemas_cover_every_topic_of_the_design() -> None:
    topics = """alerts.v1 audit.v1 balances.v1 book_updates.v1 commands.v1 decisions.v1 fills.v1 frames.v1 funding.v1
        instruments.v1 journal.v1 latency.v1 limits.v1 metrics.v1 names.v1 orders.v1 params.v1 positions.v1 quotes.v1
        reports.v1 requests.v1 risk_metrics.v1 shards.v1 signals.v1 snapshots.v1 trades.v1 venue_events.v1 *.dlq.v1"""
    assert sorted(BY_TOPIC) == sorted(topics.split())


def test_schemas_instants_say_since_when_and_durations_do_not() -> None:
    for schema in SCHEMAS.values():
        for f in schema.fields:
            if f.name.endswith("_ns"):
                assert ("since 1970" in f.doc) == (f.name not in clickhouse.DURATIONS), f"{schema.name}.{f.name}: {f.doc}"


def test_schemas_scaled_fields_say_so() -> None:
    for schema in SCHEMAS.values():
        for f in schema.fields:
            assert f.name.endswith("_e9") == ("x 10^9" in f.doc), f"{schema.name}.{f.name}: {f.doc}"


def test_decision_holds_every_field_of_order_with_its_type() -> None:
    decision = {f.name: (f.type, f.of, f.nullable) for f in SCHEMAS["Decision"].fields}
    order = {f.name: (f.type, f.of, f.nullable) for f in SCHEMAS["Order"].fields}
    assert order.items() <= decision.items()


def test_schema_gives_class_topic_and_table() -> None:
    schema = SCHEMAS["Order"]
    assert (schema.record, schema.topic, schema.plural, schema.retention) == (Order, "orders.v1", "orders", "30d")
    assert schema.record._fields[:5] == COMMON
    assert model.for_topic("trades.v1.dlq.v1") is SCHEMAS["DeadLetter"]
    assert SCHEMAS["DeadLetter"].plural == "dead_letters"


def test_for_topic_unknown_names_the_known() -> None:
    with pytest.raises(SchemaError, match=r"topic 'trade.v1' has no schema; known are .*trades.v1"):
        model.for_topic("trade.v1")


def test_field_unknown_names_the_known() -> None:
    with pytest.raises(SchemaError, match=r"Trade: no field 'px'; it has id, .*px_e9"):
        SCHEMAS["Trade"].field("px")


def test_fingerprint_changes_with_meaning_not_with_words() -> None:
    def changed(**field: Any) -> str:
        avro = json.loads(json.dumps(TRADE))
        avro["fields"][-1] |= field
        return json.dumps(model.canonical(avro), sort_keys=True)

    same = json.dumps(model.canonical(TRADE), sort_keys=True)
    assert changed(doc="another text", slot="skip") == same
    assert changed(type="int") != same
    assert changed(name="size_e9") != same
    assert changed(default=0) != same
    assert len({schema.fingerprint for schema in SCHEMAS.values()}) == len(SCHEMAS)


def field(**changes: Any) -> dict[str, Any]:
    return {"name": "x", "type": "long", "doc": "a number"} | changes


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"topic": None}, "trade.avsc: attribute 'topic' is missing"),
        ({"fields": TRADE["fields"][1:]}, "trade.avsc: the first fields must be id, cause_id, run_id, ts_ns, recv_ts_ns; found cause_id"),
        ({"order_by": ["x"]}, "trade.avsc: order_by: 'x' is no field"),
        ({"fields": [*TRADE["fields"], field(doc="")]}, "trade.avsc: x: has no doc; say unit, meaning and range"),
        ({"fields": [*TRADE["fields"], field(type="float")]}, "trade.avsc: x: type 'float' is not supported"),
        ({"fields": [*TRADE["fields"], field(type=["null", "long"])]}, 'trade.avsc: x: a union must be ["null", T] with default null'),
        (
            {"fields": [*TRADE["fields"], field(default=0), field(name="y")]},
            "trade.avsc: fields with a default must stand last: 'x' does not",
        ),
        (
            {"fields": [*TRADE["fields"], field(type={"type": "enum", "name": "Side", "doc": "d", "symbols": ["SELL", "BUY"]})]},
            "trade.avsc: x: Side differs from its definition in another schema; make them equal",
        ),
    ],
)
def test_load_bad_schema_names_file_field_and_fault(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    avro = {k: v for k, v in (TRADE | changes).items() if v is not None}
    (tmp_path / "trade.avsc").write_text(json.dumps(avro))
    with pytest.raises(SchemaError) as caught:
        model.load(tmp_path)
    assert str(caught.value)[: len(message)] == message


def test_load_of_no_json_or_no_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match=r"no .avsc files"):
        model.load(tmp_path)
    (tmp_path / "trade.avsc").write_text("{")
    with pytest.raises(SchemaError, match=r"trade.avsc: not JSON"):
        model.load(tmp_path)
