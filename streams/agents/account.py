"""The account agent: positions and their P&L, cash and P&L of each account and currency, from fills, funding and marks."""

from streams.agents.outbox import Outbox
from streams.agents.views import Views
from streams.kernel import I32, Struct, Table
from streams.slots import FillSlot, FundingSlot
from streams.trading.codes import SPOT, sign
from streams.trading.position import Position

__all__ = ["AccountAgent", "CurrencyBalance", "Holding"]

MARK_INTERVAL_NS = 100_000_000  # a mark writes positions at most this often, per instrument (contract 15)


class Holding(Struct, align=64):
    """Position of one strategy in one instrument, and what was told of it last, money units.

    account : whose it is, -1 = never traded
    """

    account: I32 = -1
    realized: int
    unrealized: int
    spread: int
    position: Position


class CurrencyBalance(Struct):
    """One account in one currency, money units: what it has more than at the start, and where that comes from.

    cash changes by what a contract realizes (of SPOT by what is received less paid), plus funding, less fees.
    """

    cash: int
    fees: int
    funding: int
    realized: int
    unrealized: int
    spread: int


class AccountAgent(Struct, align=64):
    """holdings: [strategy x instruments + instrument]; balances: [account x currencies + currency].

    due_ns: from when a mark is told again, [instrument]
    """

    holdings: Table[Holding, "strategies * instruments"]
    balances: Table[CurrencyBalance, "accounts * currencies"]
    due_ns: Table[int, "instruments"]
    currencies: int
    instruments: int
    strategies: int

    def on_fill(self, e: FillSlot, views: Views, out: Outbox) -> None:
        """Book one execution; one position, and a balance of each currency that it changed."""
        spec = views.specs[e.instrument]
        holding = self.holding(e.strategy, e.instrument)
        holding.account = e.account
        holding.position.book(spec, e.side, e.last_px_ticks, e.last_qty_lots, e.mid2_ticks)
        settle = spec.settle_currency
        fee_currency = e.fee_currency if e.fee_currency >= 0 else settle
        if fee_currency == settle:
            holding.position.charge(e.fee)
        realized = self.tell_position(e.strategy, e.instrument, views, out)
        paid = self.balance(e.account, fee_currency)
        paid.cash -= e.fee
        paid.fees += e.fee
        if spec.instrument_type == SPOT:
            self.balance(e.account, settle).cash -= sign(e.side) * spec.notional(e.last_px_ticks, e.last_qty_lots)
            self.balance(e.account, spec.base_currency).cash += sign(e.side) * e.last_qty_lots * spec.base_per_lot
            self.tell_balance(e.account, spec.base_currency, out)
        else:
            self.balance(e.account, settle).cash += realized
        self.tell_balance(e.account, settle, out)
        if fee_currency != settle and (spec.instrument_type != SPOT or fee_currency != spec.base_currency):
            self.tell_balance(e.account, fee_currency, out)

    def on_funding(self, e: FundingSlot, views: Views, out: Outbox) -> None:
        """Book a settlement on every position in the contract, and on its account's balance."""
        spec = views.specs[e.instrument]
        for strategy in range(self.strategies):
            holding = self.holding(strategy, e.instrument)
            if holding.account < 0 or holding.position.qty_lots == 0:
                continue
            money = holding.position.settle_funding(spec, e.mark_e9, e.rate_e9)
            self.tell_position(strategy, e.instrument, views, out)
            balance = self.balance(holding.account, spec.settle_currency)
            balance.cash += money
            balance.funding += money
            self.tell_balance(holding.account, spec.settle_currency, out)

    def on_mark(self, instrument: int, views: Views, out: Outbox) -> None:
        """Tell what is held at its new value, not more often than MARK_INTERVAL_NS. The marks between add up to the same."""
        if views.now_ns < self.due_ns[instrument]:
            return
        self.due_ns[instrument] = views.now_ns + MARK_INTERVAL_NS
        for strategy in range(self.strategies):
            if self.holding(strategy, instrument).position.qty_lots != 0:
                self.tell_position(strategy, instrument, views, out)

    def holding(self, strategy: int, instrument: int) -> Holding:
        """A strategy's position."""
        return self.holdings[strategy * self.instruments + instrument]

    def balance(self, account: int, currency: int) -> CurrencyBalance:
        """What an account has in a currency."""
        return self.balances[account * self.currencies + currency]

    def tell_position(self, strategy: int, instrument: int, views: Views, out: Outbox) -> int:
        """Write a position at the newest mark, add to its account's P&L what has changed; what it realized since last time, money units.

        Twice the worth is halved down: where the mid lies between two money units, the half goes from spread to inventory.
        """
        spec = views.specs[instrument]
        holding = self.holding(strategy, instrument)
        p = holding.position
        if spec.mark2_ticks > 0:
            p.take_mark(spec, spec.mark2_ticks)
        realized = spec.money(p.realized)
        unrealized = spec.money(p.unrealized2()) // 2
        spread = spec.money(p.spread2) // 2
        fresh = realized - holding.realized
        balance = self.balance(holding.account, spec.settle_currency)
        balance.realized += fresh
        balance.unrealized += unrealized - holding.unrealized
        balance.spread += spread - holding.spread
        holding.realized = realized
        holding.unrealized = unrealized
        holding.spread = spread
        e = out.new_position(instrument)
        e.account = holding.account
        e.strategy = strategy
        e.qty_lots = p.qty_lots
        e.cost = spec.money(p.cost)
        e.realized_pnl = realized
        e.realized_fifo_pnl = spec.money(p.realized_fifo)
        e.unrealized_pnl = unrealized
        e.spread_pnl = spread
        e.inventory_pnl = realized + unrealized - spread
        e.fees = p.fees
        e.funding = p.funding
        e.mark2_ticks = p.mark2_ticks
        e.bought_qty_lots = p.bought_lots
        e.sold_qty_lots = p.sold_lots
        e.fill_count = p.fill_count
        return fresh

    def tell_balance(self, account: int, currency: int, out: Outbox) -> None:
        balance = self.balance(account, currency)
        e = out.new_balance()
        e.account = account
        e.currency = currency
        e.cash = balance.cash
        e.fees = balance.fees
        e.funding = balance.funding
        e.realized_pnl = balance.realized
        e.unrealized_pnl = balance.unrealized
        e.spread_pnl = balance.spread
        e.inventory_pnl = balance.realized + balance.unrealized - balance.spread
