"""Orders as their owner asks for them: by id, instrument, strategy, status and parent; in batches; parents with what their children hold.

Nothing is allocated: a query is a walk over slots.

    s = orders.find_next(-1, instrument, ANY, LIVE, 0)
    while s >= 0:
        ...  # orders.pool[s]; it may be dropped or retired here
        s = orders.find_next(s, instrument, ANY, LIVE, 0)
"""

from streams.trading.codes import PENDING_CANCEL
from streams.trading.order import Order
from streams.trading.order_pool import RETIRED, OrderList, OrderPool

__all__ = ["ANY", "LIVE", "RETIRED", "Order", "OrderList", "Orders"]

ANY: int = -1  # instrument, strategy, status, side: whatever it is
LIVE: int = -2  # status: not ended


class Orders(OrderPool, align=64):
    """Fields and sizes: see OrderPool."""

    # ---- queries ----
    def find_next(self, after: int, instrument: int, strategy: int, status: int, parent_id: int) -> int:
        """The next slot behind `after` (-1 = the first) whose order fits all of it, in the order of slots; -1 if there is none.

        instrument, strategy : dictionary numbers, ANY
        status               : OrdStatus, LIVE, ANY; ended orders are found as long as they are kept
        parent_id            : order id, 0 = any
        """
        for s in range(after + 1, self.used):
            o = self.pool[s]
            if (
                o.order_id != 0
                and (instrument == ANY or o.instrument == instrument)
                and (strategy == ANY or o.strategy == strategy)
                and (status == ANY or o.ord_status == status or (status == LIVE and o.live()))
                and (parent_id == 0 or o.parent_id == parent_id)
            ):
                return s
        return -1

    def count(self, instrument: int, strategy: int, status: int, parent_id: int) -> int:
        """How many orders fit a query."""
        n = 0
        s = self.find_next(-1, instrument, strategy, status, parent_id)
        while s >= 0:
            n += 1
            s = self.find_next(s, instrument, strategy, status, parent_id)
        return n

    # ---- parents ----
    def child_leaves_lots(self, slot: int) -> int:
        """Lots that the children of an order have open."""
        lots = 0
        c = self.pool[slot].child_head
        while c >= 0:
            lots += self.pool[c].leaves_qty_lots
            c = self.pool[c].sibling_next
        return lots

    def child_cum_lots(self, slot: int) -> int:
        """Lots that the children of an order have filled, of those that are kept."""
        lots = 0
        c = self.pool[slot].child_head
        while c >= 0:
            lots += self.pool[c].cum_qty_lots
            c = self.pool[c].sibling_next
        return lots

    # ---- batches ----
    def add_batch(self, first_id: int, count: int) -> bool:
        """Add `count` orders of consecutive ids, all of them or none: there must be room, and no id may be known."""
        if count <= 0 or self.open_count + count > self.pool.n:
            return False
        for order_id in range(first_id, first_id + count):
            if self.find(order_id) >= 0:
                return False
        for order_id in range(first_id, first_id + count):
            self.add(order_id)
        return True

    def cancel_batch(self, instrument: int, strategy: int, side: int, parent_id: int) -> int:
        """Ask to cancel every live order that fits and has no cancel pending; how many. They are PENDING_CANCEL then."""
        n = 0
        s = self.find_next(-1, instrument, strategy, LIVE, parent_id)
        while s >= 0:
            o = self.pool[s]
            if (side == ANY or o.side == side) and o.ord_status != PENDING_CANCEL:
                o.on_cancel_request()
                n += 1
            s = self.find_next(s, instrument, strategy, LIVE, parent_id)
        return n
