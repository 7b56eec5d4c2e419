"""The embedded broker's settings, and what it keeps when it is killed."""

import time
from pathlib import Path

import psutil
import pytest
from confluent_kafka import Producer

from streams.lanes.bus import TopicSpec, create_topics, end_offset, read_range
from streams.local import artifacts, kafka_session, processes
from streams.local.kafka import SESSION_MS, UNSURE_SESSION_MS, Kafka
from streams.local.service import JVM_SHORT
from tests.conftest import free_base

PARTITIONS, OPEN_MS, BOUND_S = 8, 1_000, 120.0


def session_ms(kafka: Kafka) -> int:
    kafka.prepare(lambda _: None)
    lines = (kafka.data / "server.properties").read_text().splitlines()
    return int(dict(line.split("=", 1) for line in lines)["broker.session.timeout.ms"])


def test_broker_ends_its_old_session_only_after_a_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kafka, ended = Kafka(tmp_path, 20_100), []
    logs = kafka.data / "log"
    monkeypatch.setattr(artifacts, "java", lambda: "java")
    monkeypatch.setattr(Kafka, "_jars", lambda *_: ["a.jar"])
    monkeypatch.setattr(Kafka, "_format", lambda *_: logs.mkdir())
    monkeypatch.setattr(kafka_session, "end_old_session", lambda *_: ended.pop())
    assert session_ms(kafka) == SESSION_MS
    (logs / "meta.properties").touch()  # it ran
    ended = [False, True]
    assert session_ms(kafka) == SESSION_MS
    assert session_ms(kafka) == UNSURE_SESSION_MS  # the session may last: the broker must not wait for it for days
    (logs / ".kafka_cleanshutdown").touch()  # and ended in order
    assert session_ms(kafka) == SESSION_MS
    assert ended == []


@pytest.mark.broker
@pytest.mark.slow
def test_broker_killed_under_a_transaction_settles_it_when_it_is_back(tmp_path: Path) -> None:
    """The transaction is overdue when the broker comes back: it is aborted at once, while the broker is being taken in again."""
    kafka, topics = Kafka(tmp_path / "data", free_base(), JVM_SHORT), ("open", "committed")
    settings = {"transaction.timeout.ms": OPEN_MS, "log_level": 0}
    kafka.fetch(lambda _: None)
    broker = started(kafka)
    try:
        create_topics(kafka.address, [TopicSpec(topic, PARTITIONS) for topic in topics])
        for topic in topics:
            producer = Producer({**settings, "bootstrap.servers": kafka.address, "transactional.id": topic})
            producer.init_transactions(BOUND_S)
            producer.begin_transaction()
            for partition in range(PARTITIONS):
                producer.produce(topic, b"x", partition=partition)
            producer.flush(BOUND_S)
            if topic == "committed":
                producer.commit_transaction(BOUND_S)
        broker.kill()
        broker.wait()
        time.sleep(1.5 * OPEN_MS / 1000)  # what makes it overdue is time itself
        broker = started(kafka)
        for topic, values in zip(topics, ([], [b"x"]), strict=True):
            for partition in range(PARTITIONS):
                end = end_offset(kafka.address, topic, partition)
                assert [message.value() for message in read_range(kafka.address, topic, partition, 0, end)] == values
    finally:
        processes.end(broker.pid, broker.create_time(), 20.0)


def started(kafka: Kafka) -> psutil.Process:
    log = kafka.data.parents[1] / "kafka.log"
    broker = processes.spawn(kafka.data.parents[1], kafka.name, kafka.prepare(lambda _: None), log)
    until_s = time.monotonic() + BOUND_S
    while not kafka.answers():
        assert broker.is_running(), processes.last_lines(log)
        assert time.monotonic() < until_s, processes.last_lines(log)
        time.sleep(0.1)
    return broker
