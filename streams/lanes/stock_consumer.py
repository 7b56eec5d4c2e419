"""The consumer's driver on the stock client: one Python object a message, the same columns."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from streams.lanes import message_kernel as k
from streams.lanes.client import common_config
from streams.lanes.in_use import InUse, inside
from streams.lanes.librdkafka_consumer import Event, Held
from streams.lanes.messages import Messages
from streams.lanes.place import Place

__all__ = ["StockConsumer"]

_CHUNK = 1_000


class StockConsumer(InUse):
    """As NativeConsumer."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__()
        self.places: tuple[Place, ...] = ()
        self.statistics: dict[str, Any] = {}
        bootstrap = settings["bootstrap.servers"]
        self._consumer = Consumer({**common_config(bootstrap), "stats_cb": self._on_stats, **settings})
        self._index: dict[Place, int] = {}
        self._out: Messages | None = None

    @inside
    def assign(self, positions: Mapping[Place, int]) -> None:
        self._release()
        self.places = tuple(positions)
        self._index = {place: index for index, place in enumerate(self.places)}
        self._consumer.assign([TopicPartition(*place, offset) for place, offset in positions.items()])

    @inside
    def take(self, rows: int, wait_ms: int) -> tuple[Messages, list[Event]]:
        self._release()
        good: list[Message] = []
        events: list[Event] = []
        found = self._consumer.consume(1, wait_ms / 1000)
        while found:
            for message in found:
                error = message.error()
                topic, partition, offset = message.topic(), message.partition(), message.offset()
                place = None if topic is None or partition is None else (topic, partition)
                if error is not None:
                    events.append((error, place, -1 if offset is None else offset))
                elif place in self._index:
                    good.append(message)
            left = min(_CHUNK, rows - len(good))
            found = self._consumer.consume(left, 0) if left and len(events) < _CHUNK else []
        self._out = self._columns(good)
        return self._out, events

    @inside
    def committed(self, places: Iterable[Place], timeout_ms: int) -> list[Held]:
        found = self._consumer.committed([TopicPartition(*place) for place in places], timeout_ms / 1000)
        return [((at.topic, at.partition), at.offset, at.metadata, at.error) for at in found]

    @inside
    def end(self, place: Place) -> int:
        try:
            found = self._consumer.get_watermark_offsets(TopicPartition(*place), cached=True)
        except KafkaException:
            return -1
        return found[1] if found else -1

    def _free(self) -> None:
        self._release()
        self._consumer.close()

    def _columns(self, messages: list[Message]) -> Messages:
        columns = np.zeros((k.COLUMNS, len(messages)), np.int64)
        columns[k.PLACE] = [self._index[m.topic(), m.partition()] for m in messages]  # type: ignore[index]
        columns[k.OFFSET] = [m.offset() or 0 for m in messages]
        columns[k.TIMESTAMP] = [m.timestamp()[1] if m.timestamp()[0] else -1 for m in messages]
        values, keys = [m.value() for m in messages], [m.key() for m in messages]
        memory = np.frombuffer(b"".join([*(v or b"" for v in values), *(key or b"" for key in keys), bytes(8)]), np.uint8)
        start = memory.ctypes.data
        for (address, size), texts in zip(((k.ADDRESS, k.SIZE), (k.KEY, k.KEY_SIZE)), (values, keys), strict=True):
            sizes = np.array([len(v or b"") for v in texts], np.int64)
            there = np.array([v is not None for v in texts], np.int64)
            columns[size] = sizes
            columns[address] = (start + np.cumsum(sizes) - sizes) * there
            start += int(sizes.sum())
        return Messages(columns, {}, lambda _: None, memory)

    def _release(self) -> None:
        if self._out is not None:
            self._out.release()
            self._out = None

    def _on_stats(self, raw: str) -> None:
        self.statistics = json.loads(raw)
