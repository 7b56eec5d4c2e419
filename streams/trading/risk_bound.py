"""One number, its limit, and the share of the limit that is used: what every sum of the risk tree is kept as."""

from streams.kernel import Struct
from streams.trading.risk_rules import MAX_MONEY, NEVER

__all__ = ["BPS", "TWO_E9", "RiskBound", "at_most", "beta_share", "bps_ceil", "bps_floor", "larger", "twice", "weight"]

BPS = 10_000  # basis points of the whole
TWO_E9 = 2_000_000_000  # e9 of half money units
_SAFE = 1 << 39  # below, x MAX_BPS fits 64 bits
_SATURATED = 1 << 61
_UP = 1.000000000001  # more than what three roundings of floats may lose


class RiskBound(Struct):
    """A sum and the most it may be.

    used      : what is used now
    limit     : denied when greater; NEVER = no limit
    per_limit : 1 / limit, so that a share is one product; 0 where there is no limit, or none above 0
    """

    used: int
    limit: int = NEVER
    per_limit: float

    def bound(self, limit: int) -> None:
        """Set the limit. From 2 x MAX_MONEY it only keeps sums exact and counts for no share."""
        self.limit = limit
        self.per_limit = 1.0 / float(limit) if 0 < limit < 2 * MAX_MONEY else 0.0

    def over(self, add: int) -> bool:
        """True where `add` more would be beyond the limit."""
        return self.used + add > self.limit

    def share(self, add: int) -> float:
        """Share of the limit that is used with `add` more; 0 without a limit, negative where less than nothing is used."""
        return float(self.used + add) * self.per_limit

    def share_of(self, add: float) -> float:
        """As `share`, of a number that was not rounded."""
        return (float(self.used) + add) * self.per_limit


def larger(a: float, b: float) -> float:
    """The larger of two shares."""
    return a if a > b else b


def twice(limit: int) -> int:
    """A limit in money as one in half money units, in which exposures and P&L are counted."""
    return NEVER if limit == NEVER else 2 * limit


def weight(numerator: int, denominator: int) -> float:
    """A weight as a float, a little larger than it is: times an exposure it is never less than the exact product."""
    return float(numerator) / float(denominator) * _UP


def at_most(add: float) -> int:
    """A whole number that no sum changes by more, where `add` is what it changes by before its parts are rounded up."""
    return int(add) + 2


def bps_ceil(value: int, bps: int) -> int:
    """value x bps / 10,000, rounded up. 0 <= value < 2**62, 0 <= bps <= MAX_WEIGHT_BPS."""
    whole = value // BPS
    return whole * bps + ((value - whole * BPS) * bps + BPS - 1) // BPS


def bps_floor(value: int, bps: int) -> int:
    """value x bps / 10,000, rounded down; at most 2**61 in magnitude. |value| < 2**62, 0 <= bps <= MAX_BPS."""
    whole = value // BPS
    if abs(whole) >= _SAFE and bps > 0 and abs(whole) > _SATURATED // bps - 1:
        return _SATURATED if value > 0 else -_SATURATED
    return whole * bps + (value - whole * BPS) * bps // BPS


def beta_share(value_x2: int, beta_e9: int) -> int:
    """value_x2 / 2 x beta_e9 / 10**9 in money, rounded up. |value_x2| < 2**62, 0 <= beta_e9 <= MAX_BETA_E9."""
    whole = value_x2 // TWO_E9
    return whole * beta_e9 + ((value_x2 - whole * TWO_E9) * beta_e9 + TWO_E9 - 1) // TWO_E9
