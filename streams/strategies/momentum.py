"""Momentum: hold the direction of a price that runs away from its own average."""

from streams.agents.context import Context
from streams.strategies.base import Strategy
from streams.strategies.taking import trade_to
from streams.trading.book import Book
from streams.trading.codes import BUY, SELL
from streams.trading.signals.ewma import Ewma

__all__ = ["Momentum"]


class Momentum(Strategy):
    """Long while a fast average of the mid lies above a slow one, short while it lies below, as far as the price's own noise goes.

    Time-series momentum (Moskowitz, Ooi and Pedersen, "Time series momentum", Journal of Financial Economics 104 (2012)): hold the sign
    of the past return. Measured as Baz, Granger, Harvey, Le Roux and Rattray do ("Dissecting investment strategies in the cross section
    and time series", 2015): trend = (fast EWMA - slow EWMA) / deviation of the price. A position is opened beyond `entry` and closed
    when the trend turns. It takes on both ways: a trend has to last longer than two spreads and two taker fees are wide.

    interval_s : the mid is sampled so often, s, > 0
    fast_span, slow_span : samples of the two averages (weight 2 / (span + 1)), 1 <= fast < slow
    entry      : trend that opens a position, in deviations, > 0
    size_lots  : lots held
    """

    interval_s: float = 1.0
    fast_span: int = 8
    slow_span: int = 32
    entry: float = 0.7
    size_lots: int = 10
    due_ns: int = 0
    target_lots: int = 0
    working: int = 0
    fast: Ewma
    slow: Ewma

    def on_start(self, ctx: Context) -> None:
        self.fast.setup(2.0 / (self.fast_span + 1))
        self.slow.setup(2.0 / (self.slow_span + 1))

    def on_book(self, ctx: Context, book: Book) -> None:
        if ctx.now_ns >= self.due_ns:
            self.due_ns = ctx.now_ns + int(self.interval_s * 1e9)
            self.fast.update(book.mid2() / 2)
            self.slow.update(book.mid2() / 2)
            self.decide(ctx, book)
        self.working = trade_to(ctx, book.instrument, self.target_lots, self.working)

    def trend(self) -> float:
        """Fast less slow average in deviations of the price; 0 until the slow one is ready."""
        deviation = self.slow.deviation()
        return (self.fast.mean - self.slow.mean) / deviation if self.slow.ready() and deviation > 0.0 else 0.0

    def decide(self, ctx: Context, book: Book) -> None:
        """Set the position that the trend asks for, and tell a new one."""
        trend = self.trend()
        before = self.target_lots
        if self.target_lots * trend <= 0.0:
            self.target_lots = 0
        if abs(trend) >= self.entry:
            self.target_lots = self.size_lots if trend > 0.0 else -self.size_lots
        if self.target_lots != before and self.target_lots != 0:
            horizon_ns = int(self.slow_span * self.interval_s * 1e9)
            ctx.signal(book.instrument, BUY if trend > 0.0 else SELL, min(abs(trend), 1.0), book.mid2() / 2, horizon_ns, 0.5)
