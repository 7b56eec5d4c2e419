"""Gateway and simulated venue on a real broker: each killed in every state, no order sent twice, no execution lost or repeated."""

import random
import time
from collections.abc import Iterator

import pytest

from streams.config import Endpoints
from streams.lanes.kafka import EXIT_NEW_RUN
from streams.records import CommandType, DenyCode, OrderAction, Side, VenueEventType
from streams.schema import ids
from streams.venues.gateway_lane import REQUESTS
from tests.venues.sim_world import LETTERS, VenueWorld

pytestmark = [pytest.mark.broker, pytest.mark.slow]
CANCEL, REPLACE = OrderAction.CANCEL, OrderAction.REPLACE


@pytest.fixture
def world(stack: Endpoints, tmp_path) -> Iterator[VenueWorld]:
    made = VenueWorld(stack, tmp_path)
    made.snapshot([(1000, 5), (999, 9)], [(1001, 4), (1002, 9)])
    yield made
    made.close()


def test_request_to_fill_and_position_is_that_of_the_first_unanswered_request(world):
    world.start("venue", "gateway")
    world.request(px=999)
    world.wait_told(("ACK", 1, 1))
    world.request(REPLACE, order=1, px=998, qty=7)
    world.request(px=1001, qty=3)
    world.wait_told(("ACK", 1, 1), ("REPLACED", 1, 2), ("ACK", 3, 3), ("FILL", 3, None))
    world.request(CANCEL, order=1)
    world.request(CANCEL, order=3)
    world.wait(lambda: len(world.told()) == 6)
    assert world.told()[4:] == [("CANCELLED", 1, 4), ("CANCEL_REJECT", 3, 5)]
    fill = world.events()[3]
    assert (fill.last_px_e9, fill.last_qty_e9, fill.maker, fill.fee_currency, fill.exec_id) == (
        100_100_000_000,
        3_000_000,
        False,
        "USDT",
        f"{world.run_number}-1",
    )
    assert fill.cause_id == ids.make(9, 3)
    assert b"FILL" in fill.raw
    start = {(p.topic, p.partition): p.offset for p in world_run(world).start_positions}["requests.v1", world.shard]
    assert world.committed() == start + 5
    assert world.terminate("gateway") == 0
    assert world.terminate("venue") == 0
    world.check()


def world_run(world):
    from streams.lanes.control import read_control

    return read_control(world.kafka, world.wire).last_run()


def test_gateway_killed_before_the_answer_asks_first_and_sends_nothing_twice(world):
    world.start("venue")
    world.request(px=999)
    world.start("gateway")
    world.wait_told(("ACK", 1, 1))
    world.kill("gateway")
    world.trade(Side.SELL, 998, 2)  # fills while nobody listens
    world.request(px=997)
    world.start("gateway")
    world.wait(lambda: len(world.told()) == 3, 40)
    assert sorted(world.told()[1:]) == [("ACK", 2, 2), ("FILL", 1, None)]
    world.check()


def test_venue_killed_executes_its_log_again_and_goes_on(world):
    world.start("venue", "gateway")
    world.request(px=999)
    world.request(px=1001, qty=6)
    world.wait_told(("ACK", 1, 1), ("ACK", 2, 2), ("FILL", 2, None))
    world.trade(Side.SELL, 1001, 1)
    world.wait(lambda: len(world.told()) == 4)
    before = world.log_lines()
    world.kill("venue")
    world.start("venue")
    world.trade(Side.SELL, 998, 3)
    world.wait(lambda: len(world.told()) >= 6)
    assert world.log_lines()[: len(before)] == before
    world.check()


def test_stale_request_is_refused_and_not_sent(world):
    world.request(px=999, age_s=1000)
    world.start("venue", "gateway")
    world.wait_told(("REJECT", 1, 1))
    assert world.events()[0].reason.startswith("stale: 10"), world.events()[0].reason
    assert world.events()[0].code == DenyCode.STALE_REQUEST
    assert world.arrivals() == []


def test_venue_away_requests_that_grow_stale_are_refused_meanwhile(world):
    world.start("gateway")
    world.wait(lambda: "venue away" in world.logs())
    world.request(px=999, age_s=1000)
    world.request(CANCEL, order=1)
    world.wait_told(("REJECT", 1, 1))  # the cancel waits for the venue
    world.start("venue")
    world.wait_told(("REJECT", 1, 1), ("CANCEL_REJECT", 1, 2))


def test_request_that_cannot_be_read_becomes_one_dead_letter(world):
    world.start("venue", "gateway")
    world.sender.send(REQUESTS, world.shard, b"no record")
    world.sender.flush()
    world.request(px=999)
    world.wait_told(("ACK", 1, 1))
    world.kill("gateway")
    world.start("gateway")
    world.request(px=998)
    world.wait_told(("ACK", 1, 1), ("ACK", 2, 2))
    (letter,) = [letter for letter in world.read(LETTERS) if letter.run_id == world.run_number]
    assert (letter.topic, letter.payload) == (REQUESTS, b"no record")
    assert "magic" in letter.reason


