"""The market's records in slots of a ring, 128 bytes each: what is put there, and read again as the record it was.

A slot begins as `streams.slots` lays it out. Its last bytes, which no such slot uses, hold what the record has beyond it, so that whoever
reads the ring can write the record's Avro body (`streams.agents.market_records`):

    level    bytes 64-95 of the first slot: best bid and ask as in the record (price, size, price, size, x 10^9); byte 96: 1 = known
    all      104 1 = another record of the same frame follows, published apart; of the first slot
             112 the venue's sequence number that the slot lacks: first_seq of a level, seq of a quote, the number that a RESYNC tells
             120 exch_ts_ns; of a RESYNC its reason (`market_work`)
"""

from streams.agents.market_work import MarketWork
from streams.kernel import load_byte, load_word, store_word
from streams.kernel.raw import load_half
from streams.schema.native_rows import LOT, NUMBER, TICK, instrument_at
from streams.slots import FLAG_GAP, FLAG_LAST, FLAG_SNAPSHOT, KIND_COMMAND, KIND_FUNDING, KIND_LEVEL, KIND_QUOTE, KIND_TRADE

__all__ = ["LARGEST_KIND", "MORE", "RING_BYTES", "get_record", "put_record", "record_slots", "slots_of"]

RING_BYTES: int = 128
MORE: int = 104
LARGEST_KIND: int = 23
"""Kinds beyond it are marks of lanes, which stand between records."""
_KIND, _SIDE, _FLAGS = 36, 37, 38
_TOUCH, _TOUCHED, _SEQ, _EXCH = 64, 96, 112, 120


def slots_of(w: MarketWork) -> int:
    """Slots that the record made last takes in a ring."""
    if w.kind != KIND_LEVEL:
        return 1
    return max(1, w.frame.bid_count + w.frame.ask_count)


def put_record(w: MarketWork, to: int) -> None:
    """Write the record made last at `to`, where there is room for `slots_of` slots."""
    for slot in range(to, to + RING_BYTES * slots_of(w), RING_BYTES):
        for place in range(slot + 64, slot + RING_BYTES, 8):
            store_word(place, 0)
    w.slots = to
    w.stride = RING_BYTES
    w.put_slots()
    w.slots = 0
    f = w.frame
    if w.todo != 0:
        store_word(to + MORE, 1)
    if w.kind == KIND_LEVEL:
        store_word(to + _SEQ, f.first_seq)
        store_word(to + _TOUCHED, w.touched)
        if w.touched != 0:
            store_word(to + _TOUCH, w.bid_px_e9)
            store_word(to + _TOUCH + 8, w.bid_qty_e9)
            store_word(to + _TOUCH + 16, w.ask_px_e9)
            store_word(to + _TOUCH + 24, w.ask_qty_e9)
    if w.kind == KIND_QUOTE:
        store_word(to + _SEQ, f.last_seq)
    if w.kind == KIND_COMMAND:
        store_word(to + _SEQ, w.reason_seq)
        store_word(to + _EXCH, w.reason)
    elif w.kind != KIND_FUNDING:
        store_word(to + _EXCH, f.exch_ts_ns)


def record_slots(slot: int, most: int) -> int:
    """Slots of the record that begins at `slot`; 0 if its end is not among the `most` slots there."""
    if load_byte(slot + _KIND) != KIND_LEVEL:
        return 1
    n = 1
    while load_byte(slot + RING_BYTES * (n - 1) + _FLAGS) & FLAG_LAST == 0:
        n += 1
        if n > most:
            return 0
    return n


def get_record(w: MarketWork, slot: int, n: int) -> bool:
    """Let the record in `n` slots stand in `w` as when it was made; False if its instrument has no rules, or `w` too little room."""
    row = instrument_at(w.tables, load_half(slot + 32))
    if row == 0 or n > w.px_ticks.n:
        return False
    f = w.frame
    w.row = row
    w.book = load_word(row + NUMBER)
    w.kind = load_byte(slot + _KIND)
    w.id = load_word(slot)
    w.cause_id = load_word(slot + 8)
    w.ts_ns = load_word(slot + 16)
    w.recv_ts_ns = load_word(slot + 24)
    f.exch_ts_ns = load_word(slot + _EXCH)
    if w.kind == KIND_LEVEL:
        _get_levels(w, slot, n)
    elif w.kind == KIND_QUOTE:
        f.last_seq = load_word(slot + _SEQ)
        for i in range(2):
            _get_level(w, i, slot + 40 + 16 * i)
    elif w.kind == KIND_TRADE:
        f.trade_id = load_word(slot + 40)
        f.side = load_byte(slot + _SIDE)
        _get_level(w, 0, slot + 48)
    elif w.kind == KIND_FUNDING:
        w.funding_ts_ns = load_word(slot + 40)
        w.rate_e9 = load_word(slot + 48)
        w.mark_e9 = load_word(slot + 56)
    else:
        w.reason_seq = load_word(slot + _SEQ)
        w.reason = load_word(slot + _EXCH)
    return True


def _get_levels(w: MarketWork, slot: int, n: int) -> None:
    f = w.frame
    flags = load_byte(slot + _FLAGS)
    w.snapshot = 1 if flags & FLAG_SNAPSHOT != 0 else 0
    w.gap = 1 if flags & FLAG_GAP != 0 else 0
    w.touched = load_word(slot + _TOUCHED)
    w.bid_px_e9 = load_word(slot + _TOUCH)
    w.bid_qty_e9 = load_word(slot + _TOUCH + 8)
    w.ask_px_e9 = load_word(slot + _TOUCH + 16)
    w.ask_qty_e9 = load_word(slot + _TOUCH + 24)
    f.first_seq = load_word(slot + _SEQ)
    f.last_seq = load_word(slot + 40)
    bids = 0
    asks = 0
    if load_word(slot + 56) >= 0:  # else there is no level
        for i in range(n):
            level = slot + RING_BYTES * i
            _get_level(w, i, level + 48)
            if load_byte(level + _SIDE) == 0:
                bids += 1
            else:
                asks += 1
    f.bids = 0
    f.bid_count = bids
    f.asks = bids
    f.ask_count = asks


def _get_level(w: MarketWork, i: int, place: int) -> None:
    """A price in ticks and a size in lots, which lie one after the other."""
    w.px_ticks[i] = load_word(place)
    w.qty_lots[i] = load_word(place + 8)
    w.frame.px_e9[i] = w.px_ticks[i] * load_word(w.row + TICK)
    w.frame.qty_e9[i] = w.qty_lots[i] * load_word(w.row + LOT)
