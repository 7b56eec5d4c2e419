"""The frame parser compiled, on memory that ends where the frame does: a byte read beyond it ends the process."""

import ctypes
import mmap
from functools import cache
from typing import Any

from streams.kernel import View, at, native
from streams.records import Side
from streams.venues.binance.frame_parser import DIFF, REST, SNAPSHOT, TICKER, TRADE, FrameParser
from streams.venues.binance.messages import BookTicker, DepthDiff, Level, MarkPrice, Message, Snapshot, Trade

__all__ = ["LEVELS", "FrameReader", "compiled_parser", "message_of"]

LEVELS = 256
_PAGE = mmap.PAGESIZE


def parse_frame(parser: int, address: int, nbytes: int) -> int:
    return at(FrameParser, parser).parse(address, nbytes)


@cache
def compiled_parser() -> Any:
    """parse(parser, address, nbytes), compiled."""
    parts = ("frame_parser", "frame_members", "frame_numbers", "json_text")
    files = native.sources(*(f"streams.venues.binance.{part}" for part in parts), __name__)
    return native.function(native.load("frame_reader", lambda: {"parse_frame": (parse_frame, 3)}, files).parse_frame, 3)


class FrameReader:
    """Reads frames of up to `pages` pages; between two pages that nobody may touch."""

    def __init__(self, pages: int = 16) -> None:
        self._memory = mmap.mmap(-1, (pages + 2) * _PAGE)
        self._first = ctypes.addressof(ctypes.c_char.from_buffer(self._memory)) + _PAGE
        self._end = self._first + pages * _PAGE
        protect = ctypes.CDLL(None, use_errno=True).mprotect
        for page in (self._first - _PAGE, self._end):
            assert protect(ctypes.c_void_p(page), ctypes.c_size_t(_PAGE), 0) == 0
        self._parse = compiled_parser()
        self._state = FrameParser({"levels": LEVELS}).pack()
        self._parser = View(FrameParser, self._state)

    def read(self, payload: bytes) -> Message | None:
        """What the frame says, None where it is REST: the same wherever it lies."""
        found = [self._read(payload, start) for start in (self._end - len(payload), self._first)]
        assert found[0] == found[1]
        return found[0]

    def _read(self, payload: bytes, start: int) -> Message | None:
        ctypes.memmove(start, payload, len(payload))
        kind = self._parse(self._state.ctypes.data, start, len(payload))
        assert kind == REST or kind == self._parser.kind
        return None if kind == REST else message_of(self._parser)


def message_of(f: Any) -> Message:
    """The message that a FrameParser has read, or a view of one."""
    symbol = ctypes.string_at(f.symbol_at, f.symbol_size).decode() if f.symbol_size else ""
    if f.kind == DIFF:
        return DepthDiff(
            symbol, f.exch_ts_ns, f.first_seq, f.last_seq, f.prev_seq, _side(f, f.bids, f.bid_count), _side(f, f.asks, f.ask_count)
        )
    if f.kind == SNAPSHOT:
        return Snapshot(symbol, f.exch_ts_ns, f.last_seq, _side(f, f.bids, f.bid_count), _side(f, f.asks, f.ask_count))
    if f.kind == TICKER:
        return BookTicker(symbol, f.exch_ts_ns, f.last_seq, *_side(f, 0, 1)[0], *_side(f, 1, 1)[0])
    if f.kind == TRADE:
        return Trade(symbol, f.exch_ts_ns, f.trade_id, Side(f.side), *_side(f, 0, 1)[0], bool(f.aggregate))
    return MarkPrice(symbol, f.exch_ts_ns, f.mark_e9, f.rate_e9, f.next_ts_ns)


def _side(f: Any, start: int, count: int) -> tuple[Level, ...]:
    return tuple((int(f.px_e9[i]), int(f.qty_e9[i])) for i in range(start, start + count))
