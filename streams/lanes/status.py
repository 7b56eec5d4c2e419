"""The counters of a running process, as a small JSON file that is replaced once a second: what the live table reads."""

import json
import os
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Status", "StatusFile"]


@dataclass
class Status:
    """One process of one shard.

    state           : opening, running, stopped, failed, fenced, new run
    records_in      : data and control records fed since the process started; records_out: records its agents wrote
    lag             : records behind the ends of the inputs; lag_s: how long ago the first of them came, wall s
    strategies      : each strategy of the process as it is, by name
    latency_ms_p50  : of the last 1,000 batches, Kafka's timestamp of a batch's oldest data record to its commit; of a lane on the fast
                      lane, the first byte of a frame to the request that it caused, all of the run
    """

    process: str
    shard: int
    pid: int
    state: str = "opening"
    reason: str = ""
    run: int = 0
    batch: int = -1
    batches: int = 0
    records_in: int = 0
    records_out: int = 0
    dead_letters: int = 0
    lag: int = 0
    lag_s: float = 0.0
    latency_ms_p50: float = 0.0
    latency_ms_p99: float = 0.0
    restored_batches: int = 0
    wall_ns: int = 0
    strategies: dict[str, Any] = field(default_factory=dict)


class StatusFile:
    """Keeps a Status and writes it, atomically, at most once a second unless told otherwise."""

    def __init__(self, path: Path | None, process: str, shard: int) -> None:
        self.now = Status(process, shard, os.getpid())
        self._path, self._due = path, 0.0
        self._latencies_ms: deque[float] = deque(maxlen=1_000)

    def latency(self, ms: float | None) -> None:
        """One batch's latency; None: it had no data records."""
        if ms is not None:
            self._latencies_ms.append(ms)

    @property
    def due(self) -> bool:
        """True once a second."""
        return time.monotonic() >= self._due

    def write(self, **changes: object) -> None:
        """Set fields and replace the file."""
        self._due = time.monotonic() + 1.0
        for name, value in changes.items():
            setattr(self.now, name, value)
        if self._path is None:
            return
        ordered = sorted(self._latencies_ms)
        if ordered:
            self.now.latency_ms_p50 = ordered[len(ordered) // 2]
            self.now.latency_ms_p99 = ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]
        self.now.wall_ns = time.time_ns()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        aside = self._path.with_suffix(f".{os.getpid()}.tmp")
        aside.write_text(json.dumps(asdict(self.now)))
        os.replace(aside, self._path)
