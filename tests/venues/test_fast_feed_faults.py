"""Frames and control records at which normalize fails in a fast feed: tried again, then buried once; the flow goes on."""

import asyncio
import json
import signal
import subprocess
from pathlib import Path
from threading import Event, Thread

import pytest

from streams.lanes.fast_slots import KIND_FRAME, KIND_TAKEN, PASSED, TAKEN_CONTROL, TAKEN_FRAMES
from streams.lanes.writers import ALERTS
from streams.records import CommandType
from streams.schema import ids
from streams.slots import FLAG_GAP, KIND_COMMAND, KIND_LEVEL
from tests.venues.binance_frames import snapshot, usdm_diff, usdm_ticker
from tests.venues.fast_feed_world import FeedWorld
from tests.venues.feed_faults import Faults
from tests.venues.local_venue import LocalVenue
from tests.venues.test_fast_feed import playing

ROOT = Path(__file__).parents[2]
BOOK = [["1", "1"]], [["2", "1"]]
FRAMES = [
    usdm_diff(1, 5, 0, [["1", "3"]]),
    usdm_diff(6, 7, 5, [["1", "2"]]),
    snapshot(6, *BOOK, E=1, T=1),  # 3: the whole book, then the diff that was held
    usdm_ticker(7, "1", "2", "2", "1"),
    snapshot(6, *BOOK, E=1, T=1),
    usdm_diff(8, 9, 7, [["1", "4"]]),
    usdm_diff(10, 11, 9, [["1", "5"]]),  # 7
    usdm_diff(12, 13, 11, [["1", "6"]]),  # 8: a gap, and RESYNC
    snapshot(12, *BOOK, E=1, T=1),
    usdm_ticker(13, "1", "6", "2", "1"),
]
TAKE, NEXT = 7, 3
OVER = [ids.make(0, NEXT), ids.make(0, TAKE)]
LATER = 77


def world_of(folder: Path, compiled: bool = True, frames: list[bytes] = FRAMES) -> FeedWorld:
    folder.mkdir(exist_ok=True)
    path = folder / "frames.txt"
    path.write_bytes(b"".join(b"%d %s\n" % (1_000 + n, frame) for n, frame in enumerate(frames)))
    return FeedWorld(folder, 1_000, 1e6, ring_mib=8, compiled=compiled, recordings=[str(path)])


def marked(world: FeedWorld) -> list[int]:
    """Ids of the frames that normalize took, in order."""
    slots = world.market()
    return slots[slots[:, 36] == KIND_FRAME].view("i8")[:, 0].tolist()


def letters(world: FeedWorld) -> list[tuple[str, int, int]]:
    """Of what was passed over: (topic, a, b)."""
    return [(r.topic, r.a, r.b) for r in world.frames if r.a >= PASSED and r.topic != "frames.v1"]


def later(world: FeedWorld) -> int:
    """Forward two commands, the first for a fault to be at; its slot."""
    slot = world._control.writer.ring.head
    for offset in (1, 2):
        pause = world.run._replace(id=ids.make(500, LATER - 1 + offset), kind=CommandType.PAUSE, target="someone", run_number=None)
        world.forward("commands.v1", offset, pause)
    return slot


def assert_buried(world: FeedWorld, over: list[int], buried: list[tuple[str, int, int]]) -> None:
    """As if these frames had never come to normalize; each letter is there once, and an alert."""
    frames = [r for r in world.frames if r.topic == "frames.v1"]
    assert [r.payload for r in frames] == FRAMES
    assert marked(world) == [r.id for r in frames if r.id not in over]
    assert world.bodies() == world.expected()
    assert letters(world) == buried
    assert len([r for r in world.frames if r.topic == ALERTS]) == len(buried)
    for topic in {r.topic for r in world.frames}:
        found = [r.id for r in world.frames if r.topic == topic]
        assert found == list(range(found[0], found[0] + len(found))), topic


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "plain"])
def test_fast_feed_frame_at_which_normalize_fails_twice_is_a_dead_letter_and_a_gap(compiled, monkeypatch, tmp_path):
    world = world_of(tmp_path, compiled)
    faults = Faults(takes=[TAKE], nexts=[(NEXT, 2)]).install(monkeypatch.setattr)
    assert world.play() == 0
    world.drain()
    assert set(faults.tries.values()) == {2}
    assert_buried(world, OVER, [("frames.v1.dlq.v1", PASSED + TAKEN_FRAMES, id) for id in OVER])
    found = [world.wire.decode(r.topic, r.payload) for r in world.frames if r.topic == "frames.v1.dlq.v1"]
    assert [(letter.cause_id, letter.payload, letter.offset) for letter in found] == [(id, FRAMES[ids.sequence(id) - 1], -1) for id in OVER]
    assert all("normalize failed at frame" in letter.reason for letter in found)
    assert all(compiled or "a fault of the kernel" in letter.reason for letter in found)
    slots = world.market()
    assert any((slots[:, 36] == KIND_LEVEL) & (slots[:, 38] & FLAG_GAP > 0))
    assert any(slots[:, 36] == KIND_COMMAND)
    status = json.loads((tmp_path / "feed.json").read_text())
    assert (status["state"], status["dead_letters"], status["records_in"]) == ("stopped", 2, len(FRAMES) - 2)
    monkeypatch.undo()
    assert world.play() == 0  # another start finds them passed over
    world.drain()
    assert letters(world) == [("frames.v1.dlq.v1", PASSED + TAKEN_FRAMES, id) for id in OVER]
    assert marked(world) == [ids.make(0, n) for n in range(1, len(FRAMES) + 1) if ids.make(0, n) not in OVER]


