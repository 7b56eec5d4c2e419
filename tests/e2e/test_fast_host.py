"""A run of the fast lane whose host is lost: rings and checkpoints are gone, the lane restores from topics and trades on."""

import re
from pathlib import Path

import pytest

from streams.config import Endpoints
from streams.lanes.bus import read_range
from streams.lanes.fast_rings import remove_rings, rings_folder
from streams.lanes.journal import read_entries
from streams.lanes.registry import SchemaIds
from streams.lanes.wire import Wire
from tests.e2e.array_lane import carried
from tests.e2e.run_kit import Running
from tests.e2e.test_fast_lane import fast_desk, market, wait_for_trading
from tests.e2e.test_kills import progress_of

pytestmark = [pytest.mark.broker, pytest.mark.nightly, pytest.mark.timeout(600)]


def snapshots(stack: Endpoints, run: int) -> set[str]:
    """Whose snapshots of a run are whole."""
    wire = Wire(SchemaIds(stack.registry))
    parts = [wire.decode("snapshots.v1", message.value()) for message in read_range(stack.kafka, "snapshots.v1", 0)]
    return {part.process for part in parts if part.run_id == run and part.agent == "" and part.process != "books"}


def entries(stack: Endpoints, run: int) -> int:
    """Entries of the lane's journal of a run."""
    return sum(1 for _ in read_entries(stack.kafka, Wire(SchemaIds(stack.registry)), "trade", 0, 0, run))


def test_fast_run_goes_on_from_topics_after_its_host_is_lost(stack: Endpoints, tmp_path: Path) -> None:
    recording = market(tmp_path, seed=35, events_per_s=150.0)
    with fast_desk(stack, tmp_path) as desk:
        with desk.start(recording, speed=1.0) as running:
            wait_for_trading(desk, running)
            number = running.number
            running.wait(lambda: snapshots(stack, number) == {"market", "trade"}, "snapshots of both", "feed", "trade", "mirror")
        remove_rings(rings_folder(desk.home))
        with Running(desk, "run", str(desk.topology), "--recording", str(recording), "--speed", "1.0") as again:
            wait_for_trading(desk, again)
            batches, executed = entries(stack, number), int(re.findall(r"from_topics\D+(\d+)", again.log("trade").read_text())[-1])
            assert executed < batches // 2, f"{executed} of {batches} batches were executed again: no snapshot was used"
            before = progress_of(desk, again, "venue")()
            again.wait(lambda: progress_of(desk, again, "venue")() > before + 20, "trading to go on", "trade", "gateway", "mirror")
            again.stop()
        assert again.number == number, again.text
        found = carried(desk.where, desk.topology, "trade", number)
        assert found.digest == found.live_digest  # one journal over the loss
