"""Snapshots of the processes of a fast shard: their checkpoints, once everything that a checkpoint covers is in topics.

A process marks in its ring where it keeps its state in a checkpoint. An entry of its journal ends there, so that is the state after a
batch, as a snapshot is: `restore`, `verify` and a start after the loss of the rings begin with it as they do on the Kafka lane.
"""

import time
from concurrent.futures import Future, ThreadPoolExecutor, TimeoutError
from contextlib import suppress
from pathlib import Path

import structlog

from streams.errors import MillraceError
from streams.lanes.checkpoint import Checkpoint, Saved
from streams.lanes.control import Control
from streams.lanes.mirror_process import Mirrored
from streams.lanes.mirror_rings import RingSource
from streams.lanes.snapshot import Moment, SnapshotWriter, find_snapshot
from streams.lanes.wire import Wire
from streams.lanes.writers import JOURNAL, SNAPSHOTS, writer_name
from streams.records import StartPosition

__all__ = ["Snapshots"]

_LOG = structlog.get_logger("snapshot")
_END_S = 8.0  # for the last one, at an ordered stop
_NAP_S = 0.05


class Snapshots:
    """Of one process. Before each batch `note`, after it `look`; at an ordered stop `finish`.

    ring : in which the process marks its checkpoints; checkpoint: its file
    """

    def __init__(self, process: Mirrored, ring: RingSource, checkpoint: Path, wire: Wire, control: Control) -> None:
        self._process, self._ring, self._wire, self._control = process, ring, wire, control
        self._checkpoint = Checkpoint(checkpoint)
        self._run_number = control.last_run().run_number or 0
        self._moment: Moment | None = None
        self._number = -1  # of the slot at which the moment is
        self._tried = (0, -1)  # when the file was written that was looked at last, and for which slot
        self._due_s = time.monotonic() + process.spec.snapshot_s
        self._writer: SnapshotWriter | None = None
        self._thread = ThreadPoolExecutor(1, "snapshots")
        self._writing: Future[None] | None = None

    def note(self) -> None:
        """If a checkpoint stands where the last entry ended, keep what it is the state of."""
        ring, process = self._ring, self._process
        if ring.at == self._number or ring.checkpoint(ring.at, min(ring.at + 1, ring.head)) < 0:
            return
        if process.journal_offset is None or process.batch < 0:
            return
        places = {**process.positions, (JOURNAL, process.spec.shard): process.journal_offset}
        positions = tuple(StartPosition(*place, offset) for place, offset in places.items())
        self._moment = Moment(self._run_number, process.batch, process.last_ts_ns, positions, process.outputs.digest)
        self._number = ring.at

    def look(self) -> None:
        """Begin to write one if it is due, and the checkpoint is there."""
        if self._moment is None or time.monotonic() < self._due_s or (self._writing is not None and not self._writing.done()):
            return
        found = self._written_ns(), self._number
        if found != self._tried:
            self._tried = found
            self._writing = self._thread.submit(self._write, self._moment, self._number)

    def finish(self) -> None:
        """Write the last one, if there is one that is not written yet, whenever the one before was."""
        until_s = time.monotonic() + _END_S
        while self._writing is not None and not self._writing.done() and time.monotonic() < until_s:
            time.sleep(_NAP_S)
        self._due_s, self._tried = 0.0, (0, -1)
        self.look()
        if self._writing is not None:
            with suppress(TimeoutError):
                self._writing.result(max(0.0, until_s - time.monotonic()))

    def close(self) -> None:
        """Begin no more."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    # ---- in the thread ----
    def _write(self, moment: Moment, number: int) -> None:
        try:
            saved = self._checkpoint.load(self._run_number)
            if saved is None or saved.positions.get(self._ring.name) != number:  # not written yet, or one later already
                return
            writer = self._writer = self._writer or self._first_writer()
            self._copy(writer, saved, moment)
        except MillraceError as error:
            _LOG.error("snapshot not written", process=self._process.spec.process, batch=moment.batch, reason=str(error))

    def _copy(self, writer: SnapshotWriter, saved: Saved, moment: Moment) -> None:
        writer.write(saved.parts, moment)
        writer.wait()
        if writer.failed is None:
            self._due_s = time.monotonic() + self._process.spec.snapshot_s
            if self._moment is moment:
                self._moment = None

    def _first_writer(self) -> SnapshotWriter:
        """It goes on counting after what the topic has."""
        spec = self._process.spec
        _, number, last_id = find_snapshot(spec.kafka, self._wire, spec.process, spec.shard, self._run_number)
        writer = self._control.writer(writer_name(spec.process, spec.shard, SNAPSHOTS))
        return SnapshotWriter(spec, self._wire, writer, number, last_id)

    def _written_ns(self) -> int:
        try:
            return self._checkpoint.path.stat().st_mtime_ns
        except FileNotFoundError:
            return 0
