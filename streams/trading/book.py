"""L2 book of one instrument: both sides, the touch, and what follows from it. Walks behind the touch: book_depth; copies: book_snapshot.

Resync: an update that says it has a gap before it makes the book stale until a snapshot begins; updates that end before what the book
already covers (a snapshot overtook them) are skipped. A venue without sequence numbers sends 0 and is never skipped.
"""

from streams.kernel import Struct, at, prefetch
from streams.slots import FLAG_FIRST, FLAG_GAP, FLAG_SNAPSHOT, LevelSlot
from streams.trading.book_depth import behind_tick_lots, best_lots, nth_key, reachable_lots, sweep_side
from streams.trading.book_side import NONE, BookSide
from streams.trading.codes import BUY, SELL

__all__ = ["CROSSED", "EMPTY", "LOCKED", "NONE", "NORMAL", "NO_ASK", "NO_BID", "ONE_SIDED", "Book", "BookSide"]

NO_BID: int = NONE  # what bid() gives for an empty side: below every price
NO_ASK: int = 1 << 40  # what ask() gives for an empty side: above every price

# what `state` gives
EMPTY: int = 0
ONE_SIDED: int = 1
NORMAL: int = 2
LOCKED: int = 3  # bid = ask
CROSSED: int = 4  # bid > ask

_MARKS = FLAG_SNAPSHOT | FLAG_GAP
_LEVEL_BYTES = 64
_AHEAD_BYTES = 1024


