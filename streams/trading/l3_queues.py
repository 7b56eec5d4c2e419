"""What an L3 book answers: the touch and levels, as an L2 book would, and places in queues. The changes are in l3_book."""

from streams.kernel import Struct, Table
from streams.trading.book_side import NONE, BookSide
from streams.trading.codes import BUY
from streams.trading.id_index import IdIndex
from streams.trading.l3_order import L3Level, L3Order

__all__ = ["L3Queues"]


class L3Queues(Struct, align=64):
    """Every order of one instrument. Sizes: window, far (as in BookSide), orders (a power of two), levels (at most 7/8 of far).

    count      : resting orders; refused: changes that were not applied, 0 in good health
    free_order, free_level : heads of the lists of free slots, -1 = none; used_orders, used_levels: slots ever taken
    """

    count: int
    refused: int
    free_order: int = -1
    free_level: int = -1
    used_orders: int
    used_levels: int
    bids: BookSide
    asks: BookSide
    orders: Table[L3Order, "orders"]
    levels: Table[L3Level, "levels"]
    ids: IdIndex

    # ---- the touch and levels ----
    def bid(self) -> int:
        """Best bid in ticks, NO_BID if there is none."""
        return self.bids.best

    def ask(self) -> int:
        """Best ask in ticks, NO_ASK if there is none."""
        return -self.asks.best

    def ready(self) -> bool:
        """Both sides have an order."""
        return self.bids.best != NONE and self.asks.best != NONE

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

    def level_at(self, side: int, px_ticks: int) -> int:
        """Number of the level at a price, -1 if there is none."""
        return (self.bids.get(px_ticks) if side == BUY else self.asks.get(-px_ticks)) - 1

    def qty(self, side: int, px_ticks: int) -> int:
        """Lots at a price, 0 if there are none."""
        level = self.level_at(side, px_ticks)
        return self.levels[level].qty_lots if level >= 0 else 0

    def orders_at(self, side: int, px_ticks: int) -> int:
        """Orders at a price."""
        level = self.level_at(side, px_ticks)
        return self.levels[level].count if level >= 0 else 0

    # ---- queues ----
    def first_id(self, side: int, px_ticks: int) -> int:
        """Order that would trade first at a price, -1 if there is none."""
        level = self.level_at(side, px_ticks)
        return self.orders[self.levels[level].head].order_id if level >= 0 else -1

    def next_id(self, order_id: int) -> int:
        """Order behind this one in its queue, -1 if it is the last or unknown."""
        s = self.ids.find(order_id)
        if s < 0 or self.orders[s].next < 0:
            return -1
        return self.orders[self.orders[s].next].order_id

    def qty_of(self, order_id: int) -> int:
        """Open lots of an order, 0 if it is unknown."""
        s = self.ids.find(order_id)
        return self.orders[s].qty_lots if s >= 0 else 0

    def px_of(self, order_id: int) -> int:
        """Price of an order in ticks, NONE if it is unknown."""
        s = self.ids.find(order_id)
        if s < 0:
            return NONE
        key = self.levels[self.orders[s].level].key
        return key if self.orders[s].side == BUY else -key

    def side_of(self, order_id: int) -> int:
        """Side of an order, -1 if it is unknown."""
        s = self.ids.find(order_id)
        return self.orders[s].side if s >= 0 else -1

    def queue_position(self, order_id: int) -> int:
        """Orders ahead of an order at its price, 0 = it trades first, -1 if it is unknown. Walks the part of the queue ahead."""
        s = self.ids.find(order_id)
        n = -1
        while s >= 0:
            n += 1
            s = self.orders[s].prev
        return n

    def ahead_lots(self, order_id: int) -> int:
        """Lots ahead of an order at its price, -1 if it is unknown. Walks the part of the queue ahead."""
        s = self.ids.find(order_id)
        if s < 0:
            return -1
        lots = 0
        s = self.orders[s].prev
        while s >= 0:
            lots += self.orders[s].qty_lots
            s = self.orders[s].prev
        return lots
