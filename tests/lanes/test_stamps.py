"""When an input that led to a request passed each place: in the order of the way, and only where it did. Nothing else differs for it."""

import ctypes
import time

import numpy as np
import pytest

from streams.agents.process import Process
from streams.clock import RunClock
from streams.kernel import addr_of, handle_of
from streams.kernel.system import monotonic_ns
from streams.lanes.fast_loop import FastLoop, fast_decided
from streams.lanes.fast_slots import KIND_STAMPS, KIND_TAKEN, StampSlot
from streams.lanes.histogram_file import HistogramFile
from streams.lanes.stages import LANE_STAGES
from streams.records import Clock, Order
from streams.slots import KIND_DECISION, KIND_ORDER, KIND_REQUEST
from tests.agents.desk import T0, Desk, book, control, quote, spec
from tests.lanes.fast_kit import Journal, Rings, lane_of, shard_of
from tests.lanes.ring_kit import until
from tests.lanes.test_fast_lane import AGENTS, market, played, process_of  # noqa: F401

RUNS = pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "plain"])


def stamps(ring):
    """The stamps in a lane's ring, in order."""
    slots = Journal(ring).slots
    return [StampSlot().unpack(slots[k, :128].tobytes()) for k in np.flatnonzero(slots[:, 36] == KIND_STAMPS)]


def counts(histograms):
    return {stage: histograms.take(stage).count for stage in LANE_STAGES if stage != "ring_taken"}


def kinds_by_input(rings):
    """What each input that the ring names leads to, given alone: a set of kinds an input."""
    process, found = process_of(True), []
    for _ in process.node.step(process.take_slots()):
        pass
    for step in Journal(rings.own):
        if step.kind == KIND_TAKEN:
            given = rings.slots(step.slot.ring, step.slot.first, step.slot.count)
            found += [{kind for kind, _ in process.node.step(slot)} for slot in given]
    return found


@RUNS
def test_stamps_are_in_the_order_of_the_way_and_counted_once(compiled, market, tmp_path):  # noqa: F811
    histograms = HistogramFile.create(tmp_path / "counted", LANE_STAGES)
    rings, lane = played(tmp_path, market if compiled else market[:300], compiled, histograms=histograms)
    inputs = kinds_by_input(rings)
    asked = [KIND_ORDER in kinds for kinds in inputs if KIND_REQUEST in kinds]
    found = stamps(rings.own)
    assert 5 < len(found) == len(asked) < lane.counters.inputs
    for e, order in zip(found, asked, strict=True):
        assert (e.decided_ns != 0) == order
        way = [e.wire_ns, e.ring_ns, e.taken_ns, e.decided_ns, e.checked_ns]
        passed = [ns for ns in way if ns != 0]
        assert passed == sorted(passed)
        assert (e.wire_ns == 0) == (e.ring_ns == 0)
    framed = sum(e.wire_ns != 0 for e in found)
    assert counts(histograms) == {"taken_decided": sum(asked), "decided_checked": sum(asked), "wire_checked": framed}


@RUNS
def test_tick_that_leads_to_an_order_is_stamped_and_one_that_ends_orders_is_not_decided(compiled, tmp_path):
    process = Process(spec("strategy", "risk", "execute", cls="tests.strategies.timed:Timed"), compiled=compiled)
    for record in control():
        process.on_input(record)
    rings = Rings(shard_of(tmp_path), compiled)
    histograms = HistogramFile.create(tmp_path / "counted", LANE_STAGES)
    clock = RunClock(Clock.RECORDING, T0, time.time_ns(), 1.0)
    lane = lane_of(rings, process, clock=clock, tick_ns=1_000_000, histograms=histograms)
    rings.give(process.edge, [book(1, "60000.0", "60000.1", T0, snapshot=True), quote(1, "60000.0", "60000.1", T0)])

    def ended():
        lane.run(monotonic_ns() + 2_000_000)
        return lane.counters.requests == 4

    until(ended, "two orders and their cancels")
    bought, cancelled = stamps(rings.own)
    assert (bought.wire_ns, bought.ring_ns) == (0, 0)
    assert bought.taken_ns <= bought.decided_ns <= bought.checked_ns
    assert (cancelled.decided_ns, cancelled.taken_ns <= cancelled.checked_ns) == (0, True)
    assert counts(histograms) == {"taken_decided": 1, "decided_checked": 1, "wire_checked": 0}


def test_second_order_of_an_input_leaves_the_stamp_of_the_first():
    loop = FastLoop()
    fast_decided(addr_of(loop))
    first = loop.decided_ns
    fast_decided(addr_of(loop))
    assert 0 < loop.decided_ns == first


@RUNS
def test_watching_orders_changes_neither_outputs_nor_state(compiled):
    watched, other = (Desk("strategy", "risk", "execute", compiled=compiled) for _ in range(2))
    node, seen = watched.process.node, []
    out = node.node.out if not compiled else node.view.out

    def on_order(argument):
        seen.append((argument, int(out.used[KIND_DECISION])))
        return 0

    native = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(on_order)
    node.watch_orders(ctypes.cast(native, ctypes.c_void_p).value if compiled else handle_of(on_order), 5, native)
    orders = 0
    for n in range(1, 40):
        bid = 600_000 + 7 * (n % 5)
        given = book(n, f"{bid / 10:.1f}", f"{(bid + 1) / 10:.1f}", T0 + n * 50_000_000, snapshot=True)
        written = watched.give(given)
        assert written == other.give(given)
        orders += sum(isinstance(record, Order) for record in written)
    assert seen == [(5, 0)] * orders  # before risk has seen any
    assert orders > 0
    assert watched.process.snapshot() == other.process.snapshot()
    watched.process.restore(other.process.snapshot())
    assert (out.on_order, out.order_argument) != (0, 0)
