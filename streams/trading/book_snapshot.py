"""A whole book as LevelSlots, as a venue's snapshot would bring it: taken from one book, given to another, compared with a third."""

from streams.kernel import Struct, Table
from streams.slots import FLAG_FIRST, FLAG_LAST, FLAG_SNAPSHOT, LevelSlot
from streams.trading.book import Book
from streams.trading.book_depth import count_levels
from streams.trading.codes import BUY

__all__ = ["BookSnapshot"]


class BookSnapshot(Struct, align=64):
    """The levels of one book. Size: `snapshot_levels`, the most that it can hold.

    count : slots in use; two books with equal levels, instrument and sequence give equal slots
    """

    count: int
    slots: Table[LevelSlot, "snapshot_levels"]

    def take(self, book: Book) -> int:
        """Copy a book, bids then asks, best first; the number of slots. An empty book takes one slot without a level (qty_lots -1).

        With too little room nothing is copied, and what comes back is minus the number needed. Levels beyond the book's window cost a
        scan of its hash each.
        """
        levels = count_levels(book.bids) + count_levels(book.asks)
        need = max(1, levels)
        if need > self.slots.n:
            return -need
        if levels == 0:
            self.write(0, book, BUY, 0, -1)
        n = 0
        for side in range(2):
            px = book.touch(side)
            while n < levels and book.qty(side, px) > 0:
                self.write(n, book, side, px, book.qty(side, px))
                px = book.worse(side, px)
                n += 1
        self.count = need
        self.slots[0].flags |= FLAG_FIRST
        self.slots[need - 1].flags |= FLAG_LAST
        return need

    def give(self, book: Book) -> None:
        """Make a book equal to what was taken: it is cleared first, and no longer stale. Something must have been taken."""
        for i in range(self.count):
            book.apply_level(self.slots[i])

    def write(self, i: int, book: Book, side: int, px_ticks: int, qty_lots: int) -> None:
        """Fill slot `i`, without the marks of the first and the last."""
        level = self.slots[i]
        level.instrument = book.instrument
        level.flags = FLAG_SNAPSHOT
        level.side = side
        level.last_seq = book.last_seq
        level.px_ticks = px_ticks
        level.qty_lots = qty_lots
