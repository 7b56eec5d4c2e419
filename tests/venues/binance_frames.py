"""Hand-made frames of Binance's three markets, as bytes."""

import json
from typing import Any

Rows = list[list[str]]


def stream(name: str, data: dict[str, Any]) -> bytes:
    return json.dumps({"stream": name, "data": data}).encode()


def usdm_diff(first: int, last: int, prev: int, bids: Rows = [], asks: Rows = [], symbol: str = "BTCUSDT") -> bytes:  # noqa: B006
    data = {"e": "depthUpdate", "E": 1_000, "T": 999, "s": symbol, "U": first, "u": last, "pu": prev, "b": bids, "a": asks}
    return stream(f"{symbol.lower()}@depth@0ms", data)


def coinm_diff(first: int, last: int, prev: int, bids: Rows = [], asks: Rows = []) -> bytes:  # noqa: B006
    data = {"e": "depthUpdate", "E": 1_000, "T": 999, "s": "BTCUSD_PERP", "ps": "BTCUSD"}
    return stream("btcusd_perp@depth@100ms", data | {"U": first, "u": last, "pu": prev, "b": bids, "a": asks})


def spot_diff(first: int, last: int, bids: Rows = [], asks: Rows = []) -> bytes:  # noqa: B006
    data = {"e": "depthUpdate", "E": 1_000, "s": "BNBBTC", "U": first, "u": last, "b": bids, "a": asks}
    return stream("bnbbtc@depth@100ms", data)


def snapshot(last_update_id: int, bids: Rows, asks: Rows, **more: Any) -> bytes:
    return json.dumps({"lastUpdateId": last_update_id, **more, "bids": bids, "asks": asks}).encode()


def usdm_ticker(seq: int, bid: str, bid_qty: str, ask: str, ask_qty: str, symbol: str = "BTCUSDT") -> bytes:
    data = {"e": "bookTicker", "u": seq, "s": symbol, "b": bid, "B": bid_qty, "a": ask, "A": ask_qty, "T": 5, "E": 6}
    return stream(f"{symbol.lower()}@bookTicker", data)


def coinm_ticker(seq: int, bid: str, bid_qty: str, ask: str, ask_qty: str) -> bytes:
    usdm = json.loads(usdm_ticker(seq, bid, bid_qty, ask, ask_qty, "BTCUSD_PERP"))
    return stream("btcusd_perp@bookTicker", usdm["data"] | {"ps": "BTCUSD"})


def spot_ticker(seq: int, bid: str, bid_qty: str, ask: str, ask_qty: str) -> bytes:
    return stream("bnbbtc@bookTicker", {"u": seq, "s": "BNBBTC", "b": bid, "B": bid_qty, "a": ask, "A": ask_qty})


def usdm_trade(trade_id: int, px: str, qty: str, maker_bought: bool, origin: str = "MARKET") -> bytes:
    data = {"e": "trade", "E": 7, "T": 6, "s": "BTCUSDT", "t": trade_id, "p": px, "q": qty, "X": origin, "m": maker_bought}
    return stream("btcusdt@trade", data)


def coinm_trade(trade_id: int, px: str, qty: str, maker_bought: bool) -> bytes:
    data = {"e": "aggTrade", "E": 7, "a": trade_id, "s": "BTCUSD_PERP", "p": px, "q": qty, "f": 1, "l": 2, "T": 6, "m": maker_bought}
    return stream("btcusd_perp@aggTrade", data)


def spot_trade(trade_id: int, px: str, qty: str, maker_bought: bool) -> bytes:
    data = {"e": "trade", "E": 7, "s": "BNBBTC", "t": trade_id, "p": px, "q": qty, "T": 6, "m": maker_bought, "M": True}
    return stream("bnbbtc@trade", data)


def mark_price(mark: str, rate: str, next_funding_ms: int, symbol: str = "BTCUSDT", ts_ms: int = 1_562_305_380_000) -> bytes:
    data = {"e": "markPriceUpdate", "E": ts_ms, "s": symbol, "p": mark, "i": mark, "P": mark, "r": rate, "T": next_funding_ms}
    return stream(f"{symbol.lower()}@markPrice@1s", data)


USDM = [
    usdm_diff(90, 95, 80, [["99.9", "9"]]),
    usdm_diff(97, 101, 95, [["100.0", "3"]]),
    usdm_ticker(99, "100.0", "2", "100.2", "5"),
    snapshot(99, [["100.0", "2"]], [["100.2", "5"]], E=1, T=1),
    usdm_ticker(101, "100.0", "3", "100.2", "5"),
    usdm_diff(104, 110, 101, [["100.0", "0"], ["99.9", "1"]], [["100.1", "4"]]),
    usdm_ticker(110, "99.9", "1", "100.1", "4"),
    usdm_trade(1, "100.1", "0.5", False),
    usdm_trade(2, "99.9", "1.5", True),
    usdm_ticker(111, "99.9", "1", "100.1", "4"),
]
"""One diff before the snapshot (dropped), one that brackets it, one after; both matched by bookTickers."""

COINM = [
    coinm_diff(90, 95, 80, [["59999.9", "9"]]),
    snapshot(99, [["60000.0", "2"]], [["60000.2", "5"]], symbol="BTCUSD_PERP", pair="BTCUSD", E=1, T=1),
    coinm_diff(97, 101, 95, [["60000.0", "3"]]),
    coinm_ticker(101, "60000.0", "3", "60000.2", "5"),
    coinm_diff(104, 110, 101, [], [["60000.1", "4"]]),
    coinm_ticker(110, "60000.0", "3", "60000.1", "4"),
    coinm_trade(1, "60000.0", "10", True),
    coinm_trade(2, "60000.1", "30", False),
]

SPOT = [
    spot_diff(90, 99, [["0.0099", "9"]]),
    snapshot(99, [["0.0100", "2"]], [["0.0102", "5"]]),
    spot_diff(98, 101, [["0.0100", "3"]]),
    spot_ticker(101, "0.01000000", "3.00000000", "0.01020000", "5.00000000"),
    spot_diff(102, 110, [["0.0100", "0"], ["0.0099", "1"]], [["0.0101", "4"]]),
    spot_ticker(110, "0.00990000", "1.00000000", "0.01010000", "4.00000000"),
    spot_trade(1, "0.01010000", "2.00000000", False),
]
