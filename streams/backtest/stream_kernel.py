"""Market records in compiled code: what normalize makes of frames, laid one behind another (`Gather`); what a stream holds (`survey`)."""

from streams.kernel import Array, Struct, at, call2, call3, load_word, store_word
from streams.kernel.fault import FAULT
from streams.kernel.raw import load_half
from streams.schema.bulk_wire import size_at, varint
from streams.slots import KIND_FUNDING, KIND_LEVEL, LevelSlot

__all__ = [
    "DONE",
    "ENTRIES",
    "FAILED",
    "FULL",
    "PYTHON",
    "Gather",
    "gather",
    "gather_one",
    "halves",
    "set_now",
    "stamps",
    "survey",
    "words",
]

DONE, FULL, PYTHON, FAILED = range(4)
"""Why gathering stopped: at `last`; no room for a record; this frame is Python's to read; normalize failed at it."""

UNREAD = -1  # what normalize answers to a frame that it leaves to Python
WORD = 8
TS, RECV, INSTRUMENT = 16, 24, 32  # of a slot; its kind is the byte behind the instrument's four
LEVEL_BYTES: int = LevelSlot._size_
BEFORE_NAMES, NAMES = 5, 2  # fields of a book update, a trade and a quote before their exch_ts_ns: longs, then venue and symbol


class Gather(Struct):
    """What gathering works on; addresses are of memory that the caller keeps.

    market_take, market_next : entries of normalize; market, work: its state and scratch
    at, last                : row of the frame to be read next, the one to stop before
    in_frame                : 1 while a frame's records are made; made: kind of a record that has found no room yet, else 0
    made_slots, made_bytes, made_exch : where the scratch has the slots of the record made last, their bytes, the venue's time
    block, used, bytes      : where slots are laid, bytes laid, bytes of room
    start, size, stamp, rank, id : int64 a record, with room for `room`: address and bytes of its slots, the venue's time, rank of its
                              topic, id; records: how many there are
    ranks                   : by kind of slot the rank of its topic; -1 = the record is counted in `others` alone
    """

    market_take: int
    market_next: int
    market: int
    work: int
    at: int
    last: int
    in_frame: int
    made: int
    made_slots: int
    made_bytes: int
    made_exch: int
    block: int
    used: int
    bytes: int
    start: int
    size: int
    stamp: int
    rank: int
    id: int
    records: int
    room: int
    others: int
    ranks: Array[int, 32]

    def run(self) -> int:
        """Read frames until there is a reason to stop."""
        while True:
            if self.made != 0:
                if not self.lay(self.made, load_word(self.made_bytes), load_word(self.made_exch)):
                    return FULL
                self.made = 0
            elif self.in_frame != 0:
                made = call2(self.market_next, self.market, self.work)
                if made == FAULT:
                    return FAILED
                if made == 0:
                    self.in_frame = 0
                    self.at += 1
                self.made = made
            elif self.at < self.last:
                answer = call3(self.market_take, self.market, self.work, self.at)
                if answer == FAULT:
                    return FAILED
                if answer == UNREAD:
                    return PYTHON
                self.in_frame = 1
            else:
                return DONE

    def lay(self, kind: int, nbytes: int, exch_ts_ns: int) -> bool:
        """Copy the record made last; False if there is no room."""
        rank = self.ranks[kind]
        if rank < 0:
            self.others += 1
            return True
        if self.used + nbytes > self.bytes or self.records >= self.room:
            return False
        start = self.block + self.used
        for place in range(0, nbytes, WORD):
            store_word(start + place, load_word(self.made_slots + place))
        row = WORD * self.records
        store_word(self.start + row, start)
        store_word(self.size + row, nbytes)
        store_word(self.stamp + row, 0 if kind == KIND_FUNDING else exch_ts_ns)  # the record of a funding has no time of the venue
        store_word(self.rank + row, rank)
        store_word(self.id + row, load_word(start))
        self.used += nbytes
        self.records += 1
        return True


def gather(address: int) -> int:
    """Run the Gather at an address; why it stopped."""
    return at(Gather, address).run()


def gather_one(address: int, kind: int, nbytes: int, exch_ts_ns: int) -> int:
    """Lay one record whose slots stand in `made_slots`: 1, or 0 if there is no room."""
    return 1 if at(Gather, address).lay(kind, nbytes, exch_ts_ns) else 0


def survey(address: int, nbytes: int, recv: int, exch: int, n: int, venues: int, instruments: int, least: int, counts: int) -> int:
    """Look at n records (int64 columns): the least of `recv - exch` by venue, records by kind of slot, and at kind 0 levels.

    venues : int64, number of the venue by number of the instrument, `instruments` of them; records of others are counted only.
    least  : int64 by venue; it only descends. counts: int64[32], added to. The row of a record that is none, or n.
    """
    for i in range(n):
        slot, stamp = load_word(address + WORD * i), load_word(exch + WORD * i)
        kind = load_word(slot + INSTRUMENT) >> 32 & 255
        if kind > 31:
            return i
        store_word(counts + WORD * kind, load_word(counts + WORD * kind) + 1)
        if kind == KIND_LEVEL:
            store_word(counts, load_word(counts) + load_word(nbytes + WORD * i) // LEVEL_BYTES)
        instrument = load_half(slot + INSTRUMENT)
        if stamp != 0 and instrument >= 0 and instrument < instruments:
            place = least + WORD * load_word(venues + WORD * instrument)
            latency = load_word(recv + WORD * i) - stamp
            if latency < load_word(place):
                store_word(place, latency)
    return n


def stamps(address: int, n: int, header_bytes: int, out: int) -> int:
    """`exch_ts_ns` of n book updates, trades or quotes whose values stand at these addresses; 0 at address 0.

    A value is a header of so many bytes, then a body that is whole, in today's schema.
    """
    for i in range(n):
        p = load_word(address + WORD * i)
        found = 0
        if p != 0:
            p += header_bytes
            for _ in range(BEFORE_NAMES):
                found, p = varint(p)
            for _ in range(NAMES):
                size, p = size_at(p)
                p += size
            found, p = varint(p)
        store_word(out + WORD * i, found)
    return n


def set_now(address: int, nbytes: int, now: int, n: int) -> int:
    """Say in all slots of n records (int64 columns) that they were written at `now`."""
    for i in range(n):
        slot, ts_ns = load_word(address + WORD * i), load_word(now + WORD * i)
        if load_word(slot + INSTRUMENT) >> 32 & 255 == KIND_LEVEL:
            for place in range(0, load_word(nbytes + WORD * i), LEVEL_BYTES):
                store_word(slot + place + TS, ts_ns)
        else:
            store_word(slot + TS, ts_ns)
    return n


def words(address: int, n: int, out: int) -> int:
    """The eight bytes at each of n addresses; 0 at address 0."""
    for i in range(n):
        p = load_word(address + WORD * i)
        store_word(out + WORD * i, load_word(p) if p != 0 else 0)
    return n


def halves(address: int, n: int, out: int) -> int:
    """The four bytes at each of n addresses as a signed number."""
    for i in range(n):
        store_word(out + WORD * i, load_half(load_word(address + WORD * i)))
    return n


ENTRIES = {
    "gather": (gather, 1),
    "gather_one": (gather_one, 4),
    "survey": (survey, 9),
    "stamps": (stamps, 4),
    "set_now": (set_now, 4),
    "words": (words, 3),
    "halves": (halves, 3),
}
"""Entry points: name -> (function, number of arguments)."""
