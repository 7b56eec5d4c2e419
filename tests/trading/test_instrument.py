"""What a tick of a lot is worth, exactly or not at all; and an instrument taken from its slot."""

import doctest

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.errors import UnitError
from streams.records import FeeRounding, InstrumentType
from streams.slots import InstrumentSlot
from streams.trading import instrument as instrument_module
from streams.trading.instrument import InstrumentSpec, money_per_tick_lot, unit_of
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


@given(st.lists(st.tuples(st.just(1), STEPS, STEPS, STEPS, st.integers(0, 9)), max_size=20))
@settings(deadline=None, max_examples=100)
def test_unit_of_in_64_bits_equals_whole_numbers(rows):
    run = FeeRun({"rows": max(1, len(rows))})
    play_rows = [(op, tick, lot, multiplier, scale) for op, tick, lot, multiplier, scale in rows]
    play(run, "fee", play_rows)
    for i, (_, tick, lot, multiplier, scale) in enumerate(rows):
        try:
            want = money_per_tick_lot(tick, lot, multiplier, scale)
        except UnitError:
            want = 0
        assert run.out[i] == (want if want <= 1 << 62 else 0)


def slot(**changed):
    fields = {"instrument": 3, "tick_e9": E9 // 10, "lot_e9": E9 // 1000, "multiplier_e9": E9, "money_scale": 8}
    fields |= {"maker_fee_e9": 200_000, "taker_fee_e9": 500_000, "min_qty_lots": 1, "max_qty_lots": 1000, "min_notional": 5 * 10**8}
    fields |= {"instrument_type": InstrumentType.LINEAR, "fee_rounding": FeeRounding.UP, "valid_from_ns": 7, "quote": 4}
    return InstrumentSlot(**(fields | changed))


def test_instrument_spec_takes_its_slot():
    s = InstrumentSpec()
    assert s.load(slot())
    assert (s.valid, s.instrument, s.quote_currency, s.money_per_tick_lot, s.fees.rounding) == (1, 3, 4, 10_000, FeeRounding.UP)
    assert (s.min_qty_lots, s.max_qty_lots, s.min_notional, s.valid_from_ns) == (1, 1000, 5 * 10**8, 7)
    assert s.notional(617_150, 2) == 12_343_000_000  # 61715.0 x 0.002 = 123.43
    assert s.fee(617_150, 2, 1) == 2_468_600
    assert s.fee(617_150, 2, 0) == 6_171_500
    assert s.money(3) == 30_000


@pytest.mark.parametrize("changed", [{"instrument_type": InstrumentType.INVERSE}, {"lot_e9": 10}, {"tick_e9": 0}])
def test_instrument_spec_refuses_a_slot_that_is_not_exact_and_stays_as_it_was(changed):
    s = InstrumentSpec()
    s.load(slot())
    before = s.pack().tobytes()
    assert not s.load(slot(**changed))
    assert s.pack().tobytes() == before


def test_instrument_examples_in_its_docstrings_hold():
    assert doctest.testmod(instrument_module).failed == 0
