"""Rings that hold whole records of bytes: frames as they came, Avro values as they stand in topics, control records, commands.

    writer = RecordWriter(ring.writer("feed"))
    writer.write(id, "frames.v1", payload, recv_ts_ns=...)
    reader = RecordReader(ring.reader("mirror"))
    for record in reader.take(): ...
    reader.commit()

Compiled loops use `record_kernel.put_record` and `walk_records` on the ends' Structs.
"""

import ctypes
import functools
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from streams.errors import LaneError
from streams.kernel import native
from streams.lanes import record_kernel as k
from streams.lanes.ring_ends import Reader, Writer, ring_sources
from streams.lanes.writers import dlq_topic
from streams.schema.model import BY_TOPIC

__all__ = ["ABOUT", "END", "TOPICS", "RecordReader", "RecordWriter", "Records", "RingRecord", "prepare", "record_sources", "topic_number"]

_PLAIN = [topic for topic in BY_TOPIC if "*" not in topic]
TOPICS = tuple(sorted([*_PLAIN, *map(dlq_topic, _PLAIN)]))
"""Every topic; a record holds its place here."""
END = ""
"""Topic of a mark that is no record: everything known when it was asked for stands before it."""
ABOUT = {"topics": blake2b("\n".join(TOPICS).encode(), digest_size=8).hexdigest()}
"""What writer and readers must agree on beside the slots (`Ring.create(..., about=ABOUT)`)."""

_NUMBERS = {topic: number for number, topic in enumerate(TOPICS)} | {END: -1}
_ANY = 1 << 62
_PATIENCE_NS = 1_000_000_000


class RingRecord(NamedTuple):
    """One record of a ring; number: of its first slot. See `fast_slots.RecordSlot`."""

    number: int
    id: int
    cause_id: int
    ts_ns: int
    recv_ts_ns: int
    topic: str
    partition: int
    offset: int
    a: int
    b: int
    payload: bytes


class Records(NamedTuple):
    """Records in place, int64[n] each: what `record_kernel.COLUMNS` names. Payloads may be read until the reader commits past them."""

    number: np.ndarray
    id: np.ndarray
    cause_id: np.ndarray
    ts_ns: np.ndarray
    recv_ts_ns: np.ndarray
    topic: np.ndarray
    partition: np.ndarray
    offset: np.ndarray
    a: np.ndarray
    b: np.ndarray
    address: np.ndarray
    nbytes: np.ndarray


def topic_number(topic: str) -> int:
    """The number of a topic in rings, -1 for END; LaneError for one that no schema has."""
    found = _NUMBERS.get(topic)
    if found is None:
        raise LaneError(f"{topic}: no topic of a schema, so no ring can hold its records")
    return found


class RecordWriter:
    """Writes records through a ring's writing end."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self._fields = np.zeros(9, np.int64)
        self._fields_address: int = self._fields.ctypes.data
        self._put = _compiled()["record_put"] if writer.compiled else k.record_put

    def write(
        self,
        id: int,
        topic: str,
        payload: bytes,
        *,
        cause_id: int = 0,
        ts_ns: int = 0,
        recv_ts_ns: int = 0,
        partition: int = 0,
        offset: int = -1,
        a: int = 0,
        b: int = 0,
        patience_ns: int = _PATIENCE_NS,
    ) -> int:
        """Write one record, whole, and publish it; the number of its first slot, -1 if readers left no room for `patience_ns`.

        LaneError for a record that takes more than half of the ring.
        """
        self.writer.check()
        self._fields[:] = id, cause_id, ts_ns, recv_ts_ns, topic_number(topic), partition, offset, a, b
        source = ctypes.c_char_p(payload)
        address = ctypes.cast(source, ctypes.c_void_p).value or 0
        found = self._put(self.writer.address, self._fields_address, address, len(payload))
        if found == k.NO_ROOM and self.writer.wait_for_room(k.record_slots(len(payload)), patience_ns):
            found = self._put(self.writer.address, self._fields_address, address, len(payload))
        if found == k.TOO_LARGE:
            ring = self.writer.ring
            raise LaneError(
                f"{ring.path}: a record of {topic} has {len(payload):,} bytes; the ring takes at most half of its "
                f"{ring.capacity * ring.slot_nbytes:,}: give it more (fast.ring)"
            )
        return found


class RecordReader:
    """Reads records through a blocking reading end. What was taken stays in the ring until it is committed."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self._columns = np.zeros((len(k.COLUMNS), 0), np.int64)
        self._walk = _compiled()["record_walk"] if reader.compiled else k.record_walk

    @property
    def next(self) -> int:
        """Number of the next slot to read: where a record begins, or the ring's head."""
        return self.reader.next

    def take(self, most: int = 1_000, upto: int = _ANY) -> list[RingRecord]:
        """Up to `most` records that are there, of those before slot `upto`, copied; [] = none. Does not wait."""
        found = self.walk(most, upto)
        rows = zip(*(column.tolist() for column in found), strict=True)
        return [_copied(*row) for row in rows]

    def walk(self, most: int, upto: int = _ANY) -> Records:
        """The same in place, as columns. They are valid until the next call, the payloads until they are committed."""
        self.reader.check()
        if self._columns.shape[1] != most:
            self._columns = np.zeros((len(k.COLUMNS), most), np.int64)
        n = self._walk(self.reader.address, most, upto, self._columns.ctypes.data)
        return Records(*self._columns[:, :n])

    def seek(self, number: int) -> None:
        """Read on from a record's first slot; LaneError if it is not there for this reader."""
        self.reader.seek(number)

    def commit(self) -> None:
        """What was taken is done with."""
        self.reader.commit()

    def commit_to(self, number: int) -> None:
        """The same for what stands before a slot only."""
        self.reader.commit_to(number)


def _copied(
    number: int,
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
) -> RingRecord:
    name = TOPICS[topic] if topic >= 0 else END
    return RingRecord(number, id, cause_id, ts_ns, recv_ts_ns, name, partition, offset, a, b, ctypes.string_at(address, nbytes))


def record_sources() -> list[Path]:
    """Source files of the compiled code, for objects of other loops that hold it."""
    return [*ring_sources(), *native.sources("streams.lanes.record_kernel", "streams.lanes.fast_slots", "streams.agents.copying")]


def prepare() -> None:
    """Compile the code of the ends, or load it from disk."""
    _compiled()


@functools.cache
def _compiled() -> dict[str, Callable[..., Any]]:
    return native.functions("record_ring", k.ENTRIES, record_sources())
