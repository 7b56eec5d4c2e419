"""The feed on a real broker: every line once, also across kill -9; dead letters; the socket with resync."""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.config import Endpoints
from streams.errors import ConfigError, LaneError
from streams.lanes.bus import end_offset, read_range
from streams.lanes.control import COMMANDS
from streams.records import Clock, Command, CommandType, DeadLetter, Frame
from streams.schema import ids
from streams.venues.binance.feed import FeedSettings, run_feed
from streams.venues.binance.recording import Line, read_recording
from streams.venues.binance.rules import Market
from streams.venues.binance.synthetic import SyntheticMarket, write_synthetic
from tests.lanes.lane_kit import World
from tests.venues.binance_frames import snapshot, usdm_diff
from tests.venues.local_venue import LocalVenue

pytestmark = [pytest.mark.broker, pytest.mark.slow]

CHILD = """
import sys
from streams.venues.binance.feed import FeedSettings, run_feed
kafka, registry, shard, path = sys.argv[1:]
sys.exit(run_feed(FeedSettings("feed", int(shard), kafka, registry, "t", "binance", recordings=(path,))))
"""


class FeedWorld(World):
    """A shard with the feed's names."""

    def __init__(self, stack: Endpoints) -> None:
        super().__init__(stack)
        self.add_names([f"feed/{self.shard}/frames", f"feed/{self.shard}/frames.dlq"])

    def settings(self, **changes) -> FeedSettings:
        return FeedSettings("feed", self.shard, self.kafka, self.registry, "t", "binance", **changes)

    def open_recorded_run(self, start_ns: int, speed: float) -> int:
        """A run that follows recorded time from now on."""
        self.run_number = self.open_run() + 1
        now = time.time_ns()
        head = ids.make(0, now & 0xFFFFFFFF), 0, self.run_number, start_ns, start_ns
        run = Command(*head, CommandType.RUN, "", "test", self.run_number, "", "t", Clock.RECORDING, start_ns, now, speed)
        self._send(run)
        return self.run_number

    def resync(self, target: str) -> None:
        self._send(Command(ids.make(0, 1), 0, self.run_number, 0, 0, CommandType.RESYNC, target, "gap"))

    def frames(self) -> list[Frame]:
        """Frames of the last run on this shard."""
        return self._records("frames.v1")

    def end(self) -> int:
        """The offset that the next frame of this shard gets."""
        return end_offset(self.kafka, "frames.v1", self.shard)

    def letters(self) -> list[DeadLetter]:
        return self._records("frames.v1.dlq.v1")

    def _records(self, topic: str) -> list:
        records = [self.wire.decode(topic, message.value()) for message in read_range(self.kafka, topic, self.shard)]
        return [record for record in records if record.run_id == self.run_number]

    def _send(self, command: Command) -> None:
        self.sender.send(COMMANDS, 0, self.wire.encode(COMMANDS, command))
        self.sender.flush()


@pytest.fixture
def feed_world(stack: Endpoints) -> Iterator[FeedWorld]:
    made = FeedWorld(stack)
    yield made
    made.sender.close()


def synthetic(path: Path, seconds: float) -> tuple[str, list[Line]]:
    write_synthetic(path, SyntheticMarket(seconds=seconds))
    return str(path), [line for line in read_recording(path) if isinstance(line, Line)]


def told(frames: list[Frame]) -> list[tuple[int, int, bytes]]:
    return [(frame.source_seq, frame.recv_ts_ns, frame.payload) for frame in frames]


def test_run_feed_recording_gives_every_line_once_with_dense_ids_and_run_time(feed_world, tmp_path):
    path, lines = synthetic(tmp_path / "a.gz", 2)
    feed_world.open_recorded_run(lines[0].recv_ts_ns, 20.0)
    assert run_feed(feed_world.settings(recordings=(path,))) == 0
    frames = feed_world.frames()
    assert told(frames) == [(line.number, line.recv_ts_ns, line.payload) for line in lines]
    assert [ids.sequence(frame.id) for frame in frames] == list(range(1, len(frames) + 1))
    assert {(frame.venue, frame.connection, frame.cause_id) for frame in frames} == {("binance", 1, 0)}
    assert all(frame.ts_ns >= frame.recv_ts_ns for frame in frames)
    assert run_feed(feed_world.settings(recordings=(path,))) == 0
    assert len(feed_world.frames()) == len(lines)  # a second start finds nothing left to send


def test_run_feed_goes_on_after_its_last_frame_beyond_records_that_nobody_can_read(feed_world, tmp_path):
    path, lines = synthetic(tmp_path / "a.gz", 1)
    feed_world.open_recorded_run(lines[0].recv_ts_ns, 50.0)
    run_feed(feed_world.settings(recordings=(path,)))
    for rubbish in (b"\0\x77\x35\x94\x00rubbish", b"", b"no header"):
        feed_world.sender.send("frames.v1", feed_world.shard, rubbish)
    feed_world.sender.flush()
    before = feed_world.end()
    assert run_feed(feed_world.settings(recordings=(path,))) == 0
    assert feed_world.end() == before


