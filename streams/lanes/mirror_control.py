"""Control records that processes of a shard took over their rings, found again by their slots; and records that stand in rings whole."""

import ctypes
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from streams.errors import DecodeError
from streams.lanes.control import COMMANDS
from streams.lanes.fast_slots import REFUSED, UNREADABLE
from streams.lanes.mirror_inputs import Stood
from streams.lanes.mirror_process import Mirrored
from streams.lanes.mirror_rings import RingSource
from streams.lanes.place import Place
from streams.lanes.record_ring import END, TOPICS, Records, RingRecord
from streams.lanes.wire import Wire
from streams.schema import ids

__all__ = ["TakenControl", "Whole", "whole_of"]

_PLACE: Place = (COMMANDS, 0)


class TakenControl:
    """Looks up what stands in the rings `control` and `kill`.

    command_offsets : where commands stand in their topic, by id
    """

    def __init__(self, control: RingSource, kill: RingSource, wire: Wire, run_number: int, command_offsets: Mapping[int, int]) -> None:
        self.control, self.kill = control, kill
        self._wire, self._run_number, self._command_offsets = wire, run_number, command_offsets

    def taken(self, process: Mirrored, first: int, count: int, flags: int) -> Stood:
        """The records in `count` slots of `control` from `first` on that the process was fed; it learns what they say."""
        found = []
        for record in self.control.take(first, first + count):
            place = record.topic, record.partition
            known = record.topic == END or record.offset < process.positions.get(place, 0)
            if not known and flags != UNREADABLE and self._is_for(process, record, flags):
                found.append((process.place(place), record.offset, record.id))
        return Stood(*np.array(found, np.int64).reshape(-1, 3).T)

    def ids(self, first: int, count: int) -> list[int]:
        """Of all records in `count` slots of `control` from `first` on."""
        return [record.id for record in self.control.take(first, first + count)]

    def killed(self, process: Mirrored, first: int, count: int, flags: int) -> Stood:
        """The same of `kill`: commands that may stand in their topic far behind what the process has read of it."""
        place = process.place(_PLACE, still=True)
        if flags == UNREADABLE:
            return Stood.joined([])
        found = [(place, self._command_offsets[record.id], record.id) for record in self.kill.take(first, first + count)]
        return Stood(*np.array(found, np.int64).reshape(-1, 3).T)

    def kill_place_of(self, number: int) -> tuple[Place, int]:
        """The same of `kill`: where its command stands in its topic."""
        return _PLACE, self._command_offsets[self.kill.take(number, number + 1, 1)[0].id]

    def place_of(self, number: int) -> tuple[Place, int]:
        """Place and offset of the record whose first slot in `control` has that number."""
        record = self.control.take(number, number + 1, 1)[0]
        return (record.topic, record.partition), record.offset

    def _is_for(self, process: Mirrored, record: RingRecord, flags: int) -> bool:
        try:
            told = self._wire.decode(record.topic, record.payload)
        except DecodeError:
            return False
        if ids.writer(told.id) in process.own or told.run_id not in (0, self._run_number):
            return False
        if flags != REFUSED:
            process.learn(told)
        return True


class Whole(NamedTuple):
    """A record that stands whole in a ring: a dead letter, an alert...

    a : 1 = a dead letter of the input with the id b; 2 = of what stands in the ring `control` at slot b; from PASSED on, of what stands at
        slot b of the input a - PASSED, which was passed over (of TAKEN_FRAMES: of the frame with the id b); else as its writer says
    """

    topic: str
    id: int
    value: bytes
    partition: int
    a: int
    b: int


def whole_of(records: Records, row: int) -> Whole:
    """The record in a row of those that a walk gave."""
    topic, id, partition, a, b = (int(column[row]) for column in (records.topic, records.id, records.partition, records.a, records.b))
    return Whole(TOPICS[topic], id, ctypes.string_at(int(records.address[row]), int(records.nbytes[row])), partition, a, b)
