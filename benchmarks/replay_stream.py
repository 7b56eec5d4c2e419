"""Input of the replay benchmark: a made market of L2 updates and trades from one seed, as slots.

One level an update, but for the snapshot that it begins with. A tenth of the records are trades at the touch, each followed by the update
of the level that it took from; the rest are levels set or removed, most of them within 8 ticks of the touch, some up to 100 away. The book
never crosses. No two records have the same time: hftbacktest would decide once for both.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from replay_rows import SLOT_BYTES, columns

from streams.backtest.events import Events
from streams.kernel import Struct, at, native
from streams.kernel.memory import aligned
from streams.slots import FLAG_FIRST, FLAG_LAST, FLAG_SNAPSHOT, KIND_LEVEL, KIND_TRADE, LevelSlot, Slot, TradeSlot
from streams.trading.book import NONE, Book
from streams.trading.codes import BUY, SELL

__all__ = ["FEED_NS", "LEVELS", "SIZES", "START_NS", "TRADES", "Market", "looped", "make", "pieces"]

SEED = 88172645463325252
START_NS = 1_700_000_000 * 10**9
FEED_NS = 400_000  # from the venue to us
GAP_NS = 2_006_647  # up to this between two records: 500,000 take about 502 s
DEPTH = 20  # levels a side of the snapshot
MID_TICKS = 1_000_000
SIZES = {"window": 4096, "far": 8192}
_MASK = 0x7FFFFFFFFFFFFFFF
LEVELS, TRADES = KIND_LEVEL, KIND_TRADE


class Market(NamedTuple):
    """memory: the slots; starts, sizes: of each record, bytes; recv_ts_ns, exch_ts_ns: its times."""

    memory: np.ndarray
    starts: np.ndarray
    sizes: np.ndarray
    recv_ts_ns: np.ndarray
    exch_ts_ns: np.ndarray

    @property
    def count(self) -> int:
        """Records."""
        return len(self.starts)


class Maker(Struct, align=64):
    """The market that is made. pending: 1 while the level of the last trade is still to be told."""

    x: int
    now_ns: int
    pending: int
    side: int
    px_ticks: int
    qty_lots: int
    book: Book

    def draw(self) -> int:
        """A random number of 55 bits."""
        x = self.x
        x ^= (x << 13) & _MASK
        x ^= x >> 7
        x ^= (x << 17) & _MASK
        self.x = x
        return (x & _MASK) >> 8

    def trade(self, w: int) -> bool:
        """Choose a trade at the touch; False if it could empty a side."""
        side = w & 1
        px = self.book.touch(side)
        there = self.book.qty(side, px)
        if self.book.worse(side, px) == NONE:
            return False
        qty = there if (w >> 40) & 31 == 0 else min(there, 1 + (w >> 20) % 9)
        self.pending = 1
        self.side = side
        self.px_ticks = px
        self.qty_lots = qty
        return True

    def level(self, w: int) -> None:
        """Choose a level and its new quantity."""
        side = (w >> 1) & 1
        out = -1 if side == BUY else 1
        behind = (w >> 12) % 8 if (w >> 20) & 15 != 0 else (w >> 12) % 100
        touch = self.book.touch(side)
        spread = self.book.ask() - self.book.bid()
        if spread > 1 and (w >> 24) % 10 == 0:
            behind = -1 - (w >> 44) % (spread - 1)
        px = touch + out * behind
        there = self.book.qty(side, px)
        likely = 28 if px != touch else 1
        gone = there > 0 and (w >> 30) % 100 < likely and self.book.worse(side, touch) != NONE
        self.side = side
        self.px_ticks = px
        self.qty_lots = 0 if gone else (1 if px != touch else 20) + (w >> 38) % 100


def write_snapshot(state: int, out: int, depth: int) -> int:
    """Write the snapshot, `depth` levels a side, and begin the book with it."""
    m = at(Maker, state)
    for i in range(2 * depth):
        e = at(LevelSlot, out + i * SLOT_BYTES)
        e.stamp(1, 0, m.now_ns, m.now_ns, 0, KIND_LEVEL, i & 1)
        e.flags = FLAG_SNAPSHOT | (FLAG_FIRST if i == 0 else 0) | (FLAG_LAST if i == 2 * depth - 1 else 0)
        e.last_seq = 1
        e.px_ticks = MID_TICKS + i // 2 if i & 1 == SELL else MID_TICKS - 1 - i // 2
        e.qty_lots = 1 + (m.draw() >> 20) % 100
        m.book.apply(e.side, e.px_ticks, e.qty_lots)
    return 0


def write_records(state: int, out: int, first: int, n: int) -> int:
    """Write `n` records of one slot; `first` is the id of the first one."""
    m = at(Maker, state)
    for i in range(n):
        w = m.draw()
        m.now_ns += 1 + m.draw() % GAP_NS
        start = out + i * SLOT_BYTES
        if m.pending == 0 and w % 10_000 < 1_110 and m.trade(w >> 14):
            t = at(TradeSlot, start)
            t.stamp(first + i, 0, m.now_ns, m.now_ns, 0, KIND_TRADE, SELL if m.side == BUY else BUY)
            t.trade_id = first + i
            t.px_ticks = m.px_ticks
            t.qty_lots = m.qty_lots
            continue
        if m.pending != 0:
            m.pending = 0
            m.qty_lots = m.book.qty(m.side, m.px_ticks) - m.qty_lots
        else:
            m.level(w)
        e = at(LevelSlot, start)
        e.stamp(first + i, 0, m.now_ns, m.now_ns, 0, KIND_LEVEL, m.side)
        e.flags = FLAG_FIRST | FLAG_LAST
        e.last_seq = first + i
        e.px_ticks = m.px_ticks
        e.qty_lots = m.qty_lots
        m.book.apply(m.side, m.px_ticks, m.qty_lots)
        if m.book.lost() != 0 or m.book.crossed() or m.book.locked():
            return -1
    return 0


def make(n: int) -> Market:
    """A market of `n` records, the first of them a snapshot."""
    files = [*native.sources("streams.trading", "streams.slots"), __file__]
    entries = {"write_snapshot": (write_snapshot, 3), "write_records": (write_records, 4)}
    loaded = native.load("bench_market", lambda: entries, files=files)
    maker = Maker(SIZES)
    maker.book.setup()
    maker.x, maker.now_ns = SEED, START_NS
    state, lead = maker.pack(), 2 * DEPTH
    memory = aligned(SLOT_BYTES * (lead + n - 1))
    native.function(loaded.write_snapshot, 3)(state.ctypes.data, memory.ctypes.data, DEPTH)
    found = native.function(loaded.write_records, 4)(state.ctypes.data, memory.ctypes.data + lead * SLOT_BYTES, 2, n - 1)
    assert found == 0, "the made market does not fit the book's sizes, or it crosses"
    starts = np.concatenate(([0], SLOT_BYTES * np.arange(lead, lead + n - 1, dtype=np.int64)))
    sizes = np.full(n, SLOT_BYTES, np.int64)
    sizes[0] = SLOT_BYTES * lead
    recv = columns(memory, Slot, "recv_ts_ns")["recv_ts_ns"][starts // SLOT_BYTES].copy()
    assert np.all(np.diff(recv) > 0), "two records have one time"
    return Market(memory, starts, sizes, recv, recv - FEED_NS)


def pieces(market: Market, size: int = 1 << 16) -> Iterator[Events]:
    """The market in pieces of so many records."""
    base = market.memory.ctypes.data
    whole = Events(base + market.starts, market.sizes, market.recv_ts_ns, market.exch_ts_ns, market)
    for first in range(0, market.count, size):
        yield whole.part(first, first + size)


def looped(market: Market, records: int, size: int = 1 << 16) -> Iterator[Events]:
    """The market again and again, later each time, until there were so many records. Two copies of it take turns: a piece that was given is
    used for a while."""
    span = int(market.recv_ts_ns[-1] - market.recv_ts_ns[0]) + GAP_NS
    copies = [_copy(market), _copy(market)]
    _later(copies[1], 1, span)
    left = records
    for turn in range(-(-records // market.count)):
        now = copies[turn % 2]
        if turn >= 2:
            _later(now, 2, span)
        for piece in pieces(now, size):
            yield piece.part(0, left)
            left -= piece.count
            if left <= 0:
                return


def _copy(market: Market) -> Market:
    memory = aligned(len(market.memory))
    memory[:] = market.memory
    return Market(memory, market.starts, market.sizes, market.recv_ts_ns.copy(), market.exch_ts_ns.copy())


def _later(market: Market, rounds: int, span_ns: int) -> None:
    """Move a copy on by so many rounds."""
    head = columns(market.memory, LevelSlot, "id", "ts_ns", "recv_ts_ns", "kind", "last_seq")
    head["id"] += rounds * market.count
    head["ts_ns"] += rounds * span_ns
    head["recv_ts_ns"] += rounds * span_ns
    head["last_seq"][head["kind"] == KIND_LEVEL] += rounds * market.count
    market.recv_ts_ns[:] += rounds * span_ns
    market.exch_ts_ns[:] += rounds * span_ns
