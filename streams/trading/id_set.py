"""The execution ids of late: each venue execution is counted once, however often the venue or a restart repeats it."""

from streams.kernel import I32, Struct, Table, ctz, hash64

__all__ = ["IdKey", "IdSet"]


class IdKey(Struct):
    """Sixteen bytes of an id as two int64."""

    high: int
    low: int


class IdSet(Struct, align=64):
    """The last `executions` ids (a power of two); the oldest makes room for the next.

    count : ids ever added; the newest stands in ring slot (count - 1) mod size
    """

    count: int
    bits: int
    ring: Table[IdKey, "executions"]
    index: Table[I32, "2 * executions"]

    def setup(self) -> None:
        """Take the sizes from the tables. Once, before anything else."""
        if self.ring.n < 1 or self.ring.n & (self.ring.n - 1) != 0:
            raise ValueError("executions: must be a power of two")
        self.bits = ctz(self.index.n)

    def has(self, high: int, low: int) -> bool:
        """The id is among the last ones."""
        return self.index[self.entry(high, low)] != 0

    def add(self, high: int, low: int) -> bool:
        """True if the id was not among the last ones (it is now); False for a repeat, which changes nothing."""
        if self.has(high, low):
            return False
        r = self.count & (self.ring.n - 1)
        if self.count >= self.ring.n:
            self.remove(self.entry(self.ring[r].high, self.ring[r].low))
        j = self.entry(high, low)  # after the removal, which may have shifted the run
        self.ring[r].high = high
        self.ring[r].low = low
        self.index[j] = r + 1
        self.count += 1
        return True

    def hash(self, high: int, low: int) -> int:
        """Home entry of an id."""
        return hash64(hash64(high, 63) ^ low, self.bits)

    def entry(self, high: int, low: int) -> int:
        """Index entry of an id, or the free one where it would go."""
        j = self.hash(high, low)
        while self.index[j] != 0:
            k = self.ring[self.index[j] - 1]
            if k.high == high and k.low == low:
                break
            j = (j + 1) & (self.index.n - 1)
        return j

    def remove(self, j: int) -> None:
        """Free index entry `j` and shift the run behind it back."""
        mask = self.index.n - 1
        i = j
        while True:
            i = (i + 1) & mask
            if self.index[i] == 0:
                break
            k = self.ring[self.index[i] - 1]
            if ((i - self.hash(k.high, k.low)) & mask) >= ((i - j) & mask):
                self.index[j] = self.index[i]
                j = i
        self.index[j] = 0
