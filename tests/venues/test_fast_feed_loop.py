"""The fast feed's loop: plain and compiled by bytes, the records of the Kafka lane's normalize, rings without room, frames given again."""

from typing import Any

import numpy as np
import pytest

from streams.errors import FrameError, RestoreError
from streams.kernel.system import monotonic_ns
from streams.lanes.fast_slots import KIND_FRAME
from streams.schema import codec, ids
from streams.slots import FLAG_LAST, KIND_COMMAND, KIND_LEVEL
from streams.venues.binance import fast_feed_kernel as k
from tests.agents.market_desk import RUN, MarketDesk
from tests.agents.market_flow import INSTRUMENTS, flow
from tests.venues.feed_desk import FEED, FeedDesk

ROOM: dict[str, Any] = {"window": 256, "far": 1024, "levels": 64, "held": 256}


def expected(payloads: list[bytes]) -> tuple[list, list[int], MarketDesk]:
    """What the Kafka lane's normalize makes of them: bodies and marks in order, and the numbers of the frames it refuses."""
    desk = MarketDesk(*INSTRUMENTS, **ROOM)
    found, refused = [], []
    for payload in payloads:
        frame = desk.frame(payload)
        found.append((KIND_FRAME, frame.id, b""))
        try:
            found += [(0, record[0], codec.encode(record)) for record in desk.node.records(frame, RUN)]
        except FrameError:
            refused.append(frame.id)
    return found, refused, desk


@pytest.mark.parametrize(("compiled", "n"), [(True, 2_000), (False, 120)])
def test_loop_of_any_flow_writes_frames_and_what_the_kafka_lane_writes(tmp_path, compiled, n):
    payloads = list(flow(11, n))
    desk = FeedDesk(tmp_path, INSTRUMENTS, compiled, **ROOM)
    for first in range(0, n, 50):
        assert desk.give(payloads[first : first + 50]) == k.DONE
    sent = desk.sent()
    assert [(r.id, r.topic, r.recv_ts_ns, r.a, r.b, r.payload) for r in sent] == [
        (ids.make(FEED, i), "frames.v1", i, 1, i, payload) for i, payload in enumerate(payloads, 1)
    ]
    assert all(record.ts_ns >= record.recv_ts_ns for record in sent)
    bodies, refused, twin = expected(payloads)
    found = desk.bodies(desk.slots(), RUN)
    assert [(id, body) for _, id, body in found] == [(id, body) for _, id, body in bodies]
    assert [kind == KIND_FRAME for kind, _, _ in found] == [kind == KIND_FRAME for kind, _, _ in bodies]
    assert [id for id, _, _ in desk.letters.bad] == refused
    assert desk.normalize.ignored == twin.node.ignored
    assert desk.normalize.state() == twin.node.state()
    assert len(desk.resyncs) == sum(kind == KIND_COMMAND for kind, _, _ in found)


def test_loop_plain_and_compiled_write_the_same_bytes(tmp_path):
    payloads, slots, frames = list(flow(12, 150)), [], []
    for compiled in (True, False):
        desk = FeedDesk(tmp_path / str(compiled), INSTRUMENTS, compiled, **ROOM)
        desk.give(payloads)
        found = desk.slots().copy()
        found[found[:, 36] == KIND_FRAME, 48:56] = 0  # when it was published
        slots.append(found)
        frames.append([record._replace(ts_ns=0) for record in desk.sent()])
    assert (slots[0] == slots[1]).all()
    assert frames[0] == frames[1]


def within(slots: np.ndarray, cut: int) -> bool:
    """Whether the slots before and after `cut` are published at once: a mark and its first record, or those of one record."""
    before, after = slots[cut - 1 : cut + 1, 36].tolist()
    if before == KIND_FRAME:
        return after != KIND_FRAME
    return before == KIND_LEVEL and not slots[cut - 1, 38] & FLAG_LAST


