"""The Kafka lane: one process of one shard, batch by batch, each batch one transaction of outputs, journal entry and positions.

    exit(run_lane(LaneSpec(...), build))

Cycle: take what is there, feed it in order, tick the clock, encode, and commit everything at once. After any failure the memory of the
transaction cannot be trusted: abort, end, and let the supervisor start a new process that restores itself (contract 16 to 18, 23).
"""

import signal
import time
from types import FrameType

import structlog
from confluent_kafka import Message, TopicPartition

from streams.clock import RunClock
from streams.errors import FencedError, LaneError, MillraceError
from streams.lanes.bus import MAX_RECORD_BYTES, TRANSACTION_TIMEOUT_MS, Transactions, end_offsets, list_topics, open_consumer
from streams.lanes.control import Control, last_id, read_control
from streams.lanes.intake import Batch, Intake
from streams.lanes.journal import Place, journal_key, schema_versions
from streams.lanes.registry import SchemaIds
from streams.lanes.restore import Recovered, recover
from streams.lanes.snapshot import Moment, SnapshotWriter, find_snapshot
from streams.lanes.spec import Build, LaneSpec, input_places, is_control
from streams.lanes.status import StatusFile
from streams.lanes.stepper import Output, Stepper
from streams.lanes.wire import HEADER_BYTES, Wire
from streams.lanes.writers import JOURNAL, LATENCY, SNAPSHOTS, TICKS, dlq_topic, lane_writers
from streams.records import Clock, DeadLetter, JournalEntry, Latency, StartPosition
from streams.schema import ids

__all__ = ["EXIT_FAILED", "EXIT_FENCED", "EXIT_NEW_RUN", "EXIT_OK", "KafkaLane", "run_lane"]

EXIT_OK = 0  # ordered stop
EXIT_FAILED = 1  # restart
EXIT_FENCED = 3  # another instance has the shard: do not restart
EXIT_NEW_RUN = 4  # a new run has begun: restart, into it

_LOG = structlog.get_logger("lane")
_MIN_TICK_S = 0.005
_IDLE_COMMIT_S = 1.0


