"""Whole backtests whose outcome is known beforehand: spread and fees, a known queue, a hand-computed profit, impact by its formula."""

import math
from decimal import Decimal
from typing import Any

import pytest

from streams.agents.context import Context
from streams.backtest.latencies import LatencyModels
from streams.records import BookLevel, BookUpdate, Quote, Side, Trade
from streams.schema import ids
from streams.slots import KIND_FILL, KIND_POSITION
from streams.strategies.base import Strategy
from streams.strategies.made_records import E9, VENUE, symbol
from streams.trading.book import Book
from streams.trading.codes import BUY, SELL
from streams.trading.venue_models import VenueModels
from tests.backtest.world import MS, T0, engine_of, events_of, process_of, tapes

NO_LATENCY, ONE_MS = LatencyModels(None, 0, 0), LatencyModels(None, MS, MS)
MAKER, TAKER = Decimal("0.001"), Decimal("0.002")


class Market:
    """Records a step of 10 ms apart; what the venue knows we know at once."""

    def __init__(self):
        self.records, self.now_ns = [], T0

    def later(self, ms):
        """Nothing happens for a while."""
        self.now_ns += ms * MS
        return self

    def _head(self):
        n = 1 + len(self.records)
        self.now_ns += 10 * MS
        return ids.make(40, n), 0, 1, self.now_ns, self.now_ns, VENUE, symbol(0), self.now_ns

    def book(self, *levels):
        """Levels (side, price, quantity); the first update is a snapshot."""
        n = 1 + len(self.records)
        made = tuple(BookLevel(Side(side), px * E9, qty * E9) for side, px, qty in levels)
        self.records.append(BookUpdate(*self._head(), n, n, n == 1, False, made))
        return self

    def quote(self, bid, ask):
        """The touch, which positions are valued at, each 100 ms at most."""
        self.records.append(Quote(*self._head(), 0, bid * E9, 5 * E9, ask * E9, 5 * E9, (ask - bid) * E9, 0.0, (bid + ask) / 2))
        return self

    def trade(self, side, px, qty):
        self.records.append(Trade(*self._head(), len(self.records), Side(side), px * E9, qty * E9))
        return self


