"""The embedded broker's settings."""

from pathlib import Path

import pytest

from streams.local import artifacts, kafka_session
from streams.local.kafka import SESSION_MS, UNSURE_SESSION_MS, Kafka


def session_ms(kafka: Kafka) -> int:
    kafka.prepare(lambda _: None)
    lines = (kafka.data / "server.properties").read_text().splitlines()
    return int(dict(line.split("=", 1) for line in lines)["broker.session.timeout.ms"])


def test_broker_ends_its_old_session_only_after_a_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kafka, ended = Kafka(tmp_path, 20_100), []
    logs = kafka.data / "log"
    monkeypatch.setattr(artifacts, "java", lambda: "java")
    monkeypatch.setattr(Kafka, "_jars", lambda *_: ["a.jar"])
    monkeypatch.setattr(Kafka, "_format", lambda *_: (logs.mkdir(), (logs / "meta.properties").touch()))
    monkeypatch.setattr(kafka_session, "end_old_session", lambda *_: ended.pop())
    assert session_ms(kafka) == SESSION_MS  # formatted, and starts for the first time
    ended = [False, True]
    assert session_ms(kafka) == SESSION_MS
    assert session_ms(kafka) == UNSURE_SESSION_MS  # the session may last: the broker must not wait for it for days
    (logs / ".kafka_cleanshutdown").touch()  # and ended in order
    assert session_ms(kafka) == SESSION_MS
    assert ended == []
