"""A consumer without a broker: gives the messages that it was made with."""

import ctypes
from collections.abc import Mapping, Sequence

import numpy as np

from streams.lanes.messages import Messages
from streams.lanes.place import Place

__all__ = ["StubConsumer", "messages_of"]


def messages_of(rows: Sequence[tuple[int, int, bytes | None]], ends: Mapping[Place, int] | None = None) -> Messages:
    """Messages of (index of the place, offset, value), stamped 1 s after 1970."""
    memory = [ctypes.create_string_buffer(value, len(value) + 16) if value is not None else None for _, _, value in rows]
    columns = np.zeros((8, len(rows)), np.int64)
    for row, ((place, offset, value), held) in enumerate(zip(rows, memory, strict=True)):
        columns[1:6, row] = place, offset, 1_000, ctypes.addressof(held) if held is not None else 0, len(value or b"")
    return Messages(columns, dict(ends or {}), lambda messages: None, memory)


class StubConsumer:
    """As far as a lane looks at one. waves: what each `take` gives; after the last, nothing."""

    def __init__(self, *waves: Messages, ends: Mapping[Place, int] | None = None) -> None:
        self.assigned: dict[Place, int] = {}
        self._waves, self._ends = list(waves), dict(ends or {})

    def assign(self, positions: Mapping[Place, int]) -> None:
        self.assigned = dict(positions)

    def take(self, rows: int, wait_s: float) -> Messages:
        return self._waves.pop(0) if self._waves else messages_of([])

    def ends(self) -> dict[Place, int]:
        return self._ends
