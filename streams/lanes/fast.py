"""The fast lane's process: a lane between the rings of its shard, its restart, its checkpoints, its status.

    exit(run_fast_lane(FastLaneSpec(...), build))

Rings are the journal: what the lane takes, its ticks and its outputs stand in its own ring before anyone acts on them, and rings survive
the process. A checkpoint each 10 s, or when a ring is half used, says from where on slots are still needed. Started again, the process
takes its checkpoint, steps what its ring names since, compares what comes out with what stands there, and goes on; it asks neither Kafka
nor registry.

An input at which the process fails sends it back to its checkpoint in the same way, for the memory of one that failed cannot be trusted;
one at which it fails again then is passed over, as on the Kafka lane: it is buried as a dead letter, and the flow goes on.
"""

import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import structlog

from streams.agents.runner import CompiledNode
from streams.clock import RunClock
from streams.errors import LaneError, MillraceError, RestoreError, StepError
from streams.kernel.system import monotonic_ns
from streams.lanes import fast_loop as k
from streams.lanes.checkpoint import Checkpoint
from streams.lanes.control import COMMANDS
from streams.lanes.control_ring import ControlRing
from streams.lanes.fast_checkpoints import LaneCheckpoints
from streams.lanes.fast_kept import Known, first_start, start_again
from streams.lanes.fast_lane import FastLane
from streams.lanes.fast_report import Reporter
from streams.lanes.fast_rings import FastShard
from streams.lanes.fast_slots import TAKEN_CONTROL, TAKEN_EVENTS, TAKEN_KILL, TAKEN_MARKET
from streams.lanes.fast_told import ToldSteps
from streams.lanes.histogram_file import HistogramFile
from streams.lanes.lane_records import LaneRecords
from streams.lanes.laps import Laps
from streams.lanes.record_ring import RecordReader
from streams.lanes.registry import SchemaIds
from streams.lanes.ring import Ring
from streams.lanes.ring_ends import Reader, Writer
from streams.lanes.spec import Build, LaneSpec
from streams.lanes.stages import LANE_STAGES, histogram_path
from streams.lanes.status import StatusFile
from streams.lanes.waiting import POLICIES, Waiting
from streams.lanes.wire import Wire
from streams.lanes.writers import TICKS
from streams.records import Clock

__all__ = ["EXIT_FAILED", "EXIT_NEW_RUN", "EXIT_OK", "FastLaneSpec", "FastProcess", "run_fast_lane"]

EXIT_OK = 0  # ordered stop
EXIT_FAILED = 1  # restart
EXIT_NEW_RUN = 4  # a new run has begun: restart, into it

_LOG = structlog.get_logger("lane")
_SLICE_NS = 50_000_000  # compiled code gives way to signals so often
_SOON_NS = 2_000_000  # while a checkpoint is being written, or the process is told to stop
_END_S = 60.0  # for the mirror to have forwarded the control topics
_STOP_S = 10.0  # for what is left in the rings at an ordered stop
_NAP_S = 0.001
_MIN_TICK_S = 0.001
_CROWDED = 0.5
_MOST_FAILING = 100  # inputs; if there are more, it is not the inputs
_CLOCK_S = 1.0  # the run's time is taken anew from the wall clock so often
_SWITCH_S = 0.0002  # the longest that the thread of the status keeps Python from who carries


@dataclass(frozen=True)
class FastLaneSpec:
    """One process of one shard on the fast lane.

    lane       : what the Kafka lane would be told; of it tick_ms, status_path and code_hash count here, and the names
    rings      : of the shard; they are there
    wait       : what the process does while there is nothing to do
    checkpoint : the file that keeps its state
    snapshot_s : wall time between checkpoints
    """

    lane: LaneSpec
    rings: FastShard
    wait: Waiting = POLICIES["backoff"]
    checkpoint: Path = Path("lane.checkpoint")
    snapshot_s: float = 10.0


class _StoppedError(Exception):
    """Told to stop while the ring is full: what has not been written is stepped again at the next start."""


