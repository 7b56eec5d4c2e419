"""What a gateway writes on rings: events and dead letters as whole records for the topics, then the slot of each event for the lane.

What finds no room waits in a queue, which the checkpoint keeps: the state of the gateway already has it.
"""

import struct
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import structlog

from streams.clock import RunClock
from streams.errors import EdgeError
from streams.kernel.raw import load_word
from streams.lanes.record_ring import TOPICS, RecordWriter, RingRecord, topic_number
from streams.lanes.ring_ends import Writer
from streams.lanes.wire import Wire
from streams.lanes.writers import dlq_topic
from streams.records import Request, VenueEvent, VenueEventType
from streams.schema import ids
from streams.schema.edge import Edge
from streams.venues.gateway_lane import EVENTS, REQUESTS
from streams.venues.gateway_writer import event_of, letter_of

__all__ = ["EVENT_LETTERS", "REQUEST_LETTERS", "WRITES", "EventRings"]

_LOG = structlog.get_logger("gateway")
REQUEST_LETTERS, EVENT_LETTERS = dlq_topic(REQUESTS), dlq_topic(EVENTS)
WRITES = (EVENTS, REQUEST_LETTERS, EVENT_LETTERS)
_PIECE = struct.Struct("<II")


@dataclass(slots=True)
class _Queued:
    """A record that is still to be written; None of it: not any more. slot: what the lane gets of it."""

    topic: str
    record: Any
    value: bytes
    recorded: bool = False
    slot: bytes | None = None


class EventRings:
    """The writing ends of both rings. Records go first, so that a slot without its record is never seen.

    counters                 : of the writer of each topic; their ids are given when something is queued
    written, letters_written : events and dead letters that were written since the start
    """

    def __init__(
        self,
        records: RecordWriter,
        events: Writer,
        wire: Wire,
        edge: Edge,
        clock: RunClock,
        run_id: int,
        shard: int,
        counters: dict[str, ids.Counter],
    ) -> None:
        self.counters, self.written, self.letters_written = counters, 0, 0
        self._records, self._events, self._wire, self._edge, self._clock = records, events, wire, edge, clock
        self._run_id, self._shard = run_id, shard
        self._queue: deque[_Queued] = deque()
        self._raw_nbytes = records.writer.ring.capacity * records.writer.ring.slot_nbytes // 4  # a ring takes no record beyond its half

    def __len__(self) -> int:
        """What waits for room."""
        return len(self._queue)

    def event(self, kind: VenueEventType, request: Request, cause_id: int, raw: bytes, **more: Any) -> VenueEvent:
        """Queue an event. What fits no slot becomes a dead letter, too: the lane does not get it."""
        id, now_ns = self.counters[EVENTS].next(), self._clock.now_ns()
        event = event_of(id, self._run_id, now_ns, kind, request, cause_id, raw[: self._raw_nbytes], **more)
        slot = self._slot_of(event)
        queued = _Queued(EVENTS, event, self._wire.encode(EVENTS, event), slot=slot if isinstance(slot, bytes) else None)
        self._queue.append(queued)
        if isinstance(slot, str):
            self.letter(EVENT_LETTERS, queued.value, slot, id)
        return event

    def letter(self, topic: str, value: bytes, reason: str, cause_id: int = 0) -> None:
        """Queue a dead letter; topic: that of the letters."""
        _LOG.error("dead letter", topic=topic, reason=reason)
        place, now_ns = (topic.removesuffix(dlq_topic("")), self._shard, -1), self._clock.now_ns()
        letter = letter_of(self.counters[topic].next(), self._run_id, now_ns, place, value[: self._raw_nbytes], reason, cause_id)
        self._queue.append(_Queued(topic, letter, self._wire.encode(topic, letter)))

    def flush(self) -> None:
        """Write what is queued, as far as there is room."""
        while self._queue:
            first = self._queue[0]
            if not first.recorded and not self._write(first):
                return
            first.recorded = True
            if first.slot is not None and self._events.write(first.slot, 0) == 0:
                return
            self._queue.popleft()

    def _write(self, one: _Queued) -> bool:
        r = one.record
        head = {"cause_id": r.cause_id, "ts_ns": r.ts_ns, "recv_ts_ns": r.recv_ts_ns, "partition": self._shard}
        if self._records.write(r.id, one.topic, one.value, **head, patience_ns=0) < 0:
            return False
        self.written += one.topic == EVENTS
        self.letters_written += one.topic != EVENTS
        return True

    def _slot_of(self, event: VenueEvent) -> bytes | str:
        """What the lane gets of an event, or why it cannot get it."""
        try:
            return self._edge.to_slots(event)
        except EdgeError as error:
            return str(error)

    # ---- restarts ----
    def saved(self) -> bytes:
        """The queue, for a checkpoint."""
        return b"".join(_PIECE.pack(topic_number(one.topic), len(one.value)) + one.value for one in self._queue)

    def restore(self, saved: bytes, since: Iterable[RingRecord]) -> list[VenueEvent]:
        """Queue again what a killed instance left half written; the events that the checkpoint's state does not have.

        saved: the queue of the checkpoint; since: what the ring of records holds that was written after it.
        """
        waiting, at = dict[tuple[str, int], _Queued](), 0
        while at < len(saved):
            number, size = _PIECE.unpack_from(saved, at)
            at += _PIECE.size
            one = self._decoded(TOPICS[number], saved[at : at + size])
            waiting[one.topic, one.record.id] = one
            at += size
        news, last_id = list[VenueEvent](), self._last_slot()
        for found in since:
            known = waiting.get((found.topic, found.id))
            if known is None:
                known = waiting[found.topic, found.id] = self._decoded(found.topic, found.payload)
                news += [known.record] if found.topic == EVENTS else []
            known.recorded = True
            counter = self.counters[found.topic]
            counter.sequence = max(counter.sequence, ids.sequence(found.id))
        letters = {one.record.cause_id for one in waiting.values() if one.topic == EVENT_LETTERS}
        for one in waiting.values():
            slot = self._slot_of(one.record) if one.topic == EVENTS and one.record.id > last_id else b""
            one.slot = slot if isinstance(slot, bytes) and slot else None
            if not one.recorded or one.slot is not None:
                self._queue.append(one)
            if isinstance(slot, str) and one.record.id not in letters:
                self.letter(EVENT_LETTERS, one.value, slot, one.record.id)
        return news

    def _decoded(self, topic: str, value: bytes) -> _Queued:
        return _Queued(topic, self._wire.decode(topic, value), value)

    def _last_slot(self) -> int:
        """Id of the last event that the lane has got, 0 = none."""
        ring = self._events.ring
        return load_word(ring.memory.data + ((ring.head - 1) & (ring.capacity - 1)) * ring.slot_nbytes) if ring.head else 0
