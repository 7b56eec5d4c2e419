"""Whole records of bytes in a ring, as compiled loops write and walk them.

A record is a RecordSlot, in which its payload begins, and as many slots after it as the payload needs; they are claimed and published at
once, so a reader never sees a part. Slots are mapped twice in a row: a payload is contiguous, and read in place.
"""

from streams.agents.copying import copy_slot
from streams.kernel import at
from streams.kernel.raw import load_half, load_word, store_word
from streams.lanes.fast_slots import KIND_RECORD, PAYLOAD
from streams.lanes.ring_kernel import RingReader, RingWriter
from streams.slots import FLAG_LAST

__all__ = ["COLUMNS", "ENTRIES", "NO_ROOM", "TOO_LARGE", "put_record", "record_slots", "walk_records"]

NO_ROOM, TOO_LARGE = -1, -2
COLUMNS = ("number", "id", "cause_id", "ts_ns", "recv_ts_ns", "topic", "partition", "offset", "a", "b", "address", "nbytes")
"""What `walk_records` gives of each record, a column of int64 each. number: of its first slot; address: of its payload."""

_SLOT = 256
_WORD = 8
_LOW = 0xFFFFFFFF
_HEAD = _LOW | KIND_RECORD << 32 | 0xFF << 40 | FLAG_LAST << 48  # instrument -1, kind, side -1, flags, spare
_CAUSE, _TS, _RECV, _KIND, _NBYTES, _OFFSET, _A, _B, _TOPIC, _PARTITION = 8, 16, 24, 32, 40, 48, 56, 64, 72, 76


def record_slots(nbytes: int) -> int:
    """Slots that a record with a payload of so many bytes takes."""
    return (PAYLOAD + nbytes + _SLOT - 1) // _SLOT


def put_record(
    w: RingWriter,
    id: int,
    cause_id: int,
    ts_ns: int,
    recv_ts_ns: int,
    topic: int,
    partition: int,
    offset: int,
    a: int,
    b: int,
    address: int,
    nbytes: int,
) -> int:
    """Write a record whose payload lies at an address and publish it; the number of its first slot.

    NO_ROOM: a blocking reader is in the way, nothing was written. TOO_LARGE: it takes more than half of the ring, and never fits.
    """
    n = record_slots(nbytes)
    if n > w.capacity // 2:
        return TOO_LARGE
    to = w.claim(n)
    if to == 0:
        return NO_ROOM
    number = w.next
    store_word(to, id)
    store_word(to + _CAUSE, cause_id)
    store_word(to + _TS, ts_ns)
    store_word(to + _RECV, recv_ts_ns)
    store_word(to + _KIND, _HEAD)
    store_word(to + _NBYTES, nbytes)
    store_word(to + _OFFSET, offset)
    store_word(to + _A, a)
    store_word(to + _B, b)
    store_word(to + _TOPIC, (topic & _LOW) | (partition << 32))
    copy_slot(to + PAYLOAD, address, nbytes)
    w.publish(n)
    return number


def walk_records(r: RingReader, most: int, upto: int, out: int) -> int:
    """Go past up to `most` records before slot `upto`, in place, and fill the columns at `out`; how many. They stay until committed.

    out: address of int64[len(COLUMNS), most]. For blocking readers: nothing checks that a lossy one's records are whole.
    """
    ready = r.poll()
    end = min(r.next + ready, upto)
    done = 0
    while done < most and r.next < end:
        head = r.slot(r.next)
        nbytes = load_word(head + _NBYTES)
        to = out + _WORD * done
        step = _WORD * most
        store_word(to, r.next)
        store_word(to + step, load_word(head))
        store_word(to + 2 * step, load_word(head + _CAUSE))
        store_word(to + 3 * step, load_word(head + _TS))
        store_word(to + 4 * step, load_word(head + _RECV))
        store_word(to + 5 * step, load_half(head + _TOPIC))
        store_word(to + 6 * step, load_half(head + _PARTITION))
        store_word(to + 7 * step, load_word(head + _OFFSET))
        store_word(to + 8 * step, load_word(head + _A))
        store_word(to + 9 * step, load_word(head + _B))
        store_word(to + 10 * step, head + PAYLOAD)
        store_word(to + 11 * step, nbytes)
        r.next += record_slots(nbytes)
        done += 1
    return done


def record_put(writer: int, fields: int, address: int, nbytes: int) -> int:
    """`put_record` of a RingWriter at an address; fields: address of int64[9], `id` to `b` in order."""
    return put_record(
        at(RingWriter, writer),
        load_word(fields),
        load_word(fields + _WORD),
        load_word(fields + 2 * _WORD),
        load_word(fields + 3 * _WORD),
        load_word(fields + 4 * _WORD),
        load_word(fields + 5 * _WORD),
        load_word(fields + 6 * _WORD),
        load_word(fields + 7 * _WORD),
        load_word(fields + 8 * _WORD),
        address,
        nbytes,
    )


def record_walk(reader: int, most: int, upto: int, out: int) -> int:
    """`walk_records` of a RingReader at an address."""
    return walk_records(at(RingReader, reader), most, upto, out)


ENTRIES = {"record_put": (record_put, 4), "record_walk": (record_walk, 4)}
