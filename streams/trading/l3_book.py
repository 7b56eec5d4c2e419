"""L3 book of one instrument: every order by id, in the queue of its price; what the venue's order-by-order feed says happens to it.

Levels are found through the ladder of the L2 book, whose value is a level's number here; orders of a level are a linked list; ids are
hashed. Every change costs the same however long a queue is; only questions about a place in a queue walk it.
"""

from streams.trading.codes import BUY
from streams.trading.l3_order import APPLIED, DUPLICATE_ID, NO_ROOM, TOO_MANY_LOTS, UNKNOWN_ID
from streams.trading.l3_queues import L3Queues

__all__ = ["L3Book"]


class L3Book(L3Queues, align=64):
    """Fields, sizes and questions: L3Queues."""

    def setup(self) -> None:
        """Take the sizes from the tables. Once, before anything else."""
        self.bids.setup()
        self.asks.setup()
        self.ids.setup()
        if self.levels.n > self.bids.far.n - self.bids.far.n // 8:
            raise ValueError("l3 book levels: at most 7/8 of far, so that no level is ever lost from the ladder")

    def clear(self) -> None:
        """Remove every order: before a snapshot."""
        self.bids.clear()
        self.asks.clear()
        for j in range(self.ids.entries.n):
            self.ids.entries[j].slot = 0
        self.count = 0
        self.free_order = -1
        self.free_level = -1
        self.used_orders = 0
        self.used_levels = 0

    def expect(self, order_id: int) -> None:
        """A change of this order comes soon: for whoever holds a batch of them, four ahead. Changes nothing, saves a tenth of the time."""
        self.ids.expect(order_id)

    # ---- changes: each answers APPLIED or why not ----
    def add(self, order_id: int, side: int, px_ticks: int, qty_lots: int) -> int:
        """A new order at the end of its queue. 0 < px_ticks < 2**38, 0 < qty_lots < 2**52."""
        j = self.ids.entry_of(order_id)
        if self.ids.entries[j].slot != 0:
            return self.refuse(DUPLICATE_ID)
        if self.free_order < 0 and self.used_orders == self.orders.n:
            return self.refuse(NO_ROOM)
        level = self.level_for(side, px_ticks if side == BUY else -px_ticks)
        if level < 0:
            return self.refuse(NO_ROOM)
        s = self.free_order
        if s >= 0:
            self.free_order = self.orders[s].next
        else:
            s = self.used_orders
            self.used_orders += 1
        self.ids.entries[j].key = order_id
        self.ids.entries[j].slot = s + 1
        self.count += 1
        o = self.orders[s]
        o.order_id = order_id
        o.side = side
        self.append(s, level, qty_lots)
        return APPLIED

    def modify(self, order_id: int, px_ticks: int, qty_lots: int) -> int:
        """An order has another price or quantity. It keeps its place only at its price with no more lots; else it goes to the end."""
        s = self.ids.find(order_id)
        if s < 0:
            return self.refuse(UNKNOWN_ID)
        o = self.orders[s]
        level = self.levels[o.level]
        key = px_ticks if o.side == BUY else -px_ticks
        if key == level.key and qty_lots <= o.qty_lots:
            level.qty_lots += qty_lots - o.qty_lots
            o.qty_lots = qty_lots
            return APPLIED
        stays = key == level.key
        if not stays and level.count > 1 and not self.has_room(o.side, key):
            return self.refuse(NO_ROOM)
        self.take_out(s, stays)  # before the new level is made: it may need the one that this order leaves
        self.append(s, o.level if stays else self.level_for(o.side, key), qty_lots)
        return APPLIED

    def cancel(self, order_id: int) -> int:
        """An order is gone, by its owner's wish or its end."""
        j = self.ids.entry_of(order_id)
        s = self.ids.entries[j].slot - 1
        if s < 0:
            return self.refuse(UNKNOWN_ID)
        self.drop(s, j)
        return APPLIED

    def execute(self, order_id: int, qty_lots: int) -> int:
        """Lots of an order traded: it keeps its place, and is gone when none is left. Also for a partial cancel. qty_lots > 0."""
        j = self.ids.entry_of(order_id)
        s = self.ids.entries[j].slot - 1
        if s < 0:
            return self.refuse(UNKNOWN_ID)
        o = self.orders[s]
        if qty_lots >= o.qty_lots:
            if qty_lots > o.qty_lots:
                return self.refuse(TOO_MANY_LOTS)
            self.drop(s, j)
            return APPLIED
        o.qty_lots -= qty_lots
        self.levels[o.level].qty_lots -= qty_lots
        return APPLIED

    # ---- inside ----
    def refuse(self, reason: int) -> int:
        self.refused += 1
        return reason

    def has_room(self, side: int, key: int) -> bool:
        """There is a level of this key, or room for one."""
        if self.free_level >= 0 or self.used_levels < self.levels.n:
            return True
        return (self.bids.get(key) if side == BUY else self.asks.get(key)) > 0

    def level_for(self, side: int, key: int) -> int:
        """Number of the level of a key, made if there is none; -1 without room."""
        ladder = self.bids if side == BUY else self.asks
        n = ladder.get(key) - 1
        if n >= 0:
            return n
        n = self.free_level
        if n >= 0:
            self.free_level = self.levels[n].head
        elif self.used_levels < self.levels.n:
            n = self.used_levels
            self.used_levels += 1
        else:
            return -1
        level = self.levels[n]
        level.key = key
        level.qty_lots = 0
        level.count = 0
        level.head = -1
        level.tail = -1
        ladder.put(key, n + 1)
        return n

    def append(self, s: int, n: int, qty_lots: int) -> None:
        """Put an order at the end of level `n`."""
        o = self.orders[s]
        level = self.levels[n]
        o.qty_lots = qty_lots
        o.level = n
        o.next = -1
        o.prev = level.tail
        if level.tail >= 0:
            self.orders[level.tail].next = s
        else:
            level.head = s
        level.tail = s
        level.qty_lots += qty_lots
        level.count += 1

    def take_out(self, s: int, keep_level: bool) -> None:
        """Take an order out of its queue; a level without orders is freed unless it is kept."""
        o = self.orders[s]
        n = o.level
        level = self.levels[n]
        if o.prev >= 0:
            self.orders[o.prev].next = o.next
        else:
            level.head = o.next
        if o.next >= 0:
            self.orders[o.next].prev = o.prev
        else:
            level.tail = o.prev
        level.qty_lots -= o.qty_lots
        level.count -= 1
        if level.count == 0 and not keep_level:
            ladder = self.bids if o.side == BUY else self.asks
            ladder.put(level.key, 0)
            level.head = self.free_level
            self.free_level = n

    def drop(self, s: int, entry: int) -> None:
        """Remove an order and its id, which stands in `entry`."""
        self.take_out(s, False)
        self.ids.remove_entry(entry)
        self.orders[s].next = self.free_order
        self.free_order = s
        self.count -= 1
