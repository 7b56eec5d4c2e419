"""Fifty times a process of a run is killed, whichever it is and whatever it does; and what the run has written is as if none had been."""

import time
from pathlib import Path
from random import Random

import pytest

from streams.venues.binance.synthetic import SyntheticMarket, write_synthetic
from tests.e2e.run_kit import OUTLASTS_S, Desk
from tests.e2e.test_kills import progress_of, restart
from tests.e2e.witness import check_run, played

pytestmark = [pytest.mark.nightly, pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(1_500)]

NAMES = ("feed", "market", "trade", "books", "gateway", "venue", "sink", "control")
KILLS, SEED = 50, 6


def test_run_with_fifty_kills_loses_and_repeats_nothing(desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    recording, random, took_s = tmp_path / "market.gz", Random(SEED), []
    write_synthetic(recording, SyntheticMarket(seed=50, seconds=2 * OUTLASTS_S, events_per_s=150.0))
    with desk.start(recording, speed=1.0) as running:
        running.wait(lambda: progress_of(desk, running, "venue")() > 20, "the venue to answer", "trade", "gateway", "venue")
        while len(took_s) < KILLS:
            names = tuple(random.sample(NAMES, random.choice((1, 1, 1, 2))))
            if random.random() < 0.2:  # again while it opens
                running.kill(*names)
                took_s += [0.0] * len(names)
            took_s += [restart(desk, running, names)] * len(names)
            time.sleep(random.uniform(0.0, 2.0))  # the next one meets another state
        running.stop()
    with capsys.disabled():
        waited = sorted(s for s in took_s if s)
        print(f"\n{len(took_s)} kills; back at work after {waited[len(waited) // 2]:.1f} s in the median, {waited[-1]:.1f} s at most")
    check_run(desk, running, played(desk, running, recording))
