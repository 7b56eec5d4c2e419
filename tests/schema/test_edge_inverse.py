"""Inverse contracts at the edge: their value is quantity over price, in the base currency, and their money unit is the base currency's."""

from decimal import Decimal
from typing import Any

import pytest

from streams.errors import EdgeError, UnitError
from streams.records import Balance, Instrument, InstrumentType, NameKind, Position, Side, Trade
from streams.schema.edge import Edge
from tests.schema.made import edge, instrument

COMMON: dict[str, Any] = {"id": 5, "cause_id": 4, "run_id": 7, "ts_ns": 3, "recv_ts_ns": 2}
PERP: dict[str, Any] = COMMON | {"venue": "binance", "symbol": "BTCUSD_PERP"}


def perp(**changes: Any) -> Instrument:
    """100 USD a contract, tick 0.1."""
    figures = {"instrument_type": InstrumentType.INVERSE, "quote": "USD", "lot_e9": 10**9, "multiplier_e9": 100 * 10**9}
    return instrument("BTCUSD_PERP", **figures | changes)


def inverse_edge() -> Edge:
    made = edge()
    made.dictionary.add(NameKind.INSTRUMENT, "binance:BTCUSD_PERP")
    made.dictionary.add(NameKind.CURRENCY, "USD")
    made.on_instrument(perp())
    return made


def trade(px_e9: int, qty_e9: int) -> Trade:
    return Trade(**PERP, exch_ts_ns=0, trade_id=1, side=Side.SELL, px_e9=px_e9, qty_e9=qty_e9)


def test_edge_inverse_value_is_bounded_by_quantity_over_price():
    # 2^61 units of 10^-8 are 23.06e9 BTC: at a price of 0.1 they are 23,058,430 contracts
    assert inverse_edge().to_slots(trade(10**8, 23_058_430 * 10**9))
    with pytest.raises(EdgeError, match=r"over price 100000000 of binance:BTCUSD_PERP is 2\^61 money units or more"):
        inverse_edge().to_slots(trade(10**8, 23_058_431 * 10**9))
    assert inverse_edge().to_slots(trade(60_000 * 10**9, 10**12))  # at a usual price all is well
    with pytest.raises(EdgeError, match="over price 0 of"):
        inverse_edge().to_slots(trade(0, 10**9))


def test_edge_inverse_position_comes_back_with_its_average_price():
    zeros = dict.fromkeys(("realized_pnl", "unrealized_pnl", "fees", "spread_pnl"), Decimal("0E-8"))
    counts = {"bought_qty_e9": 10 * 10**9, "sold_qty_e9": 0, "fill_count": 1}
    sums = zeros | counts | dict.fromkeys(("realized_fifo_pnl", "inventory_pnl", "funding"), Decimal("0E-8"))
    record = Position(**PERP, account="maker-1", strategy="maker", qty_e9=10 * 10**9, cost=Decimal("-0.02000000"), **sums, avg_px=50_000.0)
    made = inverse_edge()
    assert made.from_slot(12, made.to_slots(record), 7) == record


def test_edge_inverse_money_unit_is_of_the_base_currency():
    made = edge()
    made.dictionary.add(NameKind.INSTRUMENT, "binance:BTCUSD_PERP")
    made.dictionary.add(NameKind.CURRENCY, "USD")
    made.on_instrument(perp(money_scale=6))
    assert (made.money_scale("BTC"), made.money_scale("USD"), made.money_scale("USDT")) == (6, 8, 8)
    fields = {"cash": Decimal("0.000001"), "fees": Decimal(0)}
    with pytest.raises(EdgeError, match="finer than the money unit"):
        made.to_slots(Balance(**COMMON, account="maker-1", currency="BTC", **fields | {"cash": Decimal("1E-8")}))
    assert made.to_slots(Balance(**COMMON, account="maker-1", currency="BTC", **fields))


def test_edge_spot_fixes_the_money_unit_of_its_base_currency():
    made = edge()
    made.on_instrument(instrument(instrument_type=InstrumentType.SPOT))
    made.dictionary.add(NameKind.INSTRUMENT, "binance:BTCUSD_PERP")
    with pytest.raises(EdgeError, match=r"money_scale: 6 for BTC, which has 8; a currency has one money unit"):
        made.on_instrument(perp(money_scale=6))


def test_edge_inverse_contract_of_an_odd_tick_is_refused():
    with pytest.raises(UnitError, match="no whole number of money units"):
        inverse_edge().on_instrument(perp(tick_e9=3))
