"""Binance's market data frames read from bytes in place, without an object: what `messages.parse` reads, as integers.

Keys may come in any order, and unknown ones may stand between them. A frame that is damaged, of another kind, or spelled as no venue spells
it (escapes, exponents, more than nine decimals, a key twice) gives REST: `messages.parse` reads it, or says what is wrong with it.
"""

import numpy as np

from streams.kernel import Array, Struct, Table, bit, load_byte, load_word
from streams.venues.binance.json_text import (
    COLON,
    COMMA,
    LEFT_BRACE,
    LEFT_BRACKET,
    QUOTE,
    RIGHT_BRACE,
    RIGHT_BRACKET,
    past_blank,
    scalar,
    string,
    value,
)

__all__ = ["DIFF", "MARK", "REST", "SNAPSHOT", "TICKER", "TRADE", "FrameParser"]

REST = -1
DIFF, SNAPSHOT, TICKER, TRADE, MARK = 1, 2, 3, 4, 5

# members that are looked at, by a number each
_KIND, _SYMBOL, _EVENT_TIME, _TIME, _FIRST, _LAST, _PREV, _BIDS, _ASKS, _BID_QTY, _ASK_QTY = range(11)
_TRADE_ID, _PX, _QTY, _MAKER, _ORIGIN, _RATE, _UPDATE_ID, _BIDS_LONG, _ASKS_LONG, _SYMBOL_LONG, _STREAM, _DATA = range(11, 23)
_SIDES = 1 << _BIDS | 1 << _ASKS | 1 << _BIDS_LONG | 1 << _ASKS_LONG
_LETTERS = np.full(128, -1, np.int64)
for _letter, _member in zip("esETUubaBAtpqmXr", (*range(6), *range(7, 17)), strict=True):
    _LETTERS[ord(_letter)] = _member
_LETTERS.flags.writeable = False


def _word(text: bytes) -> int:
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

