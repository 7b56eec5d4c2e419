"""The fast feed as a process: recordings once and at their time, kills, damage, rings without room, control, sockets with resync."""

import asyncio
import json
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Event, Thread

import numpy as np
import pytest

from streams.lanes.fast_slots import KIND_FRAME, KIND_TAKEN
from streams.records import CommandType
from streams.schema import ids
from streams.slots import FLAG_GAP, KIND_COMMAND, KIND_LEVEL
from streams.venues.binance.recording import Line, read_recording
from streams.venues.binance.synthetic import SyntheticMarket, write_synthetic
from tests.venues.binance_frames import snapshot, usdm_diff
from tests.venues.fast_feed_world import FeedWorld
from tests.venues.local_venue import LocalVenue

ROOT = Path(__file__).parents[2]


def synthetic(path: Path, seconds: float) -> tuple[str, list[Line]]:
    write_synthetic(path, SyntheticMarket(seconds=seconds))
    return str(path), [line for line in read_recording(path) if isinstance(line, Line)]


def sent(world: FeedWorld) -> list[tuple[int, int, bytes]]:
    return [(r.b, r.recv_ts_ns, r.payload) for r in world.frames if r.topic == "frames.v1"]


def told(lines: list[Line]) -> list[tuple[int, int, bytes]]:
    return [(line.number, line.recv_ts_ns, line.payload) for line in lines]


def test_fast_feed_recording_gives_every_line_once_and_what_the_kafka_lane_makes_of_it(tmp_path):
    path, lines = synthetic(tmp_path / "a.gz", 2)
    world = FeedWorld(tmp_path, lines[0].recv_ts_ns, 20.0, ring_mib=8, recordings=[path])
    assert world.play() == 0
    world.drain()
    assert sent(world) == told(lines)
    assert [r.id for r in world.frames] == [ids.make(0, n) for n in range(1, len(lines) + 1)]
    assert world.bodies() == world.expected()
    marks = world.market()[world.market()[:, 36] == KIND_FRAME].view(np.int64)
    assert marks[:, 0].tolist() == [r.id for r in world.frames]
    assert (marks[:, 6] >= marks[:, 5]).all()
    status = json.loads((tmp_path / "feed.json").read_text())
    assert (status["state"], status["records_in"], status["records_out"]) == ("stopped", len(lines), len(world.bodies()))
    assert world.play() == 0  # a second start finds nothing left to send
    world.drain()
    assert len(world.frames) == len(lines)


def test_fast_feed_plain_writes_what_the_compiled_one_writes(tmp_path):
    path, lines = synthetic(tmp_path / "a.gz", 0.6)
    worlds = [FeedWorld(tmp_path / str(c), lines[0].recv_ts_ns, 1e6, ring_mib=8, compiled=c, recordings=[path]) for c in (True, False)]
    found = []
    for world in worlds:
        for _ in range(2):  # the second goes on from its checkpoint
            assert world.play() == 0
        world.drain()
        slots = world.market().copy()
        slots[slots[:, 36] == KIND_FRAME, 40:56] = 0  # when it was due, and published
        slots[slots[:, 36] == KIND_TAKEN, 48:56] = 0
        slots = slots[(slots[:, 36] != KIND_TAKEN) | (slots.view(np.int32)[:, 15] > 0)]  # checkpoints come by the clock
        found.append((slots.tobytes(), sent(world)))
    assert found[0] == found[1]
    assert found[0][1] == told(lines)


def marked(world: FeedWorld) -> list[int]:
    """Ids of the frames that normalize took, in order."""
    slots = world.market()
    return slots[slots[:, 36] == KIND_FRAME].view(np.int64)[:, 0].tolist()


@pytest.mark.slow
def test_fast_feed_killed_again_and_again_loses_and_repeats_nothing(tmp_path):
    path, lines = synthetic(tmp_path / "a.gz", 24)
    world = FeedWorld(tmp_path, lines[0].recv_ts_ns, 1e6, recordings=[path])  # its rings hold some 2,000 frames
    kills = 0
    for more in (1, 3_003):
        child = subprocess.Popen(world.child(), cwd=ROOT)
        upto = len(world.frames) + more
        world.wait(lambda upto=upto: len(world.frames) >= upto, most=100)
        child.kill()
        child.wait()
        kills += 1
    assert len(world.frames) < len(lines)
    last = subprocess.Popen(world.child(), cwd=ROOT)
    world.wait(lambda: last.poll() is not None)
    world.drain()
    assert (last.returncode, kills) == (0, 2)
    assert sent(world) == told(lines)
    assert [r.id for r in world.frames] == marked(world) == [ids.make(0, n) for n in range(1, len(lines) + 1)]
    assert world.bodies() == world.expected()


