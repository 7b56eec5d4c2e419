"""A ring of the fast lane that fills: first nothing that adds is approved, then nothing more is taken, and nothing is lost."""

import time

import pytest

from streams.clock import RunClock
from streams.errors import ConfigError
from streams.kernel.system import monotonic_ns
from streams.lanes import fast_loop as k
from streams.records import Clock, Command, CommandType, DenyCode, VenueEvent
from streams.slots import KIND_COMMAND, KIND_DECISION, CommandSlot, DecisionSlot
from tests.lanes.fast_kit import Journal, Rings, drained, lane_of, market_bytes, shard_of
from tests.lanes.ring_kit import until
from tests.lanes.test_fast_lane import AGENTS, market, process_of  # noqa: F401


class Held:
    """A lane whose mirror is held where it is, with a ring of 4,096 slots and a tick each microsecond."""

    def __init__(self, folder, market):  # noqa: F811
        self.data = [r for r in market if not isinstance(r, VenueEvent)]
        self.rings = Rings(shard_of(folder, 1), kept=("mirror",))
        self.mirror = self.rings.own.reader("mirror")
        self.process = process_of(True, queue=512)
        clock = RunClock(Clock.RECORDING, self.data[0].recv_ts_ns, time.time_ns(), 0.01)
        self.lane = lane_of(self.rings, self.process, clock=clock, tick_ns=1_000, watched=(self.rings.own.cursor_of("mirror"), 0))
        self.given = 0

    def give(self, n):
        slots = market_bytes(self.process.edge, self.data[self.given : self.given + n])
        assert self.rings.to_market.write(slots) == len(slots)
        self.given += n

    def run(self, reached, what):
        """Run until a condition of the counters holds."""

        def there():
            self.stopped = self.lane.run(monotonic_ns() + 2_000_000)
            return reached(self.lane.counters)

        until(there, what)

    def commands(self):
        return [CommandSlot().unpack(step.data).command_type for step in Journal(self.rings.own) if step.kind == KIND_COMMAND]

    def codes(self):
        return [DecisionSlot().unpack(step.data).code for step in Journal(self.rings.own) if step.kind == KIND_DECISION]

    def release(self):
        while len(self.mirror.read(1_000)):
            self.mirror.commit()


def test_half_a_ring_unmirrored_denies_what_adds_until_a_quarter(market, tmp_path):  # noqa: F811
    held = Held(tmp_path, market)
    held.run(lambda seen: seen.behind == 1, "behind")
    held.lane.state.tick_ns = 0
    held.give(200)
    drained(held.lane)
    assert set(held.codes()) == {DenyCode.MIRROR_BEHIND}
    held.release()
    held.run(lambda seen: seen.behind == 0, "caught up")
    assert held.commands() == [CommandType.MIRROR_BEHIND, CommandType.MIRROR_CAUGHT_UP]
    count = len(held.codes())
    held.give(200)
    drained(held.lane)
    assert set(held.codes()[count:]) == {DenyCode.OK}


@pytest.mark.parametrize("compiled", [True, False])
def test_lane_of_a_process_that_stopped_for_its_mirror_says_when_that_has_caught_up(compiled, market, tmp_path):  # noqa: F811
    """As after the loss of the host: the process comes from topics, the rings are new."""
    process = process_of(compiled)
    process.on_input(Command(1, 0, 7, 1, 1, CommandType.MIRROR_BEHIND, f"{process.spec.name}.{process.spec.shard}", ""))
    process.take_outputs()
    rings = Rings(shard_of(tmp_path, 1), compiled, kept=("mirror",))
    lane = lane_of(rings, process, watched=(rings.own.cursor_of("mirror"), 0))
    assert lane.counters.behind == 1
    until(lambda: lane.run(monotonic_ns() + 2_000_000) == k.DONE and lane.counters.behind == 0, "caught up")
    assert [CommandSlot().unpack(s.data).command_type for s in Journal(rings.own) if s.kind == KIND_COMMAND] == [
        CommandType.MIRROR_CAUGHT_UP
    ]


def test_full_ring_takes_nothing_and_loses_nothing(market, tmp_path):  # noqa: F811
    held = Held(tmp_path, market)
    held.run(lambda seen: seen.waits > 0, "a full ring")
    held.give(300)
    held.run(lambda seen: seen.waits > 10, "a full ring")
    assert (held.stopped, held.lane.lag > 0) == (k.DONE, True)
    assert held.lane.has_room()  # of what a kill may cause
    ring = held.rings.own
    journal = Journal(ring)
    held.release()
    held.lane.state.tick_ns = 0
    drained(held.lane)
    assert held.rings.to_market.ring.head == held.lane.position(0)
    assert len(Journal(ring).slots) > len(journal.slots)


def test_ring_too_small_for_what_an_input_may_cause_is_refused(tmp_path):
    rings = Rings(shard_of(tmp_path, 1))
    with pytest.raises(ConfigError, match=r"needs 8,192 \(4 x sizes.queue\)"):
        lane_of(rings, process_of(True, queue=2048))
