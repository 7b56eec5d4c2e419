"""A gateway on rings killed for real, again and again, while requests come and the venue trades: without a broker."""

import contextlib
import random
import signal

import pytest

from streams.records import OrderAction, VenueEventType
from tests.venues.ring_gateway_kit import check
from tests.venues.ring_gateway_process import process_world

pytestmark = pytest.mark.slow


@pytest.fixture
def world(tmp_path, monkeypatch):
    with process_world(tmp_path, monkeypatch) as made:
        yield made


def test_kills_at_any_moment_send_no_order_twice_and_lose_no_answer(world):
    rng, orders = random.Random(11), []
    world.spawn()
    for _ in range(8):
        for _ in range(rng.randrange(30)):
            what = rng.random()
            if what < 0.6 or not orders:
                orders.append(world.request(px=rng.randint(990, 999), qty=3))
            elif what < 0.8:
                world.request(OrderAction.CANCEL, order=rng.choice(orders))
        seen = len(world.venue.arrived) + rng.randrange(10)
        with contextlib.suppress(AssertionError):  # it may have all of them already
            world.until_now(lambda seen=seen: len(world.venue.arrived) >= seen, 0.2)
        for cl_ord_id in [c for c, o in list(world.venue.orders.items()) if o.ended is None][:3]:
            world.server.call(lambda c=cl_ord_id: world.venue.fill(c))
        assert world.kill_process() == -signal.SIGKILL
        world.spawn()
    world.until_now(lambda: len([t for t in world.told() if t[2] is not None]) == world.sequence)
    world.until_now(lambda: len([t for t in world.told() if t[0] == "FILL"]) == len(world.venue.executions))
    assert world.kill_process(signal.SIGTERM) == 0
    check(world, world.slots())
    assert {e.kind for e in world.events()} >= {VenueEventType.ACK, VenueEventType.FILL, VenueEventType.CANCELLED}


def test_kill_reaches_the_venue_as_cancel_from_a_gateway_process(world):
    world.spawn()
    world.request(px=999)
    world.until_now(lambda: len(world.told()) == 1)
    world.kill()
    world.until_now(lambda: ("CANCELLED", 1, None) in world.told())
    assert [op for op, _ in world.server.seen][-1] == "cancel_all"
