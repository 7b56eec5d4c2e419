"""Fee of one execution: rounded once, by the instrument's rule."""

from streams.kernel import I8, Struct
from streams.trading.codes import UP

__all__ = ["FeeSchedule", "fee_money"]

_E9 = 1_000_000_000


def fee_money(notional: int, rate_e9: int, rounding: int) -> int:
    """notional x rate in money units, rounded once.

    0 <= notional < 2**62 (money units), |rate_e9| <= 10**9 (fraction of the notional x 10**9), rounding: HALF_UP or UP.

    HALF_UP: to the nearest, ties away from zero. UP: away from zero. A rebate (negative rate) is the charge of the opposite rate with its
    sign changed: both rules act on the amount.

    >>> fee_money(150, 10_000_000, 0), fee_money(150, 10_000_000, 1), fee_money(0, 5, 1), fee_money(150, -10_000_000, 0)
    (2, 2, 0, -2)
    """
    r = abs(rate_e9)
    # the product has up to 92 bits; whole multiples of 10**9 need no division, and the rest fits
    part = notional % _E9 * r
    fee = notional // _E9 * r + (part + (_E9 - 1 if rounding == UP else _E9 // 2)) // _E9
    return fee if rate_e9 >= 0 else -fee


class FeeSchedule(Struct):
    """What a venue charges for one instrument.

    maker_e9, taker_e9 : fraction of the notional x 10**9, |rate| <= 10**9; negative = rebate
    rounding           : HALF_UP or UP (FeeRounding)
    """

    maker_e9: int
    taker_e9: int
    rounding: I8

    def fee(self, notional: int, maker: int) -> int:
        """Fee of an execution in money units. maker: 1; else the taker's rate holds (0, or -1 where the venue did not say)."""
        return fee_money(notional, self.maker_e9 if maker == 1 else self.taker_e9, self.rounding)
