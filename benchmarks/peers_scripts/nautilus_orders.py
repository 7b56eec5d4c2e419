"""NautilusTrader's order requests: `nautilus_orders.py UPDATES RUNS`. A Python strategy in its backtest engine, with its risk and accounts.

On each quote the strategy sends a limit order if it has none, else cancels it; each fourth order trades at once. The same quotes are run
with a strategy that does nothing, so that what a request costs can be told.
"""

import json
import sys
import time
from decimal import Decimal

from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig, RiskEngineConfig, StrategyConfig
from nautilus_trader.model.currencies import USDT
from nautilus_trader.model.data import QuoteTick
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.identifiers import Venue
from nautilus_trader.model.objects import Money
from nautilus_trader.test_kit.providers import TestInstrumentProvider
from nautilus_trader.trading.strategy import Strategy

INSTRUMENT = TestInstrumentProvider.btcusdt_perp_binance()
START_NS = 1_700_000_000_000_000_000


class Cycle(Strategy):
    """One order at a time: sent, then cancelled or filled."""

    def __init__(self, active: bool) -> None:
        super().__init__(StrategyConfig(order_id_tag="001"))
        self.active, self.order = active, None
        self.sent = self.cancelled = self.filled = 0

    def on_start(self) -> None:
        self.subscribe_quote_ticks(INSTRUMENT.id)

    def on_quote_tick(self, tick: QuoteTick) -> None:
        if not self.active:
            return
        if self.order is not None and self.order.is_open:
            self.cancel_order(self.order)
            return
        buy, trades = self.sent // 4 % 2 == 0, self.sent % 4 == 3
        self.sent += 1
        self.order = self.order_factory.limit(
            instrument_id=INSTRUMENT.id,
            order_side=OrderSide.BUY if buy else OrderSide.SELL,
            quantity=INSTRUMENT.make_qty(Decimal("0.001")),
            price=tick.ask_price if buy == trades else tick.bid_price,
        )
        self.submit_order(self.order)

    def on_order_canceled(self, event) -> None:
        self.cancelled += 1

    def on_order_filled(self, event) -> None:
        self.filled += 1


def quotes(n: int) -> list[QuoteTick]:
    qty = INSTRUMENT.make_qty(Decimal(1))
    bid, ask = INSTRUMENT.make_price(60_000), INSTRUMENT.make_price(60_001)
    return [QuoteTick(INSTRUMENT.id, bid, ask, qty, qty, START_NS + i * 1_000_000, START_NS + i * 1_000_000) for i in range(n)]


def run(active: bool, data: list[QuoteTick]) -> tuple[float, Cycle]:
    rates = RiskEngineConfig(max_order_submit_rate="1000000/00:00:01", max_order_modify_rate="1000000/00:00:01")
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True), risk_engine=rates))
    engine.add_venue(
        venue=Venue("BINANCE"),
        oms_type=OmsType.NETTING,
        account_type=AccountType.MARGIN,
        base_currency=None,
        starting_balances=[Money(1_000_000, USDT)],
    )
    engine.add_instrument(INSTRUMENT)
    engine.add_data(data)
    strategy = Cycle(active)
    engine.add_strategy(strategy)
    began = time.process_time()
    engine.run()
    spent = time.process_time() - began
    engine.dispose()
    return spent, strategy


if __name__ == "__main__":
    ticks = quotes(int(sys.argv[1]))
    each = []
    for _ in range(int(sys.argv[2])):
        idle, _ = run(False, ticks)
        busy, cycle = run(True, ticks)
        each.append((busy - idle) / (cycle.sent + cycle.cancelled))
    print(json.dumps({"seconds": each, "sent": cycle.sent, "cancelled": cycle.cancelled, "filled": cycle.filled}))
