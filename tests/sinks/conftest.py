"""A sink as its own process, and topics of its own."""

import dataclasses
import json
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import TopicPartition

from streams.config import Endpoints
from streams.lanes.bus import Sender, end_offsets, list_topics, open_consumer
from streams.lanes.registry import SchemaIds
from streams.lanes.wire import Wire
from streams.records import Side, Trade
from streams.sinks.clickhouse import SinkSettings
from streams.sinks.query import connect
from tests.stack_topics import make_topics

RUN = "import json, sys; from streams.sinks.clickhouse import SinkSettings, run_sink; run_sink(SinkSettings(**json.loads(sys.argv[1])))"
TOPICS = ("trades.v1", "fills.v1")
T0_NS = 1_700_000_000_123_456_789


def trade(n: int) -> Trade:
    """The n-th trade: its id and trade_id are n."""
    return Trade(n, 0, 1, T0_NS + n, T0_NS, "binance", "BTCUSDT", T0_NS, n, Side.BUY, 61_800_300_000_000 + n, 1_000_000)


class SinkProcess:
    """A sink that can be killed."""

    def __init__(self, settings: SinkSettings, log: Path) -> None:
        self.settings, self.log = settings, log
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> subprocess.Popen[bytes]:
        arguments = json.dumps(dataclasses.asdict(self.settings))
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([sys.executable, "-c", RUN, arguments], stdout=log, stderr=log)
        return self.process

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(60)


@dataclasses.dataclass
class Bench:
    """Broker, registry and ClickHouse with a database, and a way to write. `base` is where each partition begins for this test."""

    stack: Endpoints
    database: str
    sender: Sender
    wire: Wire
    sink: Callable[..., SinkProcess]
    base: dict[tuple[str, int], int]

    def query(self, sql: str) -> list[tuple]:
        with connect(self.stack.clickhouse, self.database) as client:
            return list(client.query(sql).result_rows)

    def send(self, topic: str, numbers: range, partition: int = 0) -> None:
        """Trades with these numbers, delivered."""
        for n in numbers:
            self.sender.send(topic, partition, self.wire.encode("trades.v1", trade(n)))
        self.sender.flush()


@pytest.fixture
def bench(stack: Endpoints, tmp_path: Path) -> Iterator[Bench]:
    """The broker's topics are shared with other tests: the group of this test's sinks begins at their ends."""
    make_topics(stack.kafka, {"trades.v1": 2, "fills.v1": 1})
    ids = SchemaIds(stack.registry)
    ids.register_all(TOPICS)
    database, running = f"s_{uuid.uuid4().hex[:8]}", []
    settings = SinkSettings(
        process="clickhouse",
        topology=database,
        kafka=stack.kafka,
        registry=stack.registry,
        clickhouse=stack.clickhouse,
        database=database,
        topics=TOPICS,
        prompt_s=0.02,
        bulk_s=0.05,
    )
    wanted = (*TOPICS, "trades.v1.dlq.v1")
    places = [(topic, p) for topic, count in list_topics(stack.kafka).items() if topic in wanted for p in range(count)]
    ends = end_offsets(stack.kafka, places)
    consumer = open_consumer(stack.kafka, settings.group)
    consumer.commit(offsets=[TopicPartition(*place, offset) for place, offset in ends.items()], asynchronous=False)
    consumer.close()

    def sink(**options: object) -> SinkProcess:
        made = SinkProcess(dataclasses.replace(settings, **options), tmp_path / f"sink-{len(running)}.log")
        running.append(made)
        return made

    sender = Sender(stack.kafka)
    yield Bench(stack, database, sender, Wire(ids), sink, ends)
    for made in running:
        if made.process is not None and made.process.poll() is None:
            made.kill()
    sender.close()
    with connect(stack.clickhouse) as client:
        client.command(f"DROP DATABASE IF EXISTS {database}")
