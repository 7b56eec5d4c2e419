"""Input of the book benchmarks: the recorded market if it is there, and made order flow, from one seed the same everywhere.

The flow holds about `TARGET` orders a day's quiet minute would: 48 % new, 42 % gone (a third of those at the head of the best queue, as
executions are), 10 % changed, within 30 ticks of the mid but for an eighth that lies up to 500 away; never crossed.
"""

import os
from pathlib import Path

import numpy as np

from streams.kernel import I32, Struct, at, native
from streams.kernel.memory import aligned
from streams.slots import LevelSlot
from streams.trading.book import NONE
from streams.trading.codes import BUY
from streams.trading.l3_book import L3Book

__all__ = ["ADD", "CANCEL", "EVENT", "L3_SIZES", "LEVEL", "MODIFY", "Event", "columns", "flow", "level_flow", "recording", "recording_path"]

ADD, CANCEL, MODIFY = 10, 11, 12  # hftbacktest's numbers of the same events
TARGET = 10_000
SEED = 88172645463325252
L3_SIZES = {"window": 2048, "far": 4096, "orders": 1 << 15, "levels": 3584}


class Event(Struct, align=64):
    """One change of an order, and what it leaves at the price it was at."""

    op: int
    order_id: int
    px_ticks: int
    qty_lots: int
    level_px_ticks: int
    level_lots: int
    side: I32


EVENT = np.dtype(
    {
        "names": list(Event._fields_),
        "formats": [f.elem for f in Event._fields_.values()],
        "offsets": [f.offset for f in Event._fields_.values()],
        "itemsize": 64,
    }
)
_NAMES = ("flags", "side", "last_seq", "px_ticks", "qty_lots")
LEVEL = np.dtype(
    {
        "names": _NAMES,
        "formats": [LevelSlot._fields_[n].elem for n in _NAMES],
        "offsets": [LevelSlot._fields_[n].offset for n in _NAMES],
        "itemsize": 64,
    }
)


def recording_path() -> Path | None:
    """MILLRACE_RECORDING, or the recording beside the checkout; None if there is none."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data" / "binance-usdm" / "btcusdt_20240808.gz"
    path = Path(os.environ.get("MILLRACE_RECORDING", "").split(",")[0] or beside)
    return path if path.is_file() else None


def recording(path: Path):
    """Its snapshot and diffs as level slots: (memory, slots after each update, touch after the last: bid and ask)."""
    from tests.trading.recorded import read_recorded

    found = read_recorded(path)
    return found.levels, found.ends.astype(np.int64), (int(found.touch[-1][0]), int(found.touch[-1][2]))


def columns(levels: np.ndarray) -> np.ndarray:
    """Level slots as named columns."""
    return levels.view(LEVEL)


# ---- made flow ----
def make_flow(state: int, out: int, n: int, seed: int) -> int:
    """Write `n` events at `out`, keeping the book at `state`."""
    book = at(L3Book, state)
    x, mid, next_id = seed, 100_000, 1
    for i in range(n):
        e = at(Event, out + i * 64)
        x ^= (x << 13) & 0x7FFFFFFFFFFFFFFF
        x ^= x >> 7
        x ^= (x << 17) & 0x7FFFFFFFFFFFFFFF
        w = (x & 0x7FFFFFFFFFFFFFFF) >> 8
        if i % 500 == 0:
            mid += (w >> 8) % 5 - 2
        e.side = (w >> 3) & 1
        chosen = resting(book, w)
        u = w % 1000
        if chosen < 0 or book.count < TARGET or (u < 480 and book.count < TARGET * 11 // 10):
            e.op = ADD
            e.order_id = next_id
            next_id += 1
            e.px_ticks = price(book, e.side, mid, w)
            e.qty_lots = 1 + (w >> 40) % 100
            book.add(e.order_id, e.side, e.px_ticks, e.qty_lots)
            e.level_px_ticks = e.px_ticks
        else:
            if u < 900 and (w >> 30) % 3 == 0:
                chosen = book.first_id(e.side, book.touch(e.side))
            e.order_id = chosen
            e.side = book.side_of(chosen)
            e.px_ticks = book.px_of(chosen)
            e.qty_lots = book.qty_of(chosen)
            e.level_px_ticks = e.px_ticks
            if u < 900:
                e.op = CANCEL
                book.cancel(chosen)
            else:
                e.op = MODIFY
                if u < 960:
                    e.qty_lots = max(1, e.qty_lots // 2)
                else:
                    e.px_ticks += -1 if e.side == BUY else 1
                book.modify(chosen, e.px_ticks, e.qty_lots)
        e.level_lots = book.qty(e.side, e.level_px_ticks)
    return book.refused


def resting(book: L3Book, w: int) -> int:
    """Some resting order's id, -1 if eight tries found none."""
    if book.count <= TARGET // 2:
        return -1
    for t in range(8):
        s = ((w >> 10) + t * 7919) % book.used_orders
        if book.ids.find(book.orders[s].order_id) == s:
            return book.orders[s].order_id
    return -1


def price(book: L3Book, side: int, mid: int, w: int) -> int:
    """Where a new order goes: behind the touch of the other side."""
    behind = 1 + (w >> 12) % 30
    if (w >> 20) & 7 == 0:
        behind += (w >> 24) % 500
    if side == BUY:
        px = mid - behind
        return px if book.asks.best == NONE else min(px, book.ask() - 1)
    px = mid + behind
    return px if book.bids.best == NONE else max(px, book.bid() + 1)


def flow(n: int) -> tuple[np.ndarray, tuple[int, int]]:
    """`n` events (an aligned array of EVENT), and the touch after the last: bid and ask."""
    files = [*native.sources("streams.trading", "streams.slots"), __file__]
    make = native.function(native.load("bench_flow", lambda: {"make_flow": (make_flow, 4)}, files=files).make_flow, 4)
    book = L3Book(L3_SIZES)
    book.setup()
    state, events = book.pack(), aligned(64 * n)
    assert make(state.ctypes.data, events.ctypes.data, n, SEED) == 0, "the made flow does not fit the book's sizes"
    end = book.unpack(state)
    return events.view(EVENT), (end.bid(), end.ask())


def level_flow(events: np.ndarray) -> np.ndarray:
    """The levels that the events change, as level slots: one an event, of the price that the order was at."""
    levels = aligned(64 * len(events))
    rows = levels.view(LEVEL)
    rows["side"], rows["px_ticks"], rows["qty_lots"] = events["side"], events["level_px_ticks"], events["level_lots"]
    return levels
