"""A Kafka message without a broker."""

from typing import Any

from confluent_kafka import KafkaError


class StubMessage:
    """As far as the lane looks at one."""

    def __init__(self, topic: str, partition: int, offset: int, value: bytes | None, error: KafkaError | None = None) -> None:
        self._topic, self._partition, self._offset, self._value, self._error = topic, partition, offset, value, error

    def topic(self) -> str:
        return self._topic

    def partition(self) -> int:
        return self._partition

    def offset(self) -> int:
        return self._offset

    def value(self) -> Any:
        return self._value

    def error(self) -> KafkaError | None:
        return self._error

    def timestamp(self) -> tuple[int, int]:
        return 1, 1_000
