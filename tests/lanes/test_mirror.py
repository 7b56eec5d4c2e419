"""The mirror: what rings hold becomes topics, each record once, with journal entries that `verify` re-executes to the same bytes."""

import time
from pathlib import Path

import pytest

from streams.config import Endpoints
from streams.venues.binance.synthetic import SyntheticMarket
from tests.lanes.mirror_kit import FastWorld, Feeding, Laning

pytestmark = [pytest.mark.broker, pytest.mark.slow]

BOUND_S = 60.0


@pytest.fixture
def world(stack: Endpoints, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FastWorld:
    return FastWorld(stack, tmp_path, monkeypatch, SyntheticMarket(seconds=30, events_per_s=100), speed=20)


def begun(world: FastWorld) -> tuple[Feeding, Laning]:
    """Feed and lane, which have taken the control records that the mirror forwards."""
    feed, lane = Feeding(world), Laning(world)
    until_s = time.monotonic() + BOUND_S
    while not (feed.control.ring.ended and lane.told.ring.ended):
        assert time.monotonic() < until_s, "the mirror did not forward the control topics"
        feed.take_control()
        lane.take_control()
        time.sleep(0.01)
    return feed, lane


def played(feed: Feeding, lane: Laning) -> None:
    """All frames, as they are due."""
    while feed.give():
        lane.run()
    lane.drain()


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
