"""Memory of bulk input and output stays flat, however much goes through."""

import gc
import os
import secrets
import time
from collections.abc import Callable

import numpy as np
import psutil
import pytest

from streams.config import Endpoints
from streams.lanes.bulk_consumer import BulkConsumer
from streams.lanes.bulk_transactions import BulkTransactions
from tests.lanes.bulk_kit import BOUND_S, new_topic

pytestmark = [pytest.mark.broker, pytest.mark.slow]

ROWS, SIZE = 20_000, 48
MOST_GROWTH_BYTES = 12 * 1_048_576  # a leak of 20 bytes a record shows; what the allocator keeps does not


def rss() -> int:
    gc.collect()
    return psutil.Process(os.getpid()).memory_info().rss


class Loop:
    """One record in and out after the other: a transaction of ROWS records, then all of them read."""

    def __init__(self, kafka: str) -> None:
        self.topic, self.group = new_topic(kafka), f"g.{secrets.token_hex(4)}"
        self.consumer = BulkConsumer(kafka, self.group)
        self.consumer.committed([(self.topic, 0)])
        self.consumer.assign({(self.topic, 0): 0})
        self.producer = BulkTransactions(kafka, f"t.{secrets.token_hex(4)}")
        self.producer.initialise()
        self.buffer = np.random.default_rng(1).integers(0, 256, ROWS * SIZE, np.uint8)
        self.starts, self.sizes = np.arange(ROWS) * SIZE, np.full(ROWS, SIZE)
        self.read = 0

    def turn(self) -> None:
        place = self.topic, 0
        self.producer.begin()
        self.producer.send_rows(self.topic, 0, self.buffer, self.starts, self.sizes)
        self.producer.commit({place: self.read}, self.group, {place: "note" * 20})
        self.producer.begin()
        self.producer.send(self.topic, 0, b"never seen", key=b"k")
        self.producer.flush()
        assert self.producer.abort()
        until_s, behind = time.monotonic() + BOUND_S, self.read + ROWS
        while self.read < behind:
            assert time.monotonic() < until_s
            self.read += self.consumer.take(7_000, 0.2).count
        assert self.consumer.notes([place]) == {place: "note" * 20}

    def close(self) -> None:
        self.consumer.close()
        self.producer.close()


def growth(turn: Callable[[], None], warm: int, turns: int) -> int:
    for _ in range(warm):
        turn()
    before = rss()
    for _ in range(turns):
        turn()
    return rss() - before


def test_memory_is_flat_over_a_million_records(stack: Endpoints) -> None:
    loop = Loop(stack.kafka)
    try:
        assert growth(loop.turn, warm=10, turns=40) < MOST_GROWTH_BYTES
    finally:
        loop.close()


def test_clients_opened_and_closed_leave_nothing(stack: Endpoints) -> None:
    topic = new_topic(stack.kafka)

    def turn() -> None:
        with BulkConsumer(stack.kafka) as consumer, BulkTransactions(stack.kafka, "t.again") as producer:
            consumer.assign({(topic, 0): 0})
            consumer.take(1, 0.0)
            producer.initialise()
            producer.begin()
            producer.send(topic, 0, b"left open")

    threads = psutil.Process().num_threads
    turn()
    before = threads()
    assert growth(turn, warm=5, turns=15) < MOST_GROWTH_BYTES
    assert threads() <= before


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_memory_is_flat_over_minutes(stack: Endpoints) -> None:
    loop = Loop(stack.kafka)

    def minute() -> None:
        until_s = time.monotonic() + 60
        while time.monotonic() < until_s:
            loop.turn()

    try:
        assert growth(minute, warm=1, turns=5) < MOST_GROWTH_BYTES, f"after {loop.read} records"
    finally:
        loop.close()
