"""A run of the fast lane with real kills: nothing journalled is lost, nothing is sent twice, and its journals execute to the same bytes."""

import contextlib
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from streams.config import Endpoints
from streams.lanes.fast_rings import remove_rings, rings_folder
from streams.venues.binance.synthetic import SyntheticMarket, write_synthetic
from tests.e2e.array_lane import carried
from tests.e2e.foreign import read_topics
from tests.e2e.run_kit import CHECKOUT, OUTLASTS_S, Desk, Running
from tests.e2e.test_kills import progress_of, restart
from tests.e2e.witness import check_run, played

pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(600)]

FAST = CHECKOUT / "topologies" / "fast.yaml"
KILLS = (
    ("gateway",),
    ("trade",),
    ("mirror",),
    ("feed",),
    ("venue",),
    ("gateway", "trade"),
    ("feed", "trade", "gateway", "mirror"),
)
SMALL_RINGS = "fast: {ring: 2 MiB}\n"
CLOSED = ("FILLED", "CANCELLED", "REJECTED", "EXPIRED")


@contextlib.contextmanager
def fast_desk(stack: Endpoints, folder: Path, more: str = "") -> Iterator[Desk]:
    """The fast topology with a few lines more, applied to the shared stack; its rings go with it."""
    topology = folder / "fast.yaml"
    topology.write_text(FAST.read_text() + more)
    made = Desk(stack, folder, topology)
    made.done("apply", str(topology))
    try:
        yield made
    finally:
        remove_rings(rings_folder(made.home))


def market(folder: Path, seed: int, events_per_s: float) -> Path:
    """A recording that no test plays to its end."""
    recording = folder / "market.gz"
    write_synthetic(recording, SyntheticMarket(seed=seed, seconds=OUTLASTS_S, events_per_s=events_per_s))
    return recording


def wait_for_trading(desk: Desk, running: Running) -> None:
    answers = progress_of(desk, running, "venue")
    running.wait(lambda: answers() > 20, "the venue to answer", "feed", "trade", "gateway", "mirror", "venue", bound_s=90.0)


def test_fast_run_with_its_processes_killed_loses_and_repeats_nothing(
    stack: Endpoints, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    recording = market(tmp_path, seed=31, events_per_s=150.0)
    with fast_desk(stack, tmp_path) as desk:
        with desk.start(recording, speed=1.0) as running:
            wait_for_trading(desk, running)
            took_s = {names: restart(desk, running, names) for names in KILLS}
            running.stop()
        with capsys.disabled():
            print("\nback at work after SIGKILL, s:", ", ".join(f"{'+'.join(names)} {s:.1f}" for names, s in took_s.items()))
        assert re.findall(r"processes started again: (\d+)", running.text) == [str(sum(map(len, KILLS)))], running.told()
        check_run(desk, running, played(desk, running, recording))
        for process in ("market", "trade"):
            found = carried(desk.where, desk.topology, process, running.number)
            assert found.digest == found.live_digest  # the same inputs as an array, without rings, kills and restarts


def test_fast_run_whose_mirror_and_gateway_hang_stops_new_orders_and_loses_nothing(stack: Endpoints, tmp_path: Path) -> None:
    """Rings of 2 MiB: a mirror that hangs is behind within seconds, a gateway that hangs has the lane wait for it."""
    recording = market(tmp_path, seed=32, events_per_s=1_000.0)
    with fast_desk(stack, tmp_path, SMALL_RINGS) as desk, desk.start(recording, speed=1.0) as running:
        wait_for_trading(desk, running)
        with hanging(running, "mirror"):
            stops(lambda: running.status("trade").get("records_in", 0), running, "the lane to wait for the mirror")
        running.wait(lambda: denied(desk, running, "MIRROR_BEHIND"), "orders denied behind the mirror", "trade", "mirror")
        with hanging(running, "gateway"):
            stops(lambda: running.status("trade").get("records_in", 0), running, "the lane to wait for the gateway")
        wait_for_growth(desk, running, "gateway")
        running.stop()
        check_run(desk, running, played(desk, running, recording))
        kinds = [row["kind"] for row in read(desk, running, "commands.v1") if row["kind"].startswith("MIRROR")]
        assert kinds[:2] == ["MIRROR_BEHIND", "MIRROR_CAUGHT_UP"]


def test_fast_run_killed_by_command_cancels_everything_and_goes_on(stack: Endpoints, tmp_path: Path) -> None:
    recording = market(tmp_path, seed=33, events_per_s=100.0)
    with fast_desk(stack, tmp_path) as desk, desk.start(recording, speed=1.0) as running:
        wait_for_trading(desk, running)
        assert "KILL all" in desk.done("kill", "--reason", "a test")
        running.wait(lambda: none_open(desk, running), "every order to be closed", "trade", "gateway", "mirror", bound_s=20.0)
        before = progress_of(desk, running, "venue")()
        assert "RESUME all" in desk.done("resume", "--reason", "a test")
        running.wait(lambda: progress_of(desk, running, "venue")() > before, "trading to go on", "trade", "gateway")
        running.stop()
        check_run(desk, running, played(desk, running, recording))
        assert [row["kind"] for row in read(desk, running, "commands.v1") if row["reason"] == "a test"] == ["KILL", "RESUME"]


def read(desk: Desk, running: Running, topic: str) -> list:
    """The records of the run in a topic."""
    return read_topics(desk.where.kafka, desk.where.registry, [topic], running.number)[topic]


def denied(desk: Desk, running: Running, code: str) -> int:
    return sum(row["code"] == code for row in read(desk, running, "decisions.v1"))


def none_open(desk: Desk, running: Running) -> bool:
    """Whether the last report of every order closes it."""
    last = {row["order_id"]: row["ord_status"] for row in read(desk, running, "reports.v1")}
    return bool(last) and all(status in CLOSED for status in last.values())


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


def wait_for_growth(desk: Desk, running: Running, name: str) -> None:
    progress = progress_of(desk, running, name)
    before = progress()
    running.wait(lambda: progress() > before, f"{name} to work again", name)
