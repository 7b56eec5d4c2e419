"""What tests of bulk input and output share: topics of their own, waves of rows, and everything read back."""

import secrets
import time
from collections.abc import Iterable, Mapping

import numpy as np

from streams.lanes.bulk_consumer import BulkConsumer
from streams.lanes.bulk_producer import BulkProducer
from streams.lanes.bus import TopicSpec, create_topics
from streams.lanes.messages import Messages
from streams.lanes.place import Place

CLIENTS = ("librdkafka", "confluent")
BOUND_S = 20.0


def new_topic(bootstrap: str, partitions: int = 1) -> str:
    """A topic that nobody else uses."""
    name = f"bulk-{secrets.token_hex(4)}.v1"
    create_topics(bootstrap, [TopicSpec(name, partitions, {})])
    return name


def rows_of(values: Iterable[bytes]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Buffer, starts and sizes, with a byte between rows that belongs to none."""
    values = list(values)
    sizes = np.array([len(value) for value in values], np.int64)
    starts = np.cumsum(sizes + 1) - sizes - 1
    return np.frombuffer(b"".join(value + b"#" for value in values) or b"#", np.uint8), starts, sizes


def send_values(producer: BulkProducer, topic: str, partition: int, values: Iterable[bytes]) -> None:
    producer.send_rows(topic, partition, *rows_of(values))


def take_until(consumer: BulkConsumer, count: int, rows: int = 10_000) -> list[tuple[Place, int, bytes | None]]:
    """(place, offset, value) of the next messages, at least `count`."""
    found: list[tuple[Place, int, bytes | None]] = []
    until_s = time.monotonic() + BOUND_S
    while len(found) < count:
        assert time.monotonic() < until_s, f"{len(found)} of {count} messages"
        found += copied(consumer, consumer.take(rows, 0.2))
    return found


def read_all(bootstrap: str, positions: Mapping[Place, int]) -> dict[Place, list[bytes | None]]:
    """Values by partition up to the end."""
    found: dict[Place, list[bytes | None]] = {place: [] for place in positions}
    at_end: set[Place] = set()
    until_s = time.monotonic() + BOUND_S
    with BulkConsumer(bootstrap) as consumer:
        consumer.assign(positions)
        while at_end != set(positions):
            assert time.monotonic() < until_s
            messages = consumer.take(10_000, 0.2)
            for place, _, value in copied(consumer, messages):
                found[place].append(value)
            at_end |= set(messages.ends)
    return found


def copied(consumer: BulkConsumer, messages: Messages) -> list[tuple[Place, int, bytes | None]]:
    places = consumer.places
    return [(places[messages.place[row]], int(messages.offset[row]), messages.value(row)) for row in range(messages.count)]
