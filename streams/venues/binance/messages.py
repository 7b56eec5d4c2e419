"""Binance's market data messages: one frame in, one typed message out, prices and sizes exact.

A frame is a combined-stream frame `{"stream": ..., "data": ...}`, a raw event, or the body of a REST depth snapshot (`lastUpdateId`).
Sources: "Diff. Book Depth Streams", "Individual Symbol Book Ticker Streams", "Trade Streams", "Aggregate Trade Streams",
"Mark Price Stream" and "Order Book" of the spot, USD-M and COIN-M documentation at developers.binance.com.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from streams.errors import FrameError, UnitError
from streams.records import Side
from streams.schema.units import E9, MAX_MARK_E9, to_e9

__all__ = ["BookTicker", "DepthDiff", "Ignored", "Level", "MarkPrice", "Message", "Snapshot", "Trade", "parse", "read", "unwrap"]

Level = tuple[int, int]
"""(px_e9, qty_e9); quantity 0 removes the level."""

_MEMO_LIMIT = 200_000
_PARTIAL_DEPTHS = (
    "depth5",
    "depth10",
    "depth20",
)  # the best levels again and again: no diffs, though futures give them the same event type
_OFF_BOOK = ("INSURANCE_FUND", "ADL", "NA")  # `X` of futures trades that did not meet the book


class DepthDiff(NamedTuple):
    """Levels changed. `prev_seq` is `pu`, -1 on spot; `exch_ts_ns` is the transaction time, or the event time where there is none."""

    symbol: str
    exch_ts_ns: int
    first_seq: int
    last_seq: int
    prev_seq: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class Snapshot(NamedTuple):
    """The whole book, as REST gives it. `symbol` is "" where the frame names none (spot, USD-M); `exch_ts_ns` 0 on spot."""

    symbol: str
    exch_ts_ns: int
    last_update_id: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class BookTicker(NamedTuple):
    """Best bid and ask as of book update `seq`. `exch_ts_ns` 0 on spot."""

    symbol: str
    exch_ts_ns: int
    seq: int
    bid_px_e9: int
    bid_qty_e9: int
    ask_px_e9: int
    ask_qty_e9: int


class Trade(NamedTuple):
    """One trade, or (`aggregate`) the trades of one taker order at one price. `side` is the aggressor's."""

    symbol: str
    exch_ts_ns: int
    trade_id: int
    side: Side
    px_e9: int
    qty_e9: int
    aggregate: bool


class MarkPrice(NamedTuple):
    """Mark price of a perpetual, the funding rate as it would be settled now, and when it will be. rate_e9: signed; > 0 longs pay."""

    symbol: str
    exch_ts_ns: int
    mark_e9: int
    rate_e9: int
    next_funding_ts_ns: int


class Ignored(NamedTuple):
    """A message that is not ours to read; `kind` names it, for counting."""

    kind: str


Message = DepthDiff | Snapshot | BookTicker | Trade | MarkPrice | Ignored


def parse(payload: bytes) -> Message:
    """The message of one frame. Raises FrameError: no JSON, a field missing or of another type, a number that is not exact in 10^-9."""
    return read(*unwrap(payload))


def unwrap(payload: bytes) -> tuple[str, dict[str, Any]]:
    """Stream name ("" for a raw frame) and event of a frame. Raises FrameError if it is no JSON object."""
    try:
        frame = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise FrameError(f"frame is no JSON: {error}") from None
    if isinstance(frame, list):
        return "", {"e": "array"}
    if not isinstance(frame, dict):
        raise FrameError(f"frame is a JSON {type(frame).__name__}, an object is needed")
    if "data" not in frame or "stream" not in frame:
        return "", frame
    stream, data = frame["stream"], frame["data"]
    if not isinstance(stream, str):
        raise FrameError(f"stream: {stream!r} is no text")
    if isinstance(data, list):
        return stream, {"e": "array"}
    if not isinstance(data, dict):
        raise FrameError(f"data: a JSON {type(data).__name__}, an object is needed")
    return stream, data


