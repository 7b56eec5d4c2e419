"""Topics into a ring: control records, and what else a lane reads of topics, as they stand there, in the order in which it takes them."""

import time
from collections import deque
from collections.abc import Mapping

from streams.errors import DecodeError
from streams.lanes.bulk_consumer import BulkConsumer
from streams.lanes.control import COMMANDS
from streams.lanes.control_ring import forward, forward_end
from streams.lanes.place import Place
from streams.lanes.record_ring import RecordWriter
from streams.lanes.wire import Wire
from streams.records import CommandType

__all__ = ["Forwarder"]

_ROWS = 5_000
_Value = tuple[int, int, int, int, bytes]
"""Rank of the place, partition, offset, id, value: sorts in consuming order."""


class Forwarder:
    """Reads places from given positions on, and writes what it finds to the ring `control`. It never waits for room: what finds none waits.

    ends            : of the places when the mirror began: everything up to them goes first, in the order of the places, then an END
    new_run         : number of a run that has begun since, 0 if none; nothing behind it is forwarded
    command_offsets : where commands stand in their topic, by id
    """

    def __init__(
        self,
        consumer: BulkConsumer,
        wire: Wire,
        writer: RecordWriter,
        positions: Mapping[Place, int],
        ends: Mapping[Place, int],
        run_number: int,
    ) -> None:
        self.new_run = 0
        self.command_offsets: dict[int, int] = {}
        self._consumer, self._wire, self._writer, self._run_number = consumer, wire, writer, run_number
        self._places = tuple(positions)
        self._at = dict(positions)
        self._ends = {place: end for place, end in ends.items() if place in positions and end > positions[place]}
        self._waiting: deque[_Value] = deque()
        self._told_end = False
        consumer.assign(positions)

    @property
    def behind(self) -> int:
        """Records known and not forwarded."""
        return len(self._waiting)

    def step(self, wait_s: float) -> int:
        """Forward what is there, waiting up to `wait_s` for the first; how many records went."""
        if self.new_run:
            time.sleep(wait_s)
            return self._push()
        messages = self._consumer.take(_ROWS, wait_s if not self._waiting else 0.0)
        found: list[_Value] = []
        for row in range(messages.count):
            rank, offset, value = int(messages.place[row]), int(messages.offset[row]), messages.value(row) or b""
            place = self._places[rank]
            found.append((rank, place[1], offset, self._id(place, offset, value), value))
            self._at[place] = offset + 1
        ends = dict(messages.ends)
        messages.release()
        self._at.update({place: max(end, self._at[place]) for place, end in ends.items()})
        self._waiting.extend(found if self._told_end else ())
        if not self._told_end:
            self._gather(found)
        return self._push()

    def _gather(self, found: list[_Value]) -> None:
        """Until everything that stood in the topics is there; then it goes, in consuming order."""
        self._waiting.extend(found)
        self._ends = {place: end for place, end in self._ends.items() if self._at[place] < end}
        if not self._ends:
            self._waiting = deque(sorted(self._waiting, key=lambda value: value[:3]))
            self._told_end = True
            self._waiting.append((-1, 0, 0, 0, b""))

    def _push(self) -> int:
        """Write as far as there is room."""
        done = 0
        while self._waiting and self._told_end:
            rank, _, offset, id, value = self._waiting[0]
            went = forward_end(self._writer, 0) if rank < 0 else forward(self._writer, id, self._places[rank], offset, value, 0)
            if not went:
                break
            self._waiting.popleft()
            done += 1
        return done

    def _id(self, place: Place, offset: int, value: bytes) -> int:
        """The record's id, 0 for what is none; takes note of commands."""
        try:
            record = self._wire.decode(place[0], value)
        except DecodeError:
            return 0
        if place[0] == COMMANDS:
            self.command_offsets[record.id] = offset
            if record.kind == CommandType.RUN and record.run_number != self._run_number:
                self.new_run = record.run_number or 0
        return record.id
