"""Slots to Avro bodies without a Python object: `SlotWriter`.

    writer = SlotWriter(edge)
    buffer, starts = writer.write(KIND_ORDER, slots, run_id)     # bodies one after the other
    write_slot(writer.programs[KIND_ORDER], slot, run_id, out, room)     # the same of one, in other compiled code

Bodies are those of `codec.encode(edge.from_slot(kind, slot, run_id))`. What the compiled code leaves to that is written by it.
"""

from functools import cache
from typing import Any

import numpy as np

from streams.errors import EdgeError
from streams.kernel import native
from streams.schema import codec
from streams.schema import native_rows as rows
from streams.schema import slots_out_kernel as k
from streams.schema.edge import Edge
from streams.schema.layout import LAST, layout
from streams.schema.model import BY_KIND, Schema
from streams.schema.slots_out_kernel import FULL, REST, write_slot
from streams.schema.slots_out_program import program_of

__all__ = ["FULL", "REST", "SOURCES", "SlotWriter", "prepare", "write_slot"]

SOURCES = (
    *("streams.schema.slots_out_kernel", "streams.schema.slots_derived", "streams.schema.ratio", "streams.schema.bulk_put"),
    *("streams.schema.native_rows", "streams.schema.bulk_wire", "streams.records"),
)
"""Modules that `write_slot` depends on, for `native.sources`."""

LEFT = ("BookUpdate", "Instrument")  # to Python: several slots a record, and what only tools write
PROGRAMS = 32
FIRST_ROOM = 1 << 16
ANY = (1 << 63) - 1
NO_INSTRUMENT = {rows.NUMBER: -1, rows.TICK: 1, rows.LOT: 1, rows.TICKS_FIT: ANY, rows.LOTS_FIT: ANY}


class SlotWriter:
    """Writes the slots of one edge. `refresh` it when the edge may have learned something and before compiled code runs again.

    programs : by kind the address of its program, int64[32]; 0 where the record is left to Python
    most     : by kind the bytes of its body at most, names not counted: with room for those and this a body is never FULL
    """

    def __init__(self, edge: Edge) -> None:
        self.edge = edge
        self.programs = np.zeros(PROGRAMS, np.int64)
        self.most = np.zeros(PROGRAMS, np.int64)
        self._none = np.zeros(rows.INSTRUMENT_BYTES // 8, np.int64)
        for place, value in NO_INSTRUMENT.items():
            self._none[place // 8] = value
        self._made: list[np.ndarray] = []
        for kind, schema in BY_KIND.items():
            if schema.name not in LEFT:
                program = program_of(schema, edge.native.address, self._none.ctypes.data)
                self._made.append(program)
                self.programs[kind], self.most[kind] = program.ctypes.data, 2 * program[0]

    def refresh(self) -> None:
        """Take in what the edge learned since."""
        self.edge.native.refresh()

    def write(self, kind: int, slots: Any, run_id: int) -> tuple[np.ndarray, np.ndarray]:
        """(buffer, starts): the bodies of a kind's slots, uint8, and where each begins and the last ends, int64.

        EdgeError where a number names nothing or the bytes are no slots, SchemaError where a value does not fit its field.
        """
        self.refresh()
        schema, data = BY_KIND.get(kind), np.frombuffer(slots, np.uint8)
        if schema is None or len(data) % layout(schema).size:
            raise EdgeError(
                f"{len(data)} bytes are no slots of kind {kind}; kinds are {min(BY_KIND)} to {max(BY_KIND)}, slots have 64 to 256"
            )
        size = layout(schema).size
        if self.programs[kind]:
            return self._bodies(kind, data.reshape(-1, size), run_id)
        bodies = [self._left(kind, data[first:last], run_id) for first, last in _records(schema, data, size)]
        return np.frombuffer(b"".join(bodies), np.uint8), np.cumsum([0, *map(len, bodies)], dtype=np.int64)

    def _bodies(self, kind: int, slots: np.ndarray, run_id: int) -> tuple[np.ndarray, np.ndarray]:
        count, size = slots.shape
        starts = np.zeros(count + 1, np.int64)
        out = np.empty(FIRST_ROOM + 2 * slots.nbytes, np.uint8)
        done = 0
        while True:
            what = int(self.programs[kind]), slots.ctypes.data, size, done, count, run_id
            done = _entry()(*what, out.ctypes.data, len(out), starts.ctypes.data)
            if done == count:
                return out[: starts[count]], starts
            written = out[: starts[done]]
            if starts[done + 1] == FULL:
                out = np.concatenate((written, np.empty(2 * len(out), np.uint8)))
                continue
            body = np.frombuffer(self._left(kind, slots[done], run_id), np.uint8)
            if len(out) - len(written) < len(body):
                out = np.concatenate((written, np.empty(len(out) + len(body), np.uint8)))
            out[len(written) : len(written) + len(body)] = body
            done += 1
            starts[done] = len(written) + len(body)

    def _left(self, kind: int, slots: np.ndarray, run_id: int) -> bytes:
        """The body of what compiled code leaves to Python, or the reason why there is none."""
        return codec.encode(self.edge.from_slot(kind, slots.tobytes(), run_id))


def prepare() -> None:
    """Compile the loop, or load it from disk, now and not at the first slots."""
    _entry()


def _records(schema: Schema, data: np.ndarray, size: int) -> list[tuple[int, int]]:
    """Where the slots of each record begin and end."""
    ends = np.arange(size, len(data) + 1, size)
    if schema.name == "BookUpdate":
        x = layout(schema)
        flags = data[x.offsets[[f.name for f in x.fields].index("flags")] :: size]
        ends = ends[(flags & LAST) != 0]
    return list(zip([0, *ends[:-1].tolist()], ends.tolist(), strict=True))


@cache
def _entry() -> Any:
    """The compiled loop, made or loaded on first use."""
    made = native.load("slots_out", lambda: {"write_slots": (k.write_slots, 9)}, native.sources(*SOURCES))
    return native.function(made.write_slots, 9)
