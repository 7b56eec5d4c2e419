"""A message that `messages.parse` read, as `FrameParser` reads it: for frames that are valid, but spelled as no venue spells them."""

import orjson

from streams.records import Side
from streams.schema.units import from_e9
from streams.venues.binance.messages import BookTicker, DepthDiff, Level, MarkPrice, Message, Snapshot, Trade

__all__ = ["respell"]

_NS_A_MS, _NS_A_US = 1_000_000, 1_000


def respell(message: Message) -> bytes:
    """The frame that says the same; b"" for a message that is not ours to read.

    >>> from streams.venues.binance.messages import parse
    >>> respell(parse(b'{"e":"trade","s":"X","t":1,"p":"1e0","q":"2","m":true,"T":3}'))
    b'{"e":"trade","T":3,"s":"X","t":1,"p":"1","q":"2","m":true}'
    """
    if isinstance(message, DepthDiff):
        data = {"e": "depthUpdate", "T": _time(message.exch_ts_ns), "s": message.symbol, "U": message.first_seq, "u": message.last_seq}
        prev = {"pu": message.prev_seq} if message.prev_seq >= 0 else {}
        return orjson.dumps(data | prev | {"b": _rows(message.bids), "a": _rows(message.asks)})
    if isinstance(message, Snapshot):
        data = {"lastUpdateId": message.last_update_id, "T": _time(message.exch_ts_ns), "symbol": message.symbol}
        return orjson.dumps(data | {"bids": _rows(message.bids), "asks": _rows(message.asks)})
    if isinstance(message, BookTicker):
        data = {"e": "bookTicker", "T": _time(message.exch_ts_ns), "s": message.symbol, "u": message.seq}
        (b, b_qty), (a, a_qty) = _rows(((message.bid_px_e9, message.bid_qty_e9), (message.ask_px_e9, message.ask_qty_e9)))
        return orjson.dumps(data | {"b": b, "B": b_qty, "a": a, "A": a_qty})
    if isinstance(message, Trade):
        kind, number = ("aggTrade", "a") if message.aggregate else ("trade", "t")
        data = {"e": kind, "T": _time(message.exch_ts_ns), "s": message.symbol, number: message.trade_id}
        return orjson.dumps(data | {"p": from_e9(message.px_e9), "q": from_e9(message.qty_e9), "m": message.side == Side.SELL})
    if isinstance(message, MarkPrice):
        data = {"e": "markPriceUpdate", "E": _time(message.exch_ts_ns), "s": message.symbol, "p": from_e9(message.mark_e9)}
        return orjson.dumps(data | {"r": from_e9(message.rate_e9), "T": _time(message.next_funding_ts_ns)})
    return b""


def _time(ts_ns: int) -> int:
    """A time as the venue tells it: in milliseconds, or in microseconds where it has them."""
    return ts_ns // _NS_A_US if ts_ns % _NS_A_MS else ts_ns // _NS_A_MS


def _rows(levels: tuple[Level, ...]) -> list[list[str]]:
    return [[from_e9(px), from_e9(qty)] for px, qty in levels]
