"""Execution ids in compiled code: the sixteen bytes that `execid.exec_id_words` gives."""

from streams.kernel import below, load_byte, load_word, store_word
from streams.kernel.raw import swap_bytes
from streams.schema.blake2b import DIGEST_BYTES, roll

__all__ = ["put_exec_id"]

NO = -(1 << 63)  # no characters
HIGH_BITS = -0x7F7F7F7F7F7F7F80  # the top bit of every byte
ONES = 0x0101010101010101
HASHED = 0xC0  # two bits that ASCII never has, in the first byte
MARK, HEX_CHARS = 35, 33  # "#" and 32 digits
HASH_FIRST = 99  # "c": with both bits set


def put_exec_id(place: int, p: int, size: int, state: int) -> bool:
    """Store the two words of an execution id at `place`; False for a short one that is not ASCII. Up to 7 bytes behind it are looked at.

    state: room for `blake2b.roll`.
    """
    if size <= DIGEST_BYTES:
        first, second = _characters(p, size), _characters(p + 8, size - 8)
        store_word(place, first)
        store_word(place + 8, second)
        return first != NO and second != NO
    if size == HEX_CHARS and load_byte(p) == MARK and load_byte(p + 1) >= HASH_FIRST and _hex(place, p + 1) and _hex(place + 8, p + 17):
        return True  # it is a hash already
    store_word(state, load_word(p))  # a hash of the digest and a body is one of the id's first 16 bytes and its rest
    store_word(state + 8, load_word(p + 8))
    roll(state, p + DIGEST_BYTES, size - DIGEST_BYTES)
    store_word(place, swap_bytes(load_word(state) | HASHED))
    store_word(place + 8, swap_bytes(load_word(state + 8)))
    return True


def _characters(p: int, size: int) -> int:
    """Eight characters, `size` of them from `p` and then zeros; NO if one is not ASCII, or is 0."""
    if size <= 0:
        return 0
    word, filled = load_word(p), load_word(p)
    if size < 8:
        word &= below(8 * size)
        filled = word | ONES & ~below(8 * size)
    if word & HIGH_BITS != 0 or (filled - ONES) & ~filled & HIGH_BITS != 0:  # only a 0 borrows
        return NO
    return swap_bytes(word)


def _hex(out: int, p: int) -> bool:
    """Store the word of 16 lower-case hex digits; False if they are none."""
    word = 0
    for i in range(16):
        c = load_byte(p + i)
        if 48 <= c <= 57:
            c -= 48
        elif 97 <= c <= 102:
            c -= 87
        else:
            return False
        if i == 0:
            word = c - ((c & 8) << 1)  # the first digit has the sign
        else:
            word = word << 4 | c
    store_word(out, word)
    return True
