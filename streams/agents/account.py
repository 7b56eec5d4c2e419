"""The account agent: positions, P&L and cash from fills; marks from quotes."""

from streams.agents.outbox import Outbox
from streams.agents.views import Views
from streams.kernel import I32, Struct, Table
from streams.slots import FillSlot
from streams.trading.position import Position

__all__ = ["AccountAgent", "CashBalance", "Holding"]

MARK_INTERVAL_NS = 100_000_000  # a mark writes positions at most this often, per instrument (contract 15)


class Holding(Struct, align=64):
    """Position of one strategy in one instrument, and the account it belongs to (-1 = never traded)."""

    account: I32 = -1
    written_ts_ns: int
    position: Position


class CashBalance(Struct):
    """Cash of one account in one currency, money units: what fills paid and cost; fees are in it and counted apart."""

    cash: int
    fees: int


class AccountAgent(Struct, align=64):
    """holdings: [strategy x instruments + instrument]; balances: [account x currencies + currency]."""

    holdings: Table[Holding, "strategies * instruments"]
    balances: Table[CashBalance, "accounts * currencies"]
    currencies: int
    instruments: int
    strategies: int

    def on_fill(self, e: FillSlot, views: Views, out: Outbox) -> None:
        """Book one execution; one position and one balance record."""
        holding = self.holdings[e.strategy * self.instruments + e.instrument]
        holding.account = e.account
        spec = views.specs[e.instrument]
        holding.position.fill(e.side, e.last_px_ticks, e.last_qty_lots)
        holding.position.charge(e.fee)
        holding.position.attribute_spread(e.side, e.last_px_ticks, e.last_qty_lots, max(0, e.mid2_ticks))
        self.write_position(e.strategy, e.instrument, views, out)
        balance = self.balances[e.account * self.currencies + e.fee_currency]
        notional = spec.notional(e.last_px_ticks, e.last_qty_lots)
        balance.cash += -notional - e.fee if e.side == 0 else notional - e.fee
        balance.fees += e.fee
        b = out.new_balance()
        b.account = e.account
        b.currency = e.fee_currency
        b.cash = balance.cash
        b.fees = balance.fees

    def on_mark(self, instrument: int, views: Views, out: Outbox) -> None:
        """Write what is held at its new value, not more often than MARK_INTERVAL_NS."""
        for strategy in range(self.strategies):
            holding = self.holdings[strategy * self.instruments + instrument]
            if holding.account >= 0 and holding.position.qty_lots != 0 and views.now_ns - holding.written_ts_ns >= MARK_INTERVAL_NS:
                self.write_position(strategy, instrument, views, out)

    def write_position(self, strategy: int, instrument: int, views: Views, out: Outbox) -> None:
        holding = self.holdings[strategy * self.instruments + instrument]
        holding.written_ts_ns = views.now_ns
        p = holding.position
        spec = views.specs[instrument]
        unit = spec.money_per_tick_lot
        e = out.new_position(instrument)
        e.account = holding.account
        e.strategy = strategy
        e.qty_lots = p.qty_lots
        e.cost = p.cost_tick_lots * unit
        e.realized_pnl = p.realized_tick_lots * unit
        e.unrealized_pnl = p.unrealized2(spec.mark2_ticks) * unit // 2 if spec.mark2_ticks > 0 else 0
        e.fees = p.fees
        e.spread_pnl = p.spread2_tick_lots * unit // 2
        e.mark2_ticks = spec.mark2_ticks
        e.bought_qty_lots = p.bought_lots
        e.sold_qty_lots = p.sold_lots
        e.fill_count = p.fill_count
