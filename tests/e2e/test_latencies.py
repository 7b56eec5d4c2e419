"""The latencies of a run's orders, as a file that a simulated venue takes."""

from pathlib import Path

import pytest

from streams.backtest.latencies import read_latencies
from streams.commands.latencies import write_latencies
from streams.errors import ConfigError
from tests.e2e.conftest import Finished
from tests.e2e.foreign import read_topics

pytestmark = [pytest.mark.broker, pytest.mark.slow]


def test_latencies_of_a_run_are_times_of_its_requests_and_answers(finished: Finished, tmp_path: Path) -> None:
    path, said = tmp_path / "latencies.npy", []
    write_latencies(str(finished.desk.topology), finished.run, "", str(path), said.append)
    where = finished.desk.where
    requests, events = read_topics(where.kafka, where.registry, ("requests.v1", "venue_events.v1"), finished.run).values()
    decided = {request["id"]: request["ts_ns"] for request in requests}
    times = {(decided[e["request_id"]], e["exch_ts_ns"], e["recv_ts_ns"]) for e in events if e["request_id"] is not None}
    rows = [tuple(row) for row in read_latencies(path).tolist()]
    assert len(rows) > 2
    assert set(rows) <= times
    assert said[0].startswith(f"run {finished.run} binance: {len(requests)} requests, {len(rows)} rows")


def test_latencies_of_an_unknown_venue_names_the_nearest(finished: Finished, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no venue 'binanec'; nearest is 'binance'"):
        write_latencies(str(finished.desk.topology), finished.run, "binanec", str(tmp_path / "x.npy"), print)
