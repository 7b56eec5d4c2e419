"""The producer's driver on the stock client: a call and a callback a record, the same reports."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from streams.lanes.client import common_config, tell_error
from streams.lanes.librdkafka_producer import Report
from streams.lanes.place import Place

__all__ = ["StockProducer"]


class StockProducer:
    """As NativeProducer."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.statistics: dict[str, Any] = {}
        self.lost = False
        self._bootstrap = settings["bootstrap.servers"]
        config = {**common_config(self._bootstrap), "stats_cb": self._on_stats, "error_cb": self._on_error, **settings}
        config["on_delivery"] = self._on_delivery
        self._producer = Producer({name: value for name, value in config.items() if value is not None})
        self._reports: list[Report] = []
        self._groups: dict[str, Any] = {}
        self._closed = False

    def send(self, topic: str, partition: int, value: bytes, key: bytes | None) -> KafkaError | None:
        try:
            self._producer.produce(topic, value, key, partition)
        except BufferError as error:
            return KafkaError(KafkaError._QUEUE_FULL, str(error))
        except KafkaException as error:
            return error.args[0]
        return None

    def send_rows(self, topic: str, partition: int, buffer: np.ndarray, starts: np.ndarray, sizes: np.ndarray) -> KafkaError | None:
        memory = buffer.tobytes()
        for start, size in zip(starts.tolist(), sizes.tolist(), strict=True):
            error = self.send(topic, partition, memory[start : start + size], None)
            if error is not None:
                return error
        return None

    def reports(self, wait_ms: int) -> list[Report]:
        try:
            self._producer.poll(wait_ms / 1000)
        except SystemError as error:  # the client's error comes so if it is raised over a delivery report
            raise error.__context__ if isinstance(error.__context__, KafkaException) else error from None
        found, self._reports = self._reports, []
        return found

    def queued(self) -> int:
        return len(self._producer)

    def cause_of_death(self) -> KafkaError | None:
        try:
            self._producer.poll(0)
            self._producer.begin_transaction()
        except (KafkaException, SystemError) as error:
            inner = error if isinstance(error, KafkaException) else error.__context__
            if isinstance(inner, KafkaException) and inner.args[0].fatal():
                return inner.args[0]
        return None

    def connect(self, timeout_ms: int) -> None:
        self._producer.list_topics(timeout=timeout_ms / 1000)

    def init_transactions(self, timeout_ms: int) -> None:
        self._producer.init_transactions(timeout_ms / 1000)

    def begin(self) -> None:
        self._producer.begin_transaction()

    def send_offsets(self, positions: Mapping[Place, int], notes: Mapping[Place, str], group: str, timeout_ms: int) -> None:
        offsets = [TopicPartition(*place, offset) for place, offset in positions.items() if place not in notes]
        offsets += [TopicPartition(*place, positions[place], note) for place, note in notes.items() if place in positions]
        self._producer.send_offsets_to_transaction(offsets, self._group(group), timeout_ms / 1000)

    def commit(self, timeout_ms: int) -> None:
        self._producer.commit_transaction(timeout_ms / 1000)

    def abort(self, timeout_ms: int) -> None:
        self._producer.purge()
        self._producer.abort_transaction(timeout_ms / 1000)

    def close(self) -> None:
        self._closed = True

    def _group(self, name: str) -> Any:
        """A group's name without a member: only a consumer gives one away."""
        if name not in self._groups:
            consumer = Consumer({"bootstrap.servers": self._bootstrap, "group.id": name})
            self._groups[name] = consumer.consumer_group_metadata()
            consumer.close()
        return self._groups[name]

    def _on_delivery(self, error: KafkaError | None, message: Message) -> None:
        size = len(message.value() or b"") + len(message.key() or b"")
        offset = message.offset()
        last = -1 if error is not None or offset is None else offset
        self._reports.append(Report(message.topic() or "?", message.partition() or 0, 1, size, last, error, size if error else 0))

    def _on_error(self, error: KafkaError) -> None:
        self.lost |= error.code() == KafkaError._ALL_BROKERS_DOWN
        tell_error(error)

    def _on_stats(self, raw: str) -> None:
        self.statistics = json.loads(raw)
