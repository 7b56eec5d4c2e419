"""Settings of every Kafka client here, and its errors in clear words."""

import re
import threading
import time
from collections.abc import Mapping
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException

from streams.errors import FencedError, LaneError

__all__ = [
    "MAX_RECORD_BYTES",
    "TRANSACTION_TIMEOUT_MS",
    "client_settings",
    "common_config",
    "consumer_settings",
    "explain",
    "open_consumer",
    "tell_error",
    "tell_log",
]

MAX_RECORD_BYTES = 1_000_000  # librdkafka's message.max.bytes, below the broker's 1,048,588
TRANSACTION_TIMEOUT_MS = 10_000  # a dead writer's open transaction stalls its readers no longer than this

_LOG = structlog.get_logger("kafka")
_FENCED = {KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH}
_AWAY = {
    KafkaError._TRANSPORT,
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._TIMED_OUT,
    KafkaError._MSG_TIMED_OUT,
    KafkaError._RESOLVE,
    KafkaError.REQUEST_TIMED_OUT,
    KafkaError._TIMED_OUT_QUEUE,
}
_QUIET_S, _MOST_KEYS = 5.0, 1_000
_KEY = re.compile(r"\d+ms|(producer|consumer)-\d+")  # what differs between lines that say the same
_WRITTEN: dict[str, tuple[float, int]] = {}
_LOCK = threading.Lock()
_ROUTINE = (  # librdkafka asks again, or we do
    "Coordinator load in progress",  # a broker that has just started says so to the first who ask
    "another concurrent operation on the same transaction",  # it is still aborting what a predecessor left open
)
_NO_TOPIC = {KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION, KafkaError.UNKNOWN_TOPIC_OR_PART}


def explain(error: KafkaError | KafkaException, bootstrap: str, doing: str) -> LaneError:
    """The error to raise for a Kafka error met while `doing` ("reading trades.v1[0]"): FencedError when another instance took over."""
    inner = error.args[0] if isinstance(error, KafkaException) else error
    if not isinstance(inner, KafkaError):
        return LaneError(f"kafka {bootstrap}: {doing}: {inner}")
    code, text = inner.code(), inner.str()
    if code in _FENCED:
        return FencedError(f"kafka {bootstrap}: {doing}: another instance has taken over this transactional id ({text})")
    if code in _AWAY:
        return LaneError(f"kafka {bootstrap}: {doing}: the broker does not answer ({text}); `millrace status` shows whether it runs")
    if code in _NO_TOPIC:
        return LaneError(f"kafka {bootstrap}: {doing}: topic or partition does not exist; `millrace apply TOPOLOGY` creates it")
    if code == KafkaError._AUTO_OFFSET_RESET:
        return LaneError(f"kafka {bootstrap}: {doing}: the offset asked for is no longer kept ({text}); start a new run")
    return LaneError(f"kafka {bootstrap}: {doing}: {inner.name()}: {text}")


def client_settings(bootstrap: str) -> dict[str, Any]:
    """What every client of librdkafka sets: address, small latency, back soon after an outage."""
    return {"bootstrap.servers": bootstrap, "socket.nagle.disable": True, "reconnect.backoff.ms": 50, "reconnect.backoff.max.ms": 1000}


def common_config(bootstrap: str) -> dict[str, Any]:
    """The same for a stock client: errors and logs into the process's log instead of stderr."""
    return {**client_settings(bootstrap), "logger": _Log(), "error_cb": tell_error}


def consumer_settings(group: str) -> dict[str, Any]:
    """Settings of a consumer of assigned partitions: committed records only, nothing committed by itself, no offset out of range."""
    return {
        "group.id": group,
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "fetch.wait.max.ms": 100,
        "fetch.queue.backoff.ms": 2,  # 1000 by default: holes of a second while a backlog is read
        "queued.min.messages": 100_000,
        "queued.max.messages.kbytes": 65_536,
        "fetch.message.max.bytes": 2 * 1_048_576,
        "check.crcs": False,
    }


def open_consumer(bootstrap: str, group: str = "millrace", settings: Mapping[str, Any] | None = None) -> Consumer:
    """A consumer of assigned partitions: committed records only, nothing committed by itself, an offset out of range is an error.

    `settings` overrides single librdkafka settings. The caller assigns partitions with offsets (no subscription) and closes it.
    """
    return Consumer({**common_config(bootstrap), **consumer_settings(group), **(settings or {})})


def tell_log(level: int, text: str) -> None:
    """Write a log line of librdkafka into the process's log; passes over what is routine or repeated. level: as logging has it."""
    if not any(words in text for words in _ROUTINE) and (repeats := _again(_KEY.sub("", text))) is not None:
        _LOG.log(max(level, 10), text, **repeats)


def tell_error(error: KafkaError) -> None:
    """Log a client-wide error; librdkafka recovers from all but fatal ones, and those come back from the next call too."""
    if (repeats := _again(error.name())) is not None or error.fatal():
        _LOG.warning("client error", error=error.name(), text=error.str(), fatal=error.fatal(), **(repeats or {}))


def _again(key: str) -> dict[str, int] | None:
    """None for a line that was written a moment ago: a client tries to connect thirty times a second while the broker is away."""
    now_s = time.monotonic()
    with _LOCK:
        written_s, silent = _WRITTEN.get(key, (-_QUIET_S, 0))
        if now_s - written_s < _QUIET_S:
            _WRITTEN[key] = written_s, silent + 1
            return None
        if len(_WRITTEN) >= _MOST_KEYS:
            _WRITTEN.clear()
        _WRITTEN[key] = now_s, 0
    return {"repeated": silent} if silent else {}


class _Log:
    """Takes librdkafka's log lines, in the shape of logging.Logger.log, as far as confluent-kafka calls it."""

    def log(self, level: int, form: str, *args: object) -> None:
        tell_log(level, form % args if args else form)
