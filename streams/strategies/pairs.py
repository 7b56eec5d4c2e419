"""Pairs: two prices that belong together; sell what has become dear against what has become cheap, and wait."""

from streams.agents.context import Context
from streams.strategies.base import Strategy
from streams.strategies.taking import trade_to
from streams.trading.book import Book
from streams.trading.signals.ewma import Ewma

__all__ = ["Pairs"]


class Pairs(Strategy):
    """Open when the spread of two instruments is `entry` deviations from its mean, close when it has come back to it.

    Gatev, Goetzmann and Rouwenhorst, "Pairs trading: performance of a relative-value arbitrage rule", Review of Financial Studies 19
    (2006): open when the prices have diverged by more than two historical deviations, unwind when they cross. Here mean and deviation are
    exponentially weighted. spread = mid of the first instrument that the topology lists - hedge x mid of the second, ticks. Every leg
    takes: the spread has to come back by more than two book spreads and four taker fees.

    interval_s  : the spread is sampled so often, s, > 0
    span        : samples of mean and deviation (weight 2 / (span + 1)), >= 1
    hedge       : ticks that the first moves for a tick of the second
    entry, stop : deviations that open a position, and that close one as lost until the spread has crossed its mean; 0 < entry < stop
    first_lots, second_lots : lots of the legs; they hold the spread where a tick of second_lots is worth hedge times a tick of first_lots
    """

    interval_s: float = 1.0
    span: int = 200
    hedge: float = 1.0
    entry: float = 2.0
    stop: float = 5.0
    first_lots: int = 10
    second_lots: int = 10
    due_ns: int = 0
    direction: int = 0
    barred: int = 0
    other: int = -1
    first_order: int = 0
    second_order: int = 0
    spread: Ewma

    def on_start(self, ctx: Context) -> None:
        self.spread.setup(2.0 / (self.span + 1))

    def on_book(self, ctx: Context, book: Book) -> None:
        if book.instrument != ctx.home:
            self.other = book.instrument
        if self.other < 0 or not ctx.book(ctx.home).ready():
            return
        if ctx.now_ns >= self.due_ns and ctx.book(self.other).ready():
            self.due_ns = ctx.now_ns + int(self.interval_s * 1e9)
            self.decide(ctx.book(ctx.home).mid2() / 2 - self.hedge * ctx.book(self.other).mid2() / 2)
        self.first_order = trade_to(ctx, ctx.home, self.direction * self.first_lots, self.first_order)
        self.second_order = trade_to(ctx, self.other, -self.direction * self.second_lots, self.second_order)

    def decide(self, spread: float) -> None:
        """Set the direction of the pair from how far the spread lies from its mean before this sample."""
        off = 0.0
        if self.spread.ready() and self.spread.variance > 0.0:
            off = (spread - self.spread.mean) / self.spread.deviation()
        self.spread.update(spread)
        if self.direction * off >= 0.0:
            self.direction = 0
        if self.barred * off <= 0.0:
            self.barred = 0
        if abs(off) >= self.stop:
            self.barred = 1 if off > 0.0 else -1
            self.direction = 0
        elif abs(off) >= self.entry and self.barred == 0:
            self.direction = -1 if off > 0.0 else 1
