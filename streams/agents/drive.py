"""The loop that carries a process's inputs from memory to the bytes of its outputs: `drive` steps the node one input at a time, writes what
each caused as values of topics, and rolls the hash over them. A frame goes through normalize first: each record that it makes is written,
then given to the node, before the next is made.

It stops where it needs Python: an input that is none of the node's, a record that compiled code does not write, or no room left. Called
again, it goes on where it stopped.
"""

from streams.kernel import Array, at, call1, call2, call3, call4, load_byte, load_word, store_word
from streams.kernel.fault import FAULT
from streams.schema import slots_out_kernel as slots
from streams.schema.value_kernel import SlotValues

__all__ = ["DONE", "ENTRIES", "FAILED", "FRAME", "FULL", "PYTHON", "REST", "REST_MARKET", "Drive"]

DONE, FULL, REST, REST_MARKET, PYTHON, FAILED = range(6)
"""Why the loop stopped: at `last`; no room for a value; this output of the node, or of normalize, is Python's to write; this input is
Python's to carry; the node or normalize failed at it."""

FRAME = -1  # bytes of an input that is a frame: its place in the queue is its row in the columns of frames
NO_ROOM = slots.FULL
UNREAD = -1  # what normalize answers to a frame that it leaves to Python
WORD = 8


class Drive(SlotValues):
    """What the loop works on, and the values that it writes; addresses are of memory that the caller keeps.

    step, empty             : entries of the node; node: its address
    count, kinds, rows      : where the node's outbox keeps them (`streams.agents.outbox`); without a node count is the address of a zero
    bases, sizes            : by kind, where its slots lie and how large one is
    inputs, input_bytes     : int64 an input: address of its slots, 0 = Python's to carry; and their size, or FRAME
    at, last, used          : input to be carried next, the one to stop before; bytes of slots that the node took already
    entry                   : entries of the outbox that have been written
    market_take, market_next, market_write : entries of normalize; market, work: its state and scratch
    made_id, made_bytes     : where the scratch has the id of the record made last, and the bytes of its slots
    made_slots              : address of its slots; 0: nobody wants them
    in_frame                : 1 while a frame's records are made; made: kind of the record made last until it is written, else 0
    left                    : bytes of its slots that the node has still to take
    """

    step: int
    empty: int
    node: int
    count: int
    kinds: int
    rows: int
    bases: Array[int, 32]
    sizes: Array[int, 32]
    inputs: int
    input_bytes: int
    at: int
    last: int
    used: int
    entry: int
    in_frame: int
    made: int
    left: int
    market_take: int
    market_next: int
    market_write: int
    market: int
    work: int
    made_id: int
    made_bytes: int
    made_slots: int

    def run(self) -> int:
        """Carry inputs until there is a reason to stop."""
        stop = self.write_all()
        while stop == DONE:
            if self.left > 0:
                stop = self.feed()
            elif self.in_frame != 0:
                stop = self.make()
            elif self.at < self.last:
                stop = self.take()
            else:
                return DONE
            if stop == DONE:
                stop = self.write_all()
        return stop

    def take(self) -> int:
        """Give the node its input, or the rest of it, or normalize a frame."""
        address, nbytes = load_word(self.inputs + WORD * self.at), load_word(self.input_bytes + WORD * self.at)
        if address == 0:
            return PYTHON
        if nbytes == FRAME:
            answer = call3(self.market_take, self.market, self.work, self.at)
            if answer == FAULT:
                return FAILED
            if answer == UNREAD:
                return PYTHON
            self.in_frame = 1
            return DONE
        taken = call3(self.step, self.node, address + self.used, nbytes - self.used)
        if taken == FAULT:
            return FAILED
        self.used += taken
        if self.used >= nbytes:  # else the outbox must be emptied first
            self.used = 0
            self.at += 1
        return DONE

    def make(self) -> int:
        """Make the next record of a frame, if that has not been done, and write it; the node is to take it then."""
        if self.made == 0:
            kind = call2(self.market_next, self.market, self.work)
            if kind == FAULT:
                return FAILED
            if kind == 0:
                self.in_frame = 0
                self.at += 1
                return DONE
            self.made = kind
        if self.full():
            return FULL
        value = self.buffer + self.filled
        body = value + self.head_bytes
        store_word(value, self.heads[self.made])
        size = call4(self.market_write, self.work, self.run_id, body, self.bytes - self.filled - self.head_bytes)
        if size == FAULT:
            return FAILED
        if size < 0:
            return FULL if size == NO_ROOM else REST_MARKET
        self.note(self.topics[self.made], load_word(self.made_id), body, size)
        self.made_written()
        return DONE

    def made_written(self) -> None:
        """The record made last has been written."""
        self.made = 0
        if self.made_slots != 0:
            self.left = load_word(self.made_bytes)

    def feed(self) -> int:
        """Give the node the slots of the record made last, or the rest of them."""
        taken = call3(self.step, self.node, self.made_slots + load_word(self.made_bytes) - self.left, self.left)
        if taken == FAULT:
            return FAILED
        self.left -= taken
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
            self.entry += 1
        self.entry = 0
        call1(self.empty, self.node)
        return DONE

    def write(self) -> int:
        """Write the next entry of the outbox."""
        kind = load_byte(self.kinds + self.entry)
        row = load_word(self.rows + 4 * self.entry) & 0xFFFFFFFF
        size = self.put(kind, self.bases[kind] + self.sizes[kind] * row)
        if size < 0:
            return FULL if size == NO_ROOM else REST
        return DONE


def drive(address: int) -> int:
    """Run the Drive at an address; why it stopped."""
    return at(Drive, address).run()


ENTRIES = {"drive": (drive, 1)}
"""Entry points: name -> (function, number of arguments)."""
