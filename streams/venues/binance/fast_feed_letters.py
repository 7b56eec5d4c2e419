"""What a fast feed writes to dead-letter topics: lines that are no frames, frames and control records that normalize cannot use.

A frame or control record at which normalize fails twice has an alert beside its letter.
"""

from collections.abc import Callable, Mapping

import structlog

from streams.lanes.control import Control
from streams.lanes.fast_slots import PASSED, REFUSED, TAKEN_CONTROL, TAKEN_FRAMES
from streams.lanes.spec import LaneSpec, is_control
from streams.lanes.told import Told
from streams.lanes.wire import Wire
from streams.lanes.writers import ALERTS, dlq_topic, lane_writers, writer_name
from streams.records import Alert, DeadLetter, Severity
from streams.schema import ids
from streams.venues.binance.frames import DLQ, FRAMES, PAYLOAD_LIMIT_BYTES

__all__ = ["FeedLetters"]

_REASON_CHARS = 2_000
_ALERT_CHARS = 500
_ALERTS_PARTITION = 0  # of all shards
_LOG = structlog.get_logger("feed")

Write = Callable[[int, str, int, bytes, int, int, int], None]
"""Writes a record into the ring of frames: id, topic, partition, value, receive time, a, b."""


class FeedLetters:
    """Writes letters into the ring of frames, under the writers of the feed and of the process that normalize belongs to.

    sequences : last sequence by writer
    passed    : slot of letters that stand in the ring already, in order, with (topic, id of the input): what is executed again does not
                write them twice
    frames_over, control_over : ids of frames that are passed over; slots of such control records, with the slots of their letters
    """

    def __init__(
        self, wire: Wire, control: Control, feed: str, market: LaneSpec, write: Write, sequences: Mapping[int, int] | None = None
    ) -> None:
        self._wire, self._control, self._shard, self._write = wire, control, market.shard, write
        self._feed, self._market, self._name = feed, market.process, market.name
        self.run_id = control.last_run().run_number or 0
        self.sequences = dict(sequences or {})
        self.passed: dict[int, tuple[str, int]] = {}
        self.frames_over: set[int] = set()
        self.control_over: dict[int, int] = {}
        self.now_ns: Callable[[], int] = lambda: 0
        self.count = 0

    @property
    def feed_writer(self) -> int:
        """Writer of what is no frame."""
        return self._control.writer(writer_name(self._feed, self._shard, DLQ))

    def writer_of(self, topic: str) -> int:
        """Writer of the letters of normalize's inputs from a topic."""
        return self._control.writer(writer_name(self._market, self._shard, dlq_topic(topic)))

    @property
    def alert_writer(self) -> int:
        """Writer of alerts of what is passed over."""
        return self._control.writer(lane_writers(self._market, self._shard, ())[ALERTS])

    def damaged(self, recv_ts_ns: int, source_seq: int, why: str, payload: bytes) -> None:
        """A line or message that is no frame. Its `offset` is its number in the source: it has no place in a topic."""
        self._letter(self.feed_writer, FRAMES, self._shard, 0, recv_ts_ns, source_seq, why, payload, 0, source_seq)

    def too_large(self, recv_ts_ns: int, source_seq: int, payload: bytes, why: str) -> None:
        self.damaged(recv_ts_ns, source_seq, why, payload)

    def refused(self, frame_id: int, recv_ts_ns: int, payload: bytes, why: str) -> None:
        self._letter(self.writer_of(FRAMES), FRAMES, self._shard, frame_id, recv_ts_ns, -1, why, payload, REFUSED, frame_id)

    def refused_control(self, told: Told, why: str) -> None:
        """A control record that cannot be used."""
        cause_id = told.record.id if told.record is not None else 0
        where = self.writer_of(told.topic), told.topic, told.partition
        self._letter(*where, cause_id, self.now_ns(), told.offset, why, told.value, REFUSED, cause_id)

    # ---- what is passed over ----
    def frame_over(self, frame_id: int, recv_ts_ns: int, payload: bytes, why: str) -> None:
        """A frame, in its ring already, at which normalize failed twice: normalize is not given it any more."""
        self._alert(FRAMES, frame_id, why)
        self._letter(self.writer_of(FRAMES), FRAMES, self._shard, frame_id, recv_ts_ns, -1, why, payload, PASSED + TAKEN_FRAMES, frame_id)

    def told_over(self, told: Told, slot: int, why: str) -> None:
        """The same of the control record in a slot of `control`."""
        cause_id = told.record.id if told.record is not None else 0
        self._alert(told.topic, cause_id, why)
        where = self.writer_of(told.topic), told.topic, told.partition
        self._letter(*where, cause_id, self.now_ns(), told.offset, why, told.value, PASSED + TAKEN_CONTROL, slot)

    def known(self, slot: int, topic: str, id: int, a: int, b: int) -> None:
        """Take note of a record of this class that stands in the ring."""
        self.sequences[ids.writer(id)] = ids.sequence(id)
        if a == REFUSED:
            self.passed[slot] = topic, b
        elif a == PASSED + TAKEN_FRAMES:
            self.frames_over.add(b)
        elif a == PASSED + TAKEN_CONTROL:
            self.control_over[b] = slot

    def _alert(self, topic: str, cause_id: int, why: str) -> None:
        """Who fails at an input has a fault that a person should find. It stands before the letter: said twice is better than never."""
        text = f"an input was passed over: {topic}, id {ids.text(cause_id)}: {why}"[:_ALERT_CHARS]
        writer, now_ns = self.alert_writer, self.now_ns()
        sequence = self.sequences.get(writer, 0) + 1
        id = ids.make(writer, sequence)
        record = Alert(id, 0, self.run_id, now_ns, now_ns, Severity.ERROR, self._name, text)
        self._write(id, ALERTS, _ALERTS_PARTITION, self._wire.encode(ALERTS, record), now_ns, 0, 0)
        self.sequences[writer] = sequence

    def _has_passed(self, key: tuple[str, int]) -> bool:
        """Whether a letter stands in the ring; if so it is forgotten."""
        slot = next((slot for slot, found in self.passed.items() if found == key), None)
        return slot is not None and self.passed.pop(slot) == key

    def _letter(
        self, writer: int, topic: str, partition: int, cause_id: int, recv_ts_ns: int, offset: int, why: str, payload: bytes, a: int, b: int
    ) -> None:
        if a == REFUSED and self._has_passed((dlq_topic(topic), b)):
            return
        why = why[:_REASON_CHARS]
        _LOG.warning("dead letter", topic=topic, cause=ids.text(cause_id) if cause_id else "", number=offset, reason=why)
        sequence = self.sequences.get(writer, 0) + 1
        if len(payload) > PAYLOAD_LIMIT_BYTES - 10_000:
            payload = payload[: PAYLOAD_LIMIT_BYTES - 10_000]
            why += f"; the payload here is its first {len(payload)} bytes"
        id = ids.make(writer, sequence)
        record = DeadLetter(id, cause_id, self.run_id, self.now_ns(), recv_ts_ns, topic, partition, offset, why, payload)
        where = 0 if is_control(topic) else self._shard
        self._write(id, dlq_topic(topic), where, self._wire.encode(dlq_topic(topic), record), recv_ts_ns, a, b)
        self.sequences[writer] = sequence
        self.count += 1
