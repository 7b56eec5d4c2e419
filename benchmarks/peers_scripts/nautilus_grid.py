"""NautilusTrader's backtest of a grid: `nautilus_grid.py FILE EVENTS RUNS`. FILE as of hftbacktest_grid.py; its first EVENTS rows are used.

A Python strategy, as its users write them, on an L2 book of deltas and on trades; order latency as given, risk engine and accounts on. The
rule is the one of the other two, decided on every book event. Its venue fills otherwise (of a trade at an order's price, what traded), so
what is compared is the rate, not the outcome.
"""

import json
import sys
import time
from decimal import Decimal

import numpy as np
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.backtest.models import FillModel, LatencyModel
from nautilus_trader.config import LoggingConfig, RiskEngineConfig, StrategyConfig
from nautilus_trader.model.currencies import BTC, USDT
from nautilus_trader.model.data import BookOrder, OrderBookDelta, OrderBookDeltas, TradeTick
from nautilus_trader.model.enums import AccountType, AggressorSide, BookAction, BookType, OmsType, OrderSide, RecordFlag
from nautilus_trader.model.identifiers import InstrumentId, Symbol, TradeId, Venue
from nautilus_trader.model.instruments import CryptoPerpetual
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy

LEVEL = 2
PX_DIGITS, QTY_DIGITS = 2, 3
RATE = "100000000/00:00:01"


def instrument(found) -> CryptoPerpetual:
    return CryptoPerpetual(
        instrument_id=InstrumentId(Symbol("BTCUSDT"), Venue("MADE")),
        raw_symbol=Symbol("BTCUSDT"),
        base_currency=BTC,
        quote_currency=USDT,
        settlement_currency=USDT,
        is_inverse=False,
        price_precision=PX_DIGITS,
        size_precision=QTY_DIGITS,
        price_increment=Price(float(found["tick"]), PX_DIGITS),
        size_increment=Quantity(float(found["lot"]), QTY_DIGITS),
        margin_init=Decimal("0.05"),
        margin_maint=Decimal("0.025"),
        maker_fee=Decimal(str(found["maker_fee"])),
        taker_fee=Decimal(str(found["taker_fee"])),
        ts_event=0,
        ts_init=0,
    )


class Grid(Strategy):
    """Orders at and behind the touch; see the module."""

    def __init__(self, of: CryptoPerpetual, levels: int, qty_lots: int, limit_lots: int, tick: float, lot: float) -> None:
        super().__init__(StrategyConfig(order_id_tag="001"))
        self.of, self.levels, self.limit, self.tick = of, levels, limit_lots * lot, tick
        self.qty = of.make_qty(qty_lots * lot)
        self.orders: tuple[dict[int, object], dict[int, object]] = ({}, {})  # by price in ticks
        self.touch, self.changed = (0, 0), True
        self.steps = self.sent = self.cancelled = self.filled = self.refused = 0

    def on_start(self) -> None:
        self.book = self.cache.order_book(self.of.id)
        self.subscribe_order_book_deltas(self.of.id, BookType.L2_MBP)

    def on_order_book_deltas(self, deltas: OrderBookDeltas) -> None:
        self.steps += 1
        book = self.cache.order_book(self.of.id)
        bid, ask = book.best_bid_price(), book.best_ask_price()
        if bid is None or ask is None:
            return
        touch = round(bid.as_double() / self.tick), round(ask.as_double() / self.tick)
        if touch == self.touch and not self.changed:
            return
        self.touch, self.changed = touch, False
        position = self.portfolio.net_position(self.of.id)
        room = (self.levels if position < self.limit else 0), (self.levels if position > -self.limit else 0)
        for side in (0, 1):
            orders, first, step = self.orders[side], touch[side], (-1, 1)[side]
            wanted = range(first, first + step * room[side], step)
            for px in [px for px, order in orders.items() if order.is_closed]:
                del orders[px]
            for px, order in orders.items():
                if px not in wanted and order.is_open and not order.is_pending_cancel:
                    self.cancelled += 1
                    self.cancel_order(order)
            for px in wanted:
                if px not in orders:
                    self.sent += 1
                    orders[px] = self.order_factory.limit(
                        instrument_id=self.of.id,
                        order_side=OrderSide.BUY if side == 0 else OrderSide.SELL,
                        quantity=self.qty,
                        price=self.of.make_price(px * self.tick),
                        post_only=True,
                    )
                    self.submit_order(orders[px])

    def on_order_accepted(self, event) -> None:
        self.changed = True

    def on_order_canceled(self, event) -> None:
        self.changed = True

    def on_order_rejected(self, event) -> None:
        self.changed = True
        self.refused += 1

    def on_order_filled(self, event) -> None:
        self.changed = True
        self.filled += 1


