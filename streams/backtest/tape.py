"""The tape: what node and venues wrote, one entry a slot, in the order written."""

import ctypes
from typing import Any, NamedTuple

import numpy as np

from streams.kernel.memory import aligned

__all__ = ["SLOT_ROOM", "Tape", "TapeMemory"]

SLOT_ROOM = 256  # bytes of the largest slot


class Tape(NamedTuple):
    """Copies of slots, [n] each; valid until the next tape.

    kind       : int8, KIND_... of the slot
    address    : int64, where it lies
    nbytes     : int64, 64, 128 or 256
    exch_ts_ns : int64, of a venue event when the venue wrote it; else 0
    reason     : int8, of a venue event its place in `venue_answer.REASONS`; else 0
    """

    kind: np.ndarray
    address: np.ndarray
    nbytes: np.ndarray
    exch_ts_ns: np.ndarray
    reason: np.ndarray

    @property
    def count(self) -> int:
        """Entries; `len` would be the number of fields."""
        return len(self.kind)

    def slots(self, first: int = 0) -> list[tuple[int, bytes]]:
        """(kind, bytes) of each entry from `first` on: for tests and for a look."""
        return [(int(kind), _bytes(address, size)) for kind, address, size, _, _ in zip(*(c[first:].tolist() for c in self), strict=True)]


class TapeMemory:
    """Room for so many entries, and where the loop writes them."""

    def __init__(self, entries: int) -> None:
        self.entries = entries
        self.kind = np.zeros(entries, np.int8)
        self.address, self.nbytes, self.exch_ts_ns = (np.zeros(entries, np.int64) for _ in range(3))
        self.reason = np.zeros(entries, np.int8)
        self.slots: Any = aligned(entries * SLOT_ROOM)

    def columns(self) -> dict[str, int]:
        """Address of each column, by the loop's name of it."""
        return {
            "tape_kind": self.kind.ctypes.data,
            "tape_address": self.address.ctypes.data,
            "tape_bytes": self.nbytes.ctypes.data,
            "tape_exch": self.exch_ts_ns.ctypes.data,
            "tape_reason": self.reason.ctypes.data,
            "tape_slots": self.slots.ctypes.data,
        }

    def tape(self, count: int) -> Tape:
        """The first entries."""
        return Tape(*(c[:count] for c in (self.kind, self.address, self.nbytes, self.exch_ts_ns, self.reason)))


def _bytes(address: int, nbytes: int) -> bytes:
    return ctypes.string_at(address, nbytes)