def test_loop_given_the_frames_of_the_ring_again_goes_on_where_the_slots_end(tmp_path):
    payloads = list(flow(13, 400))
    whole = FeedDesk(tmp_path / "whole", INSTRUMENTS, **ROOM)
    whole.give(payloads)
    slots, sent = whole.slots().copy(), whole.sent()
    slots[slots[:, 36] == KIND_FRAME, 48:56] = 0
    for cut in (0, 1, 7, len(slots) // 2, len(slots)):
        while 0 < cut < len(slots) and within(slots, cut):
            cut += 1
        desk = FeedDesk(tmp_path / f"cut{cut}", INSTRUMENTS, **ROOM)
        assert desk.writers[1].write(slots[:cut]) == cut
        desk.lane.state.check, desk.lane.state.check_end = 0, desk.market_ring.head
        room = np.zeros(128 * 64 + 128, np.uint8)
        desk.lane.state.scratch, desk.lane.state.scratch_slots = room.ctypes.data, 65
        frame_ids = np.array([record.id for record in sent])
        times, _, starts, sizes, wires, text = desk.columns(payloads)
        assert desk.lane.again(frame_ids, times, starts, sizes, wires) == k.DONE
        found = desk.slots().copy()
        found[found[:, 36] == KIND_FRAME, 48:56] = 0
        assert (found == slots).all()
        assert desk.normalize.state() == whole.normalize.state()
        assert desk.sent() == []
        assert len(text)


def test_loop_given_other_frames_again_says_where_it_differs(tmp_path):
    payloads = list(flow(14, 60))
    whole = FeedDesk(tmp_path / "whole", INSTRUMENTS, **ROOM)
    whole.give(payloads)
    slots = whole.slots().copy()
    slots[30, 41] ^= 1
    desk = FeedDesk(tmp_path / "other", INSTRUMENTS, **ROOM)
    desk.writers[1].write(slots)
    desk.lane.state.check, desk.lane.state.check_end = 0, desk.market_ring.head
    room = np.zeros(128 * 65, np.uint8)
    desk.lane.state.scratch, desk.lane.state.scratch_slots = room.ctypes.data, 65
    times, _, starts, sizes, wires, _text = desk.columns(payloads)
    with pytest.raises(RestoreError, match="now gives other records than stand in"):
        desk.lane.again(ids.make(FEED, 0) + np.arange(1, 61), times, starts, sizes, wires)


@pytest.mark.parametrize("compiled", [True, False])
def test_loop_without_room_stops_and_goes_on_without_loss(tmp_path, compiled):
    payloads = list(flow(15, 200)) * (20 if compiled else 1)
    desk = FeedDesk(tmp_path, INSTRUMENTS, compiled, ring_slots=256, **ROOM)
    bodies, _, _ = expected(payloads)
    stop, stops, found, sent = desk.give(payloads), 0, [], []
    while True:
        sent += desk.sent()
        desk.frames.commit()
        slots = desk.slots()
        found += [(id, body) for _, id, body in desk.bodies(slots, RUN)]
        desk.market.commit()
        if stop == k.DONE:
            break
        assert stop == k.FULL
        stops, stop = stops + 1, desk.lane.go_on()
    assert stops > 1
    assert [record.payload for record in sent] == payloads
    assert found == [(id, body) for _, id, body in bodies]


def test_loop_paced_carries_frames_when_they_are_due_and_ends_a_wait_in_between(tmp_path):
    desk = FeedDesk(tmp_path, INSTRUMENTS, **ROOM)
    times, seqs, starts, sizes, _, _text = desk.columns(list(flow(16, 3)))
    now = monotonic_ns()
    wires = now + np.array([0, 20, 60_000]) * 1_000_000
    assert desk.lane.give(1, times, seqs, starts, sizes, wires, paced=True, until_ns=now + 60_000_000) == k.LATER
    assert len(desk.sent()) == 2
    marks = desk.slots()
    marks = marks[marks[:, 36] == KIND_FRAME].view(np.int64)
    assert (marks[:, 5] == wires[:2]).all()
    assert (marks[:, 6] >= marks[:, 5]).all()
    assert now + 60_000_000 <= monotonic_ns()
    assert desk.lane.give_up()
    assert desk.lane.idle


def test_loop_stops_for_a_checkpoint_between_two_frames(tmp_path):
    payloads = list(flow(17, 40))
    desk = FeedDesk(tmp_path, INSTRUMENTS, **ROOM)
    desk.lane.state.frames_limit = 20
    assert desk.give(payloads) == k.HALF
    assert 20 <= desk.frames_ring.head < 25
    desk.lane.state.frames_limit = 1 << 40
    assert desk.lane.go_on() == k.DONE
    assert len(desk.sent()) == 40


def test_loop_frame_larger_than_its_ring_becomes_a_letter(tmp_path):
    desk = FeedDesk(tmp_path, INSTRUMENTS, ring_slots=64, **ROOM)
    good = list(flow(18, 2))
    assert desk.give([good[0], b"x" * 10_000, good[1]]) == k.DONE
    assert desk.letters.large == [(2, b"x" * 10_000)]
    assert [record.payload for record in desk.sent()] == good
