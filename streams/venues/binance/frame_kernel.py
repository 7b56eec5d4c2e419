"""Lines of a recording found, and frames written as Avro bodies, in compiled code: a wave of thousands in one call.

A line is regular when it is `<digits> <payload>` with a receive time that fits 64 bits; of all others only the place is told, and Python
says what is wrong with them.
"""

from collections.abc import Callable
from functools import cache

from streams.kernel import ctz, load_byte, native
from streams.kernel.raw import load_word, store_word
from streams.schema.bulk_put import SLACK, copy, put_bytes, put_long

__all__ = ["ENTRIES", "FRAME_BYTES", "compiled", "scan_lines", "write_frames"]

FRAME_BYTES = 6 * 10 + 10 + SLACK
"""Room a frame needs beside its payload and the constant parts: six longs, a size, and what may be touched behind the last."""

_LINE_ENDS = 0x0A0A0A0A0A0A0A0A
_LOW, _HIGH = 0x0101010101010101, -0x7F7F7F7F7F7F7F80  # the lowest and the top bit of every byte
_NEW_LINE, _SPACE, _ZERO, _NINE = 0x0A, 0x20, 0x30, 0x39
_TAB, _RETURN = 0x09, 0x0D
_MAX_DIGITS = 19


def scan_lines(text: int, size: int, times: int, starts: int, sizes: int, room: int) -> int:
    """The lines of a text that ends with a line end and has 8 bytes behind it that may be read; how many, at most `room`.

    times, starts, sizes : int64[room] each: receive time in ns, address and bytes of the payload without blanks around it; time -1: not
    regular, and the place is that of the whole line
    """
    p = text
    end = text + size
    n = 0
    while p < end and n < room:
        stop = line_end(p)
        blank = stamp_end(p)
        time = stamp(p, blank) if load_byte(blank) == _SPACE else -1
        first = blank + 1
        last = stop
        while first < last and is_blank(load_byte(first)):
            first += 1
        while first < last and is_blank(load_byte(last - 1)):
            last -= 1
        if time <= 0 or first >= last:
            time, first, last = -1, p, stop
        store_word(times + 8 * n, time)
        store_word(starts + 8 * n, first)
        store_word(sizes + 8 * n, last - first)
        n += 1
        p = stop + 1
    return n


def write_frames(
    n: int,
    first_id: int,
    run_id: int,
    now_ns: int,
    head: int,
    head_size: int,
    middle: int,
    middle_size: int,
    times: int,
    seqs: int,
    starts: int,
    sizes: int,
    out: int,
    ends: int,
) -> int:
    """Write `n` frames one behind the other from `out` on; the bytes they take. The caller has room: FRAME_BYTES, the constant parts and
    the payload of each.

    head, middle : the constant parts, before `id` (the registry's header) and between `recv_ts_ns` and `source_seq` (venue, connection)
    times, seqs, starts, sizes : int64[n]: receive time, source_seq, address and bytes of the payload
    ends         : int64[n]: where each frame ends, from `out`
    """
    q = out
    for i in range(n):
        time = load_word(times + 8 * i)
        q = copy(q, head, head_size)
        q = put_long(q, first_id + i)
        q = put_long(q, 0)
        q = put_long(q, run_id)
        q = put_long(q, max(now_ns, time))
        q = put_long(q, time)
        q = copy(q, middle, middle_size)
        q = put_long(q, load_word(seqs + 8 * i))
        q = put_bytes(q, load_word(starts + 8 * i), load_word(sizes + 8 * i))
        store_word(ends + 8 * i, q - out)
    return q - out


ENTRIES: dict[str, tuple[Callable[..., int], int]] = {"scan_lines": (scan_lines, 6), "write_frames": (write_frames, 14)}


@cache
def compiled() -> dict[str, Callable[..., int]]:
    """The entries as machine code."""
    return native.functions("frames", ENTRIES, [*native.sources("streams.schema.bulk_put"), __file__])


# ---- one line ----
def line_end(p: int) -> int:
    """Where the line at `p` ends: the place of its line end."""
    while True:
        x = load_word(p) ^ _LINE_ENDS
        found = (x - _LOW) & ~x & _HIGH  # the lowest bit set is that of the first byte that is 0
        if found != 0:
            return p + (ctz(found) >> 3)
        p += 8


def stamp_end(p: int) -> int:
    """The first byte from `p` on that is no digit."""
    while _ZERO <= load_byte(p) <= _NINE:
        p += 1
    return p


def stamp(p: int, end: int) -> int:
    """The number that these digits write; -1 if there is none or it does not fit."""
    digits = end - p
    if digits == 0 or digits > _MAX_DIGITS or (digits == _MAX_DIGITS and load_byte(p) == _NINE):
        return -1  # 9 x 10^18 is in the year 2255: Python looks at it
    value = 0
    while p < end:
        value = 10 * value + load_byte(p) - _ZERO
        p += 1
    return value


def is_blank(byte: int) -> bool:
    """What `bytes.strip` takes away."""
    return byte == _SPACE or _TAB <= byte <= _RETURN
