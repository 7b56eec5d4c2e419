"""Numbers with a unit, as a topology file writes them, as exact integers: `0.5 BTC`, `50/s`, `100 bps`, `250 ms`, `3x`.

>>> to_e9("0.001")
1000000
>>> amount("0.5 BTC")
Amount(value_e9=500000000, unit='BTC')
>>> rate("50/s")
Rate(count=50, interval_ns=1000000000)
>>> bps_rate("200 bps/min")
BpsRate(bps=200, interval_ns=60000000000)
"""

import re
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from streams.errors import UnitError

__all__ = [
    "Amount",
    "AmountRate",
    "BpsRate",
    "Rate",
    "amount",
    "amount_rate",
    "basis_points",
    "bps_rate",
    "count",
    "duration_ns",
    "flag",
    "mebibytes",
    "multiple",
    "rate",
    "ratio_bps",
    "share_bps",
    "signed_e9",
    "to_e9",
]

_INTERVALS_NS = {"ms": 10**6, "s": 10**9, "min": 60 * 10**9, "h": 3600 * 10**9, "d": 86400 * 10**9}
_AMOUNT = re.compile(r"\s*(?P<value>[0-9][0-9_.eE+-]*)\s*(?P<unit>[A-Z][A-Z0-9]*)\s*")
_RATE = re.compile(r"\s*(?P<count>[0-9_]+)\s*/\s*(?P<every>[0-9]*)\s*(?P<unit>[a-z]+)\s*")
_BPS = re.compile(r"\s*(?P<bps>[0-9]+)\s*(?:bps?|bp)\s*")
_DURATION = re.compile(r"\s*(?P<count>[0-9]+)\s*(?P<unit>[a-z]+)\s*")
_MULTIPLE = re.compile(r"\s*(?P<value>[0-9]+(?:\.[0-9]{1,4})?)\s*x\s*")
_BYTES = re.compile(r"\s*(?P<count>[0-9]{1,6})\s*(?P<unit>[MG]iB)\s*")
_PER = re.compile(r"(?P<value>[^/]*)/\s*(?P<every>[0-9]*)\s*(?P<unit>[a-z]+)\s*")
_MAX_INTERVAL_NS = 31 * 86400 * 10**9
_MAX_RATIO_BPS = 1 << 22


class Amount(NamedTuple):
    """A value x 10^9 of a currency."""

    value_e9: int
    unit: str


class Rate(NamedTuple):
    """At most `count` in any `interval_ns`."""

    count: int
    interval_ns: int


class AmountRate(NamedTuple):
    """At most `amount` in any `interval_ns`."""

    amount: Amount
    interval_ns: int


class BpsRate(NamedTuple):
    """At most `bps` basis points in any `interval_ns`."""

    bps: int
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


def signed_e9(value: object) -> int:
    """A number x 10^9, exact, which may be negative; UnitError as `to_e9`."""
    text = str(value).strip()
    return -to_e9(text[1:]) if text.startswith("-") and not isinstance(value, float) else to_e9(value)


def ratio_bps(value: object) -> int:
    """`25000 bps` as 25000; UnitError for anything else, and beyond 2^22."""
    found = _BPS.fullmatch(str(value))
    if found is None or int(found["bps"]) > _MAX_RATIO_BPS:
        raise UnitError(f"{value!r} is no ratio in basis points; write 0 to {_MAX_RATIO_BPS}, such as '2500 bps' for a quarter")
    return int(found["bps"])


def share_bps(value: object) -> int:
    """`250 bps` as 250; UnitError for anything else, and for more than the whole (10000)."""
    found = _BPS.fullmatch(str(value))
    if found is None or int(found["bps"]) > 10_000:
        raise UnitError(f"{value!r} is no share in basis points; write 0 to 10000, such as '250 bps'")
    return int(found["bps"])


def multiple(value: object) -> int:
    """`2.5x` as 25000 basis points; UnitError for anything else."""
    found = _MULTIPLE.fullmatch(str(value))
    bps = int(Decimal(found["value"]) * 10_000) if found else -1
    if not 0 <= bps <= _MAX_RATIO_BPS:
        raise UnitError(f"{value!r} is no multiple; write 0x to {_MAX_RATIO_BPS // 10_000}x with at most four decimals, such as '2.5x'")
    return bps


def duration_ns(value: object) -> int:
    """`250 ms` in ns; UnitError for anything else, for 0 and for more than 31 days."""
    found = _DURATION.fullmatch(str(value))
    every_ns = int(found["count"]) * _INTERVALS_NS.get(found["unit"], 0) if found else 0
    if not 0 < every_ns <= _MAX_INTERVAL_NS:
        raise UnitError(f"{value!r} is no duration; write a number above 0 and one of {', '.join(_INTERVALS_NS)}, such as '250 ms'")
    return every_ns


def mebibytes(value: object) -> int:
    """`64 MiB`, or `1 GiB`, in MiB; UnitError for anything else, and outside 1 MiB to 64 GiB."""
    found = _BYTES.fullmatch(str(value))
    mib = int(found["count"]) * (1024 if found["unit"] == "GiB" else 1) if found else 0
    if not 1 <= mib <= 65_536:
        raise UnitError(f"{value!r} is no amount of memory; write 1 MiB to 64 GiB, such as '64 MiB'")
    return mib


def amount_rate(value: object) -> AmountRate:
    """`500 USDT/min` as AmountRate; UnitError for anything else."""
    text, interval_ns = _per(value, "amount per interval", "500 USDT/min")
    return AmountRate(amount(text), interval_ns)


def bps_rate(value: object) -> BpsRate:
    """`200 bps/min` as BpsRate; UnitError for anything else."""
    text, interval_ns = _per(value, "move per interval", "200 bps/min")
    return BpsRate(basis_points(text), interval_ns)


def flag(value: object) -> bool:
    """true or false; UnitError for anything else."""
    if not isinstance(value, bool):
        raise UnitError(f"{value!r} is neither true nor false")
    return value


def _per(value: object, what: str, example: str) -> tuple[str, int]:
    """The text before the slash, and the interval behind it."""
    found = _PER.fullmatch(str(value))
    every_ns = int(found["every"] or 1) * _INTERVALS_NS.get(found["unit"], 0) if found else 0
    if found is None or not 0 < every_ns <= _MAX_INTERVAL_NS:
        raise UnitError(f"{value!r} is no {what}; write it with one of {', '.join(_INTERVALS_NS)}, such as '{example}'")
    return found["value"], every_ns
