"""What the benchmarks of whole steps are made of: a strategy that sends one order at a time, and a venue in memory that answers.

The venue is a compiled loop: a book update goes to the node, the requests in the node's outbox are answered at once, and the answers go to
the node. Each fourth order is filled when it is sent; the others are cancelled at the next update.
"""

import ctypes
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from streams.agents.codes import ACTION_NEW, VENUE_ACK, VENUE_CANCELLED, VENUE_FILL
from streams.agents.context import Context
from streams.agents.node import Node
from streams.agents.outbox import Outbox
from streams.agents.runner import node_sources
from streams.kernel import NULL, Array, Struct, addr_of, at, call3, native
from streams.kernel.view import View
from streams.records import Limit, Name, NameKind, Rule
from streams.slots import (
    FLAG_FIRST,
    FLAG_LAST,
    KIND_LEVEL,
    KIND_REQUEST,
    KIND_VENUE_EVENT,
    LevelSlot,
    QuoteSlot,
    ReportSlot,
    VenueEventSlot,
)
from streams.strategies.base import Strategy
from streams.strategies.made_records import ACCOUNT, EPOCH_S
from streams.strategies.testing import Desk
from streams.trading.book import Book
from streams.trading.codes import CANCELLED, FILLED, REJECTED

__all__ = ["LIMITS", "Cycle", "Idle", "Market", "Steps", "begin_event", "play"]

BID_TICKS = 6_000
EVENT_BYTES = 128
MONEY, COUNT = Decimal(5_000_000_000), 1_000_000_000
LIMITS: dict[Rule, dict[str, Any]] = {  # on every level; none is ever reached
    Rule.ORDER_NOTIONAL: {"limit_money": MONEY},
    Rule.COLLAR: {"limit_bps": 1_000},
    Rule.LONG: {"limit_money": MONEY},
    Rule.SHORT: {"limit_money": MONEY},
    Rule.GROSS: {"limit_money": MONEY},
    Rule.NET: {"limit_money": MONEY},
    Rule.OPEN_ORDERS: {"limit_count": COUNT},
    Rule.OPEN_NOTIONAL: {"limit_money": MONEY},
    Rule.DAILY_LOSS: {"limit_money": MONEY},
    Rule.DAILY_TRADES: {"limit_count": COUNT},
    Rule.DAILY_VOLUME: {"limit_money": MONEY},
    Rule.DRAWDOWN: {"limit_money": MONEY},
}
DESK = "desk:one"


class Cycle(Strategy):
    """One order at a time: sent at the touch, then filled at once or cancelled at the next update or quote. Four buys, four sells."""

    order: int
    sent: int
    filled: int
    cancelled: int
    refused: int

    def on_book(self, ctx: Context, book: Book) -> None:
        self.go_on(ctx, book.instrument, book.bid(), book.ask())

    def on_quote(self, ctx: Context, quote: QuoteSlot) -> None:
        self.go_on(ctx, quote.instrument, quote.bid_px_ticks, quote.ask_px_ticks)

    def go_on(self, ctx: Context, instrument: int, bid_ticks: int, ask_ticks: int) -> None:
        """A request for every change that the market tells."""
        if self.order != 0:
            ctx.cancel(self.order)
        elif self.sent % 8 < 4:
            self.order = ctx.buy(instrument, bid_ticks, 1)
            self.sent += 1
        else:
            self.order = ctx.sell(instrument, ask_ticks, 1)
            self.sent += 1

    def on_order(self, ctx: Context, report: ReportSlot) -> None:
        if report.order_id != self.order:
            return
        if report.ord_status == FILLED:
            self.filled += 1
        elif report.ord_status == CANCELLED:
            self.cancelled += 1
        elif report.ord_status == REJECTED:
            self.refused += 1
        else:
            return
        self.order = 0


class Idle(Strategy):
    """Called as often, sends nothing."""

    seen: int

    def on_book(self, ctx: Context, book: Book) -> None:
        self.seen += 1


def begin_event(e: VenueEventSlot, id: int, now_ns: int, kind: int, request_id: int, order_id: int, instrument: int, side: int) -> None:
    """What the venue says to a request, without prices, sizes and executions."""
    e.stamp(id, request_id, now_ns, now_ns, instrument, KIND_VENUE_EVENT, side)
    e.order_id = order_id
    e.request_id = request_id
    e.exec_hi = NULL
    e.exec_lo = NULL
    e.last_px_ticks = NULL
    e.last_qty_lots = NULL
    e.px_ticks = NULL
    e.qty_lots = NULL
    e.fee = NULL
    e.fee_currency = -1
    e.event_type = kind
    e.maker = -1


