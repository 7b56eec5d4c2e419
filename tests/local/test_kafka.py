"""The embedded broker's settings."""

from pathlib import Path

import pytest

from streams.local import artifacts
from streams.local.kafka import SESSION_AFTER_CRASH_MS, SESSION_MS, Kafka


def session_ms(kafka: Kafka) -> int:
    kafka.prepare(lambda _: None)
    lines = (kafka.data / "server.properties").read_text().splitlines()
    return int(dict(line.split("=", 1) for line in lines)["broker.session.timeout.ms"])


def test_broker_waits_for_its_old_session_only_after_a_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kafka = Kafka(tmp_path, 20_100)
    logs = kafka.data / "log"
    monkeypatch.setattr(artifacts, "java", lambda: "java")
    monkeypatch.setattr(Kafka, "_jars", lambda *_: ["a.jar"])
    monkeypatch.setattr(Kafka, "_format", lambda *_: logs.mkdir())
    assert session_ms(kafka) == SESSION_MS
    (logs / "meta.properties").touch()  # it ran
    assert session_ms(kafka) == SESSION_AFTER_CRASH_MS
    (logs / ".kafka_cleanshutdown").touch()  # and ended in order
    assert session_ms(kafka) == SESSION_MS
