"""What the run's processes tell of themselves, in the text format of Prometheus: latencies of the fast lane, counters, rings.

Read from files when somebody asks: the processes do nothing for it. A process that is gone leaves its last figures, with `millrace_up` 0.
"""

from collections.abc import Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from streams.control.health import look as look_at_processes
from streams.errors import LaneError
from streams.lanes.histogram_counts import Figures
from streams.lanes.histogram_file import HistogramFile
from streams.lanes.ring_seen import RingSeen
from streams.lanes.ring_seen import look as look_at_ring
from streams.lanes.stages import histogram_paths

__all__ = ["CONTENT_TYPE", "exposition"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_LATENCIES = {
    "p50": "p50_ns",
    "p99": "p99_ns",
    "p999": "p999_ns",
    "max": "max_ns",
}
_COUNTERS = {
    "records_in": "Data and control records that the process was fed since it started.",
    "records_out": "Records that the process wrote since it started.",
    "dead_letters": "Inputs that the process could not use since it started.",
}
_GAUGES = {
    "lag": ("lag_records", "Records that the process has still to take."),
    "lag_s": ("lag_seconds", "How long ago the first of them came."),
}


def exposition(run_folder: Path, ring_folder: Path | None) -> bytes:
    """The text for one scrape. May block: call it in a thread.

    run_folder: status files. ring_folder: rings and histograms of the fast lane; None, or without any: a topology on Kafka alone.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Processes(run_folder))
    if ring_folder is not None:
        registry.register(_Latencies(ring_folder))
        registry.register(_Rings(ring_folder))
    return generate_latest(registry)


class _Processes(Collector):
    """Counters of the status files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterator[Metric]:
        rows = look_at_processes(self._folder)
        up = GaugeMetricFamily("millrace_up", "1: the process lives and tells of itself.", labels=["process", "kind"])
        restarts = CounterMetricFamily("millrace_restarts", "How often the process ended and was started again.", labels=["process"])
        for name, row in rows.items():
            up.add_metric([name, str(row["kind"])], float(row["health"] == "running"))
            restarts.add_metric([name], row["restarts"])
        yield from (up, restarts)
        for field, words in _COUNTERS.items():
            counter = CounterMetricFamily(f"millrace_{field}", words, labels=["process"])
            for name, row in rows.items():
                if field in row:
                    counter.add_metric([name], row[field])
            yield counter
        for field, (metric, words) in _GAUGES.items():
            gauge = GaugeMetricFamily(f"millrace_{metric}", words, labels=["process"])
            for name, row in rows.items():
                if field in row:
                    gauge.add_metric([name], row[field])
            yield gauge


class _Latencies(Collector):
    """Histograms of the fast lane, since their process was first started in this run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterator[Metric]:
        labels = ["process", "shard", "stage"]
        gauges = {
            name: GaugeMetricFamily(f"millrace_latency_ns_{name}", f"{name} of a stage's latency, ns, since the start.", labels=labels)
            for name in _LATENCIES
        }
        count = CounterMetricFamily("millrace_latency_records", "Latencies recorded, by stage.", labels=labels)
        negative = CounterMetricFamily("millrace_latency_negative", "Latencies below 0, counted as 0: two clocks disagree.", labels=labels)
        for at, figures in _figures(self._folder):
            for name, gauge in gauges.items():
                gauge.add_metric(at, getattr(figures, _LATENCIES[name]))
            count.add_metric(at, figures.count)
            negative.add_metric(at, figures.negative)
        yield from (*gauges.values(), count, negative)


class _Rings(Collector):
    """Fill of the rings, and how far each reader is behind."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterator[Metric]:
        of_ring, of_reader = ["ring", "shard"], ["ring", "shard", "reader"]
        capacity = GaugeMetricFamily("millrace_ring_capacity_slots", "Slots that the ring has.", labels=of_ring)
        used = GaugeMetricFamily("millrace_ring_used_slots", "Slots that a blocking reader still holds.", labels=of_ring)
        head = CounterMetricFamily("millrace_ring_slots", "Slots published.", labels=of_ring)
        full = CounterMetricFamily("millrace_ring_full", "Claims of the writer that found no room.", labels=of_ring)
        behind = GaugeMetricFamily("millrace_ring_behind_slots", "Slots published that the reader has not committed.", labels=of_reader)
        lost = CounterMetricFamily("millrace_ring_lost_slots", "Slots overwritten before the reader had them.", labels=of_reader)
        for seen in _rings(self._folder):
            name, _, shard = seen.path.stem.rpartition(".")
            at = [name, shard]
            for family, value in ((capacity, seen.capacity), (used, seen.used), (head, seen.head), (full, seen.full)):
                family.add_metric(at, value)
            for reader in seen.readers:
                behind.add_metric([*at, reader.name], reader.behind)
                lost.add_metric([*at, reader.name], reader.lost)
        yield from (capacity, used, head, full, behind, lost)


def _figures(folder: Path) -> Iterator[tuple[list[str], Figures]]:
    for (process, shard), path in histogram_paths(folder).items():
        try:
            file = HistogramFile.open(path)
            for stage in file.stages:
                yield [process, str(shard), stage], file.take(stage).figures()
        except LaneError:  # of another version, or removed by a fresh run while we looked
            continue


def _rings(folder: Path) -> Iterator[RingSeen]:
    for path in sorted(folder.glob("*.ring")):
        try:
            yield look_at_ring(path)
        except LaneError:
            continue
