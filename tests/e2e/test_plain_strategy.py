"""A strategy with compiled = False beside a compiled one: its own process, its model, its metrics, its journal; seen while it runs."""

import json
from pathlib import Path

import pytest

from streams.agents.model_file import hash_of
from streams.config import Endpoints
from streams.venues.binance.synthetic import SyntheticMarket, write_synthetic
from tests.e2e.foreign import first_row, open_client, read_topics
from tests.e2e.run_kit import CHECKOUT, DEMO, Desk

pytestmark = [pytest.mark.broker, pytest.mark.slow]

SPEED = 2.0
STRATEGY = """
  thinker:
    class: thinker:Modelled
    account: maker-1
    instruments: [binance:BTCUSDT]
    model: {model}

processes:
  thinker: {{lane: kafka, agents: [strategy], strategies: [thinker]}}
"""


@pytest.fixture(scope="module")
def desk(stack: Endpoints, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """The demo with a second strategy, whose class is a user's file."""
    folder = tmp_path_factory.mktemp("thinker")
    (folder / "thinker.py").write_text((CHECKOUT / "tests" / "strategies" / "modelled.py").read_text())
    model = folder / "model.json"
    model.write_text(json.dumps({"bias": 0.1, "imbalance": 1.0}))
    topology = folder / "thinker.yaml"
    topology.write_text(DEMO.read_text().replace("\nprocesses:\n", STRATEGY.format(model=model)))
    made = Desk(stack, folder, topology)
    assert f"model value_text={hash_of(model)}" in " ".join(made.done("apply", str(topology)).split())
    return made


def test_plain_strategy_runs_beside_a_compiled_one_and_verifies(desk: Desk, tmp_path: Path) -> None:
    recording = tmp_path / "market.gz"
    write_synthetic(recording, SyntheticMarket(seed=6, seconds=6.0, events_per_s=100.0))
    with desk.start(recording, SPEED) as running:
        status = desk.home / "run" / "thinker.json"
        running.wait(lambda: status.exists() and '"books": 0' not in status.read_text() and '"books"' in status.read_text(), "books")
        shown = json.loads(desk.done("strategy", "--json"))
        running.finish()
    assert shown["thinker"]["state"]["books"] > 0
    assert shown["maker"]["process"] == "trade"
    where = desk.where
    topics = ("metrics.v1", "orders.v1", "decisions.v1")
    metrics, orders, decisions = read_topics(where.kafka, where.registry, topics, running.number).values()
    assert metrics
    assert {m["metric"] for m in metrics} == {"profit"}
    assert {"maker", "thinker"} <= {o["strategy"] for o in orders}
    assert {o["id"] for o in orders} == {d["cause_id"] for d in decisions}  # risk decided each one, of both processes
    client = open_client(where.clickhouse, where.database)
    row = f"SELECT count(), sum(value) FROM metrics WHERE run_id = {running.number} AND strategy = 'thinker'"
    assert first_row(client, row) == (len(metrics), pytest.approx(sum(m["value"] for m in metrics)))
    (desk.folder / "model.json").write_text(json.dumps({"bias": -9.0, "imbalance": 1.0}))  # the run is verified with the file it had
    verified = desk.done("verify", str(desk.topology), "--run", str(running.number)).splitlines()
    assert [(line.split("/")[0], ": equal: " in line) for line in verified] == [
        ("thinker", True),
        ("market", True),
        ("trade", True),
        ("books", True),
    ], verified
