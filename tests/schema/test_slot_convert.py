"""The compiled conversions equal `units` and the edge's tables at every bound."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import EdgeError, UnitError
from streams.records import InstrumentType, NameKind, ValueUnit
from streams.schema import native_rows as at
from streams.schema import slot_convert as convert
from streams.schema import units
from streams.schema.derived import mark2_ticks
from streams.schema.edge import Edge
from streams.schema.slot_convert import NO
from streams.schema.units import MAX_MONEY
from tests.schema.columns_read import WIDE
from tests.schema.made import instrument

STEPS = st.sampled_from([1, 3, 5, 1000, 1400, 10**6, 10**8, 10**9, 1 << 20, 3 * 10**15]) | st.integers(1, 10**12)
INT64 = st.integers(-(1 << 63), (1 << 63) - 1)
MONEY = st.integers(-(10**38) + 1, 10**38 - 1) | st.integers(-(1 << 70), 1 << 70) | st.integers(-(1 << 62) - 3, (1 << 62) + 3)


def row_of(**figures: Any) -> tuple[Edge, int]:
    """An edge with one instrument, and its row."""
    made = Edge()
    made.dictionary.epoch = 9
    made.dictionary.add(NameKind.INSTRUMENT, "binance:BTCUSDT")
    made.on_instrument(instrument(**figures))
    return made, at.instrument_at(made.native.address, 0)


def words(n: int) -> tuple[int, int]:
    """Low and high word of a number."""
    low = n & ((1 << 64) - 1)
    return low - (low >> 63 << 64), n >> 64


def or_none(run: Callable[..., int], *args: Any) -> int:
    try:
        return run(*args)
    except (UnitError, EdgeError):
        return NO


@given(step=STEPS, n=INT64, count=st.integers(-(1 << 41), 1 << 41), near=st.integers(-2, 2))
def test_ticks_and_lots_are_exact_up_to_their_bounds(step: int, n: int, count: int, near: int) -> None:
    made, row = row_of(tick_e9=step, lot_e9=step)
    edges = [sign * (bound + near) * step for sign in (1, -1) for bound in (1 << 38, 1 << 31, 1 << 40)]
    for number in (n, n // step * step, count * step, count * step + near, *edges):
        if -(1 << 63) < number < 1 << 63:
            assert convert.ticks(number, row, at.PX_MOST) == or_none(units.to_ticks, number, step)
            assert convert.lots(number, row, at.ORDER_QTY_MOST) == or_none(units.to_lots, number, step)
            assert convert.lots(number, row, at.BOOK_QTY_MOST) == or_none(units.to_lots, number, step, 1 << 40)
    assert convert.ticks(0, 0, at.PX_MOST) == convert.lots(0, 0, at.BOOK_QTY_MOST) == NO
    assert made


@given(n=MONEY, scale=st.integers(0, 9), near=st.integers(-2, 2))
def test_money_units_are_exact_up_to_2_to_62(n: int, scale: int, near: int) -> None:
    step = 10 ** (9 - scale)
    for number in (n, n // step * step, (MAX_MONEY + near) * step, -(MAX_MONEY + near) * step, near):
        if abs(number) < 10**38:
            wanted = or_none(units.money_from_decimal, Decimal(number).scaleb(-9, WIDE), scale)
            assert convert.money_units(*words(number), scale) == wanted


@given(n=MONEY, unit=st.sampled_from(list(ValueUnit)), lot=STEPS)
def test_value_units_are_those_of_the_edge(n: int, unit: ValueUnit, lot: int) -> None:
    made, row = row_of(lot_e9=lot)
    for number in (n, n // 10**9 * 10**9, n // lot * lot):
        value = Decimal(number).scaleb(-9, WIDE)
        assert convert.value_units(*words(number), unit, row, 8) == or_none(made._tables.value_in, "", value, unit, lot, 8)


@given(
    px=st.integers(-(1 << 38) + 1, (1 << 38) - 1), qty=st.integers(-(1 << 40) + 1, (1 << 40) - 1), small=st.integers(1, 1 << 20), tick=STEPS
)
def test_bounded_is_the_bound_of_the_edge(px: int, qty: int, small: int, tick: int) -> None:
    if tick <= 10**12:
        _, row = row_of(tick_e9=tick)
        bound = units.max_tick_lots(tick, 10**6)
        sides = [
            px,
            bound // qty if qty and abs(bound // qty) < 1 << 38 else small,
            bound // qty + 1 if qty and abs(bound // qty) < 1 << 37 else small,
        ]
        for price in sides:
            assert convert.bounded(price, qty, row) == (abs(price * qty) <= bound)


@given(qty=st.integers(-(1 << 40) + 1, (1 << 40) - 1), px=st.integers(-3, (1 << 38) - 1), multiplier=st.integers(1, 10**4))
def test_bounded_of_an_inverse_contract_is_the_bound_of_the_edge(qty: int, px: int, multiplier: int) -> None:
    figures = {"instrument_type": InstrumentType.INVERSE, "quote": "USD", "lot_e9": 10**9, "tick_e9": 10**8}
    _, row = row_of(**figures, multiplier_e9=multiplier * 10**9)
    unit = units.inverse_unit(10**8, 10**9, multiplier * 10**9)
    edge_px = abs(qty) * unit // units.MAX_INVERSE
    for price in (px, edge_px, edge_px + 1):
        assert convert.bounded(price, qty, row) == (price > 0 and abs(qty) * unit < units.MAX_INVERSE * price)


@given(tick=STEPS, price=st.floats(-1e12, 1e12), near=st.integers(-9, 9))
def test_marks_and_mids_are_those_of_the_edge(tick: int, price: float, near: int) -> None:
    _, row = row_of(tick_e9=tick)
    cell = np.array([price], np.float64)
    wanted = mark2_ticks(price, tick)
    assert convert.mark_ticks(cell.ctypes.data, row) == (wanted if abs(wanted) < 4 * 10**18 else NO)
    for n in (near * tick // 2, near * tick, near):
        exact = 2 * n % tick == 0
        assert convert.half_ticks(n, row) == (2 * n // tick if exact else NO)


@pytest.mark.parametrize("price", [float("nan"), float("inf"), -float("inf"), 1e300])
def test_mark_that_is_no_price_is_refused(price: float) -> None:
    _, row = row_of()
    assert convert.mark_ticks(np.array([price], np.float64).ctypes.data, row) == NO
