"""The fast lane's process killed for real: what it wrote stands, nothing is written twice, and its state is that of a run without kills."""

import os
import random
import signal
import time

import pytest

from streams.agents.node import KIND_TICK
from streams.agents.process import Process
from streams.errors import LaneError, RestoreError
from streams.lanes import fast
from streams.lanes.checkpoint import Checkpoint
from streams.lanes.control import COMMANDS, Control
from streams.lanes.control_ring import forward, forward_end
from streams.lanes.fast import FastLaneSpec
from streams.lanes.fast_kept import Known
from streams.lanes.fast_lane import prepare
from streams.lanes.fast_slots import KIND_TAKEN, TAKEN_CONTROL
from streams.lanes.journal import OutputLog
from streams.lanes.record_ring import RecordWriter
from streams.lanes.spec import LaneSpec
from streams.lanes.waiting import POLICIES
from streams.lanes.writers import ALERTS, TICKS, dlq_topic
from streams.records import Command, Instrument, Name, VenueEvent
from streams.schema.model import SCHEMAS
from streams.slots import KIND_COMMAND, KIND_ORDER
from tests.agents.desk import control, spec
from tests.lanes.fast_kit import SCHEMAS_THERE, WIRE, Journal, Rings, shard_of
from tests.lanes.ring_kit import Child, until
from tests.lanes.test_fast_lane import AGENTS, ROOM, market, pieces  # noqa: F401

OWN = {TICKS: 200, ALERTS: 201, COMMANDS: 202, dlq_topic(COMMANDS): 203, dlq_topic("limits.v1"): 204}
OWN |= {dlq_topic(topic): 205 + n for n, topic in enumerate(("quotes.v1", "book_updates.v1", "trades.v1", "venue_events.v1"))}
CHILDREN = []


def topic_of(record):
    return SCHEMAS[type(record).__name__].topic


def known_control():
    found = Control()
    for record in control():
        if isinstance(record, Name):
            found.names.append(record)
            found.numbers[record.kind].setdefault(record.name, record.number)
        elif isinstance(record, Command):
            found.run = record
        elif isinstance(record, Instrument):
            found.instruments.append(record)
    return found


def build(_):
    return Process(spec(*AGENTS, **ROOM), compiled=True)


def known_start(lane_spec, wire, run, make):
    """The first start of a lane that knows what topics would say."""
    wire.ids.trust(SCHEMAS_THERE)
    found = known_control()
    places = {(topic, 0): 0 for topic in ("names.v1", "instruments.v1", "limits.v1", COMMANDS)}
    return Known(make(found), found, dict(OWN), OutputLog(), places)


def known_writers(lane_spec, found, process, places):
    return dict(OWN)


@pytest.fixture
def without_kafka(monkeypatch):
    monkeypatch.setattr(fast, "first_start", known_start)
    monkeypatch.setattr("streams.lanes.fast_kept._writers", known_writers)
    yield
    while CHILDREN:
        CHILDREN.pop().kill()  # what a test that failed has left


class Desk:
    """A shard whose lane runs as a process of its own; feed, gateway and mirror are played here."""

    def __init__(self, folder, start_ns=0, snapshot_s=0.05, mib=8, wait="sleep"):
        self.shard = shard_of(folder, mib, start_ns)
        self.rings = Rings(self.shard)
        self.status = folder / "status.json"
        lane = LaneSpec("desk", "trade", 0, "127.0.0.1:1", "http://127.0.0.1:1", status_path=self.status)
        self.spec = FastLaneSpec(lane, self.shard, POLICIES[wait], self.shard.checkpoint_path("trade"), snapshot_s)
        self.mirror = RecordWriter(self.rings.control.writer("mirror"))
        self.offsets = {}
        self.edge = build(None).edge
        for record in control():
            self.forward(record)
            if isinstance(record, Name):
                self.edge.on_name(record)
            elif isinstance(record, Instrument):
                self.edge.on_instrument(record)
        assert forward_end(self.mirror)
        self.child = None
        prepare()  # here, not in each child
        build(None)

    def forward(self, record):
        topic = topic_of(record)
        offset = self.offsets.get(topic, 0)
        self.offsets[topic] = offset + 1
        assert forward(self.mirror, record.id, (topic, 0), offset, WIRE.encode(topic, record))

    def start(self):
        self.child = Child(lambda: fast.run_fast_lane(self.spec, build) == fast.EXIT_OK)
        CHILDREN.append(self.child)

    def give(self, piece):
        self.rings.give(self.edge, piece)

    def behind(self):
        """Slots of data that the lane has not named yet."""
        taken = Journal(self.rings.own).taken()
        return self.rings.market.head - taken[0] + self.rings.events.head - taken[1]

    def drained(self):
        until(lambda: self.behind() == 0, "the lane takes what there is")

    def stop(self):
        os.kill(self.child.pid, signal.SIGTERM)
        assert self.child.join() == 0
        return Checkpoint(self.spec.checkpoint).load(7)


