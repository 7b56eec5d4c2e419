"""Momentum where prices trend, and where they only wander."""

import random

import pytest

from tests.strategies.world import World, digest, score

MOMENTUM = "streams.strategies.momentum:Momentum"
PARAMS = {"interval_s": 1.0, "fast_span": 4, "slow_span": 20, "entry": 0.7, "size_lots": 10}


def play(seed: int, drift_ticks: float, steps: int = 600, compiled: bool = True) -> World:
    """A mid with a noise of one tick a second, and a drift that keeps its sign for two minutes on average; 0 = a random walk."""
    world = World(MOMENTUM, params=PARAMS, compiled=compiled)
    rng, mid, sign = random.Random(seed), 10_000.0, 1
    for _ in range(steps):
        world.wait(1_000_000_000)
        sign = -sign if rng.random() < 1 / 120 else sign
        mid += rng.gauss(sign * drift_ticks, 1.0)
        world.book(round(mid) - 1, round(mid) + 1)
    return world


@pytest.mark.slow
def test_momentum_in_a_trending_market_makes_money():
    mean, errors = score(lambda seed: play(seed, 0.8), range(4))
    assert (mean > 0, errors > 3) == (True, True), (mean, errors)


@pytest.mark.slow
def test_momentum_in_a_random_walk_loses_its_costs():
    mean, errors = score(lambda seed: play(seed, 0.0), range(4))
    assert (mean < 0, errors < -3) == (True, True), (mean, errors)


@pytest.mark.slow
def test_momentum_plain_and_compiled_write_the_same():
    assert digest(play(1, 0.8, 200, compiled=False)) == digest(play(1, 0.8, 200))
