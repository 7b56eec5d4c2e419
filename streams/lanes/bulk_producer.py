"""Batches out: an idempotent producer of records and of whole waves of rows, whose failures are seen."""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from confluent_kafka import KafkaError, KafkaException

from streams.errors import LaneError
from streams.lanes.client import MAX_RECORD_BYTES, client_settings, explain
from streams.lanes.librdkafka import library
from streams.lanes.librdkafka_producer import NativeProducer, Report
from streams.lanes.place import Place
from streams.lanes.stock_producer import StockProducer

__all__ = ["BulkProducer"]

_DEAD = (KafkaError._FATAL, KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT)
_FLUSH_S = 60.0
_OVERHEAD_BYTES = 10_000  # what librdkafka counts beside value and key; still below what the broker takes
_ROOM_ROWS = 400_000  # not acknowledged at once; librdkafka itself takes more, so that it never refuses a row in the middle of a wave
_ROOM_BYTES = 128 * 1_048_576
_WAVE_ROWS, _WAVE_BYTES = 100_000, 32 * 1_048_576


class BulkProducer:
    """Records of a partition arrive once and in order, or the next call raises LaneError.

    linger_ms  : how long records gather for one request. The default keeps a wave together that is still being queued
    timeout_s  : how long a record may wait for the broker before it counts as failed
    settings   : overrides single librdkafka settings
    statistics : the last of librdkafka's (`statistics.interval.ms` in settings), empty before
    """

    def __init__(
        self, bootstrap: str, *, linger_ms: float = 1.0, timeout_s: float = 120.0, settings: Mapping[str, Any] | None = None
    ) -> None:
        self.bootstrap = bootstrap
        self._settings = {**client_settings(bootstrap), **_settings(linger_ms, timeout_s), **(settings or {})}
        self._driver = self._open()
        self._failed: LaneError | None = None
        self._queued_bytes = 0
        self._last: dict[Place, int] = {}
        self._told: dict[Place, list[tuple[int, int]]] | None = None

    def __enter__(self) -> "BulkProducer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def statistics(self) -> dict[str, Any]:
        return self._driver.statistics

    def send(self, topic: str, partition: int, value: bytes, key: bytes | None = None) -> None:
        """Queue one record for an explicit partition. LaneError: oversized, or an earlier record was not delivered."""
        size = len(value) + len(key or b"")
        self._refuse_oversized(topic, partition, size)
        self._wait_for_room(1, size)
        self._queued(topic, partition, size, self._driver.send(topic, partition, value, key))

    def send_rows(self, topic: str, partition: int, buffer: np.ndarray, starts: np.ndarray, sizes: np.ndarray) -> None:
        """Queue rows of a buffer for one partition, in order; they are copied, the buffer is the caller's again at once.

        buffer: uint8; row i is buffer[starts[i] : starts[i] + sizes[i]]; both int64. LaneError as `send`, ValueError for a row outside
        the buffer: nothing of the call was queued then. Waits while too much is not yet acknowledged.
        """
        if not len(starts):
            return
        buffer, starts, sizes = _checked(buffer, starts, sizes)
        self._refuse_oversized(topic, partition, int(sizes.max()))
        for first, last, size in _waves(sizes):
            self._wait_for_room(last - first, size)
            error = self._driver.send_rows(topic, partition, buffer, starts[first:last], sizes[first:last])
            self._queued(topic, partition, size, error)

    def poll(self, timeout_s: float = 0.0) -> None:
        """Take delivery reports, waiting up to `timeout_s` for the first; LaneError when a record was lost. To be called each second."""
        self._take_reports(timeout_s)
        if self._failed is not None:
            raise self._failed

    def flush(self, timeout_s: float = _FLUSH_S) -> None:
        """Wait until every record is acknowledged by the broker, else LaneError."""
        until_s = time.monotonic() + timeout_s
        self.poll()
        while left := self._driver.queued():
            wait_s = until_s - time.monotonic()
            if wait_s <= 0:
                raise LaneError(
                    f"kafka {self.bootstrap}: {left} records not acknowledged within {timeout_s:.0f} s; `millrace status` shows the broker"
                )
            self.poll(min(wait_s, 0.1))

    def last_offset(self, topic: str, partition: int) -> int | None:
        """Offset of the last record of a partition that the broker acknowledged, as far as reports were taken (`poll`, `flush`)."""
        return self._last.get((topic, partition))

    def note_offsets(self) -> None:
        """From now on `offsets` tells where each record stands; what was told before is forgotten."""
        self._told = {}

    def offsets(self, topic: str, partition: int) -> np.ndarray:
        """The offsets of the records sent to a partition since `note_offsets`, in order, as far as reports were taken; int64."""
        runs = (self._told or {}).get((topic, partition), [])
        return np.concatenate([np.arange(first, last + 1) for first, last in runs]) if runs else np.zeros(0, np.int64)

    def close(self, timeout_s: float = 5.0) -> None:
        """Free the client; what is queued is given `timeout_s` to leave. A second call does nothing."""
        until_s = time.monotonic() + timeout_s
        while self._failed is None and self._driver.queued() and time.monotonic() < until_s:
            self._take_reports(0.1)
        self._driver.close()

    def _open(self) -> NativeProducer | StockProducer:
        lib = library()
        try:
            return NativeProducer(lib, self._settings) if lib else StockProducer(self._settings)
        except KafkaException as error:
            raise explain(error, self.bootstrap, "opening a producer") from None

    def _wait_for_room(self, rows: int, size: int) -> None:
        self.poll()
        while self._driver.queued() + rows > _ROOM_ROWS or self._queued_bytes + size > _ROOM_BYTES:
            self.poll(0.1)

    def _queued(self, topic: str, partition: int, size: int, error: KafkaError | None) -> None:
        if error is not None:  # a later row may have been taken: order is broken, nothing more may follow
            self._failed = self._refusal(error, topic, partition, size)
            raise self._failed
        self._queued_bytes += size

    def _take_reports(self, timeout_s: float) -> None:
        try:
            reports = self._driver.reports(int(timeout_s * 1000))
        except KafkaException as error:
            self._failed = self._failed or self._explain(error.args[0], "delivering records")
            return
        for report in reports:
            self._queued_bytes -= report.size
            if report.last_offset >= 0:
                self._last[report.topic, report.partition] = report.last_offset
                if self._told is not None:
                    run = (report.last_offset - report.rows + 1, report.last_offset)
                    self._told.setdefault((report.topic, report.partition), []).append(run)
            if report.error is not None and self._failed is None:
                self._failed = self._lost(report, report.error)

    def _lost(self, report: Report, error: KafkaError) -> LaneError:
        return self._refusal(error, report.topic, report.partition, report.failed_bytes)

    def _refuse_oversized(self, topic: str, partition: int, size: int) -> None:
        if size > MAX_RECORD_BYTES:
            raise _too_large(topic, partition, size)

    def _refusal(self, error: KafkaError, topic: str, partition: int, size: int) -> LaneError:
        if error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
            return _too_large(topic, partition, size)
        if error.code() in _DEAD:  # only says that the client is dead; the client's own error says why
            error = self._driver.cause_of_death() or error
        return self._explain(error, f"writing a record of {size} bytes to {topic}[{partition}]")

    def _explain(self, error: KafkaError, doing: str) -> LaneError:
        return explain(error, self.bootstrap, doing)


