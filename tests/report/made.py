"""Columns of made-up records, as a replay's results give them."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from streams.records import FeeRounding, Instrument, InstrumentType
from streams.schema.layout import NULL

S = 10**9
T0 = 1_723_161_600 * S
E9 = 10**9
NAMES = {"venue": "binance", "symbol": "BTCUSDT", "account": "maker-1", "strategy": "maker"}
MONEY = ("cost", "realized_pnl", "unrealized_pnl", "fees", "spread_pnl", "inventory_pnl", "funding")
_DEFAULTS: dict[str, dict[str, Any]] = {
    "positions": {"ts_ns": T0, "qty_e9": 0, "fill_count": 0, **dict.fromkeys(MONEY, 0)},
    "fills": {
        "ts_ns": T0,
        "side": "BUY",
        "last_px_e9": 100 * E9,
        "last_qty_e9": E9,
        "fee": 0,
        "fee_currency": "USDT",
        "maker": True,
        "mid_px_e9": NULL,
    },
    "reports": {"ts_ns": T0, "order_id": 1, "exec_type": "NEW", "ord_status": "NEW", "side": "BUY", "code": "OK", "qty_e9": E9}
    | {"leaves_qty_e9": E9, "cum_qty_e9": 0, "px_e9": 100 * E9, "last_px_e9": NULL, "last_qty_e9": NULL},
    "decisions": {"ts_ns": T0, "outcome": "APPROVE", "code": "OK"},
    "requests": {"ts_ns": T0, "id": 1, "action": "NEW"},
    "venue_events": {"ts_ns": T0, "request_id": 1, "kind": "ACK"},
}


def instrument(symbol: str = "BTCUSDT", kind: InstrumentType = InstrumentType.LINEAR, multiplier: float = 1.0) -> Instrument:
    """One that settles in USDT, an inverse one in BTC; tick 0.1, lot 0.001."""
    rules = (100_000_000, 1_000_000, round(multiplier * E9), 200_000, 500_000, 0, 0, Decimal(0), 8, FeeRounding.HALF_UP, 0)
    return Instrument(1, 0, 0, 0, 0, "binance", symbol, kind, "BTC", "USDT", *rules)


def columns(topic: str, rows: Sequence[dict[str, Any]]) -> dict[str, np.ndarray]:
    """The rows of a topic, a numpy array a field; what a row does not say is as in _DEFAULTS."""
    whole = [NAMES | _DEFAULTS[topic] | row for row in rows]
    names = NAMES | _DEFAULTS[topic]
    return {name: np.array([row[name] for row in whole], object if isinstance(one, str) else None) for name, one in names.items()}


def part(found: dict[str, np.ndarray], first: int, last: int) -> dict[str, np.ndarray]:
    """Some of the rows."""
    return {name: values[first:last] for name, values in found.items()}
