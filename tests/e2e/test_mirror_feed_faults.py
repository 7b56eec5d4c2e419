"""The mirror of a feed in which normalize fails at inputs: each is a dead letter of its place, in no run of the journal, which verifies."""

from pathlib import Path
from threading import Thread

import pytest

from streams.config import Endpoints
from streams.lanes.bus import BulkProducer, read_range
from streams.lanes.control import COMMANDS
from streams.lanes.writers import JOURNAL, dlq_topic
from streams.records import Command, CommandType, Frame, Severity
from streams.schema import ids
from streams.venues.binance.fast_feed import FastFeedSettings, run_fast_feed
from streams.venues.binance.feed import FeedSettings
from streams.venues.binance.frames import FRAMES, last_record
from streams.venues.binance.synthetic import SyntheticMarket
from tests.e2e.test_mirror import assert_mirrored
from tests.lanes.mirror_kit import FastWorld, Laning
from tests.venues.feed_faults import Faults

pytestmark = [pytest.mark.broker, pytest.mark.slow]

TAKES = [3, 40, 41, 900]


@pytest.fixture
def world(stack: Endpoints, tmp_path: Path) -> FastWorld:
    return FastWorld(stack, tmp_path, SyntheticMarket(seconds=30, events_per_s=100), speed=20)


def feed_settings(world: FastWorld) -> FastFeedSettings:
    where, market = world.where, world.specs[0]
    feed = FeedSettings(
        "feed", 0, where.kafka, where.registry, world.topology.name, "binance", symbols=("BTCUSDT",), recordings=(str(world.recording),)
    )
    return FastFeedSettings(feed, world.rings, market, "sleep", world.rings.checkpoint_path("feed"), snapshot_s=0.3)


def resume(world: FastWorld) -> int:
    """Tell everybody to go on, which they do; the id of the command."""
    id, now = ids.make(world.writer("command", COMMANDS), (1 << 40) + world.run), world.clock.now_ns()
    with BulkProducer(world.where.kafka) as producer:
        producer.send(COMMANDS, 0, world.wire.encode(COMMANDS, Command(id, 0, world.run, now, now, CommandType.RESUME, "", "test")))
        producer.flush()
    return id


def test_mirror_of_a_feed_that_passed_inputs_over_writes_letters_of_them_and_verifies(
    world: FastWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = world.writer("feed", FRAMES)
    before = last_record(world.where.kafka, world.wire, FRAMES, 0, writer, committed=True)
    first = ids.sequence(before.id) if before else 0
    told = resume(world)
    faults = Faults(takes=[first + n for n in TAKES], told=[ids.sequence(told)]).install(monkeypatch.setattr)
    codes: list[int] = []
    feed = Thread(target=lambda: codes.append(run_fast_feed(feed_settings(world), lambda control: world.process("market", control))))
    lane = Laning(world)
    with world.mirror() as mirror:
        feed.start()
        while feed.is_alive():
            lane.take_control()
            lane.run()
        lane.end()
    monkeypatch.undo()
    assert (codes, mirror.result) == ([0], 0)
    assert sorted(faults.tries.values()) == [2] * (len(TAKES) + 1)
    assert_mirrored(world, lane)
    letters = [*world.read(dlq_topic(FRAMES)), *world.read(dlq_topic(COMMANDS))]
    for letter in letters:
        (message,) = read_range(world.where.kafka, letter.topic, letter.partition, letter.offset, letter.offset + 1)
        record = world.wire.decode(letter.topic, message.value())
        assert record.id == letter.cause_id
        assert letter.payload == (record.payload if isinstance(record, Frame) else message.value())
    assert [letter.cause_id for letter in letters] == [*(ids.make(writer, first + n) for n in TAKES), told]
    entries = [entry for entry in world.read(JOURNAL) if entry.process == "market"]
    places = sorted((p.topic, p.partition, p.offset) for entry in entries for p in entry.dead_letters)
    assert places == sorted((letter.topic, letter.partition, letter.offset) for letter in letters)
    taken = {(run.topic, offset) for entry in entries for run in entry.inputs for offset in range(run.first_offset, run.last_offset + 1)}
    assert not taken & {(letter.topic, letter.offset) for letter in letters}
    said = [alert for alert in world.read("alerts.v1") if alert.severity == Severity.ERROR and "passed over" in alert.text]
    assert len(said) == len(letters)
