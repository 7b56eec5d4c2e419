"""Exponential means and realized volatility against their sums written out, plain and compiled."""

import math
from fractions import Fraction
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.trading.signals.ewma import Ewma, TimeEwma
from streams.trading.signals.volatility import RealizedVolatility
from tests.trading.signals_runs import market, play, play_again


@st.composite
def prices(draw):
    """Rows with a price each, at times that do not run backward."""
    now, out = draw(st.integers(0, 10)), []
    for px, gap in draw(st.lists(st.tuples(st.integers(90, 110), st.sampled_from([0, 1, 2, 3, 10, 35])), max_size=50)):
        now += gap
        out.append((now, 0, 0, 0, 0, 0, 0, px))
    return out


def slow_ewma(xs, alpha):
    """Mean and variance under the weights alpha (1 - alpha)^(n - k), the first observation's being (1 - alpha)^n; exact."""
    n = len(xs) - 1
    weights = [(1 - alpha) ** n, *(alpha * (1 - alpha) ** (n - k) for k in range(1, n + 1))]
    mean = sum(w * x for w, x in zip(weights, xs, strict=True))
    return mean, sum(w * (x - mean) ** 2 for w, x in zip(weights, xs, strict=True))


def slow_time_ewma(rows, tau):
    """The path's own integral: each price weighs by the time it held, discounted to the end; the first one weighs for all time before."""
    end = rows[-1][0]
    mean = rows[0][7] * math.exp(-(end - rows[0][0]) / tau)
    for (t0, *_, px), (t1, *_) in pairwise(rows):
        mean += px * (math.exp(-(end - t1) / tau) - math.exp(-(end - t0) / tau))
    return mean


def slow_returns(rows, interval):
    """Log returns on the grid, by looking each grid point's price up."""
    if interval == 0:
        samples = [r[7] for r in rows]
    else:
        points = range(rows[0][0], rows[-1][0] + 1, interval)
        # the price at the first point is the first one told, at every other point the first of those told just then, or the last before
        samples = [rows[0][7], *(sampled(rows, t) for t in points[1:])]
    return [math.log(b / a) for a, b in pairwise(samples)]


def sampled(rows, t):
    at_t = [r[7] for r in rows if r[0] == t]
    return at_t[0] if at_t else [r[7] for r in rows if r[0] < t][-1]


@given(prices(), st.sampled_from([1.0, 0.5, 0.25, 0.1]))
@settings(deadline=None, max_examples=60)
def test_ewma_equals_the_weighted_sums_written_out(rows, alpha):
    _, means, deviations = play("ewma", rows, alpha)
    for i in range(len(rows)):
        mean, variance = slow_ewma([Fraction(r[7]) for r in rows[: i + 1]], Fraction(alpha))
        assert means[i] == pytest.approx(float(mean), rel=1e-13)
        assert deviations[i] == pytest.approx(math.sqrt(variance), rel=1e-9, abs=1e-9)


def test_ewma_after_a_million_updates_equals_the_weights_written_out():
    rows = market(2000, seed=9)
    run, means, _ = play_again("ewma", rows, 500, 0.01)
    xs = np.array([r[7] for r in rows] * 3, float)
    weights = 0.01 * 0.99 ** np.arange(len(xs) - 1, -1, -1.0)
    assert means[-1] == pytest.approx(float(weights @ xs / weights.sum()), rel=1e-14)
    assert run.signal.count == 1_000_000


@pytest.mark.parametrize("span", [1, 2, 5, 6, 20, 32, 999])
def test_ewma_of_a_span_is_ready_after_as_many_observations(span):
    ewma = Ewma()
    ewma.setup(2.0 / (span + 1))
    early = []
    for _ in range(span):
        early.append(ewma.ready())
        ewma.update(1.0)
    assert (any(early), ewma.ready()) == (False, True)


