"""The open lots of a position in the order they were opened: what is closed first is what was opened first (FIFO)."""

from streams.kernel import Struct, Table
from streams.trading.wide import share

__all__ = ["FifoLots", "Lot"]


class Lot(Struct):
    """Lots opened at one price. cost: their signed worth, as in `Position`; px_ticks: 0 where several prices share a lot."""

    qty_lots: int
    cost: int
    px_ticks: int


class FifoLots(Struct):
    """A queue of lots, oldest first; sizes: lots, the most it holds.

    Consecutive openings at one price are one lot, exactly. With no room for another price, the newest lot takes it in: sums stay exact, the
    order among those two is lost, and `merged` counts it.
    """

    head: int
    count: int
    merged: int
    items: Table[Lot, "lots"]

    def push(self, qty_lots: int, cost: int, px_ticks: int) -> None:
        """Open lots behind all others. qty_lots > 0."""
        if self.count > 0:
            last = self.items[self.place(self.count - 1)]
            full = self.count == self.items.n
            if last.px_ticks == px_ticks or full:
                if last.px_ticks != px_ticks:
                    last.px_ticks = 0
                    self.merged += 1
                last.qty_lots += qty_lots
                last.cost += cost
                return
        lot = self.items[self.place(self.count)]
        self.count += 1
        lot.qty_lots = qty_lots
        lot.cost = cost
        lot.px_ticks = px_ticks

    def take(self, qty_lots: int) -> int:
        """Close the oldest lots; their cost, of the last one touched the floor of its share. qty_lots: not more than is open."""
        out = 0
        left = qty_lots
        while left > 0:
            lot = self.items[self.head]
            if lot.qty_lots <= left:
                out += lot.cost
                left -= lot.qty_lots
                self.head = self.place(1)
                self.count -= 1
            else:
                part = share(lot.cost, left, lot.qty_lots)
                lot.cost -= part
                lot.qty_lots -= left
                out += part
                left = 0
        return out

    def place(self, behind: int) -> int:
        """Index of the lot so many places behind the oldest. 0 <= behind <= lots."""
        i = self.head + behind
        return i if i < self.items.n else i - self.items.n