def data_of(found, n: int, of: CryptoPerpetual) -> list:
    """Rows as its objects; the rows of the first time are one snapshot."""
    tick, lot, made, snapshot = float(found["tick"]), float(found["lot"]), [], []
    names = ("kind", "side", "px", "qty", "recv", "exch")
    rows = list(zip(*(found[name][:n].tolist() for name in names), strict=True))
    for i, (kind, side, px, qty, recv, exch) in enumerate(rows):
        price, size = Price(px * tick, PX_DIGITS), Quantity(qty * lot, QTY_DIGITS)
        if kind == LEVEL:
            order = BookOrder(OrderSide.BUY if side == 0 else OrderSide.SELL, price, size, 0)
            action = BookAction.UPDATE if qty else BookAction.DELETE
            if recv == rows[0][4]:
                snapshot.append(OrderBookDelta(of.id, BookAction.ADD, order, 0, 0, exch, recv))
                continue
            delta = OrderBookDelta(of.id, action, order, RecordFlag.F_LAST, i, exch, recv)
            made.append(OrderBookDeltas(of.id, [delta]))
        else:
            by = AggressorSide.BUYER if side == 0 else AggressorSide.SELLER
            made.append(TradeTick(of.id, price, size, by, TradeId(str(i)), exch, recv))
    return [OrderBookDeltas(of.id, snapshot), *made]


def run(data: list, found, of: CryptoPerpetual) -> tuple[float, Grid]:
    """CPU seconds and the strategy."""
    rates = RiskEngineConfig(max_order_submit_rate=RATE, max_order_modify_rate=RATE)
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True), risk_engine=rates))
    engine.add_venue(
        venue=Venue("MADE"),
        oms_type=OmsType.NETTING,
        account_type=AccountType.MARGIN,
        base_currency=None,
        starting_balances=[Money(1_000_000, USDT)],
        book_type=BookType.L2_MBP,
        latency_model=LatencyModel(base_latency_nanos=int(found["entry_ns"])),
        fill_model=FillModel(prob_fill_on_limit=0.0, random_seed=1),
        trade_execution=True,
    )
    engine.add_instrument(of)
    engine.add_data(data)
    terms = int(found["levels"]), int(found["qty_lots"]), int(found["limit_lots"]), float(found["tick"]), float(found["lot"])
    strategy = Grid(of, *terms)
    engine.add_strategy(strategy)
    began = time.process_time()
    engine.run()
    spent = time.process_time() - began
    assert engine.iteration == len(data), f"{engine.iteration} of {len(data)} events were seen"
    engine.dispose()
    return spent, strategy


def main(path: str, events: int, runs: int) -> None:
    found = dict(np.load(path))
    of = instrument(found)
    data = data_of(found, events, of)
    seconds = []
    for _ in range(runs):
        spent, strategy = run(data, found, of)
        seconds.append(spent)
    counts = {name: getattr(strategy, name) for name in ("steps", "sent", "cancelled", "filled", "refused")}
    print(json.dumps({"seconds": seconds, "events": len(data)} | counts))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
