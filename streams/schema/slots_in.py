"""Avro bodies straight into slots: `SlotReader(edge).read(schema, address, size, header)`. One compiled loop, no Python object a record.

What it reads equals `Edge.to_slots` of the decoded record byte for byte. A record that it does not read is REST: the codec and the edge
give the record, or the precise reason for the dead letter.
"""

from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from streams.errors import SchemaError
from streams.kernel import native
from streams.schema import slot_kernel as k
from streams.schema.bulk import HEADER_MAX, NO_WRITERS, Writers
from streams.schema.bulk_table import Step, programs_of, steps_of
from streams.schema.bulk_wire import BEHIND, FULL
from streams.schema.codec import MAX_BODY
from streams.schema.edge import Edge
from streams.schema.evolution import resolve
from streams.schema.layout import layout
from streams.schema.model import SCHEMAS, Schema
from streams.schema.native_tables import NativeTables
from streams.schema.slot_plan import Plan, Scratch, is_read

__all__ = ["GOOD", "REST", "Frames", "SlotReader", "Slots", "is_read", "prepare"]

GOOD, REST = k.GOOD, k.REST
LEVELS, MORE_LEVELS = 1024, 8  # of one update, that there is room for at first; times, when one has more
BYTES_A_LEVEL = 8  # fewer than a body spends on most levels: room for slots by it is mostly enough
SLOT_COLUMNS = ("id", "run_id", "recv_ts_ns", "start", "nbytes")
FRAME_COLUMNS = ("id", "run_id", "recv_ts_ns", "connection", "source_seq", "venue", "start", "nbytes")
LINE = 64


@dataclass
class Slots:
    """Records of one topic in memory, a row a value, in the order given.

    state                  : uint8, GOOD or REST
    id, run_id, recv_ts_ns : int64; 0 where REST
    start, nbytes          : int64, address and bytes of the record's slots, one after another; 0 where REST. A block of them begins at a
                             multiple of 64 bytes
    kept                   : the memory in which they lie: addresses are valid as long as this object lives
    """

    state: np.ndarray
    id: np.ndarray
    run_id: np.ndarray
    recv_ts_ns: np.ndarray
    start: np.ndarray
    nbytes: np.ndarray
    kept: list[np.ndarray]

    def __len__(self) -> int:
        return len(self.state)


@dataclass
class Frames:
    """Frames, a row a value, in the order given; their payloads stay where they are, in the values.

    state                  : uint8, GOOD or REST (damaged, or of a venue that the dictionary does not name); the rest is 0 where REST
    id, run_id, recv_ts_ns : int64
    connection, source_seq : int64
    venue                  : int64, the venue's number
    start, nbytes          : int64, address and bytes of the payload
    """

    state: np.ndarray
    id: np.ndarray
    run_id: np.ndarray
    recv_ts_ns: np.ndarray
    connection: np.ndarray
    source_seq: np.ndarray
    venue: np.ndarray
    start: np.ndarray
    nbytes: np.ndarray

    def __len__(self) -> int:
        return len(self.state)


class SlotReader:
    """Reads bodies of any topic into slots, with the names and instruments of one edge."""

    def __init__(self, edge: Edge) -> None:
        self._tables = edge.native
        self._forms: dict[str, _Form] = {}
        self._bounce = np.empty(MAX_BODY + HEADER_MAX + BEHIND, np.uint8)

    def read(self, schema: Schema, address: np.ndarray, size: np.ndarray, header: bytes = b"", writers: Writers = NO_WRITERS) -> Slots:
        """The slots of the values at these addresses (int64; 0 = no value) with these sizes (int64), each `header` (at most 7 bytes) and
        a body written with the current schema. What the edge has learned meanwhile is known.

        writers: other headers, as long as `header`, each with the Avro schema that the bodies behind it were written with. One that
        cannot be followed in bulk leaves its values REST.
        """
        state, columns = np.full(len(address), REST, np.uint8), np.zeros((len(SLOT_COLUMNS), len(address)), np.int64)
        found = Slots(state, *columns, kept=[])
        if len(address) and is_read(schema):
            programs = _programs(schema, header, writers)
            self._read(schema, programs, _Call(self._tables, self._bounce, address, size, header, state, columns), found)
        return found

    def read_frames(self, address: np.ndarray, size: np.ndarray, header: bytes = b"", writers: Writers = NO_WRITERS) -> Frames:
        """The frames of the values at these addresses; as `read` otherwise."""
        state, columns = np.full(len(address), REST, np.uint8), np.zeros((len(FRAME_COLUMNS), len(address)), np.int64)
        if len(address):
            call = _Call(self._tables, self._bounce, address, size, header, state, columns)
            form = self._form(SCHEMAS["Frame"], _programs(SCHEMAS["Frame"], header, writers), 1)
            _set(call.words, k.PROGRAMS, *form.ends)
            if _entries()["read_frames"](call.words.ctypes.data):
                raise SchemaError("Frame: its values cannot be read in bulk")
        return Frames(state, *columns)

    def _read(self, schema: Schema, programs: "_Programs", call: "_Call", found: Slots) -> None:
        room, answer = _first_room(schema, call.size), k.NO_ROOM
        form = self._form(schema, programs, LEVELS)
        while answer:
            if answer == k.NO_ROOM:
                block = _block(room)
                found.kept.append(block)
                _set(call.words, k.SLOTS, block.ctypes.data, block.ctypes.data + len(block))
                room = max(room, layout(schema).size * (form.scratch.elements + 1))
            elif answer == FULL:
                form = self._form(schema, programs, form.scratch.elements * MORE_LEVELS)
            else:
                raise SchemaError(f"{schema.name}: its values cannot be read in bulk")
            _set(call.words, k.PROGRAMS, *form.ends)
            answer = _entries()["read_slots"](call.words.ctypes.data)

    def _form(self, schema: Schema, programs: "_Programs", elements: int) -> "_Form":
        """The form for these programs with room for so many levels, at least."""
        form = self._forms.get(schema.name)
        if form is None or form.programs != programs or form.scratch.elements < elements:
            form = self._forms[schema.name] = _Form(schema, programs, elements)
        return form


