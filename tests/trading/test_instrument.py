"""What a tick of a lot is worth, exactly or not at all; and an instrument taken from its slot."""

import doctest
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.errors import UnitError
from streams.records import FeeRounding, InstrumentType
from streams.schema import units
from streams.slots import InstrumentSlot
from streams.trading import contract, wide
from streams.trading.contract import MONEY_SCALE, check_units, inverse_unit, lot_money, money_per_tick_lot, unit_of
from streams.trading.instrument import InstrumentSpec
from tests.trading.trading_runs import FeeRun, play

E9 = 10**9
STEPS = st.one_of(
    st.integers(1, 10**12),
    st.builds(lambda digit, power: digit * 10**power, st.integers(1, 125), st.integers(0, 12)),
    st.builds(lambda twos, fives: 2**twos * 5**fives, st.integers(0, 20), st.integers(0, 8)),
)


@pytest.mark.parametrize(
    ("tick", "lot", "multiplier", "scale", "unit"),
    [
        (E9 // 10, E9 // 1000, E9, 8, 10_000),  # BTCUSDT
        (E9 // 100, E9 // 100_000, E9, 8, 10),
        (E9 // 2, E9 // 5, E9, 8, 10**7),  # neither step ends the other's fives and twos alone
        (1, E9, 1000 * E9, 6, 1),  # 1000PEPE-like: a multiplier brings the step into range
        (E9, E9, E9, 0, 1),
    ],
)
def test_money_per_tick_lot_is_exact(tick, lot, multiplier, scale, unit):
    assert money_per_tick_lot(tick, lot, multiplier, scale) == unit == unit_of(tick, lot, multiplier, scale)


@pytest.mark.parametrize(
    ("tick", "lot", "multiplier", "scale", "message"),
    [
        (E9 // 100, E9 // 10_000_000, E9, 8, "no whole number of money units of 1e-8"),
        (0, E9, E9, 8, "tick_e9 is 0"),
        (E9, -1, E9, 8, "lot_e9 is -1"),
        (E9, E9, 0, 8, "multiplier_e9 is 0"),
        (E9, E9, E9, 10, "money_scale is 10"),
        (E9, E9, E9, -1, "money_scale is -1"),
    ],
)
def test_money_per_tick_lot_inexact_or_out_of_range_is_refused(tick, lot, multiplier, scale, message):
    with pytest.raises(UnitError, match=message):
        money_per_tick_lot(tick, lot, multiplier, scale)
    assert unit_of(tick, lot, multiplier, scale) == 0


def test_money_per_tick_lot_of_an_inverse_contract_is_refused():
    with pytest.raises(UnitError, match="not linear"):
        money_per_tick_lot(E9, E9, E9, 8, InstrumentType.INVERSE)


@given(st.lists(st.tuples(st.integers(1, 3), STEPS, STEPS, STEPS, st.integers(0, 9)), max_size=20))
@settings(deadline=None, max_examples=100)
def test_units_in_64_bits_equal_whole_numbers(rows):
    run = FeeRun({"rows": max(1, len(rows))})
    play(run, "fee", rows)
    for i, (op, tick, lot, multiplier, scale) in enumerate(rows):
        money = Fraction(lot * multiplier * 10**scale, 10**18)
        exact = {1: money * tick / E9, 2: money * E9 / tick, 3: money}[op]
        fits = exact.denominator == 1 and exact <= {1: 1 << 62, 2: 1 << 60, 3: 1 << 31}[op] and (op == 1 or money.denominator == 1)
        assert run.out[i] == (exact if fits else 0)


@pytest.mark.parametrize(
    ("kind", "changed", "message"),
    [
        (InstrumentType.INVERSE, {"tick": 3}, "no whole number of money units of 1e-8 from 1 to 2\\^60"),
        (InstrumentType.INVERSE, {"lot": 0}, "lot_e9 is 0"),
        (InstrumentType.INVERSE, {"scale": 10}, "money_scale is 10"),
        (InstrumentType.SPOT, {"lot": 1, "tick": 100 * E9}, "one lot is 1000000000e-18 of the base currency"),
        (InstrumentType.SPOT, {"lot": 100 * E9}, "from 1 to 2\\^31: choose another lot"),
        (InstrumentType.LINEAR, {"lot": 1, "tick": 1000 * E9}, "too fine for funding"),
        (InstrumentType.LINEAR, {"lot": 1, "tick": 1}, "no whole number of money units"),
    ],
)
def test_check_units_refuses_with_the_reason(kind, changed, message):
    figures = {"tick": E9 // 10, "lot": E9, "multiplier": E9, "scale": 8} | changed
    with pytest.raises(UnitError, match=message):
        check_units(figures["tick"], figures["lot"], figures["multiplier"], figures["scale"], kind)


@pytest.mark.parametrize("kind", InstrumentType)
def test_check_units_takes_what_load_takes(kind):
    check_units(E9 // 10, E9 // 1000, E9, 8, kind)
    assert InstrumentSpec().load(slot(instrument_type=kind), 8)


def test_units_of_the_kernel_and_of_the_edge_agree():
    assert MONEY_SCALE == units.MONEY_SCALE
    assert inverse_unit(E9 // 10, E9, 100 * E9, 8) == units.inverse_unit(E9 // 10, E9, 100 * E9) == 10**11
    with pytest.raises(UnitError, match="no whole number"):
        units.inverse_unit(3, E9, 100 * E9)
    assert lot_money(E9 // 1000, E9, 8) == 100_000


@given(st.integers(0, (1 << 62) - 1), st.integers(0, (1 << 62) - 1), st.integers(1, (1 << 61) - 1))
@settings(deadline=None, max_examples=100)
def test_divide_equals_whole_numbers(a, b, c):
    b = min(b, ((1 << 62) - 1) * c // a) if a else b  # the quotient fits
    run = FeeRun({"rows": 2})
    play(run, "fee", [(5, a, b, c), (6, a, b, c)])
    assert (run.out[0], run.out[1]) == divmod(a * b, c)


@given(st.integers(-(1 << 62) + 1, (1 << 62) - 1), st.integers(0, (1 << 40) - 1), st.integers(1, (1 << 40) - 1))
@settings(deadline=None, max_examples=100)
def test_share_equals_whole_numbers(amount, part, whole):
    part = min(part, whole)
    run = FeeRun({"rows": 1})
    play(run, "fee", [(4, amount, part, whole)])
    assert run.out[0] == amount * part // whole


def slot(**changed):
    fields = {"instrument": 3, "tick_e9": E9 // 10, "lot_e9": E9 // 1000, "multiplier_e9": E9, "money_scale": 8}
    fields |= {"maker_fee_e9": 200_000, "taker_fee_e9": 500_000, "min_qty_lots": 1, "max_qty_lots": 1000, "min_notional": 5 * 10**8}
    fields |= {"instrument_type": InstrumentType.LINEAR, "fee_rounding": FeeRounding.UP, "valid_from_ns": 7, "quote": 4}
    return InstrumentSlot(**(fields | changed))


def test_instrument_spec_takes_its_slot():
    s = InstrumentSpec()
    assert s.load(slot(), 8)
    assert (s.valid, s.instrument, s.quote_currency, s.money_per_tick_lot, s.fees.rounding) == (1, 3, 4, 10_000, FeeRounding.UP)
    assert (s.min_qty_lots, s.max_qty_lots, s.min_notional, s.valid_from_ns) == (1, 1000, 5 * 10**8, 7)
    assert s.notional(617_150, 2) == 12_343_000_000  # 61715.0 x 0.002 = 123.43
    assert s.fee(617_150, 2, 1) == 2_468_600
    assert s.fee(617_150, 2, 0) == 6_171_500
    assert s.money(3) == 30_000


@pytest.mark.parametrize(
    "changed",
    [
        {"instrument_type": InstrumentType.INVERSE, "tick_e9": 3},
        {"instrument_type": InstrumentType.SPOT, "lot_e9": 100 * E9},
        {"lot_e9": 10},
        {"tick_e9": 0},
    ],
)
def test_instrument_spec_refuses_a_slot_that_is_not_exact_and_stays_as_it_was(changed):
    s = InstrumentSpec()
    s.load(slot(), 8)
    before = s.pack().tobytes()
    assert not s.load(slot(**changed), 8)
    assert s.pack().tobytes() == before


def test_instrument_spec_settles_in_the_base_currency_of_an_inverse_contract():
    s = InstrumentSpec()
    s.load(slot(instrument_type=InstrumentType.INVERSE, base=2, lot_e9=E9, multiplier_e9=100 * E9), 8)
    assert (s.settle_currency, s.base_currency, s.quote_currency) == (2, 2, 4)
    assert (s.money_per_tick_lot, s.inverse_unit, s.base_per_lot) == (0, 10**11, 0)
    assert s.notional(600_000, 3) == 500_000  # 300 USD at 60,000 are 0.005 BTC
    assert s.worth(600_000, 3) == -500_000
    assert s.fee(600_000, 3, 0) == 250


def test_instrument_spec_of_spot_knows_what_a_lot_is_in_the_base_currency():
    s = InstrumentSpec()
    s.load(slot(instrument_type=InstrumentType.SPOT, base=2), 8)
    assert (s.settle_currency, s.base_per_lot, s.funding_factor) == (4, 100_000, 0)


@pytest.mark.parametrize("module", [contract, wide])
def test_units_examples_in_their_docstrings_hold(module):
    assert doctest.testmod(module).failed == 0
