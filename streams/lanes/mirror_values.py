"""What stands in rings as values of topics: `LaneValues` of a lane's ring, `MarketValues` of the ring of market data, `frame_values`."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from streams.agents.market_records import MarketRecords
from streams.agents.market_ring import LARGEST_KIND
from streams.agents.rows import Written
from streams.agents.values import Values
from streams.errors import LaneError
from streams.kernel import native
from streams.lanes import mirror_kernel as k
from streams.lanes.fast_slots import KIND_FRAME, KIND_TAKEN
from streams.lanes.mirror_rings import RingSource
from streams.lanes.record_ring import Records, record_sources
from streams.lanes.wire import HEADER_BYTES, Wire
from streams.schema import codec
from streams.schema.blake2b import DIGEST_BYTES, STATE_BYTES
from streams.schema.edge import Edge
from streams.schema.model import BY_KIND
from streams.schema.rolling import roll
from streams.schema.slots_out import SOURCES, SlotWriter
from streams.schema.wire import string
from streams.slots import SLOTS

__all__ = ["LaneValues", "MarketValues", "frame_values", "prepare"]

_MARKS = 1 << 10
_SPARE = 64


class _Digest:
    """The rolling hash, and room for compiled code to work on it."""

    def __init__(self, digest: bytes) -> None:
        self.memory = np.zeros(STATE_BYTES, np.uint8)
        self.value = digest

    @property
    def value(self) -> bytes:
        return self.memory[:DIGEST_BYTES].tobytes()

    @value.setter
    def value(self, digest: bytes) -> None:
        self.memory[:DIGEST_BYTES] = np.frombuffer(digest, np.uint8)


class LaneValues:
    """Walks the ring of a lane.

    edge   : knows names and instruments as the lane did where the walk stands; the caller teaches it where the walk stops for that
    topics : that the lane writes; digest: the rolling hash before the first value
    now_ns : the largest time of ticks and marks seen, ns of the run
    """

    def __init__(self, source: RingSource, edge: Edge, wire: Wire, topics: Sequence[str], run_id: int, digest: bytes) -> None:
        self.source, self.edge, self.run_id = source, edge, run_id
        self.values = Values(tuple(topics), HEADER_BYTES)
        self._headers = [wire.header(topic) for topic in topics]
        self._digest = _Digest(digest)
        self._writer = SlotWriter(edge)
        self._marks = np.zeros((_MARKS, k.MARK_WORDS), np.int64)
        self._memory = k.LaneWalk().pack()
        self._words = self._memory.view(np.int64)
        ring = source.ring
        self._set(data=ring.memory.data, mask=ring.capacity - 1, slot_bytes=ring.slot_nbytes, head_bytes=HEADER_BYTES)
        self._set(digest=self._digest.memory.ctypes.data, run_id=run_id)
        for kind, schema in BY_KIND.items():
            if schema.topic in topics:
                number = self.values.topics.index(schema.topic)
                self._words[_place("programs") + kind] = self._writer.programs[kind]
                self._words[_place("topics") + kind] = number
                self._words[_place("heads") + kind] = int.from_bytes(self._headers[number], "little")

    @property
    def digest(self) -> bytes:
        """The rolling hash after the last value."""
        return self._digest.value

    @property
    def now_ns(self) -> int:
        return int(self._words[_place("now_ns")])

    def walk(self, last: int, upto: Sequence[int]) -> tuple[int, np.ndarray]:
        """Go on from the source's place to slot `last`; (why it stopped: DONE, CONTROL or WAIT, marks: int64[n, MARK_WORDS]).

        upto: by input of the lane, slots below are known. LaneError for a slot that no lane writes.
        """
        words, values = self._words, self.values
        self._writer.refresh()
        words[_place("upto") : _place("upto") + 4] = upto
        self._set(at=self.source.at, last=last, marked=0)
        while True:
            self._set(marks=self._marks.ctypes.data, most=len(self._marks))
            words[_TOPIC : _BYTES + 1] = values.words()
            stop = _compiled()["lane_walk"](self._memory.ctypes.data)
            values.count, values.filled = int(words[_NOTED]), int(words[_FILLED])
            self.source.at = int(words[_AT])
            if stop == k.FULL:
                values.grow(len(values.buffer) - values.filled + 1)
            elif stop == k.MARKS:
                self._marks = np.concatenate((self._marks, np.zeros_like(self._marks)))
            elif stop == k.REST:
                self._write_one()
            elif stop in (k.DONE, k.CONTROL, k.WAIT):
                return stop, self._marks[: int(words[_MARKED])].copy()
            else:
                kind = int(self.source.kinds(self.source.at, self.source.at + 1)[0])
                where = f"{self.source.ring.path}: slot {self.source.at:,}"
                raise LaneError(f"{where} has kind {kind}, which no lane writes; start a fresh run")

    def take(self) -> Written:
        """The values since the last call; they may be used until the next walk."""
        return self.values.take(self.digest)

    def _write_one(self) -> None:
        """Let Python write the output at which the walk stopped."""
        at = self.source.at
        slot = self.source.rows(at, at + 1)[0]
        kind = int(slot[36])
        record = self.edge.from_slot(kind, slot[: SLOTS[kind]._size_].tobytes(), self.run_id)
        number, body = self.values.topics.index(BY_KIND[kind].topic), codec.encode(record)
        self._digest.value = roll(self._digest.value, body)
        self.values.add(number, record.id, self._headers[number], body)
        self.source.at += 1
        self._set(at=self.source.at)

    def _set(self, **fields: int) -> None:
        for name, value in fields.items():
            self._words[_place(name)] = value


class MarketValues:
    """Walks the ring of market data.

    edge, topics, digest : as of LaneValues; sizes: of the process that wrote it
    """

    def __init__(
        self, source: RingSource, edge: Edge, wire: Wire, topics: Sequence[str], run_id: int, digest: bytes, sizes: Mapping[str, int]
    ) -> None:
        self.source, self.topics, self.run_id = source, tuple(topics), run_id
        self._digest = _Digest(digest)
        self._records = MarketRecords(edge, sizes)
        self._topic_of, self._heads = np.zeros(32, np.int64), np.zeros(32, np.int64)
        for kind, schema in BY_KIND.items():
            if schema.topic in topics:
                self._topic_of[kind] = self.topics.index(schema.topic)
                self._heads[kind] = int.from_bytes(wire.header(schema.topic), "little")

    @property
    def digest(self) -> bytes:
        """The rolling hash after the last value."""
        return self._digest.value

    def marks(self, last: int) -> np.ndarray:
        """Numbers of the marks before slot `last`: of frames, and of control records taken."""
        kinds = self.source.kinds(self.source.at, last)
        return self.source.at + np.flatnonzero((kinds == KIND_FRAME) | (kinds == KIND_TAKEN))

    def walk(self, last: int) -> tuple[Written, np.ndarray]:
        """The records before slot `last`, to the last whole one, and the numbers of their first slots, int64."""
        source = self.source
        rows = source.rows(source.at, last)
        found = self._records.read(rows.ctypes.data, len(rows), self.run_id)
        mine = np.flatnonzero(found.kind <= LARGEST_KIND)
        kind, size = found.kind[mine], found.size[mine]
        columns = np.stack((kind, found.start[mine], size, np.zeros_like(size)))
        out = np.empty(int(size.sum()) + HEADER_BYTES * len(size) + _SPARE, np.uint8)
        addresses = columns.ctypes.data, found.buffer.ctypes.data, self._heads.ctypes.data
        _compiled()["market_values"](len(mine), *addresses, HEADER_BYTES, self._digest.memory.ctypes.data, out.ctypes.data)
        numbers = source.at + found.slot[mine]
        source.at += found.slots
        topic = self._topic_of[kind].astype(np.int32)
        written = Written(self.topics, topic, found.id[mine], columns[3], size + HEADER_BYTES, out, HEADER_BYTES, self.digest)
        return written, numbers


def frame_values(wire: Wire, venue: str, run_id: int, frames: Records) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(buffer, start of each value, its bytes) of frames in a ring, as values of frames.v1."""
    n, name = len(frames.id), np.frombuffer(string(venue), np.uint8)
    columns = np.stack((frames.id, frames.ts_ns, frames.recv_ts_ns, frames.a, frames.b, frames.address, frames.nbytes))
    starts = np.zeros(n + 1, np.int64)
    out = np.empty(int(frames.nbytes.sum()) + n * (k.FRAME_BYTES + len(name)) + _SPARE, np.uint8)
    head = int.from_bytes(wire.header("frames.v1"), "little")
    what = n, columns.ctypes.data, run_id, name.ctypes.data, len(name), head, HEADER_BYTES, out.ctypes.data, starts.ctypes.data
    starts[n] = _compiled()["frame_values"](*what)
    return out, starts[:-1], np.diff(starts)


def prepare() -> None:
    """Compile what the mirror runs, or load it from disk, now and not at the first batch."""
    from streams.agents import market_records

    _compiled()
    market_records.prepare()


def _place(name: str) -> int:
    """Place of a field among the words of a LaneWalk."""
    return k.LaneWalk._fields_[name].offset // 8


_TOPIC, _NOTED, _FILLED, _BYTES, _AT, _MARKED = map(_place, ("topic", "noted", "filled", "bytes", "at", "marked"))


@cache
def _compiled() -> dict[str, Callable[..., int]]:
    return native.functions("mirror", k.ENTRIES, _sources())


def _sources() -> list[Path]:
    modules = "streams.lanes.mirror_kernel", "streams.schema.value_kernel", "streams.schema.blake2b"
    return [*record_sources(), *native.sources(*modules, *SOURCES)]
