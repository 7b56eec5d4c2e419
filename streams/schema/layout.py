"""Where each field of a record stands in its slot: `layout(schema)`. The slot classes and the edge are both made from it.

A slot is a header of 40 bytes, equal in all, then the record's own fields, wide ones first:
prices in ticks, quantities in lots, money in money units, names as numbers of the dictionary, null as NULL (int64) or -1.
"""

from dataclasses import dataclass
from functools import cache

from streams.errors import SchemaError
from streams.schema.model import COMMON, NESTED, SIZES, Field, Schema

__all__ = ["FIRST", "GAP", "HEADER", "LAST", "NULL", "SNAPSHOT", "WIDTH", "Layout", "SlotField", "layout"]

NULL = -(1 << 63)  # null of an int64
LAST, GAP, SNAPSHOT, FIRST = 1, 2, 4, 8  # bits of `flags`
WIDTH = {"int": 8, "float": 8, "I32": 4, "I8": 1}
EXEC = (("exec_hi", "first"), ("exec_lo", "last"))
NAMES = {
    "account": "ACCOUNT",
    "strategy": "STRATEGY",
    "scope": "SCOPE",
    "parent": "SCOPE",
    "currency": "CURRENCY",
    "base": "CURRENCY",
    "quote": "CURRENCY",
    "fee_currency": "CURRENCY",
    "sector": "SECTOR",
    "cluster": "CLUSTER",
    "metric": "METRIC",
}


@dataclass(frozen=True)
class SlotField:
    """A field in memory.

    type    : int, float, I32 or I8
    convert : how the edge makes it from `source`: same, ticks, lots, mid2, mark2, money, value, name, bool, enum, exec_hi, exec_lo;
              header and only have no source of their own
    source  : the record's field; "" for the header's own and for fields that exist in memory alone
    of      : kind of name, name of the enum
    """

    name: str
    type: str
    convert: str
    source: str
    of: str
    nullable: bool
    default: str
    doc: str


@dataclass(frozen=True)
class Layout:
    """Fields in memory order, their byte offsets, and the slot's size (64, 128 or 256)."""

    kind: int
    name: str
    fields: tuple[SlotField, ...]
    offsets: tuple[int, ...]
    size: int


def _header(name: str, type: str, default: str, doc: str) -> SlotField:
    return SlotField(name, type, "header", "", "", False, default, doc)


HEADER = (
    _header("id", "int", "0", "this record's id: writer (16 bits) << 47 | sequence (47 bits)"),
    _header("cause_id", "int", "0", "id of the input that caused it; 0 = none"),
    _header("ts_ns", "int", "0", "the writer's now, ns since 1970 UTC"),
    _header("recv_ts_ns", "int", "0", "when the frame that started it was received, ns since 1970 UTC"),
    _header("instrument", "I32", "-1", 'number of "venue:symbol"; -1 = none'),
    _header("kind", "I8", "0", "KIND_..., which slot this is"),
    _header("side", "I8", "-1", "0 BUY, 1 SELL; -1 = the record has no side"),
    _header("flags", "I8", "0", "bits LAST 1, GAP 2, SNAPSHOT 4, FIRST 8 of a book update; else 0"),
    _header("spare", "I8", "0", "always 0"),
)


@cache
def layout(schema: Schema) -> Layout:
    """The slot of a record; SchemaError when it has none, or when it does not fit 256 bytes."""
    if schema.slot is None:
        raise SchemaError(f"{schema.name}: has no slot")
    body: list[SlotField] = []
    for f in schema.fields:
        if f.name in COMMON or f.slot == "skip" or f.name in ("venue", "symbol", "side"):
            continue
        if f.type == "array":
            body += [x for e in NESTED[f.of].fields if e.name != "side" for x in _fields(schema, e)]
        elif schema.name != "BookUpdate" or f.name not in ("snapshot", "gap"):  # these two are flags
            body += _fields(schema, f)
    body += [SlotField(o.name, o.type, "only", "", "", False, str(o.default), o.doc) for o in schema.slot.only]
    body.sort(key=lambda f: -WIDTH[f.type])  # stable: wide fields first leaves no hole
    fields, offsets, at = HEADER + tuple(body), [], 0
    for f in fields:
        offsets.append(at)
        at += WIDTH[f.type]
    size = next((s for s in SIZES if at <= s), 0)
    if not size:
        raise SchemaError(f"{schema.name}: its slot needs {at} bytes; at most {SIZES[-1]}. Mark fields with slot: skip")
    return Layout(schema.slot.kind, schema.slot.name, fields, tuple(offsets), size)


def _fields(schema: Schema, f: Field) -> list[SlotField]:
    """The one field in memory, or the two of an execution id."""
    null = "NULL" if f.nullable else "0"
    if f.name == "exec_id":
        ends = ((name, f"{half} 8 of the 16 bytes of the execution id, as a big-endian int64") for name, half in EXEC)
        none = "; NULL = none" if f.nullable else ""
        return [SlotField(name, "int", name, f.name, "", f.nullable, null, doc + none) for name, doc in ends]
    if f.type == "string":
        if f.name not in NAMES:
            raise SchemaError(f"{schema.name}.{f.name}: text has no place in a slot; mark it slot: skip")
        doc = f"number of the {f.name.replace('_', ' ')}; -1 = none"
        return [SlotField(f.name, "I32", "name", f.name, NAMES[f.name], f.nullable, "-1", doc)]
    if f.type in ("enum", "boolean"):
        doc = f.of if f.type == "enum" else "1 true, 0 false" + (", -1 = null" if f.nullable else "")
        convert = "enum" if f.type == "enum" else "bool"
        return [SlotField(f.slot or f.name, "I8", convert, f.name, f.of, f.nullable, "-1" if f.nullable else "0", f"{f.doc} ({doc})")]
    name, convert, doc = _number(f)
    if f.nullable and "null" not in doc:
        doc += "; NULL = none"
    return [SlotField(name, _type(f, convert), convert, f.name, f.of, f.nullable, null, doc.replace("null", "NULL"))]


def _number(f: Field) -> tuple[str, str, str]:
    """Name, conversion and doc of a number's field in memory."""
    name = f.slot or f.name
    if name == "mid2_ticks":
        return name, "mid2", "twice the mid of the market when filled, ticks"
    if name == "mark2_ticks":
        return name, "mark2", "twice the price it is valued at, ticks"
    if name in ("limit_value", "used_value"):
        return name, "value", f.doc
    if f.type == "money":
        return name, "money", f.doc + ", money units"
    if f.slot == "peg_offset_ticks" or name == "px_e9" or name.endswith("_px_e9"):
        return f.slot or name[:-2] + "ticks", "ticks", f.doc.replace(" x 10^9", ", ticks")
    if name == "qty_e9" or name.endswith("_qty_e9"):
        return name[:-2] + "lots", "lots", f.doc.replace(" x 10^9", ", lots")
    return name, "same", f.doc


def _type(f: Field, convert: str) -> str:
    """float for a double, 4 bytes for an Avro int (NULL needs 8), else int64."""
    if convert != "same" or f.type not in ("double", "int"):
        return "int"
    return "float" if f.type == "double" else "int" if f.nullable else "I32"
