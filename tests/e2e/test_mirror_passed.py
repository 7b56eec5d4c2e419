"""The mirror of a lane that passed inputs over: each is a dead letter of its place, in no run of the journal, which verifies."""

from pathlib import Path
from typing import Any

import pytest

from streams.config import Endpoints
from streams.errors import StepError
from streams.lanes.bus import read_range
from streams.lanes.fast_slots import KIND_FRAME, PASSED, TAKEN_CONTROL, TAKEN_EVENTS, TAKEN_MARKET, TAKEN_OWN
from streams.lanes.letters import Letter
from streams.lanes.writers import JOURNAL, dlq_topic
from streams.records import Param, Severity
from streams.slots import Slot
from streams.venues.binance.synthetic import SyntheticMarket
from tests.e2e.test_mirror import assert_mirrored, begun
from tests.lanes.mirror_kit import FastWorld, Laning

pytestmark = [pytest.mark.broker, pytest.mark.slow]


@pytest.fixture
def world(stack: Endpoints, tmp_path: Path) -> FastWorld:
    return FastWorld(stack, tmp_path, SyntheticMarket(seconds=30, events_per_s=100), speed=20)


def passed_over(laning: Laning, ring: int) -> bool:
    """Let the next record of an input be one at which the node failed, as the lane's ring has it after a restart; false: there is none."""
    lane, reader = laning.lane, laning.lane.inputs[ring]
    x = lane.state
    if x.at < x.end or reader.poll() < 3 - 2 * (ring == TAKEN_EVENTS):
        return False
    first = reader.next
    mark = 0
    while ring == TAKEN_MARKET and laning.kind(reader, first + mark) == KIND_FRAME:
        mark += 1
    if first + mark >= reader.ring.head:
        return False
    x.ring, x.doing, x.begun = ring, ring, first + mark
    _, begins, count = lane.failed
    if first + mark + count > reader.ring.head:
        return False
    assert lane.take(ring, first, mark + count)
    assert lane.cut(ring, begins, count)
    x.told_ring, x.told_first, x.told_end = ring, begins, begins + count
    reader.state.next = begins + count
    reader.commit()
    laning.steps.skipped()
    return True


def cut_short(laning: Laning) -> None:
    """Take what is there, and say that none of it is stepped: a kill came."""
    x, reader = laning.lane.state, laning.lane.inputs[TAKEN_MARKET]
    if x.at >= x.end and (count := reader.poll()) > 0 and laning.lane.take(TAKEN_MARKET, reader.next, count):
        assert laning.lane.cut(TAKEN_MARKET, reader.next, 0)


def tick_passed_over(laning: Laning) -> None:
    lane = laning.lane
    lane.state.tick_id += 1
    tick = Slot()
    ts_ns = lane.last_ts_ns
    tick.stamp(int(lane.state.tick_id), 0, ts_ns, ts_ns, -1, 0, -1)
    assert laning.out.write(tick.pack().tobytes().ljust(256, b"\0")) == 1
    assert lane.cut(TAKEN_OWN, lane.written - 1, 1)
    laning.steps._bury(TAKEN_OWN, lane.written - 2, None)


def fail_at_params(laning: Laning) -> list[Param]:
    """Let its process fail at parameters of text; those it met."""
    on_input, met = laning.process.on_input, []

    def faulty(record: Any) -> None:
        if isinstance(record, Param) and record.value_text:
            met.append(record)
            raise KeyError("a fault of Python")
        on_input(record)

    laning.process.on_input = faulty  # type: ignore[method-assign]
    return met


def take_control(laning: Laning, met: list[Param]) -> None:
    try:
        laning.take_control()
    except StepError:
        ring, first, _ = laning.steps.failed
        assert ring == TAKEN_CONTROL
        laning.steps.pass_over()
        value = laning.world.wire.encode("params.v1", met[-1])
        letter = laning.steps.records.letter(Letter("params.v1", 0, -1, "failed", value, met[-1].id), laning.lane.last_ts_ns)
        laning.steps._put(letter, PASSED + TAKEN_CONTROL, first)


def test_mirror_of_a_lane_that_passed_inputs_over_writes_letters_of_them_and_verifies(world: FastWorld) -> None:
    passed = {TAKEN_MARKET: 0, TAKEN_EVENTS: 0}
    with world.mirror() as mirror:
        feed, laning = begun(world)
        met = fail_at_params(laning)
        world.refuse_param()
        rounds = 0
        while feed.give() or not met:
            rounds += 1
            laning.run()
            take_control(laning, met)
            if rounds % 40 == 7:
                feed.give()
                cut_short(laning)
                tick_passed_over(laning)
                for ring in passed:
                    passed[ring] += passed[ring] < 5 and passed_over(laning, ring)
        laning.end()
    assert mirror.result == 0
    assert passed[TAKEN_MARKET] > 1
    assert_mirrored(world, laning)
    letters = []
    for topic in ("book_updates.v1", "trades.v1", "quotes.v1", "venue_events.v1", "params.v1"):
        for letter in world.read(dlq_topic(topic)):
            (message,) = read_range(world.where.kafka, topic, letter.partition, letter.offset, letter.offset + 1)
            assert letter.topic == topic
            assert world.wire.decode(topic, message.value()).id == letter.cause_id
            if topic != "venue_events.v1":  # text and raw bytes of a venue stay in the topic
                assert letter.payload == message.value()
            letters.append((topic, letter.partition, letter.offset))
    assert len(letters) == sum(passed.values()) + 1
    entries = [entry for entry in world.read(JOURNAL) if entry.process == "trade"]
    assert sorted((p.topic, p.partition, p.offset) for entry in entries for p in entry.dead_letters) == sorted(letters)
    assert sum(alert.severity == Severity.ERROR for alert in world.read("alerts.v1")) >= sum(passed.values())
