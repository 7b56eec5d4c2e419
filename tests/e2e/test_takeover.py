"""A shard moves to another process: a second instance takes it while the first one works, works on, and gives it back."""

import subprocess
import sys
from pathlib import Path

import pytest

from streams.venues.binance.synthetic import SyntheticMarket, write_synthetic
from tests.e2e.run_kit import CHECKOUT, OUTLASTS_S, Desk, Running
from tests.e2e.witness import check_run, played

pytestmark = [pytest.mark.nightly, pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(600)]

MOVED = "trade"


def test_shard_moved_to_another_process_and_back_loses_and_repeats_nothing(desk: Desk, tmp_path: Path) -> None:
    recording = tmp_path / "market.gz"
    write_synthetic(recording, SyntheticMarket(seed=13, seconds=OUTLASTS_S, events_per_s=150.0))
    with desk.start(recording, speed=1.0) as running:
        running.wait(lambda: running.venue_log_bytes().count(b'["out"') > 20, "the venue to answer", "trade", "venue")
        argv = [sys.executable, "-m", "streams.cli", "process", MOVED, "-t", str(desk.topology)]
        log = tmp_path / "second.txt"
        with log.open("wb") as output:
            second = subprocess.Popen(argv, cwd=CHECKOUT, env=desk.environment, stdout=output, stderr=output)
        try:
            running.process.wait(60.0)  # its supervisor is told that the shard has gone, and does not fight for it
            assert running.process.returncode == 1, running.told(MOVED)
            assert f"process {MOVED}: another instance has taken its shard" in running.text
            assert second.poll() is None, log.read_text()
            second.terminate()
            assert second.wait(60.0) == 0, log.read_text()
        finally:
            second.kill()
    number = running.number
    with Running(desk, "run", str(desk.topology), "--recording", str(recording), "--speed", "1") as running:
        answers = running.desk.venue_log(number).read_bytes().count(b'["out"')
        running.wait(lambda: running.venue_log_bytes().count(b'["out"') > answers + 20, "the venue to answer again", "trade", "venue")
        assert running.number == number, "another run was opened"
        running.stop()
    check_run(desk, running, played(desk, running, recording))
