"""Diffs held while a book awaits its snapshot: a ring of words, the oldest first."""

from streams.kernel import Struct, Table

__all__ = ["DIFF_WORDS", "HELD_LIMIT", "Held"]

HELD_LIMIT: int = 1_000
"""Diffs held at most; beyond it the oldest is given up (50 s of a busy stream). As in `streams.venues.binance.rules`."""
DIFF_WORDS: int = 6  # exch_ts_ns, first_seq, last_seq, prev_seq, bids, asks; then price and size of each level, x 10^9


class Held(Struct):
    """The diffs of one book. Size: `held` words, a power of two; a diff takes DIFF_WORDS and two a level.

    count      : diffs
    head, used : the first word of the oldest, and the words in use
    """

    count: int
    head: int
    used: int
    words: Table[int, "held"]

    def setup(self) -> None:
        """Check the size. Once, before anything else."""
        if self.words.n < 64 or self.words.n & (self.words.n - 1) != 0:
            raise ValueError("held: must be a power of two of at least 64 words")

    def clear(self) -> None:
        """Give up all of them."""
        self.count = 0
        self.head = 0
        self.used = 0

    def make_room(self, levels: int) -> int:
        """Give up the oldest until a diff of so many levels has room; how many that were. If it never has, all are given up."""
        need = DIFF_WORDS + 2 * levels
        given_up = 0
        while self.count > 0 and (self.count >= HELD_LIMIT or self.used + need > self.words.n):
            self.drop()
            given_up += 1
        return given_up

    def fits(self, levels: int) -> bool:
        """A diff of so many levels has room now."""
        return self.used + DIFF_WORDS + 2 * levels <= self.words.n

    def drop(self) -> None:
        """Forget the oldest."""
        size = self.size_at(self.head)
        self.head = self.head + size & self.words.n - 1
        self.used -= size
        self.count -= 1

    def put(self, word: int) -> None:
        """Add a word; the caller has made sure of the room."""
        self.words[self.head + self.used & self.words.n - 1] = word
        self.used += 1

    def word(self, place: int) -> int:
        """A word by its place, counted from the ring's first and any number of times around."""
        return self.words[place & self.words.n - 1]

    def size_at(self, place: int) -> int:
        """Words of the diff that begins there."""
        return DIFF_WORDS + 2 * (self.word(place + 4) + self.word(place + 5))
