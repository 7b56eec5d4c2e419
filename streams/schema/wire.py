"""Avro's primitives as bytes: the leaves that the generated codec calls.

Numbers go by tables of 14 bits at a time: a loop of 7 bits costs twice as much in Python. `more` and `money_of` return the value and the
place after it.
"""

import struct
from decimal import Context, Decimal

__all__ = ["DOUBLE", "Bad", "double", "fixed", "integer", "long", "money", "money_of", "more", "raw", "string"]

WIDE = Context(prec=60)
MAX_MONEY = 10**38  # decimal(38, 9): exclusive, of the number without its point
FOUR = struct.Struct("<HHHH")
DOUBLE = struct.Struct("<d")
CACHED = 4096  # names kept as bytes
CACHED_CHARS = 40


class Bad(ValueError):
    """What is wrong with the value at hand; the codec adds record, field and place."""


LAST = [bytes((n,)) if n < 128 else bytes((n & 127 | 128, n >> 7)) for n in range(1 << 14)]  # the number ends here
NEXT = [bytes((n & 127 | 128, n >> 7 | 128)) for n in range(1 << 14)]  # it goes on
NEXT_WORD = [int.from_bytes(b, "little") for b in NEXT]
VALUE = [w & 127 | w >> 1 & 0x3F80 for w in range(1 << 16)]  # 14 bits of two bytes
_names: dict[str, bytes] = {}


def long(n: int) -> bytes:
    """A zigzag varint, 1 to 10 bytes; Bad outside int64."""
    n = n << 1 ^ n >> 63
    if n < 1 << 14:
        if n >= 0:
            return LAST[n]
    elif n < 1 << 28:
        return NEXT[n & 16383] + LAST[n >> 14]
    elif n < 1 << 42:
        return NEXT[n & 16383] + NEXT[n >> 14 & 16383] + LAST[n >> 28]
    elif n < 1 << 56:
        return NEXT[n & 16383] + NEXT[n >> 14 & 16383] + NEXT[n >> 28 & 16383] + LAST[n >> 42]
    elif n < 1 << 64:
        low = FOUR.pack(NEXT_WORD[n & 16383], NEXT_WORD[n >> 14 & 16383], NEXT_WORD[n >> 28 & 16383], NEXT_WORD[n >> 42 & 16383])
        return low + LAST[n >> 56]
    raise Bad("does not fit 64 bits")


def integer(n: int) -> bytes:
    """A zigzag varint, 1 to 5 bytes; Bad outside int32."""
    if -(1 << 31) <= n < 1 << 31:
        return long(n)
    raise Bad("does not fit 32 bits")


def string(s: str) -> bytes:
    """Length and UTF-8. Short ones are remembered: names come again and again."""
    out = _names.get(s)
    if out is None:
        text = s.encode()
        out = long(len(text)) + text
        if len(s) <= CACHED_CHARS:
            if len(_names) >= CACHED:
                _names.clear()
            _names[s] = out
    return out


def raw(b: bytes) -> bytes:
    """Length and bytes."""
    return long(len(b)) + b


def fixed(b: bytes, size: int) -> bytes:
    """Bytes of one size, as they are; Bad if there are more or less."""
    if len(b) != size:
        raise Bad(f"has {len(b)} bytes; {size} are needed")
    return b


def double(x: float) -> bytes:
    """8 bytes."""
    return DOUBLE.pack(x)


def money(d: Decimal) -> bytes:
    """decimal(38, 9): length and two's complement of the number x 10^9; Bad if it has more digits."""
    if not d.is_finite() or d.adjusted() > 29:
        raise Bad("does not fit decimal(38, 9)")
    shifted = d.scaleb(9, WIDE)
    n = int(shifted)
    if n != shifted or (d and d.adjusted() < -9):  # far below, the shift itself makes it 0
        raise Bad("has more than 9 digits after the point")
    if not -MAX_MONEY < n < MAX_MONEY:
        raise Bad("does not fit decimal(38, 9)")
    size = (n.bit_length() + 8) // 8
    return long(size) + n.to_bytes(size, "big", signed=True)


def more(b: bytes, p: int) -> tuple[int, int]:
    """The varint of two bytes or more at `p`, zigzag not undone; Bad above 64 bits, IndexError at the end of the bytes."""
    if len(b) - p < 9:
        return _by_bytes(b, p)
    c0, c1, c2, c3 = FOUR.unpack_from(b, p)
    if c0 < 0x8000:  # the high byte of a word is the later one: below 0x80 it ends the number
        return VALUE[c0], p + 2
    if not c1 & 0x80:
        return VALUE[c0] | (c1 & 127) << 14, p + 3
    if c1 < 0x8000:
        return VALUE[c0] | VALUE[c1] << 14, p + 4
    if not c2 & 0x80:
        return VALUE[c0] | VALUE[c1] << 14 | (c2 & 127) << 28, p + 5
    if c2 < 0x8000:
        return VALUE[c0] | VALUE[c1] << 14 | VALUE[c2] << 28, p + 6
    if not c3 & 0x80:
        return VALUE[c0] | VALUE[c1] << 14 | VALUE[c2] << 28 | (c3 & 127) << 42, p + 7
    if c3 < 0x8000:
        return VALUE[c0] | VALUE[c1] << 14 | VALUE[c2] << 28 | VALUE[c3] << 42, p + 8
    if b[p + 8] < 128:
        return VALUE[c0] | VALUE[c1] << 14 | VALUE[c2] << 28 | VALUE[c3] << 42 | b[p + 8] << 56, p + 9
    return _by_bytes(b, p)


def _by_bytes(b: bytes, p: int) -> tuple[int, int]:
    """The same, byte by byte: near the end of the body, and for 10 bytes."""
    n = shift = 0
    while True:
        c = b[p]
        p += 1
        n |= (c & 127) << shift
        if c < 128:
            break
        shift += 7
        if shift > 63:
            raise Bad("is a number of more than 10 bytes")
    if n >> 64:
        raise Bad("does not fit 64 bits")
    return n, p


def money_of(b: bytes, p: int) -> tuple[Decimal, int]:
    """The decimal(38, 9) at `p`; Bad if it has more than 38 digits."""
    size = b[p]
    p += 1
    if size & 1 or size > 32:  # 16 bytes hold 38 digits; the length is zigzag
        raise Bad("has more than 38 digits")
    end = p + (size >> 1)
    if end > len(b):
        raise IndexError
    n = int.from_bytes(b[p:end], "big", signed=True)
    if not -MAX_MONEY < n < MAX_MONEY:
        raise Bad("has more than 38 digits")
    return Decimal(n).scaleb(-9, WIDE), end
