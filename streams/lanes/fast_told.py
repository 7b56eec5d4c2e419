"""Control records of a process of the fast lane, one by one: each is named in the lane's ring, then stepped between two inputs."""

import time
from collections.abc import Callable

import structlog

from streams.errors import DecodeError, EdgeError, FrameError
from streams.kernel import at
from streams.lanes.control_ring import ControlRing
from streams.lanes.fast_lane import FastLane
from streams.lanes.fast_slots import FED, REFUSED, TAKEN_CONTROL, TAKEN_KILL, UNREADABLE, RecordSlot
from streams.lanes.lane_records import LaneRecords
from streams.lanes.record_kernel import record_slots
from streams.lanes.record_ring import RecordReader, RecordWriter
from streams.lanes.told import Told

__all__ = ["ToldSteps", "next_record_slots"]

_LOG = structlog.get_logger("lane")
_NAP_S = 0.0005


def next_record_slots(reader: RecordReader) -> int:
    """Slots of the next record of a ring, 0 if none is there."""
    end = reader.reader
    if end.poll() == 0:
        return 0
    address = end.state.data + (reader.next & (end.ring.capacity - 1)) * end.ring.slot_nbytes
    return record_slots(at(RecordSlot, int(address)).payload_nbytes)


class ToldSteps:
    """Steps what comes over `control` and `kill` through a lane.

    told    : gives the records that are for this process
    records : makes dead letters
    waiting : is called while the lane's ring has no room
    """

    def __init__(self, lane: FastLane, told: ControlRing, records: LaneRecords, waiting: Callable[[], None] = lambda: None) -> None:
        self.lane, self.told, self.records = lane, told, records
        self._waiting = waiting
        self._letters = RecordWriter(lane.out)

    def take(self) -> int:
        """Step all that is there, kill first, as far as the lane's ring has room; how many records. Stops before another run."""
        steps = 0
        while not self.told.new_run and (self._take(TAKEN_KILL) or self._take(TAKEN_CONTROL)):
            steps += 1
        return steps

    def again(self, ring: int, first: int, end: int) -> None:
        """Step the record of a ring that stands from slot `first` to before `end`, as the lane's ring says."""
        found = self.told.take_kill(end) if ring == TAKEN_KILL else self.told.take_control(end)
        for told in found:
            self._carry(told, ring, first, named=True)

    def _take(self, ring: int) -> bool:
        """Step the next record of a ring, if it is for this process; whether there was one."""
        reader = self.told.kill if ring == TAKEN_KILL else self.told.control
        if reader is None or not self.lane.has_room or (slots := next_record_slots(reader)) == 0:
            return False
        first = reader.next
        found = self.told.take_kill(first + slots) if ring == TAKEN_KILL else self.told.take_control(first + slots)
        for told in found:
            self._carry(told, ring, first, slots=slots)
        return True

    def _carry(self, told: Told, ring: int, first: int, slots: int = 0, named: bool = False) -> None:
        lane, flags, reason = self.lane, FED, told.reason
        if reason:
            flags = UNREADABLE
        else:
            try:
                lane.process.on_input(told.record)
            except (EdgeError, FrameError, DecodeError) as error:
                flags, reason = REFUSED, str(error)
        while not named and not lane.take(ring, first, slots, flags):
            self._wait()
        if flags == FED:
            lane.step(lane.process.take_slots(), self._wait)
        else:
            self._write_letter(told, flags, first, reason)

    def _write_letter(self, told: Told, flags: int, first: int, reason: str) -> None:
        """A dead letter of a record; in a replay its id is used again, and it stands in the ring, unless the process died before."""
        topic, partition, value = self.records.letter(told.letter(reason), self.lane.last_ts_ns)
        if self.lane.comparing:
            return
        id, about = self.records.last_id(topic), told.record.id if flags == REFUSED else first
        while self._letters.write(id, topic, value, partition=partition, a=flags, b=about, patience_ns=0) < 0:
            self._wait()

    def _wait(self) -> None:
        self._waiting()
        time.sleep(_NAP_S)
