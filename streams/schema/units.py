"""Units: text, `_e9`, ticks, lots and money converted exactly, or refused with UnitError.

Prices and sizes on topics are int64 x 10^9; in memory they are ticks and lots. Money on topics is decimal(38, 9); in memory it is an int64
of the currency's money unit, 10^-8 unless the instrument says otherwise.
"""

from decimal import Context, Decimal, DecimalException

from streams.errors import UnitError

__all__ = [
    "E9",
    "MAX_BOOK_QTY_LOTS",
    "MAX_INVERSE",
    "MAX_MARK_E9",
    "MAX_MONEY",
    "MAX_ORDER_QTY_LOTS",
    "MAX_PX_TICKS",
    "MONEY_SCALE",
    "from_e9",
    "from_steps",
    "inverse_unit",
    "max_tick_lots",
    "money_from_decimal",
    "money_to_decimal",
    "notional",
    "to_e9",
    "to_lots",
    "to_ticks",
]

E9 = 10**9
MONEY_SCALE = 8
MAX_PX_TICKS = 1 << 38  # exclusive, of the absolute value
MAX_ORDER_QTY_LOTS = 1 << 31
MAX_BOOK_QTY_LOTS = 1 << 40
MAX_MONEY = 1 << 62
MAX_INVERSE = 1 << 61  # of an inverse contract's value: it is computed twice as large, to be rounded
MAX_MARK_E9 = 1 << 61  # exclusive, of a mark price: funding divides by it
MAX_INT64 = (1 << 63) - 1
WIDE = Context(prec=60)  # decimal(38, 9) and its shifts are exact in it
MAX_EXPONENT = 40  # "1e999999999" must not become a number


def to_e9(text: str | bytes) -> int:
    """The number x 10^9, exactly; UnitError if it is no decimal number, needs more than 9 digits, or leaves int64.

    >>> to_e9(b"61800.30")
    61800300000000
    """
    try:
        raw = text if isinstance(text, bytes) else text.encode("ascii")
    except UnicodeEncodeError:
        raise UnitError(f"{text!r} is no decimal number") from None
    whole, point, frac = raw.partition(b".")
    digits = whole[1:] if whole[:1] == b"-" else whole
    if not digits.isdigit() or (point and not frac.isdigit()) or len(raw) > 60:
        return _from_decimal(raw)
    if len(frac) > 9 and frac[9:].strip(b"0"):
        raise UnitError(f"{raw.decode()} has more than 9 digits after the point; the smallest step is 0.000000001")
    e9 = int(whole + frac[:9].ljust(9, b"0"))
    if not -MAX_INT64 <= e9 <= MAX_INT64:
        raise UnitError(f"{raw.decode()} x 10^9 does not fit 64 bits; give the instrument a multiplier (1000PEPE)")
    return e9


def from_e9(e9: int) -> str:
    """The number as plain text without needless zeros.

    >>> from_e9(61800300000000)
    '61800.3'
    """
    whole, frac = divmod(abs(e9), E9)
    text = f"{whole}.{frac:09d}".rstrip("0").rstrip(".")
    return "-" + text if e9 < 0 else text


def to_ticks(px_e9: int, tick_e9: int) -> int:
    """The price in ticks; UnitError if it is not on the grid or |ticks| >= 2^38. tick_e9 > 0."""
    ticks, rest = divmod(px_e9, tick_e9)
    if rest:
        raise UnitError(f"{px_e9} is not a multiple of the tick {tick_e9}")
    if not -MAX_PX_TICKS < ticks < MAX_PX_TICKS:
        raise UnitError(f"{px_e9} is {ticks} ticks of {tick_e9}; fewer than 2^38 are allowed")
    return ticks


def to_lots(qty_e9: int, lot_e9: int, limit: int = MAX_ORDER_QTY_LOTS) -> int:
    """The quantity in lots; UnitError if it is not whole or |lots| >= limit. lot_e9 > 0."""
    lots, rest = divmod(qty_e9, lot_e9)
    if rest:
        raise UnitError(f"{qty_e9} is not a multiple of the lot {lot_e9}")
    if not -limit < lots < limit:
        raise UnitError(f"{qty_e9} is {lots} lots of {lot_e9}; fewer than 2^{limit.bit_length() - 1} are allowed")
    return lots


def from_steps(steps: int, step_e9: int) -> int:
    """Ticks or lots x 10^9; UnitError if the product leaves int64."""
    e9 = steps * step_e9
    if not -MAX_INT64 <= e9 <= MAX_INT64:
        raise UnitError(f"{steps} steps of {step_e9} do not fit 64 bits x 10^9")
    return e9


