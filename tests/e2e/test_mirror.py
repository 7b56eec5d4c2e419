"""The mirror: what rings hold becomes topics, each record once, with journal entries that `verify` re-executes to the same bytes."""

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from streams.config import Endpoints
from streams.lanes.bus import read_range
from streams.lanes.kill_ring import tell
from streams.local import services
from streams.local.home import Home
from streams.local.service import JVM_SHORT
from streams.venues.binance.synthetic import SyntheticMarket
from tests.lanes.mirror_kit import PROCESSES, FastWorld, Feeding, Laning

pytestmark = [pytest.mark.broker, pytest.mark.slow]

BOUND_S = 60.0


@pytest.fixture
def world(stack: Endpoints, tmp_path: Path) -> FastWorld:
    return FastWorld(stack, tmp_path, SyntheticMarket(seconds=30, events_per_s=100), speed=20)


def begun(world: FastWorld) -> tuple[Feeding, Laning]:
    """Feed and lane, which have taken the control records that the mirror forwards."""
    feed, lane = Feeding(world), Laning(world)
    until_s = time.monotonic() + BOUND_S
    while not (feed.control.ended and lane.told.ended):
        assert time.monotonic() < until_s, "the mirror did not forward the control topics"
        feed.take_control()
        lane.take_control()
        time.sleep(0.01)
    return feed, lane


def played(feed: Feeding, lane: Laning, meanwhile: Callable[[], object] = lambda: None) -> None:
    """All frames, as they are due."""
    while feed.give():
        lane.run()
        meanwhile()
    lane.end()


def compiled_parts(process: Any) -> dict[str, tuple[str, str, bytes]]:
    """The state that decides, without what control records have told."""
    return {part: state for part, state in process.snapshot().items() if part != "control"}


def assert_mirrored(world: FastWorld, lane: Laning) -> None:
    """Each record is in its topic once, and both journals verify."""
    for topic in ("frames.v1", "book_updates.v1", "trades.v1", "quotes.v1", "orders.v1", "decisions.v1", "reports.v1", "venue_events.v1"):
        found = [record.id for record in world.read(topic)]
        assert found == list(range(found[0], found[0] + len(found))), topic
    assert len(world.read("frames.v1")) == len(world.frames)
    assert [request.id for request in world.read("requests.v1")] == [request.id for request in lane.seen]
    assert len(lane.seen) == len(world.read("venue_events.v1")) > 10
    for process, verdict in world.verdicts().items():
        assert verdict.equal, f"{process}: {verdict}"


def test_mirror_of_a_run_writes_each_record_once_and_verifies(world: FastWorld) -> None:
    with world.mirror() as mirror:
        feed, lane = begun(world)
        played(feed, lane)
    assert mirror.result == 0
    assert_mirrored(world, lane)


def test_mirror_writes_a_command_that_only_the_ring_had_and_letters_of_what_is_refused(world: FastWorld) -> None:
    with world.mirror() as mirror:
        feed, lane = begun(world)
        id, value = world.kill()
        assert [told.reason for told in tell(id, world.run, world.clock.now_ns(), value, world.rings.folder)] == [""]
        world.refuse_param()
        until_s = time.monotonic() + BOUND_S
        while feed.give() or not world.read("params.v1.dlq.v1") or id not in [c.id for c in world.read("commands.v1")]:
            assert time.monotonic() < until_s
            feed.take_control()
            lane.take_control()
            lane.run()
        lane.end()
    assert mirror.result == 0
    assert [command.id for command in world.read("commands.v1")].count(id) == 1
    letters = world.read("params.v1.dlq.v1")
    assert len(letters) == 1
    assert not lane.seen  # the kill acts
    for process, verdict in world.verdicts().items():
        assert verdict.equal, f"{process}: {verdict}"


