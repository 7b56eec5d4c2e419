"""A gateway's way through its lane's ring, in compiled code: the requests in it, each with the stamps that stand before it."""

from streams.kernel import Struct, at, store_word
from streams.lanes.fast_slots import KIND_RECORD, KIND_STAMPS, RecordSlot, StampSlot
from streams.lanes.record_kernel import record_slots
from streams.lanes.ring_kernel import RingReader, copy_words
from streams.slots import KIND_REQUEST, RequestSlot, Slot

__all__ = ["ENTRIES", "REQUEST_NBYTES", "RequestWalk", "walk_requests"]

REQUEST_NBYTES = RequestSlot._size_


class RequestWalk(Struct, align=64):
    """Where a gateway is between two calls. wire_ns, checked_ns: of the last StampSlot, monotonic; 0 = none yet."""

    wire_ns: int
    checked_ns: int


def walk_requests(walk: int, reader: int, most: int, out: int, slots: int) -> int:
    """Go past what is there, up to `most` requests; how many. The reader stands behind the last one.

    out: for each three words: number of its slot, wire_ns, checked_ns; slots: for each REQUEST_NBYTES, as RequestSlot
    """
    w, r = at(RequestWalk, walk), at(RingReader, reader)
    found, ready = 0, r.poll()
    while found < most and ready > 0:
        address = r.slot(r.next)
        kind, n = at(Slot, address).kind, 1
        if kind == KIND_STAMPS:
            stamps = at(StampSlot, address)
            w.wire_ns = stamps.wire_ns
            w.checked_ns = stamps.checked_ns
        elif kind == KIND_REQUEST:
            store_word(out + 24 * found, r.next)
            store_word(out + 24 * found + 8, w.wire_ns)
            store_word(out + 24 * found + 16, w.checked_ns)
            copy_words(address, slots + REQUEST_NBYTES * found, REQUEST_NBYTES)
            found += 1
        elif kind == KIND_RECORD:
            n = record_slots(at(RecordSlot, address).payload_nbytes)
        r.next += n
        ready -= n
        if ready <= 0:
            ready = r.poll()
    return found


ENTRIES = {"walk_requests": (walk_requests, 5)}
