"""Commands and limits on the fast lane: between two inputs, at once, named in the ring; what cannot be used becomes a dead letter there."""

from decimal import Decimal

import pytest

from streams.kernel.system import monotonic_ns
from streams.lanes import fast_loop as k
from streams.lanes.control import COMMANDS
from streams.lanes.control_ring import ControlRing, forward, forward_end
from streams.lanes.fast_slots import FED, KIND_RECORD, KIND_TAKEN, REFUSED, TAKEN_CONTROL, TAKEN_KILL, UNREADABLE
from streams.lanes.fast_told import ToldSteps
from streams.lanes.journal import OutputLog
from streams.lanes.kill_ring import tell
from streams.lanes.lane_records import LaneRecords
from streams.lanes.record_ring import RecordReader, RecordWriter
from streams.lanes.spec import LaneSpec
from streams.lanes.writers import dlq_topic
from streams.records import CommandType, DenyCode, Param, Rule, VenueEvent
from streams.schema import ids
from streams.slots import KIND_DECISION, KIND_ORDER, DecisionSlot, OrderSlot
from tests.agents.desk import command, limit
from tests.lanes.fast_kit import WIRE, Journal, Rings, lane_of, shard_of
from tests.lanes.test_fast_lane import market, process_of  # noqa: F401

LETTERS = {dlq_topic(COMMANDS): 203, dlq_topic("limits.v1"): 204}
FROM = 1_000  # offsets before it are known


class Told:
    """A lane in this process with its ends of control and kill."""

    def __init__(self, folder, data):
        self.data = [r for r in data if not isinstance(r, VenueEvent)]
        self.rings = Rings(shard_of(folder))
        shard = self.rings.shard
        self.mirror = RecordWriter(self.rings.control.writer("mirror"))
        kill = shard.open(shard.kill)
        readers = {TAKEN_CONTROL: self.rings.control.reader("trade"), TAKEN_KILL: kill.reader("trade")}
        self.process = process_of(True)
        self.lane = lane_of(self.rings, self.process, more_inputs=readers)
        control, early = (RecordReader(reader) for reader in readers.values())
        places = {("limits.v1", 0): FROM, ("params.v1", 0): FROM, (COMMANDS, 0): FROM}
        told = ControlRing(control, early, WIRE, places, [202], 7)
        records = LaneRecords(LaneSpec("desk", "trade", 0, "", ""), WIRE, LETTERS, 7, OutputLog())
        self.steps = ToldSteps(self.lane, told, records)
        self.offset = FROM

    def forward(self, topic, value, id=1):
        assert forward(self.mirror, id, (topic, 0), self.offset, value)
        self.offset += 1

    def kill(self, record):
        assert [one.reason for one in tell(record.id, 7, record.ts_ns, WIRE.encode(COMMANDS, record), self.rings.shard.folder)] == [""]

    def run(self):
        """As the shell does, until nothing is left."""
        while self.lane.run(monotonic_ns() + 3_000_000) == k.TOLD:
            self.steps.take()

    def taken(self):
        found = [s.slot for s in Journal(self.rings.own) if s.kind == KIND_TAKEN and s.slot.ring in (TAKEN_CONTROL, TAKEN_KILL)]
        return [(e.ring, e.flags) for e in found]

    def codes(self):
        return [DecisionSlot().unpack(s.data).code for s in Journal(self.rings.own) if s.kind == KIND_DECISION]


@pytest.fixture
def told(market, tmp_path):  # noqa: F811
    return Told(tmp_path, market)


def of(kind, target="", writer=3, sequence=1):
    return command(kind, target=target)._replace(id=ids.make(writer, sequence), run_id=7)


def test_limit_holds_from_the_next_input_on(told):
    tight = limit("firm", Rule.ORDER_NOTIONAL, parent=None, money=Decimal(1))
    for sequence, (money, code) in enumerate([(Decimal(1), DenyCode.ORDER_NOTIONAL), (None, DenyCode.OK)]):
        record = tight._replace(id=ids.make(3, 9 + sequence), limit_money=money)
        told.forward("limits.v1", WIRE.encode("limits.v1", record), record.id)
        told.run()
        before = len(told.codes())
        told.rings.give(told.process.edge, told.data[200 * sequence : 200 * sequence + 200])
        told.run()
        assert set(told.codes()[before:]) == {code}
    assert told.taken() == [(TAKEN_CONTROL, FED)] * 2


def test_parameter_holds_from_the_next_input_on(told):
    told.forward("params.v1", WIRE.encode("params.v1", Param(ids.make(3, 1), 0, 0, 0, 0, "maker", "size_lots", value_long=7)))
    told.run()
    told.rings.give(told.process.edge, told.data[:200])
    told.run()
    sent = [OrderSlot().unpack(s.data).qty_lots for s in Journal(told.rings.own) if s.kind == KIND_ORDER]
    assert sent
    assert set(sent) == {7}


def test_kill_comes_over_its_own_ring_and_its_copy_is_passed_over(told):
    stop = of(CommandType.KILL)
    told.kill(stop)
    told.forward(COMMANDS, WIRE.encode(COMMANDS, stop), stop.id)
    told.run()
    assert told.taken() == [(TAKEN_KILL, FED)]
    told.rings.give(told.process.edge, told.data[:200])
    told.run()
    assert told.codes() == []  # the strategy is halted, too


def test_refused_and_unreadable_records_are_dead_letters_in_the_ring(told):
    told.forward(COMMANDS, WIRE.encode(COMMANDS, of(CommandType.KILL, "nobody")))
    told.forward(COMMANDS, b"\0\1")
    told.forward(COMMANDS, WIRE.encode(COMMANDS, of(CommandType.KILL, sequence=2)))
    assert forward_end(told.mirror)
    told.run()
    assert told.taken() == [(TAKEN_CONTROL, REFUSED), (TAKEN_CONTROL, UNREADABLE), (TAKEN_CONTROL, FED)]
    assert told.steps.told.ended
    letters = [s for s in Journal(told.rings.own) if s.kind == KIND_RECORD]
    assert len(letters) >= 2


def test_kill_and_resume_act_between_two_inputs(told):
    for sequence in range(1, 6):
        told.kill(of(CommandType.KILL if sequence % 2 else CommandType.RESUME, sequence=sequence))
        assert told.lane.run(monotonic_ns() + 1_000_000_000) == k.TOLD
        assert told.steps.take() == 1
        assert int(told.process.node.view.risk.tree.nodes[0].halted) == sequence % 2
