"""The lane over a broker that is killed: a broker of its own."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from streams.config import Endpoints
from streams.lanes.bus import TopicSpec, create_topics, end_offset, read_range
from streams.local import services
from streams.local.home import Home
from streams.local.service import JVM_SHORT
from tests.lanes.lane_kit import World
from tests.lanes.test_kafka import assert_exact

pytestmark = [pytest.mark.broker, pytest.mark.slow]

TOPICS, PARTITIONS, OPEN_MS, BOUND_S = ("open", "committed"), 8, 1_000, 60.0


def test_lane_broker_killed_and_back_ends_or_goes_on_and_loses_nothing(own_stack: tuple[Endpoints, Path]) -> None:
    where, home = own_stack
    world = World(where)
    child = world.child()
    try:
        world.write(b"%d" % n for n in range(300))
        world.wait_for_trades(300, child)
        world.write(b"%d" % n for n in range(300, 3000))
        with transactions(where):
            os.kill(Home(home).running()["kafka"].pid, signal.SIGKILL)
        time.sleep(2.0)
        services.up(lambda _: None, home=home, jvm=JVM_SHORT)
        assert_settled(where)
        world.write(b"%d" % n for n in range(3000, 3500))
        world.supervise(child, 3500)
    finally:
        child.kill()
        world.sender.close()
    assert_exact(world, list(range(3500)))


@contextlib.contextmanager
def transactions(where: Endpoints) -> Iterator[None]:
    """With a transaction that is open and one that was committed a moment ago. The first is overdue when the broker comes back: it is
    aborted at once, while the broker is being taken in again."""
    create_topics(where.kafka, [TopicSpec(topic, PARTITIONS) for topic in TOPICS])
    producers = []
    for topic in TOPICS:
        settings = {"bootstrap.servers": where.kafka, "transactional.id": topic, "transaction.timeout.ms": OPEN_MS, "log_level": 0}
        producers.append(producer := Producer(settings))
        producer.init_transactions(BOUND_S)
        producer.begin_transaction()
        for partition in range(PARTITIONS):
            producer.produce(topic, b"x", partition=partition)
        producer.flush(BOUND_S)
    producers[1].commit_transaction(BOUND_S)
    yield


def assert_settled(where: Endpoints) -> None:
    """Nobody has to wait for either, and what was committed is there."""
    for topic, values in zip(TOPICS, ([], [b"x"]), strict=True):
        for partition in range(PARTITIONS):
            end = end_offset(where.kafka, topic, partition)
            assert [message.value() for message in read_range(where.kafka, topic, partition, 0, end)] == values
