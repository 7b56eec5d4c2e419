"""From what a topic holds to what memory holds, in compiled code: ticks, lots, money units.

Each gives NO where the edge would refuse the value, and for what is left to the edge because it is rare. NO is the null of memory, too:
a value that is not null never becomes it. `row` is the instrument's row in `native_rows`, 0 = none.
"""

from streams.kernel import Struct, at, below, bit, clz, load_word
from streams.kernel.prim import primitive
from streams.records import ValueUnit
from streams.schema.native_rows import BOUND, INVERSE, LOT, LOT_ODD, LOT_SHIFT, TICK, TICK_ODD, TICK_SHIFT
from streams.schema.units import MAX_MONEY

__all__ = [
    "MONEY_DIGITS",
    "NO",
    "Double",
    "bounded",
    "divided",
    "half_ticks",
    "lots",
    "mark_ticks",
    "money_units",
    "ticks",
    "value_units",
]

NO = -(1 << 63)
MONEY_DIGITS = 9  # behind the point on a topic
INT_MAX = (1 << 63) - 1
HALF_MAX = 1 << 62
TWO_E9 = 2 * 10**9
LOW_20, LOW_30, LOW_32 = (1 << 20) - 1, (1 << 30) - 1, (1 << 32) - 1


def _inverse_of_5(power: int) -> int:
    inverse = pow(5, -power, 1 << 64)
    return inverse - (1 << 64) if inverse >> 63 else inverse


FIVES = tuple(_inverse_of_5(n) for n in range(MONEY_DIGITS + 1))
TENS = tuple(10**n for n in range(MONEY_DIGITS + 1))
FIVES_MOST = tuple(min(INT_MAX // 5**n, MAX_MONEY - 1) for n in range(MONEY_DIGITS + 1))


class Double(Struct):
    """A double at an address."""

    x: float


@primitive(lambda b, x, y: b.mul(x, y))
def product(x: int, y: int) -> int:
    """x times y modulo 2^64, as an int64."""
    n = (int(x) * int(y)) & ((1 << 64) - 1)
    return n - (1 << 64) if n >> 63 else n


def divided(n: int, shift: int, odd: int, most: int) -> int:
    """n over a step, exactly (`native_tables.odd_inverse` says how); NO if it is no multiple or more than `most` of them."""
    if n & below(shift) != 0:
        return NO
    quotient = product(n >> shift, odd)
    return quotient if -most <= quotient <= most else NO


def ticks(n: int, row: int, most: int) -> int:
    """A price x 10^9 in ticks. most: place of the bound in the row."""
    if row == 0:
        return NO
    return divided(n, load_word(row + TICK_SHIFT), load_word(row + TICK_ODD), load_word(row + most))


def lots(n: int, row: int, most: int) -> int:
    """A quantity x 10^9 in lots. most: place of the bound in the row."""
    if row == 0:
        return NO
    return divided(n, load_word(row + LOT_SHIFT), load_word(row + LOT_ODD), load_word(row + most))


def half_ticks(n: int, row: int) -> int:
    """A price x 10^9 in half ticks."""
    if row == 0 or n >= HALF_MAX or n < -HALF_MAX:
        return NO
    tick = load_word(row + TICK)
    halves = 2 * n // tick
    return halves if halves * tick == 2 * n else NO


def mark_ticks(address: int, row: int) -> int:
    """The double at an address, a price, in half ticks, to the nearest."""
    if row == 0:
        return NO
    halves = at(Double, address).x * TWO_E9 / load_word(row + TICK)
    if not -4e18 < halves < 4e18:
        return NO
    return round(halves)


def money_units(low: int, high: int, scale: int) -> int:
    """A decimal(38, 9), the two words of the number x 10^9, in units of 10^-scale."""
    digits = MONEY_DIGITS - scale
    if high == low >> 63:
        return divided(low, digits, FIVES[digits], FIVES_MOST[digits])
    if digits == 0:
        return NO
    # the quotient's low word as `divided` has it; it is the whole one if its product is the number
    units = product((low >> digits) & below(64 - digits) | product(high, bit(64 - digits)), FIVES[digits])
    if units >= MAX_MONEY or units <= -MAX_MONEY:
        return NO
    small = (units & LOW_32) * TENS[digits]
    great = (units >> 32) * TENS[digits] + (small >> 32)
    exact = great >> 32 == high and (great ^ low >> 32) & LOW_32 == 0 and (small ^ low) & LOW_32 == 0
    return units if exact else NO


def value_units(low: int, high: int, unit: int, row: int, scale: int) -> int:
    """A limit's value in the memory's measure of its unit (ValueUnit)."""
    if unit == ValueUnit.NONE:
        return NO
    if unit == ValueUnit.MONEY:
        return money_units(low, high, scale)
    if unit != ValueUnit.LOTS:
        return money_units(low, high, 0)
    n = money_units(low, high, MONEY_DIGITS)
    if row == 0 or n == NO:
        return NO
    whole = n // load_word(row + LOT)
    return whole if whole * load_word(row + LOT) == n else NO


def bounded(px: int, qty: int, row: int) -> bool:
    """Whether price x quantity, in ticks and lots below 2^40, is money that the kernel can count. As `Tables.bad_notional` otherwise."""
    inverse = load_word(row + INVERSE)
    px_size, qty_size = abs(px), abs(qty)
    if inverse != 0:
        return px > 0 and _shifted(qty_size, inverse) < px
    if clz(px_size) + clz(qty_size) < 65:  # 2^62 or more, while the bound is less
        return False
    return px_size * qty_size <= load_word(row + BOUND)


def _shifted(qty: int, inverse: int) -> int:
    """qty x inverse / 2^61, rounded down. qty < 2^40, inverse <= 2^60."""
    low, high = inverse & LOW_30, inverse >> 30
    small, great = qty & LOW_20, qty >> 20
    middle = (small * low >> 20) + great * low + (small * high << 10)  # x 2^20
    return ((middle >> 30) + great * high) >> 11
