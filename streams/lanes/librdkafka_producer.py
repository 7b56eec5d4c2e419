"""The producer's driver on librdkafka itself: a wave of rows is one call, its delivery reports come as events of whole batches."""

import ctypes as C
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from confluent_kafka import KafkaError

from streams.lanes.client import tell_error, tell_log
from streams.lanes.in_use import InUse, inside
from streams.lanes.librdkafka import (
    EVENT_DR,
    EVENT_ERROR,
    EVENT_LOG,
    EVENT_STATS,
    PRODUCER,
    check,
    check_code,
    fault,
    new_client,
    new_list,
    text,
)
from streams.lanes.librdkafka_consumer import python_level
from streams.lanes.message_kernel import REPORT_WORDS
from streams.lanes.messages import entry
from streams.lanes.place import Place

__all__ = ["NativeProducer", "Report"]

_COPY = 2
_MESSAGE = np.dtype(  # rd_kafka_message_t
    {
        "names": ["err", "rkt", "partition", "payload", "len", "key", "key_len", "offset", "private"],
        "formats": ["i4", "i8", "i4"] + ["i8"] * 6,
        "offsets": [0, 8, 16, 24, 32, 40, 48, 56, 64],
        "itemsize": 72,
    }
)


class Report(NamedTuple):
    """What became of records of one partition, in order: size = bytes of values and keys, last_offset = -1 if none was delivered.

    Without an error the offsets are last_offset - rows + 1 to last_offset.
    """

    topic: str
    partition: int
    rows: int
    size: int
    last_offset: int
    error: KafkaError | None
    failed_bytes: int


class NativeProducer(InUse):
    """Not for two threads at once, but for `init_transactions` and `send_offsets`, which may block for long, and for `reports` and `close`.

    lost : whether every broker was away at some time, as far as reports were taken; the caller sets it back
    """

    def __init__(self, lib: Any, settings: Mapping[str, Any]) -> None:
        super().__init__()
        self.statistics: dict[str, Any] = {}
        self.lost = False
        self._lib = lib
        self._rk = new_client(lib, PRODUCER, settings, EVENT_DR | EVENT_LOG | EVENT_ERROR | EVENT_STATS)
        self._queue = lib.queue_get_main(self._rk)
        self._topics: dict[str, int] = {}
        self._names: dict[int, str] = {}
        self._batch = np.zeros(0, _MESSAGE)

    @inside
    def send(self, topic: str, partition: int, value: bytes, key: bytes | None) -> KafkaError | None:
        size = 0 if key is None else len(key)
        if self._lib.produce(self._topic(topic), partition, _COPY, value, len(value), key, size, None):
            return self._error(self._lib.last_error())
        return None

    @inside
    def send_rows(self, topic: str, partition: int, buffer: np.ndarray, starts: np.ndarray, sizes: np.ndarray) -> KafkaError | None:
        n = len(starts)
        if n > len(self._batch):
            self._batch = np.zeros(n + n // 2, _MESSAGE)
        batch = self._batch[:n]
        batch["err"] = 0
        np.add(starts, buffer.ctypes.data, out=batch["payload"])
        batch["len"] = sizes
        if self._lib.produce_batch(self._topic(topic), partition, _COPY, batch.ctypes.data, n) == n:
            return None
        return self._error(int(batch["err"][batch["err"] != 0][0]))

    @inside
    def reports(self, wait_ms: int) -> list[Report]:
        return self._take_events(wait_ms)

    @inside
    def queued(self) -> int:
        return self._lib.outq_len(self._rk)

    @inside
    def cause_of_death(self) -> KafkaError | None:
        words = C.create_string_buffer(512)
        code = self._lib.fatal_error(self._rk, words, 512)
        return KafkaError(code, text(words.value), True) if code else None

    @inside
    def connect(self, timeout_ms: int) -> None:
        found = C.c_void_p()
        check_code(self._lib, self._lib.metadata(self._rk, 0, None, C.byref(found), timeout_ms))
        self._lib.metadata_destroy(found)

    @inside
    def init_transactions(self, timeout_ms: int) -> None:
        check(self._lib, self._lib.init_transactions(self._rk, timeout_ms))

    @inside
    def begin(self) -> None:
        check(self._lib, self._lib.begin_transaction(self._rk))

    @inside
    def send_offsets(self, positions: Mapping[Place, int], notes: Mapping[Place, str], group: str, timeout_ms: int) -> None:
        todo, member = new_list(self._lib, positions, notes), self._lib.consumer_group_metadata_new(group.encode())
        try:
            check(self._lib, self._lib.send_offsets_to_transaction(self._rk, todo, member, timeout_ms))
        finally:
            self._lib.consumer_group_metadata_destroy(member)
            self._lib.topic_partition_list_destroy(todo)

    @inside
    def commit(self, timeout_ms: int) -> None:
        check(self._lib, self._lib.commit_transaction(self._rk, timeout_ms))

    @inside
    def abort(self, timeout_ms: int) -> None:
        check(self._lib, self._lib.abort_transaction(self._rk, timeout_ms))

    def _free(self) -> None:
        self._take_events(0)
        for topic in self._topics.values():
            self._lib.topic_destroy(topic)
        self._lib.queue_destroy(self._queue)
        self._lib.destroy(self._rk)

    def _take_events(self, wait_ms: int) -> list[Report]:
        found: list[Report] = []
        event = self._lib.queue_poll(self._queue, wait_ms)
        while event:
            try:
                self._serve(event, found)
            finally:
                self._lib.event_destroy(event)
            event = self._lib.queue_poll(self._queue, 0)
        return found

    def _topic(self, name: str) -> int:
        if name not in self._topics:
            self._topics[name] = self._lib.topic_new(self._rk, name.encode(), None)
            self._names[self._topics[name]] = name
        return self._topics[name]

    def _error(self, code: int) -> KafkaError:
        return fault(self._lib, code).args[0]

    def _serve(self, event: int, found: list[Report]) -> None:
        kind = self._lib.event_type(event)
        if kind == EVENT_DR:
            self._delivered(event, found)
        elif kind == EVENT_LOG:
            where, line, level = C.c_char_p(), C.c_char_p(), C.c_int()
            self._lib.event_log(event, C.byref(where), C.byref(line), C.byref(level))
            tell_log(python_level(level.value), f"{text(where.value)} {text(line.value)}")
        elif kind == EVENT_STATS:
            self.statistics = json.loads(self._lib.event_stats(event))
        elif kind == EVENT_ERROR:
            self.lost |= self._lib.event_error(event) == KafkaError._ALL_BROKERS_DOWN
            fatal = self.cause_of_death() if self._lib.event_error_is_fatal(event) else None
            tell_error(fatal or KafkaError(self._lib.event_error(event), text(self._lib.event_error_string(event))))

    def _delivered(self, event: int, found: list[Report]) -> None:
        n = self._lib.event_message_count(event)
        pointers, out = np.empty(n, np.int64), np.zeros(REPORT_WORDS, np.int64)
        n = self._lib.event_message_array(event, pointers.ctypes.data, n)
        row = 0
        while row < n:
            after = entry("read_reports")(pointers.ctypes.data, row, n, out.ctypes.data)
            topic, partition, size, last, code, failed = out.tolist()
            error, failed_bytes = None, 0
            if code:
                error, failed_bytes = self._error(code), C.c_size_t.from_address(int(pointers[failed]) + 32).value
            found.append(Report(self._names.get(topic, "?"), partition, after - row, size, last, error, failed_bytes))
            row = after