def test_answered_request_leaves_a_latency_stamp(world):
    world.start("venue", "gateway")
    world.request(px=999)
    world.wait_told(("ACK", 1, 1))
    time.sleep(1.1)  # a stamp is taken once a second, and leaves with the next transaction
    world.request(px=998)
    world.wait(lambda: [s for s in world.read("latency.v1") if s.process == "gateway"])
    stamp = next(s for s in world.read("latency.v1") if s.process == "gateway")
    assert (stamp.topic, stamp.input_id) == (REQUESTS, ids.make(9, 1))
    assert stamp.taken_wall_ns <= stamp.stepped_wall_ns <= stamp.committed_wall_ns


def test_new_run_ends_both_processes_for_a_restart(world):
    world.start("venue", "gateway")
    world.request(px=999)
    world.wait_told(("ACK", 1, 1))
    world.open_run()
    assert [world.running.pop(name).wait(20) for name in ("venue", "gateway")] == [EXIT_NEW_RUN, EXIT_NEW_RUN]


def test_second_gateway_fences_the_first(world):
    world.start("venue", "gateway")
    world.request(px=999)
    world.wait_told(("ACK", 1, 1))
    first = world.running["gateway"]
    world.start("gateway")
    world.wait(lambda: world.logs().count("venue connected") >= 2)
    world.request(px=998)
    world.wait(lambda: len(world.told()) == 2)
    world.request(px=997)
    world.wait(lambda: len(world.told()) == 3)
    assert first.wait(20) == 1
    assert "another instance has taken over" in world.logs()
    world.check()


def test_kill_cancels_everything_and_refuses_until_resume(world):
    world.start("venue", "gateway")
    world.request(px=999)
    world.request(px=998)
    world.wait(lambda: len(world.told()) == 2)
    world.command(CommandType.KILL)
    world.wait(lambda: len(world.told()) == 4)
    assert world.told()[2:] == [("CANCELLED", 1, None), ("CANCELLED", 2, None)]
    world.request(px=999)
    world.wait(lambda: len(world.told()) == 5)
    assert (world.told()[4], world.events()[4].reason) == (("REJECT", 3, 3), "killed: all: test")
    world.command(CommandType.RESUME)
    time.sleep(0.5)
    world.request(px=999)
    world.wait(lambda: len(world.told()) == 6)
    assert world.told()[5] == ("ACK", 4, 4)


def test_kill_of_a_scope_hits_its_orders_only_also_when_the_gateway_was_down(world):
    world.start("venue", "gateway")
    world.request(px=999)
    world.wait_told(("ACK", 1, 1))
    world.kill("gateway")
    world.command(CommandType.KILL, "strategy-of-others")
    world.command(CommandType.KILL, "account:maker-1")
    world.start("gateway")
    world.wait_told(("ACK", 1, 1), ("CANCELLED", 1, None))


def test_fresh_run_starts_an_empty_venue_and_continues_the_ids(world):
    world.start("venue", "gateway")
    world.request(px=999)
    world.wait_told(("ACK", 1, 1))
    last = world.events()[-1].id
    world.kill("venue", "gateway")
    world.open_run()
    world.snapshot([(1000, 5)], [(1001, 4)])
    world.start("venue", "gateway")
    world.request(CANCEL, order=1)
    world.request(px=1001, qty=1)
    world.wait(lambda: len(world.told()) == 3)
    assert world.events()[0].id == last + 1
    assert world.told() == [("CANCEL_REJECT", 1, 2), ("ACK", 3, 3), ("FILL", 3, None)]


def test_random_kills_of_both_lose_and_repeat_nothing(world):
    rng = random.Random(5)
    world.start("venue", "gateway")
    orders: list[int] = []
    for _ in range(6):
        for _ in range(8):
            what = rng.random()
            if what < 0.5 or not orders:
                orders.append(world.request(px=rng.randint(998, 1003), qty=rng.randint(1, 4), side=rng.choice(list(Side))))
            elif what < 0.7:
                world.request(CANCEL, order=rng.choice(orders))
            elif what < 0.8:
                world.request(REPLACE, order=rng.choice(orders), px=rng.randint(997, 1000), qty=rng.randint(2, 5))
            else:
                world.trade(rng.choice(list(Side)), rng.randint(998, 1003), rng.randint(1, 6))
            time.sleep(rng.choice([0.0, 0.02, 0.3]))
        victims = rng.choice([("venue",), ("gateway",), ("venue", "gateway")])
        world.kill(*victims)
        world.start(*victims)
    total = world.sequence
    world.wait(lambda: len([e for e in world.events() if e.request_id is not None]) == total, 60)
    time.sleep(1.0)
    world.check()
    for name in ("gateway", "venue"):
        assert world.terminate(name) == 0
    assert {e.kind for e in world.events()} >= {VenueEventType.ACK, VenueEventType.FILL}
