"""A producer whose failures are seen: idempotent, for shells, tools and snapshots."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from streams.errors import LaneError
from streams.lanes.client import MAX_RECORD_BYTES, common_config, explain

__all__ = ["Sender"]

_FLUSH_S = 60.0


class Sender:
    """An idempotent producer: records of a partition arrive once and in order, or the next call raises LaneError.

    `linger_ms`: how long records gather for one request. `timeout_s`: how long a record may wait for the broker before it counts as failed.
    """

    def __init__(
        self, bootstrap: str, *, linger_ms: float = 1.0, timeout_s: float = 120.0, settings: Mapping[str, Any] | None = None
    ) -> None:
        self.bootstrap = bootstrap
        self._failed: LaneError | None = None
        config = common_config(bootstrap) | {
            "enable.idempotence": True,
            "linger.ms": linger_ms,
            "retry.backoff.ms": 5,
            "compression.type": "lz4",
            "message.timeout.ms": int(timeout_s * 1000),
            "message.max.bytes": MAX_RECORD_BYTES,
            "batch.num.messages": 100_000,
            "batch.size": 1_000_000,
            "queue.buffering.max.messages": 1_000_000,
            "queue.buffering.max.kbytes": 512 * 1024,
            "delivery.report.only.error": True,
            "on_delivery": self._on_failure,
        }
        config |= dict(settings or {})
        self._producer = Producer({name: value for name, value in config.items() if value is not None})

    def send(self, topic: str, partition: int, value: bytes, key: bytes | None = None, on_delivery: Any = None) -> None:
        """Queue one framed record for an explicit partition. Raises LaneError: oversized, or an earlier record was not delivered."""
        if self._failed is not None:
            raise self._failed
        while True:
            try:
                if on_delivery is None:
                    self._producer.produce(topic, value, key, partition)
                else:
                    self._producer.produce(topic, value, key, partition, on_delivery)
                return
            except BufferError:  # the queue is full: wait for the broker, the caller feels the back-pressure
                self.poll(0.1)
            except KafkaException as error:
                raise self._refusal(error.args[0], topic, partition, len(value)) from None

    def send_all(self, topic: str, partition: int, values: Iterable[bytes]) -> None:
        """Queue framed records for one partition, in order."""
        for value in values:
            self.send(topic, partition, value)

    def poll(self, timeout_s: float = 0.0) -> None:
        """Take delivery reports; raises LaneError when a record was not delivered. Call at least once a second."""
        self._serve(self._producer.poll, timeout_s)

    def flush(self, timeout_s: float = _FLUSH_S) -> None:
        """Wait until every record is acknowledged by the broker, else LaneError."""
        left = self._serve(self._producer.flush, timeout_s)
        if left:
            raise LaneError(
                f"kafka {self.bootstrap}: {left} records not acknowledged within {timeout_s:.0f} s; `millrace status` shows the broker"
            )

    def close(self, timeout_s: float = 5.0) -> None:
        """Best effort at the end of a process: what is queued is given `timeout_s` to leave."""
        with suppress(KafkaException, SystemError):
            self._producer.flush(timeout_s)

    def _serve(self, call: Callable[[float], int], timeout_s: float) -> int:
        try:
            left = call(timeout_s)
        except (KafkaException, SystemError) as error:
            self._failed = explain(_client_error(error), self.bootstrap, "delivering records")
        if self._failed is not None:
            raise self._failed
        return left

    def _on_failure(self, error: KafkaError | None, message: Message) -> None:
        if error is not None and self._failed is None:
            value = message.value()
            self._failed = self._refusal(error, message.topic() or "?", message.partition() or 0, 0 if value is None else len(value))

    def _refusal(self, error: KafkaError, topic: str, partition: int, size_bytes: int) -> LaneError:
        if error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
            return LaneError(
                f"{topic}[{partition}]: a record of {size_bytes} bytes is larger than the {MAX_RECORD_BYTES} that a record may have"
            )
        if error.code() == KafkaError._FATAL:  # only says that the client is dead; the client's own error says why
            error = self._cause_of_death() or error
        return explain(error, self.bootstrap, f"writing a record of {size_bytes} bytes to {topic}[{partition}]")

    def _cause_of_death(self) -> KafkaError | None:
        try:
            self._producer.poll(0)
        except (KafkaException, SystemError) as error:
            return _client_error(error).args[0]
        return None


def _client_error(error: KafkaException | SystemError) -> KafkaException:
    """The client's error; one that is raised over a delivery report comes with a SystemError around it."""
    inner = error if isinstance(error, KafkaException) else error.__context__
    if not isinstance(inner, KafkaException):
        raise error
    return inner
