"""L2 book of one instrument: both sides, the touch, and what follows from it."""

from streams.kernel import Struct, at
from streams.slots import FLAG_FIRST, FLAG_SNAPSHOT, LevelSlot
from streams.trading.book_side import NONE, BookSide
from streams.trading.codes import BUY

__all__ = ["NONE", "NO_ASK", "NO_BID", "Book", "BookSide"]

NO_BID: int = NONE  # what bid() gives for an empty side: below every price
NO_ASK: int = 1 << 40  # what ask() gives for an empty side: above every price

_WHOLE = FLAG_FIRST | FLAG_SNAPSHOT
_LEVEL_BYTES = 64


class Book(Struct, align=64):
    """Both sides of one instrument. Prices in ticks (0 < px_ticks < 2**38), quantities in lots (below 2**52).

    instrument : dictionary number
    last_seq   : the venue's last sequence that was applied through `apply_levels`
    """

    instrument: int
    last_seq: int
    bids: BookSide
    asks: BookSide

    def setup(self) -> None:
        """Take the sizes from the tables. Once, before anything else."""
        self.bids.setup()
        self.asks.setup()

    def clear(self) -> None:
        """Remove every level of both sides."""
        self.bids.clear()
        self.asks.clear()

    def apply(self, side: int, px_ticks: int, qty_lots: int) -> None:
        """Set the quantity of a level, 0 removes it (removing one that is not there is normal)."""
        if side == BUY:
            self.bids.put(px_ticks, qty_lots)
        else:
            self.asks.put(-px_ticks, qty_lots)

    def apply_level(self, level: LevelSlot) -> None:
        """Apply one slot of a book update; the first slot of a snapshot clears the book before."""
        if level.flags & _WHOLE == _WHOLE:
            self.clear()
        self.last_seq = level.last_seq
        if level.qty_lots >= 0:  # -1: the update has no level
            self.apply(level.side, level.px_ticks, level.qty_lots)

    def apply_levels(self, addr: int, n: int) -> None:
        """Apply the `n` LevelSlots that lie behind each other from address `addr` on."""
        for i in range(n):
            self.apply_level(at(LevelSlot, addr + i * _LEVEL_BYTES))

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

    def crossed(self) -> bool:
        """The best bid is above the best ask."""
        return self.bids.best > -self.asks.best

    def locked(self) -> bool:
        """The best bid equals the best ask."""
        return self.bids.best == -self.asks.best

    def mid2(self) -> int:
        """Twice the mid in ticks, 0 if a side is empty."""
        return self.bids.best - self.asks.best if self.ready() else 0

    def spread_ticks(self) -> int:
        """Best ask minus best bid; at least 2**39 if a side is empty."""
        return -self.asks.best - self.bids.best

    def microprice_ticks(self) -> float:
        """(bid x ask lots + ask x bid lots) / (bid lots + ask lots): the mid, leaning to the thin side. Ticks; `ready()` must hold."""
        b = self.bid_qty()
        return self.bid() + self.spread_ticks() * (b / (b + self.ask_qty()))

    def imbalance(self) -> float:
        """(bid lots - ask lots) / (bid lots + ask lots) at the touch, -1 to 1. `ready()` must hold."""
        b = self.bid_qty()
        a = self.ask_qty()
        return (b - a) / (b + a)

    def lost(self) -> int:
        """Levels that were not stored because a hash was full: 0, or the sizes are too small for this instrument."""
        return self.bids.lost + self.asks.lost