def test_mirror_far_behind_names_refused_frames_in_the_entries_that_carry_them(world: FastWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.lanes.mirror_market._MOST_SLOTS", 64)  # frames get ahead of their marks, as behind a silent broker
    monkeypatch.setattr("streams.lanes.mirror_market._MOST_FRAMES", 100)
    for n in (100, 101, 300, len(world.frames) - 1):
        world.frames[n] = (world.frames[n][0], b"no frame")
    with world.mirror() as mirror:
        feed, lane = begun(world)
        played(feed, lane)
    assert mirror.result == 0
    assert_mirrored(world, lane)
    letters = world.read("frames.v1.dlq.v1")
    assert [letter.cause_id for letter in letters] == feed.refused_ids
    assert len(letters) == 4
    frames = {frame.id: frame for frame in world.read("frames.v1")}
    for letter in letters:
        (message,) = read_range(world.where.kafka, letter.topic, letter.partition, letter.offset, letter.offset + 1)
        assert world.wire.decode("frames.v1", message.value()) == frames[letter.cause_id]
    entries = [entry for entry in world.read("journal.v1") if entry.process == "market"]
    named = [(p.topic, p.partition, p.offset) for entry in entries for p in entry.dead_letters]
    assert named == [(letter.topic, letter.partition, letter.offset) for letter in letters]


def test_mirror_makes_snapshots_of_checkpoints_that_restore_and_verify_begin_with(world: FastWorld) -> None:
    world.write_snapshots_each(0.0)
    with world.mirror() as mirror:
        feed, lane = begun(world)
        while feed.give() > len(world.frames) // 2:
            lane.run()
        lane.drain()
        feed.checkpoint()
        lane.checkpoint()
        until_s = time.monotonic() + BOUND_S
        while not all(world.snapshots(name) for name in PROCESSES):
            assert time.monotonic() < until_s, "no snapshot of a checkpoint"
            lane.run()
        world.write_snapshots_each(1e9)
        while feed.give():
            lane.run()
        lane.drain()
        feed.checkpoint()
        lane.checkpoint()
        lane.end()
    assert mirror.result == 0
    assert_mirrored(world, lane)
    for name, process in (("market", feed.process), ("trade", lane.process)):
        first, last = world.snapshots(name)  # the ordered stop wrote the last one, though none was due
        assert last == first + 1, name
        found = world.recovered(name)
        assert found.replayed <= 1, name  # an entry without inputs, which ended the stop
        assert compiled_parts(found.process) == compiled_parts(process), name
    for name, verdict in world.verdicts(after_snapshot=True).items():
        first = world.snapshots(name)[0]
        assert (verdict.equal, verdict.snapshot, verdict.before_differs) == (True, first, -1), f"{name}: {verdict}"
        assert verdict.inputs > 100  # how many orders there are depends on how late the machine is


@pytest.mark.nightly
def test_mirror_whose_broker_is_killed_and_back_loses_nothing_and_says_so(own_stack: tuple[Endpoints, Path], tmp_path: Path) -> None:
    where, home = own_stack
    world = FastWorld(where, tmp_path, SyntheticMarket(seconds=30, events_per_s=100), speed=5)
    with world.mirror() as mirror:
        feed, lane = begun(world)
        while feed.give() > len(world.frames) * 3 // 4:
            lane.run()
        os.kill(Home(home).running()["kafka"].pid, signal.SIGKILL)
        played(feed, lane)
        until_s = time.monotonic() + BOUND_S
        while world.state().get("state") != "broker away":
            assert time.monotonic() < until_s
            time.sleep(0.1)
        services.up(lambda _: None, home=home, jvm=JVM_SHORT)
        while "the broker took nothing" not in "".join(alert.text for alert in world.read("alerts.v1")):
            assert time.monotonic() < until_s
            time.sleep(0.5)
    assert mirror.result == 0
    assert_mirrored(world, lane)


class Killed:
    """A mirror that is killed again and again, at any moment of its first half second of work, and started anew at once."""

    def __init__(self, world: FastWorld, seed: int) -> None:
        self.world, self.kills, self._random = world, 0, random.Random(seed)
        self.child, self._due_s = world.mirror_process(), 0.0

    @property
    def works(self) -> bool:
        """Whether it is at work."""
        state = self.world.state()
        return state.get("pid") == self.child.pid and state.get("state") == "running"

    def look(self) -> None:
        """Kill it when it is due."""
        assert self.child.poll() is None, (self.world.folder / "mirror.log").read_text()
        if not self._due_s and self.works:
            self._due_s = time.monotonic() + self._random.uniform(0.0, 0.5)
        if self._due_s and time.monotonic() > self._due_s:
            self.child.kill()
            self.child.wait()
            self.kills += 1
            self.child, self._due_s = self.world.mirror_process(), 0.0

    def end(self) -> int:
        """Stop it in order; its exit code."""
        until_s = time.monotonic() + BOUND_S
        while not self.works:
            assert time.monotonic() < until_s
            time.sleep(0.05)
        self.child.send_signal(signal.SIGTERM)
        return self.child.wait(BOUND_S)


def test_mirror_killed_again_and_again_writes_each_record_once_and_verifies(world: FastWorld) -> None:
    killed = Killed(world, 1)
    feed, lane = begun(world)
    played(feed, lane, killed.look)
    while killed.kills < 2:
        killed.look()
        time.sleep(0.05)
    assert killed.end() == 0
    assert_mirrored(world, lane)