def again(rings):
    """A process that was given what the ring names, and all that it wrote."""
    process = build(None)
    outputs = []

    def step(slots):
        outputs.extend(slot for _, slot in process.node.step(slots))

    for one in Journal(rings.own).inputs():
        if one.kind == KIND_TICK:
            process.on_tick(one.slot.id, one.slot.ts_ns)
        elif one.kind == KIND_COMMAND:
            process._pending += one.data[:64]
        elif one.kind == KIND_TAKEN and one.slot.ring == TAKEN_CONTROL:
            if one.slot.flags == 0:
                process.on_input(rings.told(one.slot.first))
        elif one.kind == KIND_TAKEN:
            for slot in rings.slots(one.slot.ring, one.slot.first, one.slot.count):
                step(slot)
        step(process.take_slots())
    return process, outputs


@pytest.mark.slow
def test_process_killed_again_and_again_writes_everything_once_and_ends_in_the_same_state(market, without_kafka, tmp_path):  # noqa: F811
    desk, rng = Desk(tmp_path, market[0].recv_ts_ns), random.Random(8)
    desk.start()
    for piece in pieces(market, 60):
        desk.give(piece)
        if rng.random() < 0.92:
            desk.drained()
        else:
            time.sleep(rng.random() * 0.02)
            desk.child.kill()
            desk.start()
    desk.drained()
    saved = desk.stop()
    process, outputs = again(desk.rings)
    written = Journal(desk.rings.own).outputs()
    assert len(written) > 20
    assert written == outputs
    of_ids = [int.from_bytes(slot[:8], "little") for slot in written]
    assert len(set(of_ids)) == len(of_ids)
    parts = process.snapshot()
    for name in parts:
        if name != "control":
            assert saved.parts[name][2] == parts[name][2], name


def test_start_without_the_checkpoint_of_its_rings_is_refused(market, without_kafka, tmp_path):  # noqa: F811
    desk = Desk(tmp_path)
    desk.start()
    desk.give(pieces(market)[0])
    desk.drained()
    desk.stop()
    desk.spec.checkpoint.unlink()
    with pytest.raises(RestoreError, match="is gone"):
        fast.FastProcess(desk.spec, build).open()


def test_ring_that_holds_something_else_than_its_inputs_give_is_refused(market, without_kafka, tmp_path):  # noqa: F811
    desk = Desk(tmp_path, market[0].recv_ts_ns, snapshot_s=1_000.0)
    desk.start()
    desk.give([record for record in market if not isinstance(record, VenueEvent)][:200])
    desk.drained()
    desk.child.kill()
    own = desk.rings.own
    number = next(i for i, step in enumerate(Journal(own)) if step.kind == KIND_ORDER)
    own.memory.bytes_at(own.memory.data - own.memory.address + number * own.slot_nbytes + 60, 1)[0] ^= 1
    process = fast.FastProcess(desk.spec, build)
    process.open()
    with pytest.raises(LaneError, match=f"slot {number} is not what its inputs give now"):
        process.run()
    process.close()


@pytest.mark.slow
def test_ring_half_used_makes_a_checkpoint_so_that_writers_go_on(market, without_kafka, tmp_path):  # noqa: F811
    desk = Desk(tmp_path, market[0].recv_ts_ns, snapshot_s=1_000.0, mib=1)
    desk.start()
    data = [record for record in market if not isinstance(record, VenueEvent)]
    while desk.rings.market.head < 3 * desk.rings.market.capacity:
        desk.give(data)
        desk.drained()
    desk.child.kill()
    desk.start()
    desk.give(data)
    desk.drained()
    assert desk.stop().positions[desk.shard.market] == desk.rings.market.head
