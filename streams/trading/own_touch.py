"""Self-match: would an order trade with an own one? The best own price of each side is kept for every scope in every instrument.

A scope's own orders are those of every account below it. Only what can rest in the venue's book counts: an order enters with the price
nearest to the other side that it may rest at, `new_px_ticks` of its slot; 0 = it never rests. Orders stand in the pool's list
2 x instrument + side, which is searched only when the best of them leaves.
"""

from streams.kernel import Struct, Table
from streams.trading.codes import BUY
from streams.trading.orders import Orders
from streams.trading.risk import RiskTree

__all__ = ["OwnTouch", "OwnTouches"]


class OwnTouch(Struct):
    """Best own prices in ticks, 0 = none."""

    bid_px_ticks: int
    ask_px_ticks: int


class OwnTouches(Struct):
    """The own touch of every scope in every instrument, [scope x instruments + instrument]."""

    instruments: int
    touches: Table[OwnTouch, "scopes * instruments"]

    def setup(self, instruments: int) -> None:
        """Once, before anything else."""
        self.instruments = instruments

    def touch(self, scope: int, instrument: int) -> OwnTouch:
        """Best own prices of a scope."""
        return self.touches[scope * self.instruments + instrument]

    def crossed(self, scope: int, instrument: int, side: int, px_ticks: int) -> int:
        """The own price that an order able to trade up to (down to, for a sell) px_ticks would meet, 0 = none."""
        touch = self.touch(scope, instrument)
        if side == BUY:
            return touch.ask_px_ticks if 0 < touch.ask_px_ticks <= px_ticks else 0
        return touch.bid_px_ticks if touch.bid_px_ticks >= px_ticks and touch.bid_px_ticks > 0 else 0

    def add(self, tree: RiskTree, orders: Orders, slot: int) -> None:
        """An order of the list may rest at its `new_px_ticks` from now on."""
        o = orders.pool[slot]
        scope = tree.account_scope[o.account]
        while scope >= 0 and o.new_px_ticks > 0:
            self.improve(self.touch(scope, o.instrument), o.side, o.new_px_ticks)
            scope = tree.nodes[scope].parent

    def remove(self, tree: RiskTree, orders: Orders, slot: int) -> None:
        """An order has left the list, or has moved from `px_ticks` to another price: find the best anew where it was the best."""
        o = orders.pool[slot]
        px_ticks = o.new_px_ticks
        o.new_px_ticks = 0
        was_best = False
        scope = tree.account_scope[o.account]
        while scope >= 0 and px_ticks > 0:
            touch = self.touch(scope, o.instrument)
            if o.side == BUY and touch.bid_px_ticks == px_ticks:
                touch.bid_px_ticks = 0
                was_best = True
            elif o.side != BUY and touch.ask_px_ticks == px_ticks:
                touch.ask_px_ticks = 0
                was_best = True
            scope = tree.nodes[scope].parent
        if was_best:
            self.search(tree, orders, o.instrument, o.side)

    def search(self, tree: RiskTree, orders: Orders, instrument: int, side: int) -> None:
        """Take the best prices of one side from the orders themselves, in one walk for all scopes; those that knew them keep them."""
        s = orders.first(2 * instrument + side)
        while s >= 0:
            self.add(tree, orders, s)
            s = orders.pool[s].next

    def improve(self, touch: OwnTouch, side: int, px_ticks: int) -> None:
        """Take a price where it is better than the best."""
        if side == BUY:
            touch.bid_px_ticks = max(touch.bid_px_ticks, px_ticks)
        elif touch.ask_px_ticks == 0 or px_ticks < touch.ask_px_ticks:
            touch.ask_px_ticks = px_ticks
