"""Figures of well-known instruments, so that a topology may name them only. As listed by the venues; check before trading money."""

__all__ = ["LISTED"]

_USDT = {"quote": "USDT", "type": "LINEAR", "maker_fee": "0.0002", "taker_fee": "0.0005"}

LISTED: dict[tuple[str, str], dict[str, object]] = {
    ("binance-usdm", "BTCUSDT"): {**_USDT, "base": "BTC", "tick": "0.1", "lot": "0.001", "max_qty": "1000", "min_notional": "100"},
    ("binance-usdm", "ETHUSDT"): {**_USDT, "base": "ETH", "tick": "0.01", "lot": "0.001", "max_qty": "10000", "min_notional": "20"},
}
"""By kind of venue and symbol, in the words of a topology file."""
