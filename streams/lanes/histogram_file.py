"""Histograms of latencies in a file that processes share: one writer counts, one histogram a stage, anyone reads while it does.

In a file of /dev/shm it is memory. The head says which layout the rest has and which stages: a reader of another layout refuses by name.
"""

import fcntl
import functools
import json
import mmap
import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from streams.config import plain
from streams.errors import LaneError
from streams.kernel import native
from streams.kernel.atomics import load_acquire, store_release
from streams.kernel.layout import fingerprint
from streams.lanes import histogram
from streams.lanes.histogram import BEGUN, DONE, NBYTES, Bank, Histogram
from streams.lanes.histogram_counts import Counts, Figures

__all__ = ["HistogramFile", "merged_figures", "prepare"]

HEAD_BYTES = 4096
KIND = "millrace histograms"
_SPINS = 20_000  # looks at a busy writer, half a millisecond
_TRIES, _TRY_S = 100, 0.001  # a writer that lost its core inside of a record has it back within a tenth of a second, or is dead


class HistogramFile:
    """The histograms of one process. `create` for its writer, `open` for readers.

    stages : what is measured, in the order of the histograms
    """

    def __init__(self, path: Path, stages: Sequence[str]) -> None:
        self.path, self.stages = path, tuple(stages)
        with path.open("r+b") as file:  # readers write too: they ask for the other bank
            self._map = mmap.mmap(file.fileno(), HEAD_BYTES + NBYTES * len(self.stages))
        self._memory = np.frombuffer(self._map, np.uint8)  # the mapping lives as long as its address is used

    @classmethod
    def create(cls, path: Path, stages: Sequence[str]) -> "HistogramFile":
        """For the writer: the file as the one before left it, if layout and stages are the same, else an empty one in its place."""
        head = _head(stages)
        if _found_head(path) != head:
            path.parent.mkdir(parents=True, exist_ok=True)
            aside = path.with_suffix(f".{os.getpid()}.tmp")
            with aside.open("wb") as file:
                file.write(json.dumps(head).encode().ljust(HEAD_BYTES, b"\0"))
                file.truncate(HEAD_BYTES + NBYTES * len(stages))
            os.replace(aside, path)  # a reader sees the old file or the whole new one
        opened = cls(path, stages)
        for stage in stages:  # a writer that was killed inside of a record has begun one more than it did
            address = opened.address(stage)
            store_release(address + BEGUN, load_acquire(address + DONE))
        return opened

    @classmethod
    def open(cls, path: Path) -> "HistogramFile":
        """For readers; LaneError if there is no such file, or one of another layout."""
        found = _found_head(path)
        if found is None:
            raise LaneError(f"{path}: no histograms of a process are there; does it run?")
        expected = _head(found.get("stages", ()))
        if found != expected:
            layout = f"layout {found.get('layout')}, this version {expected['layout']}"
            raise LaneError(f"{path}: histograms have {layout}; read them with the version that the process runs")
        return cls(path, found["stages"])

    def address(self, stage: str) -> int:
        """Where `histogram.record` counts a stage; valid as long as this object lives."""
        return int(self._memory.ctypes.data) + HEAD_BYTES + NBYTES * self.stages.index(stage)

    def record(self, stage: str, value_ns: int) -> None:
        """Count one value, from Python: microseconds. Compiled code calls `histogram.record` with the address."""
        histogram.record(self.address(stage), value_ns)

    def record_all(self, stage: str, values_ns: Sequence[int]) -> None:
        """Count several values, in one compiled call."""
        if values_ns:
            values = np.array(values_ns, np.int64)
            _entries(plain())["record_all"](self.address(stage), values.ctypes.data, len(values))

    def take(self, stage: str) -> Counts:
        """What the stage has counted up to a moment of this call, exactly; other readers wait meanwhile."""
        banks = np.zeros((2, Bank._size_ // 8), np.int64)
        copy, address = _entries(plain())["take"], self.address(stage)
        with self.path.open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for attempt in range(_TRIES):
                if copy(address, banks.ctypes.data, _SPINS):
                    return Counts.of_banks(banks, exact=True)
                if attempt < _TRIES - 1:
                    time.sleep(_TRY_S)
        return Counts.of_banks(banks, exact=False)


def merged_figures(files: Iterable[HistogramFile]) -> dict[str, Figures]:
    """Figures by stage, in the order first seen, over all processes: their records together, not a mean of their quantiles."""
    found: dict[str, Counts] = {}
    for file in files:
        for stage in file.stages:
            counts = file.take(stage)
            found[stage] = found[stage] + counts if stage in found else counts
    return {stage: counts.figures() for stage, counts in found.items()}


def prepare() -> None:
    """Compile, or load from disk, what counts and copies."""
    _entries(plain())


@functools.cache
def _entries(as_plain: bool) -> dict[str, Callable[..., int]]:
    if as_plain:
        return {name: function for name, (function, _) in histogram.ENTRIES.items()}
    return native.functions("histogram", histogram.ENTRIES, native.sources("streams.lanes.histogram"))


def _head(stages: Sequence[str]) -> dict[str, Any]:
    return {"kind": KIND, "layout": fingerprint(Histogram), "stages": list(stages)}


def _found_head(path: Path) -> dict[str, Any] | None:
    """The head of a file; None if there is none, or it is no such file."""
    try:
        with path.open("rb") as file:
            head = json.loads(file.read(HEAD_BYTES).rstrip(b"\0"))
            whole = HEAD_BYTES + NBYTES * len(head.get("stages", ()))
            return head if os.fstat(file.fileno()).st_size == whole or head.get("layout") != fingerprint(Histogram) else None
    except (OSError, ValueError, AttributeError):
        return None
