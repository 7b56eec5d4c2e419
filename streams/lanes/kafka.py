"""The Kafka lane: one process of one shard, batch by batch, each batch one transaction of outputs, journal entry and positions.

    exit(run_lane(LaneSpec(...), build))

Cycle: take what is there, feed it in order, tick the clock, encode, and commit everything at once. After any failure the memory of the
transaction cannot be trusted: abort, end, and let the supervisor start a new process that restores itself (contract 16 to 18, 23).
"""

import signal
import time
from types import FrameType

import structlog

from streams.clock import RunClock
from streams.errors import FencedError, MillraceError
from streams.lanes.bus import Transactions, open_consumer
from streams.lanes.committer import Committer, Letter
from streams.lanes.control import Control, read_control
from streams.lanes.intake import Batch, Intake
from streams.lanes.latency import Stamps
from streams.lanes.opening import check_topics, continue_counters, pointers
from streams.lanes.registry import SchemaIds
from streams.lanes.restore import Recovered, recover
from streams.lanes.snapshot import Moment, SnapshotWriter
from streams.lanes.spec import Build, LaneSpec, input_places
from streams.lanes.status import StatusFile
from streams.lanes.stepper import Output, Stepper
from streams.lanes.wire import Wire
from streams.lanes.writers import JOURNAL, LATENCY, SNAPSHOTS, TICKS, lane_writers
from streams.records import Clock, StartPosition

__all__ = ["EXIT_FAILED", "EXIT_FENCED", "EXIT_NEW_RUN", "EXIT_OK", "KafkaLane", "run_lane"]

EXIT_OK = 0  # ordered stop
EXIT_FAILED = 1  # restart
EXIT_FENCED = 3  # another instance has the shard: do not restart
EXIT_NEW_RUN = 4  # a new run has begun: restart, into it

_LOG = structlog.get_logger("lane")
_MIN_TICK_S = 0.005
_MIN_WAIT_S = 0.001  # below 1 ms the client does not wait at all
_IDLE_COMMIT_S = 1.0
_BATCH_S = 0.25  # a backlog is worked off in batches that take about so long: larger ones only make everything behind them wait
_MIN_ROWS = 200
_CONSUMER = {"enable.partition.eof": True, "queued.max.messages.kbytes": 16_384, "queued.min.messages": 20_000}


