"""Avro's primitives written at an address: each puts a value at `q` and gives the place after it.

A number may touch up to SLACK bytes behind its end: the caller has that much room behind the last value. Money is byte for byte what
`wire.money` writes, whose length Python's `bit_length` gives: -128 takes two bytes.
"""

from streams.kernel import below, clz, ctz, load_byte, load_word, store_byte, store_word
from streams.kernel.raw import swap_bytes

__all__ = [
    "LONG_MAX",
    "MONEY_MAX",
    "SLACK",
    "copy",
    "money_fits",
    "put_bytes",
    "put_decimal",
    "put_long",
    "put_money",
    "put_padded",
    "put_size",
    "wide",
]

LONG_MAX = 10  # bytes of a long, its own and not what is touched behind it
MONEY_MAX = 17
SLACK = 16

LOW_56 = (1 << 56) - 1
LOW_28, HIGH_28 = 0x000000000FFFFFFF, 0x00FFFFFFF0000000
LOW_14, HIGH_14 = 0x00003FFF00003FFF, 0x0FFFC0000FFFC000
LOW_7, HIGH_7 = 0x007F007F007F007F, 0x3F803F803F803F80
HIGH = -0x7F7F7F7F7F7F7F80  # the top bit of every byte
LOW_32 = (1 << 32) - 1
SIGN_32 = 1 << 31
AMOUNT_HI, AMOUNT_LO = divmod(10**38, 1 << 64)  # the low one is positive as an int64 too
POWERS = tuple(10**n for n in range(10))
EXACT = tuple(((1 << 63) - 1) // 10**n for n in range(10))  # the largest number whose product with the power fits


def put_long(q: int, n: int) -> int:
    """A zigzag varint of 1 to 10 bytes; int and enum symbols are written the same."""
    sign = n >> 63
    m = n ^ sign
    if m < 64:
        store_byte(q, m << 1 | sign & 1)
        return q + 1
    low = (m << 1 | sign & 1) & LOW_56
    word = (low & LOW_28) | (low & HIGH_28) << 4
    word = (word & LOW_14) | (word & HIGH_14) << 2
    word = (word & LOW_7) | (word & HIGH_7) << 1
    if m < 1 << 55:
        size = (63 - clz(low)) * 9 + 73 >> 6  # a seventh of the bits, rounded up
        store_word(q, word | HIGH & below(8 * size - 8))
        return q + size
    store_word(q, word | HIGH)
    rest = m >> 55
    if rest < 128:
        store_byte(q + 8, rest)
        return q + 9
    store_byte(q + 8, rest)  # its top bit is set: one more follows
    store_byte(q + 9, 1)
    return q + 10


def put_size(q: int, n: int) -> int:
    """The same of sizes and counts, 0 <= n < 2**62: one byte as a rule, and in its own place for the processor to learn that."""
    n <<= 1
    while n > 127:
        store_byte(q, n & 127 | 128)
        n >>= 7
        q += 1
    store_byte(q, n)
    return q + 1


def copy(q: int, p: int, size: int) -> int:
    """Bytes from `p`, of which no more than `size` are touched on either side; the place after them."""
    end = q + size
    if size < 8:
        while q < end:
            store_byte(q, load_byte(p))
            q += 1
            p += 1
        return end
    last = load_word(p + size - 8)
    while end - q >= 8:
        store_word(q, load_word(p))
        q += 8
        p += 8
    store_word(end - 8, last)
    return end


def put_bytes(q: int, p: int, size: int) -> int:
    """Text or bytes from `p`: size and content. 0 <= size < 2**62."""
    return copy(put_size(q, size), p, size)


def put_padded(q: int, p: int, size: int) -> int:
    """`size` bytes as they are, where up to 7 more may be read behind them at `p`: names that are kept as they are written."""
    end = q + size
    while q < end:
        store_word(q, load_word(p))
        q += 8
        p += 8
    return end


def put_money(q: int, hi: int, lo: int) -> int:
    """A decimal(38, 9) from the two words of the number x 10^9, below 10^38."""
    sign = hi >> 63
    if hi == lo >> 63:
        left = lo ^ sign
        bits = 64 - clz(left)
        if sign != 0 and ctz(lo) == bits:  # a power of two: its amount takes a bit more than its complement
            bits += 1
    else:
        bits = 128 - clz(hi ^ sign) if hi != sign else 64 - clz(lo ^ sign)
        if sign != 0 and (64 + ctz(hi) if lo == 0 else ctz(lo)) == bits:
            bits += 1
    size = (bits + 8) >> 3
    store_byte(q, size << 1)
    q += 1
    if size > 8:
        q = _put_big_endian(q, hi, size - 8)
        store_word(q, swap_bytes(lo))
        return q + 8
    return _put_big_endian(q, lo, size)


def put_decimal(q: int, units: int, digits: int) -> int:
    """Money of `units` x 10^`digits` x 10^-9, 0 <= digits <= 9: money units of 10^-8 have one digit."""
    if -EXACT[digits] <= units <= EXACT[digits]:
        n = units * POWERS[digits]
        return put_money(q, n >> 63, n)
    hi, lo = wide(units, POWERS[digits])
    return put_money(q, hi, lo)


def money_fits(hi: int, lo: int) -> bool:
    """Whether the number of two words has at most 38 digits."""
    if hi == AMOUNT_HI:
        return 0 <= lo < AMOUNT_LO
    if hi == ~AMOUNT_HI:
        return -AMOUNT_LO < lo < 0
    return ~AMOUNT_HI < hi < AMOUNT_HI


def wide(n: int, factor: int) -> tuple[int, int]:
    """High and low word of n x factor, 0 <= factor < 2**31."""
    low, high = (n & LOW_32) * factor, (n >> 32) * factor
    middle = (low >> 32) + (high & LOW_32)
    top = middle & LOW_32
    top -= (top & SIGN_32) << 1
    return (high >> 32) + (middle >> 32), top << 32 | low & LOW_32


def _put_big_endian(q: int, n: int, size: int) -> int:
    """The low `size` bytes of a word, 1 to 8, the highest first."""
    word = swap_bytes(n)
    if size < 8:
        word = word >> 64 - 8 * size & below(8 * size)
    store_word(q, word)
    return q + size