class Book(Struct, align=64):
    """Both sides of one instrument. Prices in ticks (0 < px_ticks < 2**38), quantities in lots (below 2**52).

    instrument : dictionary number
    last_seq   : the venue's last sequence that was applied through `apply_level`
    stale      : 1 until a snapshot begins, and from a gap until the next one does
    gaps, skipped : gaps seen, and levels left out because the book already covered them
    """

    instrument: int
    last_seq: int
    stale: int = 1
    gaps: int
    skipped: int
    bids: BookSide
    asks: BookSide

    def setup(self) -> None:
        """Take the sizes from the tables. Once, before anything else."""
        self.bids.setup()
        self.asks.setup()

    # ---- changes ----
    def clear(self) -> None:
        """Remove every level of both sides."""
        self.bids.clear()
        self.asks.clear()

    def apply(self, side: int, px_ticks: int, qty_lots: int) -> None:
        """Set the quantity of a level, 0 removes it (removing one that is not there is normal)."""
        s = self.bids if side == BUY else self.asks  # an address, no branch: which side comes next cannot be predicted
        s.put(px_ticks if side == BUY else -px_ticks, qty_lots)

    def apply_level(self, level: LevelSlot) -> None:
        """Apply one slot of a book update; the first slot of a snapshot clears the book before."""
        if (level.flags & _MARKS != 0 or level.last_seq < self.last_seq) and self.skips(level):
            return
        self.last_seq = level.last_seq
        if level.qty_lots >= 0:  # -1: the update has no level
            self.apply(level.side, level.px_ticks, level.qty_lots)

    def skips(self, level: LevelSlot) -> bool:
        """What is not ordinary about a slot: a snapshot, a gap before it, or an age at which it is to be left out (True)."""
        if level.flags & FLAG_SNAPSHOT != 0:
            if level.flags & FLAG_FIRST != 0:
                self.clear()
                self.stale = 0
        elif level.flags & FLAG_GAP != 0:  # before the age: a venue that restarted counts from 1 again
            self.gaps += 1 - self.stale
            self.stale = 1
        elif level.last_seq < self.last_seq and level.last_seq != 0:
            self.skipped += 1
            return True
        return False

    def apply_levels(self, addr: int, n: int) -> None:
        """Apply the `n` LevelSlots that lie behind each other from address `addr` on."""
        for i in range(n):
            prefetch(addr + i * _LEVEL_BYTES + _AHEAD_BYTES)  # a slot is a cache line: waiting for it costs more than applying it
            self.apply_level(at(LevelSlot, addr + i * _LEVEL_BYTES))

    # ---- the touch ----
    def ready(self) -> bool:
        """Both sides have a level."""
        return self.bids.best != NONE and self.asks.best != NONE

    def bid(self) -> int:
        """Best bid in ticks, NO_BID if there is none."""
        return self.bids.best

    def ask(self) -> int:
        """Best ask in ticks, NO_ASK if there is none."""
        return -self.asks.best

    def bid_qty(self) -> int:
        """Lots at the best bid, 0 if there is none."""
        return self.bids.get(self.bids.best)

    def ask_qty(self) -> int:
        """Lots at the best ask, 0 if there is none."""
        return self.asks.get(self.asks.best)

    def qty(self, side: int, px_ticks: int) -> int:
        """Lots at a price, 0 if there are none."""
        return self.bids.get(px_ticks) if side == BUY else self.asks.get(-px_ticks)

    def touch(self, side: int) -> int:
        """Best price of a side in ticks, NONE if it is empty. Start of a walk with `worse`."""
        if side == BUY:
            return self.bids.best
        return NONE if self.asks.best == NONE else -self.asks.best

    def worse(self, side: int, px_ticks: int) -> int:
        """Next occupied price behind `px_ticks` on a side, NONE if there is none."""
        if side == BUY:
            return self.bids.next_key(px_ticks)
        k = self.asks.next_key(-px_ticks)
        return NONE if k == NONE else -k

    # ---- state ----
    def state(self) -> int:
        """EMPTY, ONE_SIDED, NORMAL, LOCKED or CROSSED."""
        if not self.ready():
            return EMPTY if self.bids.best == self.asks.best else ONE_SIDED
        spread = self.spread_ticks()
        if spread > 0:
            return NORMAL
        return LOCKED if spread == 0 else CROSSED

    def crossed(self) -> bool:
        """The best bid is above the best ask."""
        return self.bids.best > -self.asks.best

    def locked(self) -> bool:
        """The best bid equals the best ask."""
        return self.bids.best == -self.asks.best

    # ---- prices ----
    def mid2(self) -> int:
        """Twice the mid in ticks, 0 if a side is empty."""
        return self.bids.best - self.asks.best if self.ready() else 0

    def spread_ticks(self) -> int:
        """Best ask minus best bid; at least 2**39 if a side is empty."""
        return -self.asks.best - self.bids.best

    def microprice_ticks(self) -> float:
        """(bid x ask lots + ask x bid lots) / (bid lots + ask lots): the mid, leaning to the thin side. Ticks; `ready()` must hold.

        As in quotes.v1. Stoikov, "The micro-price" (2018), calls this one the weighted mid; his own is in streams.trading.signals.
        """
        b = self.bid_qty()
        return self.bid() + self.spread_ticks() * (b / (b + self.ask_qty()))

    def weighted_mid_ticks(self, n: int) -> float:
        """The microprice over `n` levels a side: average prices in the place of the touch, all lots in the place of its lots. Ticks.

        n >= 1; `ready()` must hold. With n = 1 it is `microprice_ticks`.
        """
        b = float(best_lots(self.bids, n))
        a = float(best_lots(self.asks, n))
        bid = float(self.bid()) - behind_tick_lots(self.bids, n) / b
        ask = float(self.ask()) + behind_tick_lots(self.asks, n) / a
        return bid + (ask - bid) * (b / (b + a))

    def imbalance(self) -> float:
        """(bid lots - ask lots) / (bid lots + ask lots) at the touch, -1 to 1. `ready()` must hold."""
        b = self.bid_qty()
        a = self.ask_qty()
        return (b - a) / (b + a)

    def imbalance_over(self, n: int) -> float:
        """(bid lots - ask lots) / (bid lots + ask lots) over `n` levels of each side, -1 to 1; 0.0 if the book is empty. n >= 1."""
        b = best_lots(self.bids, n)
        a = best_lots(self.asks, n)
        return float(b - a) / float(b + a) if a + b > 0 else 0.0

    # ---- depth and sweeps ----
    def depth_lots(self, side: int, n: int) -> int:
        """Lots of the `n` best levels of a side, of all if there are fewer."""
        return best_lots(self.bids, n) if side == BUY else best_lots(self.asks, n)

    def depth_px(self, side: int, n: int) -> int:
        """Price of the `n`-th best level of a side in ticks, 1 = the touch, NONE if there are fewer. n >= 1."""
        if side == BUY:
            return nth_key(self.bids, n)
        k = nth_key(self.asks, n)
        return NONE if k == NONE else -k

    def sweep(self, side: int, qty_lots: int) -> "tuple[int, int, int]":
        """What an order of `side` and size takes from the other side, at any price: lots, price x lots, and the last price it reaches.

        The lots are fewer than `qty_lots` if the book holds no more; the last price is NONE if it takes none. Ticks and lots; the caller
        promises that price x lots stays below 2**62.
        """
        if side == SELL:
            return sweep_side(self.bids, qty_lots)
        lots, tick_lots, k = sweep_side(self.asks, qty_lots)
        return lots, tick_lots, NONE if k == NONE else -k

    def sweep_px_ticks(self, side: int, qty_lots: int) -> float:
        """Average price of `sweep` in ticks, 0.0 if the book does not hold `qty_lots` (at least 1)."""
        lots, tick_lots, _ = self.sweep(side, qty_lots)
        return float(tick_lots) / float(lots) if lots == qty_lots else 0.0

    def sweep_lots(self, side: int, px_ticks: int) -> int:
        """Lots that an order of `side` with this limit could take now."""
        return reachable_lots(self.bids, px_ticks) if side == SELL else reachable_lots(self.asks, -px_ticks)

    # ---- health ----
    def lost(self) -> int:
        """Levels that were not stored because a hash was full: 0, or the sizes are too small for this instrument."""
        return self.bids.lost + self.asks.lost
