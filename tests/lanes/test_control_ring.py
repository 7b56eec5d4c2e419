"""Control records and early commands in rings: order, duplicates of a restarted mirror, other runs, the same again after a restart."""

import pytest

from streams.lanes.control_ring import ControlRing, forward, forward_end
from streams.lanes.fast_rings import FastShard, RingRun
from streams.lanes.kill_ring import tell
from streams.lanes.record_ring import RecordReader, RecordWriter
from streams.lanes.registry import SchemaIds
from streams.lanes.wire import Wire
from streams.records import Clock, Command, CommandType
from streams.schema import ids
from streams.schema.model import BY_TOPIC

RUN, OWN, TOOL = 7, 40, 3
COMMANDS, LIMITS = ("commands.v1", 0), ("limits.v1", 0)


def wire():
    known = SchemaIds("http://127.0.0.1:1")
    known.trust({topic: number for number, topic in enumerate(BY_TOPIC, 1) if "*" not in topic})
    return Wire(known)


WIRE = wire()


def command(sequence, kind=CommandType.KILL, run=RUN, writer=TOOL, number=None):
    clock = {"run_number": number, "clock": Clock.WALL} if number else {}
    return Command(ids.make(writer, sequence), 0, run, 5, 5, kind, "", "", **clock)


class Place:
    """A shard's rings, the mirror's end of `control`, and what a lane reads."""

    def __init__(self, folder):
        self.shard = FastShard(folder / "rings", 0, "feed", "trade", "gateway", ring_mib=1)
        self.shard.create_all(RingRun(RUN))
        self.mirror = RecordWriter(self.shard.open("control").writer("mirror"))

    def lane(self, state=None, kill=True):
        readers = [RecordReader(self.shard.open(name).reader("trade")) for name in ("control", "kill")]
        return ControlRing(readers[0], readers[1] if kill else None, WIRE, {LIMITS: 0, COMMANDS: 2}, [OWN], RUN, state)

    def forward(self, record, offset, place=COMMANDS):
        assert forward(self.mirror, record.id, place, offset, WIRE.encode(place[0], record))

    def kill(self, record):
        told = tell(record.id, record.run_id, record.ts_ns, WIRE.encode("commands.v1", record), self.shard.folder)
        assert [one.reason for one in told] == [""]


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def seen(told):
    return [(one.record.id & 0xFFFF, one.offset) for one in told]


def test_take_gives_records_of_this_run_in_their_order_without_own_ones(place):
    for offset, record in enumerate(
        [command(1), command(2), command(3), command(4, run=6), command(5, writer=OWN), command(6, CommandType.RESUME)]
    ):
        place.forward(record, offset)
    lane = place.lane()
    assert not lane.ended
    assert seen(lane.take()) == [(3, 2), (6, 5)]
    assert lane.positions == {LIMITS: 0, COMMANDS: 6}
    assert forward_end(place.mirror)
    assert lane.take() == []
    assert lane.ended


def test_records_that_a_restarted_mirror_forwards_again_are_taken_once(place):
    lane = place.lane()
    for offset in (2, 3, 2, 3, 4):
        place.forward(command(offset), offset)
    assert seen(lane.take()) == [(2, 2), (3, 3), (4, 4)]


def test_run_of_others_ends_it_and_nothing_after_is_taken(place):
    lane = place.lane()
    for offset, record in enumerate([command(2), command(3, CommandType.RUN, run=8, number=8), command(4)], 2):
        place.forward(record, offset)
    assert seen(lane.take()) == [(2, 2)]
    assert (lane.new_run, lane.positions[COMMANDS]) == (8, 3)
    assert lane.take() == []


def test_value_that_is_no_record_is_told_with_the_reason(place):
    lane = place.lane()
    forward(place.mirror, 0, COMMANDS, 2, b"garbage")
    (told,) = lane.take()
    assert (told.record, told.offset, told.value, bool(told.reason)) == (None, 2, b"garbage", True)


def test_kill_is_told_at_once_and_its_copy_only_moves_the_position(place):
    lane = place.lane()
    place.kill(command(11))
    assert seen(lane.take()) == [(11, -1)]
    place.forward(command(10), 2)
    place.forward(command(11), 3)
    place.forward(command(12), 4)
    assert seen(lane.take()) == [(10, 2), (12, 4)]
    assert lane.positions[COMMANDS] == 5


def test_kill_whose_copy_came_first_is_told_once(place):
    lane = place.lane()
    place.kill(command(11))
    place.forward(command(11), 2)
    assert seen(lane.take_control()) == [(11, 2)]
    assert lane.take_kill() == []


def test_copies_without_end_are_told_once_whichever_way_they_come(place):
    lane = place.lane()
    for offset in (2, 3):
        place.kill(command(11))
        place.forward(command(11), offset)
        place.kill(command(11))
        place.forward(command(20 + offset, CommandType.STOP), offset + 10)
        place.forward(command(20 + offset, CommandType.STOP), offset + 20)
    assert seen(lane.take()) == [(11, -1), (22, 12), (22, 22), (23, 23)]


def test_kill_of_another_run_reaches_no_ring(place):
    record = command(11, run=8)
    assert tell(record.id, 8, 5, WIRE.encode("commands.v1", record), place.shard.folder) == []
    assert place.lane().take_kill() == []


def test_feed_reads_no_kill_ring(place):
    lane = place.lane(kill=False)
    place.kill(command(11))
    place.forward(command(11), 2)
    assert seen(lane.take()) == [(11, 2)]


def test_restart_with_the_same_state_takes_the_same_slots_again(place):
    lane = place.lane()
    place.kill(command(11))
    place.forward(command(10), 2)
    assert seen(lane.take()) == [(11, -1), (10, 2)]
    state, positions = lane.state(), (lane.control.next, lane.kill.next)
    lane.control.commit()
    lane.kill.commit()
    place.forward(command(11), 3)
    place.forward(command(12), 4)
    first = lane.control.reader.poll()
    assert first == 2
    before = seen(lane.take_control(positions[0] + 1)), seen(lane.take_control(positions[0] + 2)), lane.state()
    lane.control.reader.detach()
    lane.kill.reader.detach()
    again = place.lane(state)
    assert (again.control.next, again.kill.next) == positions
    assert (seen(again.take_control(positions[0] + 1)), seen(again.take_control(positions[0] + 2)), again.state()) == before
    assert before[0] == []
    assert before[1] == [(12, 4)]
