"""Scalper: follow the order flow at the touch for as long as it presses."""

from streams.agents.context import Context
from streams.strategies.base import Strategy
from streams.strategies.taking import trade_to
from streams.trading.book import Book
from streams.trading.codes import BUY, SELL
from streams.trading.signals.order_flow import OrderFlowImbalance

__all__ = ["Scalper"]


class Scalper(Strategy):
    """Take in the direction of the order-flow imbalance when the move it announces pays for the way in and out; leave when it is over.

    Cont, Kukanov and Stoikov, "The price impact of order book events", Journal of Financial Econometrics 12 (2014), equation 7: the mid
    moves by beta OFI, beta inverse to the depth of the touch. So the announced move is impact_ticks x OFI / depth; their model of a
    book gives 1/2, and a market's own value is the slope of its mid moves against OFI / depth. It follows the flow of the last
    `window_s`, which has to go on: impact and window are to be measured before this is let loose.

    window, window_s : changes of the touch, 1 to 1024, and seconds looked back on
    impact_ticks     : move for an OFI as large as the mean depth of one side of the touch, ticks, > 0
    entry_ticks      : announced move beyond the spread that opens a position: two taker fees and a profit, ticks
    hold_s           : a position is closed after it, s, or when the flow turns
    size_lots        : lots taken
    """

    window: int = 100
    window_s: float = 2.0
    impact_ticks: float = 0.5
    entry_ticks: float = 8.0
    hold_s: float = 10.0
    size_lots: int = 10
    target_lots: int = 0
    until_ns: int = 0
    working: int = 0
    flow: OrderFlowImbalance

    def on_start(self, ctx: Context) -> None:
        self.flow.setup(self.window, int(self.window_s * 1e9))

    def on_book(self, ctx: Context, book: Book) -> None:
        self.flow.on_book(book, ctx.now_ns)
        move = self.impact_ticks * self.flow.per_depth() if self.flow.ready() else 0.0
        if self.target_lots * move <= 0.0 or ctx.now_ns >= self.until_ns:
            self.target_lots = 0
        if self.target_lots == 0 and abs(move) > self.entry_ticks + max(book.spread_ticks(), 0):  # a crossed book is no invitation
            self.enter(ctx, book, move)
        self.working = trade_to(ctx, book.instrument, self.target_lots, self.working)

    def enter(self, ctx: Context, book: Book, move: float) -> None:
        """Follow the flow, and tell it."""
        hold_ns = int(self.hold_s * 1e9)
        self.target_lots = self.size_lots if move > 0.0 else -self.size_lots
        self.until_ns = ctx.now_ns + hold_ns
        strength = 1.0 - self.entry_ticks / abs(move)
        ctx.signal(book.instrument, BUY if move > 0.0 else SELL, strength, book.mid2() / 2 + move, hold_ns, 1.0)
