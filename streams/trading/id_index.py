"""From an id to a slot of a pool: open addressing, linear probing, deletion by shifting back (no tombstones, so it never slows down)."""

from streams.kernel import Struct, Table, addr_of, ctz, hash64, prefetch

__all__ = ["IdEntry", "IdIndex"]


class IdEntry(Struct):
    """slot : pool slot + 1, 0 = free entry."""

    key: int
    slot: int


class IdIndex(Struct):
    """Index of a pool of `orders` slots (a power of two); it has twice as many entries."""

    bits: int
    entries: Table[IdEntry, "2 * orders"]

    def setup(self) -> None:
        """Take the size from the table. Once, before anything else."""
        if self.entries.n < 2 or self.entries.n & (self.entries.n - 1) != 0:
            raise ValueError("order index: the number of orders must be a power of two")
        self.bits = ctz(self.entries.n)

    def find(self, key: int) -> int:
        """Pool slot of an id, -1 if it is unknown."""
        j = hash64(key, self.bits)
        while self.entries[j].slot != 0:
            if self.entries[j].key == key:
                return self.entries[j].slot - 1
            j = (j + 1) & (self.entries.n - 1)
        return -1

    def expect(self, key: int) -> None:
        """An id will be looked up soon: its entry is asked for, so that it is there by then. Changes nothing."""
        prefetch(addr_of(self.entries[hash64(key, self.bits)]))

    def put(self, key: int, slot: int) -> None:
        """Remember an id. It must not be there yet, and at most half of the entries may be in use."""
        j = hash64(key, self.bits)
        while self.entries[j].slot != 0:
            j = (j + 1) & (self.entries.n - 1)
        self.entries[j].key = key
        self.entries[j].slot = slot + 1

    def entry_of(self, key: int) -> int:
        """The entry that holds an id or, if it is unknown, the free one where it would stand (`slot` 0). Valid until the next change."""
        j = hash64(key, self.bits)
        while self.entries[j].slot != 0 and self.entries[j].key != key:
            j = (j + 1) & (self.entries.n - 1)
        return j

    def remove(self, key: int) -> bool:
        """Forget an id; False if it was unknown."""
        j = self.entry_of(key)
        if self.entries[j].slot == 0:
            return False
        self.remove_entry(j)
        return True

    def remove_entry(self, j: int) -> None:
        """Free entry `j`, which is in use, and shift the run behind it back."""
        mask = self.entries.n - 1
        i = j
        while True:
            i = (i + 1) & mask
            if self.entries[i].slot == 0:
                break
            h = hash64(self.entries[i].key, self.bits)
            if ((i - h) & mask) >= ((i - j) & mask):
                self.entries[j].key = self.entries[i].key
                self.entries[j].slot = self.entries[i].slot
                j = i
        self.entries[j].slot = 0
