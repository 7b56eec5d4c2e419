"""A kill while the lane's ring is full and who should read it hangs: it is taken between two events of what was taken, and cancels."""

import time

import pytest

from streams.clock import RunClock
from streams.kernel.system import monotonic_ns
from streams.lanes import fast_loop as k
from streams.lanes.control import COMMANDS
from streams.lanes.control_ring import ControlRing
from streams.lanes.fast_lane import FastLane
from streams.lanes.fast_slots import KIND_CUT, KIND_TAKEN, TAKEN_CONTROL, TAKEN_KILL, TAKEN_MARKET
from streams.lanes.fast_told import ToldSteps
from streams.lanes.journal import OutputLog
from streams.lanes.kill_ring import tell
from streams.lanes.lane_records import LaneRecords
from streams.lanes.record_ring import RecordReader
from streams.lanes.ring_ends import Reader
from streams.lanes.spec import LaneSpec
from streams.lanes.waiting import POLICIES
from streams.records import Clock, CommandType, VenueEvent
from streams.schema import ids
from tests.agents.desk import command
from tests.lanes.fast_kit import WIRE, Journal, Rings, lane_of, market_bytes, shard_of
from tests.lanes.ring_kit import until
from tests.lanes.test_fast_lane import market, process_of  # noqa: F401


class Full:
    """A lane whose mirror hangs, with a ring of 4,096 slots and an end of `kill`; its own ring is full in the middle of what it took."""

    def __init__(self, folder, data, compiled=True, full=True):
        self.rings = Rings(shard_of(folder, 1), compiled, kept=("mirror",))
        self.mirror = self.rings.own.reader("mirror", compiled=compiled)
        shard = self.rings.shard
        kill = shard.open(shard.kill)
        ends = {"wait": POLICIES["yield"], "compiled": compiled}
        self.readers: dict[int, Reader] = {
            TAKEN_CONTROL: self.rings.control.reader("trade", **ends),
            TAKEN_KILL: kill.reader("trade", **ends),
        }
        self.process = process_of(compiled, queue=512)
        clock = RunClock(Clock.RECORDING, data[0].recv_ts_ns, time.time_ns(), 0.01)
        own = self.rings.own.reader("trade", **ends)
        self.lane = lane_of(self.rings, self.process, more_inputs=self.readers, clock=clock, own=own)
        control, early = (RecordReader(self.readers[ring]) for ring in (TAKEN_CONTROL, TAKEN_KILL))
        told = ControlRing(control, early, WIRE, {(COMMANDS, 0): 0}, [202], 7)
        self.steps = ToldSteps(self.lane, told, LaneRecords(LaneSpec("desk", "trade", 0, "", ""), WIRE, {}, 7, OutputLog()))
        self.data = data
        if full:
            self.fill()

    def fill(self):
        """By ticks until little is left, then until the lane waits for room between two events of what it took."""
        slots, x, ring = market_bytes(self.process.edge, self.data), self.lane.state, self.rings.own
        x.tick_ns, until_s = 1, time.monotonic() + 20
        while (left := ring.capacity - self.lane.written - 3 * (512 + 4)) > 30:
            assert time.monotonic() < until_s
            self.run_for(50_000 if left > 1_200 else 4_000)
        x.tick_ns = 0
        assert self.rings.to_market.write(slots) == len(slots)
        until(lambda: self.run_for(500_000) is not None and self.lane.counters.waits > 3, "a full ring")
        assert x.at < x.end

    def run_for(self, ns):
        stop = self.lane.run(monotonic_ns() + ns)
        if stop == k.CROWDED:
            self.lane.state.asked = 1  # as while a checkpoint is on its way, which frees nothing here
        return stop

    def kill(self, sequence=1, kind=CommandType.KILL):
        record = command(kind)._replace(id=ids.make(300, sequence), run_id=7)
        (told,) = tell(record.id, 7, 0, WIRE.encode(COMMANDS, record), self.rings.shard.folder)
        assert told.reason == ""
        return monotonic_ns()

    def halted(self):
        node = self.process.node
        state = node.view if self.lane.compiled else node.node
        return int(state.risk.tree.nodes[0].halted)


@pytest.fixture(scope="module")
def data(market):  # noqa: F811
    return [record for record in market if not isinstance(record, VenueEvent)]


def test_kill_finds_room_in_a_full_ring_in_the_middle_of_what_was_taken(data, tmp_path):
    full = Full(tmp_path, data)
    took_ns = []
    for sequence in range(1, 9):
        began_ns = full.kill(sequence, CommandType.KILL if sequence % 2 else CommandType.RESUME)
        until(lambda: full.run_for(50_000_000) == k.TOLD, "the kill")
        assert full.steps.take() == 1
        took_ns.append(monotonic_ns() - began_ns)
        assert full.halted() == sequence % 2
    assert min(took_ns) < 1_000_000
    steps = list(Journal(full.rings.own))
    cut = next(n for n, step in enumerate(steps) if step.kind == KIND_CUT)
    assert (steps[cut].slot.ring, steps[cut].slot.count) == (TAKEN_MARKET, 0)
    assert (steps[cut + 1].kind, steps[cut + 1].slot.ring) == (KIND_TAKEN, TAKEN_KILL)
    before = [step.slot for step in steps[:cut] if step.kind == KIND_TAKEN and step.slot.ring == TAKEN_MARKET][-1]
    assert before.first <= steps[cut].slot.first < before.first + before.count
    assert full.lane.lag > 0  # of data nothing more is taken


@pytest.mark.slow
@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "plain"])
def test_lane_killed_in_the_middle_steps_the_same_again_from_its_ring(compiled, data, tmp_path):
    full = Full(tmp_path, data, compiled)
    full.kill()
    until(lambda: full.run_for(20_000_000) == k.TOLD, "the kill")
    full.steps.take()
    parts = full.process.snapshot()
    again = Again(full)
    assert again.process.snapshot() == parts
    assert again.lane.counters.outputs == full.lane.counters.outputs
    assert full.halted()


class Again:
    """The lane started anew, without a checkpoint: what its ring names, stepped and compared."""

    def __init__(self, full):
        first = full.lane
        for reader in (*first.inputs.values(), first.own):
            reader.seek(0)
        self.process = process_of(first.compiled, queue=512)
        self.lane = FastLane(self.process, first.inputs, first.out, clock=first.clock, wait=POLICIES["yield"], tick_ns=0, own=first.own)
        self.lane.replay_from()
        self.lane.step(self.process.take_slots())
        told = ControlRing(full.steps.told.control, full.steps.told.kill, WIRE, {(COMMANDS, 0): 0}, [202], 7)
        steps = ToldSteps(self.lane, told, full.steps.records)
        while self.lane.replaying:
            x = self.lane.state
            if self.lane.replay(monotonic_ns() + 50_000_000) == k.TOLD:
                steps.again(int(x.told_ring), int(x.told_first), int(x.told_end))
