"""Pairs of two prices that belong together, and of two that do not."""

import random

import pytest

from tests.strategies.world import World, digest, score

PAIRS = "streams.strategies.pairs:Pairs"
PARAMS = {"interval_s": 1.0, "span": 100, "hedge": 1.0, "entry": 2.0, "stop": 6.0}
LISTED = ("sim:AAA", "sim:BBB")


def play(seed: int, together: bool, steps: int = 800, compiled: bool = True) -> World:
    """BBB wanders; AAA is BBB and a gap that is drawn back to 0 with a memory of 10 s, or AAA wanders by itself."""
    world = World(PAIRS, LISTED, PARAMS, compiled=compiled)
    rng, second, gap = random.Random(seed), 10_000.0, 0.0
    for _ in range(steps):
        world.wait(1_000_000_000)
        second += rng.gauss(0, 2.0)
        gap += rng.gauss(-0.1 * gap if together else 0.0, 6.0)
        world.book(round(second + gap) - 1, round(second + gap) + 1, i=0)
        world.book(round(second) - 1, round(second) + 1, i=1)
    return world


@pytest.mark.slow
def test_pairs_that_belong_together_make_money():
    mean, errors = score(lambda seed: play(seed, True), range(4))
    assert (mean > 0, errors > 3) == (True, True), (mean, errors)


@pytest.mark.slow
def test_pairs_that_do_not_belong_together_lose_money():
    mean, errors = score(lambda seed: play(seed, False), range(10))
    assert (mean < 0, errors < -3) == (True, True), (mean, errors)


@pytest.mark.slow
def test_pairs_plain_and_compiled_write_the_same():
    assert digest(play(1, True, 150, compiled=False)) == digest(play(1, True, 150))
