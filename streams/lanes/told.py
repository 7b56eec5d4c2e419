"""The control inputs of a lane on a consumer of their own: a kill or a limit acts between two records, whatever waits in the data."""

import time
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from streams.errors import DecodeError, LaneError
from streams.lanes.bulk_consumer import BulkConsumer
from streams.lanes.control import COMMANDS
from streams.lanes.letters import Letter
from streams.lanes.messages import Messages
from streams.lanes.place import Place
from streams.lanes.wire import Wire
from streams.records import CommandType
from streams.schema import ids

__all__ = ["ControlIntake", "Told"]

_ROWS = 5_000
_TO_END_S = 30.0


class Told(NamedTuple):
    """One control record for this process, or None and the reason why it is none. Sorts in consuming order: by topic and offset."""

    rank: int
    partition: int
    offset: int
    topic: str
    record: Any
    value: bytes
    reason: str = ""

    def letter(self, reason: str) -> Letter:
        """It as a dead letter."""
        return Letter(self.topic, self.partition, self.offset, reason, self.value, self.record.id if self.record else 0)


class ControlIntake:
    """Reads the control topics from given positions; `positions` moves on with what was given.

    ends    : of partitions, as they are known: who is there does not wait for the broker to say so
    new_run : number of a run that has begun since, 0 if none: the process belongs to the run before and must end
    """

    def __init__(
        self,
        consumer: BulkConsumer,
        wire: Wire,
        positions: Mapping[Place, int],
        own: Iterable[int],
        run_number: int,
        ends: Mapping[Place, int] | None = None,
    ) -> None:
        self.positions = dict(positions)
        self.new_run = 0
        self._consumer, self._wire = consumer, wire
        self._own, self._run_number = frozenset(own), run_number
        self._places = tuple(self.positions)
        self._ends = dict(ends or {})
        if self._places:
            consumer.assign(self.positions)

    def to_end(self) -> list[Told]:
        """Everything up to the ends of the topics now: a process knows it before any data. LaneError if the broker does not give it."""
        ended = {place for place, at in self.positions.items() if at >= self._ends.get(place, at + 1)}
        found: list[Told] = []
        until_s = time.monotonic() + _TO_END_S
        while len(ended) < len(self._places):
            messages = self._consumer.take(_ROWS, 0.1)
            ended |= set(messages.ends)
            found += (told := self._decoded(messages))
            ended |= {place for one in told if one.offset + 1 >= self._ends.get(place := (one.topic, one.partition), one.offset + 2)}
            if time.monotonic() > until_s:
                left = ", ".join(f"{topic}[{partition}]" for topic, partition in self._places if (topic, partition) not in ended)
                raise LaneError(f"the end of {left} was not met within {_TO_END_S:.0f} s")
        return self._in_order(found)

    def take(self) -> list[Told]:
        """What is there, without waiting, in consuming order."""
        if not self._places or self.new_run:
            return []
        messages = self._consumer.take(_ROWS, 0.0)
        return self._in_order(self._decoded(messages)) if messages.count else []

    def _decoded(self, messages: Messages) -> list[Told]:
        found = []
        for row in range(messages.count):
            rank = int(messages.place[row])
            (topic, partition), value = self._places[rank], messages.value(row)
            try:
                record, reason = self._wire.decode(topic, value), ""
            except DecodeError as error:
                record, reason = None, str(error)
            found.append(Told(rank, partition, int(messages.offset[row]), topic, record, value or b"", reason))
        messages.release()
        return found

    def _in_order(self, found: list[Told]) -> list[Told]:
        """Without what is not for this process; nothing from the RUN of another run on."""
        kept = []
        for told in sorted(found, key=lambda told: told[:3]):
            record = told.record
            if told.topic == COMMANDS and record is not None and record.kind == CommandType.RUN and record.run_number != self._run_number:
                self.new_run = record.run_number or 0
                break
            self.positions[told.topic, told.partition] = told.offset + 1
            if record is None or (ids.writer(record.id) not in self._own and record.run_id in (0, self._run_number)):
                kept.append(told)
        return kept
