"""What lots and ticks of an instrument are worth in money units: whole numbers, or the instrument is refused."""

import math

from streams.errors import UnitError
from streams.trading.codes import INVERSE, LINEAR, SPOT

__all__ = ["E9", "MONEY_SCALE", "check_units", "funding_terms", "inverse_unit", "lot_money", "money_per_tick_lot", "unit_of"]

E9 = 1_000_000_000
MONEY_SCALE = 8
"""Digits of the money unit of a currency in which no instrument settles: `streams.schema.units.MONEY_SCALE`, for compiled code."""

_MAX = 1 << 62
_MAX_INVERSE = 1 << 60  # so that four times it still fits
_MAX_LOT_MONEY = 1 << 31  # so that one order, below 2**31 lots, still fits
_MAX_DIVISOR = 1 << 61


def unit_of(tick_e9: int, lot_e9: int, multiplier_e9: int, money_scale: int) -> int:
    """tick x lot x multiplier in money units, 0 if that is no whole number from 1 to 2**62. As `money_per_tick_lot`, in 64 bits."""
    if tick_e9 <= 0 or money_scale < 0 or money_scale > 9:
        return 0
    return _scaled(tick_e9, lot_e9, multiplier_e9, 27 - money_scale)


def lot_money(lot_e9: int, multiplier_e9: int, money_scale: int) -> int:
    """lot x multiplier in money units, 0 if that is no whole number from 1 to 2**31."""
    if money_scale < 0 or money_scale > 9:
        return 0
    money = _scaled(1, lot_e9, multiplier_e9, 18 - money_scale)
    return money if money <= _MAX_LOT_MONEY else 0


def inverse_unit(tick_e9: int, lot_e9: int, multiplier_e9: int, money_scale: int) -> int:
    """lot x multiplier / tick in money units: a lot's value is this / price in ticks; 0 if that is no whole number from 1 to 2**60."""
    if tick_e9 <= 0 or money_scale < 0 or money_scale > 9:
        return 0
    money = _scaled(1, lot_e9, multiplier_e9, 18 - money_scale)
    common = math.gcd(E9, tick_e9)
    if money % (tick_e9 // common) != 0:
        return 0
    money = money // (tick_e9 // common)
    return 0 if money > _MAX_INVERSE // (E9 // common) else money * (E9 // common)


def funding_terms(instrument_type: int, tick_e9: int, lot_e9: int, multiplier_e9: int, money_scale: int, unit: int) -> tuple[int, int]:
    """(factor, divisor) of `InstrumentSpec.funding`; (0, 0) for SPOT, and where they do not fit.

    LINEAR: value = lots x factor x mark_e9 / divisor x 10**9. INVERSE: value = lots x factor / mark_e9 x 10**9, without a divisor.
    """
    if unit == 0 or instrument_type == SPOT:
        return 0, 0
    if instrument_type == INVERSE:
        return _scaled(1, lot_e9, multiplier_e9, 18 - money_scale), 0
    common = math.gcd(unit, tick_e9)
    if tick_e9 // common >= _MAX_DIVISOR // E9:
        return 0, 0
    return unit // common, tick_e9 // common * E9


def _scaled(x: int, y: int, z: int, power: int) -> int:
    """x y z / 10**power, 0 if that is no whole number from 1 to 2**62."""
    if y <= 0 or z <= 0:
        return 0
    twos = power
    fives = power
    product = 1
    for i in range(3):
        w = x if i == 0 else y if i == 1 else z
        while twos > 0 and w % 2 == 0:
            w //= 2
            twos -= 1
        while fives > 0 and w % 5 == 0:
            w //= 5
            fives -= 1
        if w > _MAX // product:
            return 0
        product *= w
    return product if twos == 0 and fives == 0 else 0


def check_units(
    tick_e9: int, lot_e9: int, multiplier_e9: int, money_scale: int, instrument_type: int, base_scale: int = MONEY_SCALE
) -> None:
    """UnitError where an instrument's money cannot be counted exactly; the message says what to change."""
    for name, value in (("tick_e9", tick_e9), ("lot_e9", lot_e9), ("multiplier_e9", multiplier_e9)):
        if value <= 0:
            raise UnitError(f"{name} is {value}; it must be above 0")
    if not 0 <= money_scale <= 9:
        raise UnitError(f"money_scale is {money_scale}; allowed are 0 to 9 decimal places")
    if instrument_type == INVERSE:
        if inverse_unit(tick_e9, lot_e9, multiplier_e9, money_scale) == 0:
            raise UnitError(
                f"one lot is {lot_e9 * multiplier_e9}e-18 of the quote currency over ticks of {tick_e9}e-9, which is no whole number of "
                f"money units of 1e-{money_scale} from 1 to 2^60: choose another money_scale, tick or lot"
            )
        return
    unit = money_per_tick_lot(tick_e9, lot_e9, multiplier_e9, money_scale)
    if instrument_type == SPOT and lot_money(lot_e9, multiplier_e9, base_scale) == 0:
        raise UnitError(
            f"one lot is {lot_e9 * multiplier_e9}e-18 of the base currency, which is no whole number of its money units of 1e-{base_scale} "
            "from 1 to 2^31: choose another lot"
        )
    if instrument_type == LINEAR and funding_terms(LINEAR, tick_e9, lot_e9, multiplier_e9, money_scale, unit)[0] == 0:
        raise UnitError(
            f"lot_e9 {lot_e9} is too fine for funding in money units of 1e-{money_scale}: choose a larger lot, or raise money_scale"
        )


def money_per_tick_lot(tick_e9: int, lot_e9: int, multiplier_e9: int, money_scale: int, instrument_type: int = LINEAR) -> int:
    """Money units (of 10**-money_scale) that one tick of one lot is worth. UnitError if that is no whole number above 0.

    >>> money_per_tick_lot(100_000_000, 1_000_000, 1_000_000_000, 8)   # 0.1 x 0.001 x 1 = 10**-4
    10000
    """
    if instrument_type == INVERSE:
        raise UnitError("instrument_type INVERSE: profit is not linear in the price; allowed are SPOT and LINEAR")
    for name, value in (("tick_e9", tick_e9), ("lot_e9", lot_e9), ("multiplier_e9", multiplier_e9)):
        if value <= 0:
            raise UnitError(f"{name} is {value}; it must be above 0")
    if not 0 <= money_scale <= 9:
        raise UnitError(f"money_scale is {money_scale}; allowed are 0 to 9 decimal places")
    product = tick_e9 * lot_e9 * multiplier_e9
    unit = 10 ** (27 - money_scale)
    if product % unit:
        raise UnitError(
            f"one tick of one lot is {product}e-27, which is no whole number of money units of 1e-{money_scale}: "
            "raise money_scale, or choose a larger tick or lot"
        )
    return product // unit