def test_fast_feed_killed_before_its_records_are_published_publishes_them(tmp_path):
    path, lines = synthetic(tmp_path / "a.gz", 1)
    world = FeedWorld(tmp_path, lines[0].recv_ts_ns, 1e6, ring_mib=8, recordings=[path])
    assert world.play() == 0
    world.drain()
    whole, cut = world.market(), len(world.market()) // 2
    again = FeedWorld(tmp_path / "again", lines[0].recv_ts_ns, 1e6, ring_mib=8, recordings=[path])
    while whole[cut, 36] != KIND_FRAME:
        cut += 1
    frames = next(n for n, r in enumerate(world.frames) if r.id == int(whole[cut].view(np.int64)[0]))
    again.write_as_feed(world.frames[: frames + 1], whole[:cut])  # one frame is there without its records
    assert again.play() == 0
    again.drain()
    assert sent(again) == told(lines)
    assert marked(again) == marked(world)
    assert again.bodies() == world.bodies()


def test_fast_feed_with_other_slots_in_its_ring_refuses_to_start(tmp_path):
    path, lines = synthetic(tmp_path / "a.gz", 0.7)
    world = FeedWorld(tmp_path, lines[0].recv_ts_ns, 1e6, ring_mib=8, recordings=[path])
    assert world.play() == 0
    world.drain()
    slots = world.market().copy()
    slots[np.flatnonzero(slots[:, 36] < KIND_FRAME)[-5], 41] ^= 1
    again = FeedWorld(tmp_path / "again", lines[0].recv_ts_ns, 1e6, ring_mib=8, recordings=[path])
    again.write_as_feed(world.frames, slots)
    assert again.play() == 1
    assert "now gives other records than stand in" in json.loads((tmp_path / "again" / "feed.json").read_text())["reason"]


def test_fast_feed_damage_becomes_letters_once_also_across_restarts(tmp_path):
    path = tmp_path / "a.txt"
    lines = [
        b'1000 {"a":1}',
        b"nonsense",
        b'1001 {"b":"' + b"x" * 1_100_000 + b'"}',
        b'1002 {"stream":"x@depth","data":{"e":"depthUpdate"}}',
    ]
    path.write_bytes(b"\n".join(lines) + b"\n")
    world = FeedWorld(tmp_path, 1_000, 1e9, ring_mib=8, recordings=[str(path)])
    for _ in range(2):
        assert world.play() == 0
        world.drain()
    assert [(r.topic, r.a, r.b) for r in world.frames] == [
        ("frames.v1", 1, 1),
        ("frames.v1.dlq.v1", 1, ids.make(0, 1)),
        ("frames.v1.dlq.v1", 0, 2),
        ("frames.v1.dlq.v1", 0, 3),
        ("frames.v1", 1, 4),
        ("frames.v1.dlq.v1", 1, ids.make(0, 2)),
    ]
    _, damaged, large, refused = (world.wire.decode(r.topic, r.payload) for r in world.frames if r.topic != "frames.v1")
    assert (damaged.offset, damaged.payload, damaged.reason.partition(":2: ")[2][:15]) == (2, b"nonsense", "no receive time")
    assert (large.offset, large.cause_id) == (3, 0)
    assert "frame of 1100008 bytes" in large.reason
    assert (refused.offset, refused.cause_id, refused.payload) == (-1, ids.make(0, 2), lines[3][5:])
    assert marked(world) == [ids.make(0, 1), ids.make(0, 2)]


def test_fast_feed_waits_for_a_stuck_lane_and_loses_nothing(tmp_path):
    path, lines = synthetic(tmp_path / "a.gz", 14)
    world = FeedWorld(tmp_path, lines[0].recv_ts_ns, 1e6, recordings=[path])
    codes: list[int] = []
    feed = Thread(target=lambda: codes.append(world.play()))
    feed.start()
    world.wait(lambda: world.market_ring.full > 0, lane=False)
    taken = len(world.frames)
    assert taken < len(lines)
    world.wait(lambda: not feed.is_alive())
    feed.join()
    world.drain()
    assert codes == [0]
    assert sent(world) == told(lines)
    assert world.bodies() == world.expected()


def test_fast_feed_names_the_control_records_it_carries_and_no_others(tmp_path):
    path, lines = synthetic(tmp_path / "a.gz", 0.2)
    world = FeedWorld(tmp_path, lines[0].recv_ts_ns, 0.01, recordings=[path])
    own = ids.make(world.control.writer("normalize/0/commands"), 1)
    later = world.names[-1]._replace(number=world.names[-1].number + 1, name="later")
    codes: list[int] = []
    stop = Event()
    feed = Thread(target=lambda: codes.append(world.play(stop)))
    feed.start()
    world.wait(lambda: marked(world))
    world.forward("names.v1", len(world.names) - 1, world.names[-1])  # a copy, from a mirror that has started again
    world.forward("commands.v1", 1, world.run._replace(id=own, kind=CommandType.RESYNC, run_number=None))
    world.forward("names.v1", len(world.names), later)
    world.forward_value("names.v1", len(world.names) + 1, 0, b"rubbish")
    world.wait(lambda: any(r.topic == "names.v1.dlq.v1" for r in world.frames))
    stop.set()
    world.wait(lambda: not feed.is_alive())
    world.drain()
    assert codes == [0]
    slots = world.market()
    taken = [slot.view(np.int64) for slot in slots[slots[:, 36] == KIND_TAKEN]]
    first = [int(slot[5]) for slot in taken]
    assert first[0] == 0  # what stood there before END, at once
    assert sum(int(slot[7]) >> 32 for slot in taken) == len(world.names) + 2 + 2
    (letter,) = [world.wire.decode(r.topic, r.payload) for r in world.frames if r.topic == "names.v1.dlq.v1"]
    assert (letter.topic, letter.offset, letter.payload) == ("names.v1", len(world.names) + 1, b"rubbish")