class KafkaLane:
    """One process of one shard. `open`, then `run` until `stop` is set."""

    def __init__(self, spec: LaneSpec, build: Build) -> None:
        self.spec, self.build = spec, build
        self.stop = False
        self.new_run = 0
        self.status = StatusFile(spec.status_path, spec.process, spec.shard)
        self._begun: float | None = None  # monotonic time at which the open transaction began
        self._opened = False

    # ---- open ----
    def open(self) -> None:
        """Fence the predecessor, settle its transaction, restore state. LaneError or RestoreError with the reason."""
        spec = self.spec
        self.status.write()
        self.wire = Wire(SchemaIds(spec.registry))
        self.producer = Transactions(spec.kafka, spec.name)
        self.consumer = open_consumer(
            spec.kafka, spec.name, {"enable.partition.eof": True, "queued.max.messages.kbytes": 16_384, "queued.min.messages": 20_000}
        )
        control = read_control(spec.kafka, self.wire)
        process = self.build(control)
        places = input_places(spec, process)
        self._check_topics([*(topic for topic, _ in places), *process.writes, JOURNAL, SNAPSHOTS, LATENCY])
        names = lane_writers(spec.process, spec.shard, {*(topic for topic, _ in places), *process.writes})
        self.writers = {topic: control.writer(name) for topic, name in names.items()}
        state = recover(spec, self.wire, control, lambda _: process, places, self._pointers(places))
        if state.batch < 0:
            self._continue_counters(state)
        self._take_over(state, control)

    def _take_over(self, state: Recovered, control: Control) -> None:
        run = control.last_run()
        self.run_number = run.run_number or 0
        self.clock = RunClock(run.clock or Clock.WALL, run.clock_start_ns or 0, run.wall_start_ns or 0, run.speed or 1.0)
        self.process, self.batch = state.process, state.batch
        self.stepper = Stepper(state.process, state.outputs)
        self.journal_offset, self.last_ts_ns = state.journal_offset, state.last_ts_ns
        own = {state.process.spec.writers[topic] for topic in state.process.writes}
        self.intake = Intake(self.consumer, self.spec.kafka, self.wire, state.positions, own, self.run_number)
        self.snapshots = SnapshotWriter(
            self.spec.kafka,
            self.wire,
            self.spec.process,
            self.spec.shard,
            self.spec.shard,
            self.writers[SNAPSHOTS],
            state.snapshot_number,
            state.snapshot_id,
        )
        self.snapshots.first_offset = state.snapshot_offset
        self._snapshot_batch, self._snapshot_due = self.batch, time.monotonic() + self.spec.snapshot_s
        self._letters: list[tuple[Message, str]] = []
        self._outputs: list[Output] = []
        self._waiting: dict[str, tuple[int, int, int]] = {}  # topic -> Kafka timestamp ms, id, taken ns of the batch's oldest data record
        self._latencies: list[tuple] = []
        self._latency_due = self._commit_due = self._tick_due = self._idle_due = 0.0
        self._tick_s = max(_MIN_TICK_S, self.spec.tick_ms / 1000 / self.clock.speed)
        self.status.write(run=self.run_number, batch=self.batch, restored_batches=state.replayed)
        _LOG.info(
            "restored" if not state.fresh else "fresh", name=self.spec.name, run=self.run_number, batch=self.batch, replayed=state.replayed
        )

    def _check_topics(self, topics: list[str]) -> None:
        there = list_topics(self.spec.kafka)
        missing = sorted({topic for topic in topics if topic not in there})
        if missing:
            raise LaneError(f"kafka {self.spec.kafka}: no topic {', '.join(missing)}; `millrace apply TOPOLOGY` creates what is missing")

    def _pointers(self, places: tuple[Place, ...]) -> dict[str, int]:
        """Committed offsets of journal and snapshots. The call also waits for offsets of transactions that are being settled."""
        asked = [
            TopicPartition(JOURNAL, self.spec.shard),
            TopicPartition(SNAPSHOTS, self.spec.shard),
            *(TopicPartition(*place) for place in places),
        ]
        found = self.consumer.committed(asked, 30.0)
        for place in found:
            if place.error:
                raise LaneError(f"kafka {self.spec.kafka}: committed offset of {place.topic}[{place.partition}]: {place.error.str()}")
        return {place.topic: place.offset for place in found[:2] if place.offset >= 0}

    def _continue_counters(self, state: Recovered) -> None:
        """No journal entry: this process never ran, or its journal is no longer kept. The topics themselves say where its ids ended."""
        spec, process = self.spec, state.process
        writers = {topic: process.spec.writers[topic] for topic in process.writes} | {
            t: w for t, w in self.writers.items() if t not in (TICKS, SNAPSHOTS)
        }
        there = list_topics(spec.kafka)
        ends = end_offsets(spec.kafka, [(topic, partition) for topic in writers for partition in range(there.get(topic, 0))])
        for topic, partition in [place for place, end in ends.items() if end > 0]:
            writer = writers[topic]
            last = last_id(spec.kafka, topic, partition, writer)
            if last > state.outputs.last_ids.get(writer, ("", 0))[1]:
                state.outputs.last_ids[writer] = (topic, last)
        process.set_counters(state.outputs.counters({topic: process.spec.writers[topic] for topic in process.writes}))
        _, state.snapshot_number, state.snapshot_id = find_snapshot(spec.kafka, self.wire, spec.process, spec.shard, spec.shard, 0, -1)

    # ---- the cycle ----
    def run(self) -> None:
        """Until `stop`, or until a new run begins (`new_run`); then what is pending is committed and a snapshot written."""
        for messages in self.intake.control_to_end(self.spec.rows):
            self._feed(self.intake.batch(messages))
            self._commit()
        self.intake.assign()
        self.status.write(state="running")
        while not self.stop and not self.new_run:
            wait_s = max(0.001, min(self._tick_due - time.monotonic(), 0.1))  # below 1 ms the client does not wait at all
            messages = self.intake.take(self.spec.rows, wait_s, self._commit_due)
            self._tick()
            if messages:
                self._feed(self.intake.batch(messages))
            self._collect()
            if self._outputs or self._letters or self.stepper.inputs.count or (self._idle() and not self.stepper.inputs.empty):
                self._commit()
            self._snapshot()
            if self.status.due:
                self._report()
        self._close_orderly()

    def _feed(self, batch: Batch) -> None:
        taken_ns = time.time_ns()
        self._letters += batch.bad
        for message, _ in batch.bad:
            self.stepper.inputs.add_dead_letter(message.topic() or "", message.partition() or 0, message.offset() or 0)
        feed, waiting = self.stepper.feed, self._waiting
        for item in batch.inputs:
            reason = feed(item.topic, item.partition, item.offset, item.record)
            if reason is not None:
                self._letters.append((item.message, reason))
            if item.data and item.topic not in waiting:
                waiting[item.topic] = (item.message.timestamp()[1], item.record.id, taken_ns)
        self.new_run = batch.new_run
        self.status.now.records_in += len(batch.inputs)

    def _tick(self) -> None:
        """One clock tick when it is due: before the records that came meanwhile, so that a process that lags sees it (contract 9)."""
        now = time.monotonic()
        if now < self._tick_due:
            return
        self._tick_due = now + self._tick_s
        ts_ns = self.clock.now_ns()
        if ts_ns > self.last_ts_ns:  # the wall clock may be set back; the run's time may not
            self.last_ts_ns = ts_ns
            self.stepper.tick(self.stepper.outputs.next_id(TICKS, self.writers[TICKS]), ts_ns)

    def _collect(self) -> None:
        outputs = self.stepper.collect()
        self._outputs += outputs
        self.status.now.records_out += len(outputs)

    def _idle(self) -> bool:
        return time.monotonic() >= self._idle_due

    # ---- commit ----
    def _commit(self) -> None:
        self._collect()
        stepped_ns, log = time.time_ns(), self.stepper.next_batch()
        self._begun = time.monotonic()
        self.producer.begin()
        for output in self._outputs:
            self._send(output)
        for message, reason in self._letters:
            self._send_letter(message.topic() or "", message.partition() or 0, message.offset() or 0, reason, message.value() or b"")
        self._send_latencies()
        self.batch += 1
        topics = log.topics | {output.topic for output in self._outputs}
        entry = JournalEntry(
            id=self._id(JOURNAL),
            cause_id=0,
            run_id=self.run_number,
            ts_ns=self.last_ts_ns,
            recv_ts_ns=self.last_ts_ns,
            process=self.spec.process,
            shard=self.spec.shard,
            batch=self.batch,
            inputs=log.runs(),
            tick_ts_ns=tuple(log.tick_ts_ns),
            positions=tuple(StartPosition(topic, partition, offset) for (topic, partition), offset in self.intake.positions.items()),
            outputs=self.stepper.outputs.take(),
            outputs_hash=self.stepper.outputs.digest,
            schemas=schema_versions(self.wire, topics),
            dead_letters=tuple(log.dead_letters),
            code_hash=self.spec.code_hash,
        )
        self.producer.send(
            JOURNAL, self.spec.shard, self.wire.encode(JOURNAL, entry), journal_key(self.spec.process, self.spec.shard), self._journalled
        )
        before = self.journal_offset
        self.producer.commit(self.intake.positions | self._pointers_now(before), self.consumer)
        self._begun = None
        self._committed(stepped_ns, log.count)

    def _committed(self, stepped_ns: int, records: int) -> None:
        now_ns, status = time.time_ns(), self.status
        for topic, (ingest_ms, id, taken_ns) in self._waiting.items():
            self._latencies.append((topic, id, ingest_ms * 1_000_000, taken_ns, stepped_ns, now_ns, records))
        if self._waiting:
            status.latency(now_ns / 1e6 - min(ingest_ms for ingest_ms, _, _ in self._waiting.values()))
        status.now.dead_letters += len(self._letters)
        status.now.batches += 1
        status.now.batch = self.batch
        self._waiting, self._outputs, self._letters = {}, [], []
        now = time.monotonic()
        self._commit_due, self._idle_due = now + self.spec.commit_ms / 1000, now + _IDLE_COMMIT_S

    def _send(self, output: Output) -> None:
        topic, record, body = output
        partition = self._partition(topic, record)
        if len(body) + HEADER_BYTES > MAX_RECORD_BYTES:
            reason = f"record {ids.text(record.id)} of {len(body)} bytes is too large for {topic}, which takes {MAX_RECORD_BYTES}; cut here"
            self._send_letter(topic, partition, -1, reason, body[: MAX_RECORD_BYTES // 2], record.id)
        else:
            self.producer.send(topic, partition, self.wire.header(topic) + body)

    def _send_letter(self, topic: str, partition: int, offset: int, reason: str, payload: bytes, cause_id: int = 0) -> None:
        letters, now_ns = dlq_topic(topic), self.clock.now_ns()
        letter = DeadLetter(
            id=self._id(letters),
            cause_id=cause_id,
            run_id=self.run_number,
            ts_ns=now_ns,
            recv_ts_ns=now_ns,
            topic=topic,
            partition=partition,
            offset=offset,
            reason=reason[:2000],
            payload=payload[: MAX_RECORD_BYTES - 10_000],
        )
        _LOG.warning("dead letter", topic=topic, partition=partition, offset=offset, reason=reason)
        self.producer.send(letters, 0 if is_control(topic) else self.spec.shard, self.wire.encode(letters, letter))

    def _send_latencies(self) -> None:
        """Stamps of the batches since the last second, in the transaction of a later batch: ids stay dense, the broker has little to do."""
        now = time.monotonic()
        if now < self._latency_due and not self.stop:
            return
        self._latency_due = now + 1.0
        for topic, id, ingest_ns, taken_ns, stepped_ns, committed_ns, records in self._latencies:
            stamps = Latency(
                id=self._id(LATENCY),
                cause_id=id,
                run_id=self.run_number,
                ts_ns=self.last_ts_ns,
                recv_ts_ns=self.last_ts_ns,
                process=self.spec.process,
                topic=topic,
                input_id=id,
                ingest_wall_ns=ingest_ns,
                taken_wall_ns=taken_ns,
                stepped_wall_ns=stepped_ns,
                committed_wall_ns=committed_ns,
                records=records,
            )
            self.producer.send(LATENCY, self.spec.shard, self.wire.encode(LATENCY, stamps))
        self._latencies.clear()

    def _journalled(self, error: object, message: Message) -> None:
        if error is None:
            self.journal_offset = message.offset()

    def _id(self, topic: str) -> int:
        return self.stepper.outputs.next_id(topic, self.writers[topic])

    def _partition(self, topic: str, record: object) -> int:
        if self.spec.partition_of is not None:
            return self.spec.partition_of(topic, record)
        return 0 if is_control(topic) else self.spec.shard

    def _pointers_now(self, journal_offset: int | None) -> dict[Place, int]:
        """Where the next instance finds the newest journal entry and the newest whole snapshot without searching."""
        shard, snapshot = self.spec.shard, self.snapshots.first_offset
        return {(t, shard): offset for t, offset in ((JOURNAL, journal_offset), (SNAPSHOTS, snapshot)) if offset is not None}

    # ---- snapshot, status, end ----
    def _snapshot(self, last: bool = False) -> None:
        if self.batch == self._snapshot_batch or self.journal_offset is None:
            return
        if not last and (time.monotonic() < self._snapshot_due or self.snapshots.busy):
            return
        if not (
            self.stepper.inputs.empty and not self._outputs
        ):  # ticks since the last commit are in the state, but in no journal entry yet
            self._commit()
        positions = self.intake.positions | {(JOURNAL, self.spec.shard): self.journal_offset}
        moment = Moment(
            self.run_number,
            self.batch,
            self.last_ts_ns,
            tuple(StartPosition(topic, partition, offset) for (topic, partition), offset in positions.items()),
            self.stepper.outputs.digest,
        )
        self.snapshots.write(self.process.snapshot(), moment)
        self._snapshot_batch, self._snapshot_due = self.batch, time.monotonic() + self.spec.snapshot_s

    def _close_orderly(self) -> None:
        self._collect()
        if not self.stepper.inputs.empty or self._outputs or self._latencies:
            self._commit()
        self._snapshot(last=True)
        self.snapshots.wait()
        self._report()

    def _report(self) -> None:
        self.status.write(lag=self.intake.lag())

    def failed(self, error: Exception) -> Exception:
        """Abort what is open; the error to report. A transaction that ran out of time is no takeover."""
        begun, self._begun = self._begun, None
        if begun is None:
            return error
        age_s = time.monotonic() - begun
        self.producer.abort()
        if isinstance(error, FencedError) and age_s > TRANSACTION_TIMEOUT_MS / 1000 * 0.9:
            return LaneError(f"{self.spec.name}: a transaction was open for {age_s:.0f} s, longer than the broker waits: {error}")
        return error

    def close(self) -> None:
        """Free the clients."""
        for client in (getattr(self, "consumer", None), getattr(self, "producer", None)):
            if client is not None:
                client.close()


def run_lane(spec: LaneSpec, build: Build) -> int:
    """Run a process until SIGTERM or SIGINT (0), a new run (4), a takeover (3) or a failure (1); the exit status of the process."""
    lane = KafkaLane(spec, build)

    def on_signal(number: int, frame: FrameType | None) -> None:
        if not lane._opened:
            raise SystemExit(EXIT_OK)  # nothing is open yet
        lane.stop = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    try:
        lane.open()
        lane._opened = True
        lane.run()
    except Exception as fault:
        error = lane.failed(fault)
        fenced = isinstance(error, FencedError)
        _LOG.error(
            "fenced" if fenced else "failed",
            name=spec.name,
            reason=str(error) or repr(error),
            exc_info=not isinstance(error, MillraceError) and error,
        )
        lane.status.write(state="fenced" if fenced else "failed", reason=str(error) or repr(error))
        return EXIT_FENCED if fenced else EXIT_FAILED
    finally:
        lane.close()
    lane.status.write(state="new run" if lane.new_run else "stopped")
    return EXIT_NEW_RUN if lane.new_run else EXIT_OK
