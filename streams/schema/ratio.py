"""Doubles of exact quotients in compiled code: rounded once, to the nearest and half to even, as Python divides two integers."""

from streams.kernel import below, clz
from streams.kernel.raw import quotient_bits

__all__ = ["MOST", "NEGATIVE", "ratio"]

MOST = 1 << 62  # exclusive, of every argument
NEGATIVE = -(1 << 63)  # the sign of a double

LOW_31 = (1 << 31) - 1
EXACT_BITS = 52  # two products of so many bits add up to a double's 53
EXACT = 1 << 53
BIAS = 1023


def ratio(a: int, b: int, c: int, d: int, divisor: int) -> int:
    """The bits of the double (a x b + c x d) / divisor. All of them 0 to MOST, the divisor > 0.

    >>> import struct
    >>> struct.unpack("<d", ratio(1, 2, 0, 0, 3).to_bytes(8, "little"))[0]
    0.6666666666666666
    """
    if clz(a) + clz(b) >= 128 - EXACT_BITS and clz(c) + clz(d) >= 128 - EXACT_BITS and divisor <= EXACT:
        return quotient_bits(a * b + c * d, divisor)
    high, low = _sum_of_products(a, b, c, d)
    if high == 0 and low == 0:
        return 0
    return _divided(high, low, divisor)


def _sum_of_products(a: int, b: int, c: int, d: int) -> tuple[int, int]:
    """a x b + c x d in two digits of 62 bits."""
    a1, a0, b1, b0 = a >> 31, a & LOW_31, b >> 31, b & LOW_31
    c1, c0, d1, d0 = c >> 31, c & LOW_31, d >> 31, d & LOW_31
    middle, other = a1 * b0 + (a0 * b0 >> 31), c1 * d0 + (c0 * d0 >> 31)  # below 2**62 + 2**31
    last = (a0 * b0 & LOW_31) + (c0 * d0 & LOW_31)
    carry = (middle & LOW_31) + (other & LOW_31) + (last >> 31)
    rest, more = a0 * b1, c0 * d1
    carry += (rest & LOW_31) + (more & LOW_31)
    low = (carry & LOW_31) << 31 | last & LOW_31
    high = a1 * b1 + (middle >> 31) + (rest >> 31) + (carry >> 31)
    return high + c1 * d1 + (other >> 31) + (more >> 31), low


def _divided(high: int, low: int, divisor: int) -> int:
    """The same of a number above 0 in two digits of 62 bits: bit by bit, so for what is seldom."""
    left = 62 - (64 - clz(high)) if high != 0 else 124 - (64 - clz(low))  # bits that are zeros at the top
    q = 0
    rest = 0
    at = left
    exponent = 123 - left  # of the bit that is taken next
    while q < EXACT:  # 54 bits: the last one decides how to round
        bit = 0
        if at < 62:
            bit = high >> 61 - at & 1
        elif at < 124:
            bit = low >> 123 - at & 1
        rest = 2 * rest + bit
        q = 2 * q
        if rest >= divisor:
            rest -= divisor
            q += 1
        at += 1
        exponent -= 1
    sticky = rest != 0
    if at < 62:
        sticky = sticky or high & below(62 - at) != 0 or low != 0
    elif at < 124:
        sticky = sticky or low & below(124 - at) != 0
    exponent += 54  # of the leading bit
    up = q & 1 != 0 and (sticky or q & 2 != 0)
    q = (q >> 1) + (1 if up else 0)  # 2**53 after a carry: the addition moves it into the exponent
    return (exponent + BIAS - 1 << 52) + q
