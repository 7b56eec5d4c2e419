"""The touch of books that stand as columns, wherever it changes: quotes of a market that has none of its own."""

from collections.abc import Mapping
from heapq import heappop, heappush

import numpy as np

__all__ = ["quotes_of"]

_BUY = 0


class _Side:
    """Levels of one side. `heap` has the keys of all of them (a bid's is minus its price), and of some that are gone."""

    def __init__(self, sign: int) -> None:
        self.sign, self.levels, self.heap = sign, dict[int, int](), list[int]()

    def put(self, px_ticks: int, qty_lots: int) -> None:
        key = self.sign * px_ticks
        if qty_lots == 0:
            self.levels.pop(key, None)
            return
        if key not in self.levels:
            heappush(self.heap, key)
        self.levels[key] = qty_lots

    def best(self) -> tuple[int, int] | None:
        """Price and quantity."""
        while self.heap and self.heap[0] not in self.levels:
            heappop(self.heap)
        return (self.sign * self.heap[0], self.levels[self.heap[0]]) if self.heap else None


def quotes_of(books: Mapping[str, np.ndarray], first: np.ndarray) -> dict[str, np.ndarray]:
    """Quotes by column: one after each update that leaves another best price or size, with the update's times.

    There is none while a side is empty, or the sides meet. books: levels as of `from_arrays`, all columns; first: bool[n], those that begin
    an update. About a second for a million levels.
    """
    starts = np.flatnonzero(first)
    ends = np.append(starts[1:], len(first))
    columns = [books[name].tolist() for name in ("instrument", "side", "px_ticks", "qty_lots", "snapshot")]
    sides: dict[int, tuple[_Side, _Side]] = {}
    told: dict[int, tuple[int, ...]] = {}
    found: list[tuple[int, ...]] = []
    for update in np.argsort(books["recv_ts_ns"][starts], kind="stable").tolist():
        row = int(starts[update])
        instrument = columns[0][row]
        if columns[4][row] or instrument not in sides:
            sides[instrument] = _Side(-1), _Side(1)
        bids, asks = sides[instrument]
        for _, side, px, qty, _ in zip(*(column[row : ends[update]] for column in columns), strict=True):
            (bids if side == _BUY else asks).put(px, qty)
        bid, ask = bids.best(), asks.best()
        if bid is not None and ask is not None and bid[0] < ask[0] and told.get(instrument) != (*bid, *ask):
            told[instrument] = (*bid, *ask)
            found.append((row, *bid, *ask))
    made = np.array(found, np.int64).reshape(-1, 5)
    names = ("bid_px_ticks", "bid_qty_lots", "ask_px_ticks", "ask_qty_lots")
    times = {name: books[name][made[:, 0]] for name in ("recv_ts_ns", "exch_ts_ns", "instrument")}
    return times | {name: np.ascontiguousarray(made[:, place]) for place, name in enumerate(names, 1)}
