"""What a gateway writes: venue events, dead letters and latency stamps, in one transaction with the position they leave."""

import time
from typing import Any

import numpy as np
from confluent_kafka import Message

from streams.clock import RunClock
from streams.errors import DecodeError
from streams.lanes.bulk_transactions import BulkTransactions
from streams.lanes.bus import MAX_RECORD_BYTES, tail_records
from streams.lanes.control import Control
from streams.lanes.latency import Stamps
from streams.lanes.wire import Wire
from streams.lanes.writers import LATENCY, dlq_topic, writer_name
from streams.records import DeadLetter, Request, VenueEvent, VenueEventType
from streams.schema import ids
from streams.venues.gateway_lane import EVENTS, REQUESTS
from streams.venues.gateway_state import Pending

__all__ = ["EventWriter", "event_of", "last_sequence", "letter_of"]

_LETTERS = dlq_topic(REQUESTS)
_RAW_BYTES = MAX_RECORD_BYTES - 2_000  # the rest of an event needs less


class EventWriter:
    """The outputs of one gateway and shard. Its constructor fences an earlier instance and finds the last id of each output.

    written, letters_written : events and dead letters since the start
    """

    def __init__(self, kafka: str, wire: Wire, control: Control, group: str, process: str, shard: int, clock: RunClock) -> None:
        self.run_id = control.last_run().run_number or 0
        self.shard, self.clock, self.written, self.letters_written = shard, clock, 0, 0
        self._wire = wire
        self._group, self._transactions = group, BulkTransactions(kafka, group)
        self._transactions.initialise()  # first: it settles what a dead instance left open
        writers = {topic: control.writer(writer_name(process, shard, topic)) for topic in (EVENTS, _LETTERS, LATENCY)}
        self._ids = {topic: ids.Counter(writer, last_sequence(kafka, wire, topic, shard, writer)) for topic, writer in writers.items()}
        self._stamps = Stamps(process, self.run_id)
        self._events: list[VenueEvent] = []
        self._letters: list[DeadLetter] = []
        self._answered: Pending | None = None

    def __len__(self) -> int:
        return len(self._events) + len(self._letters)

    def base(self) -> int:
        """An id of our events without its sequence."""
        return self._ids[EVENTS].base

    def event(self, kind: VenueEventType, request: Request, cause_id: int, answers: Pending | None, raw: bytes, **more: Any) -> VenueEvent:
        """Queue an event about the order of a request; the event. answers: the request it answers."""
        now_ns = self.clock.now_ns()
        if answers is not None and self._answered is None:
            self._answered = answers
        event = event_of(self._ids[EVENTS].next(), self.run_id, now_ns, kind, request, cause_id, raw, **more)
        self._events.append(event)
        return event

    def dead_letter(self, offset: int, value: bytes | None, reason: str) -> None:
        """Queue a request that cannot be read."""
        now_ns = self.clock.now_ns()
        self._letters.append(letter_of(self._ids[_LETTERS].next(), self.run_id, now_ns, (REQUESTS, self.shard, offset), value, reason))

    def take(self) -> list[tuple[str, bytes]]:
        """The records of the next transaction, in order; empty when nothing is queued."""
        events, self._events = self._events, []
        letters, self._letters = self._letters, []
        if not events and not letters:
            return []
        stamps = self._stamps.leave(self._ids[LATENCY].next, self.clock.now_ns())
        self.written += len(events)
        self.letters_written += len(letters)
        records = [(EVENTS, e) for e in events] + [(_LETTERS, letter) for letter in letters] + [(LATENCY, stamp) for stamp in stamps]
        return [(topic, self._wire.encode(topic, record)) for topic, record in records]

    def commit(self, records: list[tuple[str, bytes]], position: int) -> float | None:
        """Write records and position, both or none; ms from Kafka's timestamp of the first request answered, None without one.

        LaneError when it fails: the process must end. May block, so call it in a thread.
        """
        answered, self._answered = self._answered, None
        self._transactions.begin()
        for topic in dict.fromkeys(topic for topic, _ in records):
            values = [value for found, value in records if found == topic]
            sizes = np.array([len(value) for value in values], np.int64)
            self._transactions.send_rows(topic, self.shard, np.frombuffer(b"".join(values), np.uint8), np.cumsum(sizes) - sizes, sizes)
        self._transactions.commit({(REQUESTS, self.shard): position}, self._group)
        if answered is None or not answered.came_ms:
            return None
        self._stamps.take(REQUESTS, answered.request.id, answered.came_ms * 1_000_000, answered.taken_ns)
        return self._stamps.committed(answered.sent_ns or time.time_ns(), len(records))

    def close(self) -> None:
        """End the producer."""
        self._transactions.close()


def event_of(
    id: int, run_id: int, now_ns: int, kind: VenueEventType, request: Request, cause_id: int, raw: bytes, **more: Any
) -> VenueEvent:
    """An event about the order of a request; what is too long for a record of the raw message is left out."""
    head = (id, cause_id, run_id, now_ns, now_ns, kind, request.order_id, request.venue, request.symbol)
    return VenueEvent(*head, raw=raw[:_RAW_BYTES], **more)


def letter_of(
    id: int, run_id: int, now_ns: int, place: tuple[str, int, int], value: bytes | None, reason: str, cause_id: int = 0
) -> DeadLetter:
    """A dead letter for what stood at a place: topic, partition, offset."""
    return DeadLetter(id, cause_id, run_id, now_ns, now_ns, *place, reason, (value or b"")[:_RAW_BYTES])


def last_sequence(kafka: str, wire: Wire, topic: str, partition: int, writer: int) -> int:
    """Sequence of the last record that a writer has in a partition, 0 if there is none."""

    def is_ours(message: Message) -> bool:
        try:
            return ids.writer(wire.decode(topic, message.value()).id) == writer
        except DecodeError:
            return False

    found = tail_records(kafka, topic, partition, is_ours)
    return ids.sequence(wire.decode(topic, found[0].value()).id) if found else 0
