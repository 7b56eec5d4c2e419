"""A lane that is far behind: its memory does not grow with what waits, a command does not wait, and it says that it lags."""

import os
import random
import time
from typing import Any

import psutil
import pytest

from streams.lanes.kafka import KafkaLane
from streams.records import Command, CommandType
from streams.schema import ids
from tests.lanes.lane_kit import World

pytestmark = [pytest.mark.broker, pytest.mark.slow]

SPACES = bytes(random.Random(5).choices(b" \t\n\r\v\f", k=100_000))  # a number with such is the same number, and they hardly compress
BACKLOG = 30_000  # 120 MB
BOUND_BYTES = 70_000_000


def watched(world: World, **changes: Any) -> tuple[KafkaLane, list[int]]:
    """A lane, and how much memory this process had before each cycle."""
    lane, found = KafkaLane(world.spec(**changes), world.build()), []
    cycle, process = lane._cycle, psutil.Process(os.getpid())
    until_s = time.monotonic() + 60

    def cycle_and_look() -> None:
        found.append(process.memory_info().rss)
        cycle()
        lane.stop |= lane.process.sequences["trades.v1"] >= BACKLOG or time.monotonic() > until_s  # type: ignore[attr-defined]

    lane._cycle = cycle_and_look  # type: ignore[method-assign]
    return lane, found


def test_lane_far_behind_keeps_its_memory_bounded_and_says_that_it_lags(world: World) -> None:
    world.write(SPACES[(at := n * 997 % 96_000) : at + 4_000] + b"%d" % (n % 7) for n in range(BACKLOG))
    lane, memory = watched(world, rows=1_000, lag_limit_s=0.5, snapshot_s=1e9)
    lane.open()
    lane.run()
    lane.close()
    assert len(world.read("trades.v1")) == BACKLOG
    assert max(memory) - memory[0] < BOUND_BYTES
    said = [alert for alert in world.read("alerts.v1") if alert.source == world.spec().name]
    assert said, "it lagged for more than half a second, and said nothing"
    assert "records wait, the first for" in said[0].text
    assert [ids.sequence(alert.id) for alert in said] == list(range(1, len(said) + 1))


def test_lane_far_behind_sees_a_command_between_two_records(world: World) -> None:
    world.write(b"%d" % (n % 7) for n in range(BACKLOG))
    lane, _ = watched(world, snapshot_s=1e9)
    lane.open()
    process, seen_at = lane.process, []
    on_input = process.on_input

    def look(record: Any) -> None:
        on_input(record)
        if isinstance(record, Command) and record.kind == CommandType.KILL:
            seen_at.append(process.frames)  # type: ignore[attr-defined]
        elif process.frames == 100:  # type: ignore[attr-defined]
            kill = Command(ids.make(world.feed_writer, 1 << 41), 0, world.run_number, 1, 1, CommandType.KILL, "", "test", None)
            world.sender.send("commands.v1", 0, world.wire.encode("commands.v1", kill))
            world.sender.flush()

    process.on_input = look  # type: ignore[method-assign]
    lane.run()
    lane.close()
    assert len(seen_at) == 1
    assert 100 < seen_at[0] < BACKLOG // 2, "the command waited for the data before it"
    assert any(run.topic == "commands.v1" for entry in world.read("journal.v1")[1:] for run in entry.inputs)
