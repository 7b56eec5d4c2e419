"""The Kafka lane: one process of one shard, batch by batch, each batch one transaction of outputs, journal entry and positions.

    exit(run_lane(LaneSpec(...), build))

Cycle: take what is there, carry it in order through the process, chunk by chunk, with control records and clock ticks between chunks, then
commit everything at once. No Python object a record lives on the way. An input that makes the process fail is found and becomes a dead
letter; after any other failure the memory of the transaction cannot be trusted: abort, end, and let the supervisor start a new process
that restores itself (contract 16 to 18, 23).
"""

import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType

import structlog

from streams.agents.batch import BatchProcess, batch_of
from streams.clock import RunClock
from streams.errors import FencedError, MillraceError, StepError
from streams.lanes.admin import list_topics
from streams.lanes.bulk_consumer import BulkConsumer
from streams.lanes.carrier import Carrier
from streams.lanes.committer import Committer
from streams.lanes.control import Control, read_control
from streams.lanes.intake import Intake, Taken
from streams.lanes.lag_watch import LagWatch
from streams.lanes.lane_records import LaneRecords, Value
from streams.lanes.laps import Laps
from streams.lanes.latency import Stamps
from streams.lanes.opening import check_topics, continue_counters, open_producers, pointers
from streams.lanes.player import Recovered
from streams.lanes.registry import SchemaIds
from streams.lanes.restore import recover
from streams.lanes.snapshot import Moment, SnapshotWriter
from streams.lanes.spec import Build, LaneSpec, input_places, is_control
from streams.lanes.standby import Standby, Turn
from streams.lanes.status import StatusFile
from streams.lanes.told import ControlIntake
from streams.lanes.wire import Wire
from streams.lanes.writers import ALERTS, JOURNAL, LATENCY, SNAPSHOTS, TICKS, lane_writers
from streams.records import Clock, StartPosition

__all__ = ["EXIT_FAILED", "EXIT_FENCED", "EXIT_NEW_RUN", "EXIT_OK", "KafkaLane", "run_lane"]

EXIT_OK = 0  # ordered stop
EXIT_FAILED = 1  # restart
EXIT_FENCED = 3  # another instance has the shard: do not restart
EXIT_NEW_RUN = 4  # a new run has begun: restart, into it

_LOG = structlog.get_logger("lane")
_MIN_TICK_S = 0.005
_MIN_WAIT_S = 0.001  # below 1 ms the client does not wait at all
_MOST_WAIT_S = 0.02  # a command waits no longer than this while no data comes
_IDLE_COMMIT_S = 1.0
_BATCH_S = 0.25  # a backlog is worked off in batches that take about so long: larger ones only make everything behind them wait
_MIN_ROWS = 200
_CONSUMER = {"queued.max.messages.kbytes": 16_384, "queued.min.messages": 50_000}  # by partition: what waits stays with the broker


