"""Instants as people write them."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import ConfigError
from streams.topology import times
from streams.topology.times import instant_ns, instant_text

MIDNIGHT_NS = 1_723_075_200_000_000_000


def test_examples_of_the_module_hold():
    assert doctest.testmod(times).failed == 0


@pytest.mark.parametrize(
    ("text", "after_ns"),
    [
        ("2024-08-08", 0),
        ("2024-08-08T00:00", 0),
        ("2024-08-08 00:00:01", 10**9),
        ("2024-08-08T00:00:00.000000001Z", 1),
        ("2024-08-08T02:00+02:00", 0),
        ("2024-08-08T02:00+0200", 0),
    ],
)
def test_instant_of_each_form_is_exact(text, after_ns):
    assert instant_ns(text) == MIDNIGHT_NS + after_ns


@pytest.mark.parametrize("text", ["", "yesterday", "2024-13-01", "2024-08-08T25:00", "2024-08-08T23:55.5", "08/08/2024", "1723075200"])
def test_instant_of_no_time_says_where_and_how(text):
    with pytest.raises(ConfigError, match=r"^--from .*is no time"):
        instant_ns(text, "--from")


@pytest.mark.parametrize("text", ["1600-01-01", "1969-12-31T23:59:59", "2262-04-12", "9999-01-01"])
def test_instant_beyond_what_nanoseconds_hold_is_refused(text):
    with pytest.raises(ConfigError, match=f"^--to {text}: is out of range; times are from 1970"):
        instant_ns(text, "--to")


@given(st.integers(0, 2**62))
def test_instant_text_reads_back(at_ns):
    assert instant_ns(instant_text(at_ns)) == at_ns
