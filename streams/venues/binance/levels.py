"""The book of one symbol in plain Python: levels by price, best prices at hand. For checking and for normalising, not for trading."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from typing import NamedTuple

__all__ = ["Levels", "Touch"]


class Touch(NamedTuple):
    """Best bid and best ask of a book that has both."""

    bid_px_e9: int
    bid_qty_e9: int
    ask_px_e9: int
    ask_qty_e9: int


class Levels:
    """Both sides of a book, price -> quantity, quantities above 0.

    A change costs one dictionary write; a new price also a push on the side's heap. Prices that left the book leave the heap when they
    come to its top, so that `touch` is amortised O(log n).
    """

    __slots__ = ("_ask_heap", "_bid_heap", "asks", "bids")

    def __init__(self) -> None:
        self.bids: dict[int, int] = {}
        self.asks: dict[int, int] = {}
        self._bid_heap: list[int] = []  # negated prices
        self._ask_heap: list[int] = []

    def replace(self, bids: Iterable[tuple[int, int]], asks: Iterable[tuple[int, int]]) -> None:
        """Forget every level and take these."""
        self.bids = {px: qty for px, qty in bids if qty}
        self.asks = {px: qty for px, qty in asks if qty}
        self._rebuild()

    def apply(self, bids: Iterable[tuple[int, int]], asks: Iterable[tuple[int, int]]) -> None:
        """Set levels to new quantities; 0 removes one, and removing what is not there is normal."""
        side, heap = self.bids, self._bid_heap
        for px, qty in bids:
            if qty:
                if px not in side:
                    heappush(heap, -px)
                side[px] = qty
            else:
                side.pop(px, None)
        side, heap = self.asks, self._ask_heap
        for px, qty in asks:
            if qty:
                if px not in side:
                    heappush(heap, px)
                side[px] = qty
            else:
                side.pop(px, None)
        if len(self._bid_heap) > 2 * len(self.bids) + 1_000 or len(self._ask_heap) > 2 * len(self.asks) + 1_000:
            self._rebuild()

    def touch(self) -> Touch | None:
        """Best bid and ask with their quantities, or None if a side is empty."""
        bids, asks, bid_heap, ask_heap = self.bids, self.asks, self._bid_heap, self._ask_heap
        while bid_heap and -bid_heap[0] not in bids:
            heappop(bid_heap)
        while ask_heap and ask_heap[0] not in asks:
            heappop(ask_heap)
        if not bid_heap or not ask_heap:
            return None
        bid, ask = -bid_heap[0], ask_heap[0]
        return Touch(bid, bids[bid], ask, asks[ask])

    def _rebuild(self) -> None:
        self._bid_heap = [-px for px in self.bids]
        self._ask_heap = list(self.asks)
        heapify(self._bid_heap)
        heapify(self._ask_heap)
