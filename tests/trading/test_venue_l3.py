"""Exact places in the queues of an order-by-order feed: against lists of all orders, plain and compiled, and by worked examples."""

import random
from decimal import Decimal

import numpy as np
import pytest

from streams.backtest.l3 import L3_EVENT, L3Venue
from streams.records import OrdType, Side, TimeInForce, VenueEventType
from streams.strategies.made_records import Writer
from streams.trading.venue_answer import REASONS
from streams.trading.venue_models import VenueModels
from tests.trading.slow_venue_l3 import SlowVenueL3

BUY, SELL = Side.BUY, Side.SELL
KINDS = ("add", "modify", "cancel", "execute", "clear", "snapshot")
SIZES = {"window": 128, "far": 64, "orders": 256, "levels": 48}
VENUE_SIZES = {"window": 128, "far": 64, "orders": 64, "executions": 1024, "answers": 4096}


def instrument():
    return Writer(1, Decimal(0), Decimal(0)).instrument(0)


class Both:
    """Events of others and requests of ours, given to the slow venue and to the kernel's."""

    def __init__(self, compiled=False, whole=False):
        self.slow = SlowVenueL3(unit=100_000_000, maker_e9=0, taker_e9=0, whole=whole)
        models = VenueModels(fills="whole" if whole else "partial")
        self.fast = L3Venue(instrument(), models, SIZES, VENUE_SIZES, compiled=compiled)
        self.answers, self.now = [], 1

    def event(self, kind, id=0, side=BUY, px=0, qty=0):
        self.now += 1
        self.slow.event(self.now, kind, id, side, px, qty)
        events = np.zeros(1, L3_EVENT)
        events[0] = (self.now, id, px, qty, KINDS.index(kind), side)
        assert self.fast.follow(events) == 1
        self._take()

    def new(self, id, side, px, qty, post_only=1, display=0):
        self.slow.new(id, side, OrdType.ICEBERG if display else OrdType.LIMIT, TimeInForce.GTC, post_only, px, qty, 0, 0, display=display)
        kind = OrdType.ICEBERG if display else OrdType.LIMIT
        self.fast.matcher.submit(id, 0, side, kind, TimeInForce.GTC, post_only, px, qty, 0, 0, display, 0, 0, 0)
        self._take()

    def cancel(self, id):
        self.slow.cancel(id, 900)
        self.fast.matcher.cancel(id, 900)
        self._take()

    def _take(self):
        for a in self.fast.matcher.take_answers():
            figures = (a.px_ticks, a.qty_lots, a.leaves_qty_lots, a.cum_qty_lots, a.maker, a.fee)
            self.answers.append((VenueEventType(a.kind), a.order_id, a.request_id, *figures, REASONS[a.reason]))

    def agree(self):
        assert self.answers == self.slow.answers
        assert self.fast.market.book.refused == self.slow.refused
        venue = self.fast.matcher.venue
        if self.fast.matcher.machine:  # a view of memory, which has no methods
            return self
        for o in self.slow.orders:
            if o.state == "rests":
                assert venue.orders.pool[venue.orders.find(o.id)].ahead_lots == self.slow.ahead_of(o), o.id
        for side in Side:
            assert {px: venue.books[0].qty(side, px) for px in self.slow.book[side]} == self.slow.book[side]
        return self


def play(seed, count=200, **more):
    """Others around 100, our post-only orders among them, some of them icebergs."""
    both, rng, ids, ours = Both(**more), random.Random(seed), [], 0
    for n in range(1, count):
        what, side = rng.random(), Side(rng.randrange(2))
        px = 100 - rng.randrange(4) if side == BUY else 101 + rng.randrange(4)
        id = rng.choice(ids) if ids and rng.random() < 0.97 else n + 5000
        if what < 0.35:
            ids.append(n)
            both.event("add", n, side, px + rng.choice([0] * 20 + [-1, 1]), rng.randint(1, 9))
        elif what < 0.45:
            both.event("modify", id, side, px if rng.random() < 0.3 else (both.slow.where(id) or (0, px))[1], rng.randint(1, 9))
        elif what < 0.60:
            both.event("cancel", id)
        elif what < 0.78:
            both.event("execute", id, qty=rng.randint(1, 5))
        elif what < 0.79:
            both.event("clear")
            for k in range(6):
                at = 100 - k % 3 if k < 3 else 101 + k % 3
                ids.append(10_000 + 10 * n + k)
                both.event("snapshot", ids[-1], BUY if k < 3 else SELL, at, rng.randint(1, 9))
        elif what < 0.95:
            ours += 1
            both.new(ours, side, px, rng.randint(1, 9), display=rng.choice([0, 0, 0, 1]))
        elif ours:
            both.cancel(rng.randint(1, ours))
    return both


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("seed", range(8))
def test_venue_among_all_orders_equals_slow_venue(seed, whole):
    both = play(seed, whole=whole).agree()
    assert sum(a[0] == VenueEventType.FILL for a in both.answers) > 2


@pytest.mark.slow
@pytest.mark.parametrize("whole", [False, True])
def test_venue_among_all_orders_compiled_ends_in_the_same_bytes(whole):
    fast, plain = play(50, 400, compiled=True, whole=whole).agree(), play(50, 400, whole=whole)
    assert fast.fast.pack() == plain.fast.pack()


def filled(*events):
    """(price, quantity) of the fills of a buy of 5 at 100, behind orders 1 of 4 and 2 of 6, before order 3 of 8."""
    both = Both()
    both.event("add", 1, BUY, 100, 4)
    both.event("add", 2, BUY, 100, 6)
    both.new(1, BUY, 100, 5)
    both.event("add", 3, BUY, 100, 8)
    for event in events:
        both.event(*event)
    return [(px, qty) for _, px, qty in both.agree().slow.fills()]


def test_order_fills_when_what_was_behind_it_trades():
    assert filled(("execute", 1, BUY, 0, 4), ("execute", 2, BUY, 0, 6)) == []
    assert filled(("execute", 1, BUY, 0, 4), ("execute", 2, BUY, 0, 6), ("execute", 3, BUY, 0, 3), ("execute", 3, BUY, 0, 3)) == [
        (100, 3),
        (100, 2),
    ]


def test_cancellations_ahead_and_behind_are_told_apart():
    both = Both()
    both.event("add", 1, BUY, 100, 4)
    both.new(1, BUY, 100, 5)
    both.event("add", 2, BUY, 100, 8)
    both.event("cancel", 2)
    assert both.agree().slow.ahead_of(both.slow.open(1)) == 4
    both.event("modify", 1, BUY, 100, 3)
    assert both.agree().slow.ahead_of(both.slow.open(1)) == 3
    both.event("modify", 1, BUY, 100, 9)  # more: it goes to the end
    assert both.agree().slow.ahead_of(both.slow.open(1)) == 0


def test_trade_at_a_worse_price_would_have_met_us_first():
    assert filled(("add", 9, BUY, 99, 3), ("execute", 9, BUY, 0, 2)) == [(100, 2)]


def test_everything_in_a_snapshot_is_ahead():
    both = Both()
    both.new(1, BUY, 100, 5)
    both.event("clear")
    both.event("snapshot", 7, BUY, 100, 3)
    both.event("snapshot", 8, BUY, 100, 2)
    assert both.agree().slow.ahead_of(both.slow.open(1)) == 5


def test_events_of_another_type_are_refused():
    with pytest.raises(ValueError, match="a contiguous array of L3_EVENT is wanted"):
        Both().fast.follow(np.zeros((2, 8), np.int64))