def _settings(linger_ms: float, timeout_s: float) -> dict[str, Any]:
    return {
        "enable.idempotence": True,
        "linger.ms": linger_ms,
        "retry.backoff.ms": 5,
        "compression.type": "lz4",
        "message.timeout.ms": int(timeout_s * 1000),
        "message.max.bytes": MAX_RECORD_BYTES + _OVERHEAD_BYTES,
        "batch.num.messages": 100_000,
        "batch.size": 1_000_000,
        "queue.buffering.max.messages": 2 * _ROOM_ROWS,
        "queue.buffering.max.kbytes": 4 * _ROOM_BYTES // 1024,
    }


def _too_large(topic: str, partition: int, size: int) -> LaneError:
    return LaneError(f"{topic}[{partition}]: a record of {size} bytes is larger than the {MAX_RECORD_BYTES} that a record may have")


def _checked(buffer: np.ndarray, starts: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The three as flat memory; ValueError unless every row lies in the buffer."""
    if buffer.dtype != np.uint8 or buffer.ndim != 1 or len(starts) != len(sizes):
        raise ValueError(f"rows: {buffer.dtype} x {buffer.ndim} with {len(starts)} starts and {len(sizes)} sizes")
    buffer = np.ascontiguousarray(buffer)
    starts, sizes = np.ascontiguousarray(starts, np.int64), np.ascontiguousarray(sizes, np.int64)
    if int(starts.min()) < 0 or int(sizes.min()) < 0 or bool(np.any(starts > len(buffer) - sizes)):
        raise ValueError(f"rows: some lie outside the buffer of {len(buffer)} bytes")
    return buffer, starts, sizes


def _waves(sizes: np.ndarray) -> list[tuple[int, int, int]]:
    """First row, the one behind the last, and bytes of each part that is queued at once."""
    total = int(sizes.sum())
    if len(sizes) <= _WAVE_ROWS and total <= _WAVE_BYTES:
        return [(0, len(sizes), total)]
    ends, waves, first = np.cumsum(sizes), [], 0
    while first < len(sizes):
        done = int(ends[first - 1]) if first else 0
        last = min(first + _WAVE_ROWS, max(first + 1, int(np.searchsorted(ends, done + _WAVE_BYTES, "right"))))
        waves.append((first, last, int(ends[last - 1]) - done))
        first = last
    return waves
