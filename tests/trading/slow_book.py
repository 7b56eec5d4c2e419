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
