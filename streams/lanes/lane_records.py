"""What a lane itself writes beside the outputs of its agents: journal entries, dead letters, alerts; with ids of its own writers."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import structlog

from streams.lanes.client import MAX_RECORD_BYTES
from streams.lanes.journal import OutputLog, schema_versions
from streams.lanes.letters import Letter
from streams.lanes.place import Place
from streams.lanes.spec import LaneSpec, is_control
from streams.lanes.wire import Wire
from streams.lanes.writers import ALERTS, JOURNAL, dlq_topic
from streams.records import Alert, DeadLetter, InputRun, JournalEntry, Severity, StartPosition

__all__ = ["InputsLike", "LaneRecords", "Value"]

_LOG = structlog.get_logger("lane")
_REASON_CHARS = 2_000
_PAYLOAD_BYTES = MAX_RECORD_BYTES - 20_000  # what is cut off a larger one is named in the reason

Value = tuple[str, int, bytes]
"""Topic, partition, and the bytes to write there."""


class InputsLike(Protocol):
    """The inputs of one batch: what is asked of `InputLog`, or of the mirror's `Inputs`."""

    @property
    def topics(self) -> set[str]: ...
    @property
    def tick_ts_ns(self) -> Sequence[int]: ...
    @property
    def dead_letters(self) -> Sequence[StartPosition]: ...
    def runs(self) -> tuple[InputRun, ...]: ...


class LaneRecords:
    """Makes the records of one process and shard in a run. outputs: where its writers count; wire: how they are written."""

    def __init__(self, spec: LaneSpec, wire: Wire, writers: Mapping[str, int], run_number: int, outputs: OutputLog) -> None:
        self.wire, self._spec, self._writers = wire, spec, writers
        self._run_number, self._outputs = run_number, outputs

    def next_id(self, topic: str) -> int:
        """The next id of the lane's own writer of a topic ("" = clock ticks)."""
        return self._outputs.next_id(topic, self._writers[topic])

    def last_id(self, topic: str) -> int:
        """The id that `next_id` gave last."""
        return self._outputs.last_ids[self._writers[topic]][1]

    def entry(self, batch: int, log: InputsLike, written: Iterable[str], positions: Mapping[Place, int], ts_ns: int) -> Value:
        """The journal entry of a batch. written: topics of its outputs."""
        spec, runs = self._spec, log.runs()
        record = JournalEntry(
            id=self.next_id(JOURNAL),
            cause_id=0,
            run_id=self._run_number,
            ts_ns=ts_ns,
            recv_ts_ns=ts_ns,
            process=spec.process,
            shard=spec.shard,
            batch=batch,
            inputs=runs,
            tick_ts_ns=tuple(log.tick_ts_ns),
            positions=tuple(StartPosition(*place, offset) for place, offset in positions.items()),
            outputs=self._outputs.take(),
            outputs_hash=self._outputs.digest,
            schemas=schema_versions(self.wire, log.topics.union(written)),
            dead_letters=tuple(log.dead_letters),
            code_hash=spec.code_hash,
        )
        return JOURNAL, spec.shard, self.wire.encode(JOURNAL, record)

    def letter(self, letter: Letter, ts_ns: int) -> Value:
        """A dead letter."""
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
        return topic, 0 if is_control(letter.topic) else self._spec.shard, self.wire.encode(topic, record)

    def alert(self, severity: Severity, text: str, ts_ns: int) -> Value:
        """Something that a person should know."""
        record = Alert(self.next_id(ALERTS), 0, self._run_number, ts_ns, ts_ns, severity, self._spec.name, text)
        partition_of = self._spec.partition_of
        return ALERTS, partition_of(ALERTS, record) if partition_of else self._spec.shard, self.wire.encode(ALERTS, record)
