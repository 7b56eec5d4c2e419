"""A fee in decimal arithmetic: obviously right, slow."""

from decimal import ROUND_HALF_UP, ROUND_UP, Context, Decimal

from streams.trading.codes import UP

_EXACT = Context(prec=80)


def slow_fee(notional, rate_e9, rounding):
    """notional x rate, rounded once; decimal's ROUND_HALF_UP and ROUND_UP both act on the amount, whatever its sign."""
    exact = _EXACT.divide(_EXACT.multiply(Decimal(notional), Decimal(rate_e9)), Decimal(10**9))
    return int(exact.quantize(Decimal(1), rounding=ROUND_UP if rounding == UP else ROUND_HALF_UP, context=_EXACT))
