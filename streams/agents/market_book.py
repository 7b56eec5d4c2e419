"""The book of one market as normalize rebuilds it: the venue's sequence, the levels, what is held until a snapshot comes."""

from streams.agents.market_held import DIFF_WORDS, Held
from streams.agents.market_work import MarketWork
from streams.kernel import Struct
from streams.trading.book_side import NONE, BookSide
from streams.venues.binance.rules import Verdict
from streams.venues.binance.sequence import Sequence

__all__ = ["MarketBook"]


class MarketBook(Struct, align=64):
    """One instrument. Sizes: `window`, `far` (levels, see BookSide), `held` (see Held).

    known        : 1 = the instrument was announced; venue: the venue's number
    tick_e9, lot_e9 : its grid
    asked        : 1 = RESYNC written, no snapshot since
    aggregate    : 1 = aggTrade tells this book's trades, 0 = trade; -1 = none yet: the kind that comes first counts
    marked       : 1 = a mark price was told; the last one: mark_e9, rate_e9, next_ts_ns (of the next funding)
    """

    known: int
    venue: int
    tick_e9: int
    lot_e9: int
    asked: int
    aggregate: int = -1
    marked: int
    mark_e9: int
    rate_e9: int
    next_ts_ns: int
    sequence: Sequence
    held: Held
    bids: BookSide
    asks: BookSide

    def setup(self) -> None:
        """Take the sizes from the tables. Once, before anything else."""
        self.held.setup()
        self.bids.setup()
        self.asks.setup()

    def clear(self) -> None:
        """As before the first frame; the instrument stays."""
        self.sequence.clear()
        self.held.clear()
        self.clear_levels()
        self.asked = 0
        self.aggregate = -1
        self.marked = 0

    def lose(self) -> None:
        """The grid is another: levels and diffs of the old one are forgotten, and the next diff asks for a snapshot as after a gap."""
        if self.sequence.synced != 0 or self.sequence.last_seq >= 0:
            self.sequence.last_seq = 0  # which no diff follows
        self.sequence.synced = 0
        self.sequence.snapshot_seq = -1
        self.sequence.dropped += self.held.count
        self.held.clear()
        self.clear_levels()
        self.asked = 0

    def clear_levels(self) -> None:
        self.bids.clear()
        self.asks.clear()

    # ---- the sequence ----
    def on_diff(self, w: MarketWork) -> int:
        """The Verdict on the diff in `w`, which is kept if that says so."""
        f = w.frame
        verdict = self.sequence.on_diff(f.first_seq, f.last_seq, f.prev_seq)
        if verdict == Verdict.GAP:  # what came before the break cannot be joined to what follows
            self.sequence.dropped += self.held.count
            self.held.clear()
        if verdict == Verdict.GAP or verdict == Verdict.HOLD:
            self.hold(w)
        return verdict

    def hold(self, w: MarketWork) -> None:
        """Keep the diff in `w`; where there is no room, the oldest are given up, and at last itself."""
        f = w.frame
        levels = f.bid_count + f.ask_count
        self.sequence.dropped += self.held.make_room(levels)
        if not self.held.fits(levels):
            self.sequence.dropped += 1
            return
        self.held.put(f.exch_ts_ns)
        self.held.put(f.first_seq)
        self.held.put(f.last_seq)
        self.held.put(f.prev_seq)
        self.held.put(f.bid_count)
        self.held.put(f.ask_count)
        for i in range(f.bids, f.bids + f.bid_count):
            self.held.put(f.px_e9[i])
            self.held.put(f.qty_e9[i])
        for i in range(f.asks, f.asks + f.ask_count):
            self.held.put(f.px_e9[i])
            self.held.put(f.qty_e9[i])
        self.held.count += 1

    def on_snapshot(self, last_update_id: int) -> bool:
        """Accept a snapshot: the held diffs that remain are to be applied after it. False: it is older than what is known."""
        if self.sequence.overtaken(last_update_id):
            return False
        older = 0
        place = self.held.head
        while older < self.held.count and self.sequence.older(self.held.word(place + 2), last_update_id):
            place += self.held.size_at(place)
            older += 1
        kept = older < self.held.count
        if kept and not self.sequence.brackets(self.held.word(place + 1), self.held.word(place + 3), last_update_id):
            return False
        self.sequence.dropped += older
        for _ in range(older):
            self.held.drop()
        self.sequence.synced = 1
        self.sequence.snapshot_seq = -1 if kept else last_update_id
        self.asked = 0
        return True

    def take_held(self, w: MarketWork) -> None:
        """Move the oldest diff that is held to `w`."""
        f = w.frame
        place = self.held.head
        f.exch_ts_ns = self.held.word(place)
        f.first_seq = self.held.word(place + 1)
        f.last_seq = self.held.word(place + 2)
        f.prev_seq = self.held.word(place + 3)
        f.bids = 0
        f.bid_count = self.held.word(place + 4)
        f.asks = f.bid_count
        f.ask_count = self.held.word(place + 5)
        f.count = f.bid_count + f.ask_count
        for i in range(f.count):
            f.px_e9[i] = self.held.word(place + DIFF_WORDS + 2 * i)
            f.qty_e9[i] = self.held.word(place + DIFF_WORDS + 2 * i + 1)
        self.held.drop()

    # ---- the levels ----
    def replace(self, w: MarketWork) -> None:
        """Forget every level and take those in `w`."""
        self.clear_levels()
        f = w.frame
        for i in range(f.bids, f.bids + f.bid_count):
            if w.qty_lots[i] != 0:
                self.bids.put(w.px_ticks[i], w.qty_lots[i])
        for i in range(f.asks, f.asks + f.ask_count):
            if w.qty_lots[i] != 0:
                self.asks.put(-w.px_ticks[i], w.qty_lots[i])

    def apply(self, w: MarketWork) -> None:
        """Set the levels in `w` to their new sizes; 0 removes one, and removing what is not there is normal."""
        f = w.frame
        for i in range(f.bids, f.bids + f.bid_count):
            self.bids.put(w.px_ticks[i], w.qty_lots[i])
        for i in range(f.asks, f.asks + f.ask_count):
            self.asks.put(-w.px_ticks[i], w.qty_lots[i])

    def touch(self, w: MarketWork) -> None:
        """Give `w` the best bid and ask, if both sides have one."""
        w.touched = 1 if self.bids.best != NONE and self.asks.best != NONE else 0
        if w.touched != 0:
            w.bid_px_e9 = self.bids.best * self.tick_e9
            w.bid_qty_e9 = self.bids.get(self.bids.best) * self.lot_e9
            w.ask_px_e9 = -self.asks.best * self.tick_e9
            w.ask_qty_e9 = self.asks.get(self.asks.best) * self.lot_e9
