"""Random numbers by seed and place: their distribution, and that none depends on another."""

import math
import statistics
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.trading.draw import normal, normal_quantile, uniform, word

N = 20_000


def chi_square(cells, count):
    """Sum of squared differences from equal frequencies, over what it is on average."""
    found = Counter(cells)
    return sum((found[i] - N / count) ** 2 / (N / count) for i in range(count)) / (count - 1)


@given(st.floats(1e-300, 1 - 1e-16))
def test_normal_quantile_is_the_standard_librarys(p):
    assert math.isclose(normal_quantile(p), statistics.NormalDist().inv_cdf(p), rel_tol=1e-14, abs_tol=1e-15)


@pytest.mark.parametrize("numbers", [[uniform(7, i) for i in range(N)], [uniform(i, 7) for i in range(N)]], ids=["places", "seeds"])
def test_uniform_is_uniform_in_high_and_low_digits_and_from_one_to_the_next(numbers):
    # chi-square over its mean of 255 cells has a standard deviation of 0.09
    assert 0.6 < chi_square([int(x * 256) for x in numbers], 256) < 1.4
    assert 0.6 < chi_square([int(x * 2**30) % 256 for x in numbers], 256) < 1.4
    assert 0.6 < chi_square([int(a * 16) * 16 + int(b * 16) for a, b in zip(numbers, numbers[1:] + numbers[:1], strict=True)], 256) < 1.4


def test_normal_has_its_moments():
    numbers = [normal(3, i) for i in range(N)]
    assert abs(statistics.fmean(numbers)) < 4 / math.sqrt(N)
    assert abs(statistics.pvariance(numbers) - 1) < 4 * math.sqrt(2 / N)
    assert abs(sum(x**4 for x in numbers) / N - 3) < 4 * math.sqrt(96 / N)


@given(st.integers(0, (1 << 63) - 1), st.integers(0, (1 << 63) - 1), st.integers(0, 62))
def test_word_changes_with_every_bit_of_seed_and_place(seed, place, k):
    here = word(seed, place)
    assert 0 <= here < 1 << 63
    assert here != word(seed, place ^ (1 << k))
    assert here != word(seed ^ (1 << k), place)
