"""Verify against a real broker, of a process that can be made to differ where a test wants it."""

from typing import Any

import pytest

from streams.config import Endpoints
from streams.errors import LaneError, RestoreError
from streams.lanes.bus import read_range
from streams.lanes.verify import Asked, Verdict, verify
from streams.lanes.writers import writer_name
from streams.records import Frame, Param
from tests.lanes.lane_kit import WRITES, Tally, World

pytestmark = [pytest.mark.broker, pytest.mark.slow]


class Odd(Tally):
    """A tally whose n-th trade is another one, whose n-th frame makes it fail, or with another layout; a parameter adds to all trades."""

    def __init__(self, writers: dict[str, int], world: World, odd: int = 0, fails: int = 0, layout: str = "layout-1") -> None:
        super().__init__(writers)
        self.world, self.odd, self.fails, self.layout, self.more = world, odd, fails, layout, 0

    def on_input(self, record: Any) -> None:
        if isinstance(record, Param) and record.strategy == self.world.process:
            self.more = record.value_long or 0
        if isinstance(record, Frame) and self.frames + 1 == self.fails:
            raise ZeroDivisionError
        super().on_input(record)

    def take_outputs(self) -> list[tuple[str, Any]]:
        added = self.more + (1 if self.frames == self.odd else 0)
        return [(topic, r._replace(px_e9=r.px_e9 + added) if topic == "trades.v1" else r) for topic, r in super().take_outputs()]

    def restore(self, parts: Any) -> None:
        super().restore({**parts, "tally": (parts["tally"][0].replace("layout-1", self.layout), *parts["tally"][1:])})


def verdict_of(world: World, asked: Asked = Asked(), **changes: Any) -> Verdict:  # noqa: B008 - a tuple
    def build(spec: Any, control: Any) -> Odd:
        writers = {topic: control.writer(writer_name(spec.process, spec.shard, topic)) for topic in WRITES}
        return Odd(writers, world, **changes)

    (verdict,) = verify([world.spec()], build, asked)
    return verdict


@pytest.fixture(scope="module")
def halves(stack: Endpoints) -> tuple[World, int]:
    """A run of two times a hundred frames with a snapshot between, and the time at which the second half began."""
    world = World(stack)
    for _ in range(2):
        world.write(b"%d" % n for n in range(100))
        world.run_until(trades=100, rows=20)
    later_ns = world.read("frames.v1")[100].recv_ts_ns
    return world, 1 + max(entry.ts_ns for entry in world.read("journal.v1") if entry.ts_ns <= later_ns)


def test_verify_from_a_time_starts_at_the_newest_snapshot_before_it(halves: tuple[World, int]) -> None:
    world, from_ns = halves
    part = verdict_of(world, Asked(from_ns=from_ns))
    assert part.equal
    assert part.snapshot == 0
    assert part.before <= 1  # a lane's first batch has the time of the last one before it
    whole = verdict_of(world)
    assert part.digest == whole.digest
    assert (part.last_batch, part.outputs) == (whole.last_batch, 100)


def test_verify_from_a_time_without_a_snapshot_that_fits_starts_with_the_run(halves: tuple[World, int]) -> None:
    world, from_ns = halves
    part = verdict_of(world, Asked(from_ns=from_ns), layout="layout-2")
    assert part.equal
    assert part.snapshot == -1
    assert part.before > 0
    assert part.outputs == 100


def test_verify_passes_over_what_differs_before_the_time_asked_for_and_says_so(halves: tuple[World, int]) -> None:
    world, from_ns = halves
    odd = verdict_of(world, odd=50)
    assert odd.difference is not None
    part = verdict_of(world, Asked(from_ns=from_ns), odd=50, layout="layout-2")
    assert part.equal
    assert part.before_differs == odd.difference.batch
    assert part.digest == verdict_of(world).digest


def test_verify_up_to_a_time_looks_at_nothing_later(halves: tuple[World, int]) -> None:
    world, to_ns = halves
    assert not verdict_of(world, odd=150).equal
    part = verdict_of(world, Asked(to_ns=to_ns), odd=150)
    assert part.equal
    assert part.outputs == 100


def test_verify_of_code_that_fails_now_names_the_input(halves: tuple[World, int]) -> None:
    world, _ = halves
    difference = verdict_of(world, fails=120).difference
    assert difference is not None
    offset = [message.offset() for message in read_range(world.kafka, "frames.v1", world.shard)][119]
    assert difference.field == f"input frames.v1[{world.shard}] offset {offset}"
    assert "ZeroDivisionError" in difference.now


def test_verify_replaces_a_recorded_parameter_and_one_that_was_never_written(world: World) -> None:
    def param(value: int) -> Param:
        return Param(1, 0, 0, 1, 1, world.process, "more", value_long=value)

    world.write(b"%d" % n for n in range(40))
    world.run_until(trades=40, rows=20)
    assert verdict_of(world).equal
    unwritten = verdict_of(world, Asked(replaced=(param(3),))).difference
    assert unwritten is not None
    assert (unwritten.field, unwritten.now - unwritten.recorded) == ("px_e9", 3)
    world.sender.send("params.v1", 0, world.wire.encode("params.v1", param(1)))
    world.open_run()
    world.write(b"%d" % n for n in range(40))
    world.run_until(trades=40, rows=20)
    written = verdict_of(world).difference
    assert written is not None
    assert written.now - written.recorded == 1  # the lane's process has added nothing
    assert verdict_of(world, Asked(replaced=(param(0),))).equal


def test_verify_of_an_unknown_run_names_those_there_are(world: World) -> None:
    with pytest.raises(LaneError, match=rf"commands.v1: no run 999999; there are .*{world.run_number}"):
        verdict_of(world, Asked(999_999))


def test_verify_without_the_start_of_the_journal_is_refused_but_of_a_later_part_is_not(world: World) -> None:
    assert not verdict_of(world).equal
    assert str(verdict_of(world)).endswith(": nothing was recorded")
    world.write(b"%d" % n for n in range(40))
    world.run_until(trades=40, rows=20)
    world.write([b"1"])
    world.run_until(trades=1)
    snapshot = next(part for part in world.read("snapshots.v1") if part.positions)
    kept = next(place.offset for place in snapshot.positions if place.topic == "journal.v1")
    world.drop("journal.v1", before=kept)
    with pytest.raises(RestoreError, match="the journal is no longer kept from the start of the run on; --from a later time"):
        verdict_of(world)
    part = verdict_of(world, Asked(from_ns=snapshot.ts_ns + 1))
    assert part.equal
    assert part.outputs == 1
