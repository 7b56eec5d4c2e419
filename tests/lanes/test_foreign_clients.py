"""Clients of other projects read the committed records that we write, and we read what they write, byte for byte."""

import secrets
from typing import Any

import pytest

from streams.config import Endpoints
from streams.lanes.bus import BulkTransactions, TopicSpec, create_topics, read_range
from streams.lanes.registry import SchemaIds
from streams.lanes.wire import Wire
from streams.records import Side, Trade
from tests.lanes.foreign.programs import Java, Kafkajs, Kcat
from tests.lanes.foreign.python_clients import Aiokafka, KafkaPython

pytestmark = [pytest.mark.broker, pytest.mark.slow]

TOPIC = "trades.v1"
CLIENTS = {"aiokafka": Aiokafka(), "kafka-python": KafkaPython(), "kcat": Kcat(), "kafkajs": Kafkajs(), "java": Java()}


def trades(first: int, count: int) -> list[Trade]:
    return [
        Trade(i, 0, 1, i, i, "sim", "BTCUSDT", i, i, Side.SELL if i % 2 else Side.BUY, 61_000 * 10**9, i * 10**6)
        for i in range(first, first + count)
    ]


@pytest.fixture
def client(request: pytest.FixtureRequest) -> Any:
    found = CLIENTS[request.param]
    if getattr(found, "missing", ""):
        pytest.skip(found.missing)
    return request.param, found


@pytest.fixture
def wire(stack: Endpoints) -> Wire:
    wire = Wire(SchemaIds(stack.registry))
    wire.ids.register(TOPIC)
    return wire


@pytest.mark.parametrize("client", CLIENTS, indirect=True)
def test_foreign_client_both_ways_same_bytes(client: Any, wire: Wire, stack: Endpoints) -> None:
    name, foreign = client
    place = f"foreign-{name}-{secrets.token_hex(4)}", 0
    create_topics(stack.kafka, [TopicSpec(place[0], 1)])
    producer = BulkTransactions(stack.kafka, place[0])
    producer.initialise()
    ours = [wire.encode(TOPIC, trade) for trade in trades(1, 300)]
    producer.begin()
    for value in ours:
        producer.send(*place, value)
    producer.commit({}, "")
    producer.begin()
    for trade in trades(1_000, 20):
        producer.send(*place, wire.encode(TOPIC, trade))
    producer.flush()
    producer.abort()
    producer.begin()
    last = [wire.encode(TOPIC, trade) for trade in trades(2_000, 5)]
    for value in last:
        producer.send(*place, value)
    producer.commit({}, "")
    producer.close()
    assert foreign.read(stack.kafka, *place, 305) == [*ours, *last]

    if foreign.write is not None:
        theirs = trades(3_000, 50)
        foreign.write(stack.kafka, *place, [wire.encode(TOPIC, trade) for trade in theirs])
        assert [wire.decode(TOPIC, message.value()) for message in read_range(stack.kafka, *place)][305:] == theirs
