"""PIN: the likelihood as the papers write it, the maximum, and parameters recovered from simulated days; plain and compiled."""

import math
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.kernel import addr_of
from streams.trading.codes import BUY, SELL
from streams.trading.signals.pin import MAX_DAYS, Pin
from tests.trading.signals_runs import PinRun, compiled, play, play_pin

DAY = 86_400_000_000_000
NAMES = ("alpha", "delta", "mu", "eps_b", "eps_s")


def log_poisson(n, rate):
    return n * math.log(rate) - rate - math.lgamma(n + 1)


def slow_likelihood(days, alpha, delta, mu, eps_b, eps_s):
    """The mixture of three, factorials and all, summed with the largest term out."""
    total = 0.0
    for b, s in days:
        terms = [
            math.log(1 - alpha) + log_poisson(b, eps_b) + log_poisson(s, eps_s),
            math.log(alpha * delta) + log_poisson(b, eps_b) + log_poisson(s, mu + eps_s),
            math.log(alpha * (1 - delta)) + log_poisson(b, mu + eps_b) + log_poisson(s, eps_s),
        ]
        total += max(terms) + math.log(math.fsum(math.exp(t - max(terms)) for t in terms))
    return total


def factorials(days):
    return math.fsum(math.lgamma(b + 1) + math.lgamma(s + 1) for b, s in days)


def pin_of(days):
    pin = Pin()
    assert pin.setup(len(days), DAY) == 1
    for b, s in days:
        pin.push(b, s)
    return pin


def simulated(n, alpha, delta, mu, eps_b, eps_s, seed):
    """Days of Easley and O'Hara: news or none, bad or good, Poisson arrivals."""
    random, days = Random(seed), []
    for _ in range(n):
        news, bad = random.random() < alpha, random.random() < delta
        days.append((poisson(random, eps_b + (mu if news and not bad else 0)), poisson(random, eps_s + (mu if news and bad else 0))))
    return days


def poisson(random, rate):
    """Arrivals in a unit of time, by their gaps."""
    n, t = 0, random.expovariate(rate)
    while t < 1.0:
        n, t = n + 1, t + random.expovariate(rate)
    return n


DAYS = st.lists(st.tuples(st.integers(0, 600), st.integers(0, 600)), min_size=2, max_size=20)
RATES = st.floats(0.5, 500)


@given(DAYS, st.floats(0.01, 0.99), st.floats(0.01, 0.99), RATES, RATES, RATES)
@settings(deadline=None, max_examples=60)
def test_likelihood_equals_the_mixture_of_the_paper(days, alpha, delta, mu, eps_b, eps_s):
    slow = slow_likelihood(days, alpha, delta, mu, eps_b, eps_s) + factorials(days)
    assert pin_of(days).likelihood(alpha, delta, mu, eps_b, eps_s) == pytest.approx(slow, rel=1e-9, abs=1e-7)


def test_likelihood_of_days_with_a_million_trades_is_finite():
    assert math.isfinite(pin_of([(1_000_000, 10), (10, 1_000_000)]).likelihood(0.5, 0.5, 1000.0, 1000.0, 1000.0))


@given(DAYS)
@settings(deadline=None, max_examples=6)
def test_fit_is_a_maximum_of_the_likelihood(days):
    pin = pin_of(days)
    if pin.fit() == 0:
        assert sum(b for b, _ in days) * sum(s for _, s in days) == 0
        return
    best = [getattr(pin, name) for name in NAMES]
    for i in range(len(NAMES)):
        for factor in (0.999, 1.001, 0.9, 1.1):
            near = [v * (factor if i == k else 1.0) for k, v in enumerate(best)]
            if max(near[:2]) < 1.0:
                assert slow_likelihood(days, *near) <= slow_likelihood(days, *best) + 1e-5
    assert 0.0 <= pin.pin() <= 1.0


