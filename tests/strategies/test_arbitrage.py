"""Cross-venue arbitrage of prices that part, that part by less than the fees, and that part for no longer than an order needs."""

import random

import pytest

from tests.strategies.world import World, digest, score

ARBITRAGE = "streams.strategies.arbitrage:Arbitrage"
PARAMS = {"fee": 0.0003, "edge_ticks": 1.0, "size_lots": 10, "limit_lots": 50}
LISTED = ("one:AAA", "two:AAA")
STEP_NS = 50_000_000
LATE_NS = 75_000_000


def play(seed: int, gap_ticks: int, lasts_steps: int, latency_ns: int = 0, steps: int = 400, compiled: bool = True) -> World:
    """One price at two venues; every 20 steps on average the second one is off by gap_ticks, up or down, for some steps."""
    world = World(ARBITRAGE, LISTED, PARAMS, latency_ns, compiled)
    rng, mid, gap, left = random.Random(seed), 10_000.0, 0, 0
    for _ in range(steps):
        world.wait(STEP_NS)
        mid += rng.gauss(0, 0.5)
        left = left - 1 if left > 0 else 0
        gap = gap if left > 0 else 0
        if left == 0 and rng.random() < 1 / 20:
            gap, left = rng.choice((-gap_ticks, gap_ticks)), lasts_steps
        world.book(round(mid) - 1, round(mid) + 1, i=0)
        world.book(round(mid) + gap - 1, round(mid) + gap + 1, i=1)
    return world


@pytest.mark.slow
def test_arbitrage_of_prices_that_part_makes_money_and_holds_nothing_on_balance():
    mean, errors = score(lambda seed: play(seed, 14, 4), range(4))
    assert (mean > 0, errors > 3) == (True, True), (mean, errors)
    world = play(1, 14, 4)
    assert len(world.fills()) > 20
    assert world.held(0) + world.held(1) == 0


def test_arbitrage_of_prices_that_part_by_less_than_the_fees_does_nothing():
    world = play(1, 7, 4)
    assert world.records == []


@pytest.mark.slow
def test_arbitrage_slower_than_the_gaps_loses_money_and_closes_lone_legs():
    """An order needs one and a half steps: gaps of eight steps are still there then, gaps of one are not."""
    mean, errors = score(lambda seed: play(seed, 14, 1, latency_ns=LATE_NS), range(4))
    assert (mean < 0, errors < -3) == (True, True), (mean, errors)
    mean, errors = score(lambda seed: play(seed, 14, 8, latency_ns=LATE_NS), range(6))
    assert (mean > 0, errors > 3) == (True, True), (mean, errors)


@pytest.mark.slow
@pytest.mark.parametrize("latency_ns", [0, LATE_NS])
def test_arbitrage_plain_and_compiled_write_the_same(latency_ns):
    assert digest(play(1, 14, 2, latency_ns, 150, compiled=False)) == digest(play(1, 14, 2, latency_ns, 150))
