"""One batch as one transaction: outputs, dead letters, stamps, journal entry and the positions of the inputs, all or nothing."""

import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import structlog
from confluent_kafka import Consumer, Message

from streams.errors import FencedError, LaneError
from streams.lanes.bus import MAX_RECORD_BYTES, TRANSACTION_TIMEOUT_MS, Transactions
from streams.lanes.input_log import InputLog
from streams.lanes.journal import OutputLog, Place, journal_key, schema_versions
from streams.lanes.spec import LaneSpec, is_control
from streams.lanes.stepper import Output
from streams.lanes.wire import HEADER_BYTES, Wire
from streams.lanes.writers import JOURNAL, LATENCY, SNAPSHOTS, dlq_topic
from streams.records import DeadLetter, JournalEntry, Latency, StartPosition
from streams.schema import ids

__all__ = ["Committer", "Letter"]

_LOG = structlog.get_logger("lane")
_REASON_CHARS = 2_000
_PAYLOAD_BYTES = MAX_RECORD_BYTES - 20_000  # what is cut off a larger one is named in the reason
_NO_OFFSET = -1


class Letter(NamedTuple):
    """An input that cannot be used (or an output that no topic takes: offset -1), and why."""

    topic: str
    partition: int
    offset: int
    reason: str
    payload: bytes
    cause_id: int = 0


class Committer:
    """Writes the batches of one process and shard.

    batch            : number of the last batch committed or being committed, -1 before the first
    journal_offset   : where its last journal entry stands
    snapshot_offset  : where its newest whole snapshot begins; like journal_offset it is committed too, so that the next instance finds both
    """

    def __init__(
        self,
        spec: LaneSpec,
        wire: Wire,
        producer: Transactions,
        consumer: Consumer,
        writers: Mapping[str, int],
        run_number: int,
        outputs: OutputLog,
    ) -> None:
        self.batch = -1
        self.journal_offset: int | None = None
        self.snapshot_offset: int | None = None
        self._spec, self._wire, self._producer, self._consumer = spec, wire, producer, consumer
        self._writers, self._run_number, self._outputs = writers, run_number, outputs
        self._begun_s: float | None = None

    def next_id(self, topic: str) -> int:
        """The next id of the lane's own writer of a topic ("" = clock ticks)."""
        return self._outputs.next_id(topic, self._writers[topic])

    def commit(
        self, log: InputLog, outputs: list[Output], letters: list[Letter], stamps: list[Latency], positions: Mapping[Place, int], ts_ns: int
    ) -> None:
        """Write the batch. LaneError: nothing of it will ever be seen, call `abort` and end the process."""
        self._begun_s = time.monotonic()
        self._producer.begin()
        letters = letters + [letter for output in outputs if (letter := self._send(output))]
        for letter in letters:
            self._send_letter(letter, ts_ns)
        for stamp in stamps:
            self._producer.send(LATENCY, self._spec.shard, self._wire.encode(LATENCY, stamp))
        self.batch += 1
        pointers = {JOURNAL: self.journal_offset, SNAPSHOTS: self.snapshot_offset}
        entry = self._entry(log, {output.topic for output in outputs}, positions, ts_ns)
        key = journal_key(self._spec.process, self._spec.shard)
        self._producer.send(JOURNAL, self._spec.shard, self._wire.encode(JOURNAL, entry), key, self._journalled)
        found = {(topic, self._spec.shard): offset for topic, offset in pointers.items() if offset is not None}
        self._producer.commit({**positions, **found}, self._consumer)
        self._begun_s = None

    def abort(self, error: Exception) -> Exception:
        """Make sure that nothing of an open transaction shows; the error to report: one that ran out of time is no takeover."""
        begun_s, self._begun_s = self._begun_s, None
        if begun_s is None:
            return error
        age_s = time.monotonic() - begun_s
        self._producer.abort()
        if isinstance(error, FencedError) and age_s > TRANSACTION_TIMEOUT_MS / 1000 * 0.9:
            return LaneError(f"{self._spec.name}: a transaction was open for {age_s:.0f} s, longer than the broker waits: {error}")
        return error

    def _entry(self, log: InputLog, written: set[str], positions: Mapping[Place, int], ts_ns: int) -> JournalEntry:
        return JournalEntry(
            id=self.next_id(JOURNAL),
            cause_id=0,
            run_id=self._run_number,
            ts_ns=ts_ns,
            recv_ts_ns=ts_ns,
            process=self._spec.process,
            shard=self._spec.shard,
            batch=self.batch,
            inputs=log.runs(),
            tick_ts_ns=tuple(log.tick_ts_ns),
            positions=tuple(StartPosition(*place, offset) for place, offset in positions.items()),
            outputs=self._outputs.take(),
            outputs_hash=self._outputs.digest,
            schemas=schema_versions(self._wire, log.topics | written),
            dead_letters=tuple(log.dead_letters),
            code_hash=self._spec.code_hash,
        )

    def _send(self, output: Output) -> Letter | None:
        """Queue an output; a dead letter instead if no topic takes a record of its size."""
        topic, record, body = output
        partition = self._partition(topic, record)
        if len(body) + HEADER_BYTES <= MAX_RECORD_BYTES:
            self._producer.send(topic, partition, self._wire.header(topic) + body)
            return None
        reason = f"record {ids.text(record.id)} of {len(body)} bytes is too large for {topic}, which takes {MAX_RECORD_BYTES}"
        return Letter(topic, partition, _NO_OFFSET, reason, body, record.id)

    def _send_letter(self, letter: Letter, ts_ns: int) -> None:
        topic, payload, reason = dlq_topic(letter.topic), letter.payload, letter.reason[:_REASON_CHARS]
        _LOG.warning("dead letter", topic=letter.topic, partition=letter.partition, offset=letter.offset, reason=reason)
        if len(payload) > _PAYLOAD_BYTES:
            reason += f"; the payload here is the first {_PAYLOAD_BYTES} of {len(payload)} bytes"
        record = DeadLetter(
            id=self.next_id(topic),
            cause_id=letter.cause_id,
            run_id=self._run_number,
            ts_ns=ts_ns,
            recv_ts_ns=ts_ns,
            topic=letter.topic,
            partition=letter.partition,
            offset=letter.offset,
            reason=reason,
            payload=payload[:_PAYLOAD_BYTES],
        )
        self._producer.send(topic, 0 if is_control(letter.topic) else self._spec.shard, self._wire.encode(topic, record))

    def _partition(self, topic: str, record: Any) -> int:
        if self._spec.partition_of is not None:
            return self._spec.partition_of(topic, record)
        return 0 if is_control(topic) else self._spec.shard

    def _journalled(self, error: object, message: Message) -> None:
        if error is None:
            self.journal_offset = message.offset()