class Market(Struct, align=64):
    """Feed and venue. now_ns: its clock; instruments: how many take turns; orders: orders and executions seen."""

    now_ns: int
    instruments: int
    updates: int
    requests: int
    orders: int
    fills: int
    level: LevelSlot
    answers: Array[VenueEventSlot, 8]

    def update(self) -> None:
        """The next book update: one side of one instrument, a level behind the touch."""
        e = self.level
        k = self.updates
        self.updates += 1
        self.now_ns += 1_000_000
        e.stamp(k + 1, 0, self.now_ns, self.now_ns, k // 2 % self.instruments, KIND_LEVEL, k & 1)
        e.flags = FLAG_FIRST | FLAG_LAST
        e.px_ticks = BID_TICKS + (k & 1)
        e.qty_lots = 100 + k % 7
        e.last_seq = k + 1

    def answer(self, out: Outbox) -> int:
        """Answer the requests in the outbox; how many events that are."""
        n = 0
        for i in range(out.used[KIND_REQUEST]):
            r = out.requests[i]
            self.requests += 1
            kind = VENUE_ACK if r.action == ACTION_NEW else VENUE_CANCELLED
            self.event(n, kind, r.id, r.order_id, r.instrument, r.side)
            self.answers[n].px_ticks = r.px_ticks
            self.answers[n].qty_lots = r.qty_lots
            n += 1
            if r.action == ACTION_NEW:
                self.orders += 1
                if self.orders % 4 == 0:
                    self.fills += 1
                    self.event(n, VENUE_FILL, r.id, r.order_id, r.instrument, r.side)
                    self.answers[n].exec_hi = 1
                    self.answers[n].exec_lo = self.fills
                    self.answers[n].last_px_ticks = r.px_ticks
                    self.answers[n].last_qty_lots = r.qty_lots
                    self.answers[n].maker = 1
                    n += 1
        return n

    def event(self, n: int, kind: int, request_id: int, order_id: int, instrument: int, side: int) -> None:
        """Begin the n-th answer."""
        begin_event(self.answers[n], self.updates * 8 + n + 1, self.now_ns, kind, request_id, order_id, instrument, side)


def play_steps(market: int, node: int, step: int, n: int) -> int:
    """`n` book updates, each with all that follows from it; the bytes that the node took."""
    m = at(Market, market)
    out = at(Node, node).out
    taken = 0
    for _ in range(n):
        m.update()
        taken += call3(step, node, addr_of(m.level), 64)
        answers = m.answer(out)
        out.empty()
        if answers > 0:
            taken += call3(step, node, addr_of(m.answers[0]), answers * EVENT_BYTES)
            out.empty()
    return taken


@cache
def play() -> Callable[[int, int, int, int], int]:
    """`play_steps` as machine code."""
    files = [*node_sources(), __file__]
    return native.function(native.load("bench_steps", lambda: {"play_steps": (play_steps, 4)}, files=files).play_steps, 4)


def limits() -> list[Any]:
    """LIMITS for the firm, a desk and the account below it."""
    head = {"id": 1, "cause_id": 0, "run_id": 1, "ts_ns": 0, "recv_ts_ns": 0}
    scopes = {"firm": None, DESK: "firm", f"account:{ACCOUNT}": DESK}
    records: list[Any] = [Name(**head, kind=NameKind.SCOPE, number=2, name=DESK, epoch=EPOCH_S)]
    return records + [Limit(**head, scope=s, parent=p, rule=rule, **value) for s, p in scopes.items() for rule, value in LIMITS.items()]


class Steps:
    """A compiled process of strategy, risk, execute and account with limits on three levels, and the market that drives it."""

    def __init__(self, cls: type[Strategy], instruments: int = 1) -> None:
        self.desk = Desk(cls, instruments=instruments, compiled=True, sizes={"scopes": 4, "executions": 1 << 12})
        self.desk.give(*limits())
        for i in range(instruments):
            self.desk.book(BID_TICKS, BID_TICKS + 1, instrument=i)
        assert not self.desk.denied, self.desk.denied
        self.desk.process.take_outputs()
        market = Market()
        market.instruments, market.now_ns = instruments, self.desk.now_ns
        self.memory, self.node = market.pack(), self.desk.process.node
        self.market = View(Market, self.memory)
        self.before = dict(self.desk.state)  # the first books have been decided on already

    def play(self, updates: int) -> float:
        """CPU seconds of so many book updates with all that follows from them."""
        run, args = play(), (self.memory.ctypes.data, self.node.address, ctypes.cast(self.node.entries["node_step"], ctypes.c_void_p).value)
        before = self.market.requests
        began = time.process_time()
        run(*args, updates)
        spent = time.process_time() - began
        self.made = self.market.requests - before
        return spent

    def check(self, updates: int) -> int:
        """Requests of the last `play`, when strategy, venue and account agree on all orders and fills since the start."""
        state, m = self.desk.state, self.market
        sent, filled, cancelled = (state[k] - self.before[k] for k in ("sent", "filled", "cancelled"))
        assert (m.updates, sent) == (updates, m.orders), "an order was refused"
        assert (filled, m.fills, state["refused"]) == (m.orders // 4, m.orders // 4, 0)
        assert m.requests == sent + cancelled == updates
        if m.instruments == 1:  # sold a tick above where it was bought, without fees: a money unit each round
            lots, money = self.node.holding(0, 0)
            assert (lots, money // 10**8) == (-(filled % 2), filled // 2), (lots, money, filled)
        return self.made
