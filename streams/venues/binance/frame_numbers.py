"""Numbers of Binance's frames, exactly: decimals x 10^9, and times in ns."""

from streams.kernel import load_byte

__all__ = ["INT_MAX", "decimal", "nanoseconds"]

INT_MAX = (1 << 63) - 1
_POWERS = tuple(10**n for n in range(10))
_EXACT = tuple(INT_MAX // 10**n for n in range(10))  # the largest number whose product with the power fits
_DIGITS_MAX = 19  # a number of so many fits, or turns negative; plain it is beyond INT_MAX
_DECIMALS = 9
_QUOTE, _POINT, _ZERO = 34, 46, 48
_MICROSECONDS = 10**14  # a time from here on is told in microseconds
_MS_MAX, _US_MAX = INT_MAX // 1_000_000, INT_MAX // 1_000


def decimal(p: int) -> tuple[int, int]:
    """(a decimal number x 10^9, the place behind the quote that ends it); -1 where it is no plain decimal or not exact in 64 bits."""
    start = p
    n = 0
    c = load_byte(p) - _ZERO
    while c >= 0 and c <= 9:
        n = n * 10 + c
        p += 1
        c = load_byte(p) - _ZERO
    digits = p - start
    decimals = 0
    if c == _POINT - _ZERO and digits > 0:
        p += 1
        point = p
        c = load_byte(p) - _ZERO
        while c >= 0 and c <= 9:
            n = n * 10 + c
            p += 1
            c = load_byte(p) - _ZERO
        decimals = p - point
        digits = digits + decimals if decimals > 0 else 0
    if c != _QUOTE - _ZERO or digits == 0 or digits > _DIGITS_MAX or decimals > _DECIMALS:
        return -1, p
    shift = _DECIMALS - decimals
    return n * _POWERS[shift] if 0 <= n <= _EXACT[shift] else -1, p + 1


def nanoseconds(time: int) -> int:
    """A venue's time, in milliseconds or microseconds, in ns; -1 if it is beyond 64 bits. time >= 0."""
    if time < _MICROSECONDS:
        return time * 1_000_000 if time <= _MS_MAX else -1
    return time * 1_000 if time <= _US_MAX else -1
