"""Slots written as the values of topics, one after the other, with the hash rolled over their bodies: what compiled loops share."""

from streams.kernel import Array, Struct, load_word, store_word
from streams.schema.blake2b import roll
from streams.schema.slots_out_kernel import FULL, write_slot

__all__ = ["SlotValues"]

WORD = 8


class SlotValues(Struct):
    """Values, and how slots become some; addresses are of memory that the caller keeps. A loop that writes values begins with these fields.

    programs, topics, heads : by kind, how it is written, the topic's number, the value's header as a word; head_bytes: 0 to 8
    run_id                  : of the run
    topic, id, start, size  : int64 a value; noted: values there are, room: values there is room for
    buffer, filled, bytes   : where values are written, bytes they have, bytes there is room for
    digest                  : the rolling hash, and what `roll` needs
    """

    programs: Array[int, 32]
    topics: Array[int, 32]
    heads: Array[int, 32]
    head_bytes: int
    run_id: int
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

    def full(self) -> bool:
        """Whether there is no room for another value, or for its header."""
        return self.noted >= self.room or self.bytes - self.filled < WORD

    def put(self, kind: int, slot: int) -> int:
        """Write the value of a slot; the bytes of its body. FULL: there is no room; otherwise below 0: it is Python's to write."""
        if self.full():
            return FULL
        value = self.buffer + self.filled
        body = value + self.head_bytes
        store_word(value, self.heads[kind])
        size = write_slot(self.programs[kind], slot, self.run_id, body, self.bytes - self.filled - self.head_bytes)
        if size >= 0:
            self.note(self.topics[kind], load_word(slot), body, size)
        return size

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
