"""Fees against decimal arithmetic, plain and compiled."""

import doctest

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.trading import fee as fee_module
from streams.trading.codes import HALF_UP, UP
from streams.trading.fee import FeeSchedule, fee_money
from tests.trading.slow_fee import slow_fee
from tests.trading.trading_runs import FeeRun, play

ROUNDINGS = st.sampled_from([HALF_UP, UP])
NOTIONALS = st.one_of(st.integers(0, (1 << 62) - 1), st.integers(0, 10_000), st.integers(0, 1 << 30).map(lambda n: n * 500_000_000))
RATES = st.one_of(st.integers(-(10**9), 10**9), st.sampled_from([0, 1, -1, 200_000, 500_000, -100_000, 10**9, -(10**9)]))


@given(st.lists(st.tuples(st.just(0), NOTIONALS, RATES, ROUNDINGS), max_size=40))
@settings(deadline=None, max_examples=100)
def test_fee_equals_decimal_arithmetic(rows):
    run = FeeRun({"rows": max(1, len(rows))})
    play(run, "fee", rows)
    assert [run.out[i] for i in range(len(rows))] == [slow_fee(n, r, k) for _, n, r, k in rows]


@given(NOTIONALS, RATES, ROUNDINGS)
def test_fee_of_a_rebate_is_the_charge_with_its_sign_changed(notional, rate, rounding):
    assert fee_money(notional, -rate, rounding) == -fee_money(notional, rate, rounding)


@pytest.mark.parametrize(
    ("notional", "rate_e9", "rounding", "fee"),
    [
        (10_000, 200_000, HALF_UP, 2),
        (2_500, 200_000, HALF_UP, 1),  # 0.5
        (2_499, 200_000, HALF_UP, 0),
        (2_499, 200_000, UP, 1),
        (0, 200_000, UP, 0),
        (2_500, -200_000, HALF_UP, -1),
        (1, -1, UP, -1),
        ((1 << 62) - 1, 10**9, HALF_UP, (1 << 62) - 1),
        ((1 << 62) - 1, -(10**9), UP, -(1 << 62) + 1),
    ],
)
def test_fee_examples(notional, rate_e9, rounding, fee):
    assert fee_money(notional, rate_e9, rounding) == fee


def test_fee_schedule_chooses_the_rate():
    s = FeeSchedule(maker_e9=-100_000, taker_e9=500_000, rounding=HALF_UP)
    assert [s.fee(1_000_000, maker) for maker in (1, 0, -1)] == [-100, 500, 500]


def test_fee_examples_in_its_docstrings_hold():
    assert doctest.testmod(fee_module).failed == 0
