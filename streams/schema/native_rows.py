"""Instruments and names as compiled code finds them in the memory that `native_tables` lays out: by number, or by their bytes.

`tables` is the address of the head. A row's address is 0 if there is none. Places below are byte offsets of int64 words.
"""

from streams.kernel import below, hash64, load_word
from streams.schema.bulk_wire import same_bytes

__all__ = ["find_instrument", "find_name", "hash_text", "instrument_at", "name_at"]
__all__ += ["CL_ORD_PREFIX", "COST_DEN", "COST_NUM", "LOTS_FIT", "PX_DEN", "PX_NUM", "TICKS_FIT"]
__all__ += [
    "EPOCH",
    "HEAD_BYTES",
    "INSTRUMENTS",
    "INSTRUMENT_COUNT",
    "NAMES",
    "NAME_BITS",
    "NAME_TABLE",
    "PAIR_BITS",
    "PAIR_TABLE",
    "SCALE",
]
__all__ += [
    "BOOK_QTY_MOST",
    "BOUND",
    "INSTRUMENT_BYTES",
    "INVERSE",
    "LOT",
    "LOT_ODD",
    "LOT_SHIFT",
    "MONEY_SCALE",
    "MULTIPLIER",
    "NUMBER",
    "ORDER_QTY_MOST",
]
__all__ += ["PAIR", "PAIR_SIZE", "PX_MOST", "QTY_MOST", "SYMBOL", "SYMBOL_SIZE", "TICK", "TICK_ODD", "TICK_SHIFT", "VENUE", "VENUE_SIZE"]
__all__ += ["FORM", "FORM_SIZE", "KIND", "NAME_BYTES", "NAME_NUMBER", "NAME_SCALE", "TEXT", "TEXT_SIZE"]

# the head
EPOCH = 0  # of the dictionary, s since 1970
SCALE = 8  # digits of the money unit that every currency has (`Tables.scale_of_all`)
NAME_BITS, NAME_TABLE = 16, 24  # addresses of name rows by hash of kind and text
PAIR_BITS, PAIR_TABLE = 32, 40  # addresses of instruments' rows by hash of venue and symbol
INSTRUMENTS, INSTRUMENT_COUNT = 48, 56  # rows by number; one without a record has TICK 0
NAMES = 64  # for each NameKind: address of its rows by number, count
CL_ORD_PREFIX = NAMES + 16 * 32  # the first 8 characters of a client order id (`ids.cl_ord_id`) as a word; 0 if the epoch has none
HEAD_BYTES = CL_ORD_PREFIX + 8

# an instrument
NUMBER, TICK, LOT, BOUND, MONEY_SCALE, MULTIPLIER, INVERSE = 0, 8, 16, 24, 32, 40, 48  # as in `edge_tables.Spec`; TICK, LOT x 10^9
PAIR, PAIR_SIZE = 56, 64  # venue and symbol as Avro writes them, one after the other: address, bytes
VENUE, VENUE_SIZE, SYMBOL, SYMBOL_SIZE = 72, 80, 88, 96  # their texts in it: address, bytes
TICK_SHIFT, TICK_ODD, PX_MOST = 104, 112, 120  # `divided` by the tick; the most ticks
LOT_SHIFT, LOT_ODD, BOOK_QTY_MOST, ORDER_QTY_MOST, QTY_MOST = 128, 136, 144, 152, 160  # the most lots, of any int64 too
PX_NUM, PX_DEN, COST_NUM, COST_DEN = 168, 176, 184, 192  # see `native_tables.fraction`: of tick / 10^9, and of a lot's money over its cost
TICKS_FIT, LOTS_FIT = 200, 208  # the most ticks, less than 2^38, and lots whose value x 10^9 fits int64
INSTRUMENT_BYTES = 256

# a name
KIND, NAME_NUMBER, FORM, FORM_SIZE, TEXT, TEXT_SIZE = 0, 8, 16, 24, 32, 40  # FORM: as Avro writes it; TEXT: the text in it
NAME_SCALE = 48  # digits of the money unit, of a currency
NAME_BYTES = 64


def instrument_at(tables: int, number: int) -> int:
    """The row of an instrument's number; 0 if no record gave its rules."""
    if number < 0 or number >= load_word(tables + INSTRUMENT_COUNT):
        return 0
    row = load_word(tables + INSTRUMENTS) + INSTRUMENT_BYTES * number
    return row if load_word(row + TICK) != 0 else 0


def name_at(tables: int, kind: int, number: int) -> int:
    """The row of a name's number; 0 if there is none. kind: a NameKind."""
    if number < 0 or number >= load_word(tables + NAMES + 16 * kind + 8):
        return 0
    return load_word(tables + NAMES + 16 * kind) + NAME_BYTES * number


def find_name(tables: int, kind: int, p: int, size: int) -> int:
    """The row of the name of `size` bytes at `p`; 0 if there is none. Up to 7 bytes behind it are looked at."""
    bits, table = load_word(tables + NAME_BITS), load_word(tables + NAME_TABLE)
    place = hash64(hash_text(p, size, kind), bits)
    while True:
        row = load_word(table + 8 * place)
        if row == 0:
            return 0
        if load_word(row + KIND) == kind and _same_text(row + TEXT, p, size):
            return row
        place = (place + 1) & below(bits)


def find_instrument(tables: int, venue: int, venue_size: int, symbol: int, symbol_size: int) -> int:
    """The row of an instrument by address and bytes of its venue and symbol; 0 if there is none. As `find_name` otherwise."""
    bits, table = load_word(tables + PAIR_BITS), load_word(tables + PAIR_TABLE)
    place = hash64(hash_text(symbol, symbol_size, hash_text(venue, venue_size, 0)), bits)
    while True:
        row = load_word(table + 8 * place)
        if row == 0:
            return 0
        if _same_text(row + SYMBOL, symbol, symbol_size) and _same_text(row + VENUE, venue, venue_size):
            return row
        place = (place + 1) & below(bits)


def hash_text(p: int, size: int, seed: int) -> int:
    """A number of 63 bits that depends on every byte of a text and on a seed."""
    h = hash64(seed + 1, 63) ^ size
    while size >= 8:
        h = hash64(h ^ load_word(p), 63)
        p += 8
        size -= 8
    return hash64(h ^ load_word(p) & below(8 * size), 63)


def _same_text(text: int, p: int, size: int) -> bool:
    """Whether the text of a row, address and bytes at `text`, is this one."""
    if load_word(text + 8) != size:
        return False
    return same_bytes(load_word(text), p, size)
