"""The status of a lane on the fast lane, written by a thread: who carries has no time to write files."""

import threading

from streams.lanes.fast_lane import FastLane
from streams.lanes.status import StatusFile

__all__ = ["Reporter"]

_LOOK_S = 0.1


class Reporter:
    """Writes what a lane has done, each second until `stop`; nobody else writes the file meanwhile."""

    def __init__(self, lane: FastLane, status: StatusFile) -> None:
        self._lane, self._status = lane, status
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="status", daemon=True)

    def start(self) -> None:
        """From now on."""
        self._thread.start()

    def stop(self) -> None:
        """No more, after a last time."""
        if not self._ended.is_set():
            self._ended.set()
            if self._thread.is_alive():
                self._thread.join()
            self._write()

    def _run(self) -> None:
        while not self._ended.wait(_LOOK_S):
            if self._status.due:
                self._write()

    def _write(self) -> None:
        counted, now = self._lane.counters, self._status.now
        now.records_in, now.records_out, now.batches = counted.inputs, counted.outputs, counted.taken
        now.batch = counted.taken - 1
        if self._lane.histograms is not None:
            checked = self._lane.histograms.take("wire_checked")
            now.latency_ms_p50, now.latency_ms_p99 = (checked.quantile(part) / 1e6 for part in (0.5, 0.99))
        self._status.write(lag=self._lane.lag, strategies=self._lane.process.seen())
