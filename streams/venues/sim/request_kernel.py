"""A request's slot as the simulated venue's text, in compiled code: `write_request`. The text is that of `request_text`, byte for byte.

What is rare is left to that: REST says so, FULL that there is no room. Constant texts are kept as words of eight bytes, zeros behind them.
"""

from streams.kernel import NULL, at, clz, ctz, load_byte, load_word, store_byte, store_word
from streams.records import OrderAction, OrdType, Side, TimeInForce
from streams.schema import native_rows as rows
from streams.schema.bulk_put import copy
from streams.schema.native_rows import instrument_at
from streams.schema.slots_derived import order_text
from streams.slots import KIND_REQUEST, RequestSlot

__all__ = ["FULL", "MOST", "REST", "write_request", "write_requests"]

FULL, REST = -1, -2
MOST = 512  # bytes of a text at most, with what is touched behind it, the symbol not counted

E9 = 10**9
E8 = 10**8
E16 = 10**16
ASCII = 0x3030303030303030
QUOTE, BACKSLASH, BLANK, DELETE = 0x22, 0x5C, 0x20, 0x7F
NEW = OrderAction.NEW
CANCEL = OrderAction.CANCEL
_TEXTS = [
    *(f'{{"op":"{a.name.lower()}","req":' for a in OrderAction),
    *(f'","side":"{s.name}","type":"' for s in Side),
    *(t.name for t in OrdType),
    *(f'","tif":"{t.name}","post_only":' for t in TimeInForce),
    "false",
    "true",
    ',"cl_ord_id":"',
    '","symbol":"',
    '","qty":"',
    '","px":"',
    ',"stop_px":"',
    ',"display_qty":"',
    ',"min_qty":"',
    ',"max_floor_qty":"',
    ',"peg_offset":"',
    ',"expire_ts_ns":',
]
OPS = 0
SIDES = OPS + len(OrderAction)
TYPES = SIDES + len(Side)
TIFS = TYPES + len(OrdType)
BOOLS = TIFS + len(TimeInForce)
CL_ORD_ID = BOOLS + 2
SYMBOL, QTY, PX = CL_ORD_ID + 1, CL_ORD_ID + 2, CL_ORD_ID + 3
STOP_PX, DISPLAY_QTY, MIN_QTY, MAX_FLOOR_QTY, PEG_OFFSET, EXPIRE = (PX + n for n in range(1, 7))
ACTION_COUNT, SIDE_COUNT, TYPE_COUNT, TIF_COUNT = len(OrderAction), len(Side), len(OrdType), len(TimeInForce)
WORDS_EACH = 4
SIZES = tuple(len(text) for text in _TEXTS)  # at most 32
WORDS = tuple(int.from_bytes(text.encode().ljust(32, b"\0")[i : i + 8], "little") for text in _TEXTS for i in range(0, 32, 8))


def write_request(tables: int, slot: int, out: int, room: int) -> int:
    """The text of the RequestSlot at `slot`, written at `out`: its bytes, FULL if `room` may be too small, or REST.

    tables: the edge's (`NativeTables.address`). Nothing is touched beyond out + room; what stands there after FULL or REST has no meaning.
    """
    r = at(RequestSlot, slot)
    row = instrument_at(tables, r.instrument)
    if row == 0 or r.kind != KIND_REQUEST or r.id < 0 or not 0 <= r.action < ACTION_COUNT:
        return REST
    size = load_word(row + rows.SYMBOL_SIZE)
    if room < MOST + size:
        return FULL
    q = _put_digits(_put(out, OPS + r.action), r.id)
    q = _put(q, CL_ORD_ID)
    # `order_text` writes the size first, which the next store covers: the text begins a byte later
    end = order_text(q - 1, load_word(tables + rows.CL_ORD_PREFIX), r.order_id)
    if end < 0:
        return REST
    store_byte(q - 1, QUOTE)
    q = _put(end, SYMBOL)
    if not _is_plain(load_word(row + rows.SYMBOL), size):
        return REST
    q = copy(q, load_word(row + rows.SYMBOL), size)
    if r.action != CANCEL:
        q = _put_terms(q, r, row)
        if q < 0:
            return REST
    else:
        store_byte(q, QUOTE)
        q += 1
    store_byte(q, 0x7D)
    return q + 1 - out


def write_requests(tables: int, slots: int, stride: int, count: int, out: int, room: int, starts: int) -> int:
    """The texts of `count` RequestSlots, `stride` bytes apart, one after the other with a newline between; how many were written.

    starts: where each begins and the last ends, count + 1 words; fewer than `count`: behind the last stands FULL or REST.
    """
    done = 0
    for i in range(count):
        store_word(starts + 8 * i, done)
        size = write_request(tables, slots + i * stride, out + done, room - done - 1)
        if size < 0:
            store_word(starts + 8 * i + 8, size)
            return i
        store_byte(out + done + size, 0x0A)
        done += size + 1
    store_word(starts + 8 * count, done)
    return count


