"""The lane over a broker that is killed: a broker of its own."""

import os
import signal
import time
from pathlib import Path

import pytest

from streams.config import Endpoints
from streams.local import services
from streams.local.home import Home
from streams.local.service import JVM_SHORT
from tests.lanes.lane_kit import World
from tests.lanes.test_kafka import assert_exact

pytestmark = [pytest.mark.broker, pytest.mark.slow]


def test_lane_broker_killed_and_back_ends_or_goes_on_and_loses_nothing(own_stack: tuple[Endpoints, Path]) -> None:
    where, home = own_stack
    world = World(where)
    child = world.child()
    try:
        world.write(b"%d" % n for n in range(300))
        world.wait_for_trades(300, child)
        world.write(b"%d" % n for n in range(300, 3000))
        os.kill(Home(home).running()["kafka"].pid, signal.SIGKILL)
        time.sleep(2.0)
        services.up(lambda _: None, home=home, jvm=JVM_SHORT)
        world.write(b"%d" % n for n in range(3000, 3500))
        world.supervise(child, 3500)
    finally:
        child.kill()
        world.sender.close()
    assert_exact(world, list(range(3500)))
