"""Products of two integers beyond 64 bits, divided: exact, in 64-bit arithmetic."""

__all__ = ["divide", "share"]

_SMALL = 1 << 42  # an amount and a part whose product fits: the usual case, and a third of the time
_FEW = 1 << 20


def share(amount: int, part: int, whole: int) -> int:
    """floor(amount x part / whole). |amount| < 2**62, 0 <= part < 2**40, 0 < whole < 2**40; |result| < 2**62.

    >>> share(32, 1, 3), share(-32, 1, 3), share(2**61, 2**39, 2**39)
    (10, -11, 2305843009213693952)
    """
    if -_SMALL < amount < _SMALL and part < _FEW:
        return amount * part // whole
    each = amount // whole
    rest = amount % whole
    # rest x part / whole in two digits of 20 bits, for rest and part have up to 40 bits each
    high = rest * (part >> 20)
    low = ((high % whole) << 20) + rest * (part & 0xFFFFF)
    return each * part + ((high // whole) << 20) + low // whole


def divide(a: int, b: int, c: int) -> tuple[int, int]:
    """Quotient and remainder of a x b / c. 0 <= a, b < 2**62, 0 < c < 2**61; the quotient is below 2**62.

    One step a bit of b, so for what happens seldom; `share` is for every fill.

    >>> divide(10**18, 10**18, 10**18 - 1)
    (1000000000000000001, 1)
    """
    whole = a // c
    rest = a % c
    q = 0
    r = 0
    bit = 1 << 61
    while bit > b:
        bit >>= 1
    while bit > 0:
        q = 2 * q
        r = 2 * r
        if b & bit != 0:
            q += whole
            r += rest
        # r < 3c < 2**63: at most two c are in it
        q += r // c
        r = r % c
        bit >>= 1
    return q, r
