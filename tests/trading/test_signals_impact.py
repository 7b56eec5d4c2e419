"""Kyle's lambda, Amihud's illiquidity and Roll's spread against their formulas over lists, plain and compiled."""

import math
from fractions import Fraction
from itertools import groupby, pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.trading.signals.amihud import AmihudIlliquidity
from streams.trading.signals.bar_clock import BarClock
from streams.trading.signals.kyle import KyleLambda
from streams.trading.signals.roll import MAX_CHANGE_TICKS, RollSpread
from tests.trading.signals_runs import market, play, play_again

EVENTS = st.tuples(st.sampled_from([0, 1, 2, 7, 30]), st.integers(95, 105), st.integers(1, 3), st.integers(0, 1), st.integers(1, 9))


@st.composite
def rows(draw):
    """Touches and trades at times that do not run backward."""
    now, out = draw(st.integers(0, 20)), []
    for gap, bid, spread, side, qty in draw(st.lists(EVENTS, max_size=60)):
        now += gap
        out.append((now, bid, 5, bid + spread, 5, side, qty, bid if side == 1 else bid + spread))
    return out


def bars(rows, interval):
    """The rows of each bar of the grid that begins with the first row; of every row where the interval is 0."""
    if interval == 0:
        return [[r] for r in rows]
    return [list(group) for _, group in groupby(rows, lambda r: (r[0] - rows[0][0]) // interval)]


def ended(rows, interval):
    """Bars that have ended after the last row: with an interval, the newest is still open."""
    return bars(rows, interval) if interval == 0 else bars(rows, interval)[:-1]


def slow_kyle(rows, window, interval):
    """Lambda and R^2 by the sums over bars; the first row only gives the first mid."""
    first_mid, flows, changes = Fraction(rows[0][1] + rows[0][3], 2), [], []
    for bar in ended(rows, interval):
        mid = Fraction(bar[-1][1] + bar[-1][3], 2)
        if interval or bar[0] is not rows[0]:
            flows.append(sum(r[6] * (1 - 2 * r[5]) for r in bar if r is not rows[0]))
            changes.append(mid - first_mid)
        first_mid = mid
    flows, changes = flows[-window:], changes[-window:]
    xy = sum(x * y for x, y in zip(flows, changes, strict=True))
    xx, yy = sum(x * x for x in flows), sum(y * y for y in changes)
    return (xy / xx if xx else 0), (xy * xy / (xx * yy) if xx * yy else 0)


@given(rows(), st.integers(1, 8), st.sampled_from([0, 3, 10]))
@settings(deadline=None, max_examples=60)
def test_kyle_lambda_equals_the_regression_over_its_bars(rows, window, interval):
    _, slopes, r2 = play("kyle", rows, window, interval)
    for i in range(len(rows)):
        slope, share = slow_kyle(rows[: i + 1], window, interval)
        assert slopes[i] == pytest.approx(float(slope), rel=1e-12, abs=1e-15)
        assert r2[i] == pytest.approx(float(share), rel=1e-12, abs=1e-15)


def test_kyle_lambda_after_a_million_updates_equals_the_least_squares_of_numpy():
    rows = market(2000, seed=4)
    _, slopes, _ = play_again("kyle", rows, 500, 300, 0)
    table = np.array(rows)[-301:]
    d_mid, flow = np.diff(table[:, 1] + table[:, 3]) / 2, (table[:, 6] * (1 - 2 * table[:, 5]))[1:]
    assert slopes[-1] == pytest.approx(float(np.linalg.lstsq(flow[:, None].astype(float), d_mid, rcond=None)[0][0]), rel=1e-12)


def test_kyle_lambda_of_a_simulated_linear_impact_recovers_it():
    random, kyle, mid2, now = Random(1), KyleLambda(), 200_000, 0
    assert kyle.setup(1000, 1000) == 1
    for _ in range(10_000):
        flow = random.randint(-50, 50)
        mid2 += round(2 * 0.4 * flow + random.gauss(0, 6))
        now += 250
        kyle.update(mid2, flow, now)
    assert kyle.ready()
    assert kyle.ticks_per_lot() == pytest.approx(0.4, rel=0.02)
    assert kyle.r_squared() == pytest.approx(0.4**2 * 850 / (0.4**2 * 850 + 9), abs=0.03)


def test_kyle_lambda_before_any_flow_is_zero_and_not_ready():
    kyle = KyleLambda()
    assert [kyle.setup(*args) for args in ((0, 1), (5, -1))] == [0, 0]
    kyle.setup(2, 0)
    for _ in range(4):
        kyle.update(100, 0, 0)
    assert (kyle.ticks_per_lot(), kyle.r_squared(), kyle.ready()) == (0.0, 0.0, False)


def slow_amihud(rows, window, interval, money):
    ratios, before = [], rows[0][7]
    for bar in ended(rows, interval):
        last = bar[-1][7]
        ratios.append(abs(Fraction(last, before) - 1) / sum(r[7] * r[6] for r in bar) / money)
        before = last
    kept = ratios[-window:]
    return sum(kept) / len(kept) if kept else 0


@given(rows(), st.integers(1, 8), st.sampled_from([0, 3, 10]), st.sampled_from([1.0, 0.125]))
@settings(deadline=None, max_examples=60)
def test_amihud_equals_the_mean_over_its_bars(rows, window, interval, money):
    _, found, _ = play("amihud", rows, window, interval, money)
    for i in range(len(rows)):
        assert found[i] == pytest.approx(float(slow_amihud(rows[: i + 1], window, interval, Fraction(money))), rel=1e-12, abs=1e-300)


def test_amihud_after_a_million_updates_equals_the_batch_formula():
    rows = market(2000, seed=4)
    _, found, _ = play_again("amihud", rows, 500, 300, 0, 1.0)
    table = np.array(rows, float)
    px, lots = table[:, 7], table[:, 6]
    assert found[-1] == pytest.approx(float(np.mean((np.abs(np.diff(px) / px[:-1]) / (px * lots)[1:])[-300:])), rel=1e-12)


def test_amihud_of_half_the_money_is_twice_as_illiquid():
    thin, thick = AmihudIlliquidity(), AmihudIlliquidity()
    for lots, illiquidity in ((5, thin), (10, thick)):
        assert illiquidity.setup(50, 10, 0.1) == 1
        assert (illiquidity.per_money(), illiquidity.ready()) == (0.0, False)
        random = Random(2)
        for t in range(1000):
            illiquidity.update(1000 + random.randint(-5, 5), lots, t)
        assert illiquidity.ready()
    assert thin.per_money() == pytest.approx(2 * thick.per_money(), rel=1e-12)
    assert [thin.setup(*args) for args in ((0, 1, 1.0), (1, -1, 1.0), (1, 1, 0.0), (1, 1, math.nan))] == [0, 0, 0, 0]


def slow_roll(prices, window):
    changes = [b - a for a, b in pairwise(prices)]
    pairs = list(zip(changes[1:], changes, strict=False))[-window:]
    if len(pairs) < 2:
        return Fraction(0)
    mean_x, mean_y = (Fraction(sum(column), len(pairs)) for column in zip(*pairs, strict=True))
    return sum((x - mean_x) * (y - mean_y) for x, y in pairs) / (len(pairs) - 1)


@given(st.lists(st.one_of(st.integers(95, 105), st.integers(1, 1 << 20)), max_size=60), st.integers(2, 12))
@settings(deadline=None, max_examples=60)
def test_roll_spread_equals_the_covariance_of_its_pairs(prices, window):
    _, spreads, covariances = play("roll", [(0, 0, 0, 0, 0, 0, 0, px) for px in prices], window)
    for i in range(len(prices)):
        covariance = slow_roll(prices[: i + 1], window)
        assert covariances[i] == pytest.approx(float(covariance), rel=1e-15)
        assert spreads[i] == pytest.approx(2 * math.sqrt(max(0, -covariance)), rel=1e-15)


def test_roll_spread_after_a_million_updates_equals_numpy():
    rows = market(2000, seed=4)
    _, _, covariances = play_again("roll", rows, 500, 200)
    changes = np.diff([r[7] for r in rows])
    assert covariances[-1] == pytest.approx(float(np.cov(changes[-200:], changes[-201:-1])[0, 1]), rel=1e-12)


def test_roll_spread_of_a_bid_ask_bounce_recovers_the_spread():
    random, roll, mid = Random(6), RollSpread(), 100_000
    assert roll.setup(1000) == 1
    for _ in range(5000):
        mid += random.choice((-1, 0, 1))
        roll.update(mid + random.choice((-4, 4)))
    assert roll.ready()
    assert roll.spread_ticks() == pytest.approx(8.0, rel=0.1)


def test_roll_spread_of_a_trend_is_zero():
    roll = RollSpread()
    assert [roll.setup(1), roll.setup(5000), roll.setup(10)] == [0, 0, 1]
    for i in range(20):
        roll.update(i * i)
    assert roll.covariance() > 0
    assert roll.spread_ticks() == 0.0


def test_roll_spread_takes_a_change_beyond_its_bound_as_the_bound():
    roll = RollSpread()
    roll.setup(2)
    for px in (1, 1 << 30, 1, 1 << 30):
        roll.update(px)
    assert (roll.now.total, roll.products.total) == (0, -2 * MAX_CHANGE_TICKS**2)


def test_bar_clock_ends_each_bar_once_at_the_first_event_after_it():
    clock = BarClock()
    assert [clock.setup(-1), clock.setup(10)] == [0, 1]
    assert [clock.ended(t) for t in (5, 14, 15, 24, 60, 64, 65)] == [False, False, True, False, True, False, True]
    clock.setup(0)
    assert [clock.ended(t) for t in (5, 6, 7)] == [False, False, False]
