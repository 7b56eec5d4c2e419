"""A book as two dictionaries: obviously right, slow."""

from streams.trading.book import NO_ASK, NO_BID, NONE
from streams.trading.codes import BUY, SELL


class SlowBook:
    """The queries of `streams.trading.book.Book` over price -> quantity."""

    def __init__(self):
        self.levels = {BUY: {}, SELL: {}}

    def apply(self, side, px, qty):
        if qty:
            self.levels[side][px] = qty
        else:
            self.levels[side].pop(px, None)

    def clear(self):
        self.levels = {BUY: {}, SELL: {}}

    def ordered(self, side):
        """Prices from the best on."""
        return sorted(self.levels[side], reverse=side == BUY)

    def touch(self, side):
        return next(iter(self.ordered(side)), NONE)

    def worse(self, side, px):
        behind = [p for p in self.ordered(side) if (p < px if side == BUY else p > px)]
        return behind[0] if behind else NONE

    def bid(self):
        return self.touch(BUY) if self.levels[BUY] else NO_BID

    def ask(self):
        return self.touch(SELL) if self.levels[SELL] else NO_ASK

    def qty(self, side, px):
        return self.levels[side].get(px, 0)

    def ready(self):
        return bool(self.levels[BUY]) and bool(self.levels[SELL])

    def answers(self, side, px):
        """What a book of any make answers, with one price asked for."""
        both = self.ready()
        bid_qty, ask_qty = self.qty(BUY, self.bid()), self.qty(SELL, self.ask())
        return (
            self.bid(),
            self.ask(),
            bid_qty,
            ask_qty,
            self.touch(side),
            self.worse(side, px),
            self.qty(side, px),
            both,
            both and self.bid() > self.ask(),
            both and self.bid() == self.ask(),
            self.bid() + self.ask() if both else 0,
        )

    def depth(self, side, n):
        """The n best levels as (price, lots)."""
        return [(px, self.levels[side][px]) for px in self.ordered(side)[:n]]

    def taken(self, side, lots):
        """Each lot that an order of `side` takes, as a price."""
        offered = [px for px, qty in self.depth(SELL if side == BUY else BUY, None) for _ in range(qty)]
        return offered[:lots]

    def state(self):
        """0 empty, 1 one side, 2 normal, 3 locked, 4 crossed."""
        if not self.ready():
            return 1 if self.levels[BUY] or self.levels[SELL] else 0
        return 2 if self.bid() < self.ask() else 3 if self.bid() == self.ask() else 4