def test_fast_feed_that_fails_once_at_inputs_carries_them_all(monkeypatch, tmp_path):
    world = world_of(tmp_path)
    later(world)
    faults = Faults(takes=[TAKE], nexts=[(NEXT, 2)], told=[LATER], most=1).install(monkeypatch.setattr)
    assert world.play() == 0
    world.drain()
    assert len(faults.tries) == 3
    assert_buried(world, [], [])


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "plain"])
def test_fast_feed_control_record_at_which_python_fails_twice_is_passed_over(compiled, monkeypatch, tmp_path):
    world = world_of(tmp_path, compiled)
    slot = later(world)
    Faults(told=[LATER]).install(monkeypatch.setattr)
    buried = [("commands.v1.dlq.v1", PASSED + TAKEN_CONTROL, slot)]
    assert world.play() == 0
    world.drain()
    assert_buried(world, [], buried)
    (letter,) = [world.wire.decode(r.topic, r.payload) for r in world.frames if r.topic == "commands.v1.dlq.v1"]
    assert (letter.topic, letter.offset, letter.cause_id) == ("commands.v1", 1, ids.make(500, LATER))
    slots = world.market()
    taken = [found.view("i8") for found in slots[slots[:, 36] == KIND_TAKEN]]
    ranges = [range(int(one[5]), int(one[5]) + (int(one[7]) >> 32)) for one in taken]
    assert not any(slot in named for named in ranges)
    assert any(slot + 1 in named for named in ranges)
    monkeypatch.undo()
    assert world.play() == 0  # nor is it given to normalize later
    world.drain()
    assert letters(world) == buried


@pytest.mark.slow
@pytest.mark.parametrize("kills", [[{"die_at": (what, 2)} for what in (0, NEXT, TAKE)], 3 * [{"die_over": True}]], ids=["tries", "letters"])
def test_fast_feed_killed_between_tries_buries_each_input_once(kills, tmp_path):
    """Killed at the second try of each input, or once a letter says that it is passed over, before anything follows from it."""
    world = world_of(tmp_path)
    slot = later(world)
    faults = {"takes": [TAKE], "nexts": [(NEXT, 2)], "told": [LATER]}
    for more in (*kills, {}):
        child = subprocess.Popen(world.child(**faults, **more), cwd=ROOT)
        world.wait(lambda child=child: child.poll() is not None)
        assert child.returncode == (-signal.SIGKILL if more else 0)
    world.drain()
    frames = [("frames.v1.dlq.v1", PASSED + TAKEN_FRAMES, id) for id in OVER]
    assert_buried(world, OVER, [("commands.v1.dlq.v1", PASSED + TAKEN_CONTROL, slot), *frames])


def test_fast_feed_control_records_at_which_python_fails_one_after_the_other_are_all_passed_over(monkeypatch, tmp_path):
    world = world_of(tmp_path)
    slot = later(world)
    faults = Faults(told=[LATER, LATER + 1], takes=[TAKE]).install(monkeypatch.setattr)
    assert world.play() == 0
    world.drain()
    assert faults.tries == {0: 4, TAKE: 2}
    told = [("commands.v1.dlq.v1", PASSED + TAKEN_CONTROL, at) for at in (slot, slot + 1)]
    assert_buried(world, OVER[1:], [*told, ("frames.v1.dlq.v1", PASSED + TAKEN_FRAMES, OVER[1])])


def test_fast_feed_that_fails_at_what_its_ring_holds_refuses_to_start(monkeypatch, tmp_path):
    world = world_of(tmp_path)
    assert world.play() == 0
    world.drain()
    again = world_of(tmp_path / "again")
    again.write_as_feed(world.frames, world.market())
    Faults(takes=[TAKE]).install(monkeypatch.setattr)
    assert again.play() == 1
    assert "it did not when the ring was written" in json.loads((tmp_path / "again" / "feed.json").read_text())["reason"]


def test_fast_feed_socket_whose_frame_makes_normalize_fail_connects_anew_and_asks_for_the_book(monkeypatch, tmp_path):
    world = FeedWorld(tmp_path, ring_mib=8)
    book = snapshot(4, *BOOK, E=1, T=1)
    faults = Faults(takes=[4]).install(monkeypatch.setattr)
    first, bad = usdm_diff(1, 5, 0), [usdm_diff(n, n, n - 1) for n in range(6, 9)]

    async def scenario() -> None:
        async with LocalVenue([[first, *bad]] * 2, lambda _: (200, book)) as venue, playing(world, venue):
            await venue.until(lambda: len(venue.streams) >= 2)
            await asyncio.to_thread(world.wait, lambda: any(r.a == 2 for r in world.frames if r.topic == "frames.v1"))

    asyncio.run(scenario())
    world.drain()
    assert faults.tries == {4: 2}
    over = [ids.make(0, 4)]
    assert letters(world) == [("frames.v1.dlq.v1", PASSED + TAKEN_FRAMES, id) for id in over]
    assert marked(world) == [r.id for r in world.frames if r.topic == "frames.v1" and r.id not in over]
    assert world.bodies() == world.expected()


def test_fast_feed_that_fails_at_everything_ends(monkeypatch, tmp_path):
    world = world_of(tmp_path, frames=[usdm_ticker(n, "1", "2", "2", "1") for n in range(1, 200)])
    Faults(takes=range(1, 200)).install(monkeypatch.setattr)
    codes: list[int] = []
    feed = Thread(target=lambda: codes.append(world.play(Event())))
    feed.start()
    world.wait(lambda: not feed.is_alive())
    world.drain()
    assert codes == [1]
    assert 40 <= len(letters(world)) <= 50