def _put_terms(q: int, r: RequestSlot, row: int) -> int:
    """What a NEW or REPLACE says more; the place after it, or REST."""
    tick, most_ticks = load_word(row + rows.TICK), load_word(row + rows.TICKS_FIT)
    lot, most_lots = load_word(row + rows.LOT), load_word(row + rows.LOTS_FIT)
    q = _put_steps(_put(q, QTY), r.qty_lots, lot, most_lots)
    if r.px_ticks != NULL and q > 0:
        q = _put_steps(_put(q, PX), r.px_ticks, tick, most_ticks)
    if q < 0:
        return REST
    if r.action != NEW:
        store_byte(q, QUOTE)
        return q + 1
    if not (0 <= r.side < SIDE_COUNT and 0 <= r.ord_type < TYPE_COUNT and 0 <= r.time_in_force < TIF_COUNT):
        return REST
    q = _put(_put(q, SIDES + r.side), TYPES + r.ord_type)
    q = _put(_put(q, TIFS + r.time_in_force), BOOLS + (1 if r.post_only == 1 else 0))
    q = _put_maybe(q, STOP_PX, r.stop_px_ticks, tick, most_ticks)
    q = _put_maybe(q, DISPLAY_QTY, r.display_qty_lots, lot, most_lots)
    q = _put_maybe(q, MIN_QTY, r.min_qty_lots, lot, most_lots)
    q = _put_maybe(q, MAX_FLOOR_QTY, r.max_floor_qty_lots, lot, most_lots)
    q = _put_maybe(q, PEG_OFFSET, r.peg_offset_ticks, tick, most_ticks)
    if q > 0 and r.expire_ts_ns != NULL:
        q = _put_digits(_put(q, EXPIRE), r.expire_ts_ns) if r.expire_ts_ns >= 0 else REST
    return q


def _put(q: int, text: int) -> int:
    """A constant text; up to 31 bytes behind it are touched."""
    first = WORDS_EACH * text
    store_word(q, WORDS[first])
    store_word(q + 8, WORDS[first + 1])
    store_word(q + 16, WORDS[first + 2])
    store_word(q + 24, WORDS[first + 3])
    return q + SIZES[text]


def _put_maybe(q: int, text: int, steps: int, step_e9: int, most: int) -> int:
    """A figure that may be null, in quotes; REST stays REST."""
    if q < 0 or steps == NULL:
        return q
    q = _put_steps(_put(q, text), steps, step_e9, most)
    if q < 0:
        return REST
    store_byte(q, QUOTE)
    return q + 1


def _put_steps(q: int, steps: int, step_e9: int, most: int) -> int:
    """Ticks or lots as `units.from_e9` writes them, at most `most`; REST beyond."""
    if steps < -most or steps > most:
        return REST
    e9 = steps * step_e9
    if e9 < 0:
        store_byte(q, 0x2D)
        q += 1
        e9 = -e9
    q = _put_digits(q, e9 // E9)
    rest = e9 % E9
    if rest == 0:
        return q
    store_byte(q, 0x2E)
    digits, last = _eight(rest // 10), rest % 10
    store_word(q + 1, digits + ASCII)
    if last != 0:
        store_byte(q + 9, 48 + last)
        return q + 10
    return q + 9 - (clz(digits) >> 3)


def _put_digits(q: int, n: int) -> int:
    """A number from 0 on; up to 7 bytes behind it are touched."""
    if n >= E16:
        q = _put_head(q, n // E16)
        store_word(q, _eight(n // E8 % E8) + ASCII)
        q += 8
    elif n >= E8:
        q = _put_head(q, n // E8)
    else:
        return _put_head(q, n)
    store_word(q, _eight(n % E8) + ASCII)
    return q + 8


def _put_head(q: int, n: int) -> int:
    """The first digits of a number, below 10^8, without zeros before them."""
    digits = _eight(n)
    zeros = ctz(digits) & 56 if digits != 0 else 56
    store_word(q, digits + ASCII >> zeros)
    return q + 8 - (zeros >> 3)


def _eight(n: int) -> int:
    """Eight decimal digits of n < 10^8, a byte each, the first in the lowest: halves, quarters and digits divided at once."""
    halves = n // 10_000 | (n % 10_000) << 32
    hundreds = (halves * 10_486 >> 20) & 0x0000007F0000007F
    pairs = hundreds | (halves - 100 * hundreds) << 16
    tens = (pairs * 103 >> 10) & 0x000F000F000F000F
    return tens | (pairs - 10 * tens) << 8


def _is_plain(p: int, size: int) -> bool:
    """Whether JSON writes a text as it is."""
    plain = True
    for i in range(size):
        c = load_byte(p + i)
        plain = plain and BLANK <= c < DELETE and c != QUOTE and c != BACKSLASH
    return plain
