"""Numbers with a unit, as a topology file writes them, as exact integers: `0.5 BTC`, `50/s`, `100 bps`.

>>> to_e9("0.001")
1000000
>>> amount("0.5 BTC")
Amount(value_e9=500000000, unit='BTC')
>>> rate("50/s")
Rate(count=50, interval_ns=1000000000)
"""

import re
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from streams.errors import UnitError

__all__ = ["Amount", "Rate", "amount", "basis_points", "count", "rate", "to_e9"]

_INTERVALS_NS = {"ms": 10**6, "s": 10**9, "min": 60 * 10**9, "h": 3600 * 10**9, "d": 86400 * 10**9}
_AMOUNT = re.compile(r"\s*(?P<value>[0-9][0-9_.eE+-]*)\s*(?P<unit>[A-Z][A-Z0-9]*)\s*")
_RATE = re.compile(r"\s*(?P<count>[0-9_]+)\s*/\s*(?P<every>[0-9]*)\s*(?P<unit>[a-z]+)\s*")
_BPS = re.compile(r"\s*(?P<bps>[0-9]+)\s*(?:bps?|bp)\s*")


class Amount(NamedTuple):
    """A value x 10^9 of a currency."""

    value_e9: int
    unit: str


class Rate(NamedTuple):
    """At most `count` in any `interval_ns`."""

    count: int
    interval_ns: int


def to_e9(value: object) -> int:
    """A number x 10^9, exact; UnitError for more than nine decimals, a sign, or what does not fit int64."""
    if isinstance(value, bool | float):
        raise UnitError(f"{value!r} is no exact number; write it with digits, such as 0.001")
    try:
        number = Decimal(str(value).strip().replace("_", ""))
    except InvalidOperation:
        raise UnitError(f"{value!r} is no number; write digits, such as 0.001") from None
    if not number.is_finite() or number < 0:
        raise UnitError(f"{value} is out of range; it must be 0 or more")
    scaled = number.scaleb(9)
    if scaled != scaled.to_integral_value():
        raise UnitError(
            f"{value} has more than nine decimals; trade a multiple of it instead (an instrument with a multiplier, as 1000PEPE)"
        )
    if scaled >= 2**63:
        raise UnitError(f"{value} is too large; the largest is {2**63 // 10**9}")
    return int(scaled)


def amount(value: object) -> Amount:
    """`5000 USDT` as Amount; UnitError when number or currency is missing."""
    found = _AMOUNT.fullmatch(str(value))
    if found is None:
        raise UnitError(f"{value!r} is no amount; write number and currency, such as '0.5 BTC'")
    return Amount(to_e9(found["value"]), found["unit"])


def rate(value: object) -> Rate:
    """`50/s`, `1000/min` or `10/100ms` as Rate; UnitError for anything else."""
    found = _RATE.fullmatch(str(value))
    if found is None or found["unit"] not in _INTERVALS_NS or not int(found["every"] or 1):
        raise UnitError(f"{value!r} is no rate; write count/interval with one of {', '.join(_INTERVALS_NS)}, such as '50/s'")
    return Rate(count(found["count"]), int(found["every"] or 1) * _INTERVALS_NS[found["unit"]])


def basis_points(value: object) -> int:
    """`100 bps` as 100; UnitError for anything else."""
    found = _BPS.fullmatch(str(value))
    if found is None or not 0 < int(found["bps"]) < 10_000:
        raise UnitError(f"{value!r} is no distance in basis points; write 1 to 9999, such as '100 bps'")
    return int(found["bps"])


def count(value: object) -> int:
    """A whole number from 0 to 2^31 - 1; UnitError for anything else."""
    text = str(value).replace("_", "").strip()
    if isinstance(value, bool) or not text.isdigit() or int(text) >= 2**31:
        raise UnitError(f"{value!r} is no count; write a whole number from 0 to {2**31 - 1}")
    return int(text)
