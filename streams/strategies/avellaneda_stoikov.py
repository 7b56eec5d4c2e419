"""Avellaneda-Stoikov market maker: quotes around a price that leans against inventory."""

import math

from streams.agents.context import Context
from streams.strategies.base import Strategy
from streams.trading.book import Book
from streams.trading.codes import BUY, SELL

__all__ = ["AvellanedaStoikov", "quoted_spread", "reservation_px"]


def reservation_px(mid: float, inventory: float, gamma: float, variance: float, left: float) -> float:
    """Price at which one more unit is worth as much as none, in the unit of the mid.

    Avellaneda and Stoikov 2008, eq. 29: r = s - q gamma sigma^2 (T - t). variance: sigma^2, price^2 / time; left: T - t, the same time.
    """
    return mid - inventory * gamma * variance * left


def quoted_spread(gamma: float, k: float, variance: float, left: float) -> float:
    """Best distance between the two quotes, in the unit of the mid; it does not depend on the inventory. gamma > 0, k > 0.

    Avellaneda and Stoikov 2008, eq. 30: gamma sigma^2 (T - t) + 2 / gamma ln(1 + gamma / k).
    """
    return gamma * variance * left + 2.0 / gamma * math.log(1.0 + gamma / k)


class AvellanedaStoikov(Strategy):
    """Quote both sides around the reservation price, a spread apart that pays for risk and for the book's thinness.

    Avellaneda and Stoikov, "High-frequency trading in a limit order book", Quantitative Finance 8 (2008): `reservation_px` and
    `quoted_spread`. The time left is held constant (`horizon_s`), as for a market that does not close; sigma^2 is an exponentially
    weighted mean of squared moves of the mid. The spread knows no fees: k has to leave room for two maker fees.

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
        reservation = self.reservation_ticks(mid2 / 2, position / self.size_lots)
        half_spread = self.spread_ticks() / 2
        bid = min(int(math.floor(reservation - half_spread)), book.bid())
        ask = max(int(math.ceil(reservation + half_spread)), book.ask())
        self.show(ctx, book.instrument, BUY, bid, self.size_lots if position < self.limit_lots else 0)
        self.show(ctx, book.instrument, SELL, ask, self.size_lots if position > -self.limit_lots else 0)

    def reservation_ticks(self, mid_ticks: float, inventory: float) -> float:
        """The price to quote around; inventory in size_lots."""
        return reservation_px(mid_ticks, inventory, self.gamma, self.variance, self.horizon_s)

    def spread_ticks(self) -> float:
        """The distance between the quotes."""
        return quoted_spread(self.gamma, self.k, self.variance, self.horizon_s)

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
