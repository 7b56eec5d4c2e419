"""What normalize works with while it carries one frame: nothing of it outlives the frame, so it is no part of the state.

The record given last stands in a MarketWork in topic units, and, where a fused node wants it, as slots in the caller's memory.
"""

from streams.kernel import NULL, Struct, Table, load_word, store_word
from streams.records import NameKind
from streams.schema.native_rows import (
    BOOK_QTY_MOST,
    LOT_ODD,
    LOT_SHIFT,
    NAME_NUMBER,
    NUMBER,
    PX_MOST,
    TEXT,
    TEXT_SIZE,
    TICK_ODD,
    TICK_SHIFT,
    find_name,
    name_at,
)
from streams.schema.slot_convert import NO, bounded, divided
from streams.slots import (
    FLAG_FIRST,
    FLAG_GAP,
    FLAG_LAST,
    FLAG_SNAPSHOT,
    KIND_FUNDING,
    KIND_LEVEL,
    KIND_QUOTE,
    KIND_TRADE,
)
from streams.venues.binance.frame_parser import FrameParser

__all__ = ["OLD_SNAPSHOT", "RESYNC", "SEQUENCE_GAP", "SLOT_BYTES", "MarketWork"]

SLOT_BYTES: int = 64  # of a level, and of whatever else has no other size
RESYNC: int = 6  # CommandType.RESYNC
SEQUENCE_GAP: int = 0
OLD_SNAPSHOT: int = 1
_LOW_32 = (1 << 32) - 1
_NO_SIDE = 255  # -1 in a byte


