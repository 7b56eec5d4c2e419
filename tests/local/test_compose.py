"""The compose stack: the same services on the same ports, and the same program works on it."""

import subprocess
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
import yaml

from streams.config import Endpoints
from streams.lanes.bus import Sender, TopicSpec, create_topics
from streams.lanes.registry import SchemaIds
from streams.lanes.wire import Wire
from streams.local.clickhouse import ClickHouse, clickhouse_answers
from streams.local.kafka import PROPERTIES, Kafka, broker_answers
from streams.local.ports import DEFAULT_BASE
from streams.local.registry import Registry, registry_answers
from streams.schema import model
from streams.sinks.clickhouse import Sink, SinkSettings
from streams.sinks.query import connect
from tests.sinks.samples import sample

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "docker-compose.kafka.yml"
PLACE = Path("/nonexistent")


@pytest.fixture(scope="session")
def docker_compose_file() -> str:
    return str(COMPOSE)


@pytest.fixture(scope="module")
def compose(request: pytest.FixtureRequest) -> Endpoints:
    """The stack in containers; skipped, with the reason, where no engine runs."""
    for command in (("docker", "info"), ("docker", "compose", "version")):
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        except (OSError, subprocess.TimeoutExpired) as fault:
            pytest.skip(f"{' '.join(command)}: {fault}")
        if done.returncode != 0:
            pytest.skip(f"{' '.join(command)}: {(done.stderr.strip().splitlines() or ['failed'])[-1]}")
    services = request.getfixturevalue("docker_services")
    found = Endpoints(Kafka(PLACE, DEFAULT_BASE).address, Registry(PLACE, DEFAULT_BASE).address, ClickHouse(PLACE, DEFAULT_BASE).address)
    services.wait_until_responsive(timeout=180, pause=1, check=lambda: answers(found))
    return found


def answers(where: Endpoints) -> bool:
    return broker_answers(where.kafka) and registry_answers(where.registry) and clickhouse_answers(where.clickhouse)


def described() -> dict[str, Any]:
    return yaml.safe_load(COMPOSE.read_text())["services"]


def test_compose_ports_are_those_of_the_embedded_stack_on_the_loopback() -> None:
    published = {name: port.rsplit(":", 1)[0] for name, service in described().items() for port in service.get("ports", ())}
    assert all(address.startswith("127.0.0.1:") for address in published.values())
    embedded = {s.name: f"127.0.0.1:{s(PLACE, DEFAULT_BASE).ports[0]}" for s in (Kafka, Registry, ClickHouse)}
    assert {name: published[name] for name in embedded} == embedded


def test_compose_broker_keeps_the_embedded_brokers_promises() -> None:
    environment = described()["kafka"]["environment"]
    for key in ("offsets.retention.minutes", "message.max.bytes", "replica.fetch.max.bytes", "auto.create.topics.enable"):
        assert environment["KAFKA_" + key.replace(".", "_").upper()] == str(PROPERTIES[key])


def test_compose_mounted_files_exist() -> None:
    mounts = [volume.split(":")[0] for service in described().values() for volume in service.get("volumes", ())]
    assert [path for path in mounts if path.startswith("./") and not (ROOT / path).exists()] == []


@pytest.mark.slow
def test_compose_stack_takes_records_into_its_clickhouse(compose: Endpoints) -> None:
    topology = f"c_{uuid.uuid4().hex[:8]}"
    create_topics(compose.kafka, [TopicSpec("trades.v1", 1)])
    ids = SchemaIds(compose.registry)
    ids.register_all(("trades.v1",))
    sender, wire = Sender(compose.kafka), Wire(ids)
    for n in range(100):
        sender.send("trades.v1", 0, wire.encode("trades.v1", sample(model.SCHEMAS["Trade"], n)))
    sender.flush()
    stop = threading.Event()
    where = {"kafka": compose.kafka, "registry": compose.registry, "clickhouse": compose.clickhouse}
    sink = Sink(SinkSettings(process="clickhouse", topology=topology, database=topology, topics=("trades.v1",), **where), stop)
    thread = threading.Thread(target=sink.run)
    thread.start()
    try:
        deadline_s = time.monotonic() + 60
        while sink.rows < 100 and time.monotonic() < deadline_s:
            time.sleep(0.1)
    finally:
        stop.set()
        thread.join()
    with connect(compose.clickhouse, topology) as client:
        assert client.query("SELECT count() >= 100, count() = uniqExact(_partition, _offset) FROM trades").result_rows == [(1, 1)]
        client.command(f"DROP DATABASE {topology}")