_POWERS = tuple(10**n for n in range(10))
_EXACT = tuple(((1 << 63) - 1) // 10**n for n in range(10))  # the largest number whose product with the power fits
_DIGITS_MAX = 19  # a number of so many fits, or turns negative; plain it is beyond _EXACT[0]
_DECIMALS = 9
_MICROSECONDS = 10**14  # a time from here on is told in microseconds
_MS_MAX, _US_MAX = ((1 << 63) - 1) // 1_000_000, ((1 << 63) - 1) // 1_000
_MARK_MAX_E9 = 1 << 61  # exclusive
_E9 = 1_000_000_000
_TEXT_BYTES_MIN = 2


class FrameParser(Struct, align=64):
    """One frame at a time; see `parse`. Size: `levels`, the most that one frame may have, at least 2.

    kind                  : DIFF, SNAPSHOT, TICKER, TRADE or MARK
    symbol_at, symbol_size: its text in the frame; size 0: a snapshot without a symbol
    exch_ts_ns            : the venue's time, 0 = not given
    first_seq, last_seq, prev_seq : of a diff (prev_seq -1 = none); last_seq also of a snapshot and of a ticker
    trade_id, side, aggregate     : of a trade; side: the aggressor's, 0 BUY, 1 SELL; aggregate: 1 = aggTrade
    mark_e9, rate_e9, next_ts_ns  : of a mark price
    bids, bid_count, asks, ask_count : where the levels of each side begin in px_e9 and qty_e9, and how many they are; of a ticker one a
                            side; a trade's price and size stand at `bids`
    count                 : levels in px_e9 (> 0) and qty_e9 (>= 0), of both sides
    """

    kind: int
    symbol_at: int
    symbol_size: int
    exch_ts_ns: int
    first_seq: int
    last_seq: int
    prev_seq: int
    trade_id: int
    side: int
    aggregate: int
    mark_e9: int
    rate_e9: int
    next_ts_ns: int
    bids: int
    bid_count: int
    asks: int
    ask_count: int
    count: int
    end: int
    # members by what their value is: a bit each
    texts: int
    numbers: int
    lists: int
    flags: int
    others: int
    start: Array[int, 23]
    amount: Array[int, 23]
    px_e9: Table[int, "levels"]
    qty_e9: Table[int, "levels"]

    def parse(self, address: int, nbytes: int) -> int:
        """Read the frame of `nbytes` bytes at an address; its kind, or REST. Nothing beyond the bytes is looked at."""
        end = address + nbytes
        while end - address > _TEXT_BYTES_MIN and load_byte(end - 1) <= 32:
            end -= 1
        if end - address < _TEXT_BYTES_MIN or load_byte(end - 1) != RIGHT_BRACE:
            return REST
        self.end = end
        self.count = 0
        self.texts = 0
        self.numbers = 0
        self.lists = 0
        self.flags = 0
        self.others = 0
        p = past_blank(address)
        if not all_blank(end, address + nbytes) or load_byte(p) != LEFT_BRACE or self.members(p) != end:
            return REST
        self.kind = self.classify()
        return self.kind

    # ---- JSON ----
    def members(self, p: int) -> int:
        """The members of the frame, and of the `data` in it; the place behind, or -1. `p`: its opening brace."""
        depth = 1
        before = 0  # members met before `data`, and up to its end
        until = 0
        p = past_blank(p + 1)
        empty = load_byte(p) == RIGHT_BRACE
        while True:
            if not empty:
                if load_byte(p) != QUOTE:
                    return -1
                name = p + 1
                p = string(name, self.end)
                if p < 0:
                    return -1
                member = member_of(name, p - name)
                p = past_blank(p + 1)
                if load_byte(p) != COLON:
                    return -1
                p = past_blank(p + 1)
                if member == _DATA and load_byte(p) == LEFT_BRACE:
                    if depth == 2:
                        return -1
                    depth = 2
                    before = self.seen()
                    self.others |= bit(_DATA)
                    p = past_blank(p + 1)
                    empty = load_byte(p) == RIGHT_BRACE
                    continue
                p = self.member(member, p)
                if p < 0 or p >= self.end:
                    return -1
                p = past_blank(p)
            empty = False
            c = load_byte(p)
            while c == RIGHT_BRACE:
                p += 1
                depth -= 1
                if depth == 0:
                    return p if self.enveloped(before, until) else -1
                if p >= self.end:
                    return -1
                until = self.seen()
                p = past_blank(p)
                c = load_byte(p)
            if c != COMMA:
                return -1
            p = past_blank(p + 1)

    def enveloped(self, before: int, until: int) -> bool:
        """A raw event has neither `stream` nor `data`; around `data` stands `stream` as text, and nothing else that is looked at."""
        if self.seen() & bit(_DATA) == 0:
            return self.seen() & bit(_STREAM) == 0
        around = before | (self.seen() & ~until)
        return until != 0 and around == bit(_STREAM) and self.texts & bit(_STREAM) != 0

    def seen(self) -> int:
        """The members met so far, a bit each."""
        return self.texts | self.numbers | self.lists | self.flags | self.others

    def member(self, member: int, p: int) -> int:
        """Take the value of a member; the place behind it, or -1."""
        if member < 0:
            return value(p, self.end)
        if self.seen() & bit(member) != 0:
            return -1
        c = load_byte(p)
        if c == QUOTE:
            start = p + 1
            p = string(start, self.end)
            self.texts |= bit(member)
            self.start[member] = start
            self.amount[member] = p - start
            return p + 1 if p >= 0 else -1
        if c >= 48 and c <= 57:
            return self.whole(member, p)
        if c == LEFT_BRACKET and bit(member) & _SIDES != 0:
            return self.levels(member, p)
        if c == 116 or c == 102:
            self.flags |= bit(member)
            self.amount[member] = 1 if c == 116 else 0
            return scalar(p)
        self.others |= bit(member)
        return value(p, self.end)

    def whole(self, member: int, p: int) -> int:
        """A whole number; -1 where it has a fraction, an exponent or too many digits."""
        start = p
        n = 0
        c = load_byte(p) - 48
        while c >= 0 and c <= 9:
            n = n * 10 + c
            p += 1
            c = load_byte(p) - 48
        if (
            p - start > _DIGITS_MAX or n < 0 or n > _EXACT[0] or (p - start > 1 and load_byte(start) == 48) or c == -2 or c == 53 or c == 21
        ):  # . e E
            return -1
        self.numbers |= bit(member)
        self.amount[member] = n
        return p

    def levels(self, member: int, p: int) -> int:
        """[["price", "size"], ...]"""
        n = self.count
        self.start[member] = n
        p = past_blank(p + 1)
        more = load_byte(p) != RIGHT_BRACKET
        if not more:
            p += 1
        while more:
            if load_byte(p) != LEFT_BRACKET or n >= self.px_e9.n:
                return -1
            p = past_blank(p + 1)
            if load_byte(p) != QUOTE:
                return -1
            px_e9, p = decimal(p + 1)
            if px_e9 <= 0:
                return -1
            p = past_blank(p)
            if load_byte(p) != COMMA:
                return -1
            p = past_blank(p + 1)
            if load_byte(p) != QUOTE:
                return -1
            qty_e9, p = decimal(p + 1)
            if qty_e9 < 0:
                return -1
            p = past_blank(p)
            if load_byte(p) != RIGHT_BRACKET:
                return -1
            self.px_e9[n] = px_e9
            self.qty_e9[n] = qty_e9
            n += 1
            p = past_blank(p + 1)
            more = load_byte(p) == COMMA
            if not more and load_byte(p) != RIGHT_BRACKET:
                return -1
            p += 1
            if more:
                p = past_blank(p)
        self.amount[member] = n - self.count
        self.count = n
        self.lists |= bit(member)
        return p

    # ---- what the members make ----
    def classify(self) -> int:
        """The kind of message, with its fields taken; REST."""
        if self.texts & bit(_KIND) != 0:
            kind = self.kind_of(self.start[_KIND], self.amount[_KIND])
        elif self.seen() & bit(_KIND) != 0:
            kind = REST
        elif self.seen() & bit(_UPDATE_ID) != 0:
            kind = SNAPSHOT
        else:
            kind = TICKER if self.has(self.seen(), bit(_LAST) | bit(_BID_QTY) | bit(_ASK_QTY)) else REST
        if kind == SNAPSHOT:
            return self.snapshot()
        if kind == REST or self.texts & bit(_SYMBOL) == 0 or self.amount[_SYMBOL] == 0:
            return REST
        self.symbol_at = self.start[_SYMBOL]
        self.symbol_size = self.amount[_SYMBOL]
        if kind == DIFF:
            return self.diff()
        if kind == TICKER:
            return self.ticker()
        return self.trade() if kind == TRADE else self.mark()

    def kind_of(self, p: int, size: int) -> int:
        """The kind that `e` names. Before its text stand at least three bytes of the frame."""
        self.aggregate = 0
        if size == 5:
            return TRADE if load_word(p - 3) >> 24 == _WORD_TRADE else REST
        if size < 8:
            return REST
        first = load_word(p)
        last = load_word(p + size - 8)
        if size == 8 and first == _WORD_AGG_TRADE:
            self.aggregate = 1
            return TRADE
        if size == 10 and first == _WORD_BOOK_TIC and last == _WORD_OKTICKER:
            return TICKER
        if size == 11 and first == _WORD_DEPTH_UP and last == _WORD_THUPDATE:
            return DIFF
        return MARK if size == 15 and first == _WORD_MARK_PRI and last == _WORD_CEUPDATE else REST

    def has(self, found: int, needed: int) -> bool:
        return found & needed == needed

    def time(self, needed: bool) -> bool:
        """Take the transaction time, or the event time where there is none; False if there is neither though needed, or no time."""
        member = _TIME if self.seen() & bit(_TIME) != 0 else _EVENT_TIME
        self.exch_ts_ns = 0
        if self.numbers & bit(member) == 0:
            return self.seen() & bit(member) == 0 and not needed
        self.exch_ts_ns = nanoseconds(self.amount[member])
        return self.exch_ts_ns >= 0

    def sides(self, bids: int, asks: int) -> None:
        self.bids = self.start[bids]
        self.bid_count = self.amount[bids]
        self.asks = self.start[asks]
        self.ask_count = self.amount[asks]

    def diff(self) -> int:
        if not self.has(self.numbers, bit(_FIRST) | bit(_LAST)) or not self.has(self.lists, bit(_BIDS) | bit(_ASKS)):
            return REST
        if self.texts & bit(_STREAM) != 0 and partial(self.start[_STREAM], self.amount[_STREAM]):
            return REST
        self.first_seq = self.amount[_FIRST]
        self.last_seq = self.amount[_LAST]
        self.prev_seq = self.amount[_PREV] if self.numbers & bit(_PREV) != 0 else -1
        if self.first_seq > self.last_seq or (self.seen() & ~self.numbers) & bit(_PREV) != 0 or not self.time(True):
            return REST
        self.sides(_BIDS, _ASKS)
        return DIFF

    def snapshot(self) -> int:
        """The whole book. In a stream it may be one of the best levels only: that is looked at the slow way."""
        if self.seen() & bit(_STREAM) != 0 or not self.has(self.lists, bit(_BIDS_LONG) | bit(_ASKS_LONG)) or not self.time(False):
            return REST
        if self.numbers & bit(_UPDATE_ID) == 0 or (self.seen() & ~self.texts) & bit(_SYMBOL_LONG) != 0:
            return REST
        self.symbol_size = 0
        if self.texts & bit(_SYMBOL_LONG) != 0:
            self.symbol_at = self.start[_SYMBOL_LONG]
            self.symbol_size = self.amount[_SYMBOL_LONG]
        self.first_seq = self.amount[_UPDATE_ID]
        self.last_seq = self.amount[_UPDATE_ID]
        self.sides(_BIDS_LONG, _ASKS_LONG)
        return SNAPSHOT

    def ticker(self) -> int:
        if self.numbers & bit(_LAST) == 0 or not self.has(self.texts, bit(_BIDS) | bit(_BID_QTY) | bit(_ASKS) | bit(_ASK_QTY)):
            return REST
        if not self.time(False) or not self.level(0, _BIDS, _BID_QTY) or not self.level(1, _ASKS, _ASK_QTY):
            return REST
        self.last_seq = self.amount[_LAST]
        self.bids = 0
        self.bid_count = 1
        self.asks = 1
        self.ask_count = 1
        self.count = 2
        return TICKER

    def trade(self) -> int:
        """A trade. What `X` calls anything but MARKET may not have met the book: that is looked at the slow way."""
        origin = self.seen() & bit(_ORIGIN) != 0
        if origin and (self.texts & bit(_ORIGIN) == 0 or self.amount[_ORIGIN] != 6 or six(self.start[_ORIGIN]) != _WORD_MARKET):
            return REST
        number = _ASKS if self.aggregate != 0 else _TRADE_ID
        if self.numbers & bit(number) == 0 or self.flags & bit(_MAKER) == 0 or not self.has(self.texts, bit(_PX) | bit(_QTY)):
            return REST
        if not self.time(True) or not self.level(0, _PX, _QTY) or self.qty_e9[0] == 0:
            return REST
        self.trade_id = self.amount[number]
        self.side = self.amount[_MAKER]  # the buyer was the maker: the seller came
        self.bids = 0
        self.bid_count = 1
        self.asks = 0
        self.ask_count = 0
        self.count = 1
        return TRADE

    def mark(self) -> int:
        if not self.has(self.numbers, bit(_TIME) | bit(_EVENT_TIME)) or not self.has(self.texts, bit(_PX) | bit(_RATE)):
            return REST
        self.exch_ts_ns = nanoseconds(self.amount[_EVENT_TIME])
        self.next_ts_ns = nanoseconds(self.amount[_TIME])
        if self.exch_ts_ns < 0 or self.next_ts_ns <= 0 or self.amount[_RATE] == 0:
            return REST
        self.count = 0
        self.mark_e9 = self.number(_PX)
        p = self.start[_RATE]
        if load_byte(p) == 45:
            rate_e9, _ = decimal(p + 1)
            self.rate_e9 = -rate_e9
        else:
            rate_e9, _ = decimal(p)
            self.rate_e9 = rate_e9
        return MARK if 0 < self.mark_e9 < _MARK_MAX_E9 and 0 <= rate_e9 <= _E9 else REST

    def level(self, i: int, px: int, qty: int) -> bool:
        """Take two decimals as the i-th price and size."""
        self.px_e9[i] = self.number(px)
        self.qty_e9[i] = self.number(qty)
        return self.px_e9[i] > 0 and self.qty_e9[i] >= 0

    def number(self, member: int) -> int:
        """The decimal in a text x 10^9, -1 if it is none."""
        n, _ = decimal(self.start[member])
        return n


def all_blank(p: int, end: int) -> bool:
    """What was cut off at the end is JSON's white space."""
    for i in range(p, end):
        c = load_byte(i)
        if c != 32 and c != 10 and c != 13 and c != 9:
            return False
    return True


def member_of(p: int, size: int) -> int:
    """The number of the member with that name, -1 = of no interest. Behind a name stand at least four more bytes."""
    if size == 1:
        return int(_LETTERS[load_byte(p)])
    if size == 2:
        return _PREV if load_byte(p) == 112 and load_byte(p + 1) == 117 else -1
    if size == 4:
        word = load_word(p) & _LOW_32
        return _BIDS_LONG if word == _WORD_BIDS else _ASKS_LONG if word == _WORD_ASKS else _DATA if word == _WORD_DATA else -1
    if size == 6:
        word = load_word(p) & _LOW_48
        return _SYMBOL_LONG if word == _WORD_SYMBOL else _STREAM if word == _WORD_STREAM else -1
    return _UPDATE_ID if size == 12 and load_word(p) == _WORD_LAST_UP and load_word(p + 4) == _WORD_UPDATE_ID else -1


def six(p: int) -> int:
    """Six bytes of a text as a word. At least two bytes of the frame stand before it."""
    return load_word(p - 2) >> 16


def decimal(p: int) -> tuple[int, int]:
    """(a decimal number x 10^9, the place behind the quote that ends it); -1 where it is no plain decimal or not exact in 64 bits."""
    start = p
    n = 0
    c = load_byte(p) - 48
    while c >= 0 and c <= 9:
        n = n * 10 + c
        p += 1
        c = load_byte(p) - 48
    digits = p - start
    decimals = 0
    if c == -2 and digits > 0:
        p += 1
        point = p
        c = load_byte(p) - 48
        while c >= 0 and c <= 9:
            n = n * 10 + c
            p += 1
            c = load_byte(p) - 48
        decimals = p - point
        digits = digits + decimals if decimals > 0 else 0
    if c != -14 or digits == 0 or digits > _DIGITS_MAX or decimals > _DECIMALS:
        return -1, p
    shift = _DECIMALS - decimals
    return n * _POWERS[shift] if 0 <= n <= _EXACT[shift] else -1, p + 1


def nanoseconds(time: int) -> int:
    """A venue's time, in milliseconds or microseconds, in ns; -1 if it is beyond 64 bits. time >= 0."""
    if time < _MICROSECONDS:
        return time * 1_000_000 if time <= _MS_MAX else -1
    return time * 1_000 if time <= _US_MAX else -1


def partial(p: int, size: int) -> bool:
    """The name of a stream may be one of partial books: `depth` with a digit behind it, between the first two @."""
    end = p + size
    while p < end and load_byte(p) != 64:
        p += 1
    if end - p < 7 or load_word(p - 1) >> 8 & _LOW_48 != _WORD_DEPTH:
        return False
    c = load_byte(p + 6)
    return c >= 48 and c <= 57
