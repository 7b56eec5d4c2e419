"""A broker that is away for a minute: the fast lane trades on, its rings hold what the mirror cannot write, and nothing is lost."""

import time
from pathlib import Path

import pytest

from streams.config import Endpoints
from tests.e2e.test_fast_lane import fast_desk, market, wait_for_growth, wait_for_trading
from tests.e2e.test_kills import progress_of
from tests.e2e.test_outages import AWAY_S, killed
from tests.e2e.witness import check_run, played

pytestmark = [pytest.mark.nightly, pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(600)]


def test_fast_run_trades_on_while_the_broker_is_away_and_loses_nothing(stack: Endpoints, tmp_path: Path) -> None:
    recording = market(tmp_path, seed=34, events_per_s=150.0)
    with fast_desk(stack, tmp_path) as desk, desk.start(recording, speed=1.0) as running:
        wait_for_trading(desk, running)
        with killed("kafka"):
            back_s = time.monotonic() + AWAY_S
            answers = progress_of(desk, running, "venue")
            before = answers()
            running.wait(lambda: answers() > before + 20, "the venue to answer without a broker", "trade", "gateway")
            running.kill("trade", "gateway")  # what starts again needs no broker either
            wait_for_growth(desk, running, "trade")
            running.wait(lambda: time.monotonic() > back_s, "the minute to pass", bound_s=AWAY_S + 1)
        wait_for_growth(desk, running, "mirror")
        running.stop(180.0)
        check_run(desk, running, played(desk, running, recording))
