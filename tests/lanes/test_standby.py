"""A standby that follows the journal and takes over: real processes on the real broker."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from streams.lanes.standby import Turn
from tests.lanes.lane_kit import World
from tests.lanes.test_kafka import assert_exact

BOUND_S = 60.0


def test_turn_goes_on_when_its_holder_ends(tmp_path: Path) -> None:
    path = tmp_path / "run" / "p.lock"
    first = Turn(path)
    assert first.come()
    assert first.come()
    second = Turn(path)
    assert not second.come()
    holder = "import sys, time; from pathlib import Path; from streams.lanes.standby import Turn; t = Turn(Path(sys.argv[1])); t.come()"
    first.close()
    child = subprocess.Popen([sys.executable, "-c", f"{holder}; print(1, flush=True); time.sleep(60)", str(path)], stdout=subprocess.PIPE)
    try:
        assert child.stdout is not None
        child.stdout.readline()
        assert not second.come()
    finally:
        child.kill()
        child.wait()
    assert second.come()
    second.close()


class Pair:
    """Two instances of one process: who has the turn, and who follows."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.folder, self.started = world, folder, 0
        self.lanes: list[subprocess.Popen] = []

    def start(self) -> subprocess.Popen:
        self.started += 1
        paths = {"lock_path": str(self.folder / "lock"), "status_path": str(self.folder / f"p{self.started}.json")}
        child = self.world.child(**paths, snapshot_s=1.0)
        self.lanes.append(child)
        return child

    def wait_for(self, number: int, state: str, batch: int = 0) -> None:
        """Until instance `number` says that it is in this state, behind this batch or a later one."""
        path = self.folder / (f"p{number}.standby.json" if state == "standby" else f"p{number}.json")
        until_s = time.monotonic() + BOUND_S
        while time.monotonic() < until_s:
            if path.exists():
                status = json.loads(path.read_text())
                if status["state"] == state and status["batch"] >= batch:
                    return
            time.sleep(0.02)
        raise AssertionError(f"instance {number} is not {state}")

    def end(self) -> None:
        for child in self.lanes:
            child.kill()
            child.wait()


@pytest.fixture
def pair(world: World, tmp_path: Path):
    made = Pair(world, tmp_path)
    yield made
    made.end()


@pytest.mark.broker
@pytest.mark.slow
def test_standby_takes_over_a_killed_process_twice_and_nothing_is_lost_or_doubled(pair: Pair) -> None:
    world, count = pair.world, 0
    active = pair.start()
    for _ in range(2):
        world.write(b"%d" % n for n in range(count, count + 200))
        count += 200
        world.wait_for_trades(count, active)
        standby = pair.start()
        pair.wait_for(pair.started, "standby", batch=0)
        world.write(b"%d" % n for n in range(count, count + 300))
        count += 300
        active.send_signal(signal.SIGKILL)
        active.wait()
        killed_s = time.monotonic()
        world.write(b"%d" % n for n in range(count, count + 100))
        count += 100
        world.wait_for_trades(count, standby, timeout_s=BOUND_S)
        print(f"output back after {time.monotonic() - killed_s:.2f} s")
        active = standby
    active.send_signal(signal.SIGTERM)
    assert active.wait(30) == 0
    assert_exact(world, list(range(count)))
