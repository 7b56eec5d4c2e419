"""The fast feed as a process: recordings once and at their time, kills, damage, rings without room, control, sockets with resync."""

import json
from pathlib import Path

import numpy as np

from streams.lanes.fast_slots import KIND_FRAME
from streams.schema import ids
from streams.venues.binance.recording import Line, read_recording
from streams.venues.binance.synthetic import SyntheticMarket, write_synthetic
from tests.venues.fast_feed_world import FeedWorld


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
