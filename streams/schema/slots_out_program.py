"""The program of a record, which the compiled `write_slot` follows, made from its schema and its layout: `program_of`."""

import numpy as np

from streams.records import NameKind
from streams.schema import slots_out_kernel as k
from streams.schema import wire
from streams.schema.bulk_put import LONG_MAX, MONEY_MAX, SLACK
from streams.schema.layout import SlotField, layout
from streams.schema.model import ENUMS, Field, Schema

__all__ = ["program_of"]

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


def program_of(s: Schema, tables: int, none: int) -> np.ndarray:
    """The program of a record, int64 words; it holds its own address. tables, none: as in `slots_out_kernel`, of an edge."""
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