def notional(px_e9: int, qty_e9: int, multiplier_e9: int = E9, scale: int = MONEY_SCALE) -> int:
    """price x quantity x multiplier in money units of 10^-scale, rounded down; UnitError if >= 2^62."""
    money = px_e9 * qty_e9 * multiplier_e9 * 10**scale // 10**27
    if not -MAX_MONEY < money < MAX_MONEY:
        raise UnitError(f"price {px_e9} x quantity {qty_e9} is {money} money units of 10^-{scale}; less than 2^62 is allowed")
    return money


def max_tick_lots(tick_e9: int, lot_e9: int, multiplier_e9: int = E9, scale: int = MONEY_SCALE) -> int:
    """The largest ticks x lots whose notional stays below 2^62 money units; never 2^62 or more itself."""
    return min(MAX_MONEY - 1, ((MAX_MONEY - 1) * 10**27) // (tick_e9 * lot_e9 * multiplier_e9 * 10**scale))


def inverse_unit(tick_e9: int, lot_e9: int, multiplier_e9: int = E9, scale: int = MONEY_SCALE) -> int:
    """lot x multiplier / tick in money units of 10^-scale: a lot of an inverse contract is worth this / price in ticks.

    UnitError if that, or lot x multiplier alone, is no whole number from 1 to 2^60.

    >>> inverse_unit(100_000_000, 1_000_000_000, 100_000_000_000)   # 100 USD a contract, tick 0.1
    100000000000
    """
    money, rest = divmod(lot_e9 * multiplier_e9 * 10**scale, E9 * E9)
    unit, more = divmod(money * E9, tick_e9)
    if rest or more or not 0 < unit <= 1 << 60:
        raise UnitError(
            f"lot {lot_e9} x multiplier {multiplier_e9} over tick {tick_e9} is no whole number of money units of 10^-{scale} from 1 to 2^60"
        )
    return unit


def money_from_decimal(money: Decimal, scale: int = MONEY_SCALE) -> int:
    """Money in units of 10^-scale, exactly; UnitError if it is finer than the unit or >= 2^62 units.

    >>> money_from_decimal(Decimal("7.54"))
    754000000
    """
    if not money.is_finite() or money.adjusted() > MAX_EXPONENT:
        raise UnitError(f"money {money} is out of range")
    if money and money.adjusted() < -MAX_EXPONENT:  # a shift would make it 0
        raise UnitError(f"money {money} is finer than the money unit 10^-{scale}")
    shifted = money.scaleb(scale, WIDE)
    units = int(shifted)
    if units != shifted:
        raise UnitError(f"money {money} is finer than the money unit 10^-{scale}")
    if not -MAX_MONEY < units < MAX_MONEY:
        raise UnitError(f"money {money} is {units} units of 10^-{scale}; less than 2^62 is allowed")
    return units


def money_to_decimal(units: int, scale: int = MONEY_SCALE) -> Decimal:
    """Money units of 10^-scale as a decimal, exactly.

    >>> money_to_decimal(754000000)
    Decimal('7.54000000')
    """
    return Decimal(units).scaleb(-scale, WIDE)


def _from_decimal(raw: bytes) -> int:
    """The rare spellings: exponents, a leading plus or point."""
    try:
        number = Decimal(raw.decode())
    except (DecimalException, UnicodeDecodeError):
        raise UnitError(f"{raw.decode(errors='replace')!r} is no decimal number") from None
    if b"_" in raw or raw != raw.strip() or not raw.isascii() or not number.is_finite():
        raise UnitError(f"{raw.decode()!r} is no decimal number")
    if number.adjusted() > MAX_EXPONENT or len(raw) > 60:
        raise UnitError(f"{raw.decode()} x 10^9 does not fit 64 bits; give the instrument a multiplier (1000PEPE)")
    shifted = number.scaleb(9, WIDE)
    if number.adjusted() < -MAX_EXPONENT or shifted != shifted.to_integral_value(context=WIDE):
        raise UnitError(f"{raw.decode()} has more than 9 digits after the point; the smallest step is 0.000000001")
    e9 = int(shifted)
    if not -MAX_INT64 <= e9 <= MAX_INT64:
        raise UnitError(f"{raw.decode()} x 10^9 does not fit 64 bits; give the instrument a multiplier (1000PEPE)")
    return e9
