"""What the market showed, from the slots of market records: the touch where it changed, and the trades. Compiled, and plain the same."""

from streams.kernel import Struct, Table, at, load_word, store_word
from streams.slots import KIND_LEVEL, KIND_QUOTE, KIND_TRADE, LevelSlot, QuoteSlot, Slot, TradeSlot
from streams.trading.book import NO_ASK, NO_BID, Book

__all__ = ["ENTRIES", "NONE_TICKS", "ROW_BYTES", "TOUCH", "TRADE", "Sight"]

TOUCH, TRADE = 0, 1
"""What a row is: bid and ask, NONE_TICKS where there is none; or price and lots of a trade."""
NONE_TICKS = -(1 << 62)
ROW_BYTES = 32  # number of the instrument x 2 + what it is, ts_ns, and two values
_LEVEL_BYTES: int = LevelSlot._size_
_WORD = 8


class SightOf(Struct, align=64):
    """One instrument. quoted: 1 once the venue told its touch, which counts then and not the book; bid, ask: as told last, ticks."""

    quoted: int
    bid_ticks: int
    ask_ticks: int
    book: Book


class Sight(Struct, align=64):
    """All instruments, by number of the dictionary. Sizes: `instruments`, and `window` and `far` of their books."""

    seen: Table[SightOf, "instruments"]

    def setup(self) -> None:
        """Take the sizes from the tables. Once, before anything else."""
        for i in range(self.seen.n):
            self.seen[i].book.setup()
            self.seen[i].bid_ticks = NONE_TICKS
            self.seen[i].ask_ticks = NONE_TICKS

    def take(self, address: int, nbytes: int, ts_ns: int, out: int) -> int:
        """Take in one record, and write a row at `out` if it says something new; 1 if it was written, else 0."""
        slot = at(Slot, address)
        if slot.instrument < 0 or slot.instrument >= self.seen.n:
            return 0
        one = self.seen[slot.instrument]
        if slot.kind == KIND_QUOTE:
            quote = at(QuoteSlot, address)
            one.quoted = 1
            return self.show(one, slot.instrument, quote.bid_px_ticks, quote.ask_px_ticks, ts_ns, out)
        if slot.kind == KIND_LEVEL and one.quoted == 0:
            one.book.apply_levels(address, nbytes // _LEVEL_BYTES)
            bid = NONE_TICKS
            ask = NONE_TICKS
            if one.book.stale == 0 and one.book.bid() != NO_BID:
                bid = one.book.bid()
            if one.book.stale == 0 and one.book.ask() != NO_ASK:
                ask = one.book.ask()
            return self.show(one, slot.instrument, bid, ask, ts_ns, out)
        if slot.kind == KIND_TRADE:
            trade = at(TradeSlot, address)
            self.write(2 * slot.instrument + TRADE, ts_ns, trade.px_ticks, trade.qty_lots, out)
            return 1
        return 0

    def show(self, one: SightOf, instrument: int, bid_ticks: int, ask_ticks: int, ts_ns: int, out: int) -> int:
        """Write the touch if it is another than before."""
        if bid_ticks == one.bid_ticks and ask_ticks == one.ask_ticks:
            return 0
        one.bid_ticks = bid_ticks
        one.ask_ticks = ask_ticks
        self.write(2 * instrument + TOUCH, ts_ns, bid_ticks, ask_ticks, out)
        return 1

    def write(self, what: int, ts_ns: int, first: int, second: int, out: int) -> None:
        """Write a row."""
        store_word(out, what)
        store_word(out + _WORD, ts_ns)
        store_word(out + 2 * _WORD, first)
        store_word(out + 3 * _WORD, second)


def take_all(sight: int, address: int, nbytes: int, ts_ns: int, count: int, out: int) -> int:
    """Take in `count` records, whose columns int64 begin at these addresses; rows written at `out`, which has room for one a record."""
    s = at(Sight, sight)
    rows = 0
    for i in range(count):
        place = _WORD * i
        rows += s.take(load_word(address + place), load_word(nbytes + place), load_word(ts_ns + place), out + ROW_BYTES * rows)
    return rows


def set_up(sight: int) -> int:
    """Make a zeroed Sight ready."""
    at(Sight, sight).setup()
    return 0


ENTRIES = {"take_all": (take_all, 6), "set_up": (set_up, 1)}