def test_fit_of_the_days_of_infotrad_is_at_least_as_likely_as_its_optimum():
    """The ten days and the estimate in the documentation of the R package InfoTrad (Celik and Tinic): PIN 0.178391."""
    buys, sells = (350, 250, 500, 552, 163, 345, 847, 923, 123, 349), (382, 500, 463, 550, 200, 323, 456, 342, 578, 455)
    days = list(zip(buys, sells, strict=True))
    pin = pin_of(days)
    assert pin.fit() == 1
    published = (0.480277, 0.830850, 315.259805, 296.862318, 434.3046)
    assert slow_likelihood(days, *(getattr(pin, name) for name in NAMES)) >= slow_likelihood(days, *published)


@pytest.mark.parametrize(("seed", "truth"), [(1, (0.4, 0.3, 120.0, 100.0, 90.0)), (2, (0.25, 0.6, 200.0, 150.0, 160.0))])
def test_fit_of_simulated_days_recovers_the_parameters_and_pin(seed, truth):
    days = simulated(200, *truth, seed)
    pin = pin_of(days)
    assert pin.fit() == 1
    assert pin.ready()
    for name, value in zip(NAMES, truth, strict=True):
        assert getattr(pin, name) == pytest.approx(value, rel=0.25)
    alpha, _, mu, eps_b, eps_s = truth
    assert pin.pin() == pytest.approx(alpha * mu / (alpha * mu + eps_b + eps_s), abs=0.03)
    assert pin.log_likelihood - factorials(days) >= slow_likelihood(days, *truth)


def test_pin_rises_with_the_informed_rate():
    found = []
    for mu in (20.0, 80.0, 200.0):
        pin = pin_of(simulated(60, 0.4, 0.5, mu, 80.0, 80.0, 3))
        pin.fit()
        found.append(pin.pin())
    assert found == sorted(found)
    assert found[0] < found[2] - 0.15


def test_fit_plain_and_compiled_is_equal_over_days_of_trades():
    random, trades, now = Random(9), [], 0
    for day in range(5):
        for k in range(30):
            now = day * DAY + k * 1_000_000_000
            trades.append((now, 0, 0, 0, 0, int(random.random() < (0.2 if day == 2 else 0.5)), 1, 0))
    run, found, _ = play("pin", trades, 3, DAY)
    assert run.signal.count == 3
    assert (found[0], run.signal.fitted) == (0.0, 1)
    counted = [[sum(1 for t in trades if t[0] // DAY == d and t[5] == side) for side in (BUY, SELL)] for d in (1, 2, 3)]
    again = pin_of(counted)
    again.fit()
    assert found[-1] == pytest.approx(again.pin(), rel=1e-9)


def test_fit_window_forgets_the_oldest_day():
    pin = Pin()
    assert pin.setup(2, DAY) == 1
    for day in ((1000, 1), (5, 6), (7, 8)):
        pin.push(*day)
    assert sorted((pin.buys[i], pin.sells[i]) for i in range(pin.count)) == [(5, 6), (7, 8)]


def test_fit_without_days_or_without_one_side_is_refused_and_changes_nothing():
    pin = Pin()
    assert [pin.setup(*args) for args in ((1, DAY), (MAX_DAYS + 1, DAY), (5, 0))] == [0, 0, 0]
    pin.setup(5, DAY)
    before = pin.pack().tobytes()
    assert (pin.fit(), pin.pin(), pin.ready()) == (0, 0.0, False)
    assert pin.pack().tobytes() == before
    pin.push(5, 0)
    pin.push(7, 0)
    assert pin.fit() == 0


def test_fit_of_days_with_few_sells_still_ends():
    pin = pin_of([(1000, 1), (900, 2), (1100, 1), (2000, 0)])
    assert pin.fit() == 1
    assert math.isfinite(pin.log_likelihood)
    assert 0.0 < pin.pin() < 1.0


def test_fit_of_a_long_window_compiled_ends_in_the_bytes_of_the_plain_run():
    days = simulated(60, 0.4, 0.3, 60.0, 50.0, 40.0, 4)
    run = PinRun({"rows": 1})
    run.signal.setup(60, DAY)
    for b, s in days:
        run.signal.push(b, s)
    run.rows[0].now_ns = 5 * DAY
    run.signal.day = 4
    flat = run.pack()
    assert compiled("pin")(flat.ctypes.data, 1) == 60
    assert play_pin(addr_of(run), 1) == 60
    assert flat.tobytes() == run.pack().tobytes()
