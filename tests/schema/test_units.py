"""Contract 1: conversions are exact or refused. The slow twin of each is Fraction arithmetic."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import UnitError
from streams.schema import units

INT64 = st.integers(-(1 << 63) + 1, (1 << 63) - 1)
NUMBERS = st.from_regex(r"-?[0-9]{1,12}(\.[0-9]{1,11})?", fullmatch=True)


@given(text=NUMBERS)
def test_to_e9_of_any_number_is_exact_or_refused(text: str) -> None:
    exact = Fraction(text) * 10**9
    if exact.denominator == 1 and abs(exact) < 1 << 63:
        assert units.to_e9(text) == exact
        assert units.to_e9(text.encode()) == exact
    else:
        with pytest.raises(UnitError):
            units.to_e9(text)


@given(e9=INT64)
def test_from_e9_of_any_number_comes_back(e9: int) -> None:
    text = units.from_e9(e9)
    assert units.to_e9(text) == e9
    assert Fraction(text) * 10**9 == e9


@pytest.mark.parametrize(
    ("text", "e9"),
    [
        ("0", 0),
        ("-0.5", -500_000_000),
        ("1e-7", 100),
        ("1E2", 10**11),
        ("+3", 3 * 10**9),
        (".5", 5 * 10**8),
        ("5.", 5 * 10**9),
        ("1.0000000000", 10**9),
    ],
)
def test_to_e9_of_rare_spelling_is_read(text: str, e9: int) -> None:
    assert units.to_e9(text) == e9


@pytest.mark.parametrize(
    "text", ["", ".", "-", "1,5", "1_000", " 1", "1 ", "nan", "inf", "1e", "0x1", "٣", "1e999999999", "1e-999999999", "9" * 70]
)
def test_to_e9_of_no_number_is_refused(text: str) -> None:
    with pytest.raises(UnitError):
        units.to_e9(text)
    with pytest.raises(UnitError):
        units.to_e9(text.encode())


def test_to_e9_finer_than_the_step_says_so() -> None:
    with pytest.raises(UnitError, match=r"0.0000000001 has more than 9 digits after the point; the smallest step is 0.000000001"):
        units.to_e9("0.0000000001")


def test_to_e9_too_large_names_the_remedy() -> None:
    with pytest.raises(UnitError, match="does not fit 64 bits; give the instrument a multiplier"):
        units.to_e9("10000000000")


@given(ticks=st.integers(-units.MAX_PX_TICKS + 1, units.MAX_PX_TICKS - 1), tick_e9=st.integers(1, 10**7), off=st.integers(0, 10**7))
def test_to_ticks_is_exact_or_refused(ticks: int, tick_e9: int, off: int) -> None:
    px_e9 = ticks * tick_e9
    assert units.to_ticks(px_e9, tick_e9) == ticks
    assert units.from_steps(ticks, tick_e9) == px_e9
    if off % tick_e9:
        with pytest.raises(UnitError, match=f"{px_e9 + off} is not a multiple of the tick {tick_e9}"):
            units.to_ticks(px_e9 + off, tick_e9)


def test_to_ticks_and_lots_at_their_bounds_are_refused_beyond() -> None:
    assert units.to_ticks((1 << 38) - 1, 1) == (1 << 38) - 1
    assert units.to_lots((1 << 31) - 1, 1) == (1 << 31) - 1
    assert units.to_lots((1 << 40) - 1, 1, units.MAX_BOOK_QTY_LOTS) == (1 << 40) - 1
    for convert, steps in ((units.to_ticks, 1 << 38), (units.to_ticks, -(1 << 38)), (units.to_lots, 1 << 31), (units.to_lots, -(1 << 31))):
        with pytest.raises(UnitError, match=r"fewer than 2\^(38|31) are allowed"):
            convert(steps, 1)


def test_from_steps_beyond_64_bits_is_refused() -> None:
    with pytest.raises(UnitError, match="do not fit 64 bits"):
        units.from_steps(1 << 38, 1 << 26)


@given(money=st.integers(-units.MAX_MONEY + 1, units.MAX_MONEY - 1), scale=st.integers(0, 9))
def test_money_of_any_amount_comes_back(money: int, scale: int) -> None:
    amount = units.money_to_decimal(money, scale)
    assert Fraction(amount) == Fraction(money, 10**scale)
    assert units.money_from_decimal(amount, scale) == money


@pytest.mark.parametrize("money", ["0.000000001", "1E-999999", "1E+11", "NaN", "Infinity", "1E+999999"])
def test_money_from_decimal_inexact_or_too_large_is_refused(money: str) -> None:
    with pytest.raises(UnitError):
        units.money_from_decimal(Decimal(money))


@given(px=st.integers(0, 1 << 50), qty=st.integers(0, 1 << 50))
def test_notional_is_the_product_rounded_down_or_refused(px: int, qty: int) -> None:
    exact = Fraction(px, 10**9) * Fraction(qty, 10**9) * 10**8
    if exact < 1 << 62:
        assert units.notional(px, qty) == exact.numerator // exact.denominator
    else:
        with pytest.raises(UnitError, match=r"less than 2\^62 is allowed"):
            units.notional(px, qty)


@given(tick=st.integers(1, 10**10), lot=st.integers(1, 10**12), scale=st.integers(0, 9))
def test_max_tick_lots_is_the_last_that_keeps_money_below_the_bound(tick: int, lot: int, scale: int) -> None:
    most = units.max_tick_lots(tick, lot, 10**9, scale)
    step = Fraction(tick * lot * 10**scale, 10**18)
    assert most * step < 1 << 62
    assert most == (1 << 62) - 1 or (most + 1) * step > (1 << 62) - 1
