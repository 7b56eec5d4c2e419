"""Records sent by schedule: a wave every 2 ms, each record carrying the instant at which it should have left.

Latency is counted from that instant, so a sender or a chain that falls behind shows in it (no coordinated omission).
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from streams.lanes.bulk_producer import BulkProducer
from streams.schema import bulk_encode
from streams.schema.bulk import Columns

__all__ = ["Latency", "part_of", "send_paced"]

WAVE_S = 0.002


@dataclass(frozen=True)
class Latency:
    """Milliseconds from the intended send time."""

    samples: int
    p50: float
    p90: float
    p99: float
    p999: float
    most: float

    @classmethod
    def of(cls, ns: np.ndarray) -> "Latency":
        """Of latencies in ns."""
        assert len(ns), "no record arrived"
        p50, p90, p99, p999 = (float(np.percentile(ns, p)) / 1e6 for p in (50, 90, 99, 99.9))
        return cls(len(ns), p50, p90, p99, p999, float(ns.max()) / 1e6)

    def __str__(self) -> str:
        return (
            f"p50 {self.p50:.1f}  p90 {self.p90:.1f}  p99 {self.p99:.1f}  p99.9 {self.p999:.1f}  max {self.most:.1f} ms of {self.samples}"
        )


def part_of(columns: Columns, first: int, last: int, **values: np.ndarray) -> Columns:
    """Rows first to last of columns without arrays, some of them replaced."""
    found = {}
    for name, column in columns.columns.items():
        nulls = None if column.nulls is None else column.nulls[first:last]
        found[name] = replace(column, values=values.get(name, column.values[first:last]), nulls=nulls)
    return replace(columns, rows=last - first, columns=found, state=columns.state[first:last])


def send_paced(
    producer: BulkProducer, topic: str, header: bytes, columns: Columns, rate: float, start_ns: int, poll: Callable[[], None] = lambda: None
) -> None:
    """Write all rows, `rate` a second from `start_ns` (wall time, ns) on; their `ts_ns` and `recv_ts_ns` are the intended instants."""
    sent, due_ns = 0, start_ns
    while sent < columns.rows:
        due_ns += int(WAVE_S * 1e9)
        while (left_s := (due_ns - time.time_ns()) / 1e9) > 0:
            time.sleep(left_s)
        last = min(columns.rows, int((time.time_ns() - start_ns) / 1e9 * rate))
        if last > sent:
            at_ns = start_ns + (np.arange(sent, last) * (1e9 / rate)).astype(np.int64)
            buffer, starts = bulk_encode.encode(part_of(columns, sent, last, ts_ns=at_ns, recv_ts_ns=at_ns), header)
            producer.send_rows(topic, 0, buffer, starts[:-1], np.diff(starts))
            producer.poll()
            sent = last
        poll()
    producer.flush()
