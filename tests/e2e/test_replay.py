"""A live run's market data, replayed: what the topics keep is what the recording was, and results stand beside the live ones."""

import json
from typing import Any

import pytest

from tests.e2e.conftest import Finished
from tests.e2e.foreign import first_row, open_client

pytestmark = [pytest.mark.broker, pytest.mark.slow]

SAME = ("events", "orders", "fills", "profit", "records")


def replayed(finished: Finished, *arguments: str) -> dict[str, Any]:
    return json.loads(finished.desk.done("replay", str(finished.desk.topology), "--json", *arguments, bound_s=120.0))


def test_replay_of_a_live_run_equals_that_of_its_recording(finished: Finished) -> None:
    of_topics = replayed(finished, "--run", str(finished.run))
    of_file = replayed(finished, "--recording", str(finished.recording))
    assert {name: of_topics[name] for name in SAME} == {name: of_file[name] for name in SAME}
    assert of_topics["orders"] > 0
    differ = finished.desk.millrace("diff", str(of_topics["run_id"]), str(of_file["run_id"]))
    assert "cause_id" in differ.stdout  # ids of market records are the live writers': all else is equal


def test_replay_into_clickhouse_stands_beside_the_live_run_and_replaces_itself(finished: Finished) -> None:
    client = open_client(finished.desk.where.clickhouse, finished.desk.where.database)
    arguments = ("--run", str(finished.run), "--results", "clickhouse", "--set", "strategy.gamma=0.02")
    for _ in range(2):
        found = replayed(finished, *arguments)
        for table in ("orders", "requests", "reports", "positions"):
            assert first_row(client, f"SELECT count() FROM {table} WHERE run_id = {found['run_id']}") == (found["records"][f"{table}.v1"],)
    live, own = (f"SELECT count(), sum(px_e9), max(trade_id) FROM trades WHERE run_id = {run}" for run in (finished.run, found["run_id"]))
    assert first_row(client, live) == first_row(client, own)
