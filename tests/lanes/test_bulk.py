"""Bulk input and output over a real broker, by librdkafka itself and by the stock client: the same tests."""

import ctypes
import secrets
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from confluent_kafka import KafkaError
from structlog.testing import capture_logs

from streams.config import Endpoints
from streams.errors import FencedError, LaneError
from streams.lanes.bulk_consumer import BulkConsumer
from streams.lanes.bulk_producer import BulkProducer
from streams.lanes.bulk_transactions import BulkTransactions
from streams.lanes.client import TRANSACTION_TIMEOUT_MS
from streams.lanes.librdkafka import CLIENT, library
from tests.lanes.bulk_kit import BOUND_S, CLIENTS, copied, new_topic, read_all, rows_of, send_values, take_until

pytestmark = [pytest.mark.broker, pytest.mark.slow]


@pytest.fixture(params=CLIENTS)
def kafka(request: pytest.FixtureRequest, stack: Endpoints, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv(CLIENT, request.param)
    library.cache_clear()
    assert (library() is None) == (request.param == "confluent")
    yield stack.kafka
    library.cache_clear()


def transactions(kafka: str, name: str = "") -> BulkTransactions:
    made = BulkTransactions(kafka, name or f"t.{secrets.token_hex(4)}")
    made.initialise()
    return made


def test_take_gives_columns_of_what_was_sent(kafka: str) -> None:
    topic, begun_ms = new_topic(kafka, 2), time.time() * 1000
    values = [b"%d" % n * (n % 7) for n in range(2_500)]
    with BulkProducer(kafka) as producer, BulkConsumer(kafka) as consumer:
        producer.send(topic, 1, b"first", key=b"k")
        send_values(producer, topic, 1, values)
        send_values(producer, topic, 0, [b"other"])
        producer.flush()
        assert (producer.last_offset(topic, 1), producer.last_offset(topic, 0)) == (2_500, 0)
        consumer.assign({(topic, 1): 0, (topic, 0): 0})
        assert consumer.places == ((topic, 1), (topic, 0))
        found = take_until(consumer, 2_502, rows=700)
        assert [(offset, value) for place, offset, value in found if place == (topic, 1)] == list(enumerate([b"first", *values]))
        assert [(offset, value) for place, offset, value in found if place == (topic, 0)] == [(0, b"other")]
        consumer.assign({(topic, 1): 0})
        messages = consumer.take(1, BOUND_S)
        assert (messages.count, messages.key(0), messages.value(0)) == (1, b"k", b"first")
        assert (messages.place.dtype, messages.address.dtype, messages.size.tolist()) == (np.int32, np.int64, [5])
        assert begun_ms - 1_000 < messages.timestamp_ms[0] < begun_ms + 60_000
        assert ctypes.string_at(int(messages.address[0]), 5) == b"first"


def test_take_rows_are_never_more_than_asked_and_null_is_none(kafka: str) -> None:
    topic = new_topic(kafka)
    with BulkProducer(kafka) as producer, BulkConsumer(kafka) as consumer:
        send_values(producer, topic, 0, [b"", b"x"] * 50)
        producer.flush()
        consumer.assign({(topic, 0): 98})
        assert [value for _, _, value in take_until(consumer, 2)] == [b"", b"x"]
        consumer.assign({(topic, 0): 0})
        assert consumer.take(7, BOUND_S).count <= 7


def test_release_leaves_no_address_and_messages_live_to_the_next_take(kafka: str) -> None:
    topic = new_topic(kafka)
    with BulkProducer(kafka) as producer, BulkConsumer(kafka) as consumer:
        send_values(producer, topic, 0, [b"a", b"b"])
        producer.flush()
        consumer.assign({(topic, 0): 0})
        first = consumer.take(1, BOUND_S)
        assert first.value(0) == b"a"
        with pytest.raises(IndexError):
            first.value(1)
        consumer.take(1, 0.0)
        assert (first.address.tolist(), first.size.tolist(), first.offset.tolist()) == ([0], [0], [0])
        with pytest.raises(LaneError, match="released"):
            first.value(0)
        first.release()


def test_take_tells_ends_behind_markers_and_only_committed_records(kafka: str) -> None:
    topic = new_topic(kafka)
    producer = transactions(kafka)
    producer.begin()
    send_values(producer, topic, 0, [b"a", b"b"])
    producer.commit({}, "")
    producer.begin()
    send_values(producer, topic, 0, [b"never"] * 5)
    producer.flush()
    assert producer.last_offset(topic, 0) == 7
    assert producer.abort()
    producer.begin()
    send_values(producer, topic, 0, [b"c"])
    producer.commit({}, "")
    with BulkConsumer(kafka) as consumer:
        consumer.assign({(topic, 0): 0})
        found, ends = [], {}
        until_s = time.monotonic() + BOUND_S
        while not ends and time.monotonic() < until_s:
            messages = consumer.take(100, 0.2)
            found += [value for _, _, value in copied(consumer, messages)]
            ends |= messages.ends
        assert (found, ends) == ([b"a", b"b", b"c"], {(topic, 0): 11})
        assert consumer.ends() == {(topic, 0): 11}
    producer.close()


def test_commit_makes_records_and_positions_visible_together(kafka: str) -> None:
    topic, group = new_topic(kafka, 2), f"g.{secrets.token_hex(4)}"
    places = (topic, 0), (topic, 1)
    with BulkConsumer(kafka, group) as consumer, transactions(kafka) as producer:
        assert consumer.committed(places) == {}
        producer.begin()
        send_values(producer, topic, 0, [b"x"])
        producer.commit({places[0]: 7, places[1]: 9}, group, {places[1]: "note ü"})
        assert consumer.committed(places) == {places[0]: 7, places[1]: 9}
        assert consumer.notes(places) == {places[0]: "", places[1]: "note ü"}
        producer.begin()
        send_values(producer, topic, 0, [b"y"])
        producer.abort()
        assert consumer.committed(places) == {places[0]: 7, places[1]: 9}
    assert read_all(kafka, dict.fromkeys(places, 0)) == {places[0]: [b"x"], places[1]: []}


def test_initialise_fences_the_predecessor_and_two_at_once_are_as_fast_as_one(kafka: str) -> None:
    name, topic = f"t.{secrets.token_hex(4)}", new_topic(kafka)
    old = transactions(kafka, f"{name}-0")
    old.begin()
    send_values(old, topic, 0, [b"zombie"])
    old.flush()
    both = [BulkTransactions(kafka, f"{name}-{index}") for index in range(2)]
    with ThreadPoolExecutor() as pool:
        list(pool.map(BulkTransactions.initialise, both))
    with pytest.raises(FencedError, match="another instance has taken over"):
        old.commit({}, "")
    assert not old.abort()
    for producer in both:
        producer.begin()
        send_values(producer, topic, 0, [producer.transactional_id.encode()])
        producer.commit({}, "")
    assert read_all(kafka, {(topic, 0): 0}) == {(topic, 0): [f"{name}-0".encode(), f"{name}-1".encode()]}
    for producer in (old, *both):
        producer.close()


def test_commit_after_the_time_limit_is_no_takeover(kafka: str) -> None:
    topic = new_topic(kafka)
    settings = {"transaction.timeout.ms": 1_000, "message.timeout.ms": 1_000}
    with BulkTransactions(kafka, f"t.{secrets.token_hex(4)}", settings=settings) as late, BulkConsumer(kafka) as consumer:
        late.initialise()
        late.begin()
        send_values(late, topic, 0, [b"late"])
        late.flush()
        consumer.assign({(topic, 0): 0})
        until_s = time.monotonic() + BOUND_S
        while consumer.take(1, 0.2).ends != {(topic, 0): 2}:  # behind the broker's own abort
            assert time.monotonic() < until_s
        with pytest.raises(LaneError, match=r"the broker gave up a transaction of .*, open for [1-9]") as found:
            late.commit({}, "")
        assert not isinstance(found.value, FencedError)
        assert not late.abort()


def test_initialise_behind_an_open_transaction_waits_for_no_timer(kafka: str) -> None:
    name, topic, took_s = f"t.{secrets.token_hex(4)}", new_topic(kafka), []
    for _ in range(4):
        begun_s = time.monotonic()
        producer = transactions(kafka, name)
        took_s.append(time.monotonic() - begun_s)
        producer.begin()
        send_values(producer, topic, 0, [b"left open"])
        producer.flush()
        producer.close()
    assert min(took_s[1:]) < 0.45, took_s  # librdkafka's timer is 0.5 s; here it takes 0.1


def test_send_rows_refuses_rows_outside_and_too_large_ones_and_queues_nothing(kafka: str) -> None:
    topic = new_topic(kafka)
    with BulkProducer(kafka) as producer:
        buffer, starts, sizes = rows_of([b"ab", b"cd"])
        for wrong in ((starts - 1, sizes), (starts, sizes + 3), (starts, -sizes), (starts + (1 << 62), sizes), (starts[:1], sizes)):
            with pytest.raises(ValueError, match="rows: "):
                producer.send_rows(topic, 0, buffer, *wrong)
        large = np.zeros(1_000_001, np.uint8), np.array([0, 0]), np.array([3, 1_000_001])
        with pytest.raises(LaneError, match=rf"{topic}\[0\]: a record of 1000001 bytes is larger than the 1000000"):
            producer.send_rows(topic, 0, *large)
        producer.send_rows(topic, 0, np.zeros(1_000_000, np.uint8), np.array([0, 5]), np.array([1_000_000, 0]))
        producer.flush()
        assert producer.last_offset(topic, 0) == 1


def test_send_rows_waits_for_room_and_keeps_order(kafka: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, bound in (("_ROOM_ROWS", 500), ("_WAVE_ROWS", 150), ("_WAVE_BYTES", 400), ("_ROOM_BYTES", 800)):
        monkeypatch.setattr(f"streams.lanes.bulk_producer.{name}", bound)
    topic, values = new_topic(kafka), [b"%d" % n for n in range(1_000)]
    with BulkProducer(kafka) as producer:
        send_values(producer, topic, 0, values)
        producer.flush()
    assert read_all(kafka, {(topic, 0): 0}) == {(topic, 0): values}


def test_send_to_no_topic_fails_the_next_calls(kafka: str) -> None:
    with BulkProducer(kafka, settings={"topic.metadata.propagation.max.ms": 200}) as producer:
        send_values(producer, "nowhere.v1", 0, [b"x"])
        with pytest.raises(LaneError, match=r"nowhere\.v1\[0\]: topic or partition does not exist"):
            producer.flush()
        with pytest.raises(LaneError, match="does not exist"):
            producer.send("nowhere.v1", 0, b"y")


def test_take_offset_out_of_range_is_an_error(kafka: str) -> None:
    topic = new_topic(kafka)
    with BulkConsumer(kafka) as consumer:
        consumer.assign({(topic, 0): 1_000})
        with pytest.raises(LaneError, match=rf"reading {topic}\[0\]: the offset asked for is no longer kept"):
            take_until(consumer, 1)


def test_begin_twice_is_an_error_that_names_the_transaction(kafka: str) -> None:
    with transactions(kafka, "t.twice") as producer:
        producer.begin()
        with pytest.raises(LaneError, match=r"begin of t\.twice: "):
            producer.begin()


def test_settings_that_librdkafka_refuses_are_an_error(kafka: str) -> None:
    with pytest.raises(LaneError, match=r"opening a consumer: .*no\.such\.setting"):
        BulkConsumer(kafka, settings={"no.such.setting": 1})


def test_statistics_are_kept_and_logs_reach_the_process_log(kafka: str) -> None:
    settings = {"statistics.interval.ms": 20, "debug": "feature"}
    until_s = time.monotonic() + BOUND_S
    with (
        capture_logs() as told,
        BulkConsumer(kafka, settings=settings) as consumer,
        BulkProducer(kafka, settings=settings) as producer,
    ):
        while not (consumer.statistics and producer.statistics) and time.monotonic() < until_s:
            consumer.take(1, 0.01)
            producer.poll(0.01)
        assert (consumer.statistics["type"], producer.statistics["type"]) == ("consumer", "producer")
    assert any("FEATURE" in line["event"] for line in told)


@pytest.mark.parametrize("client", CLIENTS)
def test_broker_down_flush_and_initialise_say_so(client: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CLIENT, client)
    library.cache_clear()
    with BulkProducer("127.0.0.1:1", timeout_s=0.3) as producer:
        producer.send("frames.v1", 0, b"x")
        with pytest.raises(LaneError, match=r"writing a record of 1 bytes to frames\.v1\[0\]: the broker does not answer"):
            producer.flush(5.0)
    with (
        BulkTransactions("127.0.0.1:1", "t.down") as producer,
        pytest.raises(LaneError, match=r"opening transactions of t\.down: the broker does not answer"),
    ):
        producer.initialise(0.3)
    library.cache_clear()
    assert TRANSACTION_TIMEOUT_MS == 10_000
    assert KafkaError._TRANSPORT == -195


def test_transactions_when_the_broker_goes_away_say_so_at_once(kafka: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.lanes.bulk_transactions._OFFSETS_S", 60.0)
    topic = new_topic(kafka)
    with transactions(kafka, "t.away") as producer:
        producer.begin()
        send_values(producer, topic, 0, [b"x"])
        producer.flush()
        producer._driver.send_offsets = lambda *_: time.sleep(3)  # type: ignore[method-assign]
        producer._driver.lost = True  # as the driver's event says it
        begun_s = time.monotonic()
        with pytest.raises(LaneError, match=r"the broker went away under t\.away; start over"):
            producer.commit({(topic, 0): 1}, "g")
        assert not producer.abort()
        with pytest.raises(LaneError, match="went away"):
            producer.begin()
        assert time.monotonic() - begun_s < 2.0
    assert read_all(kafka, {(topic, 0): 0}) == {(topic, 0): []}
