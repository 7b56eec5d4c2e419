"""Cross-venue arbitrage: buy where it is cheap and sell where it is dear, both at once."""

from streams.agents.context import Context
from streams.strategies.base import Strategy
from streams.strategies.taking import trade_to
from streams.trading.book import Book
from streams.trading.codes import BUY, IOC, LIMIT, SELL

__all__ = ["Arbitrage"]


class Arbitrage(Strategy):
    """Take both touches when one venue's bid lies above the other's ask by more than the fees, and hold nothing on balance.

    The rule of one price, as Budish, Cramton and Shim play it ("The high-frequency trading arms race", Quarterly Journal of Economics 130
    (2015), section 5): sell at the bid, buy at the ask, when the difference pays for both. Both legs are IOC limits at the prices seen, so
    that a price that is gone costs no more than a leg that stands alone; that one is closed at market at once. Its instruments are the
    same contract at two venues, with the same tick and lot.

    fee         : taker fee of a leg, fraction of the notional
    edge_ticks  : profit of a pair of legs after fees, at least, ticks
    size_lots   : most lots of a leg
    limit_lots  : most lots held at one venue, either way
    """

    fee: float = 0.0005
    edge_ticks: float = 1.0
    size_lots: int = 10
    limit_lots: int = 100
    other: int = -1
    bought: int = 0
    sold: int = 0
    closing: int = 0

    def on_book(self, ctx: Context, book: Book) -> None:
        if book.instrument != ctx.home:
            self.other = book.instrument
        if self.other < 0 or ctx.leaves(self.bought) > 0 or ctx.leaves(self.sold) > 0 or ctx.leaves(self.closing) > 0:
            return
        if ctx.position(ctx.home) + ctx.position(self.other) != 0:
            self.close(ctx)
        elif ctx.now_ns >= ctx.resume_ns and not self.take(ctx, ctx.home, self.other):
            self.take(ctx, self.other, ctx.home)

    def take(self, ctx: Context, cheap: int, dear: int) -> bool:
        """Buy at one venue and sell at the other if that pays; whether it did."""
        ask = ctx.book(cheap).ask()
        bid = ctx.book(dear).bid()
        if not ctx.book(cheap).ready() or not ctx.book(dear).ready() or bid - ask - self.fee * (bid + ask) < self.edge_ticks:
            return False
        room = min(self.limit_lots - ctx.position(cheap), self.limit_lots + ctx.position(dear))
        lots = min(min(self.size_lots, room), min(ctx.book(cheap).ask_qty(), ctx.book(dear).bid_qty()))
        if lots <= 0 or not ctx.fits(2):
            return False
        self.bought = ctx.place(cheap, BUY, ask, lots, LIMIT, IOC)
        self.sold = ctx.place(dear, SELL, bid, lots, LIMIT, IOC)
        return True

    def close(self, ctx: Context) -> None:
        """Bring back to balance what one leg alone has left, at the venue where that costs less."""
        alone = ctx.position(ctx.home) + ctx.position(self.other)
        first = ctx.book(ctx.home)
        second = ctx.book(self.other)
        better = first.bid() >= second.bid() if alone > 0 else first.ask() <= second.ask()
        venue = ctx.home if better else self.other
        self.closing = trade_to(ctx, venue, ctx.position(venue) - alone, 0)
