"""The Avro bodies of what normalize writes, compiled: byte for byte what `codec.encode` gives for the records of `streams.records`."""

from streams.agents.market_work import OLD_SNAPSHOT, RESYNC, MarketWork
from streams.kernel import load_word, store_byte, store_word
from streams.records import NameKind
from streams.schema.bulk_put import LONG_MAX, SLACK, put_long, put_padded, put_size
from streams.schema.native_rows import FORM, FORM_SIZE, PAIR, PAIR_SIZE, name_at
from streams.schema.slots_derived import imbalance, microprice
from streams.slots import KIND_COMMAND, KIND_FUNDING, KIND_LEVEL, KIND_QUOTE

__all__ = ["FULL", "REST", "write", "write_book_update"]

FULL, REST = -1, -2
"""There is too little room; the record is left to Python."""

_LEVEL_MOST = 1 + 2 * LONG_MAX
_FIXED_MOST = 20 * LONG_MAX + SLACK + 64  # of any record, without names and levels; 64: of a reason
_NULLS = 8  # of a command: what only RUN has; the last is an empty array


def _words(text: bytes) -> tuple[int, ...]:
    """A text as words, padded."""
    return tuple(int.from_bytes(text[i : i + 8], "little") for i in range(0, len(text), 8))


_GAP_TEXT, _OLD_TEXT, _OLD_REST = b"sequence gap before ", b"snapshot ", b" is older than the diffs held"
_GAP_WORDS, _OLD_WORDS, _REST_WORDS = _words(_GAP_TEXT), _words(_OLD_TEXT), _words(_OLD_REST)
_GAP_SIZE, _OLD_SIZE, _REST_SIZE = len(_GAP_TEXT), len(_OLD_TEXT), len(_OLD_REST)


def write(w: MarketWork, run_id: int, out: int, room: int) -> int:
    """The body of the record given last, written at `out`: its bytes, FULL, or REST. Nothing is touched beyond out + room."""
    if w.kind == KIND_LEVEL:
        return write_book_update(w, run_id, out, room)
    if w.kind == KIND_COMMAND:
        return _write_resync(w, run_id, out, room)
    pair, size = load_word(w.row + PAIR), load_word(w.row + PAIR_SIZE)
    if room < _FIXED_MOST + size:
        return FULL
    q = put_padded(_head(w, run_id, out), pair, size)
    if w.kind == KIND_QUOTE:
        q = _quote(w, q)
    elif w.kind == KIND_FUNDING:
        q = put_long(put_long(put_long(q, w.funding_ts_ns), w.rate_e9), w.mark_e9)
    else:
        f = w.frame
        q = put_long(put_long(q, f.exch_ts_ns), f.trade_id)
        store_byte(q, f.side << 1)
        q = put_long(put_long(q + 1, f.px_e9[0]), f.qty_e9[0])
    return q - out if q > 0 else q


def write_book_update(w: MarketWork, run_id: int, out: int, room: int) -> int:
    """The same of a book update: levels bids first, in the venue's order."""
    f = w.frame
    n = f.bid_count + f.ask_count
    pair, size = load_word(w.row + PAIR), load_word(w.row + PAIR_SIZE)
    if room < _FIXED_MOST + size + n * _LEVEL_MOST:
        return FULL
    q = put_padded(_head(w, run_id, out), pair, size)
    q = put_long(put_long(put_long(q, f.exch_ts_ns), f.first_seq), f.last_seq)
    store_byte(q, w.snapshot)
    store_byte(q + 1, w.gap)
    q += 2
    if n > 0:
        q = put_size(q, n)
        q = _levels(w, q, 0, f.bids, f.bid_count)
        q = _levels(w, q, 2, f.asks, f.ask_count)
    store_byte(q, 0)
    q += 1
    if w.touched == 0:
        store_word(q, 0)
        return q + 4 - out
    q = _present(_present(q, w.bid_px_e9), w.bid_qty_e9)
    return _present(_present(q, w.ask_px_e9), w.ask_qty_e9) - out


def _head(w: MarketWork, run_id: int, q: int) -> int:
    """The five fields that every record begins with."""
    q = put_long(put_long(put_long(q, w.id), w.cause_id), run_id)
    return put_long(put_long(q, w.ts_ns), w.recv_ts_ns)


def _levels(w: MarketWork, q: int, side: int, start: int, count: int) -> int:
    f = w.frame
    for i in range(start, start + count):
        store_byte(q, side)
        q = put_long(put_long(q + 1, f.px_e9[i]), f.qty_e9[i])
    return q


def _present(q: int, n: int) -> int:
    """A nullable number that is there."""
    store_byte(q, 2)
    return put_long(q + 1, n)


def _quote(w: MarketWork, q: int) -> int:
    f = w.frame
    q = put_long(put_long(q, f.exch_ts_ns), f.last_seq)
    for i in range(2):
        q = put_long(put_long(q, f.px_e9[i]), f.qty_e9[i])
    q = put_long(q, f.px_e9[1] - f.px_e9[0])
    q = imbalance(q, w.qty_lots[0], w.qty_lots[1])
    return microprice(q, w.row, w.px_ticks[0], w.qty_lots[0], w.px_ticks[1], w.qty_lots[1]) if q > 0 else q


def _write_resync(w: MarketWork, run_id: int, out: int, room: int) -> int:
    name = name_at(w.tables, NameKind.INSTRUMENT, w.book)
    size = load_word(name + FORM_SIZE)
    if room < _FIXED_MOST + size:
        return FULL
    q = _head(w, run_id, out)
    store_byte(q, RESYNC << 1)
    q = put_padded(q + 1, load_word(name + FORM), size)
    digits = _digits(w.reason_seq)
    if w.reason == OLD_SNAPSHOT:
        q = put_size(q, _OLD_SIZE + digits + _REST_SIZE)
        for i in range(len(_OLD_WORDS)):
            store_word(q + 8 * i, _OLD_WORDS[i])
        q = _put_number(q + _OLD_SIZE, w.reason_seq, digits)
        for i in range(len(_REST_WORDS)):
            store_word(q + 8 * i, _REST_WORDS[i])
        q += _REST_SIZE
    else:
        q = put_size(q, _GAP_SIZE + digits)
        for i in range(len(_GAP_WORDS)):
            store_word(q + 8 * i, _GAP_WORDS[i])
        q = _put_number(q + _GAP_SIZE, w.reason_seq, digits)
    store_word(q, 0)
    return q + _NULLS - out


def _digits(n: int) -> int:
    """Decimal digits of a number >= 0."""
    size = 1
    while n >= 10:
        n //= 10
        size += 1
    return size


def _put_number(q: int, n: int, digits: int) -> int:
    end = q + digits
    p = end
    for _ in range(digits):
        p -= 1
        store_byte(p, 48 + n % 10)
        n //= 10
    return end