def prepare() -> None:
    """Compile the loop, or load it from disk, now and not at the first values."""
    _entries()


_Programs = dict[bytes, tuple[Step, ...]]


def _programs(schema: Schema, header: bytes, writers: Writers) -> _Programs:
    """By header, what bodies behind it are read by."""
    programs = {header: steps_of(schema)}
    for other, avro in writers.items():
        if other != header and len(other) == len(header):
            with suppress(SchemaError):
                programs[other] = resolve(schema, avro)
    return programs


class _Form:
    """Programs and plan of one schema."""

    def __init__(self, schema: Schema, programs: _Programs, elements: int) -> None:
        self.programs = programs
        self.scratch = scratch = Scratch(list(programs.values()), elements)
        self._table = programs_of(programs, scratch.words)
        if schema.slot:
            self._plan = Plan(schema, scratch.values)
            plan = self._plan.words
        else:
            plan = self._frame = np.array([scratch.values[name].address for name in k.FRAME_VALUES], np.int64)
        self.ends = self._table.ctypes.data, len(self._table), plan.ctypes.data, plan.ctypes.data + plan.nbytes


class _Call:
    """The words of a call, and what they point to."""

    def __init__(
        self,
        tables: NativeTables,
        bounce: np.ndarray,
        address: np.ndarray,
        size: np.ndarray,
        header: bytes,
        state: np.ndarray,
        columns: np.ndarray,
    ) -> None:
        tables.refresh()
        if len(size) != len(address) or len(header) > HEADER_MAX:
            raise ValueError(f"{len(address)} addresses, {len(size)} sizes, a header of {len(header)} bytes; at most {HEADER_MAX} are read")
        self.address, self.size = np.ascontiguousarray(address, np.int64), np.ascontiguousarray(size, np.int64)
        self.words = words = np.zeros(k.CALL_WORDS, np.int64)
        _set(words, k.TABLES, tables.address, self.address.ctypes.data, self.size.ctypes.data, 0, len(address))
        _set(words, k.HEADER_BYTES, len(header), MAX_BODY, bounce.ctypes.data, state.ctypes.data)
        _set(words, k.COLUMNS, *(column.ctypes.data for column in columns))


def _first_room(schema: Schema, size: np.ndarray) -> int:
    """Bytes of slots that these values take, of book updates mostly."""
    x = layout(schema)
    return x.size * (len(size) + (int(size.sum()) // BYTES_A_LEVEL if schema.name == "BookUpdate" else 0))


def _block(nbytes: int) -> np.ndarray:
    """Memory at a multiple of 64 bytes. It is not zeroed, so that what is never used costs nothing."""
    raw = np.empty(nbytes + LINE, np.uint8)
    start = -raw.ctypes.data % LINE
    return raw[start : start + nbytes]


def _set(words: np.ndarray, offset: int, *values: int) -> None:
    words[offset // 8 : offset // 8 + len(values)] = values


SOURCES = tuple(
    f"streams.schema.{name}"
    for name in (
        "slot_kernel",
        "slot_convert",
        "slot_exec",
        "blake2b",
        "bulk_kernel",
        "bulk_wire",
        "bulk_put",
        "native_rows",
        "layout",
        "units",
    )
)


@cache
def _entries() -> dict[str, Any]:
    """The compiled entries, made or loaded on first use."""
    return native.functions("slots-in", k.ENTRIES, native.sources(*SOURCES, "streams.records"))