def read(stream: str, data: dict[str, Any]) -> Message:
    """The message of an event that `unwrap` gave. Raises FrameError."""
    kind = data.get("e")
    try:
        if kind == "depthUpdate":
            if stream and stream.split("@")[1:2] and stream.split("@")[1] in _PARTIAL_DEPTHS:
                return Ignored("partialDepth")
            return _depth_diff(data)
        if kind == "bookTicker":
            return _book_ticker(data)
        if kind == "trade" or kind == "aggTrade":
            return _trade(data, kind == "aggTrade")
        if kind == "markPriceUpdate":
            return _mark_price(data)
        if kind is None:
            return _without_kind(stream, data)
    except KeyError as error:
        raise FrameError(f"{kind or stream or 'frame'}: field {error.args[0]!r} is missing; found {', '.join(sorted(data))}") from None
    if not isinstance(kind, str):
        raise FrameError(f"e: {kind!r} is no event type")
    return Ignored(kind)


def _without_kind(stream: str, data: dict[str, Any]) -> Message:
    """REST snapshots, spot's bookTicker, answers to subscriptions: messages without `e`."""
    if "lastUpdateId" in data:
        if any(name in stream for name in _PARTIAL_DEPTHS):
            return Ignored("partialDepth")
        return _snapshot(stream, data)
    if stream.endswith("@bookTicker") or ("u" in data and "B" in data and "A" in data):
        return _book_ticker(data)
    if "result" in data and "id" in data:
        return Ignored("response")
    if "code" in data and "msg" in data:
        raise FrameError(f"the venue answered with error {data['code']}: {data['msg']}")
    if stream:
        return Ignored(stream.partition("@")[2] or stream)
    raise FrameError(f"frame is no known message; its fields are {', '.join(sorted(data)) or 'none'}")


def _depth_diff(data: dict[str, Any]) -> DepthDiff:
    first_seq, last_seq = _whole(data, "U"), _whole(data, "u")
    if first_seq > last_seq:
        raise FrameError(f"depthUpdate: U {first_seq} is after u {last_seq}")
    prev_seq = _whole(data, "pu") if "pu" in data else -1
    return DepthDiff(_symbol(data), _time_ns(data, "T", "E"), first_seq, last_seq, prev_seq, _levels(data, "b"), _levels(data, "a"))


def _snapshot(stream: str, data: dict[str, Any]) -> Snapshot:
    symbol = data.get("symbol") or stream.partition("@")[0].upper()
    if not isinstance(symbol, str):
        raise FrameError(f"symbol: {symbol!r} is no text")
    exch_ts_ns = _time_ns(data, "T", "E") if "T" in data or "E" in data else 0
    return Snapshot(symbol, exch_ts_ns, _whole(data, "lastUpdateId"), _levels(data, "bids"), _levels(data, "asks"))


def _book_ticker(data: dict[str, Any]) -> BookTicker:
    return BookTicker(
        _symbol(data),
        _time_ns(data, "T", "E") if "T" in data or "E" in data else 0,
        _whole(data, "u"),
        _px(data["b"], "b"),
        _qty(data["B"], "B"),
        _px(data["a"], "a"),
        _qty(data["A"], "A"),
    )


def _trade(data: dict[str, Any], aggregate: bool) -> Message:
    if data.get("X") in _OFF_BOOK:
        return Ignored(f"trade {data['X']}")
    maker_bought = data["m"]
    if type(maker_bought) is not bool:
        raise FrameError(f"m: {maker_bought!r} is neither true nor false")
    qty_e9 = _qty(data["q"], "q")
    if qty_e9 == 0:
        raise FrameError("q: a trade of quantity 0")
    return Trade(
        _symbol(data),
        _time_ns(data, "T", "E"),
        _whole(data, "a" if aggregate else "t"),
        Side.SELL if maker_bought else Side.BUY,
        _px(data["p"], "p"),
        qty_e9,
        aggregate,
    )


