"""What the strategies traded in their made markets against their rules computed from scratch; and the topology that ships them."""

import math
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.agents.process import Process
from streams.lanes.control import Control
from streams.records import Command, CommandType, Name, Order, Side
from streams.topology import derive
from streams.topology.instances import instances, process_spec
from streams.topology.model import load
from tests.agents.desk import T0, book
from tests.strategies import test_arbitrage, test_momentum, test_pairs, test_scalper
from tests.strategies.slow_rules import RULES
from tests.strategies.world import World

SHIPPED = Path(__file__).resolve().parents[2] / "topologies" / "strategies.yaml"
PLAYED = {
    "momentum": (test_momentum.PARAMS, lambda seed: test_momentum.play(seed, 0.4, 300)),
    "pairs": ({"first_lots": 10, "second_lots": 10} | test_pairs.PARAMS, lambda seed: test_pairs.play(seed, seed % 2 == 0, 300)),
    "scalper": (test_scalper.PARAMS, lambda seed: test_scalper.play(seed, seed % 2 == 0, 500)),
    "arbitrage": (test_arbitrage.PARAMS, lambda seed: test_arbitrage.play(seed, 12, 3, steps=200)),
}


@pytest.mark.slow
@pytest.mark.parametrize("seed", [11, 12, 13])
@pytest.mark.parametrize("name", RULES)
def test_trades_equal_those_of_the_rule_computed_from_scratch(name, seed):
    params, play = PLAYED[name]
    world = play(seed)
    expected = RULES[name](world.books, params)
    assert len(expected) > 2
    assert world.trades() == expected


STEPS = st.tuples(
    st.sampled_from((1, 100, 1000, 2000, 4000)) | st.integers(1, 4000),  # ms waited
    st.integers(0, 1),  # instrument
    st.integers(-12, 12),  # bid, from 10,000
    st.integers(1, 4),  # spread
    st.integers(60, 200),
    st.integers(60, 200),
)
ROUGH = {
    "momentum": {"interval_s": 1.0, "fast_span": 2, "slow_span": 6, "entry": 0.30103, "size_lots": 10},
    "pairs": {"interval_s": 1.0, "span": 5, "hedge": 1.0, "entry": 1.30103, "stop": 2.70103, "first_lots": 10, "second_lots": 7},
    "scalper": test_scalper.PARAMS | {"window": 7, "entry_ticks": 2.00017},
    "arbitrage": test_arbitrage.PARAMS,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", RULES)
@settings(max_examples=6, deadline=None)
@given(steps=st.lists(STEPS, min_size=20, max_size=40))
def test_trades_on_any_books_equal_those_of_the_rule(name, steps):
    """Thresholds that no simple book meets exactly, where a rounding would decide."""
    listed = ("one:AAA", "two:AAA") if name in ("pairs", "arbitrage") else ("one:AAA",)
    world = World(f"streams.strategies.{name}:{name.capitalize()}", listed, ROUGH[name], compiled=False)
    for ms, i, bid, spread, bid_lots, ask_lots in steps:
        world.wait(ms * 1_000_000)
        world.book(10_000 + bid, 10_000 + bid + spread, bid_lots, ask_lots, min(i, len(listed) - 1))
    assert world.trades() == RULES[name](world.books, ROUGH[name])


def test_glft_quotes_equal_the_papers_formulas():
    """gamma 0.02, k 0.1, A 2 / s; the variance summed from scratch, the inventory 0."""
    params = {"gamma": 0.02, "k": 0.1, "arrival_per_s": 2.0, "tau_s": 5.0, "requote_ticks": 1}
    world = World("streams.strategies.glft:GueantLehalleFernandezTapia", params=params, compiled=False)
    mids = [10_000, 10_004, 9_997, 10_001]
    for mid in mids:
        world.wait(1_000_000_000)
        world.book(mid - 1, mid + 1)
    moves = [(b - a) ** 2 / 5 * math.exp(-age / 5) for age, (a, b) in enumerate(reversed(list(pairwise(mids))))]
    step = math.sqrt(sum(moves) * 0.02 / (2 * 0.1 * 2) * (1 + 0.02 / 0.1) ** (1 + 0.1 / 0.02))
    half = math.log(1 + 0.02 / 0.1) / 0.02 + step / 2
    quotes = {o.side: o.px_e9 // 10_000_000 for o in world.records if isinstance(o, Order)}
    assert quotes == {Side.BUY: math.floor(10_001 - half), Side.SELL: math.ceil(10_001 + half)}


def test_shipped_topology_names_every_strategy_and_runs():
    """Every class takes its parameters; with the first book of its market each maker quotes both sides."""
    topology = load(SHIPPED)
    assert {s.path.split(":")[0].rpartition(".")[2] for s in topology.strategies.values()} == {"avellaneda_stoikov", "glft", *RULES}
    control, epoch = Control(epoch=1_700_000_000), 1_700_000_000
    names = [Name(n, 0, 0, 0, 0, *entry, epoch) for n, entry in enumerate(numbered(topology, control), 1)]
    trade = next(i for i in instances(topology) if i.name == "trade")
    process = Process(process_spec(topology, trade, control), compiled=False)
    run = Command(1, 0, 7, 0, 0, CommandType.RUN, "", "test", run_number=7)
    for record in (*names, *derive.instruments(topology), *derive.limits(topology), *derive.params(topology), run):
        process.on_input(record)
    process.on_input(book(1, "60000.0", "60000.1", T0, snapshot=True))
    orders = [record for _, record in process.take_outputs() if isinstance(record, Order)]
    assert [(o.strategy, o.side) for o in orders] == [(s, side) for s in ("maker", "steady-maker") for side in (Side.BUY, Side.SELL)]


def numbered(topology, control):
    """(kind, number, name) of everything in the dictionary, entered in `control` too."""
    for kind, name in derive.names(topology):
        number = control.numbers[kind][name] = len(control.numbers[kind])
        yield kind, number, name
