"""Avro's primitives in compiled code: numbers, text and money at an address, and names interned into a dictionary.

A value may be looked at up to 16 bytes past the end of its body: the caller's buffer has that much behind the last one. Whoever calls
compares the place that comes back with the end of the body. 0 as a place says that the bytes are damaged.
"""

import struct
from typing import Any

from llvmlite import ir

from streams.kernel import below, ctz, hash64, load_byte, load_word, store_word
from streams.kernel.prim import I64, primitive

__all__ = ["BEHIND", "FULL", "intern", "is_text", "money", "same_bytes", "size_at", "varint", "widened"]

BEHIND = 16  # bytes that may be looked at behind the last body
FULL = -1  # the dictionary has no room for another name

HIGH = -0x7F7F7F7F7F7F7F80  # the top bit of every byte
EVEN_7 = 0x007F007F007F007F
ODD_7 = 0x7F007F007F007F00
EVEN_14 = 0x00003FFF00003FFF
ODD_14 = 0x3FFF00003FFF0000
LOW_28 = 0x000000000FFFFFFF
HIGH_28 = 0x0FFFFFFF00000000
WORD_MAX = 0x7FFFFFFFFFFFFFFF
MONEY_HI = 0x4B3B4CA85A86C47A  # 10^38 in two words; the low one is positive as an int64 too
MONEY_LO = 0x098A224000000000


def varint(p: int) -> tuple[int, int]:
    """(zigzag number at `p`, place after it); place 0 if it is longer than 10 bytes or does not fit 64 bits."""
    first = load_byte(p)
    if first < 128:
        return (first >> 1) ^ -(first & 1), p + 1
    word = load_word(p)
    stops = ~word & HIGH
    if stops == 0:
        return _long_varint(p, word)
    size = (ctz(stops) >> 3) + 1
    if size < 8:
        word &= below(8 * size)
    n = _packed(word)
    return (n >> 1) ^ -(n & 1), p + size


def size_at(p: int) -> tuple[int, int]:
    """The same for sizes and counts, a byte at a time: they have one byte as a rule, and `varint` is laid out for one place."""
    n = shift = 0
    while True:
        c = load_byte(p)
        p += 1
        if shift == 63 and c > 1:
            return 0, 0
        n |= (c & 127) << shift
        if c < 128:
            return ((n >> 1) & WORD_MAX) ^ -(n & 1), p
        shift += 7


def _long_varint(p: int, word: int) -> tuple[int, int]:
    """A number of nine or ten bytes."""
    ninth, tenth = load_byte(p + 8), load_byte(p + 9)
    n = _packed(word)
    if ninth < 128:  # 63 bits
        n |= ninth << 56
        return (n >> 1) ^ -(n & 1), p + 9
    if tenth > 1:
        return 0, 0
    half = (n >> 1) | (ninth & 127) << 55 | tenth << 62
    return half ^ -(n & 1), p + 10


def _packed(word: int) -> int:
    """Seven bits of each of eight bytes, put together: 56 bits."""
    word = (word & EVEN_7) | (word & ODD_7) >> 1
    word = (word & EVEN_14) | (word & ODD_14) >> 2
    return (word & LOW_28) | (word & HIGH_28) >> 4


def money(p: int, size: int) -> tuple[int, int, int]:
    """(high word, low word, 1 if below 10^38 else 0) of a big-endian two's complement of 0 to 16 bytes."""
    low_size = size if size < 8 else 8
    lo = _big_endian(p + size - low_size, low_size)
    hi = lo >> 63
    if size > 8:
        hi = _big_endian(p, size - 8)
    if hi > MONEY_HI or (hi == MONEY_HI and (lo < 0 or lo >= MONEY_LO)):
        return hi, lo, 0
    if hi < ~MONEY_HI or (hi == ~MONEY_HI and (lo >= 0 or lo <= -MONEY_LO)):
        return hi, lo, 0
    return hi, lo, 1


def _big_endian(p: int, size: int) -> int:
    """A signed number of 0 to 8 bytes."""
    n = 0
    if size > 0:
        n = load_byte(p)
        n -= (n & 128) << 1
    for i in range(1, size):
        n = n << 8 | load_byte(p + i)
    return n


def is_text(p: int, end: int) -> int:
    """1 if the bytes are UTF-8 as Python reads it (no surrogates, nothing too long), else 0."""
    while end - p >= 8:
        if load_word(p) & HIGH:
            return _is_utf8(p, end)
        p += 8
    if load_word(p) & below(8 * (end - p)) & HIGH:
        return _is_utf8(p, end)
    return 1


def _is_utf8(p: int, end: int) -> int:
    """The same, a character at a time (Unicode 15, table 3-7)."""
    while p < end:
        c = load_byte(p)
        if c < 0x80:
            p += 1
            continue
        size = 2 if c < 0xE0 else 3 if c < 0xF0 else 4
        if c < 0xC2 or c > 0xF4 or end - p < size:
            return 0
        second = load_byte(p + 1)
        least = 0xA0 if c == 0xE0 else 0x90 if c == 0xF0 else 0x80
        most = 0x9F if c == 0xED else 0x8F if c == 0xF4 else 0xBF
        if second < least or second > most:
            return 0
        for i in range(2, size):
            if load_byte(p + i) & 0xC0 != 0x80:
                return 0
        p += size
    return 1


def _widened(b: Any, bits: Any) -> Any:
    single = b.bitcast(b.trunc(bits, ir.IntType(32)), ir.FloatType())
    return b.bitcast(b.fpext(single, ir.DoubleType()), I64)


@primitive(_widened)
def widened(bits: int) -> int:
    """The bits of the double that equals the single whose bits are the lower 32."""
    single = struct.unpack("<f", struct.pack("<I", bits & 0xFFFFFFFF))[0]
    return struct.unpack("<q", struct.pack("<d", single))[0]


def intern(dictionary: int, buffer: int, p: int, size: int) -> int:
    """The number of a name in a dictionary, which takes up new ones; FULL if it has no room.

    Its words: names so far, names at most, bits of the table, address of the table (number + 1 or 0), address of (start, size) pairs.
    """
    count, most, bits = load_word(dictionary), load_word(dictionary + 8), load_word(dictionary + 16)
    table, names = load_word(dictionary + 24), load_word(dictionary + 32)
    slot = hash64(_hash(p, size), bits)
    number = load_word(table + 8 * slot)
    while number != 0:
        name = names + 16 * (number - 1)
        if load_word(name + 8) == size and same_bytes(buffer + load_word(name), p, size):
            return number - 1
        slot = (slot + 1) & below(bits)
        number = load_word(table + 8 * slot)
    if count >= most:
        return FULL
    store_word(table + 8 * slot, count + 1)
    store_word(names + 16 * count, p - buffer)
    store_word(names + 16 * count + 8, size)
    store_word(dictionary, count + 1)
    return count


def _hash(p: int, size: int) -> int:
    h = size
    while size >= 8:
        h = hash64(h ^ load_word(p), 63)
        p += 8
        size -= 8
    return h ^ load_word(p) & below(8 * size)


def same_bytes(a: int, b: int, size: int) -> bool:
    """Whether two places hold the same bytes. Up to seven bytes behind each are looked at."""
    while size >= 8:
        if load_word(a) != load_word(b):
            return False
        a += 8
        b += 8
        size -= 8
    return (load_word(a) ^ load_word(b)) & below(8 * size) == 0