def test_run_feed_second_run_starts_anew_and_continues_the_ids(feed_world, tmp_path):
    path, lines = synthetic(tmp_path / "a.gz", 0.5)
    for run in (1, 2):
        feed_world.open_recorded_run(lines[0].recv_ts_ns, 1_000.0)
        run_feed(feed_world.settings(recordings=(path,)))
        frames = feed_world.frames()
        assert len(frames) == len(lines)
        assert ids.sequence(frames[-1].id) == run * len(lines)


def test_run_feed_killed_goes_on_without_loss_or_doubles(feed_world, tmp_path):
    past, kills, command, lines = 0, 0, [], []
    for seconds in (8, 32, 128):  # on a busy machine all of a short recording is due before a process is up
        path, lines = synthetic(tmp_path / f"{seconds}.gz", seconds)
        feed_world.open_recorded_run(lines[0].recv_ts_ns, 4.0)
        command = [sys.executable, "-c", CHILD, feed_world.kafka, feed_world.registry, str(feed_world.shard), path]
        kills = kills_of(command, feed_world)
        if kills:
            break
        past += len(feed_world.frames())
    assert kills >= 1
    assert subprocess.run(command, timeout=60).returncode == 0
    frames = feed_world.frames()
    assert told(frames) == [(line.number, line.recv_ts_ns, line.payload) for line in lines]
    assert [ids.sequence(frame.id) for frame in frames] == list(range(past + 1, past + 1 + len(frames)))


def kills_of(command, feed_world):
    """Start the feed and kill it as soon as it has written something, three times; how often it was killed before it had ended."""
    for kills in range(3):
        child = subprocess.Popen(command)
        before = len(feed_world.frames())
        deadline = time.monotonic() + 20
        while len(feed_world.frames()) == before and child.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        if child.poll() is not None:
            return kills
        child.kill()
        child.wait()
    return 3


def test_run_feed_damaged_lines_and_large_frames_become_dead_letters(feed_world, tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b'1000 {"a":1}\nnonsense\n1001 {"b":"' + b"x" * 1_100_000 + b'"}\n1002 {"c":1}\n')
    feed_world.open_recorded_run(1_000, 1e9)
    assert run_feed(feed_world.settings(recordings=(str(path),))) == 0
    assert [frame.source_seq for frame in feed_world.frames()] == [1, 4]
    letters = feed_world.letters()
    assert [(letter.topic, letter.partition, letter.offset) for letter in letters] == [
        ("frames.v1", feed_world.shard, 2),
        ("frames.v1", feed_world.shard, 3),
    ]
    assert letters[0].reason.startswith(f"{path}:2: no receive time")
    assert letters[0].payload == b"nonsense"
    assert "frame of 1100008 bytes" in letters[1].reason


def test_run_feed_socket_writes_frames_answers_resync_and_counts_connections(feed_world):
    feed_world.open_run()
    first, book = usdm_diff(1, 5, 0), snapshot(4, [["1", "1"]], [["2", "1"]], E=1, T=1)

    async def scenario(connection: int) -> None:
        stop = threading.Event()
        async with LocalVenue([[first]], lambda _: (200, book)) as venue:
            settings = feed_world.settings(symbols=("BTCUSDT",), ws_url=venue.url, rest_url=venue.url, market=Market.USDM)
            feed = asyncio.create_task(asyncio.to_thread(run_feed, settings, stop))
            await venue.until(lambda: len(venue.asked) == 1)
            await asyncio.to_thread(feed_world.resync, "binance:BTCUSDT")
            await asyncio.to_thread(feed_world.resync, "binance:ETHUSDT")  # another feed's
            await venue.until(lambda: len(venue.asked) == 2)
            await asyncio.sleep(0.1)
            stop.set()
            assert await feed == 0
        frames = [frame for frame in feed_world.frames() if frame.connection == connection]
        assert [frame.source_seq for frame in frames] == [1, 2, 3]
        assert sum(book in frame.payload for frame in frames) == 2
        assert sum(frame.payload == first for frame in frames) == 1

    asyncio.run(scenario(1))
    asyncio.run(scenario(2))


def test_run_feed_recording_in_a_run_of_the_wall_clock_is_refused(feed_world, tmp_path):
    path, _ = synthetic(tmp_path / "a.gz", 0.1)
    feed_world.open_run()
    with pytest.raises(ConfigError, match="follows the wall clock"):
        run_feed(feed_world.settings(recordings=(path,)))


def test_run_feed_without_a_name_for_its_writer_says_what_to_do(feed_world, tmp_path):
    path, lines = synthetic(tmp_path / "a.gz", 0.1)
    feed_world.open_recorded_run(lines[0].recv_ts_ns, 1.0)
    with pytest.raises(LaneError, match="millrace apply"):
        run_feed(FeedSettings("nobody", 0, feed_world.kafka, feed_world.registry, "t", "binance", recordings=(path,)))
