"""The strategy of the replay benchmark: a grid of post-only orders at and behind the touch, decided on every book event.

The rule, to the letter the one of peers_scripts/hftbacktest_grid.py: an order at a price of the grid stays; one elsewhere is cancelled once
it rests; a price of the grid without an order gets one. A side has no grid while the position is at its limit. When neither the touch nor
an own order has changed since the last decision, there is nothing to decide.
"""

from streams.agents.context import Context
from streams.slots import ReportSlot
from streams.strategies.base import Strategy
from streams.trading.book import Book
from streams.trading.codes import BUY, GTC, LIMIT, NEW, PENDING_CANCEL, PENDING_NEW, SELL

__all__ = ["Grid"]


class Grid(Strategy):
    """levels: a side; size_lots: of each order; limit_lots: of the position, long and short. decided: events that changed something."""

    levels: int = 5
    size_lots: int = 10
    limit_lots: int = 200
    bid: int
    ask: int
    changed: int = 1
    seen: int
    decided: int

    def on_book(self, ctx: Context, book: Book) -> None:
        self.seen += 1
        bid = book.bid()
        ask = book.ask()
        if bid != self.bid or ask != self.ask or self.changed != 0:
            self.bid = bid
            self.ask = ask
            self.changed = 0
            self.decided += 1
            self.decide(ctx, book.instrument)

    def on_order(self, ctx: Context, report: ReportSlot) -> None:
        if report.ord_status != PENDING_NEW and report.ord_status != PENDING_CANCEL:  # those are our own doing
            self.changed = 1

    def decide(self, ctx: Context, instrument: int) -> None:
        """Cancel what is outside the grid, send what it lacks."""
        position = ctx.position(instrument)
        bids = self.levels if position < self.limit_lots else 0
        asks = self.levels if position > -self.limit_lots else 0
        bids_there = 0
        asks_there = 0
        s = ctx.first_order(instrument)
        while s >= 0:
            o = ctx.order(s)
            place = self.bid - o.px_ticks if o.side == BUY else o.px_ticks - self.ask
            if 0 <= place < (bids if o.side == BUY else asks):
                if o.side == BUY:
                    bids_there |= 1 << place
                else:
                    asks_there |= 1 << place
            elif o.ord_status == NEW:
                ctx.cancel(o.order_id)
            s = ctx.next_order(s, instrument)
        for place in range(bids):
            if bids_there >> place & 1 == 0:
                ctx.place(instrument, BUY, self.bid - place, self.size_lots, LIMIT, GTC, True)
        for place in range(asks):
            if asks_there >> place & 1 == 0:
                ctx.place(instrument, SELL, self.ask + place, self.size_lots, LIMIT, GTC, True)
