"""Position against a list of fills and fractions, plain and compiled."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streams.trading.codes import BUY, SELL
from streams.trading.position import Position
from tests.trading.slow_position import SlowPosition
from tests.trading.trading_runs import PositionRun, play

SIDES = st.sampled_from([BUY, SELL])
SMALL = st.tuples(st.just(0), SIDES, st.integers(1, 50), st.integers(1, 9), st.integers(0, 100), st.integers(-5, 5))
# price x quantity < 2**57 each, at most 24 fills: every sum stays below 2**62
LARGE = st.tuples(
    st.just(0), SIDES, st.integers(1, 1 << 26), st.integers(1, (1 << 31) - 1), st.integers(0, 1 << 27), st.integers(-(1 << 40), 1 << 40)
)
HIGH = st.tuples(st.just(0), SIDES, st.integers(1, (1 << 38) - 1), st.integers(1, 1 << 18), st.integers(0, (1 << 38) - 1), st.just(0))


def check(rows):
    run, slow = PositionRun({"rows": max(1, len(rows))}), SlowPosition()
    play(run, "position", rows)
    p = run.position
    for i, (_, side, px, qty, mark2, _) in enumerate(rows):
        assert run.out[2 * i] == slow.fill(side, px, qty)
        assert run.out[2 * i + 1] == slow.qty * mark2 - 2 * slow.cost
    assert (p.qty_lots, p.cost_tick_lots, p.realized_tick_lots) == (slow.qty, slow.cost, slow.realized)
    assert p.cash_tick_lots == slow.cash
    assert p.cash_tick_lots + p.cost_tick_lots == p.realized_tick_lots
    assert (p.bought_lots, p.sold_lots, p.fill_count) == (slow.lots(BUY), slow.lots(SELL), len(rows))
    assert p.qty_lots == p.bought_lots - p.sold_lots
    assert p.fees == sum(row[5] for row in rows)
    spread = sum((1 if side == BUY else -1) * (mid2 - 2 * px) * qty for _, side, px, qty, mid2, _ in rows if mid2)
    assert p.spread2_tick_lots == spread
    # rounding the cost of what is closed moves money between realized and open, by less than a tick-lot a close, never away
    assert abs(p.realized_tick_lots - slow.exact_realized) <= slow.closes
    if p.qty_lots == 0:
        assert p.cost_tick_lots == 0
        assert p.realized_tick_lots == slow.exact_realized
    return p


@given(st.lists(SMALL, max_size=60))
@settings(deadline=None, max_examples=150)
def test_position_small_numbers_equal_fractions(rows):
    check(rows)


@given(st.lists(LARGE, max_size=24))
@settings(deadline=None, max_examples=100)
@example([(0, BUY, (1 << 26) - 1, (1 << 31) - 1, 1, 0)] * 20 + [(0, SELL, 1, (1 << 31) - 2, 1, 0)] * 4)
def test_position_large_quantities_equal_fractions(rows):
    check(rows)


@given(st.lists(HIGH, max_size=24))
@settings(deadline=None, max_examples=100)
def test_position_high_prices_equal_fractions(rows):
    check(rows)


@given(st.integers(1, (1 << 40) - 1), st.integers(1, (1 << 40) - 1), st.integers(-(1 << 62) + 1, (1 << 62) - 1), st.booleans())
@settings(max_examples=300)
def test_position_cost_share_is_the_floor_of_the_exact_share(a, b, cost, short):
    held, lots = max(a, b), min(a, b)
    p = Position(qty_lots=-held if short else held, cost_tick_lots=cost)
    assert p.cost_share(lots) == cost * lots // held
    assert p.cost_share(held) == cost


def test_position_opens_adds_reduces_and_turns():
    p = Position()
    assert p.fill(BUY, 100, 10) == 0
    assert p.fill(BUY, 110, 10) == 0
    assert p.cost_tick_lots == 2100
    assert p.fill(SELL, 120, 5) == 600 - 525
    assert (p.qty_lots, p.cost_tick_lots) == (15, 1575)
    assert p.fill(SELL, 100, 20) == 1500 - 1575
    assert (p.qty_lots, p.cost_tick_lots, p.realized_tick_lots) == (-5, -500, 0)
    assert p.fill(BUY, 90, 5) == 50
    assert (p.qty_lots, p.cost_tick_lots, p.realized_tick_lots, p.cash_tick_lots) == (0, 0, 50, 50)


def test_position_odd_cost_rounds_down_and_is_exact_when_flat():
    p = Position()
    p.fill(BUY, 10, 1)
    p.fill(BUY, 11, 2)  # 32 for 3 lots
    assert p.fill(SELL, 10, 1) == 10 - 10
    assert p.fill(SELL, 10, 1) == 10 - 11
    assert p.fill(SELL, 10, 1) == 10 - 11
    assert (p.cost_tick_lots, p.realized_tick_lots, p.cash_tick_lots) == (0, -2, -2)


@pytest.mark.parametrize(
    ("side", "px", "mid2", "earned2"), [(BUY, 99, 200, 6), (SELL, 101, 200, 6), (BUY, 101, 201, -3), (SELL, 101, 0, 0)]
)
def test_position_attribute_spread_counts_what_a_fill_earned_against_the_mid(side, px, mid2, earned2):
    p = Position()
    p.attribute_spread(side, px, 3, mid2)
    assert p.spread2_tick_lots == earned2


def test_position_unrealized_is_twice_the_gain_at_the_mark():
    p = Position()
    p.fill(SELL, 100, 4)
    assert p.unrealized2(2 * 95 + 1) == 2 * 400 - 4 * 191
