"""Every process of a run is killed with SIGKILL in the middle of it, and nothing is lost, repeated or different afterwards."""

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from streams.venues.binance.synthetic import SyntheticMarket, write_synthetic
from tests.e2e.array_lane import carried
from tests.e2e.conftest import Finished
from tests.e2e.foreign import first_row, open_client, topic_ends
from tests.e2e.run_kit import OUTLASTS_S, Desk, Running
from tests.e2e.witness import check_run, played

pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(600)]

WRITES = {"feed": "frames.v1", "gateway": "venue_events.v1"}
AGENTS = ("market", "trade", "books", "mirror")
KILLS = (("gateway",), ("venue",), ("trade",), ("market",), ("feed",), ("books", "sink", "control"), ("gateway", "trade"))


def test_run_with_every_process_killed_once_loses_and_repeats_nothing(
    finished: Finished, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    desk, recording = finished.desk, tmp_path / "market.gz"
    before = reports_of(finished)
    write_synthetic(recording, SyntheticMarket(seed=11, seconds=OUTLASTS_S, events_per_s=150.0))
    with desk.start(recording, speed=1.0) as running:
        running.wait(lambda: progress_of(desk, running, "venue")() > 20, "the venue to answer", "trade", "gateway", "venue")
        took_s = {names: restart(desk, running, names) for names in KILLS}
        running.stop()
    with capsys.disabled():
        print("\nback at work after SIGKILL, s:", ", ".join(f"{'+'.join(names)} {s:.1f}" for names, s in took_s.items()))
    assert re.findall(r"processes started again: (\d+)", running.text) == [str(sum(len(names) for names in KILLS))], running.told()
    check_run(desk, running, played(desk, running, recording))
    found = carried(desk.where, desk.topology, "trade", running.number)
    assert found.digest == found.live_digest  # the same inputs without lane, kills and restarts
    assert running.number > finished.run
    assert reports_of(finished) == before  # the earlier run stands beside it as it was


def reports_of(finished: Finished) -> tuple[int, int]:
    """How many reports of the finished run there are in ClickHouse, and the sum of their ids modulo a prime."""
    where = finished.desk.where
    sql = f"SELECT count(), sum(id % 1000003) FROM reports WHERE run_id = {finished.run}"
    count, total = first_row(open_client(where.clickhouse, where.database), sql)
    assert count, finished.running.told("trade", "venue")
    return count, total


def restart(desk: Desk, running: Running, names: tuple[str, ...]) -> float:
    """Kill these at once; seconds until each does its work again."""
    progress = {name: progress_of(desk, running, name) for name in names}
    began_s = time.monotonic()
    running.kill(*names)
    began = {name: count() for name, count in progress.items()}
    for name in names:
        running.wait(lambda name=name: progress[name]() > began[name], f"{name} to work again", name)
    return time.monotonic() - began_s


def progress_of(desk: Desk, running: Running, name: str) -> Callable[[], int]:
    """A number that grows when the process, started again, does its work."""
    where = desk.where
    if name == "sink":
        client = open_client(where.clickhouse, where.database)
        return lambda: int(first_row(client, f"SELECT count() FROM quotes WHERE run_id = {running.number}")[0])
    if name == "control":
        return lambda: running.status("control").get("wall_ns", 0)
    if name == "venue":
        return lambda: running.venue_log_bytes().count(b'["out"')
    if name in AGENTS:
        return lambda: running.batches(name)
    return lambda: topic_ends(where.kafka, [WRITES[name]])[WRITES[name]]
