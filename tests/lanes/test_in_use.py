"""Clients that are closed while another thread is inside of one of their calls."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from streams.config import Endpoints
from streams.errors import LaneError
from streams.lanes.bulk_consumer import BulkConsumer
from streams.lanes.bulk_producer import BulkProducer
from streams.lanes.in_use import InUse, inside
from streams.lanes.librdkafka import CLIENT, library
from tests.lanes.bulk_kit import BOUND_S, CLIENTS, new_topic


class Doors(InUse):
    """A client whose call lasts until `leave` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.leave = threading.Event(), threading.Event()
        self.freed = 0

    def _free(self) -> None:
        self.freed += 1

    @inside
    def stay(self) -> int:
        self.entered.set()
        assert self.leave.wait(BOUND_S)
        return self.freed


def test_close_with_somebody_inside_frees_when_the_last_leaves() -> None:
    doors, found = Doors(), []
    thread = threading.Thread(target=lambda: found.append(doors.stay()))
    thread.start()
    assert doors.entered.wait(BOUND_S)
    doors.close()
    doors.close()
    assert doors.freed == 0
    doors.leave.set()
    thread.join(BOUND_S)
    assert (found, doors.freed) == ([0], 1)
    with pytest.raises(LaneError, match="closed"):
        doors.stay()


def test_close_with_nobody_inside_frees_once() -> None:
    doors = Doors()
    doors.close()
    doors.close()
    assert doors.freed == 1


@pytest.fixture(params=CLIENTS)
def kafka(request: pytest.FixtureRequest, stack: Endpoints, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv(CLIENT, request.param)
    library.cache_clear()
    yield stack.kafka
    library.cache_clear()


def closed_under(call: Callable[[], object], close: Callable[[], None]) -> None:
    """Close while a thread calls again and again; it ends, with LaneError if with anything."""
    begun, stop, found = threading.Event(), threading.Event(), []

    def work() -> None:
        try:
            while not stop.is_set():
                begun.set()
                call()
        except LaneError as error:
            found.append(str(error))

    thread = threading.Thread(target=work)
    thread.start()
    assert begun.wait(BOUND_S)
    time.sleep(0.02)  # inside of the call, as a rule
    close()
    stop.set()
    thread.join(BOUND_S)
    assert not thread.is_alive()
    assert all("closed" in text for text in found)


@pytest.mark.broker
@pytest.mark.slow
def test_consumer_closed_under_a_thread_that_takes_leaves_it_alive(kafka: str) -> None:
    topic = new_topic(kafka)
    for wait_s in (0.0, 0.0, 0.3, 0.3):
        consumer = BulkConsumer(kafka)
        consumer.assign({(topic, 0): 0})
        closed_under(lambda c=consumer, s=wait_s: c.take(1_000, s), consumer.close)
    for _ in range(3):
        consumer = BulkConsumer(kafka, "nobody")
        closed_under(lambda c=consumer: c.committed([(topic, 0)]), consumer.close)


@pytest.mark.broker
@pytest.mark.slow
def test_producer_closed_under_a_thread_that_sends_leaves_it_alive(kafka: str) -> None:
    topic = new_topic(kafka)
    for wait_s in (0.0, 0.0, 0.2, 0.2):
        producer = BulkProducer(kafka)

        def send(producer: BulkProducer = producer, wait_s: float = wait_s) -> None:
            producer.send(topic, 0, b"x" * 100)
            producer.poll(wait_s)

        closed_under(send, lambda p=producer: p.close(0.1))
