"""The latencies of a run's orders, as a file that a simulated venue takes."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from streams.backtest.latencies import read_latencies
from streams.commands.latencies import write_latencies
from streams.errors import ConfigError
from tests.e2e.conftest import Finished
from tests.e2e.foreign import read_topics

pytestmark = [pytest.mark.broker, pytest.mark.slow]

Times = tuple[int, int, int]
"""Of a request: when it was decided, when the venue answered, when the first answer was with us; ns by the run's clock."""


def test_latencies_of_a_run_are_times_of_its_requests_and_answers(finished: Finished, tmp_path: Path) -> None:
    path, said = tmp_path / "latencies.npy", []
    write_latencies(str(finished.desk.topology), finished.run, "", str(path), said.append)
    where = finished.desk.where
    requests, events = read_topics(where.kafka, where.registry, ("requests.v1", "venue_events.v1"), finished.run).values()
    decided = {request["id"]: request["ts_ns"] for request in requests}
    answers: dict[int, Times] = {}
    for e in events:
        if e["request_id"] is not None and e["exch_ts_ns"] > 0:
            answers.setdefault(e["request_id"], (decided[e["request_id"]], e["exch_ts_ns"], e["recv_ts_ns"]))
    rows = [tuple(row) for row in read_latencies(path).tolist()]
    found = [times for times in sorted(answers.values()) if times[0] <= times[1] <= times[2]]
    assert rows == rising(found)
    assert {row[0] for row in rows} == {times[0] for times in found}
    assert said[0].startswith(f"run {finished.run} binance: {len(requests)} requests, {len(rows)} rows")


def rising(found: Iterable[Times]) -> list[Times]:
    """One row for requests of one moment, and for answers of one moment."""
    rows, decided_ns, answered_ns = [], 0, 0
    for times in found:
        if times[0] > decided_ns and times[1] > answered_ns:
            rows.append(times)
        decided_ns, answered_ns = max(decided_ns, times[0]), max(answered_ns, times[1])
    return rows


def test_latencies_of_an_unknown_venue_names_the_nearest(finished: Finished, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no venue 'binanec'; nearest is 'binance'"):
        write_latencies(str(finished.desk.topology), finished.run, "binanec", str(tmp_path / "x.npy"), print)
