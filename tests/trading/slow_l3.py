"""A book of orders as lists: obviously right, slow."""

from streams.trading.book import NONE
from streams.trading.codes import BUY, SELL


class SlowL3:
    """queues: (side, price) -> [[id, lots], ...], first come first."""

    def __init__(self, max_orders=10**9, max_levels=10**9):
        self.queues, self.max_orders, self.max_levels = {}, max_orders, max_levels

    def where(self, order_id):
        """((side, price), place), or None."""
        for at, queue in self.queues.items():
            for i, (this, _) in enumerate(queue):
                if this == order_id:
                    return at, i
        return None

    def room_for(self, at):
        return at in self.queues or len(self.queues) < self.max_levels

    def add(self, order_id, side, px, qty):
        if self.where(order_id):
            return "DUPLICATE_ID"
        if sum(map(len, self.queues.values())) == self.max_orders or not self.room_for((side, px)):
            return "NO_ROOM"
        self.queues.setdefault((side, px), []).append([order_id, qty])
        return "APPLIED"

    def modify(self, order_id, px, qty):
        found = self.where(order_id)
        if not found:
            return "UNKNOWN_ID"
        (side, old), i = found
        if px == old and qty <= self.queues[side, px][i][1]:
            self.queues[side, px][i][1] = qty
            return "APPLIED"
        kept = {at: list(queue) for at, queue in self.queues.items()}
        self.remove((side, old), i)
        if not self.room_for((side, px)):
            self.queues = kept
            return "NO_ROOM"
        self.queues.setdefault((side, px), []).append([order_id, qty])
        return "APPLIED"

    def cancel(self, order_id):
        found = self.where(order_id)
        if not found:
            return "UNKNOWN_ID"
        self.remove(*found)
        return "APPLIED"

    def execute(self, order_id, lots):
        found = self.where(order_id)
        if not found:
            return "UNKNOWN_ID"
        order = self.queues[found[0]][found[1]]
        if lots > order[1]:
            return "TOO_MANY_LOTS"
        order[1] -= lots
        if order[1] == 0:
            self.remove(*found)
        return "APPLIED"

    def remove(self, at, i):
        del self.queues[at][i]
        if not self.queues[at]:
            del self.queues[at]

    def levels(self, side):
        """Best first: (price, lots, orders)."""
        rows = [(px, sum(q for _, q in queue), len(queue)) for (s, px), queue in self.queues.items() if s == side]
        return sorted(rows, reverse=side == BUY)

    def touch(self, side):
        return next((px for px, _, _ in self.levels(side)), NONE)

    def answers(self, order_id):
        """Touch of both sides, then of one order: price, lots, orders and lots ahead, the id behind it; the first id at its price."""
        touches = (self.touch(BUY), self.touch(SELL))
        found = self.where(order_id)
        if not found:
            return (*touches, NONE, 0, -1, -1, -1, -1)
        at, i = found
        queue = self.queues[at]
        behind = queue[i + 1][0] if i + 1 < len(queue) else -1
        return (*touches, at[1], queue[i][1], i, sum(q for _, q in queue[:i]), behind, queue[0][0])
