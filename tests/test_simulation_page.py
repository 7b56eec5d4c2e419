"""docs/simulation.md tells the keys, models and figures that the code has."""

import re
from pathlib import Path

import pytest
import yaml

from streams.topology.model import load
from streams.topology.simulation import Simulation
from streams.trading.queue_model import QUEUE_MODELS
from tests.topology.files import changed
from tests.trading.test_venue_models import JOINED, ahead_after

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "simulation.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def said(folder, example):
    """What the demo's venue becomes with an example of the page."""
    keys = yaml.safe_load(example)
    keys = keys["venues"]["binance"]["simulation"] if "venues" in keys else keys
    path = changed(
        folder, ("feed: recording}", f"feed: recording, simulation: {yaml.safe_dump(keys, default_flow_style=True, width=10**6)}}}")
    )
    return load(path).venues["binance"].simulation


def test_page_shows_every_key_with_its_default(tmp_path):
    shown = yaml.safe_load(EXAMPLES[0])["venues"]["binance"]["simulation"]
    assert set(shown) == {field.alias or name for name, field in Simulation.model_fields.items()}
    assert said(tmp_path, EXAMPLES[0]) == Simulation()


@pytest.mark.parametrize("example", [part for text in EXAMPLES[1:] for part in re.split(r"\n(?= {6}impact)", text.rstrip())])
def test_examples_of_the_page_are_read(tmp_path, example):
    assert said(tmp_path, example) != Simulation()


def test_page_lists_every_queue_model():
    table = PAGE.split("## Queue")[1].split("## Fills")[0]
    assert re.findall(r"^\| (\w+) \|", table, re.MULTILINE)[1:] == list(QUEUE_MODELS)


def test_page_example_of_a_queue_is_what_the_models_do():
    calls = [*JOINED, ("level", 0, 100, 12), ("update_end", 0)]
    found = [ahead_after(calls, queue=model) for model in (("none", 0.0), ("proportional", 0.0), ("power", 2.0))]
    assert f"ahead of us are then, in whole lots, {found[0]} with none, {found[1]} with proportional, {found[2]} with power 2" in " ".join(
        PAGE.split()
    )


def test_page_example_of_impact_is_the_formula():
    share = 0.8 * 0.03 * (10 / 250_000) ** 0.5
    assert f"10 BTC of 250,000 a day at 3 % and 0.8: {share * 1e4:.1f} basis points, {share * 61_800:.0f} USDT" in " ".join(PAGE.split())
