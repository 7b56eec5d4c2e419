"""The scalper where the flow at the touch leads the price, and where it tells nothing."""

import random

import pytest

from tests.strategies.world import World, digest, score

SCALPER = "streams.strategies.scalper:Scalper"
PARAMS = {"window": 40, "window_s": 4.0, "impact_ticks": 4.0, "entry_ticks": 8.0, "hold_s": 10.0, "size_lots": 10}


def play(seed: int, leads: bool, steps: int = 800, compiled: bool = True) -> World:
    """Every 100 ms one side of the touch grows or shrinks: for ten seconds on average the same one is pressed. A price move of a tick
    follows every fifth change on average, in the direction of the pressure, or in any."""
    world = World(SCALPER, params=PARAMS, compiled=compiled)
    rng, mid, pressure = random.Random(seed), 10_000, 1
    bid_lots, ask_lots = 100, 100
    for _ in range(steps):
        world.wait(100_000_000)
        pressure = -pressure if rng.random() < 1 / 100 else pressure
        push = pressure * rng.choice((1, 1, 1, -1)) * 10
        if rng.random() < 0.5:
            bid_lots = min(max(bid_lots + push, 50), 150)
        else:
            ask_lots = min(max(ask_lots - push, 50), 150)
        if rng.random() < 0.3:
            mid += pressure if leads else rng.choice((-1, 1))
            bid_lots = ask_lots = 100
        world.book(mid - 1, mid + 1, bid_lots, ask_lots)
    return world


@pytest.mark.slow
def test_scalper_where_flow_leads_the_price_makes_money():
    mean, errors = score(lambda seed: play(seed, True), range(5))
    assert (mean > 0, errors > 3) == (True, True), (mean, errors)


@pytest.mark.slow
def test_scalper_where_flow_tells_nothing_loses_its_costs():
    mean, errors = score(lambda seed: play(seed, False), range(5))
    assert (mean < 0, errors < -3) == (True, True), (mean, errors)


@pytest.mark.slow
def test_scalper_plain_and_compiled_write_the_same():
    assert digest(play(1, True, 200, compiled=False)) == digest(play(1, True, 200))