def test_fast_feed_of_another_run_ends_to_be_started_again(tmp_path):
    path, lines = synthetic(tmp_path / "a.gz", 5)
    world = FeedWorld(tmp_path, lines[0].recv_ts_ns, 1.0, recordings=[path])
    codes: list[int] = []
    feed = Thread(target=lambda: codes.append(world.play()))
    feed.start()
    world.wait(lambda: marked(world))
    world.forward_value("commands.v1", 1, 5, world.wire.encode("commands.v1", world.run._replace(run_number=8, run_id=8)))
    world.wait(lambda: not feed.is_alive())
    assert codes == [4]


def test_fast_feed_stopped_ends_at_once_and_goes_on_later(tmp_path):
    path, lines = synthetic(tmp_path / "a.gz", 1)
    world = FeedWorld(tmp_path, lines[0].recv_ts_ns, 1.0, ring_mib=8, recordings=[path])
    stop = Event()
    feed = Thread(target=world.play, args=(stop,))
    feed.start()
    world.wait(lambda: marked(world))
    began_s = time.monotonic()
    stop.set()
    world.wait(lambda: not feed.is_alive())
    assert time.monotonic() - began_s < 2
    assert len(world.frames) < len(lines)
    assert world.play() == 0
    world.drain()
    assert sent(world) == told(lines)
    assert world.bodies() == world.expected()


@asynccontextmanager
async def playing(world: FeedWorld, venue: LocalVenue) -> AsyncIterator[None]:
    """The feed runs meanwhile, on this venue; it must end with 0."""
    stop = Event()
    world.settings |= {"ws_url": venue.url, "rest_url": venue.url}
    feed = asyncio.create_task(asyncio.to_thread(world.play, stop))
    try:
        yield
    finally:
        stop.set()
        code = await feed
    assert code == 0


def test_fast_feed_socket_writes_frames_answers_resync_and_counts_connections(tmp_path):
    world = FeedWorld(tmp_path, ring_mib=8)
    first, book = usdm_diff(1, 5, 0), snapshot(4, [["1", "1"]], [["2", "1"]], E=1, T=1)
    later = usdm_diff(90, 95, 89)  # what came before it was missed

    async def scenario(connection: int, sent: list[bytes], asks: bool) -> None:
        async with LocalVenue([sent], lambda _: (200, book)) as venue, playing(world, venue):
            await venue.until(lambda: len(venue.asked) == 1)
            if asks:
                resync = world.run._replace(id=ids.make(500, 9), kind=CommandType.RESYNC, target="binance:BTCUSDT", run_number=None)
                await asyncio.to_thread(world.forward, "commands.v1", 1, resync)
            await venue.until(lambda: len(venue.asked) >= 2)  # asked for by a person, or by normalize
            await asyncio.to_thread(world.wait, lambda: len([r for r in world.frames if r.a == connection]) >= len(sent) + 2)

    asyncio.run(scenario(1, [first], True))
    asyncio.run(scenario(2, [usdm_diff(6, 7, 5), later], False))
    world.drain()
    assert [(r.a, r.b) for r in world.frames][:7] == [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3), (2, 4)]
    assert sum(book in r.payload for r in world.frames) >= 4
    assert world.bodies() == world.expected()
    slots = world.market()
    assert any(slots[:, 36] == KIND_COMMAND)
    assert any((slots[:, 36] == KIND_LEVEL) & (slots[:, 38] & FLAG_GAP > 0))


def test_fast_feed_socket_without_room_drops_its_connection(tmp_path):
    world = FeedWorld(tmp_path, fast={"drop_s": 0.05})
    book = snapshot(1, [["1", "1"]], [["2", "1"]], E=1, T=1)
    diffs = [book, *(usdm_diff(n, n, n - 1, [["1", "1"]] * 60) for n in range(1, 400))]

    async def scenario() -> None:
        async with LocalVenue([diffs, diffs], lambda _: (200, book)) as venue, playing(world, venue):
            await venue.until(lambda: len(venue.streams) >= 2)  # the first was given up
            await asyncio.to_thread(world.wait, lambda: any(r.a >= 2 for r in world.frames))
        world.drain()  # what was in hand is carried after a restart
        async with LocalVenue([[]], lambda _: (200, book)) as venue, playing(world, venue):
            await venue.until(lambda: len(venue.asked) == 1)
            await asyncio.to_thread(world.wait, lambda: marked(world) == [r.id for r in world.frames])

    asyncio.run(scenario())
    world.drain()
    first = [r.b for r in world.frames if r.a == 1]
    assert first == list(range(1, len(first) + 1))
    assert len(first) < len(diffs)
    assert marked(world) == [r.id for r in world.frames]
    assert world.bodies() == world.expected()
