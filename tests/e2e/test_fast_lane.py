"""A run of the fast lane with real kills: nothing journalled is lost, nothing is sent twice, and its journals execute to the same bytes."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.config import Endpoints
from streams.lanes.fast_rings import remove_rings, rings_folder
from streams.lanes.stages import FEED_STAGES, GATEWAY_STAGES, LANE_STAGES, MIRROR_STAGES
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
            stop_and_go_on(desk, running)
            took_s = {names: restart(desk, running, names) for names in KILLS}
            running.stop()
        assert stages_of(desk, running) >= {
            ("feed", *FEED_STAGES),
            *(("trade", stage) for stage in LANE_STAGES),
            *(("gateway", stage) for stage in GATEWAY_STAGES),
            ("mirror", *MIRROR_STAGES),
        }
        with capsys.disabled():
            print("\nback at work after SIGKILL, s:", ", ".join(f"{'+'.join(names)} {s:.1f}" for names, s in took_s.items()))
        assert re.findall(r"processes started again: (\d+)", running.text) == [str(sum(map(len, KILLS)))], running.told()
        check_run(desk, running, played(desk, running, recording))
        assert [row["kind"] for row in read(desk, running, "commands.v1") if row["reason"] == "a test"] == ["KILL", "RESUME"]
        for process in ("market", "trade"):
            found = carried(desk.where, desk.topology, process, running.number)
            assert found.digest == found.live_digest  # the same inputs as an array, without rings, kills and restarts


def stages_of(desk: Desk, running: Running) -> set[tuple[str, str]]:
    """(process, stage) of what the run has told of its latency."""
    return {(row["process"], row["stage"]) for row in read(desk, running, "latency.v1") if row["stage"]}


def stop_and_go_on(desk: Desk, running: Running) -> None:
    """`millrace kill` closes every order, `millrace resume` lets it trade on."""
    assert "KILL all" in desk.done("kill", "--reason", "a test")
    running.wait(lambda: none_open(desk, running), "every order to be closed", "trade", "gateway", "mirror", bound_s=20.0)
    before = progress_of(desk, running, "venue")()
    assert "RESUME all" in desk.done("resume", "--reason", "a test")
    running.wait(lambda: progress_of(desk, running, "venue")() > before, "trading to go on", "trade", "gateway")


def read(desk: Desk, running: Running, topic: str) -> list:
    """The records of the run in a topic."""
    return read_topics(desk.where.kafka, desk.where.registry, [topic], running.number)[topic]


def none_open(desk: Desk, running: Running) -> bool:
    """Whether the last report of every order closes it."""
    last = {row["order_id"]: row["ord_status"] for row in read(desk, running, "reports.v1")}
    return bool(last) and all(status in CLOSED for status in last.values())


def wait_for_growth(desk: Desk, running: Running, name: str) -> None:
    progress = progress_of(desk, running, name)
    before = progress()
    running.wait(lambda: progress() > before, f"{name} to work again", name)
