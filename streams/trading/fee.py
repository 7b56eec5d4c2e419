"""Fee of one execution: rounded once, by the instrument's rule."""

from streams.kernel import I8, Struct
from streams.trading.codes import UP

__all__ = ["FeeSchedule"]

_E9 = 1_000_000_000


class FeeSchedule(Struct):
    """What a venue charges for one instrument.

    maker_e9, taker_e9 : fraction of the notional x 10**9, |rate| <= 10**9; negative = rebate
    rounding           : HALF_UP or UP (FeeRounding)
    """

    maker_e9: int
    taker_e9: int
    rounding: I8

    def fee(self, notional: int, maker: int) -> int:
        """Fee of an execution in money units. notional in money units, 0 <= notional < 2**62; maker: 1, or 0 for the taker's rate."""
        return self.of_rate(notional, self.maker_e9 if maker == 1 else self.taker_e9)

    def of_rate(self, notional: int, rate_e9: int) -> int:
        """notional x rate, rounded once. HALF_UP: to the nearest, ties away from zero. UP: away from zero.

        A rebate is the charge of the opposite rate with its sign changed: both rules act on the amount, not on the sign.
        """
        r = abs(rate_e9)
        # notional x r needs up to 92 bits: whole multiples of 10**9 need no division
        whole = notional // _E9 * r
        part = notional % _E9 * r
        f = whole + (part + (_E9 - 1 if self.rounding == UP else _E9 // 2)) // _E9
        return f if rate_e9 >= 0 else -f
