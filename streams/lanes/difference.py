"""The first difference between what was written and what today's code writes, named to the field."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from confluent_kafka import TopicPartition

from streams.errors import DecodeError
from streams.lanes.bus import list_topics, open_consumer, read_range
from streams.lanes.wire import Wire
from streams.records import JournalEntry
from streams.schema import ids

__all__ = ["Difference", "Output", "compare", "offset_at", "recorded_outputs"]

_BEFORE_MS = 15_000  # outputs of a batch were sent at most one transaction time-out before its journal entry


class Output(NamedTuple):
    """One record written by a process; `body` is its Avro body without header."""

    topic: str
    record: Any
    body: bytes


@dataclass(frozen=True)
class Difference:
    """Where today's code first differs from the record.

    field            : name of the first field that differs; "" if one of the two records does not exist
    recorded, now    : the field's two values, or the whole record and None
    cause_id         : id of the input that caused the record: `millrace lineage` walks on from it to the frame
    """

    process: str
    shard: int
    batch: int
    topic: str
    id: int
    field: str
    recorded: Any
    now: Any
    cause_id: int

    def __str__(self) -> str:
        where = f"{self.process}/{self.shard} batch {self.batch}"
        if not self.id:
            return f"{where}: {self.field}: recorded {self.recorded}, now {self.now}"
        where = f"{where}: {self.topic} {ids.text(self.id)}"
        because = f" (caused by {ids.text(self.cause_id)})" if self.cause_id else ""
        if self.field:
            return f"{where}: {self.field}: recorded {_show(self.recorded, self.field)}, now {_show(self.now, self.field)}{because}"
        if self.recorded is None:
            return f"{where}: now written, not recorded: {_show(self.now)}{because}"
        return f"{where}: recorded, now not written: {_show(self.recorded)}{because}"


def compare(entry: JournalEntry, recorded: Mapping[int, tuple[str, Any]], now: Iterable[Output]) -> Difference:
    """The first output of a batch that differs, in the order written now; a record that is only recorded comes last."""

    def differs(topic: str, record: Any, field: str, was: Any, is_: Any) -> Difference:
        return Difference(entry.process, entry.shard, entry.batch, topic, record.id, field, was, is_, record.cause_id)

    left = dict(recorded)
    for topic, record, _ in now:
        _, was = left.pop(record.id, ("", None))
        if was is None:
            return differs(topic, record, "", None, record)
        for field, a, b in zip(record._fields, was, record, strict=True):
            if a != b:
                return differs(topic, record, field, a, b)
    for topic, was in sorted(left.values(), key=lambda item: item[1].id):
        return differs(topic, was, "", was, None)
    reason = "another hash although every recorded output is equal: the journal or a topic was changed"
    return Difference(entry.process, entry.shard, entry.batch, "", 0, "outputs_hash", entry.outputs_hash.hex(), reason, 0)


def recorded_outputs(bootstrap: str, wire: Wire, entry: JournalEntry, written_ms: int) -> dict[int, tuple[str, Any]]:
    """(topic, record) by id of what a batch wrote, read from its topics. `written_ms`: Kafka's timestamp of the journal entry."""
    found: dict[int, tuple[str, Any]] = {}
    partitions = list_topics(bootstrap)
    for output in entry.outputs:
        if not output.count:  # the lane's own writers count none
            continue
        first = output.last_id - output.count + 1
        for partition in range(partitions.get(output.topic, 0)):
            start = offset_at(bootstrap, output.topic, partition, written_ms - _BEFORE_MS)
            for message in read_range(bootstrap, output.topic, partition, start) if start is not None else ():
                try:
                    record = wire.decode(output.topic, message.value())
                except DecodeError:
                    continue
                if first <= record.id <= output.last_id:
                    found[record.id] = (output.topic, record)
                elif ids.writer(record.id) == output.writer and record.id > output.last_id:
                    break
    return found


def offset_at(bootstrap: str, topic: str, partition: int, timestamp_ms: int) -> int | None:
    """The first offset with a Kafka timestamp at or after `timestamp_ms`; None if every record is older."""
    consumer = open_consumer(bootstrap)
    try:
        found = consumer.offsets_for_times([TopicPartition(topic, partition, max(0, timestamp_ms))], 20.0)[0]
        return None if found.error or found.offset < 0 else found.offset
    finally:
        consumer.close()


def _show(value: Any, field: str = "") -> str:
    if hasattr(value, "_asdict"):
        return ", ".join(f"{name}={_show(item, name)}" for name, item in value._asdict().items())
    if field in ids.FIELDS and isinstance(value, int):
        return ids.text(value)
    return getattr(value, "name", None) or repr(value)
