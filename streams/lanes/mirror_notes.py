"""What a mirror says of itself and of its shard: figures of every stage each second, alerts; in the transaction of its next batch."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import structlog

from streams.errors import LaneError
from streams.lanes.histogram_counts import Counts
from streams.lanes.histogram_file import HistogramFile
from streams.lanes.lane_records import LaneRecords, Value
from streams.lanes.mirror_process import Mirrored, Writers
from streams.lanes.mirror_rings import RingSource
from streams.lanes.stages import histogram_paths
from streams.lanes.wire import Wire
from streams.lanes.writers import LATENCY
from streams.records import Latency, Severity

__all__ = ["MirrorNotes", "StageFigures"]

_LOG = structlog.get_logger("mirror")
_EVERY_S = 1.0
_CROWDED = 2  # a ring is crowded from one part in so many on


class StageFigures:
    """What the histograms of a shard have counted since it was asked last.

    folder : that of its rings, where their files come and go
    first  : whether nobody has told of this run before; another one begins where it finds them, and leaves out what may have been told
    """

    def __init__(self, folder: Path, shard: int, first: bool) -> None:
        self._folder, self._shard, self._all = folder, shard, first
        self._files: dict[Path, HistogramFile] = {}
        self._before: dict[tuple[Path, str], Counts] = {}
        self._since_ns = time.time_ns()

    def take(self, run_number: int) -> list[Latency]:
        """A record for each stage that has counted anything, without ids and times of the run."""
        found, now_ns = [], time.time_ns()
        for (process, shard), path in histogram_paths(self._folder).items():
            if shard != self._shard:
                continue
            for stage, counts in self._counts(path).items():
                known = (path, stage) in self._before
                new = counts.since(self._before[path, stage]) if known else counts
                if (known or self._all) and new.count > 0:
                    times = self._since_ns, now_ns, now_ns, now_ns
                    f = new.figures()
                    figures = f.p50_ns, f.p99_ns, f.p999_ns, f.max_ns
                    found.append(Latency(0, 0, run_number, 0, 0, process, "", 0, *times, new.count, stage, *figures))
                self._before[path, stage] = counts
        self._since_ns, self._all = now_ns, True  # what comes later is new
        return found

    def _counts(self, path: Path) -> dict[str, Counts]:
        try:
            if path not in self._files:
                self._files[path] = HistogramFile.open(path)
            return {stage: self._files[path].take(stage) for stage in self._files[path].stages}
        except (LaneError, OSError):  # not yet, or of another version: then /metrics says so
            return {}


class MirrorNotes:
    """Gathers notes; `take` gives those that are due.

    main : the process under whose counters they are written
    """

    def __init__(self, main: Mirrored, owner: str, writers: Writers, wire: Wire, run_number: int, figures: StageFigures) -> None:
        self._main, self._wire, self._run_number, self._figures = main, wire, run_number, figures
        self._records = LaneRecords(replace(main.spec, process=owner), wire, writers, run_number, main.outputs)
        self._alerts: list[tuple[Severity, str]] = []
        self._due_s = time.monotonic() + _EVERY_S
        self._full: dict[str, int] = {}
        self._crowded: set[str] = set()

    @property
    def due(self) -> bool:
        """Whether a batch is to be written for them."""
        return bool(self._alerts)

    def alert(self, severity: Severity, text: str) -> None:
        """Something that a person should know."""
        _LOG.warning(text)
        self._alerts.append((severity, text))

    def look(self, sources: Sequence[RingSource]) -> None:
        """Tell of rings that fill up, and of writers that had to wait."""
        for source in sources:
            name, full = source.ring.path, source.ring.full
            if full > self._full.setdefault(name, full):
                self._full[name] = full
                self.alert(Severity.WARNING, f"{name}: its writer waited for room; a reader is stuck, or give the ring more (fast.ring)")
            crowded = source.ring.head - source.committed > source.ring.capacity // _CROWDED
            if crowded and name not in self._crowded:
                self.alert(Severity.WARNING, f"{name}: more than half of it is not in topics yet; does the broker answer?")
            (self._crowded.add if crowded else self._crowded.discard)(name)

    def take(self) -> list[Value]:
        """The values to write with the next batch."""
        ts_ns, shard = self._main.last_ts_ns, self._main.spec.shard
        values = [self._records.alert(severity, text, ts_ns) for severity, text in self._alerts]
        self._alerts = []
        if time.monotonic() >= self._due_s:
            self._due_s = time.monotonic() + _EVERY_S
            for record in self._figures.take(self._run_number):
                record = record._replace(id=self._records.next_id(LATENCY), ts_ns=ts_ns, recv_ts_ns=ts_ns)
                values.append((LATENCY, shard, self._wire.encode(LATENCY, record)))
        return values
