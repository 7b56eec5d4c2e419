"""Tapes for tests: slots of any records, in memory, as an engine gives them."""

import random
from typing import Any, NamedTuple

import numpy as np

from streams.schema import codec
from streams.schema.edge import Edge
from streams.schema.layout import layout
from streams.schema.model import SCHEMAS
from streams.slots import KIND_VENUE_EVENT
from tests.schema.made import any_slots

__all__ = ["WRITTEN", "Tape", "bodies", "tape"]

WRITTEN = ("Signal", "Order", "Decision", "Request", "VenueEvent", "Report", "Fill", "Position", "Balance", "Metric")


class Tape(NamedTuple):
    """What Results asks of a tape, and the memory that it lies in."""

    kind: np.ndarray
    address: np.ndarray
    exch_ts_ns: np.ndarray
    reason: np.ndarray
    kept: Any
    slots: list[tuple[int, bytes]]

    def part(self, first: int, last: int) -> "Tape":
        return Tape(*(column[first:last] for column in self[:4]), self.kept, self.slots[first:last])


def tape(count: int, seed: int = 1, names: tuple[str, ...] = WRITTEN) -> Tape:
    """Records of these kinds in any order; ids grow, and all stand at one instant of 2024."""
    rng, slots = random.Random(seed), list[tuple[int, bytes]]()
    for i in range(count):
        schema = SCHEMAS[rng.choice(names)]
        head = np.array((i + 1, rng.randrange(5), 1_723_161_602_000_000_001 + i, 1_723_161_602_000_000_000 + i), np.int64).tobytes()
        slots.append((layout(schema).kind, head + any_slots(schema, rng.randrange(1 << 40))[len(head) :]))
    memory = np.frombuffer(b"".join(slot.ljust(256, b"\0") for _, slot in slots), np.uint8)
    address = memory.ctypes.data + 256 * np.arange(count, dtype=np.int64)
    kind = np.array([kind for kind, _ in slots], np.int8)
    stamps, reason = np.arange(5, count + 5), np.arange(count, dtype=np.int8) % 4
    return Tape(kind, address, *(np.where(kind == KIND_VENUE_EVENT, x, 0) for x in (stamps, reason)), memory, slots)


def bodies(made: Edge, tape: Tape, run_id: int = 0) -> list[tuple[str, bytes]]:
    """(topic, Avro body) of each record, by way of Python's record."""
    records = [made.from_slot(kind, slot, run_id) for kind, slot in tape.slots]
    return [(SCHEMAS[type(r).__name__].topic, codec.encode(r)) for r in records]
