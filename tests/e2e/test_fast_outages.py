"""A broker that is away for a minute, a mirror and a gateway that hang: rings hold what cannot be written yet, and nothing is lost."""

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from streams.config import Endpoints
from streams.lanes.fast_rings import remove_rings, rings_folder
from tests.e2e.run_kit import Desk, Running
from tests.e2e.test_fast_lane import fast_desk, market, read, wait_for_growth, wait_for_trading
from tests.e2e.test_kills import progress_of
from tests.e2e.test_outages import AWAY_S, killed
from tests.e2e.witness import check_run, played

pytestmark = [pytest.mark.nightly, pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(600)]

BEHIND = ["MIRROR_BEHIND", "MIRROR_CAUGHT_UP"]
SMALL_RINGS = "fast: {ring: 2 MiB}\n"


def test_fast_run_trades_on_while_the_broker_is_away_and_loses_nothing(stack: Endpoints, tmp_path: Path) -> None:
    recording = market(tmp_path, seed=34, events_per_s=150.0)
    with fast_desk(stack, tmp_path) as desk, desk.start(recording, speed=1.0) as running:
        wait_for_trading(desk, running)
        with killed("kafka"):
            back_s = time.monotonic() + AWAY_S
            answers = progress_of(desk, running, "venue")
            wait_for_answers(answers, running)
            running.kill("trade", "gateway")  # what starts again needs no broker either
            wait_for_growth(desk, running, "trade")
            assert "shard 0 told by its ring within" in desk.done("kill", "--reason", "no broker")
            stops(answers, running, "the venue to hear nothing more")
            assert "the mirror writes it as soon as it can" in desk.done("resume", "--reason", "no broker")
            wait_for_answers(answers, running)
            running.wait(lambda: time.monotonic() > back_s, "the minute to pass", bound_s=AWAY_S + 1)
        wait_for_growth(desk, running, "mirror")
        running.stop(180.0)
        check_run(desk, running, played(desk, running, recording))
        assert [row["kind"] for row in read(desk, running, "commands.v1") if row["reason"] == "no broker"] == ["KILL", "RESUME"]


def wait_for_answers(answers: Callable[[], int], running: Running) -> None:
    before = answers()
    running.wait(lambda: answers() > before + 20, "the venue to answer without a broker", "trade", "gateway")


def test_fast_run_goes_on_after_its_supervisor_and_its_rings_are_lost(stack: Endpoints, tmp_path: Path) -> None:
    """Twice: everything killed at once, its rings there; stopped, its rings gone as with the host."""
    recording = market(tmp_path, seed=35, events_per_s=150.0)
    with fast_desk(stack, tmp_path) as desk:
        with desk.start(recording, speed=1.0) as running:
            wait_for_trading(desk, running)
            running.process.kill()  # its children end with it
            running.process.wait()
        with again(desk, recording) as running:
            wait_for_growth(desk, running, "trade")
            wait_for_growth(desk, running, "gateway")
            running.stop()
        assert " goes on: " in running.text, running.told()
        check_run(desk, running, played(desk, running, recording))
        remove_rings(rings_folder(desk.home))
        with again(desk, recording) as running:
            wait_for_growth(desk, running, "trade")
            desk.done("resume")  # an ordered stop has stopped the strategies
            wait_for_growth(desk, running, "gateway")
            running.stop()
        check_run(desk, running, played(desk, running, recording))


def again(desk: Desk, recording: Path) -> Running:
    """The run that stands, started again."""
    return Running(desk, "run", str(desk.topology), "--recording", str(recording), "--speed", "1.0")


def test_fast_run_whose_mirror_and_gateway_hang_waits_and_loses_nothing(stack: Endpoints, tmp_path: Path) -> None:
    """Rings of 2 MiB: a mirror that hangs is behind within half a minute, a gateway that hangs has the lane wait for it."""
    recording = market(tmp_path, seed=32, events_per_s=150.0)
    with fast_desk(stack, tmp_path, SMALL_RINGS) as desk, desk.start(recording, speed=1.0) as running:
        wait_for_trading(desk, running)
        with hanging(running, "mirror"):
            stops(lambda: running.status("trade").get("records_in", 0), running, "the lane to wait for the mirror")
        running.wait(lambda: told(desk, running)[:2] == BEHIND, "the lane to say that it was behind, and is not", "trade", "mirror")
        with hanging(running, "gateway"):
            stops(lambda: running.status("trade").get("records_in", 0), running, "the lane to wait for the gateway")
        wait_for_growth(desk, running, "gateway")
        running.stop()
        check_run(desk, running, played(desk, running, recording))
        assert told(desk, running)[-1] == BEHIND[-1]


def told(desk: Desk, running: Running) -> list[str]:
    """What the lane has said of the mirror."""
    return [row["kind"] for row in read(desk, running, "commands.v1") if row["kind"].startswith("MIRROR")]


@contextlib.contextmanager
def hanging(running: Running, name: str) -> Iterator[None]:
    """The process does nothing, and lives."""
    process = psutil.Process(running.pid(name))
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


def stops(count: Callable[[], int], running: Running, what: str, for_s: float = 3.0) -> None:
    """Until a count has not grown for so long."""
    seen, since_s = -1, time.monotonic()

    def still() -> bool:
        nonlocal seen, since_s
        now = count()
        if now != seen:
            seen, since_s = now, time.monotonic()
        return time.monotonic() - since_s > for_s

    running.wait(still, what, "trade", bound_s=90.0)