def _mark_price(data: dict[str, Any]) -> Message:
    if data["T"] == 0 or data["r"] == "":  # a delivery contract has no funding
        return Ignored("markPriceUpdate of a delivery contract")
    rate = data["r"]
    if type(rate) is not str:
        raise FrameError(f"r: {rate!r} is no decimal number in quotes")
    try:
        rate_e9, mark_e9 = to_e9(rate), to_e9(data["p"]) if type(data["p"]) is str else 0
    except UnitError as error:
        raise FrameError(f"markPriceUpdate: {error}") from None
    if not 0 < mark_e9 < MAX_MARK_E9:
        raise FrameError(f"p: {data['p']!r} is no price above 0 and below 2^61 x 10^-9")
    if abs(rate_e9) > E9:
        raise FrameError(f"r: {rate} is no rate from -1 to 1")
    return MarkPrice(_symbol(data), _time_ns(data, "E", "E"), mark_e9, rate_e9, _time_ns(data, "T", "T"))


def _symbol(data: dict[str, Any]) -> str:
    symbol = data["s"]
    if not isinstance(symbol, str) or not symbol:
        raise FrameError(f"s: {symbol!r} is no symbol")
    return symbol


def _whole(data: dict[str, Any], field: str) -> int:
    value = data[field]
    if type(value) is not int or not 0 <= value < 1 << 63:
        raise FrameError(f"{field}: {value!r} is no whole number from 0 to 2^63 - 1")
    return value


def _time_ns(data: dict[str, Any], field: str, other: str) -> int:
    """An exchange time in ns. Milliseconds, or microseconds where the connection asked for them (spot, `timeUnit`)."""
    value = _whole(data, field if field in data else other)
    ns = value * (1_000_000 if value < 10**14 else 1_000)
    if ns >= 1 << 63:
        raise FrameError(f"{field}: {value} is no time in milliseconds or microseconds")
    return ns


def _levels(data: dict[str, Any], field: str) -> tuple[Level, ...]:
    rows = data[field]
    px_memo, qty_memo = _PX_MEMO, _QTY_MEMO
    if type(rows) is list and {list}.issuperset(map(type, rows)):  # a text of two characters would unpack, too
        try:
            # the same few thousand prices and sizes come again and again: a look-up is four times as fast as a conversion
            return tuple([(px_memo[px], qty_memo[qty]) for px, qty in rows])
        except (KeyError, TypeError, ValueError):
            pass
    if not isinstance(rows, list):
        raise FrameError(f"{field}: {type(rows).__name__}, a list of levels is needed")
    levels = []
    for row in rows:
        if not isinstance(row, list) or len(row) < 2:
            raise FrameError(f"{field}: {row!r} is no level [price, quantity]")
        levels.append((_px(row[0], field), _qty(row[1], field)))
    return tuple(levels)


def _px(text: Any, field: str) -> int:
    px_e9 = _number(text, field, _PX_MEMO)
    if px_e9 == 0:
        del _PX_MEMO[text]
        raise FrameError(f"{field}: price {text} is not above 0")
    return px_e9


def _qty(text: Any, field: str) -> int:
    return _number(text, field, _QTY_MEMO)


def _number(text: Any, field: str, memo: dict[str, int]) -> int:
    """A decimal text as e9, exact, not negative; kept in `memo`."""
    if type(text) is not str:
        raise FrameError(f"{field}: {text!r} is no decimal number in quotes")
    value = memo.get(text)
    if value is None:
        try:
            value = to_e9(text)
        except UnitError as error:
            raise FrameError(f"{field}: {error}") from None
        if value < 0:
            raise FrameError(f"{field}: {text} is below 0")
        if len(memo) >= _MEMO_LIMIT:
            memo.clear()
        memo[text] = value
    return value


_PX_MEMO: dict[str, int] = {}  # never holds a price of 0: the look-up in _levels needs no check
_QTY_MEMO: dict[str, int] = {}
