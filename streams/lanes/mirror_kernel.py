"""The compiled loops of the mirror: what a ring holds becomes values of topics, with the rolling hash over what processes wrote.

A value is the topic's header, given as a word of which `head_bytes` count, and the Avro body. Nothing is taken out of a ring here: slots
are read where they lie, and stay until the mirror commits them.
"""

from streams.kernel import Array, at, load_byte, load_word, store_byte, store_word
from streams.kernel.raw import load_half
from streams.lanes.fast_slots import KIND_CUT, KIND_RECORD, KIND_STAMPS, KIND_TAKEN, TAKEN_CONTROL
from streams.lanes.record_kernel import record_slots
from streams.schema import slots_out_kernel as slots
from streams.schema.blake2b import roll
from streams.schema.bulk_put import LONG_MAX, copy, put_bytes, put_long
from streams.schema.value_kernel import SlotValues
from streams.slots import KIND_COMMAND

__all__ = [
    "CONTROL",
    "DONE",
    "ENTRIES",
    "FRAME_BYTES",
    "FULL",
    "KIND_TICK",
    "MARKS",
    "MARK_WORDS",
    "REST",
    "STRANGE",
    "WAIT",
    "LaneWalk",
]

DONE, FULL, MARKS, REST, CONTROL, WAIT, STRANGE = range(7)
"""Why the walk stopped: at `last`; no room for a value; none for a mark; this output is Python's to write; behind a TAKEN that may change
names or instruments; before a TAKEN of what is not known yet; at a slot of a kind that no lane writes."""

MARK_WORDS = 6
"""Of a mark: kind, number of its slot, then of a tick id, ts_ns and twice 0, of a TAKEN or a cut ring, first, count and flags, else
0."""
KIND_TICK = 0
FRAME_BYTES = 12 * LONG_MAX + 32  # of a frame's value, without the payload and the venue's name
NO_ROOM = slots.FULL
WORD = 8
_TS, _KIND, _FLAGS, _NBYTES, _FIRST, _RING, _COUNT = 16, 36, 38, 40, 40, 56, 60


class LaneWalk(SlotValues):
    """A walk over the ring of a lane, and the values that it writes; addresses are of memory that the caller keeps.

    A kind without a program is none that a lane writes.

    data, mask, slot_bytes : of the ring
    at, last               : number of the slot to be read next, and of the one to stop before
    upto                   : by input, slots below are known: a TAKEN of others has to wait
    marks, marked, most    : what is no output, MARK_WORDS int64 each; how many there are, and how many there is room for
    now_ns                 : the largest time seen
    """

    data: int
    mask: int
    slot_bytes: int
    at: int
    last: int
    upto: Array[int, 4]
    marks: int
    marked: int
    most: int
    now_ns: int

    def run(self) -> int:
        """Go on until there is a reason to stop."""
        while self.at < self.last:
            slot = self.data + (self.at & self.mask) * self.slot_bytes
            kind = load_byte(slot + _KIND)
            if kind == KIND_STAMPS:
                self.at += 1
                continue
            if self.marked >= self.most:
                return MARKS
            if kind == KIND_TICK:
                self.mark(kind, load_word(slot), load_word(slot + _TS), 0, 0, 1)
                self.now_ns = max(self.now_ns, load_word(slot + _TS))
            elif kind == KIND_TAKEN:
                ring, first = load_half(slot + _RING), load_word(slot + _FIRST)
                count = load_half(slot + _COUNT)
                if ring < 0 or ring > 3:
                    return STRANGE
                if first + count > self.upto[ring]:
                    return WAIT
                self.mark(kind, ring, first, count, load_byte(slot + _FLAGS), 1)
                self.now_ns = max(self.now_ns, load_word(slot + _TS))
                if ring >= TAKEN_CONTROL:
                    return CONTROL
            elif kind == KIND_CUT:
                self.mark(kind, load_half(slot + _RING), load_word(slot + _FIRST), load_half(slot + _COUNT), 0, 1)
            elif kind == KIND_RECORD:
                self.mark(kind, 0, 0, 0, 0, record_slots(load_word(slot + _NBYTES)))
            elif kind == KIND_COMMAND:
                self.mark(kind, 0, 0, 0, 0, 1)
            elif kind > 31 or self.programs[kind] == 0:
                return STRANGE
            else:
                stop = self.write(slot, kind)
                if stop != DONE:
                    return stop
        return DONE

    def mark(self, kind: int, a: int, b: int, c: int, d: int, n: int) -> None:
        """Note a mark of `n` slots and go past it."""
        place = self.marks + WORD * MARK_WORDS * self.marked
        store_word(place, kind)
        store_word(place + WORD, self.at)
        store_word(place + 2 * WORD, a)
        store_word(place + 3 * WORD, b)
        store_word(place + 4 * WORD, c)
        store_word(place + 5 * WORD, d)
        self.marked += 1
        self.at += n

    def write(self, slot: int, kind: int) -> int:
        """Write the value of an output and go past it."""
        size = self.put(kind, slot)
        if size < 0:
            return FULL if size == NO_ROOM else REST
        self.at += 1
        return DONE


def lane_walk(address: int) -> int:
    """Run the LaneWalk at an address; why it stopped."""
    return at(LaneWalk, address).run()


def market_values(n: int, columns: int, bodies: int, heads: int, head_bytes: int, digest: int, out: int) -> int:
    """Put headers before n bodies, one value after the other, and roll the hash on; bytes written.

    columns : address of int64[4, n]: kind, where the body begins, its bytes; the last is filled with where the value begins
    heads   : by kind, the header as a word; 8 bytes are touched at each value's begin before its body is
    """
    step = WORD * n
    q = out
    for i in range(n):
        place = columns + WORD * i
        body, size = bodies + load_word(place + step), load_word(place + 2 * step)
        roll(digest, body, size)
        store_word(place + 3 * step, q - out)
        store_word(q, load_word(heads + WORD * load_word(place)))
        q = copy(q + head_bytes, body, size)
    return q - out


def frame_values(n: int, columns: int, run_id: int, venue: int, venue_bytes: int, head: int, head_bytes: int, out: int, starts: int) -> int:
    """The values of n frames of one feed, one after the other; bytes written.

    columns : address of int64[7, n]: id, ts_ns, recv_ts_ns, connection, source_seq, address and bytes of the payload
    venue   : address of its name as Avro has it; head: the header as a word; starts: where each value begins, filled
    """
    step = WORD * n
    q = out
    for i in range(n):
        place = columns + WORD * i
        store_word(starts + WORD * i, q - out)
        store_word(q, head)
        q = put_long(q + head_bytes, load_word(place))
        store_byte(q, 0)  # a frame has no cause
        q = put_long(put_long(put_long(q + 1, run_id), load_word(place + step)), load_word(place + 2 * step))
        q = copy(q, venue, venue_bytes)
        q = put_long(put_long(q, load_word(place + 3 * step)), load_word(place + 4 * step))
        q = put_bytes(q, load_word(place + 5 * step), load_word(place + 6 * step))
    return q - out


ENTRIES = {"lane_walk": (lane_walk, 1), "market_values": (market_values, 7), "frame_values": (frame_values, 9)}
