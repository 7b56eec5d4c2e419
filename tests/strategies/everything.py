"""Strategies that use every callback and every call of the context: a parity test compares their plain and compiled bytes."""

from streams.agents.context import Context
from streams.kernel import Array
from streams.slots import FillSlot, PositionSlot, QuoteSlot, ReportSlot, SignalSlot, TradeSlot
from streams.strategies.base import Strategy
from streams.trading.book import Book
from streams.trading.codes import BUY, DAY, FOK, GTD, IOC, LIMIT, SELL

__all__ = ["Everything", "Flood", "Speaker"]

START, BOOK, QUOTE, TRADE, SIGNAL, FILL, ORDER, POSITION, TIMER, PARAM, STOPPED = range(11)
INVENTORY, PROFIT = range(2)
SECOND_NS = 1_000_000_000


class Everything(Strategy):
    """Counts its callbacks, and places a different kind of order at each book."""

    metrics = ("inventory", "profit")
    size_lots: int = 2
    calls: Array[int, 11]
    refused: int
    seen: float
    open_count: int
    open_lots: int
    bought_lots: int
    pnl: int
    places: int
    leader: float
    agreed: float
    timer_mask: int
    last_id: int

    def on_start(self, ctx: Context) -> None:
        self.calls[START] += 1
        ctx.set_timer(ctx.now_ns + SECOND_NS)
        ctx.set_timer(ctx.now_ns + 2 * SECOND_NS, 3)
        ctx.set_timer(ctx.now_ns + 3 * SECOND_NS, 5)
        ctx.clear_timer(5)

    def on_book(self, ctx: Context, book: Book) -> None:
        self.calls[BOOK] += 1
        i = book.instrument
        step = self.calls[BOOK] % 12
        if step == 1:
            self.last_id = ctx.buy(i, book.bid() - 5, self.size_lots)
            ctx.sell(i, book.ask() + 5, self.size_lots)
        elif step == 2:
            ctx.market(i, BUY, 1)
        elif step == 3:
            ctx.stop(i, SELL, book.bid() - 30, 1)
            ctx.stop_limit(i, BUY, book.ask() + 30, book.ask() + 40, 1)
        elif step == 4:
            ctx.iceberg(i, SELL, book.ask() + 8, 10, 2)
            ctx.pegged(i, BUY, -3, 1, book.bid())
        elif step == 5:
            e = ctx.new_order(i, BUY, 3)
            e.px_ticks = book.bid() - 9
            e.time_in_force = GTD
            e.expire_ts_ns = ctx.now_ns + SECOND_NS
            e.reduce_only = 1
        elif step == 6:
            ctx.place(i, BUY, book.ask() + 2, 1, LIMIT, IOC)
            ctx.place(i, SELL, book.bid(), 1, LIMIT, FOK)
            ctx.place(i, SELL, book.ask() + 4, 1, LIMIT, DAY, True)
        elif step == 7:
            ctx.ladder(i, BUY, book.bid() - 1, 2, 3, 1)
        elif step == 8:
            if not ctx.replace(self.last_id, book.bid() - 7, self.size_lots + 1):
                self.refused += 1
        elif step == 9:
            ctx.cancel(self.last_id)
        elif step == 10:
            ctx.cancel_all(i, SELL)
        elif step == 11:
            ctx.cancel_all()
        ctx.quote(i, BUY, book.bid() - 20, 1)
        if step == 5:
            ctx.pull(i)
        self.look(ctx, i)
        ctx.metric(INVENTORY, ctx.position(i))
        ctx.metric(PROFIT, ctx.pnl(i) / 1e8, i)
        ctx.signal(i, BUY if step % 2 == 0 else SELL, step / 8.0, book.mid2() / 2, SECOND_NS, step / 12.0)

    def look(self, ctx: Context, i: int) -> None:
        """Everything that can be read."""
        self.open_count = ctx.open_orders(i)
        self.open_lots = ctx.open_lots(i, BUY)
        s = ctx.first_order(i, SELL)
        while s >= 0:
            self.seen += ctx.order(s).px_ticks * ctx.tick(i)
            s = ctx.next_order(s, i, SELL)
        self.seen += ctx.quoted(i, BUY) + ctx.leaves(self.last_id) + ctx.mark2(i) + ctx.last_trade(i) + ctx.book(i).bid()
        self.bought_lots = ctx.held(i).qty_lots
        self.pnl = ctx.pnl(i)
        self.places = ctx.signals(i)
        for k in range(self.places):
            self.leader += ctx.ranked(i, k).urgency * (k + 1)
        self.agreed = ctx.consensus(i).strength

    def on_quote(self, ctx: Context, quote: QuoteSlot) -> None:
        self.calls[QUOTE] += 1
        self.seen += quote.bid_px_ticks

    def on_trade(self, ctx: Context, trade: TradeSlot) -> None:
        self.calls[TRADE] += 1
        self.seen += trade.px_ticks

    def on_signal(self, ctx: Context, signal: SignalSlot) -> None:
        self.calls[SIGNAL] += 1
        self.seen += signal.strength

    def on_fill(self, ctx: Context, fill: FillSlot) -> None:
        self.calls[FILL] += 1
        self.seen += fill.last_px_ticks

    def on_order(self, ctx: Context, report: ReportSlot) -> None:
        self.calls[ORDER] += 1
        self.seen += report.leaves_qty_lots

    def on_position(self, ctx: Context, position: PositionSlot) -> None:
        self.calls[POSITION] += 1
        self.seen += position.qty_lots

    def on_timer(self, ctx: Context, timer: int) -> None:
        self.calls[TIMER] += 1
        self.timer_mask |= 1 << timer
        if timer == 0:
            ctx.set_timer(ctx.now_ns + SECOND_NS)

    def on_param(self, ctx: Context) -> None:
        self.calls[PARAM] += 1

    def on_stop(self, ctx: Context) -> None:
        self.calls[STOPPED] += 1
        ctx.cancel_all()


class Speaker(Strategy):
    """Says what its parameters say at each book."""

    side: int = BUY
    strength: float = 0.5
    urgency: float = 0.5
    horizon_ns: int = SECOND_NS
    heard: int
    last_rank: int

    def on_book(self, ctx: Context, book: Book) -> None:
        ctx.signal(book.instrument, self.side, self.strength, book.mid2() / 2, self.horizon_ns, self.urgency)

    def on_signal(self, ctx: Context, signal: SignalSlot) -> None:
        self.heard += 1
        self.last_rank = signal.rank


class Flood(Strategy):
    """Places as many orders as it may at each book and at each order that fails, and never cancels one."""

    placed: int
    refused: int

    def on_book(self, ctx: Context, book: Book) -> None:
        for k in range(40):
            if ctx.buy(book.instrument, book.bid() - k, 1) != 0:
                self.placed += 1
            else:
                self.refused += 1
            ctx.signal(book.instrument, SELL, 0.5, 1.0, SECOND_NS, 0.5)

    def on_order(self, ctx: Context, report: ReportSlot) -> None:
        if report.code != 0 and self.placed < 2_000:
            self.placed += 1 if ctx.buy(report.instrument, 10, 1) != 0 else 0
