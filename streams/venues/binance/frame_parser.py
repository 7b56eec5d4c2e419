"""Binance's market data frames read from bytes in place, without an object: what `messages.parse` reads, as integers.

Keys may come in any order, and unknown ones may stand between them. A frame that is damaged, of another kind, or spelled as no venue spells
it (escapes, exponents, more than nine decimals, a key twice) gives REST: `messages.parse` reads it, or says what is wrong with it.
"""

from streams.kernel import Array, Struct, Table, bit, load_byte
from streams.venues.binance import frame_members as m
from streams.venues.binance.frame_members import DIFF, MARK, REST, SNAPSHOT, TICKER, TRADE
from streams.venues.binance.frame_numbers import INT_MAX, decimal, nanoseconds
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

_DIGITS_MAX = 19  # of a whole number: so many fit, or turn negative; plain they are beyond INT_MAX
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
                member = m.member_of(name, p - name)
                p = past_blank(p + 1)
                if load_byte(p) != COLON:
                    return -1
                p = past_blank(p + 1)
                if member == m.DATA and load_byte(p) == LEFT_BRACE:
                    if depth == 2:
                        return -1
                    depth = 2
                    before = self.seen()
                    self.others |= bit(m.DATA)
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
        if self.seen() & bit(m.DATA) == 0:
            return self.seen() & bit(m.STREAM) == 0
        around = before | (self.seen() & ~until)
        return until != 0 and around == bit(m.STREAM) and self.texts & bit(m.STREAM) != 0

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
        if c == LEFT_BRACKET and bit(member) & m.SIDES != 0:
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
            p - start > _DIGITS_MAX or n < 0 or n > INT_MAX or (p - start > 1 and load_byte(start) == 48) or c == -2 or c == 53 or c == 21
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
        if self.texts & bit(m.KIND) != 0:
            kind = m.kind_of(self.start[m.KIND], self.amount[m.KIND])
        elif self.seen() & bit(m.KIND) != 0:
            kind = REST
        elif self.seen() & bit(m.UPDATE_ID) != 0:
            kind = SNAPSHOT
        else:
            kind = TICKER if self.has(self.seen(), bit(m.LAST) | bit(m.BID_QTY) | bit(m.ASK_QTY)) else REST
        if kind == SNAPSHOT:
            return self.snapshot()
        if kind == REST or self.texts & bit(m.SYMBOL) == 0 or self.amount[m.SYMBOL] == 0:
            return REST
        self.symbol_at = self.start[m.SYMBOL]
        self.symbol_size = self.amount[m.SYMBOL]
        if kind == DIFF:
            return self.diff()
        if kind == TICKER:
            return self.ticker()
        if kind == MARK:
            return self.mark()
        self.aggregate = 1 if kind == m.AGG_TRADE else 0
        return self.trade()

    def has(self, found: int, needed: int) -> bool:
        return found & needed == needed

    def time(self, needed: bool) -> bool:
        """Take the transaction time, or the event time where there is none; False if there is neither though needed, or no time."""
        member = m.TIME if self.seen() & bit(m.TIME) != 0 else m.EVENT_TIME
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
        if not self.has(self.numbers, bit(m.FIRST) | bit(m.LAST)) or not self.has(self.lists, bit(m.BIDS) | bit(m.ASKS)):
            return REST
        if self.texts & bit(m.STREAM) != 0 and m.is_partial(self.start[m.STREAM], self.amount[m.STREAM]):
            return REST
        self.first_seq = self.amount[m.FIRST]
        self.last_seq = self.amount[m.LAST]
        self.prev_seq = self.amount[m.PREV] if self.numbers & bit(m.PREV) != 0 else -1
        if self.first_seq > self.last_seq or (self.seen() & ~self.numbers) & bit(m.PREV) != 0 or not self.time(True):
            return REST
        self.sides(m.BIDS, m.ASKS)
        return DIFF

    def snapshot(self) -> int:
        """The whole book. In a stream it may be one of the best levels only: that is looked at the slow way."""
        if self.seen() & bit(m.STREAM) != 0 or not self.has(self.lists, bit(m.BIDS_LONG) | bit(m.ASKS_LONG)) or not self.time(False):
            return REST
        if self.numbers & bit(m.UPDATE_ID) == 0 or (self.seen() & ~self.texts) & bit(m.SYMBOL_LONG) != 0:
            return REST
        self.symbol_size = 0
        if self.texts & bit(m.SYMBOL_LONG) != 0:
            self.symbol_at = self.start[m.SYMBOL_LONG]
            self.symbol_size = self.amount[m.SYMBOL_LONG]
        self.first_seq = self.amount[m.UPDATE_ID]
        self.last_seq = self.amount[m.UPDATE_ID]
        self.sides(m.BIDS_LONG, m.ASKS_LONG)
        return SNAPSHOT

    def ticker(self) -> int:
        if self.numbers & bit(m.LAST) == 0 or not self.has(self.texts, bit(m.BIDS) | bit(m.BID_QTY) | bit(m.ASKS) | bit(m.ASK_QTY)):
            return REST
        if not self.time(False) or not self.level(0, m.BIDS, m.BID_QTY) or not self.level(1, m.ASKS, m.ASK_QTY):
            return REST
        self.last_seq = self.amount[m.LAST]
        self.bids = 0
        self.bid_count = 1
        self.asks = 1
        self.ask_count = 1
        self.count = 2
        return TICKER

    def trade(self) -> int:
        """A trade. What `X` calls anything but MARKET may not have met the book: that is looked at the slow way."""
        origin = self.seen() & bit(m.ORIGIN) != 0
        if origin and (self.texts & bit(m.ORIGIN) == 0 or not m.is_market(self.start[m.ORIGIN], self.amount[m.ORIGIN])):
            return REST
        number = m.ASKS if self.aggregate != 0 else m.TRADE_ID
        if self.numbers & bit(number) == 0 or self.flags & bit(m.MAKER) == 0 or not self.has(self.texts, bit(m.PX) | bit(m.QTY)):
            return REST
        if not self.time(True) or not self.level(0, m.PX, m.QTY) or self.qty_e9[0] == 0:
            return REST
        self.trade_id = self.amount[number]
        self.side = self.amount[m.MAKER]  # the buyer was the maker: the seller came
        self.bids = 0
        self.bid_count = 1
        self.asks = 0
        self.ask_count = 0
        self.count = 1
        return TRADE

    def mark(self) -> int:
        if not self.has(self.numbers, bit(m.TIME) | bit(m.EVENT_TIME)) or not self.has(self.texts, bit(m.PX) | bit(m.RATE)):
            return REST
        self.exch_ts_ns = nanoseconds(self.amount[m.EVENT_TIME])
        self.next_ts_ns = nanoseconds(self.amount[m.TIME])
        if self.exch_ts_ns < 0 or self.next_ts_ns <= 0 or self.amount[m.RATE] == 0:
            return REST
        self.count = 0
        self.mark_e9 = self.number(m.PX)
        p = self.start[m.RATE]
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
