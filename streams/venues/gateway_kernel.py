"""A gateway's way through its lane's ring, in compiled code: the requests in it, each with its stamps, and all in the venue's words."""

from streams.kernel import Struct, at, load_word, store_word
from streams.lanes.fast_slots import KIND_RECORD, KIND_STAMPS, RecordSlot, StampSlot
from streams.lanes.record_kernel import record_slots
from streams.lanes.ring_kernel import RingReader, copy_words
from streams.slots import KIND_REQUEST, RequestSlot, Slot
from streams.venues.sim.request_kernel import write_requests

__all__ = ["ENTRIES", "REQUEST_NBYTES", "ROW_WORDS", "RequestWalk", "walk_requests"]

REQUEST_NBYTES = RequestSlot._size_
ROW_WORDS = 3


class RequestWalk(Struct, align=64):
    """Where a gateway is between two calls, and where it puts what it finds.

    wire_ns, checked_ns : of the last StampSlot, monotonic; 0 = none yet
    most     : requests of a call
    rows     : for each ROW_WORDS: number of its slot, wire_ns, checked_ns; then one word: bytes of all texts
    slots    : for each REQUEST_NBYTES, as RequestSlot
    tables, texts, room, starts : as of `request_kernel.write_requests`
    """

    wire_ns: int
    checked_ns: int
    most: int
    rows: int
    slots: int
    tables: int
    texts: int
    room: int
    starts: int


def walk_requests(walk: int, reader: int) -> int:
    """Go past what is there, up to `most` requests; how many. The reader stands behind the last one.

    Bytes of all texts: with a newline behind each; 0 if one could not be written.
    """
    w, r = at(RequestWalk, walk), at(RingReader, reader)
    found, ready = 0, r.poll()
    while found < w.most and ready > 0:
        address = r.slot(r.next)
        kind, n = at(Slot, address).kind, 1
        if kind == KIND_STAMPS:
            stamps = at(StampSlot, address)
            w.wire_ns = stamps.wire_ns
            w.checked_ns = stamps.checked_ns
        elif kind == KIND_REQUEST:
            row = w.rows + 8 * ROW_WORDS * found
            store_word(row, r.next)
            store_word(row + 8, w.wire_ns)
            store_word(row + 16, w.checked_ns)
            copy_words(address, w.slots + REQUEST_NBYTES * found, REQUEST_NBYTES)
            found += 1
        elif kind == KIND_RECORD:
            n = record_slots(at(RecordSlot, address).payload_nbytes)
        r.next += n
        ready -= n
        if ready <= 0:
            ready = r.poll()
    nbytes = 0
    if found > 0 and write_requests(w.tables, w.slots, REQUEST_NBYTES, found, w.texts, w.room, w.starts) == found:
        nbytes = load_word(w.starts + 8 * found)
    store_word(w.rows + 8 * ROW_WORDS * found, nbytes)
    return found


ENTRIES = {"walk_requests": (walk_requests, 2)}