class KafkaLane:
    """One process of one shard: `open`, then `run` until `stop` is set or a new run begins, then `close`."""

    def __init__(self, spec: LaneSpec, build: Build) -> None:
        self.spec, self.build = spec, build
        self.stop = self.opened = False
        self.status = StatusFile(spec.status_path, spec.process, spec.shard)
        self.laps = Laps()
        self._close: list[Callable[[], None]] = []
        self._alerts: list[Value] = []
        self._lag = LagWatch(spec.lag_limit_s)
        self._rows = min(spec.rows, 10 * _MIN_ROWS)
        self._commit_due_s = self._tick_due_s = self._idle_due_s = 0.0

    @property
    def new_run(self) -> int:
        """Number of the run that has begun since, 0 if none."""
        return self.told.new_run if self.opened else 0

    def open(self) -> None:
        """Fence the predecessor and settle its transaction, then restore state. LaneError or RestoreError with the reason."""
        spec, lap = self.spec, self.laps.lap
        lap("imports")
        self.wire = Wire(SchemaIds(spec.registry))
        standby = self._stand_by(spec.lock_path) if spec.lock_path else None
        self.status.write()
        lap("standby")
        with ThreadPoolExecutor(2) as pool:  # neither depends on what a predecessor left open
            reading, listing = pool.submit(read_control, spec.kafka, self.wire), pool.submit(list_topics, spec.kafka)
            self.producers = open_producers(spec)  # before any offset is read: what is read next is final
            self._close += [producer.close for producer in self.producers]
            self.consumer, commands = (BulkConsumer(spec.kafka, spec.name, _CONSUMER) for _ in range(2))
            self._close += [self.consumer.close, commands.close]
            lap("producers")
            control, there = reading.result(), listing.result()
        lap("control")
        found = pointers(spec, self.consumer)
        lap("offsets")
        state = standby.caught_up(control, found) if standby else None
        process = state.process if state else self.build(control)
        lap("build")
        self._places = input_places(spec, process)
        check_topics(spec.kafka, [*(topic for topic, _ in self._places), *process.writes, JOURNAL, SNAPSHOTS, LATENCY, ALERTS], there)
        names = lane_writers(spec.process, spec.shard, {*(topic for topic, _ in self._places), *process.writes})
        writers = {topic: control.writer(name) for topic, name in names.items()}
        state = state or recover(spec, self.wire, control, lambda _: process, self._places, found)
        if standby:
            standby.close()
        if state.batch < 0:
            continue_counters(spec, self.wire, state, writers)
        lap("restore")
        self._take_over(state, control, writers, commands)
        self.opened = True

    def _stand_by(self, lock: Path) -> Standby:
        """Follow the active instance, if there is one, until this one's turn has come."""
        path = self.spec.status_path
        status = StatusFile(path.with_suffix(".standby.json") if path else None, self.spec.process, self.spec.shard)
        turn = Turn(lock)
        self._close.append(turn.close)  # last of all: the next one finds every client of this one closed

        def alive(state: Recovered | None) -> None:
            status.write(state="standby", batch=state.batch if state else -1, restored_batches=state.replayed if state else 0)

        standby = Standby(self.spec, self.wire, self.build, turn, alive)
        standby.wait()
        return standby

    def run(self) -> None:
        """The control topics to their ends, then cycle by cycle; at the end what is pending is committed and a snapshot written."""
        for told in self.told.to_end():
            self.carrier.tell(told)
        self._commit()
        self.intake.assign()
        self.status.write(state="running")
        self.laps.lap("first batch")
        _LOG.info("running", name=self.spec.name, first_batch_ms=self.laps.ms["first batch"])
        while not self.stop and not self.new_run:
            self._cycle()
        self._end()

    def close(self) -> None:
        """Free the clients."""
        while self._close:
            self._close.pop()()

    # ---- one cycle ----
    def _cycle(self) -> None:
        self._between()
        due_s = self._commit_due_s - time.monotonic()
        if due_s > 0:  # let the records of one transaction gather: one larger batch is cheaper than two
            time.sleep(min(due_s, self._tick_wait_s()))
        if due_s <= _MIN_WAIT_S:
            messages = self.intake.take(self._rows, self._tick_wait_s())
            taken_s = time.monotonic()
            self._carry(self.intake.read(messages))
            if self.carrier.busy or self.batch.pending or self._alerts or self._is_idle():
                self._commit()
                self._fit_rows(messages.count, time.monotonic() - taken_s)
        self.committer.poll()
        self._snapshot()
        if self.status.due:
            self._report()

    def _carry(self, taken: Taken) -> None:
        if taken.messages.count:
            self.stamps.take_all(taken, time.time_ns())
            self.carrier.rows(taken, self._between)

    def _between(self) -> None:
        """What acts between two records: control records, and a clock tick when it is due (contract 9)."""
        for told in self.told.take():
            self.carrier.tell(told)
        now_s = time.monotonic()
        if now_s < self._tick_due_s:
            return
        self._tick_due_s = now_s + self._tick_s
        ts_ns = self.clock.now_ns()
        if ts_ns > self.last_ts_ns:  # the wall clock may be set back; the run's time may not
            self.last_ts_ns = ts_ns
            self.carrier.tick(self.records.next_id(TICKS), ts_ns)

    def _tick_wait_s(self) -> float:
        return max(_MIN_WAIT_S, min(self._tick_due_s - time.monotonic(), _MOST_WAIT_S))

    def _is_idle(self) -> bool:
        """Ticks alone make no transaction, but once a second."""
        return time.monotonic() >= self._idle_due_s and not self.carrier.log.empty

    def _send(self) -> None:
        written = self.batch.written()
        self.status.now.records_out += len(written)
        self.committer.send(written)

    def _commit(self) -> None:
        """What was carried since the last commit, as one transaction."""
        self._send()
        letters, log, status = self.carrier.letters(), self.carrier.log, self.status
        stamps = self.stamps.stepped(time.time_ns(), log.count)
        others, self._alerts = [*self._stamp_values(), *self._alerts], []

        def committed(wall_ns: int) -> None:
            status.latency(self.stamps.done(stamps, wall_ns))

        self.committer.snapshot_offset = self.snapshots.first_offset
        positions = {**self.told.positions, **self.intake.positions}
        self.committer.commit(log, letters, others, positions, self.last_ts_ns, committed)
        status.now.records_in += log.count
        status.now.dead_letters += len(letters)
        status.now.batches += 1
        status.now.batch = self.committer.batch
        self.carrier.next_batch()
        now_s = time.monotonic()
        self._commit_due_s, self._idle_due_s = now_s + self.spec.commit_ms / 1000, now_s + _IDLE_COMMIT_S

    def _stamp_values(self) -> list[Value]:
        left = self.stamps.leave(lambda: self.records.next_id(LATENCY), self.last_ts_ns, all_now=self.stop)
        return [(LATENCY, self.spec.shard, self.wire.encode(LATENCY, stamp)) for stamp in left]

    def _fit_rows(self, rows: int, took_s: float) -> None:
        """Let the next batches take about _BATCH_S, from what this one took."""
        if rows >= _MIN_ROWS:
            self._rows = max(_MIN_ROWS, min(self.spec.rows, int(rows * _BATCH_S / took_s)))

    # ---- a batch that fails ----
    def _undo(self) -> None:
        self.committer.undo()

    def _restored(self, error: StepError) -> BatchProcess:
        """The process as the last batch left it: re-executed, for the memory of the one that failed cannot be trusted."""
        _LOG.error("a batch failed; once more from the last one on", name=self.spec.name, reason=str(error))
        found = {JOURNAL: self.committer.journal_offset, SNAPSHOTS: self.snapshots.first_offset}
        known = {topic: offset for topic, offset in found.items() if offset is not None}
        state = recover(self.spec, self.wire, self._control, self.build, self._places, known)
        self._use(state)
        self.intake.batch = self.batch
        return self.batch

    def _use(self, state: Recovered) -> None:
        self.process = state.process
        self.batch = batch_of(state.process, self.wire)
        self.batch.digest = state.outputs.digest

    # ---- snapshot, report, end ----
    def _snapshot(self, last: bool = False) -> None:
        committer = self.committer
        if committer.batch == self._snapshot_batch or committer.batch < 0:
            return
        if not last and (time.monotonic() < self._snapshot_due_s or self.snapshots.busy):
            return
        if not self.carrier.log.empty:  # ticks since the last commit are in the state, but in no journal entry yet
            self._commit()
        committer.settle()
        assert committer.journal_offset is not None
        positions = {**self.told.positions, **self.intake.positions, (JOURNAL, self.spec.shard): committer.journal_offset}
        places = tuple(StartPosition(*place, offset) for place, offset in positions.items())
        moment = Moment(self.run_number, committer.batch, self.last_ts_ns, places, self.batch.digest)
        self.snapshots.write(self.process.snapshot(), moment)
        self._snapshot_batch, self._snapshot_due_s = committer.batch, time.monotonic() + self.spec.snapshot_s

    def _report(self) -> None:
        lag = self.intake.lag()
        alert = self._lag.look(lag)
        if alert is not None:
            self._alerts.append(self.records.alert(*alert, self.last_ts_ns))
        self.status.write(lag=lag.records, lag_s=round(lag.seconds, 3), strategies=self.process.shown())

    def _end(self) -> None:
        self.committer.settle()  # its stamps leave with the last batch
        if not self.carrier.log.empty or self._alerts or len(self.stamps):
            self._commit()
        self.committer.settle()
        self._snapshot(last=True)
        self.snapshots.wait()
        self._report()

    def _take_over(self, state: Recovered, control: Control, writers: dict[str, int], commands: BulkConsumer) -> None:
        spec, run, self._control = self.spec, control.last_run(), control
        self.run_number = run.run_number or 0
        self.clock = RunClock(run.clock or Clock.WALL, run.clock_start_ns or 0, run.wall_start_ns or 0, run.speed or 1.0)
        self.last_ts_ns = state.last_ts_ns
        self._use(state)
        self.stamps = Stamps(spec.process, self.run_number)
        own = {state.process.spec.writers[topic] for topic in state.process.writes}
        parts = [{place: at for place, at in state.positions.items() if is_control(place[0]) == told} for told in (True, False)]
        self.told = ControlIntake(commands, self.wire, parts[0], own, self.run_number, control.ends)
        self.intake = Intake(self.consumer, self.batch, parts[1], own, self.run_number)
        self.records = LaneRecords(spec, self.wire, writers, self.run_number, state.outputs)
        self.committer = Committer(spec, self.records, self.producers, state.outputs)
        self._close.append(self.committer.close)
        self.committer.batch, self.committer.journal_offset = state.batch, state.journal_offset
        self.carrier = Carrier(self.batch, self._send, self._undo, self._restored)
        self.snapshots = SnapshotWriter(spec, self.wire, writers[SNAPSHOTS], state.snapshot_number, state.snapshot_id)
        self.snapshots.first_offset = state.snapshot_offset
        self._snapshot_batch, self._snapshot_due_s = state.batch, time.monotonic() + spec.snapshot_s
        self._tick_s = max(_MIN_TICK_S, spec.tick_ms / 1000 / self.clock.speed)
        self.status.write(run=self.run_number, batch=state.batch, restored_batches=state.replayed)
        self.laps.lap("take over")
        said = {"run": self.run_number, "batch": state.batch, "replayed": state.replayed, "ms": str(self.laps)}
        _LOG.info("fresh" if state.fresh else "restored", name=spec.name, **said)


def run_lane(spec: LaneSpec, build: Build) -> int:
    """Run a process until SIGTERM or SIGINT (0), a new run (4), a takeover (3) or a failure (1); the exit status of the process."""
    lane = KafkaLane(spec, build)

    def on_signal(number: int, frame: FrameType | None) -> None:
        if not lane.opened:
            raise SystemExit(EXIT_OK)  # no transaction is open yet
        lane.stop = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    try:
        lane.open()
        lane.run()
    except Exception as fault:
        error = lane.committer.abort(fault) if lane.opened else fault
        state, status = ("fenced", EXIT_FENCED) if isinstance(error, FencedError) else ("failed", EXIT_FAILED)
        unexpected = None if isinstance(error, MillraceError) else error
        _LOG.error(state, name=spec.name, reason=str(error) or repr(error), exc_info=unexpected)
        lane.status.write(state=state, reason=str(error) or repr(error))
        return status
    finally:
        lane.close()
    lane.status.write(state="new run" if lane.new_run else "stopped")
    return EXIT_NEW_RUN if lane.new_run else EXIT_OK
