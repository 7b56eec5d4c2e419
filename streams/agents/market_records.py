"""MarketRecords: the Avro bodies of the market data in a ring, compiled, byte for byte as normalize of the Kafka lane writes them.

    found = MarketRecords(edge, sizes).read(address, slots, run_id)      # sizes: those of the process that wrote them
    found.kind, found.id, found.slot, found.start, found.size, found.buffer, found.slots

Marks of the lane that stand between records are told too, with size 0.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from streams.agents.market_body import FULL, write
from streams.agents.market_record import record_of
from streams.agents.market_ring import LARGEST_KIND, RING_BYTES, get_record, record_slots
from streams.agents.market_work import MarketWork
from streams.errors import EdgeError
from streams.kernel import Struct, View, addr_of, at, load_byte, load_word, native, store_word
from streams.schema import codec
from streams.schema.edge import Edge

__all__ = ["ENTRIES", "MarketRecords", "Read", "Walk", "prepare"]

_DONE, _FULL, _REST, _STRANGE = range(4)
_KIND = 36
_FIRST_ROOM = 1 << 20


class Walk(Struct, align=64):
    """What `market_walk` works on; addresses are of memory that the caller keeps.

    slots, last          : address of the next slot, and behind the last one
    work, run_id         : scratch of a market; the run of the records
    slot, kind, id, start, size : int64 columns of what was found; count: how many there are, from the slot at `first` on
    out, filled, room    : where bodies are written, bytes they have, bytes there is room for
    """

    slots: int
    last: int
    first: int
    work: int
    run_id: int
    slot: int
    kind: int
    id: int
    start: int
    size: int
    count: int
    out: int
    filled: int
    room: int

    def run(self) -> int:
        """Write bodies until the slots are at their end, there is no room, or Python is to write one."""
        w = at(MarketWork, self.work)
        while self.slots < self.last:
            kind = load_byte(self.slots + _KIND)
            n = record_slots(self.slots, (self.last - self.slots) // RING_BYTES)
            if n == 0:
                return _DONE
            size = 0
            if kind <= LARGEST_KIND:
                if not get_record(w, self.slots, n):
                    return _STRANGE
                size = write(w, self.run_id, self.out + self.filled, self.room - self.filled)
                if size < 0:
                    return _FULL if size == FULL else _REST
            self.note(kind, size, n)
        return _DONE

    def note(self, kind: int, size: int, n: int) -> None:
        """Count what was found and go past it."""
        place = 8 * self.count
        store_word(self.slot + place, (self.slots - self.first) // RING_BYTES)
        store_word(self.kind + place, kind)
        store_word(self.id + place, load_word(self.slots))
        store_word(self.start + place, self.filled)
        store_word(self.size + place, size)
        self.count += 1
        self.filled += size
        self.slots += RING_BYTES * n


def market_walk(walk: int) -> int:
    """Run the Walk at an address; why it stopped."""
    return at(Walk, walk).run()


def market_note(walk: int, kind: int, size: int) -> int:
    """Go past the record at which it stopped, whose body of `size` bytes has been written."""
    x = at(Walk, walk)
    x.note(kind, size, record_slots(x.slots, (x.last - x.slots) // RING_BYTES))
    return 0


ENTRIES = {"market_walk": (market_walk, 1), "market_note": (market_note, 3)}


class Read(NamedTuple):
    """What stands in slots: int64 an element. slot: its first slot, counted from 0; slots: how many were read, to a record's end.

    kind, id    : of its first slot
    start, size : where its body begins in `buffer` (uint8), and its bytes; size 0: a mark of the lane
    """

    slot: np.ndarray
    kind: np.ndarray
    id: np.ndarray
    start: np.ndarray
    size: np.ndarray
    buffer: np.ndarray
    slots: int


class MarketRecords:
    """Reads slots whose names and instruments the edge knows; `work` holds the last record read.

    sizes: of the process that wrote them. compiled=False: the same code uncompiled.
    """

    def __init__(self, edge: Edge, sizes: Mapping[str, int], compiled: bool = True) -> None:
        self.edge = edge
        work, walk = MarketWork(dict(sizes)), Walk()
        if compiled:
            self._kept: Any = (work.pack(), walk.pack())
            work_address, self._address = (memory.ctypes.data for memory in self._kept)
            self.work, self._walk = View(MarketWork, self._kept[0]), View(Walk, self._kept[1])
            self._entries = _compiled()
        else:
            self.work, self._walk = work, walk
            work_address, self._address = addr_of(work), addr_of(walk)
            self._entries = {name: entry for name, (entry, _) in ENTRIES.items()}
        self.work.tables, self._walk.work = edge.native.address, work_address

    def read(self, address: int, slots: int, run_id: int) -> Read:
        """Everything in `slots` slots at an address. EdgeError: an instrument without rules, or more levels than `sizes.levels`."""
        self.edge.native.refresh()
        columns, x = np.zeros((5, max(slots, 1)), np.int64), self._walk
        out = np.empty(_FIRST_ROOM, np.uint8)
        x.slots = x.first = address
        x.last, x.run_id, x.count, x.filled = address + RING_BYTES * slots, run_id, 0, 0
        x.slot, x.kind, x.id, x.start, x.size = (column.ctypes.data for column in columns)
        while True:
            x.out, x.room = out.ctypes.data, len(out)
            stop = self._entries["market_walk"](self._address)
            if stop == _FULL:
                out = np.concatenate((out, np.empty(len(out), np.uint8)))
            elif stop == _REST:
                body = np.frombuffer(codec.encode(record_of(self, run_id)), np.uint8)
                out = out if len(out) - x.filled >= len(body) else np.concatenate((out, np.empty(len(body), np.uint8)))
                out[x.filled : x.filled + len(body)] = body
                self._entries["market_note"](self._address, int(self.work.kind), len(body))
            elif stop == _STRANGE:
                raise EdgeError(
                    "market data in the ring is of an instrument that has no rules here, or has more levels than `sizes.levels`; "
                    "use the sizes and the names of the process that wrote it"
                )
            elif stop == _DONE:
                break
            else:
                raise EdgeError("market data in the ring cannot be read; run with --plain to see where")
        slot, kind, id, start, size = (column[: x.count] for column in columns)
        return Read(slot, kind, id, start, size, out[: x.filled], int(x.slots - address) // RING_BYTES)


def prepare() -> None:
    """Compile the loop, or load it from disk, now and not at the first slots."""
    _compiled()


@cache
def _compiled() -> Any:
    from streams.agents.market_node import market_sources

    here = native.sources("streams.agents.market_ring", "streams.agents.market_records")
    return native.functions("market_records", ENTRIES, [*market_sources(), *here])
