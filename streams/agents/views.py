"""What every agent of a process may read: instruments, books, marks, open orders, holdings (contract 13).

Built once a process from the records that reach it, updated before any agent steps, and read-only for the agents.
"""

from streams.agents.codes import ACTION_NEW, ACTION_REPLACE, EXEC_TRIGGERED
from streams.agents.told import Told
from streams.kernel import I8, Struct, Table
from streams.slots import (
    FLAG_LAST,
    FillSlot,
    InstrumentSlot,
    LevelSlot,
    LimitSlot,
    OrderSlot,
    QuoteSlot,
    ReportSlot,
    TradeSlot,
)
from streams.trading.book import Book
from streams.trading.codes import CANCELLED, FILLED, NEW, PARTIALLY_FILLED, PENDING_CANCEL, PENDING_REPLACE, SPOT
from streams.trading.contract import MONEY_SCALE
from streams.trading.instrument import InstrumentSpec
from streams.trading.order import Order
from streams.trading.order_range import beyond, empty
from streams.trading.order_terms import copy_algorithm_terms, copy_terms, given
from streams.trading.orders import Orders
from streams.trading.risk_rules import UNIT_NONE

__all__ = ["Views"]


class Views(Struct, align=64):
    """now_ns: the largest time seen on the inputs (contract 9); holdings: signed lots, [strategy x instruments + instrument].

    data_ts_ns   : receive time of the newest market data; book_ts_ns: of the newest change of each book
    money_scales : digits of each currency's money unit, -1 = not said yet
    scope_parent : the scope above each scope, -1 = none or unknown; account_scope: the scope that an account is
    told         : positions as the account keeps them, signals of the strategies
    """

    now_ns: int
    data_ts_ns: int
    beyond_id: int
    beyond_bound: int
    beyond_asked: int
    beyond_unit: int
    specs: Table[InstrumentSpec, "instruments"]
    books: Table[Book, "instruments"]
    book_ts_ns: Table[int, "instruments"]
    orders: Orders
    holdings: Table[int, "strategies * instruments"]
    money_scales: Table[I8, "currencies"]
    scope_parent: Table[int, "scopes"]
    account_scope: Table[int, "accounts"]
    told: Told

    def setup(self) -> None:
        """Once, before the first input."""
        for i in range(self.scope_parent.n):
            self.scope_parent[i] = -1
        for i in range(self.account_scope.n):
            self.account_scope[i] = -1
        for i in range(self.money_scales.n):
            self.money_scales[i] = -1
        self.orders.setup()
        self.told.setup()
        for i in range(self.books.n):
            self.books[i].setup()
            self.books[i].instrument = i

    def advance(self, ts_ns: int) -> None:
        """Time never goes back."""
        if ts_ns > self.now_ns:
            self.now_ns = ts_ns

    def holding(self, strategy: int, instrument: int) -> int:
        """Signed lots a strategy holds."""
        return self.holdings[strategy * self.books.n + instrument]

    def quotable(self, instrument: int) -> bool:
        """The book has both sides and has lost nothing since its snapshot."""
        return self.specs[instrument].book_stale == 0 and self.books[instrument].ready()

    # ---- scopes ----
    def on_limit(self, e: LimitSlot) -> None:
        if e.parent >= 0:
            self.scope_parent[e.scope] = e.parent

    def under(self, account: int, scope: int) -> bool:
        """The account belongs to this scope, directly or through those between."""
        s = self.account_scope[account]
        for _ in range(self.scope_parent.n):
            if s == scope or s < 0:
                break
            s = self.scope_parent[s]
        return s == scope and s >= 0

    # ---- market data ----
    def on_instrument(self, e: InstrumentSlot) -> None:
        base_scale = MONEY_SCALE
        if e.instrument_type == SPOT and e.base >= 0:
            if self.money_scales[e.base] < 0:
                self.money_scales[e.base] = MONEY_SCALE
            base_scale = self.money_scales[e.base]
        if self.specs[e.instrument].load(e, base_scale) and self.specs[e.instrument].settle_currency >= 0:
            self.money_scales[self.specs[e.instrument].settle_currency] = e.money_scale

    def on_level(self, e: LevelSlot) -> None:
        book = self.books[e.instrument]
        spec = self.specs[e.instrument]
        self.book_ts_ns[e.instrument] = max(self.book_ts_ns[e.instrument], e.recv_ts_ns)
        book.apply_level(e)
        spec.book_stale = book.stale
        if e.flags & FLAG_LAST != 0 and self.quotable(e.instrument):
            spec.mark2_ticks = book.mid2()

    def on_trade(self, e: TradeSlot) -> None:
        self.specs[e.instrument].last_px_ticks = e.px_ticks

    def on_quote(self, e: QuoteSlot) -> None:
        self.specs[e.instrument].mark2_ticks = e.bid_px_ticks + e.ask_px_ticks

    # ---- open orders ----
    def full(self) -> bool:
        """No room for another open order."""
        return self.orders.open_count >= self.orders.pool.n

    def on_order(self, e: OrderSlot) -> None:
        """A strategy's wish shows at once, so that it is not repeated while it is decided. One that no record can say is emptied."""
        if e.instrument >= 0 and self.specs[e.instrument].valid != 0:
            bound, asked, unit = beyond(e, self.specs[e.instrument])
            if unit != UNIT_NONE:
                self.beyond_id = e.id
                self.beyond_bound = bound
                self.beyond_asked = asked
                self.beyond_unit = unit
                empty(e)
        if e.action == ACTION_NEW:
            s = self.orders.add(e.order_id)
            if s >= 0:
                self.enter(s, e)
            return
        s = self.orders.find(e.order_id)
        if s >= 0:
            self.orders.pool[s].ord_status = PENDING_REPLACE if e.action == ACTION_REPLACE else PENDING_CANCEL

    def enter(self, s: int, e: OrderSlot) -> None:
        o = self.orders.pool[s]
        o.instrument = e.instrument
        o.account = e.account
        o.strategy = e.strategy
        copy_terms(o, e)
        copy_algorithm_terms(o, e)
        o.set_terms(e.side, e.px_ticks, e.qty_lots)
        o.created_ts_ns = e.ts_ns
        o.updated_ts_ns = e.ts_ns
        if given(e.parent_id):
            self.orders.adopt(s, e.parent_id)
        if e.strategy >= 0:
            self.orders.link(s, e.strategy)

    def on_report(self, e: ReportSlot) -> None:
        s = self.orders.find(e.order_id)
        if s >= 0:
            o = self.orders.pool[s]
            o.ord_status = e.ord_status
            o.px_ticks = e.px_ticks
            o.qty_lots = e.qty_lots
            o.leaves_qty_lots = e.leaves_qty_lots
            o.cum_qty_lots = e.cum_qty_lots
            o.updated_ts_ns = e.ts_ns
            if e.exec_type == EXEC_TRIGGERED:
                o.triggered = 1

    def after_report(self, e: ReportSlot) -> None:
        """Once every agent has seen it, an order that can change no more leaves the view."""
        if e.ord_status == FILLED or e.ord_status >= CANCELLED:  # the order's own, since `on_report`
            s = self.orders.find(e.order_id)
            if s >= 0:
                self.orders.drop(s)

    def working(self, order_id: int) -> bool:
        """The order rests at the venue and nothing is pending on it."""
        s = self.orders.find(order_id)
        if s < 0:
            return False
        st = self.orders.pool[s].ord_status
        return st == NEW or st == PARTIALLY_FILLED

    def cancellable(self, order_id: int) -> bool:
        """Something of the order may be open, and no cancel is pending."""
        s = self.orders.find(order_id)
        return s >= 0 and self.may_cancel(self.orders.pool[s])

    def may_cancel(self, o: Order) -> bool:
        """Something of an order of the view may be open, and no cancel is pending."""
        return o.ord_status != PENDING_CANCEL and not o.terminal()

    # ---- holdings ----
    def on_fill(self, e: FillSlot) -> None:
        if e.strategy < 0:
            return
        i = e.strategy * self.books.n + e.instrument
        self.holdings[i] += e.last_qty_lots if e.side == 0 else -e.last_qty_lots