class FastProcess:
    """One process of one shard: `open`, then `run` until `stop` is set or a new run begins, then `close`."""

    def __init__(self, spec: FastLaneSpec, build: Build) -> None:
        self.spec, self.build = spec, build
        self.stop = self.opened = False
        self.status = StatusFile(spec.lane.status_path, spec.lane.process, spec.lane.shard)
        self.checkpoint = Checkpoint(spec.checkpoint)
        self.laps = Laps()
        self._rings: list[Ring] = []
        self._ends: list[Reader | Writer] = []
        self._clock_due_s = 0.0
        self._failed: tuple[int, int, int] | None = None  # where the process failed last
        self._failures, self._why = 0, ""

    @property
    def new_run(self) -> int:
        """Number of the run that has begun since, 0 if none."""
        return self.told.new_run if self.opened else 0

    def open(self) -> None:
        """Restore state and take the rings. LaneError or RestoreError with the reason."""
        self.laps.lap("imports")
        self.status.write()
        shard, run = self.spec.rings, self.spec.rings.run()
        if run is None:
            raise LaneError(f"{shard.folder}: shard {shard.shard} has no rings; `millrace run` makes them")
        self.run_number, self.generation = run.run_number, run.generation
        self.clock = RunClock(Clock(run.clock), run.clock_start_ns, run.wall_start_ns, run.speed)
        self.wire = Wire(SchemaIds(self.spec.lane.registry))
        saved = self.checkpoint.load(run.run_number)
        if saved is not None and saved.extra["generation"] != run.generation:
            saved = None  # of rings that were lost
        self._open_rings()
        if saved is None and self.ring_own.head > 0:
            raise RestoreError(f"{self.spec.checkpoint}: is gone, and the ring {self.ring_own.path} is not at its start; start a fresh run")
        if saved is None:
            known = first_start(self.spec.lane, self.wire, run, self.build)
        else:
            known = start_again(self.spec.lane, self.wire, saved, self.build)
        self.laps.lap("state")
        self._take_over(known, saved)
        self.opened = True
        if saved is None:
            self.checkpoints.save(marked=False)  # from here on a restart asks nobody
            self.checkpoint.wait()
        self.laps.lap("rings")

    def run(self) -> None:
        """What the ring names since the checkpoint, the control topics to their ends, then slice by slice; at the end a checkpoint."""
        while True:
            try:
                return self._run()
            except StepError as error:
                self._start_anew(error)

    def _run(self) -> None:
        self._again()
        self._to_end()
        if self.stop or self.new_run:
            return
        self.checkpoints.save()
        self.status.write(state="running", run=self.run_number, restored_batches=self.lane.counters.taken)
        sys.setswitchinterval(_SWITCH_S)
        self.reporter.start()
        _LOG.info("running", name=self.spec.lane.name, run=self.run_number, from_topics=self.known.replayed, ms=str(self.laps))
        try:
            while not self.stop and not self.new_run:
                self._slice()
            self._end()
        finally:
            self.reporter.stop()

    def close(self) -> None:
        """Let the rings go; their writers wait for this process to come back."""
        for end in self._ends:
            if isinstance(end, Reader):
                end.detach()
            elif self.opened and self.lane.stop_here():
                end.leave()  # else it looks as if killed: what it says it took is not all stepped
        for ring in self._rings:
            ring.close()

    # ---- work ----
    def _slice(self) -> None:
        """Carry for a while, then see to what Python has to."""
        stop = self.lane.run(monotonic_ns() + (_SOON_NS if self.checkpoint.busy else _SLICE_NS))
        if stop == k.TOLD and self.steps.take() == 0 and not self.lane.has_room():
            stop = self._stuck()
        self.checkpoints.commit()
        if stop == k.CROWDED or (self.checkpoints.age_s > self.spec.snapshot_s and not self.checkpoint.busy):
            self.checkpoints.save()
        if time.monotonic() >= self._clock_due_s:
            self._clock_due_s = time.monotonic() + _CLOCK_S
            self.lane.set_clock()

    def _stuck(self) -> int:
        """The ring has no room: what a checkpoint would let go, if that is half of it; else time for its readers."""
        if self.lane.crowded and not self.checkpoint.busy:
            return k.CROWDED
        time.sleep(_NAP_S)
        return k.TOLD

    def _again(self) -> None:
        """Step what the ring names since the checkpoint."""
        self.lane.replay_from()
        while self.lane.replaying and not self.stop:
            stop = self.lane.replay(monotonic_ns() + _SLICE_NS)
            if stop == k.TOLD:
                x = self.lane.state
                self.steps.again(int(x.told_ring), int(x.told_first), int(x.told_end))
            elif stop == k.SKIPPED:
                self.steps.skipped()
            elif stop == k.CROWDED:
                self.checkpoints.save()
            self.checkpoints.commit()
        self.laps.lap("again")

    def _to_end(self) -> None:
        """Take control records until the mirror says that all there were have come."""
        until_s = time.monotonic() + _END_S
        told = [self.lane.inputs[TAKEN_CONTROL], self.lane.inputs[TAKEN_KILL], *([self.lane.own] if self.lane.own else [])]
        while not self.told.ended and not self.stop and not self.new_run:
            if self.steps.take() == 0:
                time.sleep(_NAP_S)
            self.checkpoints.commit()
            if not self.checkpoint.busy and any(end.held > _CROWDED for end in told):
                self.checkpoints.save()
            if time.monotonic() > until_s:
                raise LaneError(f"{self.spec.lane.name}: the mirror did not forward the control topics within {_END_S:.0f} s; does it run?")
        self.laps.lap("control")

    def _end(self) -> None:
        """What is left in the rings, and a checkpoint."""
        if self.new_run:
            return
        until_s = time.monotonic() + _STOP_S
        while self.lane.lag and time.monotonic() < until_s:
            if self.lane.run(monotonic_ns() + _SOON_NS) == k.CROWDED:
                self.checkpoints.save()
            self.checkpoints.commit()
        self.checkpoints.finish()

    # ---- an input at which the process fails ----
    def _start_anew(self, error: StepError) -> None:
        """The process as its checkpoint has it; what it failed at twice is passed over. LaneError where it did not fail before."""
        if self.lane.comparing:
            raise LaneError(f"{self.ring_own.path}: {error}; it did not when the ring was written: start a fresh run") from error
        self._failures += 1
        if self._failures > _MOST_FAILING:
            raise error
        failed, name = self.steps.failed, self.spec.lane.name
        if failed == self._failed:
            _LOG.error("an input makes the process fail again: passed over", name=name, reason=str(error))
            self.steps.pass_over()
            self._failed, self._why = None, str(error)
        else:
            _LOG.error("the process failed; once more from its checkpoint on", name=name, reason=str(error))
            self._failed = failed
        self.checkpoint.wait()
        self.checkpoints.commit()
        saved = self.checkpoint.load(self.run_number)
        if saved is None:
            raise error
        self._take_over(start_again(self.spec.lane, self.wire, saved, self.build), saved)

    # ---- construction ----
    def _open_rings(self) -> None:
        shard = self.spec.rings
        self._names = {TAKEN_MARKET: shard.market, TAKEN_EVENTS: shard.events, TAKEN_CONTROL: shard.control, TAKEN_KILL: shard.kill}
        opened = {name: shard.open(name) for name in (*self._names.values(), shard.own)}
        self._rings += opened.values()
        self.ring_own = opened[shard.own]
        self._opened = opened

    def _take_over(self, known: Known, saved: Any) -> None:
        spec, shard, opened = self.spec, self.spec.rings, self._opened
        compiled = isinstance(known.process.node, CompiledNode)
        ends: dict[str, Any] = {"wait": spec.wait, "compiled": compiled}
        if not self._ends:
            self._readers: dict[int, Reader] = {ring: opened[name].reader(shard.lane_label, **ends) for ring, name in self._names.items()}
            self._own = self.ring_own.reader(shard.lane_label, **ends)
            self._out = self.ring_own.writer(shard.lane_label, **ends)
            self._histograms = HistogramFile.create(histogram_path(shard.folder, spec.lane.process, shard.shard), LANE_STAGES)
            self._ends += [*self._readers.values(), self._own, self._out]
        readers, own = self._readers, self._own
        if saved is not None:
            for ring, name in self._names.items():
                readers[ring].seek(saved.positions[name])
            own.seek(saved.positions[shard.own])
        watched = tuple(ring.cursor_of(shard.mirror_label) for ring in (self.ring_own, opened[shard.market]))
        tick_s = max(_MIN_TICK_S, spec.lane.tick_ms / 1000 / self.clock.speed)
        self.lane = FastLane(
            known.process,
            readers,
            self._out,
            clock=self.clock,
            wait=spec.wait,
            tick_id=known.last_id(TICKS),
            command_id=known.last_id(COMMANDS),
            tick_ns=int(tick_s * 1e9),
            watched=(watched[0], watched[1]),
            histograms=self._histograms,
            own=own,
        )
        self.lane.last_ts_ns = known.last_ts_ns
        if saved is not None:
            self.lane.take_kept(saved.extra["loop"])
        self.checkpoints = LaneCheckpoints(self.lane, self.checkpoint, self.run_number, self._names, shard.own, self._kept)
        self.known = known
        self.reporter = Reporter(self.lane, self.status)
        writers = {known.process.spec.writers[topic] for topic in known.process.writes} | {known.writers[COMMANDS]}
        state = saved.extra["control"] if saved is not None else None
        control, kill = (RecordReader(readers[ring]) for ring in (TAKEN_CONTROL, TAKEN_KILL))
        self.told = ControlRing(control, kill, self.wire, known.positions, writers, self.run_number, state)
        records = LaneRecords(spec.lane, self.wire, known.writers, self.run_number, known.outputs)
        self.steps = ToldSteps(self.lane, self.told, records, self._waits, **({"why": self._why} if self._why else {}))

    def _kept(self) -> dict[str, Any]:
        """What a checkpoint keeps beside the lane."""
        return self.known.extra(self.wire) | {"control": self.told.state(), "generation": self.generation}

    def _waits(self) -> None:
        """While the lane's ring has no room."""
        self.checkpoints.commit()
        if self.stop:
            raise _StoppedError


def run_fast_lane(spec: FastLaneSpec, build: Build) -> int:
    """Run a process until SIGTERM or SIGINT (0), a new run (4) or a failure (1); the exit status of the process."""
    process = FastProcess(spec, build)

    def on_signal(number: int, frame: FrameType | None) -> None:
        process.stop = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    try:
        process.open()
        process.run()
    except _StoppedError:
        pass
    except Exception as error:
        unexpected = None if isinstance(error, MillraceError) else error
        _LOG.error("failed", name=spec.lane.name, reason=str(error) or repr(error), exc_info=unexpected)
        process.status.write(state="failed", reason=str(error) or repr(error))
        return EXIT_FAILED
    finally:
        process.close()
    process.status.write(state="new run" if process.new_run else "stopped")
    return EXIT_NEW_RUN if process.new_run else EXIT_OK
