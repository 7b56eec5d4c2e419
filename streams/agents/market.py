"""Normalize in the kernel: a venue's raw frames become book updates, trades, quotes, fundings and RESYNC commands, without an object.

    market.take(work, venue, address, nbytes, id, recv_ts_ns)   # REST: Python has to look at the frame, and nothing has changed
    while market.next(work) != 0: ...                           # one record at a time, in order; `work` holds it
        write(work, run_id, out, room)                          # its Avro body (`market_body`)

The venue's sequence rules decide what belongs to the book. On a gap the book is stale: one BookUpdate says so (`gap`), one RESYNC command
asks the feed for a snapshot, and nothing more of that book is written until the snapshot has come: then the whole book (`snapshot`), then
the diffs held meanwhile, each as its own update.

A perpetual's mark price frames announce the next funding; once they announce a later one, the funding announced before has been settled: at
the rate and the mark price that were told last before it.

A record is carried to its readers before the next one is made, so that a snapshot and the thousand diffs held before it need no more room
than the largest of them. What there is room for, and what happens beyond: `far` levels a side away from the touch, then a far level is not
kept (`BookSide.lost`); `held` words of diffs that await a snapshot, then the oldest are given up (`Sequence.dropped`); a frame of more than
`levels` levels is refused.
"""

from streams.agents.market_body import write
from streams.agents.market_book import MarketBook
from streams.agents.market_work import OLD_SNAPSHOT, SEQUENCE_GAP, MarketWork
from streams.kernel import Array, Struct, Table, at, load_byte, load_word, store_byte
from streams.records import NameKind
from streams.schema.native_rows import NUMBER, TEXT, TEXT_SIZE, find_instrument, instrument_at, name_at
from streams.slots import KIND_COMMAND, KIND_FUNDING, KIND_LEVEL, KIND_QUOTE, KIND_TRADE
from streams.venues.binance.frame_parser import DIFF, MARK, REST, SNAPSHOT, TICKER
from streams.venues.binance.rules import Verdict

__all__ = ["ENTRIES", "REST", "SYMBOL_BYTES", "Market"]

SYMBOL_BYTES: int = 64  # of a symbol at most, with what is looked at behind it
_TEXT_BEHIND = 8

# what is to be written next
_NOTHING, _QUOTE, _TRADE, _FUNDING, _UPDATE, _GAP, _ASK, _WHOLE, _HELD = range(9)


