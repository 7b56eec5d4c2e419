"""Kafka's errors in clear words, without a broker."""

import json
from pathlib import Path

import pytest
from confluent_kafka import KafkaError, KafkaException
from structlog.testing import capture_logs

from streams.errors import FencedError, LaneError
from streams.lanes.bus import MAX_RECORD_BYTES, Sender, explain, list_topics
from streams.lanes.client import common_config, tell_error, tell_log
from streams.lanes.kafka import EXIT_FAILED, run_lane
from streams.lanes.spec import LaneSpec
from streams.lanes.status import StatusFile

NOWHERE = "127.0.0.1:1"


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (KafkaError._FENCED, FencedError, "another instance has taken over"),
        (KafkaError.INVALID_PRODUCER_EPOCH, FencedError, "another instance has taken over"),
        (KafkaError._ALL_BROKERS_DOWN, LaneError, "the broker does not answer"),
        (KafkaError._UNKNOWN_TOPIC, LaneError, "`millrace apply TOPOLOGY` creates it"),
        (KafkaError._AUTO_OFFSET_RESET, LaneError, "no longer kept"),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, LaneError, "TOPIC_AUTHORIZATION_FAILED"),
    ],
)
def test_explain_code_gives_kind_place_and_remedy(code: int, kind: type, words: str) -> None:
    error = explain(KafkaException(KafkaError(code)), "b:9092", "reading trades.v1[0]")
    assert type(error) is kind
    assert str(error).startswith("kafka b:9092: reading trades.v1[0]: ")
    assert words in str(error)


def test_list_topics_broker_down_says_so_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.lanes.admin._TIMEOUT_S", 0.3)
    with pytest.raises(LaneError, match="the broker does not answer"):
        list_topics(NOWHERE)


def test_send_oversized_record_names_topic_and_size() -> None:
    sender = Sender(NOWHERE)
    with pytest.raises(LaneError, match=r"frames\.v1\[3\]: a record of 1200000 bytes is larger than the 1000000"):
        sender.send("frames.v1", 3, bytes(1_200_000))
    assert MAX_RECORD_BYTES == 1_000_000


@pytest.mark.slow
def test_flush_broker_down_raises_after_its_time() -> None:
    sender = Sender(NOWHERE, timeout_s=0.3)
    sender.send("frames.v1", 0, b"x")
    with pytest.raises(LaneError, match=r"writing a record of 1 bytes to frames\.v1\[0\]: the broker does not answer"):
        sender.flush(5.0)
    with pytest.raises(LaneError, match="writing a record"):
        sender.send("frames.v1", 0, b"y")


@pytest.mark.slow
def test_run_lane_broker_down_fails_with_a_reason_in_the_status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.lanes.bulk_transactions._INIT_S", 0.3)
    monkeypatch.setattr("streams.lanes.admin._TIMEOUT_S", 0.3)
    path = tmp_path / "p.json"
    spec = LaneSpec("t", "p", 0, NOWHERE, "http://127.0.0.1:1", status_path=path)
    assert run_lane(spec, lambda control: None) == EXIT_FAILED  # type: ignore[arg-type,return-value]  # it does not come so far
    status = json.loads(path.read_text())
    assert status["state"] == "failed"
    assert "opening transactions of t.p.0-0: the broker does not answer" in status["reason"]


def test_status_file_holds_counters_and_percentiles(tmp_path: Path) -> None:
    status = StatusFile(tmp_path / "run" / "p.json", "p", 0)
    assert status.due
    for ms in (*range(1, 101), None):
        status.latency(ms)
    status.write(state="running", lag=7)
    found = json.loads((tmp_path / "run" / "p.json").read_text())
    assert (found["state"], found["lag"], found["latency_ms_p50"], found["latency_ms_p99"]) == ("running", 7, 51, 100)
    assert not status.due
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["p.json"]


def test_log_of_a_client_passes_over_what_a_starting_broker_says() -> None:
    logger = common_config(NOWHERE)["logger"]
    with capture_logs() as told:
        logger.log(30, "%s [%s] %s", "GETPID", "rdkafka#producer-1", "failed: Broker: Coordinator load in progress: retrying")
        logger.log(30, "%s [%s] %s", "FAIL", "rdkafka#producer-1", "Connection refused")
    assert [entry["event"] for entry in told] == ["FAIL [rdkafka#producer-1] Connection refused"]


def test_log_says_a_repeated_line_once_and_then_how_often(monkeypatch: pytest.MonkeyPatch) -> None:
    clock_s = [100.0]
    monkeypatch.setattr("streams.lanes.client.time.monotonic", lambda: clock_s[0])
    monkeypatch.setattr("streams.lanes.client._WRITTEN", {})
    with capture_logs() as told:
        for milliseconds in range(4):
            tell_log(40, f"FAIL b:9092: Connect failed: Connection refused (after {milliseconds}ms in state CONNECT)")
            tell_error(KafkaError(KafkaError._TRANSPORT))
            clock_s[0] += 2.0
    assert [(line["event"][:4], line.get("repeated")) for line in told] == [("FAIL", None), ("clie", None), ("FAIL", 2), ("clie", 2)]
