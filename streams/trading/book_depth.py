"""What lies behind the touch on one side of an L2 book: depth over levels, and what an order of a size would take.

Each walks from the best level on: some 2 ns a level inside the window, a scan of the hash for each level beyond it.
"""

from streams.kernel import bit, ctz
from streams.trading.book_side import NONE, BookSide

__all__ = ["behind_tick_lots", "best_lots", "count_levels", "nth_key", "reachable_lots", "sweep_side"]


def best_lots(s: BookSide, n: int) -> int:
    """Lots of the `n` best levels, of all if there are fewer."""
    lots = 0
    key = s.best
    while n > 0 and key != NONE:
        lots += s.get(key)
        key = s.next_key(key)
        n -= 1
    return lots


def count_levels(s: BookSide) -> int:
    """Levels of a side."""
    n = s.far_count
    for w in range(s.occupied.n):
        m = s.occupied[w]
        while m != 0:
            m &= ~bit(ctz(m))
            n += 1
    return n


def nth_key(s: BookSide, n: int) -> int:
    """Key of the `n`-th best level, 1 = the touch, NONE if there are fewer. n >= 1."""
    key = s.best
    while n > 1 and key != NONE:
        key = s.next_key(key)
        n -= 1
    return key


def behind_tick_lots(s: BookSide, n: int) -> float:
    """Sum of lots x ticks behind the touch over the `n` best levels: divided by their lots, how far the average lot lies behind."""
    total = 0.0
    key = s.best
    while n > 0 and key != NONE:
        total += float(s.get(key)) * float(s.best - key)
        key = s.next_key(key)
        n -= 1
    return total


def reachable_lots(s: BookSide, limit_key: int) -> int:
    """Lots of all levels at `limit_key` and better."""
    lots = 0
    key = s.best
    while key != NONE and key >= limit_key:
        lots += s.get(key)
        key = s.next_key(key)
    return lots


def sweep_side(s: BookSide, qty_lots: int) -> "tuple[int, int, int]":
    """What an order of `qty_lots` takes from this side: lots, their price x lots, and the key of the last level, NONE if it takes none.

    The caller promises that price x lots stays below 2**62.
    """
    left = qty_lots
    tick_lots = 0
    last = NONE
    key = s.best
    while left > 0 and key != NONE:
        taken = min(left, s.get(key))
        left -= taken
        tick_lots += taken * abs(key)
        last = key
        key = s.next_key(key)
    return qty_lots - left, tick_lots, last
