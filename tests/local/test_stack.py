"""The embedded stack itself: broker, registry and ClickHouse as they are shipped."""

from pathlib import Path

import psutil
import pytest

from streams.config import Endpoints
from streams.lanes.bus import Sender, TopicSpec, create_topics, end_offset, list_topics, topic_configs
from streams.lanes.registry import SchemaIds
from streams.local import services
from streams.local.clickhouse import clickhouse_answers
from streams.local.home import Home
from streams.local.kafka import broker_answers
from streams.local.registry import registry_answers
from streams.local.service import JVM_SHORT
from streams.sinks.query import connect
from tests.conftest import ADDRESSES, free_base

pytestmark = [pytest.mark.broker, pytest.mark.slow]


def test_stack_started_answers_on_all_three(stack: Endpoints) -> None:
    assert (broker_answers(stack.kafka), registry_answers(stack.registry), clickhouse_answers(stack.clickhouse)) == (True, True, True)


def test_stack_takes_records_of_a_megabyte(stack: Endpoints) -> None:
    create_topics(stack.kafka, [TopicSpec("stack-large", 1)])
    sender = Sender(stack.kafka, settings={"message.max.bytes": 2_000_000, "compression.type": "none"})
    sender.send("stack-large", 0, bytes(1_500_000))
    sender.flush()
    assert int(topic_configs(stack.kafka, ["stack-large"])["stack-large"]["max.message.bytes"]) == 2_097_152


def test_stack_restarted_on_other_ports_keeps_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ADDRESSES:
        monkeypatch.delenv(name, raising=False)
    home, told = tmp_path / "home", []
    try:
        monkeypatch.setenv("MILLRACE_PORT", str(free_base()))
        first = services.up(lambda _: None, home=home, jvm=JVM_SHORT)
        create_topics(first.kafka, [TopicSpec("trades.v1", 2)])
        sender = Sender(first.kafka)
        sender.send("trades.v1", 1, b"x")
        sender.flush()
        schema_id = SchemaIds(first.registry).register("trades.v1")
        with connect(first.clickhouse) as client:
            client.command("CREATE TABLE default.kept (a Int64) ENGINE = MergeTree ORDER BY a AS SELECT 7 AS a")
        assert _outside_listeners(home) == []
        services.down(progress=lambda _: None, home=home)

        monkeypatch.setenv("MILLRACE_PORT", str(free_base()))
        second = services.up(told.append, home=home, jvm=JVM_SHORT)
        assert second != first
        assert (list_topics(second.kafka)["trades.v1"], end_offset(second.kafka, "trades.v1", 1)) == (2, 1)
        assert SchemaIds(second.registry).id_of("trades.v1") == schema_id
        with connect(second.clickhouse) as client:
            assert client.command("SELECT a FROM default.kept") == 7
        assert not any("downloading" in line or "formatting" in line for line in told)
    finally:
        services.down(purge=True, progress=lambda _: None, home=home)


def _outside_listeners(home: Path) -> list[str]:
    """Addresses other than the loopback that the stack's processes listen on."""
    ours = {entry.pid for entry in Home(home).running().values()}
    open_ports = [c for c in psutil.net_connections("tcp") if c.pid in ours and c.status == psutil.CONN_LISTEN]
    return [c.laddr.ip for c in open_ports if c.laddr.ip not in ("127.0.0.1", "::1", "::ffff:127.0.0.1")]