class MarketWork(Struct, align=64):
    """Scratch of one process. Size: `levels` of a frame at most.

    tables  : address of the edge's instruments and names (`native_rows`)
    symbol  : address of SYMBOL_BYTES bytes of room
    slots   : address where the slots of a record are written, with room for `stride` bytes a level and at least 128; 0 = nobody wants them
    stride  : bytes from one level's slot to the next, SLOT_BYTES or more
    frames  : addresses of the columns of the frames to be carried, int64 a row: ids, times (recv_ts_ns), venues (numbers), places, sizes

    row, book, todo      : of the frame: the instrument's row and number, what is to be written next
    frame                : the frame's message; px_ticks, qty_lots: its levels in the kernel's units
    kind, id, cause_id, ts_ns, recv_ts_ns : of the record given last; kind: of its slot
    snapshot, gap        : of a book update; touched: 1 = the touch is known, and stands in bid_px_e9 ... ask_qty_e9
    funding_ts_ns, rate_e9, mark_e9 : of a funding
    reason, reason_seq   : of a RESYNC command: SEQUENCE_GAP before that number, OLD_SNAPSHOT of that number
    slot_bytes           : of the record's slots
    """

    tables: int
    symbol: int
    slots: int
    stride: int
    ids: int
    times: int
    venues: int
    places: int
    sizes: int
    row: int
    book: int
    todo: int
    kind: int
    id: int
    cause_id: int
    ts_ns: int
    recv_ts_ns: int
    snapshot: int
    gap: int
    touched: int
    bid_px_e9: int
    bid_qty_e9: int
    ask_px_e9: int
    ask_qty_e9: int
    funding_ts_ns: int
    rate_e9: int
    mark_e9: int
    reason: int
    reason_seq: int
    slot_bytes: int
    frame: FrameParser
    px_ticks: Table[int, "levels"]
    qty_lots: Table[int, "levels"]

    def fit(self) -> bool:
        """Convert the message's prices and sizes; False if one is not on the instrument's grid, or beyond what memory holds."""
        f, row = self.frame, self.row
        tick_shift, tick_odd, most = load_word(row + TICK_SHIFT), load_word(row + TICK_ODD), load_word(row + PX_MOST)
        lot_shift, lot_odd, qty_most = load_word(row + LOT_SHIFT), load_word(row + LOT_ODD), load_word(row + BOOK_QTY_MOST)
        for i in range(f.count):
            px = divided(f.px_e9[i], tick_shift, tick_odd, most)
            qty = divided(f.qty_e9[i], lot_shift, lot_odd, qty_most)
            if px == NO or qty == NO or not bounded(px, qty, row):
                return False
            self.px_ticks[i] = px
            self.qty_lots[i] = qty
        return True

    # ---- slots: as `streams.slots` lays them out, and `Edge.to_slots` fills them ----
    def head(self, slot: int, side: int, flags: int) -> None:
        """The first 40 bytes of a slot. side: 0, 1, or 255 = none."""
        store_word(slot, self.id)
        store_word(slot + 8, self.cause_id)
        store_word(slot + 16, self.ts_ns)
        store_word(slot + 24, self.recv_ts_ns)
        number = load_word(self.row + NUMBER) & _LOW_32
        store_word(slot + 32, number | self.kind << 32 | side << 40 | flags << 48)

    def put_slots(self) -> None:
        """Write the record's slots, if somebody wants them."""
        if self.slots == 0:
            return
        self.slot_bytes = SLOT_BYTES
        if self.kind == KIND_LEVEL:
            self.put_levels()
        elif self.kind == KIND_QUOTE:
            self.put_quote()
        elif self.kind == KIND_TRADE:
            self.head(self.slots, self.frame.side, 0)
            self.put_three(self.frame.trade_id, self.px_ticks[0], self.qty_lots[0])
        elif self.kind == KIND_FUNDING:
            self.head(self.slots, _NO_SIDE, 0)
            self.put_three(self.funding_ts_ns, self.rate_e9, self.mark_e9)
        else:
            self.put_command()

    def put_three(self, first: int, second: int, third: int) -> None:
        store_word(self.slots + 40, first)
        store_word(self.slots + 48, second)
        store_word(self.slots + 56, third)

    def put_quote(self) -> None:
        slot = self.slots
        self.head(slot, _NO_SIDE, 0)
        for i in range(2):
            store_word(slot + 40 + 16 * i, self.px_ticks[i])
            store_word(slot + 48 + 16 * i, self.qty_lots[i])
        for place in range(72, 128, 8):
            store_word(slot + place, 0)
        self.slot_bytes = 128

    def put_command(self) -> None:
        """The slot of a RESYNC: it gives the numbers of the scope and the strategy that bear the instrument's name, -1 = none."""
        name = name_at(self.tables, NameKind.INSTRUMENT, self.book)
        text, size = load_word(name + TEXT), load_word(name + TEXT_SIZE)
        row = find_name(self.tables, NameKind.SCOPE, text, size)
        scope = load_word(row + NAME_NUMBER) if row != 0 else -1
        row = find_name(self.tables, NameKind.STRATEGY, text, size)
        strategy = load_word(row + NAME_NUMBER) if row != 0 else -1
        self.head(self.slots, _NO_SIDE, 0)
        self.put_three(NULL, (scope & _LOW_32) | (strategy & _LOW_32) << 32, RESYNC)

    def put_levels(self) -> None:
        """A slot a level, bids first; one without a level if there are none."""
        f = self.frame
        common = (FLAG_SNAPSHOT if self.snapshot != 0 else 0) | (FLAG_GAP if self.gap != 0 else 0)
        n = f.bid_count + f.ask_count
        if n == 0:
            self.head(self.slots, _NO_SIDE, common | FLAG_FIRST | FLAG_LAST)
            self.put_three(f.last_seq, 0, -1)
            return
        self.put_side(0, self.slots, f.bids, f.bid_count, common)
        self.put_side(1, self.slots + self.stride * f.bid_count, f.asks, f.ask_count, common)
        self.slot_bytes = self.stride * n
        first, last = self.slots + 32, self.slots + self.stride * (n - 1) + 32
        store_word(first, load_word(first) | FLAG_FIRST << 48)
        store_word(last, load_word(last) | FLAG_LAST << 48)

    def put_side(self, side: int, slot: int, start: int, count: int, flags: int) -> None:
        last_seq = self.frame.last_seq
        for i in range(start, start + count):
            self.head(slot, side, flags)
            store_word(slot + 40, last_seq)
            store_word(slot + 48, self.px_ticks[i])
            store_word(slot + 56, self.qty_lots[i])
            slot += self.stride
