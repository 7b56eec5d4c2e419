"""Inputs of a lane that are passed over, as dead letters: what stands in slots of a ring, as the value that its topic has."""

import ctypes

import numpy as np

from streams.agents.market_records import MarketRecords
from streams.agents.process import Process
from streams.errors import MillraceError
from streams.kernel import at
from streams.lanes.letters import Letter
from streams.lanes.ring_ends import Reader
from streams.lanes.wire import Wire
from streams.schema import codec
from streams.schema.model import BY_KIND
from streams.slots import KIND_VENUE_EVENT, SLOTS, Slot

__all__ = ["letter_of"]


def letter_of(process: Process, wire: Wire, reader: Reader, first: int, count: int, reason: str) -> Letter:
    """The record in `count` slots of an input from `first` on; its payload is the slots themselves where they cannot be read.

    Its partition is the process's shard; its offset is known to the mirror alone.
    """
    ring = reader.ring
    address = ring.memory.data + (first & (ring.capacity - 1)) * ring.slot_nbytes
    head = at(Slot, address)
    kind, id = head.kind, head.id
    topic = BY_KIND[kind].topic
    try:
        payload = wire.header(topic) + _body(process, kind, address, count)
    except MillraceError as error:
        payload = ctypes.string_at(address, count * ring.slot_nbytes)
        reason += f"; the payload here is its slots, for they cannot be written as a record: {error}"
    return Letter(topic, process.spec.shard, -1, reason, payload, id)


def _body(process: Process, kind: int, address: int, count: int) -> bytes:
    if kind == KIND_VENUE_EVENT:
        return codec.encode(process.edge.from_slot(kind, ctypes.string_at(address, SLOTS[kind]._size_), process.run_id))
    found = MarketRecords(process.edge, process.sizes).read(address, count, process.run_id)
    rows = np.flatnonzero(found.size > 0)
    start = int(found.start[rows[0]])
    return found.buffer[start : start + int(found.size[rows[0]])].tobytes()
