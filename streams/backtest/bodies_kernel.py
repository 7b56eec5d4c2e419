"""The loop from slots to Avro bodies by kind of record, with the rolling hash over them in the order of the slots: `write_bodies`."""

from streams.kernel import Array, Struct, at, load_byte, load_word, store_word
from streams.schema.blake2b import roll
from streams.schema.slots_out_kernel import FULL as NO_ROOM
from streams.schema.slots_out_kernel import write_slot

__all__ = ["DONE", "ENTRIES", "FULL", "KINDS", "REST", "BodyWork"]

DONE, FULL, REST = range(3)
"""Why the loop stopped: at `last`; no room for a body of this kind; this record is Python's to write."""

KINDS = 32  # of slots, at most
WORD = 8


class BodyWork(Struct):
    """What the loop works on; addresses are of memory that the caller keeps.

    kinds, slots : a byte and an int64 a record: its kind (0 to KINDS - 1) and the address of its slot
    next, last   : record to be written next, the one to stop before
    run_id       : that the bodies have
    digest       : address of the rolling hash (`blake2b.roll`); 0 = none is wanted
    programs     : by kind, how it is written (`slots_out.SlotWriter`); 0 = by Python
    out, filled, room   : by kind, where its bodies are written one after the other, bytes there are, bytes there is room for
    starts, count, most : by kind, an int64 a body and one more: where it begins, the last one ends; bodies there are and room is for
    places, before      : by kind, an int64 a body: its place in the order of all; records there were before the first of these
    """

    kinds: int
    slots: int
    next: int
    last: int
    run_id: int
    digest: int
    programs: Array[int, 32]
    out: Array[int, 32]
    filled: Array[int, 32]
    room: Array[int, 32]
    starts: Array[int, 32]
    count: Array[int, 32]
    most: Array[int, 32]
    places: Array[int, 32]
    before: int

    def run(self) -> int:
        """Write records until there is a reason to stop."""
        while self.next < self.last:
            kind = load_byte(self.kinds + self.next)
            if self.programs[kind] == 0:
                return REST
            if self.count[kind] >= self.most[kind]:
                return FULL
            body = self.out[kind] + self.filled[kind]
            slot = load_word(self.slots + WORD * self.next)
            size = write_slot(self.programs[kind], slot, self.run_id, body, self.room[kind] - self.filled[kind])
            if size < 0:
                return FULL if size == NO_ROOM else REST
            if self.digest != 0:
                roll(self.digest, body, size)
            store_word(self.places[kind] + WORD * self.count[kind], self.before + self.next)
            self.filled[kind] += size
            self.count[kind] += 1
            store_word(self.starts[kind] + WORD * self.count[kind], self.filled[kind])
            self.next += 1
        return DONE


def write_bodies(address: int) -> int:
    """Run the BodyWork at an address; why it stopped."""
    return at(BodyWork, address).run()


ENTRIES = {"write_bodies": (write_bodies, 1)}
"""Entry points: name -> (function, number of arguments)."""
