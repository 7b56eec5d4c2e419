"""The sink over a broker that dies: a broker of its own, since it is killed."""

import os
import signal
import time
from pathlib import Path

import pytest

from streams.config import Endpoints
from streams.lanes.bus import Sender, TopicSpec, create_topics
from streams.lanes.registry import SchemaIds
from streams.lanes.wire import Wire
from streams.local import services
from streams.local.home import Home
from streams.local.service import JVM_SHORT
from streams.sinks.clickhouse import SinkSettings
from streams.sinks.query import connect
from tests.sinks.conftest import SinkProcess, trade
from tests.sinks.test_sink import COUNTS, eventually, once

pytestmark = [pytest.mark.broker, pytest.mark.slow]


def test_sink_broker_killed_and_back_goes_on_without_loss(own_stack: tuple[Endpoints, Path], tmp_path: Path) -> None:
    where, home = own_stack
    create_topics(where.kafka, [TopicSpec("trades.v1", 1)])
    ids = SchemaIds(where.registry)
    ids.register("trades.v1")
    sender, wire = Sender(where.kafka), Wire(ids)
    addresses = {"kafka": where.kafka, "registry": where.registry, "clickhouse": where.clickhouse}
    sink = SinkProcess(SinkSettings(process="sink", topology="t", database="own", bulk_s=0.05, **addresses), tmp_path / "sink.log")

    def send(numbers: range) -> None:
        for n in numbers:
            sender.send("trades.v1", 0, wire.encode("trades.v1", trade(n)))
        sender.flush()

    def counts() -> list[tuple]:
        with connect(where.clickhouse, "own") as client:
            return list(client.query(COUNTS).result_rows)

    try:
        sink.start()
        send(range(1, 1001))
        eventually(counts, once(1000))
        send(range(1001, 4001))
        os.kill(Home(home).running()["kafka"].pid, signal.SIGKILL)
        time.sleep(1.0)  # the sink meets a broker that is away
        services.up(lambda _: None, home=home, jvm=JVM_SHORT)
        send(range(4001, 5001))
        eventually(counts, once(5000), bound_s=150)
        assert sink.stop() == 0
    finally:
        if sink.process is not None and sink.process.poll() is None:
            sink.kill()
