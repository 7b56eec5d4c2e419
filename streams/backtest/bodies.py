"""Bodies: slots of many kinds as Avro bodies, topic by topic, and the rolling hash over them in the order of the slots."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from streams.backtest import bodies_kernel as k
from streams.errors import EdgeError
from streams.kernel import native
from streams.schema import bulk, codec
from streams.schema.blake2b import DIGEST_BYTES, STATE_BYTES
from streams.schema.edge import SIZES, Edge
from streams.schema.model import BY_KIND, Schema
from streams.schema.rolling import roll
from streams.schema.slots_out import SOURCES, SlotWriter

__all__ = ["Bodies", "Held", "prepare"]

_LEAST, _MOST = min(BY_KIND), max(BY_KIND)
assert set(BY_KIND) == set(range(_LEAST, _MOST + 1))
_FIRST_BYTES, _FIRST_COUNT = 1 << 12, 1 << 6


class Bodies:
    """Takes slots and holds their bodies until they are taken out as columns.

    Bodies are those of `codec.encode(edge.from_slot(kind, slot, run_id))`.

    count  : records held
    total  : records added so far
    hashed : whether the rolling hash goes over what is added
    """

    def __init__(self, edge: Edge, run_id: int = 0, hashed: bool = True) -> None:
        self.edge, self.run_id, self.hashed = edge, run_id, hashed
        self.count = self.total = 0
        self._writer = SlotWriter(edge)
        self._digest = np.zeros(STATE_BYTES, np.uint8)
        self._memory = k.BodyWork().pack()
        self._words = self._memory.view(np.int64)
        self._address: int = self._memory.ctypes.data
        self._run = _entry()
        self._out: dict[int, np.ndarray] = {kind: np.empty(_FIRST_BYTES, np.uint8) for kind in BY_KIND}
        self._starts: dict[int, np.ndarray] = {kind: np.zeros(_FIRST_COUNT + 1, np.int64) for kind in BY_KIND}
        self._places: dict[int, np.ndarray] = {kind: np.zeros(_FIRST_COUNT, np.int64) for kind in BY_KIND}
        self._set("run_id", run_id)
        self._set("digest", self._digest.ctypes.data if hashed else 0)
        self._column("programs")[:] = self._writer.programs
        self._filled, self._count = self._column("filled"), self._column("count")
        for kind in BY_KIND:
            self._place(kind)

    @property
    def digest(self) -> bytes:
        """The rolling hash over all bodies so far (`schema.rolling`), 16 bytes."""
        return self._digest[:DIGEST_BYTES].tobytes()

    def add(self, kinds: np.ndarray, slots: np.ndarray) -> None:
        """Write these records. kinds: int8[n], of their slots; slots: int64[n], the address of each.

        EdgeError where a number names nothing, SchemaError where a value does not fit its field; those before it are held.
        """
        kinds, slots = np.ascontiguousarray(kinds, np.int8), np.ascontiguousarray(slots, np.int64)
        if len(kinds) != len(slots):
            raise EdgeError(f"{len(kinds)} kinds of {len(slots)} slots")
        if len(kinds) and not _LEAST <= int(kinds.min()) <= int(kinds.max()) <= _MOST:
            raise EdgeError(f"slot kinds {kinds.min()} to {kinds.max()} are not all known; kinds are {_LEAST} to {_MOST}")
        self._writer.refresh()
        words = {"kinds": kinds.ctypes.data, "slots": slots.ctypes.data, "next": 0, "last": len(kinds), "before": self.total}
        for name, value in words.items():
            self._set(name, value)
        while (stop := self._run(self._address)) != k.DONE:
            kind, slot = int(kinds[self._next]), int(slots[self._next])
            if stop == k.FULL:
                self._grow(kind)
            elif stop == k.REST:
                self._write(kind, slot)
            else:
                raise EdgeError(f"{BY_KIND[kind].plural}: slot {self._next} of {len(slots)} cannot be written")
        self.count += len(kinds)
        self.total += len(kinds)

    def take(self) -> dict[Schema, "Held"]:
        """What is held, by record; nothing is held then. It may be used until the next `add`, which writes over it."""
        found = {}
        for kind, schema in BY_KIND.items():
            n = int(self._count[kind])
            if n:
                found[schema] = Held(schema, self._out[kind], self._starts[kind][: n + 1], self._places[kind][:n])
        self._filled[:] = self._count[:] = 0
        self.count = 0
        return found

    @property
    def _next(self) -> int:
        return int(self._words[_word("next")])

    def _write(self, kind: int, slot: int) -> None:
        """Let Python write the record at which the loop stopped."""
        body = codec.encode(self.edge.from_slot(kind, bytes(_bytes_at(slot, SIZES[kind])), self.run_id))
        n, filled = int(self._count[kind]), int(self._filled[kind])
        while n >= self._column("most")[kind] or len(body) + bulk.BEHIND > len(self._out[kind]) - filled:
            self._grow(kind)
        self._out[kind][filled : filled + len(body)] = np.frombuffer(body, np.uint8)
        if self.hashed:
            self._digest[:DIGEST_BYTES] = np.frombuffer(roll(self.digest, body), np.uint8)
        self._starts[kind][n + 1] = self._filled[kind] = filled + len(body)
        self._places[kind][n] = self.total + self._next
        self._count[kind] = n + 1
        self._set("next", self._next + 1)

    def _grow(self, kind: int) -> None:
        """Twice the room for bodies of a kind."""
        out, starts = self._out[kind], self._starts[kind]
        self._out[kind] = np.concatenate((out, np.empty_like(out)))
        self._starts[kind] = np.concatenate((starts, np.empty_like(starts)))
        self._places[kind] = np.concatenate((self._places[kind], np.empty_like(starts)))
        self._place(kind)

    def _place(self, kind: int) -> None:
        """Tell the loop where bodies of a kind go."""
        out, starts = self._out[kind], self._starts[kind]
        words = {"out": out.ctypes.data, "room": len(out) - bulk.BEHIND, "starts": starts.ctypes.data}
        words |= {"places": self._places[kind].ctypes.data, "most": min(len(starts) - 1, len(self._places[kind]))}
        for name, value in words.items():
            self._column(name)[kind] = value

    def _set(self, name: str, value: int) -> None:
        self._words[_word(name)] = value

    def _column(self, name: str) -> np.ndarray:
        at = _word(name)
        return self._words[at : at + k.KINDS]


class Held(NamedTuple):
    """Bodies of one record, in the order added.

    buffer : uint8, with `bulk.BEHIND` bytes behind the last body
    starts : int64, where each begins and the last ends
    places : int64 a body: its place among all records added so far, from 0
    """

    schema: Schema
    buffer: np.ndarray
    starts: np.ndarray
    places: np.ndarray

    @classmethod
    def of(cls, schema: Schema, bodies: Sequence[bytes]) -> "Held":
        """Bodies from Python's bytes, at places from 0 on."""
        starts = np.cumsum([0, *map(len, bodies)], dtype=np.int64)
        buffer = np.frombuffer(b"".join((*bodies, bytes(bulk.BEHIND))), np.uint8)
        return cls(schema, buffer, starts, np.arange(len(bodies)))

    @property
    def count(self) -> int:
        """Bodies there are."""
        return len(self.places)

    def columns(self, run_id: int) -> bulk.Columns:
        """Their columns, under this run id. Texts and names lie in `buffer`."""
        found = bulk.decode_buffer(self.schema, self.buffer, self.starts)
        if found.rows != self.count:
            raise EdgeError(f"{self.schema.plural}: {self.count - found.rows} of {self.count} bodies cannot be read back")
        found.columns["run_id"].values[:] = run_id
        return found


def prepare() -> None:
    """Compile the loop, or load it from disk, now and not at the first slots."""
    _entry()
    bulk.prepare()


def _word(name: str) -> int:
    """Place of a field among the words of a BodyWork."""
    return k.BodyWork._fields_[name].offset // 8


def _bytes_at(address: int, size: int) -> np.ndarray:
    """A slot's bytes, copied."""
    buffer, _ = bulk.gathered(np.array((address,)), np.array((size,)))
    return buffer[:size]


@cache
def _entry() -> Callable[[int], int]:
    """The compiled loop, made or loaded on first use."""
    made = native.load("bodies", lambda: k.ENTRIES, native.sources("streams.backtest.bodies_kernel", "streams.schema.blake2b", *SOURCES))
    return native.function(made.write_bodies, 1)
