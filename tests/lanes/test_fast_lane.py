"""The fast lane between rings: what it writes is what the process writes for the inputs that its ring names; plain and compiled alike."""

import pytest

from streams.agents.node import KIND_TICK
from streams.agents.process import Process
from streams.kernel.system import monotonic_ns
from streams.lanes.fast_slots import KIND_TAKEN, TAKEN_MARKET
from streams.records import BookUpdate, Position, VenueEvent
from streams.venues.binance.synthetic import SyntheticMarket, write_synthetic
from tests.agents.desk import control, spec
from tests.agents.recorded_inputs import APART, inputs_of
from tests.lanes.fast_kit import Journal, Rings, drained, lane_of, market_bytes, shard_of

AGENTS = APART[1]
ROOM = {"orders": 256, "window": 4096, "far": 8192, "executions": 4096}


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    """What the process of strategy, risk and execute reads while a synthetic market is played."""
    path = tmp_path_factory.mktemp("market") / "btcusdt.gz"
    write_synthetic(path, SyntheticMarket(seconds=4.0, events_per_s=150.0, seed=5))
    return [record for record in inputs_of(AGENTS, path=path) if not isinstance(record, Position)]  # no account writes positions here


def process_of(compiled, **room):
    process = Process(spec(*AGENTS, **{**ROOM, **room}), compiled=compiled)
    for record in control():
        process.on_input(record)
    return process


def pieces(records, most=40):
    """The records in their order, cut where market data and events change."""
    found = []
    for record in records:
        if not found or isinstance(record, VenueEvent) != isinstance(found[-1][0], VenueEvent) or len(found[-1]) == most:
            found.append([])
        found[-1].append(record)
    return found


def played(folder, records, compiled, **more):
    """A lane that was given the records piece by piece; its rings."""
    rings = Rings(shard_of(folder), compiled)
    process = process_of(compiled)
    lane = lane_of(rings, process, **more)
    for piece in pieces(records):
        rings.give(process.edge, piece)
        drained(lane)
    return rings, lane


def given_as_arrays(rings):
    """What a process writes for the inputs that the ring names, given one after the other."""
    process = process_of(True)
    inputs = [process.take_slots()]
    for step in Journal(rings.own):
        if step.kind == KIND_TICK:
            process.on_tick(step.slot.id, step.slot.ts_ns)
            inputs.append(process.take_slots())
        elif step.kind == KIND_TAKEN:
            inputs += rings.slots(step.slot.ring, step.slot.first, step.slot.count)
    return [slot for given in inputs for _, slot in process.node.step(given)]


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "plain"])
def test_lane_writes_what_the_process_writes_for_the_same_inputs(compiled, market, tmp_path):
    records = market if compiled else market[:300]
    rings, lane = played(tmp_path, records, compiled)
    outputs = Journal(rings.own).outputs()
    assert len(outputs) > 20
    assert outputs == given_as_arrays(rings)
    assert lane.counters.requests > 0


def test_plain_and_compiled_leave_the_same_bytes(market, tmp_path):
    plain, compiled = (played(tmp_path / str(c), market[:300], c)[0] for c in (False, True))
    first, second = Journal(plain.own), Journal(compiled.own)
    assert [step.kind for step in first] == [step.kind for step in second]
    assert first.outputs() == second.outputs()


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "plain"])
def test_record_whose_end_comes_later_is_taken_then(compiled, market, tmp_path):
    rings = Rings(shard_of(tmp_path), compiled)
    process = process_of(compiled)
    lane = lane_of(rings, process)
    book = next(record for record in market if isinstance(record, BookUpdate) and len(record.levels) > 20)
    slots = market_bytes(process.edge, [book])
    rings.to_market.write(slots[:10])
    lane.run(monotonic_ns() + 2_000_000)
    assert (lane.position(TAKEN_MARKET), lane.lag) == (1, 9)  # its mark alone
    rings.to_market.write(slots[10:])
    drained(lane)
    assert lane.position(TAKEN_MARKET) == len(slots)