class Played:
    """The fills and the last position of a strategy in a market."""

    def __init__(self, cls: type[Any], market, latencies=ONE_MS, models=None):
        process = process_of(cls)
        found = tapes(engine_of(process, latencies, models), [events_of(process.edge, market.records)])
        slots = {
            kind: [process.edge.from_slot(kind, slot[1], 1) for slot in found if slot[0] == kind] for kind in (KIND_FILL, KIND_POSITION)
        }
        self.fills = [((f.ts_ns - T0) / (10 * MS), f.side, f.last_px_e9 // E9, f.last_qty_e9 // E9, f.maker) for f in slots[KIND_FILL]]
        self.position = slots[KIND_POSITION][-1]

    @property
    def profit(self):
        """After fees."""
        p = self.position
        return p.realized_pnl + p.unrealized_pnl - p.fees


# ---- crossing the spread ----
class Crosser(Strategy):
    """Buys at the market on one book, sells it on the next."""

    books: int

    def on_book(self, ctx: Context, book: Book) -> None:
        ctx.market(book.instrument, SELL if self.books % 2 else BUY, 10)
        self.books += 1


@pytest.mark.parametrize("trips", [1, 7])
def test_crossing_the_spread_loses_spread_and_fees_exactly(trips):
    market = Market()
    for _ in range(2 * trips):
        market.book((BUY, 999, 50), (SELL, 1001, 50))
    market.trade(Side.BUY, 1005, 1)
    played = Played(Crosser, market)
    assert [fill[1:] for fill in played.fills] == [(Side.BUY, 1001, 10, False), (Side.SELL, 999, 10, False)] * trips
    assert played.position.qty_e9 == 0
    assert played.position.spread_pnl == -20 * trips
    assert played.position.inventory_pnl == 0
    assert played.position.fees == (10 * 1001 + 10 * 999) * TAKER * trips
    assert played.profit == -20 * trips - played.position.fees


# ---- the queue ----
class Joiner(Strategy):
    """Bids once, at the best bid."""

    done: int

    def on_book(self, ctx: Context, book: Book) -> None:
        if self.done == 0:
            ctx.buy(book.instrument, book.bid(), 5)
        self.done = 1


def test_passive_order_at_the_back_of_a_known_queue_fills_at_the_known_trade():
    market = Market().book((BUY, 999, 30), (SELL, 1001, 30))  # 30 ahead
    for qty in (10, 15, 4, 1):  # the queue is gone, nothing is left for us
        market.trade(Side.SELL, 999, qty)
    market.trade(Side.SELL, 999, 3).trade(Side.BUY, 1001, 9).trade(Side.SELL, 999, 7)  # records 6, 7 and 8
    played = Played(Joiner, market.trade(Side.BUY, 1001, 1))
    assert played.fills == [(6.1, Side.BUY, 999, 3, True), (8.1, Side.BUY, 999, 2, True)]  # a millisecond later we know
    assert played.position.fees == 5 * 999 * MAKER


def test_order_that_comes_a_moment_later_stands_behind_what_came_before_it():
    late = LatencyModels(None, 15 * MS, MS)
    market = Market().book((BUY, 999, 30), (SELL, 1001, 30)).book((BUY, 999, 34))  # the second before our order arrives
    market.trade(Side.SELL, 999, 33).trade(Side.SELL, 999, 2).trade(Side.SELL, 999, 1)
    assert Played(Joiner, market, late).fills == [(4.1, Side.BUY, 999, 1, True)]


# ---- a profit by hand ----
class Quoter(Strategy):
    """Bids 1000 and offers 1002 for 4 lots, each once, inside a market of 999 to 1003."""

    done: int

    def on_book(self, ctx: Context, book: Book) -> None:
        if self.done == 0:
            ctx.buy(book.instrument, 1000, 4)
            ctx.sell(book.instrument, 1002, 4)
        self.done = 1


def test_profit_without_latency_and_queue_is_the_one_computed_by_hand():
    market = Market().book((BUY, 999, 5), (SELL, 1003, 5))
    market.trade(Side.SELL, 1000, 3)  # bought 3 at 1000
    market.trade(Side.BUY, 1003, 2)  # sold 2 at 1002: a trade beyond our price meets us first
    market.trade(Side.SELL, 998, 9)  # bought 1 at 1000
    market.book((BUY, 999, 0), (SELL, 1003, 0), (BUY, 1009, 5), (SELL, 1011, 5))  # sold 2 at 1002; mid 1010
    played = Played(Quoter, market.book((BUY, 1009, 5)), NO_LATENCY)
    assert played.fills == [
        (2.0, Side.BUY, 1000, 3, True),
        (3.0, Side.SELL, 1002, 2, True),
        (4.0, Side.BUY, 1000, 1, True),
        (5.0, Side.SELL, 1002, 2, True),
    ]
    assert played.position.qty_e9 == 0
    assert played.position.fees == (4 * 1000 + 4 * 1002) * MAKER
    assert played.profit == 4 * 2 - played.position.fees


class Holder(Strategy):
    """Buys 3 lots at the market, once."""

    done: int

    def on_book(self, ctx: Context, book: Book) -> None:
        if self.done == 0:
            ctx.market(book.instrument, BUY, 3)
        self.done = 1


def test_profit_of_what_is_held_is_its_mark_less_its_price_and_fee():
    market = Market().book((BUY, 999, 5), (SELL, 1001, 5)).book((BUY, 1004, 5), (SELL, 1001, 0), (SELL, 1006, 5)).quote(1004, 1006)
    played = Played(Holder, market, NO_LATENCY)
    assert played.fills == [(1.0, Side.BUY, 1001, 3, False)]
    assert (played.position.spread_pnl, played.position.inventory_pnl) == (-3, 15)
    assert played.profit == 3 * (1005 - 1001) - 3 * 1001 * TAKER


# ---- impact ----
def impact(model, **more):
    return VenueModels(impact=model, coefficient=0.8, volatility={"": 0.05}, volume={"": 1000.0}, **more)


def test_square_root_impact_is_its_formula():
    market = Market().book((BUY, 999, 50), (SELL, 1001, 50)).book((SELL, 1001, 50)).trade(Side.BUY, 1005, 1)
    played = Played(Crosser, market, models=impact("square_root"))
    # an order of 10 lots in a day's volume of 1000, daily volatility 5 %
    assert [px for _, _, px, _, _ in played.fills] == [
        1001 + round(0.8 * 0.05 * math.sqrt(10 / 1000) * 1001),
        999 - round(0.8 * 0.05 * math.sqrt(10 / 1000) * 999),
    ]


class Buyer(Strategy):
    """Buys 10 lots at the market on each book."""

    def on_book(self, ctx: Context, book: Book) -> None:
        ctx.market(book.instrument, BUY, 10)


@pytest.mark.parametrize("kernel", ["power", "exponential"])
def test_propagator_is_its_formula(kernel):
    market = Market()
    for _ in range(5):
        market.book((BUY, 999, 50), (SELL, 1001, 50))
    models = impact("propagator", kernel=kernel, impact_exponent=0.7, decay=0.4, timescale_ns=20 * MS)
    played = Played(Buyer, market.trade(Side.BUY, 1005, 1), models=models)

    def left(steps):
        return (1 + steps / 2) ** -0.4 if kernel == "power" else math.exp(-steps / 2)  # a step of 10 ms is half the timescale

    move = 0.8 * 0.05 * (10 / 1000) ** 0.7 * 1001
    expected = [1001 + round(sum(move * left(n - k) for k in range(n))) for n in range(5)]
    assert [px for _, _, px, _, _ in played.fills] == expected
    assert expected[-1] > expected[1] > 1001


# ---- fills ----
def test_whole_fills_are_kinder_than_partial_ones_to_an_order_larger_than_the_trade():
    market = Market().book((BUY, 998, 5), (SELL, 1003, 5)).book((BUY, 999, 5)).trade(Side.SELL, 998, 1).trade(Side.BUY, 1003, 1)
    bought = [
        sum(f[3] for f in Played(Quoter, market, models=VenueModels(fills=fills)).fills if f[1] == Side.BUY)
        for fills in ("partial", "whole")
    ]
    assert bought == [1, 4]
