"""The consumer's driver on librdkafka itself: no Python object a message."""

import ctypes as C
import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from confluent_kafka import KafkaError

from streams.lanes import message_kernel as k
from streams.lanes.client import tell_error, tell_log
from streams.lanes.in_use import InUse, inside
from streams.lanes.librdkafka import CONSUMER, ERROR_CB, LOG_CB, STATS_CB, check_code, fault, new_client, new_list, text
from streams.lanes.messages import Messages, entry
from streams.lanes.place import Place

__all__ = ["Event", "Held", "NativeConsumer", "python_level"]

Event = tuple[KafkaError, Place | None, int]
"""Of an error or the end of a partition: what, where, offset."""
Held = tuple[Place, int, str | None, KafkaError | None]
"""A committed offset: where, next offset (negative = none), its metadata, what went wrong."""

_CHUNK = 1_000  # messages a call: more fall out of the processor's cache before they are looked at
_SLICE_MS = 200  # a signal is seen after so long


class NativeConsumer(InUse):
    """Assigned partitions through one queue. Not for two threads at once, but for `close`."""

    def __init__(self, lib: Any, settings: Mapping[str, Any]) -> None:
        super().__init__()
        self.places: tuple[Place, ...] = ()
        self.statistics: dict[str, Any] = {}
        self._lib = lib
        self._calls = {"error_cb": ERROR_CB(self._on_error), "log_cb": LOG_CB(_on_log), "stats_cb": STATS_CB(self._on_stats)}
        self._rk = new_client(lib, CONSUMER, settings, callbacks=self._calls)
        check_code(lib, lib.poll_set_consumer(self._rk))
        self._queue = lib.queue_get_consumer(self._rk)
        self._topics: dict[str, int] = {}  # a handle held keeps the pointer that messages carry
        self._table = np.zeros((0, k.TOPIC_WORDS), np.int64)
        self._parts: list[np.ndarray] = []
        self._room = 0
        self._pointers, self._events = np.zeros(_CHUNK, np.int64), np.zeros(_CHUNK + 1, np.int64)
        self._out: Messages | None = None
        self._timestamp = C.cast(lib.message_timestamp, C.c_void_p).value
        self._destroy = C.cast(lib.message_destroy, C.c_void_p).value

    @inside
    def assign(self, positions: Mapping[Place, int]) -> None:
        self._release()
        self.places = tuple(positions)
        self._parts, rows = [], []
        for topic in dict.fromkeys(topic for topic, _ in self.places):
            part = np.full(1 + max(partition for name, partition in self.places if name == topic), -1, np.int64)
            for index, (name, partition) in enumerate(self.places):
                if name == topic:
                    part[partition] = index
            self._parts.append(part)
            rows.append((self._topic(topic), len(part), part.ctypes.data))
        self._table = np.array(rows, np.int64).reshape(-1, k.TOPIC_WORDS)
        todo = new_list(self._lib, positions)
        try:
            check_code(self._lib, self._lib.assign(self._rk, todo))
        finally:
            self._lib.topic_partition_list_destroy(todo)

    @inside
    def take(self, rows: int, wait_ms: int) -> tuple[Messages, list[Event]]:
        self._release()
        if rows > self._room:
            self._room = rows
            self._columns = np.empty((k.COLUMNS, rows), np.int64)
        row, events = 0, []
        n = self._consume(1, wait_ms)
        while n:
            row = self._read(n, row)
            if self._events[0]:
                events += [self._event(int(pointer)) for pointer in self._events[1 : 1 + self._events[0]]]
            left = min(_CHUNK, rows - row)
            n = self._consume(left, 0) if left and len(events) < _CHUNK else 0
        self._out = Messages(self._columns[:, :row].copy(), {}, self._give_back)
        return self._out, events

    @inside
    def committed(self, places: Iterable[Place], timeout_ms: int) -> list[Held]:
        todo = new_list(self._lib, dict.fromkeys(places, -1001))
        try:
            check_code(self._lib, self._lib.committed(self._rk, todo, timeout_ms))
            return [_held(self._lib, todo.contents.elems[i]) for i in range(todo.contents.cnt)]
        finally:
            self._lib.topic_partition_list_destroy(todo)

    @inside
    def end(self, place: Place) -> int:
        low, high = C.c_int64(-1), C.c_int64(-1)
        code = self._lib.get_watermark_offsets(self._rk, place[0].encode(), place[1], C.byref(low), C.byref(high))
        return -1 if code else high.value

    def _free(self) -> None:
        self._release()
        self._lib.consumer_close(self._rk)
        self._lib.queue_destroy(self._queue)
        for topic in self._topics.values():
            self._lib.topic_destroy(topic)
        self._lib.destroy(self._rk)

    def _consume(self, rows: int, wait_ms: int) -> int:
        consume, data = self._lib.consume_batch_queue, self._pointers.ctypes.data
        while wait_ms > _SLICE_MS:
            if n := consume(self._queue, _SLICE_MS, data, rows):
                return n
            wait_ms -= _SLICE_MS
        n = consume(self._queue, wait_ms, data, rows)
        if n < 0:
            raise fault(self._lib, self._lib.last_error())
        return n

    def _read(self, n: int, row: int) -> int:
        table = self._table.ctypes.data, len(self._table)
        columns = self._room, self._columns.ctypes.data
        return entry("read_messages")(self._pointers.ctypes.data, n, *columns, row, *table, self._timestamp, self._events.ctypes.data)

    def _event(self, pointer: int) -> Event:
        code, topic = C.c_int32.from_address(pointer).value, C.c_void_p.from_address(pointer + 8).value
        partition, offset = C.c_int32.from_address(pointer + 16).value, C.c_int64.from_address(pointer + 56).value
        reason = text(self._lib.message_errstr(pointer)) if code else ""
        place = (text(self._lib.topic_name(topic)), partition) if topic else None
        self._lib.message_destroy(pointer)
        return KafkaError(code, reason or text(self._lib.err2str(code))), place, offset

    def _release(self) -> None:
        if self._out is not None:
            self._out.release()
            self._out = None

    def _give_back(self, messages: Messages) -> None:
        entry("destroy_messages")(messages.pointers.ctypes.data, messages.count, self._destroy)

    def _topic(self, name: str) -> int:
        if name not in self._topics:
            self._topics[name] = self._lib.topic_new(self._rk, name.encode(), None)
        return self._topics[name]

    def _on_error(self, _: int, code: int, reason: bytes, __: int) -> None:
        words = C.create_string_buffer(512)
        cause = self._lib.fatal_error(self._rk, words, 512) if code == KafkaError._FATAL else 0
        tell_error(KafkaError(cause or code, text(words.value if cause else reason), bool(cause)))

    def _on_stats(self, _: int, raw: int, size: int, __: int) -> int:
        self.statistics = json.loads(C.string_at(raw, size))
        return 0


def python_level(syslog: int) -> int:
    """The level of logging for a syslog level (0 = emergency ... 7 = debug)."""
    return 40 if syslog <= 3 else {4: 30, 7: 10}.get(syslog, 20)


def _on_log(_: int, level: int, kind: bytes, line: bytes) -> None:
    tell_log(python_level(level), f"{text(kind)} {text(line)}")


def _held(lib: Any, found: Any) -> Held:
    note = C.string_at(found.metadata, found.metadata_size).decode(errors="replace") if found.metadata else None
    error = KafkaError(found.err, text(lib.err2str(found.err))) if found.err else None
    return (text(found.topic), found.partition), found.offset, note, error