def test_ewma_of_noise_recovers_mean_and_deviation():
    random = Random(4)
    ewma = Ewma()
    assert ewma.setup(0.001) == 1
    for _ in range(20_000):
        ewma.update(random.gauss(7.0, 3.0))
    assert ewma.ready()
    assert ewma.mean == pytest.approx(7.0, abs=0.3)
    assert ewma.deviation() == pytest.approx(3.0, rel=0.1)


def test_ewma_setup_refuses_weights_outside_its_range():
    ewma = Ewma()
    assert [ewma.setup(a) for a in (0.0, -0.1, 1.1, math.nan)] == [0, 0, 0, 0]
    assert [ewma.setup_half_life(h) for h in (0.0, -1.0, math.nan)] == [0, 0, 0]
    assert ewma.setup_half_life(10.0) == 1
    assert (1 - ewma.alpha) ** 10 == pytest.approx(0.5)
    assert (ewma.mean, ewma.deviation(), ewma.ready()) == (0.0, 0.0, False)


@given(prices(), st.sampled_from([1, 3, 20]))
@settings(deadline=None, max_examples=60)
def test_time_ewma_equals_the_integral_of_the_path(rows, tau):
    _, means, _ = play("time_ewma", rows, tau)
    for i in range(len(rows)):
        assert means[i] == pytest.approx(slow_time_ewma(rows[: i + 1], tau), rel=1e-12)


def test_time_ewma_told_an_unchanged_value_often_is_the_same():
    often, seldom = TimeEwma(), TimeEwma()
    assert often.setup(100) == seldom.setup(100) == 1
    for mean in (often, seldom):
        mean.update(10.0, 0)
        mean.update(20.0, 50)
    for t in range(51, 400):
        often.update(20.0, t)
    assert often.at_ns(400) == pytest.approx(seldom.at_ns(400), rel=1e-13)
    assert (often.ready(), seldom.ready()) == (True, False)
    assert TimeEwma().setup(0) == 0


@given(prices(), st.integers(1, 8), st.sampled_from([0, 1, 4, 10]))
@settings(deadline=None, max_examples=80)
def test_realized_volatility_equals_the_sum_of_squared_returns_on_the_grid(rows, window, interval):
    run, found, per_second = play("volatility", rows, window, interval)
    for i in range(len(rows)):
        returns = slow_returns(rows[: i + 1], interval)[-window:]
        slow = math.sqrt(sum(r * r for r in returns))
        assert found[i] == pytest.approx(slow, rel=1e-12, abs=1e-15)
        if interval > 0 and returns:
            assert per_second[i] == pytest.approx(slow / math.sqrt(len(returns) * interval / 1e9), rel=1e-12, abs=1e-12)
    assert run.signal.ready() == (len(rows) > 0 and len(slow_returns(rows, interval)) >= window)


def test_realized_volatility_after_a_million_updates_equals_the_batch_formula():
    rows = market(2000, seed=2)
    _, found, _ = play_again("volatility", rows, 500, 200, 0)
    logs = np.log([r[7] for r in rows])
    assert found[-1] == pytest.approx(float(np.sqrt(np.sum(np.diff(logs)[-200:] ** 2))), rel=1e-13)


def test_realized_volatility_of_a_brownian_price_recovers_its_sigma():
    random, vol, px, now = Random(8), RealizedVolatility(), 100.0, 0
    assert vol.setup(1000, 1_000_000_000) == 1
    assert (vol.volatility(), vol.per_root_second(), vol.ready()) == (0.0, 0.0, False)
    for _ in range(20_000):
        px *= math.exp(random.gauss(0.0, 1e-4 * math.sqrt(0.1)))
        now += 100_000_000
        vol.update(px, now)
    assert vol.ready()
    assert vol.per_root_second() == pytest.approx(1e-4, rel=0.1)
    assert vol.variance() == pytest.approx(vol.per_root_second() ** 2 * 1000)


def test_realized_volatility_setup_refuses_values_out_of_range():
    assert [RealizedVolatility().setup(*args) for args in ((0, 1), (5, -1), (5000, 0))] == [0, 0, 0]
