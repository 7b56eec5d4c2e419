"""Slots to Avro bodies without a Python object: `SlotWriter`, and the programs that its compiled loop follows.

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
from streams.records import NameKind
from streams.schema import codec, wire
from streams.schema import native_rows as rows
from streams.schema import slots_out_kernel as k
from streams.schema.bulk_put import LONG_MAX, MONEY_MAX, SLACK
from streams.schema.edge import Edge
from streams.schema.layout import LAST, SlotField, layout
from streams.schema.model import ENUMS, SCHEMAS, Field, Schema
from streams.schema.slots_out_kernel import FULL, REST, write_slot

__all__ = ["FULL", "REST", "SOURCES", "SlotWriter", "prepare", "write_slot"]

SOURCES = (
    *("streams.schema.slots_out_kernel", "streams.schema.slots_derived", "streams.schema.ratio", "streams.schema.bulk_put"),
    *("streams.schema.native_rows", "streams.records"),
)
"""Modules that `write_slot` depends on, for `native.sources`."""

KINDS = {s.slot.kind: s for s in SCHEMAS.values() if s.slot}
LEFT = ("BookUpdate", "Instrument")  # to Python: several slots a record, and what only tools write
PROGRAMS = 32
FIRST_ROOM = 1 << 16
OPS = {  # operation, bytes at most
    "same": (k.LONG, LONG_MAX),
    "ticks": (k.TICKS, LONG_MAX),
    "lots": (k.LOTS, LONG_MAX),
    "mid2": (k.MID, LONG_MAX),
    "mark2": (k.MARK, 8),
    "money": (k.MONEY, MONEY_MAX),
    "value": (k.VALUE, MONEY_MAX),
    "name": (k.NAME, 0),
    "enum": (k.ENUM, 1),
    "bool": (k.BOOL, 1),
    "exec_hi": (k.EXEC, 34),
}
DERIVED = {  # operation, bytes at most, the slot's fields it looks at
    "Quote.spread_e9": (k.SPREAD, LONG_MAX, ("bid_px_ticks", "ask_px_ticks")),
    "Quote.imbalance": (k.IMBALANCE, 8, ("bid_qty_lots", "ask_qty_lots")),
    "Quote.microprice": (k.MICROPRICE, 8, ("bid_px_ticks", "bid_qty_lots", "ask_px_ticks", "ask_qty_lots")),
    "Position.avg_px": (k.AVERAGE, 9, ("cost", "qty_lots")),
}
DEFAULTS = {"int": 0, "long": 0, "double": 0.0, "string": "", "bytes": b"", "boolean": False}
Step = tuple[int, int, int, int]
"""OP, AT, MORE, NULLS."""


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
        for place, value in (
            (rows.NUMBER, -1),
            (rows.TICK, 1),
            (rows.LOT, 1),
            (rows.TICKS_FIT, (1 << 63) - 1),
            (rows.LOTS_FIT, (1 << 63) - 1),
        ):
            self._none[place // 8] = value
        self._made: list[np.ndarray] = []
        for kind, schema in KINDS.items():
            if schema.name not in LEFT:
                program = _program(schema, edge.native.address, self._none.ctypes.data)
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
        schema, data = KINDS.get(kind), np.frombuffer(slots, np.uint8)
        if schema is None or len(data) % layout(schema).size:
            raise EdgeError(f"{len(data)} bytes are no slots of kind {kind}; kinds are {min(KINDS)} to {max(KINDS)}, a slot has 64 to 256")
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


def _program(s: Schema, tables: int, none: int) -> np.ndarray:
    """The program of a record."""
    made = _Steps(s)
    steps = np.array(made.steps, np.int64)
    head = np.array([made.most + SLACK, tables, made.scale_of, made.scale_at, none, 0], np.int64)
    program = np.concatenate((head, steps.ravel()))
    program[k.END // 8] = program.ctypes.data + program.nbytes
    return program


class _Steps:
    """The steps of a record in the order of its fields; neighbouring constants are one."""

    def __init__(self, s: Schema) -> None:
        self.s, self.x = s, layout(s)
        self.at = dict(zip((f.name for f in self.x.fields), self.x.offsets, strict=True))
        self.back = {f.source: f for f in reversed(self.x.fields) if f.source}
        self.steps: list[Step] = []
        self.most = 0
        names = [f.name for f in s.fields]
        self.scale_of, self.scale_at = k.NOTHING, 0
        if "symbol" in names:
            self.scale_of = k.MAYBE if s.field("symbol").nullable else k.INSTRUMENT
        elif s.name == "Balance":
            self.scale_of, self.scale_at = k.CURRENCY, self.at["currency"]
        for f in s.fields:
            self._field(f)

    def _add(self, op: int, most: int, at: int = 0, more: int = 0, nulls: int = k.NEVER) -> None:
        self.most += most + (nulls != k.NEVER)
        self.steps.append((op, at, more, nulls))

    def _field(self, f: Field) -> None:
        name = f"{self.s.name}.{f.name}"
        if name in DERIVED:
            op, most, looked_at = DERIVED[name]
            self._add(op, most, 0, sum(self.at[x] << 16 * i for i, x in enumerate(looked_at)))
        elif name in ("Request.cl_ord_id", "Request.orig_cl_ord_id"):
            self._add(k.ORDER_TEXT, 23, self.at["order_id"], self.at["action"] if f.nullable else -1)
        elif name == "Command.target":
            self._add(k.TARGET, 1, self.at["target_scope"], self.at["target_strategy"])
        elif f.name == "run_id":
            self._add(k.RUN, LONG_MAX)
        elif f.name == "venue":
            self._add(*((k.MAYBE_PAIR, 2) if f.nullable else (k.PAIR, 0)))
        elif f.name == "symbol":
            assert self.steps[-1][0] in (k.PAIR, k.MAYBE_PAIR), f"{self.s.name}: symbol does not follow venue"
        elif f.name == "side":
            self._add(k.ENUM, 1, self.at["side"], len(ENUMS["Side"].symbols))
        elif f.name in ("id", "cause_id", "ts_ns", "recv_ts_ns"):
            self._add(k.LONG, LONG_MAX, self.at[f.name])
        elif f.name in self.back:
            self._value(f, self.back[f.name])
        else:
            self._constant(_default(f))

    def _value(self, f: Field, slot: SlotField) -> None:
        """A field that the slot holds."""
        op, most = OPS[slot.convert]
        more, nulls = 0, k.NEVER
        if f.nullable:
            nulls = {"int": k.WORD, "float": k.WORD, "I32": k.HALF, "I8": k.BYTE}[slot.type]
        if slot.convert == "same" and f.type == "double":
            op, most = k.DOUBLE, 8
        elif slot.convert == "same" and f.type == "int":
            op = k.INT if slot.type == "int" else k.I32
        elif slot.convert == "name":
            more = NameKind[slot.of]
            if slot.of in ("STRATEGY", "SCOPE"):
                op, most = k.MAYBE_NAME, 1
        elif slot.convert == "enum":
            more = len(ENUMS[slot.of].symbols)
        elif slot.convert == "value":
            more = self.at["value_unit"]
        self._add(op, most, self.at[slot.name], more, nulls)

    def _constant(self, value: bytes) -> None:
        last = self.steps[-1]
        self.most += len(value)
        if last[0] == k.CONSTANT and last[1] + len(value) <= 8:
            value = last[2].to_bytes(8, "little", signed=True)[: last[1]] + value
            self.steps.pop()
        for i in range(0, len(value), 8):
            part = value[i : i + 8]
            self.steps.append((k.CONSTANT, len(part), int.from_bytes(part.ljust(8, b"\0"), "little", signed=True), k.NEVER))


def _default(f: Field) -> bytes:
    """The bytes of a field that has no place in memory."""
    if f.type == "array":
        return b"\0"
    value = f.default if f.has_default else DEFAULTS[f.type]
    if value is None:
        return b"\0"
    leaf = {"long": wire.long, "int": wire.integer, "double": wire.double, "string": wire.string, "bytes": wire.raw, "money": wire.money}
    body = bytes((value,)) if f.type == "boolean" else leaf[f.type](value)
    return b"\2" + body if f.nullable else body


@cache
def _entry() -> Any:
    """The compiled loop, made or loaded on first use."""
    made = native.load("slots_out", lambda: {"write_slots": (k.write_slots, 9)}, native.sources(*SOURCES))
    return native.function(made.write_slots, 9)
