"""Avellaneda-Stoikov market maker: quotes around a price that leans against inventory."""

import math

from streams.agents.context import Context
from streams.strategies.base import Strategy
from streams.trading.book import Book
from streams.trading.codes import BUY, SELL

__all__ = ["AvellanedaStoikov"]


class AvellanedaStoikov(Strategy):
    """Quote both sides around the reservation price, a spread apart that pays for risk and for the book's thinness.

    Avellaneda and Stoikov, "High-frequency trading in a limit order book", Quantitative Finance 8 (2008): reservation price
    r = s - q gamma sigma^2 (T - t) (eq. 29), spread = gamma sigma^2 (T - t) + 2 / gamma ln(1 + gamma / k) (eq. 30). The time left is held
    constant (`horizon_s`), as for a market that does not close; sigma^2 is an exponentially weighted mean of squared moves of the mid.

    gamma           : risk aversion, per tick and size_lots of inventory, > 0
    k               : how fast the chance of a fill decays with the distance, per tick, > 0
    horizon_s       : time left, s
    tau_s           : memory of the variance, s
    size_lots       : lots a side; inventory is counted in them
    limit_lots      : |position| beyond which the side that adds to it is pulled
    requote_ticks   : a quote is moved when it is off by this much
    variance        : state: sigma^2, ticks^2 / s
    """

    gamma: float = 0.01
    k: float = 0.3
    horizon_s: float = 1.0
    tau_s: float = 10.0
    size_lots: int = 10
    limit_lots: int = 100
    requote_ticks: int = 3
    variance: float = 0.0
    mid2_ticks: int = 0
    seen_ns: int = 0

    def on_book(self, ctx: Context, book: Book) -> None:
        mid2 = book.mid2()
        self.learn(mid2, ctx.now_ns)
        position = ctx.position(book.instrument)
        risk = self.gamma * self.variance * self.horizon_s
        reservation = mid2 / 2 - position / self.size_lots * risk
        half_spread = risk / 2 + math.log(1.0 + self.gamma / self.k) / self.gamma
        bid = min(int(math.floor(reservation - half_spread)), book.bid())
        ask = max(int(math.ceil(reservation + half_spread)), book.ask())
        self.show(ctx, book.instrument, BUY, bid, self.size_lots if position < self.limit_lots else 0)
        self.show(ctx, book.instrument, SELL, ask, self.size_lots if position > -self.limit_lots else 0)

    def learn(self, mid2: int, now_ns: int) -> None:
        """Update the variance: decay by the time gone, add the squared move."""
        if self.seen_ns > 0 and now_ns > self.seen_ns:
            self.variance *= math.exp((self.seen_ns - now_ns) / (self.tau_s * 1e9))
        if self.mid2_ticks > 0:
            move = (mid2 - self.mid2_ticks) / 2
            self.variance += move * move / self.tau_s
        self.mid2_ticks = mid2
        self.seen_ns = now_ns

    def show(self, ctx: Context, instrument: int, side: int, px_ticks: int, qty_lots: int) -> None:
        """Keep a quote, moving it only when it is off by requote_ticks: each move costs the place in the queue."""
        now = ctx.quoted(instrument, side)
        if qty_lots > 0 and now > 0 and abs(now - px_ticks) < self.requote_ticks:
            return
        ctx.quote(instrument, side, px_ticks, qty_lots)
