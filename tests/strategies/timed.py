"""A strategy that trades by time alone."""

from streams.agents.context import Context
from streams.slots import QuoteSlot
from streams.strategies.base import Strategy
from streams.trading.codes import BUY, GTD

__all__ = ["WAIT_NS", "Timed"]

WAIT_NS: int = 10_000_000


class Timed(Strategy):
    """Buys twice at once, WAIT_NS after its first quote; both orders end WAIT_NS later."""

    set: int

    def on_quote(self, ctx: Context, quote: QuoteSlot) -> None:
        if self.set == 0:
            self.set = 1
            ctx.set_timer(ctx.now_ns + WAIT_NS)

    def on_timer(self, ctx: Context, timer: int) -> None:
        for _ in range(2):
            e = ctx.new_order(ctx.home, BUY, 10)
            e.px_ticks = 600_000
            e.time_in_force = GTD
            e.expire_ts_ns = ctx.now_ns + WAIT_NS
