"""A run of the fast lane whose host is lost: rings and checkpoints are gone, the lane restores from topics and trades on."""

from pathlib import Path

import pytest

from streams.config import Endpoints
from streams.lanes.fast_rings import remove_rings, rings_folder
from tests.e2e.array_lane import carried
from tests.e2e.run_kit import Running
from tests.e2e.test_fast_lane import fast_desk, market, wait_for_trading
from tests.e2e.test_kills import progress_of

pytestmark = [pytest.mark.broker, pytest.mark.nightly, pytest.mark.timeout(600)]


def test_fast_run_goes_on_from_topics_after_its_host_is_lost(stack: Endpoints, tmp_path: Path) -> None:
    recording = market(tmp_path, seed=35, events_per_s=150.0)
    with fast_desk(stack, tmp_path) as desk:
        with desk.start(recording, speed=1.0) as running:
            wait_for_trading(desk, running)
        number = running.number
        remove_rings(rings_folder(desk.home))
        with Running(desk, "run", str(desk.topology), "--recording", str(recording), "--speed", "1.0") as again:
            wait_for_trading(desk, again)
            before = progress_of(desk, again, "venue")()
            again.wait(lambda: progress_of(desk, again, "venue")() > before + 20, "trading to go on", "trade", "gateway", "mirror")
            again.stop()
        assert again.number == number, again.text
        found = carried(desk.where, desk.topology, "trade", number)
        assert found.digest == found.live_digest  # one journal over the loss
