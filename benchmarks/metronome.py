"""A strategy that trades by count: what the benchmarks of the lane follow from a frame to its position."""

from streams.agents.context import Context
from streams.slots import QuoteSlot
from streams.strategies.base import Strategy
from streams.trading.codes import BUY, SELL

__all__ = ["Metronome"]


class Metronome(Strategy):
    """A market order of one lot at every so many changes of the touch, bought and sold in turn.

    every : changes of the touch from order to order, > 0
    """

    every: int = 100
    seen: int = 0

    def on_quote(self, ctx: Context, quote: QuoteSlot) -> None:
        self.seen += 1
        if self.seen % self.every == 0:
            ctx.market(quote.instrument, BUY if self.seen // self.every % 2 == 0 else SELL, 1)
