"""What the compiled reader of slots follows for one schema: memory for the values of one record, and the plan of its slots."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from streams.records import NameKind
from streams.schema import bulk_kernel as read
from streams.schema import native_rows as rows
from streams.schema import slot_kernel as k
from streams.schema.blake2b import STATE_BYTES
from streams.schema.bulk_table import Step, key_of, more_of
from streams.schema.edge_in import PRODUCTS, WIDE_QTY
from streams.schema.layout import HEADER, Layout, SlotField, layout
from streams.schema.model import Schema
from streams.schema.units import E9, MAX_MARK_E9

__all__ = ["Plan", "Scratch", "is_read"]

BY_HAND = ("Command", "Instrument")  # what the edge derives or must learn first; few of them flow
OPTIONAL = ("STRATEGY", "SCOPE")  # kinds whose empty name is none
TIMES = ("id", "cause_id", "ts_ns", "recv_ts_ns")
LEVEL = ("side", "px_e9", "qty_e9")
FUNDING = {"mark_e9": (1, MAX_MARK_E9 - 1), "rate_e9": (-E9, E9)}
OPS = {
    "same": k.WORD,
    "ticks": k.TICKS,
    "lots": k.LOTS,
    "mid2": k.MID2,
    "mark2": k.MARK2,
    "money": k.MONEY,
    "value": k.VALUE,
    "name": k.NAME,
    "bool": k.BYTE,
    "enum": k.BYTE,
    "exec_hi": k.EXEC,
}


def is_read(schema: Schema) -> bool:
    """Whether compiled code reads records of this schema into slots."""
    return schema.slot is not None and schema.name not in BY_HAND


@dataclass(frozen=True)
class Value:
    """Where a field's value stands: address, and of its null mask, 0 = never null."""

    address: int
    nulls: int


class Scratch:
    """Columns of one row for each field that programs read, and of `elements` rows for each field of an array; the programs' words."""

    def __init__(self, programs: Sequence[tuple[Step, ...]], elements: int) -> None:
        self.elements = elements
        columns = {key_of(step): step for steps in programs for step in steps}
        sizes = [2 * elements if step.array else 2 for step in columns.values()]
        self._words, self._nulls = np.zeros(sum(sizes), np.int64), np.zeros(sum(sizes), np.uint8)
        starts = np.cumsum([0, *sizes])[:-1].tolist()
        first, masks = self._words.ctypes.data, self._nulls.ctypes.data
        self.values = {
            key: Value(first + 8 * start, masks + start if step.field.nullable else 0)
            for (key, step), start in zip(columns.items(), starts, strict=True)
        }
        self._kept: list[np.ndarray] = []
        self.words = [np.array([self._step(step) for step in steps], np.int64) for steps in programs]

    def _step(self, step: Step) -> tuple[int, ...]:
        op = read.TEXT if step.op == read.NAME else step.op
        value = self.values[key_of(step)]
        words, more = more_of(step)
        if words:
            self._kept.append(np.array([*words, 0], np.int64))
            more = self._kept[-1].ctypes.data
        return op + step.union, value.address, value.nulls, more, self.elements if op == read.ARRAY else step.fields


class Plan:
    """The words of a plan over the values of a scratch."""

    def __init__(self, schema: Schema, values: dict[str, Value]) -> None:
        self._schema, self._values, self._hash = schema, values, np.zeros(STATE_BYTES, np.uint8)
        x = layout(schema)
        self.words = np.array([*self._head(x), *(word for step in self._steps(x) for word in step)], np.int64)

    def _at(self, name: str) -> int:
        value = self._values.get(name)
        return value.address if value else 0

    def _text(self, name: str) -> tuple[int, int]:
        value = self._values.get(name)
        return (value.address, value.nulls) if value else (0, 0)

    def _head(self, x: Layout) -> list[int]:
        """What all slots begin with."""
        book = self._schema.name == "BookUpdate"
        side = self._at("side")
        used = max(offset + (8 if f.type in ("int", "float") else 1) for f, offset in zip(x.fields, x.offsets, strict=True))
        kind = x.kind << 32 | (0 if side or book else 255 << k.HAS_SIDE)
        currency = self._at("currency") if self._schema.name == "Balance" else 0
        levels = [self._at(n) for n in ("levels[]", *(f"levels.{n}" for n in LEVEL), "snapshot", "gap", "last_seq")] if book else [0] * 7
        times = [self._at(name) for name in TIMES]
        head = [
            x.size,
            used // 8 * 8,
            kind,
            *times,
            self._at("run_id"),
            side,
            *self._text("venue"),
            *self._text("symbol"),
            currency,
            *levels,
        ]
        if len(head) * 8 != k.PLAN_BYTES:
            raise AssertionError("the plan's head is not as slot_kernel reads it")
        return head

    def _steps(self, x: Layout) -> list[tuple[int, ...]]:
        """The conversions, and what is checked."""
        if self._schema.name == "BookUpdate":
            return []
        ranges = FUNDING if self._schema.name == "Funding" else {}
        steps = [(k.RANGE, self._at(name), 0, least, most) for name, (least, most) in ranges.items()]
        own = list(zip(x.fields, x.offsets, strict=True))[len(HEADER) :]
        steps += [self._step(f, place) for f, place in own if f.convert != "exec_lo"]
        places = {f.name: place for f, place in own}
        return steps + [(k.PRODUCT, places[px], 0, places[qty], 0) for px, qty in PRODUCTS if px in places and qty in places]

    def _step(self, f: SlotField, place: int) -> tuple[int, ...]:
        if f.convert == "only":
            raise AssertionError(f"{self._schema.name}.{f.name} is of memory alone")
        value, op = self._values[f.source], OPS[f.convert]
        if op == k.WORD and f.type == "I32":
            op = k.HALF
        return op, value.address, value.nulls, place, self._more(f)

    def _more(self, f: SlotField) -> int:
        if f.convert == "exec_hi":
            return self._hash.ctypes.data
        if f.convert == "ticks":
            return rows.PX_MOST
        if f.convert == "lots":
            return rows.BOOK_QTY_MOST if self._schema.name in WIDE_QTY else rows.ORDER_QTY_MOST
        if f.convert == "value":
            return self._at("value_unit")
        if f.convert == "name":
            return NameKind[f.of] + (k.EMPTY_ALLOWED if f.of in OPTIONAL else 0)
        return 0
