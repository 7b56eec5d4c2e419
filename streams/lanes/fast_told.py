"""Control records of a process of the fast lane, one by one: each is named in the lane's ring, then stepped between two inputs."""

import time
from collections.abc import Callable

from streams.agents.rows import REFUSALS
from streams.errors import ConfigError, LaneError, MillraceError, StepError
from streams.kernel import at
from streams.kernel.fault import describe
from streams.lanes.control_ring import ControlRing
from streams.lanes.fast_lane import FastLane
from streams.lanes.fast_letters import letter_of
from streams.lanes.fast_slots import FED, PASSED, REFUSED, TAKEN_CONTROL, TAKEN_KILL, UNREADABLE, RecordSlot
from streams.lanes.lane_records import LaneRecords, Value
from streams.lanes.letters import Letter
from streams.lanes.record_kernel import record_slots
from streams.lanes.record_ring import RecordReader, RecordWriter
from streams.lanes.told import Told
from streams.records import Severity
from streams.schema import ids

__all__ = ["ToldSteps", "next_record_slots"]

_NAP_S = 0.0005
_ALERT_CHARS = 500


def next_record_slots(reader: RecordReader) -> int:
    """Slots of the next record of a ring, 0 if none is there."""
    end = reader.reader
    if end.poll() == 0:
        return 0
    address = end.state.data + (reader.next & (end.ring.capacity - 1)) * end.ring.slot_nbytes
    return record_slots(at(RecordSlot, int(address)).payload_nbytes)


class ToldSteps:
    """Steps what comes over `control` and `kill` through a lane, and buries inputs at which the process fails.

    told    : gives the records that are for this process
    records : makes dead letters and alerts
    waiting : is called while the lane's ring has no room
    why     : said of an input that is passed over
    """

    def __init__(
        self,
        lane: FastLane,
        told: ControlRing,
        records: LaneRecords,
        waiting: Callable[[], None] = lambda: None,
        why: str = "the input made the process fail, again after a restart",
    ) -> None:
        self.lane, self.told, self.records, self.why = lane, told, records, why
        self._waiting = waiting
        self._letters = RecordWriter(lane.out)
        self._doing: tuple[int, int, int] | None = None
        self._named = False

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
            if self.lane.says_cut(ring, first):
                self._bury(ring, first, told.letter(self.why))
            else:
                self._carry(told, ring, first, end - first, named=True)

    # ---- inputs at which the process fails ----
    @property
    def failed(self) -> tuple[int, int, int]:
        """The input at which the process failed: TAKEN_..., first slot, slots."""
        return self._doing or self.lane.failed

    def pass_over(self) -> None:
        """Write that this input is passed over: a replay buries it, as if it had never come."""
        ring, first, slots = self.failed
        while self._doing and not self._named and not self.lane.take(ring, first, slots):
            self._wait()
        while not self.lane.cut(ring, first, slots):
            self._wait()

    def skipped(self) -> None:
        """Bury what the lane's ring says is passed over, which a replay has come to."""
        x = self.lane.state
        ring, first, end = int(x.told_ring), int(x.told_first), int(x.told_end)
        letter = None
        if ring in self.lane.inputs:
            letter = letter_of(self.lane.process, self.records.wire, self.lane.inputs[ring], first, end - first, self.why)
        self._bury(ring, first, letter)

    def _bury(self, ring: int, first: int, letter: Letter | None) -> None:
        """A dead letter, and an alert: who fails at an input has a fault that a person should find. Of a tick or command there is none."""
        ts_ns, what = self.lane.last_ts_ns, "a clock tick or command of the lane itself"
        if letter is not None:
            what = f"{letter.topic}, id {ids.text(letter.cause_id)}"
            self._put(self.records.letter(letter, ts_ns), PASSED + ring, first)
        self._put(self.records.alert(Severity.ERROR, f"an input was passed over: {what}: {self.why}"[:_ALERT_CHARS], ts_ns), 0, 0)

    def _put(self, value: Value, a: int, b: int) -> None:
        """Write a record behind a cut; in a replay its id is used again, and it stands in the ring, unless the process died before."""
        topic, partition, data = value
        if self.lane.passes_record():
            return
        id = self.records.last_id(topic)
        while not self.lane.has_room() or self._letters.write(id, topic, data, partition=partition, a=a, b=b, patience_ns=0) < 0:
            self._wait()

    # ---- one record ----
    def _take(self, ring: int) -> bool:
        """Step the next record of a ring, if it is for this process; whether there was one."""
        reader = self.told.kill if ring == TAKEN_KILL else self.told.control
        if reader is None or not self.lane.has_room(ring) or (slots := next_record_slots(reader)) == 0:
            return False
        first = reader.next
        found = self.told.take_kill(first + slots) if ring == TAKEN_KILL else self.told.take_control(first + slots)
        for told in found:
            self._carry(told, ring, first, slots)
        return True

    def _carry(self, told: Told, ring: int, first: int, slots: int, named: bool = False) -> None:
        lane, flags, reason = self.lane, FED, told.reason
        self._doing, self._named = (ring, first, slots), named
        if reason:
            flags = UNREADABLE
        else:
            reason = self._give(told)
            flags = REFUSED if reason else FED
        while not self._named and not lane.take(ring, first, slots, flags):
            self._wait()
        self._named = True
        if flags == FED:
            lane.step(lane.process.take_slots(), self._wait, ring)
        else:
            self._write_letter(told, flags, first, reason)
        self._doing = None

    def _give(self, told: Told) -> str:
        """Give the process a record; why it refuses it, else "". StepError if it fails."""
        try:
            self.lane.process.on_input(told.record)
        except REFUSALS as error:
            return str(error) or repr(error)
        except (ConfigError, LaneError):  # of the process as a whole, not of this input
            raise
        except Exception as error:
            text = str(error) if isinstance(error, MillraceError) else describe(error)
            raise StepError(f"the process failed at a record of {told.topic}, id {ids.text(told.record.id)}: {text}") from error
        return ""

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
