"""The members and kinds of Binance's frames, by a number each, found by the bytes of their names.

Names are compared as words; what lies before and behind a text in a frame is looked at, too, where it is said to be there.
"""

import numpy as np

from streams.kernel import load_byte, load_word

__all__ = ["AGG_TRADE", "DIFF", "MARK", "REST", "SNAPSHOT", "TICKER", "TRADE", "is_market", "is_partial", "kind_of", "member_of"]
__all__ += [
    "ASKS",
    "ASKS_LONG",
    "ASK_QTY",
    "BIDS",
    "BIDS_LONG",
    "BID_QTY",
    "DATA",
    "EVENT_TIME",
    "FIRST",
    "KIND",
    "LAST",
    "MAKER",
    "ORIGIN",
]
__all__ += ["PREV", "PX", "QTY", "RATE", "SIDES", "STREAM", "SYMBOL", "SYMBOL_LONG", "TIME", "TRADE_ID", "UPDATE_ID"]

REST = -1
DIFF, SNAPSHOT, TICKER, TRADE, MARK, AGG_TRADE = 1, 2, 3, 4, 5, 6
"""Kinds of messages."""

KIND, SYMBOL, EVENT_TIME, TIME, FIRST, LAST, PREV, BIDS, ASKS, BID_QTY, ASK_QTY = range(11)
TRADE_ID, PX, QTY, MAKER, ORIGIN, RATE, UPDATE_ID, BIDS_LONG, ASKS_LONG, SYMBOL_LONG, STREAM, DATA = range(11, 23)
SIDES = 1 << BIDS | 1 << ASKS | 1 << BIDS_LONG | 1 << ASKS_LONG  # bits of those that may hold levels
_LETTERS = np.full(128, -1, np.int64)
for _letter, _member in zip("esETUubaBAtpqmXr", (*range(6), *range(7, 17)), strict=True):
    _LETTERS[ord(_letter)] = _member
_LETTERS.flags.writeable = False


def _word(text: bytes) -> int:
    """The first eight bytes of a text, as they lie in memory."""
    return int.from_bytes(text[:8], "little")


_WORD_BIDS, _WORD_ASKS, _WORD_DATA = _word(b"bids"), _word(b"asks"), _word(b"data")
_WORD_SYMBOL, _WORD_STREAM = _word(b"symbol"), _word(b"stream")
_WORD_LAST_UP, _WORD_UPDATE_ID = _word(b"lastUpda"), _word(b"UpdateId")
_WORD_TRADE, _WORD_AGG_TRADE, _WORD_MARKET = _word(b"trade"), _word(b"aggTrade"), _word(b"MARKET")
_WORD_BOOK_TIC, _WORD_OKTICKER = _word(b"bookTick"), _word(b"okTicker")
_WORD_DEPTH_UP, _WORD_THUPDATE = _word(b"depthUpd"), _word(b"thUpdate")
_WORD_MARK_PRI, _WORD_CEUPDATE = _word(b"markPric"), _word(b"ceUpdate")
_WORD_DEPTH = _word(b"@depth")
_LOW_32, _LOW_48 = (1 << 32) - 1, (1 << 48) - 1


def member_of(p: int, size: int) -> int:
    """The number of the member with that name, -1 = of no interest. Around a name stand at least two bytes on either side."""
    if size == 1:
        return int(_LETTERS[load_byte(p)])
    if size == 2:
        return PREV if load_byte(p) == 112 and load_byte(p + 1) == 117 else -1
    if size == 4:
        word = load_word(p - 2) >> 16 & _LOW_32
        return BIDS_LONG if word == _WORD_BIDS else ASKS_LONG if word == _WORD_ASKS else DATA if word == _WORD_DATA else -1
    if size == 6:
        word = load_word(p) & _LOW_48
        return SYMBOL_LONG if word == _WORD_SYMBOL else STREAM if word == _WORD_STREAM else -1
    return UPDATE_ID if size == 12 and load_word(p) == _WORD_LAST_UP and load_word(p + 4) == _WORD_UPDATE_ID else -1


def kind_of(p: int, size: int) -> int:
    """The kind that `e` names; TRADE or AGG_TRADE. Before its text stand at least three bytes of the frame."""
    if size == 5:
        return TRADE if load_word(p - 3) >> 24 == _WORD_TRADE else REST
    if size < 8:
        return REST
    first = load_word(p)
    last = load_word(p + size - 8)
    if size == 8:
        return AGG_TRADE if first == _WORD_AGG_TRADE else REST
    if size == 10:
        return TICKER if first == _WORD_BOOK_TIC and last == _WORD_OKTICKER else REST
    if size == 11:
        return DIFF if first == _WORD_DEPTH_UP and last == _WORD_THUPDATE else REST
    return MARK if size == 15 and first == _WORD_MARK_PRI and last == _WORD_CEUPDATE else REST


def is_market(p: int, size: int) -> bool:
    """The text is MARKET. Before it stand at least two bytes of the frame."""
    return size == 6 and load_word(p - 2) >> 16 == _WORD_MARKET


def is_partial(p: int, size: int) -> bool:
    """The name of a stream may be one of partial books: `depth` with a digit behind it, between the first two @."""
    end = p + size
    while p < end and load_byte(p) != 64:
        p += 1
    if end - p < 7 or load_word(p - 1) >> 8 & _LOW_48 != _WORD_DEPTH:
        return False
    c = load_byte(p + 6)
    return c >= 48 and c <= 57