class KafkaLane:
    """One process of one shard: `open`, then `run` until `stop` is set or a new run begins, then `close`.

    new_run : number of the run that has begun since, 0 if none
    """

    def __init__(self, spec: LaneSpec, build: Build) -> None:
        self.spec, self.build = spec, build
        self.stop = self.opened = False
        self.new_run = 0
        self.status = StatusFile(spec.status_path, spec.process, spec.shard)
        self._outputs: list[Output] = []
        self._letters: list[Letter] = []
        self._rows = min(spec.rows, 10 * _MIN_ROWS)
        self._commit_due_s = self._tick_due_s = self._idle_due_s = 0.0

    def open(self) -> None:
        """Fence the predecessor and settle its transaction, then restore state. LaneError or RestoreError with the reason."""
        spec = self.spec
        self.status.write()
        self.wire = Wire(SchemaIds(spec.registry))
        self.producer = Transactions(spec.kafka, spec.name)  # first of all: what is read next is final
        self.consumer = open_consumer(spec.kafka, spec.name, _CONSUMER)
        control = read_control(spec.kafka, self.wire)
        process = self.build(control)
        places = input_places(spec, process)
        check_topics(spec.kafka, [*(topic for topic, _ in places), *process.writes, JOURNAL, SNAPSHOTS, LATENCY])
        names = lane_writers(spec.process, spec.shard, {*(topic for topic, _ in places), *process.writes})
        writers = {topic: control.writer(name) for topic, name in names.items()}
        state = recover(spec, self.wire, control, lambda _: process, places, pointers(spec, self.consumer, places))
        if state.batch < 0:
            continue_counters(spec, self.wire, state, writers)
        self._take_over(state, control, writers)
        self.opened = True

    def run(self) -> None:
        """The control topics to their ends, then cycle by cycle; at the end what is pending is committed and a snapshot written."""
        for messages in self.intake.control_to_end(self.spec.rows):
            self._feed(self.intake.batch(messages))
            self._commit()
        self.intake.assign()
        self.status.write(state="running")
        while not self.stop and not self.new_run:
            wait_s = max(_MIN_WAIT_S, min(self._tick_due_s - time.monotonic(), 0.1))
            messages = self.intake.take(self._rows, wait_s, self._commit_due_s)
            taken_s = time.monotonic()
            self._tick()
            if messages:
                self._feed(self.intake.batch(messages))
            self._collect()
            ticks_alone = not self.stepper.inputs.count and not self._outputs and not self._letters
            if not ticks_alone or (time.monotonic() >= self._idle_due_s and not self.stepper.inputs.empty):
                self._commit()
                self._fit_rows(len(messages), time.monotonic() - taken_s)
            self._snapshot()
            if self.status.due:
                self._report()
        self._end()

    def close(self) -> None:
        """Free the clients."""
        for client in (getattr(self, "consumer", None), getattr(self, "producer", None)):
            if client is not None:
                client.close()

    # ---- one cycle ----
    def _feed(self, batch: Batch) -> None:
        taken_ns, feed = time.time_ns(), self.stepper.feed
        for message, reason in batch.bad:
            letter = Letter(message.topic() or "", message.partition() or 0, message.offset() or 0, reason, message.value() or b"")
            self._letters.append(letter)
            self.stepper.inputs.add_dead_letter(letter.topic, letter.partition, letter.offset)
        for item in batch.inputs:
            refused = feed(item.topic, item.partition, item.offset, item.record)
            if refused is not None:
                payload = item.message.value() or b""
                self._letters.append(Letter(item.topic, item.partition, item.offset, refused, payload, item.record.id))
            if item.data:
                self.stamps.take(item.topic, item.record.id, item.message, taken_ns)
        self.new_run = batch.new_run
        self.status.now.records_in += len(batch.inputs)

    def _tick(self) -> None:
        """A clock tick when it is due: before the records that came meanwhile, so that a process that lags sees it (contract 9)."""
        now_s = time.monotonic()
        if now_s < self._tick_due_s:
            return
        self._tick_due_s = now_s + self._tick_s
        ts_ns = self.clock.now_ns()
        if ts_ns > self.last_ts_ns:  # the wall clock may be set back; the run's time may not
            self.last_ts_ns = ts_ns
            self.stepper.tick(self.committer.next_id(TICKS), ts_ns)

    def _collect(self) -> None:
        outputs = self.stepper.collect()
        self._outputs += outputs
        self.status.now.records_out += len(outputs)

    def _commit(self) -> None:
        self._collect()
        stepped_ns, log, status = time.time_ns(), self.stepper.next_batch(), self.status
        stamps = self.stamps.leave(lambda: self.committer.next_id(LATENCY), self.last_ts_ns, all_now=self.stop)
        self.committer.snapshot_offset = self.snapshots.first_offset
        self.committer.commit(log, self._outputs, self._letters, stamps, self.intake.positions, self.last_ts_ns)
        status.latency(self.stamps.committed(stepped_ns, log.count))
        status.now.dead_letters += len(self._letters)
        status.now.batches += 1
        status.now.batch = self.committer.batch
        self._outputs, self._letters = [], []
        now_s = time.monotonic()
        self._commit_due_s, self._idle_due_s = now_s + self.spec.commit_ms / 1000, now_s + _IDLE_COMMIT_S

    def _fit_rows(self, rows: int, took_s: float) -> None:
        """Let the next batches take about _BATCH_S, from what this one took."""
        if rows >= _MIN_ROWS:
            self._rows = max(_MIN_ROWS, min(self.spec.rows, int(rows * _BATCH_S / took_s)))

    # ---- snapshot, report, end ----
    def _snapshot(self, last: bool = False) -> None:
        committer = self.committer
        if committer.batch == self._snapshot_batch or committer.journal_offset is None:
            return
        if not last and (time.monotonic() < self._snapshot_due_s or self.snapshots.busy):
            return
        if not self.stepper.inputs.empty or self._outputs:  # ticks since the last commit are in the state, but in no journal entry yet
            self._commit()
        positions = {**self.intake.positions, (JOURNAL, self.spec.shard): committer.journal_offset}
        places = tuple(StartPosition(*place, offset) for place, offset in positions.items())
        moment = Moment(self.run_number, committer.batch, self.last_ts_ns, places, self.stepper.outputs.digest)
        self.snapshots.write(self.process.snapshot(), moment)
        self._snapshot_batch, self._snapshot_due_s = committer.batch, time.monotonic() + self.spec.snapshot_s

    def _report(self) -> None:
        self.status.write(lag=self.intake.lag(), strategies=self.process.shown())

    def _end(self) -> None:
        self._collect()
        if not self.stepper.inputs.empty or self._outputs or self._letters or len(self.stamps):
            self._commit()
        self._snapshot(last=True)
        self.snapshots.wait()
        self._report()

    def _take_over(self, state: Recovered, control: Control, writers: dict[str, int]) -> None:
        spec, run = self.spec, control.last_run()
        self.run_number = run.run_number or 0
        self.clock = RunClock(run.clock or Clock.WALL, run.clock_start_ns or 0, run.wall_start_ns or 0, run.speed or 1.0)
        self.process, self.last_ts_ns = state.process, state.last_ts_ns
        self.stepper = Stepper(state.process, state.outputs)
        self.stamps = Stamps(spec.process, self.run_number)
        own = {state.process.spec.writers[topic] for topic in state.process.writes}
        self.intake = Intake(self.consumer, spec.kafka, self.wire, state.positions, own, self.run_number)
        self.committer = Committer(spec, self.wire, self.producer, self.consumer, writers, self.run_number, state.outputs)
        self.committer.batch, self.committer.journal_offset = state.batch, state.journal_offset
        self.snapshots = SnapshotWriter(spec, self.wire, writers[SNAPSHOTS], state.snapshot_number, state.snapshot_id)
        self.snapshots.first_offset = state.snapshot_offset
        self._snapshot_batch, self._snapshot_due_s = state.batch, time.monotonic() + spec.snapshot_s
        self._tick_s = max(_MIN_TICK_S, spec.tick_ms / 1000 / self.clock.speed)
        self.status.write(run=self.run_number, batch=state.batch, restored_batches=state.replayed)
        _LOG.info("fresh" if state.fresh else "restored", name=spec.name, run=self.run_number, batch=state.batch, replayed=state.replayed)


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
