"""A series does not grow, and does not depend on the pieces it came in."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.report.series import DAY, MOST, PERIODS_NS, S, Series, shortest_period_ns
from tests.report.made import T0

RULES = {"a": "last", "b": "min", "c": "max", "d": "sum"}


def slow(ts_ns, values, period_ns):
    """By bucket: last, smallest, largest, sum; nan where there is no value."""
    first, last = min(ts_ns) // period_ns, max(ts_ns) // period_ns
    found = {name: [] for name in RULES}
    for bucket in range(first, last + 1):
        here = [v for t, v in zip(ts_ns, values, strict=True) if t // period_ns == bucket and not np.isnan(v)]
        found["a"].append(here[-1] if here else np.nan)
        found["b"].append(min(here, default=np.nan))
        found["c"].append(max(here, default=np.nan))
        found["d"].append(float(sum(here)))
    return first, found


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 200 * S), st.one_of(st.integers(-100, 100).map(float), st.just(np.nan))), min_size=1, max_size=60),
    st.lists(st.integers(0, 60), max_size=5),
)
def test_series_cut_anywhere_matches_slow_series(rows, cuts):
    rows.sort(key=lambda row: row[0])
    ts_ns, values = np.array([T0 + t for t, _ in rows]), np.array([v for _, v in rows])
    series = Series(RULES)
    bounds = sorted({0, len(rows), *(min(cut, len(rows)) for cut in cuts)})
    for first, last in itertools.pairwise(bounds):
        series.add(ts_ns[first:last], **dict.fromkeys(RULES, values[first:last]))
    assert series.period_ns == shortest_period_ns(int(ts_ns[0]), int(ts_ns[-1]))
    first, found = slow(ts_ns.tolist(), values.tolist(), series.period_ns)
    assert series.first == first
    for name in RULES:
        np.testing.assert_array_equal(series.values[name], found[name])


def test_series_of_a_year_stays_small():
    series = Series(RULES)
    for day in range(365):
        ts_ns = T0 + day * DAY + np.arange(0, DAY, 600 * S)
        series.add(ts_ns, **dict.fromkeys(RULES, np.ones(len(ts_ns))))
    assert series.count <= MOST
    assert series.values["d"].sum() == 365 * 144


def test_series_at_a_longer_period_is_that_of_the_records():
    ts_ns, values = T0 + np.arange(700) * (S // 7), np.arange(700.0)
    fine, coarse = Series(RULES), Series(RULES)
    fine.add(ts_ns, **dict.fromkeys(RULES, values))
    coarse.period_ns = 10 * S
    coarse.add(ts_ns, **dict.fromkeys(RULES, values))
    made = fine.at(10 * S)
    assert made.first == coarse.first
    for name in RULES:
        np.testing.assert_array_equal(made.values[name], coarse.values[name])


def test_filled_has_the_value_before():
    series = Series({"a": "last"})
    series.add(np.array([T0 + S, T0 + 3 * S]), a=np.array([5.0, 7.0]))
    series.cover(T0, T0 + 4 * S)
    assert series.at(S).filled("a", 1.0).tolist() == [1.0, 5.0, 5.0, 7.0, 7.0]


def test_periods_divide_each_other():
    assert all(b % a == 0 for a, b in itertools.pairwise(PERIODS_NS))
