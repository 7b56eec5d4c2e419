"""`millrace apply` against a real stack: everything once, the second time nothing, changes as changes."""

import os
from dataclasses import replace

import pytest

from streams.errors import TopologyError
from streams.lanes.bus import list_topics, topic_configs
from streams.lanes.control import read_control
from streams.lanes.registry import COMPATIBILITY, SchemaIds
from streams.lanes.wire import Wire
from streams.records import NameKind, Rule
from streams.schema import ids
from streams.sinks.query import connect
from streams.topology.apply import apply
from streams.topology.model import load
from tests.topology.files import DEMO, changed

pytestmark = [pytest.mark.broker, pytest.mark.slow]


@pytest.fixture
def where(stack):
    return replace(stack, database=f"apply_{os.getpid()}")


def lines_of(topology, where) -> list[str]:
    found: list[str] = []
    apply(topology, where, found.append)
    return found


def test_apply_twice_prints_no_change_and_changes_are_told(where, tmp_path):
    apply(load(DEMO), where, lambda _: None)
    assert lines_of(load(DEMO), where) == []

    path = changed(tmp_path, ("order_rate: 50/s", "order_rate: 60/s"), ("      open_orders: 20\n", ""))
    assert lines_of(load(path), where) == [
        "~ limit   account:maker-1 ORDER_RATE  limit_count 50 -> 60",
        "~ limit   account:maker-1 OPEN_ORDERS  limit_count 20 -> none",
    ]
    assert lines_of(load(path), where) == []
    apply(load(DEMO), where, lambda _: None)


def test_apply_makes_topics_subjects_tables_and_records(where):
    topology = load(DEMO)
    apply(topology, where, lambda _: None)
    topics = list_topics(where.kafka)
    assert topics["fills.v1"] == topics["fills.v1.dlq.v1"] == 1
    configs = topic_configs(where.kafka, ["snapshots.v1", "frames.v1"])
    assert (configs["snapshots.v1"]["cleanup.policy"], configs["frames.v1"]["cleanup.policy"]) == ("compact", "delete")

    schema_ids = SchemaIds(where.registry)
    assert schema_ids.id_of("fills.v1") > 0
    import requests

    assert requests.get(f"{where.registry}/config/fills.v1-value", timeout=10).json()["compatibilityLevel"] == COMPATIBILITY

    tables = connect(where.clickhouse).query("SELECT name FROM system.tables WHERE database = {d:String}", parameters={"d": where.database})
    assert {"trades", "fills", "dead_letters", "journal"} <= {name for (name,) in tables.result_rows}

    control = read_control(where.kafka, Wire(SchemaIds(where.registry)))
    assert control.number(NameKind.INSTRUMENT, "binance:BTCUSDT") >= 0
    for kind in NameKind:
        assert sorted(control.numbers[kind].values()) == list(range(len(control.numbers[kind])))
    writers = {ids.writer(name.id) for name in control.names}
    assert writers == {control.writer("apply/0/names")}
    assert any(limit.rule == Rule.COLLAR and limit.limit_bps == 100 for limit in control.limits)


def test_apply_more_shards_than_partitions_refuses(where, tmp_path):
    apply(load(DEMO), where, lambda _: None)
    path = changed(tmp_path, ("sinks: {clickhouse: all}", "sinks: {clickhouse: all}\nshards: {maker-1: 1, 'binance:BTCUSDT': 1}"))
    with pytest.raises(TopologyError, match="has 1 partitions, the topology needs 2"):
        apply(load(path), where, lambda _: None)
