"""One side of an L2 book: a dense window of ticks with an occupancy bitmap, and a hash for the levels far from the touch.

A bid is keyed by its tick, an ask by minus its tick: both sides are one case, and the best level is the largest key. The window is
re-centred when the touch nears one of its ends; levels that leave it move to the hash, levels that enter it come back.
"""

from streams.kernel import Struct, Table, below, bit, clz, ctz, hash64

__all__ = ["NONE", "BookSide", "FarLevel"]

NONE: int = -(1 << 40)  # no level: below every key, and small enough for sums and differences of keys not to overflow


class FarLevel(Struct):
    """A slot of the hash of far levels.

    key      : |key| < 2**38
    qty_lots : 0 = the slot is free
    """

    key: int
    qty_lots: int


class BookSide(Struct, align=64):
    """One side of a book. Sizes: `window` ticks (a power of two, at least 128) and `far` hash slots (a power of two).

    best  : largest occupied key, NONE if the side is empty
    low   : first key of the window, a multiple of 64
    lost  : levels that were not stored because the hash was full (7 of 8 slots taken); 0 in good health
    moves : how often the window was re-centred
    """

    best: int = NONE
    low: int = NONE
    far_count: int
    lost: int
    moves: int
    width: int
    far_bits: int
    margin: int
    occupied: Table[int, "window // 64"]
    qty_lots: Table[int, "window"]
    far: Table[FarLevel, "far"]

    def setup(self) -> None:
        """Take the sizes from the tables. Once, before anything else."""
        if self.qty_lots.n < 128 or self.qty_lots.n & (self.qty_lots.n - 1) != 0:
            raise ValueError("book window: must be a power of two of at least 128 ticks: its first key is a multiple of 64")
        if self.far.n < 8 or self.far.n & (self.far.n - 1) != 0:
            raise ValueError("book far: must be a power of two of at least 8 slots")
        self.width = self.qty_lots.n
        self.margin = self.width >> 3
        self.far_bits = ctz(self.far.n)

    def clear(self) -> None:
        """Remove every level; the counters stay."""
        for w in range(self.occupied.n):
            m = self.occupied[w]
            while m != 0:
                z = ctz(m)
                m &= ~bit(z)
                self.qty_lots[w * 64 + z] = 0
            self.occupied[w] = 0
        if self.far_count > 0:
            for j in range(self.far.n):
                self.far[j].qty_lots = 0
        self.far_count = 0
        self.best = NONE
        self.low = NONE

    def put(self, key: int, qty_lots: int) -> None:
        """Set the quantity of a level, 0 removes it. |key| < 2**38, 0 <= qty_lots < 2**52."""
        if (key - self.low) & -self.width != 0:  # not in the window, in one comparison: the width is a power of two
            if qty_lots == 0 or key < self.best:  # the best level is always inside the window
                self.far_put(key, qty_lots)
                return
            self.center(key)  # first, so that a full hash cannot lose the touch
            self.best = key
        i = key & (self.width - 1)
        self.qty_lots[i] = qty_lots
        there = -1 if qty_lots != 0 else 0  # a mask, no branch: whether a level comes or goes cannot be predicted
        self.occupied[i >> 6] = (self.occupied[i >> 6] & ~bit(i & 63)) | (bit(i & 63) & there)
        if key >= self.best:
            self.touched(key, qty_lots)

    def touched(self, key: int, qty_lots: int) -> None:
        """The best level changed, or one above it was set or removed."""
        if qty_lots == 0:
            if key == self.best:
                self.fall(key)
        else:
            self.best = key
            if key - self.low >= self.width - self.margin:
                self.center(key)

    def get(self, key: int) -> int:
        """Quantity of a level in lots, 0 if there is none."""
        d = key - self.low
        if d >= 0 and d < self.width:
            return self.qty_lots[key & (self.width - 1)]
        j = self.far_find(key)
        return self.far[j].qty_lots if j >= 0 else 0

    def next_near(self, key: int) -> int:
        """Largest occupied key under `key` inside the window, NONE if none."""
        key -= 1
        if key < self.low:
            return NONE
        if key >= self.low + self.width:
            key = self.low + self.width - 1
        i = key & (self.width - 1)
        w = i >> 6
        m = self.occupied[w] & (below(i & 63) | bit(i & 63))
        start = key - (key & 63)
        while m == 0:
            start -= 64
            if start < self.low:
                return NONE
            w = (w - 1) & (self.occupied.n - 1)
            m = self.occupied[w]
        return start + 63 - clz(m)

    def next_key(self, key: int) -> int:
        """Largest occupied key under `key`, NONE if none. Beyond the window it scans the hash: slow, and rare."""
        n = self.next_near(key)
        if n == NONE and self.far_count > 0:
            for j in range(self.far.n):
                k = self.far[j].key
                if self.far[j].qty_lots != 0 and k > n and k < key:
                    n = k
        return n

    def fall(self, key: int) -> None:
        """The best level went away: find the next one."""
        n = self.next_key(key)
        self.best = n
        if n != NONE and n - self.low < self.margin:
            self.center(n)

    def center(self, key: int) -> None:
        """Move the window so that `key` is in its middle; exchange levels with the hash."""
        old = self.low
        low = (key - self.width // 2) & ~63
        self.moves += 1
        if old != NONE:
            for w in range(self.occupied.n):
                a = old + w * 64
                if a < low or a >= low + self.width:
                    self.push_out(a)
        self.low = low
        self.pull_in()

    def push_out(self, first: int) -> None:
        """Move the 64 keys from `first` on from the window to the hash."""
        w = (first & (self.width - 1)) >> 6
        m = self.occupied[w]
        while m != 0:
            z = 63 - clz(m)  # best first: what a full hash loses is the farthest
            m &= ~bit(z)
            i = (first + z) & (self.width - 1)
            self.far_put(first + z, self.qty_lots[i])
            self.qty_lots[i] = 0
        self.occupied[w] = 0

    def pull_in(self) -> None:
        """Move the levels that are inside the window now from the hash to it."""
        j = 0
        while j < self.far.n:
            k = self.far[j].key
            if self.far[j].qty_lots != 0 and k >= self.low and k < self.low + self.width:
                i = k & (self.width - 1)
                self.qty_lots[i] = self.far[j].qty_lots
                self.occupied[i >> 6] |= bit(i & 63)
                self.far_del(j)  # moves later slots back: look at the same slot again
            else:
                j += 1

    def far_find(self, key: int) -> int:
        """Hash slot of a far level, -1 if none."""
        j = hash64(key, self.far_bits)
        while self.far[j].qty_lots != 0:
            if self.far[j].key == key:
                return j
            j = (j + 1) & (self.far.n - 1)
        return -1

    def far_put(self, key: int, qty_lots: int) -> None:
        """Set the quantity of a far level, 0 removes it."""
        j = hash64(key, self.far_bits)
        while self.far[j].qty_lots != 0:
            if self.far[j].key == key:
                if qty_lots != 0:
                    self.far[j].qty_lots = qty_lots
                else:
                    self.far_del(j)
                return
            j = (j + 1) & (self.far.n - 1)
        if qty_lots != 0:
            if self.far_count >= self.far.n - self.far.n // 8:
                self.lost += 1
                return
            self.far[j].key = key
            self.far[j].qty_lots = qty_lots
            self.far_count += 1

    def far_del(self, j: int) -> None:
        """Free hash slot `j` and shift the run behind it back, so that no tombstones gather."""
        self.far_count -= 1
        i = j
        while True:
            i = (i + 1) & (self.far.n - 1)
            if self.far[i].qty_lots == 0:
                break
            h = hash64(self.far[i].key, self.far_bits)
            if ((i - h) & (self.far.n - 1)) >= ((i - j) & (self.far.n - 1)):
                self.far[j].key = self.far[i].key
                self.far[j].qty_lots = self.far[i].qty_lots
                j = i
        self.far[j].qty_lots = 0
