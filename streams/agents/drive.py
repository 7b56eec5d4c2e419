"""The loop that carries a process's inputs from memory to the bytes of its outputs: `drive` steps the node one input at a time, writes what
each caused as values of topics, and rolls the hash over them.

It stops where it needs Python: an input that is none of the node's, a record that compiled code does not write, or no room left. Called
again, it goes on where it stopped.
"""

from streams.kernel import Array, Struct, at, call1, call3, load_byte, load_word, store_word
from streams.kernel.fault import FAULT
from streams.schema import slots_out_kernel as slots
from streams.schema.blake2b import roll
from streams.schema.slots_out_kernel import write_slot

__all__ = ["DONE", "ENTRIES", "FAILED", "FULL", "PYTHON", "REST", "Drive"]

DONE, FULL, REST, PYTHON, FAILED = range(5)
"""Why the loop stopped: at `last`; no room for a value; this output is Python's to write; this input is; the node failed at it."""

NO_ROOM = slots.FULL
WORD = 8


class Drive(Struct):
    """What the loop works on; addresses are of memory that the caller keeps.

    step, empty             : entries of the node; node: its address
    count, kinds, rows      : where the node's outbox keeps them (`streams.agents.outbox`)
    bases, sizes            : by kind, where its slots lie and how large one is
    programs, topics, heads : by kind, how it is written, the topic's number, the value's header as a word; head_bytes: 0 to 8
    run_id                  : of the run
    inputs, input_bytes     : int64 an input: address of its slots, 0 = Python's to carry; and their size
    at, last, used          : input to be carried next, the one to stop before; bytes of it that the node took already
    entry                   : entries of the outbox that have been written
    topic, id, start, size  : int64 a value; noted: values there are, room: values there is room for
    buffer, filled, bytes   : where values are written, bytes they have, bytes there is room for
    digest                  : the rolling hash, and what `roll` needs
    """

    step: int
    empty: int
    node: int
    count: int
    kinds: int
    rows: int
    bases: Array[int, 32]
    sizes: Array[int, 32]
    programs: Array[int, 32]
    topics: Array[int, 32]
    heads: Array[int, 32]
    head_bytes: int
    run_id: int
    inputs: int
    input_bytes: int
    at: int
    last: int
    used: int
    entry: int
    topic: int
    id: int
    start: int
    size: int
    noted: int
    room: int
    buffer: int
    filled: int
    bytes: int
    digest: int

    def run(self) -> int:
        """Carry inputs until there is a reason to stop."""
        while True:
            stop = self.write_all()
            if stop != DONE:
                return stop
            if self.at >= self.last:
                return DONE
            stop = self.take()
            if stop != DONE:
                return stop

    def take(self) -> int:
        """Give the node its input, or the rest of it."""
        address = load_word(self.inputs + WORD * self.at)
        if address == 0:
            return PYTHON
        left = load_word(self.input_bytes + WORD * self.at) - self.used
        taken = call3(self.step, self.node, address + self.used, left)
        if taken == FAULT:
            return FAILED
        if taken < left:  # the outbox must be emptied first
            self.used += taken
        else:
            self.used = 0
            self.at += 1
        return DONE

    def write_all(self) -> int:
        """Write what the outbox holds, and empty it."""
        count = load_word(self.count)
        if count == 0:
            return DONE
        while self.entry < count:
            stop = self.write()
            if stop != DONE:
                return stop
        self.entry = 0
        call1(self.empty, self.node)
        return DONE

    def write(self) -> int:
        """Write the next entry of the outbox."""
        if self.noted >= self.room or self.bytes - self.filled < WORD:
            return FULL
        kind = load_byte(self.kinds + self.entry)
        row = load_word(self.rows + 4 * self.entry) & 0xFFFFFFFF
        slot = self.bases[kind] + self.sizes[kind] * row
        value = self.buffer + self.filled
        body = value + self.head_bytes
        store_word(value, self.heads[kind])
        size = write_slot(self.programs[kind], slot, self.run_id, body, self.bytes - self.filled - self.head_bytes)
        if size < 0:
            return FULL if size == NO_ROOM else REST
        self.note(self.topics[kind], load_word(slot), body, size)
        return DONE

    def note(self, topic: int, id: int, body: int, size: int) -> None:
        """Count a value whose body has been written behind its header."""
        roll(self.digest, body, size)
        place = WORD * self.noted
        store_word(self.topic + place, topic)
        store_word(self.id + place, id)
        store_word(self.start + place, self.filled)
        store_word(self.size + place, self.head_bytes + size)
        self.filled += self.head_bytes + size
        self.noted += 1
        self.entry += 1


def drive(address: int) -> int:
    """Run the Drive at an address; why it stopped."""
    return at(Drive, address).run()


ENTRIES = {"drive": (drive, 1)}
"""Entry points: name -> (function, number of arguments)."""
