"""Ratios have empyrical's values: those it gave stand here, and where it is installed it is asked."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.report import intervals, ratios

RETURNS = np.array([0.01, -0.02, 0.015, 0.0, -0.005, 0.03, -0.01, 0.002, -0.04, 0.021])
PER_YEAR = 252.0


def made(count, shift):
    """Returns that any machine makes again."""
    i = np.arange(count)
    return np.round(0.02 * np.sin(1.7 * i + shift) + 0.01 * np.cos(0.3 * i * i) + 0.001 * shift, 6)


# of empyrical-reloaded 0.7.1: total and annual return, volatility, Sharpe, Sortino, Calmar, largest drawdown, VaR, expected shortfall
EMPYRICAL = """
steady  252  0.148113184881 0.78622333421 0.265771981472 2.31577458463 3.68785009368 17.225677147 -0.045642521191 -0.0242008 -0.026337
falling 365  -0.467498591225 -0.601500013365 0.290552852071 -3.01758008483 -3.78705166326 -1.27943034218 -0.470131115025 -0.0269406 -0.0293550769231
few     12   0.0237355990007 0.041033750166 0.0527641274244 0.78582610185 1.84604818741 2.14277760841 -0.019149794176 -0.0114392 -0.012128
hours   8760 0.0136114260246 0.267268490489 0.0748578819769 3.2015745259 4.71228144508 54.0676014897 -0.00494322816484 -0.0012291675 -0.001338744
"""  # noqa: E501
SERIES = {"steady": made(60, 1), "falling": made(250, -3), "few": made(7, 2), "hours": made(500, 0.2) / 20}


@pytest.mark.parametrize("line", EMPYRICAL.strip().splitlines())
def test_ratios_have_the_values_of_empyrical(line):
    name, per_year, *wanted = line.split()
    returns, per_year = SERIES[name], float(per_year)
    found = [ratios.total_return(returns), ratios.annual_return(returns, per_year), ratios.annual_volatility(returns, per_year)]
    found += [f(returns, per_year) for f in (ratios.sharpe, ratios.sortino, ratios.calmar)]
    found += [f(returns) for f in (ratios.max_drawdown, ratios.value_at_risk, ratios.expected_shortfall)]
    assert found == pytest.approx(list(map(float, wanted)), rel=1e-10)


def test_ratios_by_hand():
    assert ratios.total_return(np.array([0.1, -0.5])) == pytest.approx(1.1 * 0.5 - 1)
    assert ratios.annual_return(np.array([0.1, -0.5]), 4) == pytest.approx((1.1 * 0.5) ** 2 - 1)
    assert ratios.max_drawdown(np.array([0.1, -0.5, 0.2])) == pytest.approx(-0.5)
    assert ratios.max_drawdown(np.array([-0.1, 0.5])) == pytest.approx(-0.1)  # from where it began
    assert ratios.sharpe(np.array([0.01, 0.03]), 4) == pytest.approx(0.02 / (0.01 * np.sqrt(2)) * 2)
    assert ratios.sortino(np.array([0.03, -0.01]), 4) == pytest.approx(0.01 / np.sqrt(0.0001 / 2) * 2)
    assert ratios.annual_volatility(np.array([0.01, 0.03]), 4) == pytest.approx(0.01 * np.sqrt(2) * 2)
    assert ratios.calmar(np.array([0.1, -0.5]), 2) == pytest.approx((1.1 * 0.5 - 1) / 0.5)
    assert ratios.value_at_risk(np.arange(21.0)) == 1.0
    assert ratios.expected_shortfall(np.arange(41.0)) == 1.0  # mean of 0, 1, 2


def test_ratios_without_losses_or_change_have_no_value():
    assert np.isnan(ratios.sortino(np.array([0.01, 0.02]), PER_YEAR))
    assert np.isnan(ratios.calmar(np.array([0.01, 0.02]), PER_YEAR))
    assert np.isnan(ratios.sharpe(np.full(5, 0.1), PER_YEAR))
    assert np.isnan(ratios.sharpe(np.array([0.1]), PER_YEAR))
    assert all(
        np.isnan(f(np.empty(0))) for f in (ratios.total_return, ratios.max_drawdown, ratios.value_at_risk, ratios.expected_shortfall)
    )


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-0.5, 0.5).map(lambda x: round(x, 6)), min_size=2, max_size=80), st.sampled_from([12.0, 252.0, 8760.0]))
def test_ratios_match_empyrical(returns, per_year):
    empyrical = pytest.importorskip("empyrical", reason="pip install empyrical-reloaded compares with it on any returns")
    r = np.array(returns)
    pairs = [
        (ratios.total_return(r), empyrical.cum_returns_final(r)),
        (ratios.annual_return(r, per_year), empyrical.annual_return(r, annualization=per_year)),
        (ratios.annual_volatility(r, per_year), empyrical.annual_volatility(r, annualization=per_year)),
        (ratios.max_drawdown(r), empyrical.max_drawdown(r)),
        (ratios.calmar(r, per_year), empyrical.calmar_ratio(r, annualization=per_year)),
        (ratios.value_at_risk(r), empyrical.value_at_risk(r)),
        (ratios.expected_shortfall(r), empyrical.conditional_value_at_risk(r)),
    ]
    if (r < 0).any():  # without a loss, or without a change, empyrical says infinity
        pairs.append((ratios.sortino(r, per_year), empyrical.sortino_ratio(r, annualization=per_year)))
    if len(set(returns)) > 1:
        pairs.append((ratios.sharpe(r, per_year), empyrical.sharpe_ratio(r, annualization=per_year)))
    for ours, theirs in pairs:
        assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-12, nan_ok=True)


def test_ratios_of_many_series_are_those_of_each():
    rows = np.stack((RETURNS, RETURNS[::-1], RETURNS * 2))
    for figure in (ratios.total_return, ratios.max_drawdown, ratios.value_at_risk, ratios.expected_shortfall):
        assert figure(rows) == pytest.approx([figure(row) for row in rows])
    for figure in (ratios.annual_return, ratios.annual_volatility, ratios.sharpe, ratios.sortino, ratios.calmar):
        assert figure(rows, PER_YEAR) == pytest.approx([figure(row, PER_YEAR) for row in rows])


def test_bootstrap_of_independent_returns_covers_the_truth_as_often_as_it_says():
    draw = np.random.default_rng(1)
    inside = 0
    for seed in range(100):
        returns = draw.normal(0.1, 1.0, 120)
        low, high = intervals.bootstrap(intervals.resampled(returns, seed, 200), lambda r: r.mean(-1))
        inside += low <= 0.1 <= high
    assert 85 <= inside <= 99


def test_bootstrap_is_the_same_for_a_seed_and_another_for_another():
    one, same, other = (intervals.resampled(RETURNS, seed, 50) for seed in (1, 1, 2))
    assert one.tobytes() == same.tobytes() != other.tobytes()
    assert set(np.unique(one)) <= set(RETURNS)


def test_bootstrap_keeps_blocks():
    drawn = intervals.resampled(np.arange(1000.0), 3, 100, block=50)
    follows = (np.diff(drawn, axis=1) % 1000 == 1).mean()
    assert 0.975 < follows < 0.985  # 1 - 1/50


def test_lo_interval_is_that_of_the_paper():
    low, high = intervals.lo_sharpe(0.5, 60, 1.0)  # Lo 2002, table 1: SE 0.137 for a Sharpe ratio of 0.5 and 60 observations
    assert (high - low) / 2 / 1.96 == pytest.approx(0.137, abs=5e-4)
