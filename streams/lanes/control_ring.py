"""The control inputs of a process of the fast lane: control topics as the mirror forwards them, and commands that come before their topic.

What is taken of which ring is the caller's choice, by slot, so that it can write down what it takes before it does, and take the same again
after a restart: with the same `state` the same slots give the same records.

    ring = ControlRing(RecordReader(control), RecordReader(kill), wire, positions, own, run_number)
    for told in ring.take(): process.on_input(told.record)
"""

from collections.abc import Iterable, Mapping
from typing import Any

from streams.errors import DecodeError
from streams.lanes.control import COMMANDS
from streams.lanes.place import Place
from streams.lanes.record_ring import END, RecordReader, RecordWriter, RingRecord
from streams.lanes.told import Told
from streams.lanes.wire import Wire
from streams.records import Command, CommandType
from streams.schema import ids

__all__ = ["ControlRing", "forward", "forward_end"]

_ANY = 1 << 62
_ROWS = 5_000
_MOST_TOLD = 1_000  # ids remembered: a copy follows within seconds
_BOTH_WAYS = (CommandType.KILL, CommandType.RESUME, CommandType.PAUSE)


class ControlRing:
    """Reads the rings `control` and `kill` of a shard.

    positions : next offset of each control topic that the process reads, moves on with what is taken; what is below was known before
    new_run   : number of a run that has begun since, 0 if none: the process belongs to the run before and must end
    ended     : everything that stood in the control topics when the mirror began has been taken
    """

    def __init__(
        self,
        control: RecordReader,
        kill: RecordReader | None,
        wire: Wire,
        positions: Mapping[Place, int],
        own: Iterable[int],
        run_number: int,
        state: Mapping[str, Any] | None = None,
    ) -> None:
        self.control, self.kill = control, kill
        self.positions = dict(positions)
        self.new_run = 0
        self.ended = False
        self._wire, self._own, self._run_number = wire, frozenset(own), run_number
        self._known: dict[int, None] = {}  # ids of commands that may come over `kill` and from their topic, in the order told
        if state is not None:
            self.positions = {(topic, partition): offset for topic, partition, offset in state["positions"]}
            self._known, self.ended = dict.fromkeys(state["told"]), state["ended"]
        self._ranks = {place: rank for rank, place in enumerate(self.positions)}

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps of it, beside the positions in the rings; JSON."""
        places = [[topic, partition, offset] for (topic, partition), offset in self.positions.items()]
        return {"positions": places, "told": list(self._known), "ended": self.ended}

    def take(self) -> list[Told]:
        """All that is there for this process, without waiting: commands of `kill` first, at once and with offset -1."""
        return [*self.take_kill(), *self.take_control()]

    def take_control(self, upto: int = _ANY) -> list[Told]:
        """What stands before slot `upto` of `control`, in its order."""
        found: list[Told] = []
        while not self.new_run and (records := self.control.take(_ROWS, upto)):
            for record in records:
                if record.topic == END:
                    self.ended = True
                elif (told := self._told(record)) is not None:
                    found.append(told)
                if self.new_run:
                    break
        return found

    def take_kill(self, upto: int = _ANY) -> list[Told]:
        """What stands before slot `upto` of `kill`, in its order. A copy from its topic only moves the position afterwards."""
        found: list[Told] = []
        while self.kill is not None and not self.new_run and (records := self.kill.take(_ROWS, upto)):
            for record in records:
                told = self._decoded(record, -1)
                if told.record is not None and told.record.run_id == self._run_number and not self._again(told.record):
                    found.append(told)
        return found

    def _told(self, record: RingRecord) -> Told | None:
        """A record of a topic for this process, None if it is not."""
        place = (record.topic, record.partition)
        if record.offset < self.positions.get(place, _ANY):  # not ours, or forwarded once more by a mirror that has restarted
            return None
        told = self._decoded(record, record.offset)
        if told.topic == COMMANDS and told.record is not None:
            if told.record.kind == CommandType.RUN and told.record.run_number != self._run_number:
                self.new_run = told.record.run_number or 0
                return None
            if self._again(told.record):
                self.positions[place] = record.offset + 1
                return None
        self.positions[place] = record.offset + 1
        wanted = told.record is None or (ids.writer(told.record.id) not in self._own and told.record.run_id in (0, self._run_number))
        return told if wanted else None

    def _again(self, command: Command) -> bool:
        """Whether a command that may come both ways has been told before; it has from now on."""
        if command.kind not in _BOTH_WAYS:
            return False
        if command.id in self._known:
            return True
        self._known[command.id] = None
        if len(self._known) > _MOST_TOLD:
            del self._known[next(iter(self._known))]
        return False

    def _decoded(self, record: RingRecord, offset: int) -> Told:
        rank = self._ranks.get((record.topic, record.partition), len(self._ranks))
        try:
            found, reason = self._wire.decode(record.topic, record.payload), ""
        except DecodeError as error:
            found, reason = None, str(error)
        return Told(rank, record.partition, offset, record.topic, found, record.payload, reason)


def forward(writer: RecordWriter, id: int, place: Place, offset: int, value: bytes, patience_ns: int = 1_000_000_000) -> bool:
    """Write a record of a control topic as it stands there; false if a reader left no room for `patience_ns`."""
    return writer.write(id, place[0], value, partition=place[1], offset=offset, patience_ns=patience_ns) >= 0


def forward_end(writer: RecordWriter, patience_ns: int = 1_000_000_000) -> bool:
    """Write that everything up to now has been forwarded; false if a reader left no room."""
    return writer.write(0, END, b"", patience_ns=patience_ns) >= 0
