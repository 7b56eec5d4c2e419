"""The two market makers in a market of uninformed takers, where they must earn the spread, and among takers who know the next price."""

import random

import pytest

from streams.records import Side
from tests.strategies.world import World, digest, score

MAKERS = {
    "streams.strategies.avellaneda_stoikov:AvellanedaStoikov": {"horizon_s": 2.0},
    "streams.strategies.glft:GueantLehalleFernandezTapia": {"arrival_per_s": 5.0},
}
PARAMS = {"gamma": 0.02, "k": 0.2, "tau_s": 5.0, "size_lots": 10, "limit_lots": 60, "requote_ticks": 1}


def play(cls: str, seed: int, jump_ticks: float, steps: int = 300, compiled: bool = True) -> World:
    """Takers of both sides come at random and reach exp(-k distance) far, as the model says; the mid moves by itself, and by jump_ticks
    in the direction of each trade: 0 = nobody knows anything."""
    world = World(cls, params=PARAMS | MAKERS[cls], compiled=compiled)
    rng, mid = random.Random(seed), 10_000.0
    for _ in range(steps):
        world.wait(50_000_000)
        mid += rng.gauss(0, 0.5)
        world.book(round(mid) - 1, round(mid) + 1)
        if rng.random() < 0.5:
            side = rng.choice(list(Side))
            direction = 1 if side == Side.BUY else -1
            world.trade(side, round(mid + direction * (1 + rng.expovariate(PARAMS["k"]))), 10)
            mid += direction * jump_ticks
    return world


@pytest.mark.slow
@pytest.mark.parametrize("cls", MAKERS)
def test_maker_among_uninformed_takers_makes_money(cls):
    mean, errors = score(lambda seed: play(cls, seed, 0.0), range(3))
    assert (mean > 0, errors > 3) == (True, True), (mean, errors)


@pytest.mark.slow
@pytest.mark.parametrize("cls", MAKERS)
def test_maker_among_informed_takers_loses_money(cls):
    """Every trade moves the mid further than half the maker's spread: it buys before the price falls and sells before it rises."""
    mean, errors = score(lambda seed: play(cls, seed, 15.0), range(3))
    assert (mean < 0, errors < -3) == (True, True), (mean, errors)


@pytest.mark.slow
@pytest.mark.parametrize("cls", MAKERS)
def test_maker_plain_and_compiled_write_the_same(cls):
    assert digest(play(cls, 1, 2.0, 150, compiled=False)) == digest(play(cls, 1, 2.0, 150))
