"""A kill over its ring, while market data comes: the lane takes it at once, cancels what is open, and sends nothing new until resumed."""

from itertools import pairwise

import pytest

from streams.agents.codes import ACTION_CANCEL, ACTION_NEW
from streams.lanes.fast_slots import KIND_TAKEN, TAKEN_KILL
from streams.lanes.kill_ring import tell
from streams.records import Command, CommandType
from streams.schema import ids
from streams.slots import KIND_REQUEST, RequestSlot
from tests.lanes.fast_kit import WIRE, Journal
from tests.lanes.ring_kit import until
from tests.lanes.test_fast_lane import market, pieces  # noqa: F401
from tests.lanes.test_fast_restart import Desk, without_kafka  # noqa: F401

TOOL, RUN = 300, 7


def given(desk, number, kind):
    """Give a command; when, monotonic ns."""
    record = Command(ids.make(TOOL, number), 0, RUN, 0, 0, kind, "", "")
    (told,) = tell(record.id, RUN, 0, WIRE.encode("commands.v1", record), desk.shard.folder)
    assert told.reason == ""
    return told.began_ns


def taken(steps):
    """Places of the commands that the lane took from the ring `kill`."""
    return [n for n, step in enumerate(steps) if step.kind == KIND_TAKEN and step.slot.ring == TAKEN_KILL]


def actions(steps):
    """What is asked of the venue."""
    return [RequestSlot().unpack(step.data).action for step in steps if step.kind == KIND_REQUEST]


@pytest.mark.slow
def test_kill_while_market_data_comes_is_taken_at_once_and_cancels_what_is_open(market, without_kafka, tmp_path):  # noqa: F811
    desk, began_ns = Desk(tmp_path, market[0].recv_ts_ns, snapshot_s=10.0), []
    desk.start()
    try:
        for number, piece in enumerate(pieces(market, 60), 1):
            desk.give(piece)
            if number % 4 == 0:
                began_ns.append(given(desk, number, CommandType.RESUME if len(began_ns) % 2 else CommandType.KILL))
                until(lambda: len(taken([*Journal(desk.rings.own)])) == len(began_ns), "the lane to take a command")
            desk.drained()
    finally:
        desk.child.kill()
    steps = [*Journal(desk.rings.own)]
    places = taken(steps)
    waits_ns = [steps[place].slot.taken_ns - began for place, began in zip(places, began_ns, strict=True)]
    assert len(waits_ns) >= 6
    assert 0 < min(waits_ns) < 1_000_000  # the others say how busy this machine is
    stopped = [actions(steps[first:end]) for first, end in pairwise([*places, len(steps)])][::2]
    traded = [actions(steps[first:end]) for first, end in pairwise([0, *places])][::2]
    assert all(ACTION_NEW not in asked for asked in stopped)
    assert any(ACTION_CANCEL in asked for asked in stopped)
    assert any(ACTION_NEW in asked for asked in traded)
