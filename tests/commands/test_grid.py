"""The points of a sweep, from the texts that people write."""

import doctest
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.commands import grid
from streams.commands.grid import axis, points
from streams.errors import ConfigError


def test_examples_of_the_module_hold():
    assert doctest.testmod(grid).failed == 0


@pytest.mark.parametrize(
    ("value", "values"),
    [
        ("0.05..0.5:10", ("0.05", "0.1", "0.15", "0.2", "0.25", "0.3", "0.35", "0.4", "0.45", "0.5")),
        ("1..10:4", ("1", "4", "7", "10")),
        ("10..1:4", ("10", "7", "4", "1")),
        ("-1..1:3", ("-1", "0", "1")),
        ("1e-3..2e-3:2", ("0.001", "0.002")),
        ("0..1:4", ("0", "0.333333", "0.666667", "1")),
        ("1e6..1000001:4", ("1000000", "1000000.333333", "1000000.666667", "1000001")),
        ("1, 2,2", ("1", "2")),
        ("2ms,5ms", ("2ms", "5ms")),
        ("{model: power, exponent: 2},none", ("{model: power, exponent: 2}", "none")),
        ("'a,b'", ("'a,b'",)),
        ("0.5 BTC", ("0.5 BTC",)),
    ],
)
def test_axis_of_each_form_has_these_values(value, values):
    assert axis(f"k={value}").values == values


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("k=1..2", "how many values"),
        ("k=1..2:1", "is no range"),
        ("k=1..1:3", "is no range"),
        ("k=a..b:3", "is no range; write FIRST..LAST:COUNT"),
        ("k=1,,2", "a value of the list is empty"),
        ("k", "is no setting"),
    ],
)
def test_axis_that_is_none_says_how_to_write_it(text, message):
    with pytest.raises(ConfigError, match=message):
        axis(text)


def test_points_are_every_combination_the_last_axis_fastest():
    assert points([axis("a=1,2"), axis("b=x,y")]) == [("a=1", "b=x"), ("a=1", "b=y"), ("a=2", "b=x"), ("a=2", "b=y")]
    assert points([]) == [()]


def test_points_of_a_key_given_twice_or_of_too_many_are_refused():
    with pytest.raises(ConfigError, match="given twice"):
        points([axis("a=1"), axis("a=2")])
    with pytest.raises(ConfigError, match=r"1,000,000 points, the most is 100,000"):
        points([axis("a=1..1000:1000"), axis("b=1..1000:1000")])


@given(st.integers(-1000, 1000), st.integers(1, 1000), st.integers(2, 60))
def test_axis_of_a_range_begins_and_ends_where_it_says_in_even_steps(first, length, count):
    values = [float(value) for value in axis(f"k={first}..{first + length}:{count}").values]
    assert (values[0], values[-1], len(values)) == (first, first + length, count)
    assert all(b - a == pytest.approx(length / (count - 1), rel=2e-4) for a, b in pairwise(values))