class Market(Struct, align=64):
    """The state of normalize for all instruments of a shard. Sizes: `instruments`, and those of MarketBook.

    now_ns   : the largest receive time and tick seen; a frame that is refused counts too
    first_id, sequence : per kind of slot, writer << 47 and the last sequence used
    books    : by number of the instrument
    """

    now_ns: int
    first_id: Array[int, 32]
    sequence: Array[int, 32]
    books: Table[MarketBook, "instruments"]

    def setup(self) -> None:
        """Take the sizes from the tables. Once, before anything else."""
        for i in range(self.books.n):
            self.books[i].setup()

    def clear(self) -> None:
        """A new run starts without books."""
        for i in range(self.books.n):
            self.books[i].clear()

    def advance(self, ts_ns: int) -> None:
        """Time never goes back."""
        self.now_ns = max(self.now_ns, ts_ns)

    # ---- a frame ----
    def take(self, w: MarketWork, venue: int, address: int, nbytes: int, id: int, recv_ts_ns: int) -> int:
        """Take one frame: the kind of its message, whose records `next` gives; or REST. venue: its number."""
        self.advance(recv_ts_ns)
        w.todo = _NOTHING
        kind = w.frame.parse(address, nbytes)
        if kind == REST:
            return REST
        w.row = self.find(w, venue)
        if w.row == 0 or not w.fit():
            return REST
        w.book = load_word(w.row + NUMBER)
        w.cause_id = id
        w.recv_ts_ns = recv_ts_ns
        if kind == TICKER:
            w.todo = _QUOTE
        elif kind == DIFF:
            self.on_diff(w, self.books[w.book])
        elif kind == SNAPSHOT:
            self.on_snapshot(w, self.books[w.book])
        elif kind == MARK:
            self.on_mark(w, self.books[w.book])
        else:
            self.on_trade(w, self.books[w.book])
        return kind

    def find(self, w: MarketWork, venue: int) -> int:
        """The row of the instrument that the frame is for; 0 if there is none, or it cannot be told."""
        f = w.frame
        if f.symbol_size == 0:
            return self.only(w, venue)
        name = name_at(w.tables, NameKind.VENUE, venue)
        if name == 0 or f.symbol_size > SYMBOL_BYTES - _TEXT_BEHIND:
            return 0
        for i in range(f.symbol_size):  # to where bytes behind it may be looked at
            store_byte(w.symbol + i, load_byte(f.symbol_at + i))
        row = find_instrument(w.tables, load_word(name + TEXT), load_word(name + TEXT_SIZE), w.symbol, f.symbol_size)
        return row if row != 0 and self.knows(load_word(row + NUMBER)) else 0

    def knows(self, number: int) -> bool:
        return number >= 0 and number < self.books.n and self.books[number].known != 0

    def only(self, w: MarketWork, venue: int) -> int:
        """The venue's only instrument: a snapshot without a symbol is for it."""
        found = -1
        for i in range(self.books.n):
            if self.books[i].known != 0 and self.books[i].venue == venue:
                if found >= 0:
                    return 0
                found = i
        return instrument_at(w.tables, found)

    def on_diff(self, w: MarketWork, book: MarketBook) -> None:
        verdict = book.on_diff(w)
        if verdict == Verdict.APPLY:
            w.todo = _UPDATE
        elif verdict == Verdict.GAP and book.asked == 0:
            w.todo = _GAP

    def on_snapshot(self, w: MarketWork, book: MarketBook) -> None:
        if book.on_snapshot(w.frame.last_seq):
            w.todo = _WHOLE
        elif book.sequence.synced == 0:
            w.reason = OLD_SNAPSHOT
            w.reason_seq = w.frame.last_seq
            w.todo = _ASK

    def on_trade(self, w: MarketWork, book: MarketBook) -> None:
        if book.aggregate < 0:
            book.aggregate = w.frame.aggregate
        if w.frame.aggregate == book.aggregate:
            w.todo = _TRADE

    def on_mark(self, w: MarketWork, book: MarketBook) -> None:
        """Once a later funding is announced, the one before has been settled: at the rate and mark that were told last before it."""
        f = w.frame
        if book.marked != 0 and f.next_ts_ns < book.next_ts_ns:
            return  # an older frame, late
        if book.marked != 0 and f.next_ts_ns > book.next_ts_ns:
            w.funding_ts_ns = book.next_ts_ns
            w.rate_e9 = book.rate_e9
            w.mark_e9 = book.mark_e9
            w.todo = _FUNDING
        book.marked = 1
        book.next_ts_ns = f.next_ts_ns
        book.rate_e9 = f.rate_e9
        book.mark_e9 = f.mark_e9

    # ---- its records ----
    def next(self, w: MarketWork) -> int:
        """Make the next record that the frame causes; the kind of its slot, 0 if there is none left."""
        todo = w.todo
        w.todo = _NOTHING
        if todo == _QUOTE:
            self.stamp(w, KIND_QUOTE)
        elif todo == _TRADE:
            self.stamp(w, KIND_TRADE)
        elif todo == _FUNDING:
            self.stamp(w, KIND_FUNDING)
        elif todo == _ASK:
            self.ask(w)
        elif todo != _NOTHING:
            self.update(w, todo)
        else:
            return 0
        w.put_slots()
        return w.kind

    def stamp(self, w: MarketWork, kind: int) -> None:
        self.sequence[kind] += 1
        w.kind = kind
        w.id = self.first_id[kind] + self.sequence[kind]
        w.ts_ns = self.now_ns

    def update(self, w: MarketWork, todo: int) -> None:
        """A book update: a diff, the word that something is missing, the whole book, or a diff that was held until it came."""
        book = self.books[w.book]
        w.snapshot = 1 if todo == _WHOLE else 0
        w.gap = 1 if todo == _GAP else 0
        if todo == _GAP:
            w.touched = 0
            w.frame.bid_count = 0  # the diff itself is held
            w.frame.ask_count = 0
            w.reason = SEQUENCE_GAP
            w.reason_seq = w.frame.first_seq
            w.todo = _ASK
        elif todo == _WHOLE:
            book.replace(w)
        else:
            if todo == _HELD:
                book.take_held(w)
                if not w.fit():
                    raise ValueError("a diff was held that does not fit the instrument")
            book.apply(w)
        if todo == _WHOLE or todo == _HELD:
            w.todo = _HELD if book.held.count > 0 else _NOTHING
        if todo != _GAP:
            book.touch(w)
        self.stamp(w, KIND_LEVEL)

    def ask(self, w: MarketWork) -> None:
        """Ask the feed for a snapshot (contract 15)."""
        self.books[w.book].asked = 1
        self.stamp(w, KIND_COMMAND)


# ---- entry points, int64(int64, ...) ----
def market_take(market: int, work: int, row: int) -> int:
    """Take the frame in a row of the columns that `work` names: the kind of its message, or REST."""
    w = at(MarketWork, work)
    place = 8 * row
    return at(Market, market).take(
        w,
        load_word(w.venues + place),
        load_word(w.places + place),
        load_word(w.sizes + place),
        load_word(w.ids + place),
        load_word(w.times + place),
    )


def market_next(market: int, work: int) -> int:
    """Make the next record that the frame causes; the kind of its slot, 0 if there is none left."""
    return at(Market, market).next(at(MarketWork, work))


def market_write(work: int, run_id: int, out: int, room: int) -> int:
    """Write the Avro body of the record given last: its bytes, or FULL or REST of `market_body`."""
    return write(at(MarketWork, work), run_id, out, room)


def market_clear(market: int) -> int:
    """Forget every book: a new run."""
    at(Market, market).clear()
    return 0


def market_lose(market: int, number: int) -> int:
    """Forget the levels of an instrument whose grid is another now."""
    at(Market, market).books[number].lose()
    return 0


ENTRIES = {
    "market_take": (market_take, 3),
    "market_next": (market_next, 2),
    "market_write": (market_write, 4),
    "market_clear": (market_clear, 1),
    "market_lose": (market_lose, 2),
}
"""Entry points of the compiled market: name -> (function, number of arguments)."""
