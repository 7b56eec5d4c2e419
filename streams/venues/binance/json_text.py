"""JSON text walked in place, strictly: each function takes the address of what begins there and gives the place after it.

What is damaged gives -1, and so does what is valid but rare: escapes, exponents, a nesting deeper than DEPTH. The caller then reads the
text the slow way. Whoever gives an address promises that the byte at `end - 1` is a closing brace: it ends whatever
is not a string, so that only strings look where the text ends.
"""

from streams.kernel import load_byte

__all__ = ["COLON", "COMMA", "DEPTH", "LEFT_BRACE", "LEFT_BRACKET", "QUOTE", "RIGHT_BRACE", "RIGHT_BRACKET"]
__all__ += ["key", "past_blank", "scalar", "string", "value"]

QUOTE, COMMA, COLON = 34, 44, 58
LEFT_BRACE, RIGHT_BRACE, LEFT_BRACKET, RIGHT_BRACKET = 123, 125, 91, 93
DEPTH = 32

_BACKSLASH, _MINUS, _POINT, _ZERO, _NINE = 92, 45, 46, 48, 57
_BLANK = 32
_DIGITS_MAX = 200  # of a number that is passed over: a longer one may be beyond a double, which JSON parsers refuse
_TRUE, _FALSE, _NULL = (int.from_bytes(word, "little") for word in (b"true", b"alse", b"null"))


def past_blank(p: int) -> int:
    """The first byte that is no white space."""
    c = load_byte(p)
    while c == 32 or c == 10 or c == 13 or c == 9:
        p += 1
        c = load_byte(p)
    return p


def string(p: int, end: int) -> int:
    """The place of the quote that ends the string whose first byte is at `p`."""
    while p < end:
        c = load_byte(p)
        if c == QUOTE:
            return p
        if c < _BLANK or c == _BACKSLASH:
            return -1
        p += 1 if c < 128 else _letter_bytes(p, c, end)
    return -1


def key(p: int, end: int) -> int:
    """The value of an object's member, from its key on."""
    if load_byte(p) != QUOTE:
        return -1
    p = string(p + 1, end)
    if p < 0:
        return -1
    p = past_blank(p + 1)
    return past_blank(p + 1) if load_byte(p) == COLON else -1


def scalar(p: int) -> int:
    """The place after a number, true, false or null."""
    c = load_byte(p)
    if c == _MINUS or (c >= _ZERO and c <= _NINE):
        return _number(p)
    word = _four(p + 1) if c == 102 else _four(p)  # "false" from its second letter on
    if c == 102:
        return p + 5 if word == _FALSE else -1
    return p + 4 if word in (_TRUE, _NULL) else -1


def value(p: int, end: int) -> int:
    """The place after any value. It may be `end`."""
    objects = 0  # a bit for each array or object that is open, the innermost lowest: 1 = object
    depth = 0
    while True:
        c = load_byte(p)
        if c in (LEFT_BRACE, LEFT_BRACKET):
            p = past_blank(p + 1)
            if load_byte(p) == c + 2:  # closed at once
                p += 1
            else:
                if depth == DEPTH:
                    return -1
                depth += 1
                objects = objects << 1 | (1 if c == LEFT_BRACE else 0)
                if c == LEFT_BRACE:
                    p = key(p, end)
                    if p < 0:
                        return -1
                continue
        elif c == QUOTE:
            p = string(p + 1, end) + 1
        else:
            p = scalar(p)
        if p <= 0:
            return -1
        while True:  # behind a value
            if depth == 0:
                return p
            if p >= end:
                return -1
            p = past_blank(p)
            c = load_byte(p)
            if c == COMMA:
                p = past_blank(p + 1)
                if objects & 1 != 0:
                    p = key(p, end)
                    if p < 0:
                        return -1
                break
            if c != (RIGHT_BRACE if objects & 1 != 0 else RIGHT_BRACKET):
                return -1
            objects >>= 1
            depth -= 1
            p += 1


def _letter_bytes(p: int, c: int, end: int) -> int:
    """Bytes of the UTF-8 letter at `p` that begins with `c`; more than there are if it is none."""
    size = 2 if c < 224 else 3 if c < 240 else 4
    if c < 194 or c > 244 or p + size >= end:
        return end
    second = load_byte(p + 1)
    least = 160 if c == 224 else 144 if c == 240 else 128  # what fewer bytes could say
    most = 159 if c == 237 else 143 if c == 244 else 191  # surrogates; beyond Unicode
    if second < least or second > most:
        return end
    for i in range(2, size):
        if load_byte(p + i) & 192 != 128:
            return end
    return size


def _number(p: int) -> int:
    first = p
    if load_byte(p) == _MINUS:
        p += 1
    start = p
    p = _digits(p)
    if p == start or (p - start > 1 and load_byte(start) == _ZERO):
        return -1
    if load_byte(p) == _POINT:
        start = p + 1
        p = _digits(start)
        if p == start:
            return -1
    c = load_byte(p)
    return -1 if c == 101 or c == 69 or p - first > _DIGITS_MAX else p


def _digits(p: int) -> int:
    c = load_byte(p)
    while c >= _ZERO and c <= _NINE:
        p += 1
        c = load_byte(p)
    return p


def _four(p: int) -> int:
    """Four bytes as a word, as long as they are letters: the closing brace is none."""
    word = 0
    for i in range(4):
        c = load_byte(p + i)
        if c < 97 or c > 122:
            return 0
        word |= c << 8 * i
    return word
