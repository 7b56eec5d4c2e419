"""The schemas as Python sees them: `SCHEMAS` by record, `BY_TOPIC` by topic, `BY_KIND` by kind of slot; `schemas/*.avsc` is the source.

A schema is an Avro record with a few attributes of ours: `topic`, `retention`, `order_by` (sort key of the table),
`written_by`, and `slot` for records that have an in-memory slot. A field with `"slot": "skip"` stays on the topic.
"""

import hashlib
import importlib
import json
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from streams.errors import SchemaError

__all__ = [
    "BY_KIND",
    "BY_TOPIC",
    "COMMON",
    "ENUMS",
    "FOLDER",
    "NESTED",
    "SCHEMAS",
    "SIZES",
    "Enum",
    "Field",
    "Fixed",
    "Nested",
    "Schema",
    "Slot",
    "SlotOnly",
]
__all__ += ["canonical", "for_topic", "load"]

FOLDER = Path(__file__).resolve().parents[2] / "schemas"
COMMON = ("id", "cause_id", "run_id", "ts_ns", "recv_ts_ns")  # the first fields of every record
SIZES = (64, 128, 256)  # bytes of a slot
DLQ = ".dlq.v1"
PRIMITIVES = ("int", "long", "double", "boolean", "string", "bytes")
MEANING = ("type", "name", "namespace", "fields", "symbols", "items", "size", "default", "logicalType", "precision", "scale")


@dataclass(frozen=True)
class Field:
    """One field of a record.

    type    : int, long, double, boolean, string, bytes, fixed, money (decimal(38, 9)), enum, record or array
    of      : name of the enum, record or fixed; of an array its element's type (a primitive, or the record's name)
    default : None for nullable fields, () for arrays that may be left out; meaningless unless has_default
    slot    : "" = by the rules of `layout`, "skip" = not in memory, else its name in memory
    size    : bytes of a fixed
    """

    name: str
    type: str
    of: str
    nullable: bool
    has_default: bool
    default: Any
    doc: str
    slot: str
    size: int = 0


@dataclass(frozen=True)
class Fixed:
    """An Avro fixed: bytes of one size."""

    name: str
    size: int


@dataclass(frozen=True)
class Enum:
    """An Avro enum; its number in memory is the symbol's index."""

    name: str
    doc: str
    symbols: tuple[str, ...]


@dataclass(frozen=True)
class Nested:
    """A record inside an array."""

    name: str
    doc: str
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class SlotOnly:
    """A field that exists in memory alone."""

    name: str
    type: str
    default: int
    doc: str


@dataclass(frozen=True)
class Slot:
    """What a schema says of its slot: `kind` is stored in memory and never renumbered."""

    kind: int
    name: str
    only: tuple[SlotOnly, ...]


@dataclass(frozen=True, eq=False)
class Schema:
    """One record of the platform and the topic it travels on."""

    name: str
    topic: str
    doc: str
    retention: str
    order_by: tuple[str, ...]
    written_by: str
    fields: tuple[Field, ...]
    slot: Slot | None
    avro: dict[str, Any]

    @cached_property
    def record(self) -> type:
        """The class in `streams.records`."""
        return getattr(importlib.import_module("streams.records"), self.name)

    @cached_property
    def plain(self) -> dict[str, Any]:
        """The Avro schema without docs and our attributes, decimals kept: what the registry's subject means."""
        return canonical(self.avro)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of the canonical form: changes when bytes or their meaning change, not with a doc."""
        return hashlib.sha256(json.dumps(self.plain, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    @property
    def plural(self) -> str:
        """The topic's plural noun, which names its table: `trades.v1` gives `trades`, `*.dlq.v1` gives `dead_letters`."""
        return "dead_letters" if self.topic.endswith(DLQ) else self.topic.split(".")[0]

    def field(self, name: str) -> Field:
        """The field of that name; SchemaError if there is none."""
        for f in self.fields:
            if f.name == name:
                return f
        raise SchemaError(f"{self.name}: no field {name!r}; it has {', '.join(f.name for f in self.fields)}")


def canonical(avro: Any) -> Any:
    """An Avro schema reduced to what changes bytes or their meaning."""
    if isinstance(avro, dict):
        return {k: canonical(v) if k in ("type", "fields", "items") else v for k, v in avro.items() if k in MEANING}
    return [canonical(x) for x in avro] if isinstance(avro, list) else avro


def for_topic(topic: str) -> Schema:
    """The schema of a topic, dead-letter topics included; SchemaError names the known topics."""
    schema = BY_TOPIC.get("*" + DLQ if topic.endswith(DLQ) else topic)
    if schema is None:
        raise SchemaError(f"topic {topic!r} has no schema; known are {', '.join(sorted(BY_TOPIC))}")
    return schema


def load(folder: Path = FOLDER) -> tuple[dict[str, Schema], dict[str, Enum], dict[str, Nested]]:
    """Schemas, enums and nested records of a folder of `.avsc` files; SchemaError says file, field and fault."""
    files = sorted(folder.glob("*.avsc"))
    if not files:
        raise SchemaError(f"{folder}: no .avsc files; run from a checkout of millrace")
    reader = _Reader()
    schemas = [reader.schema(path) for path in files]
    return {s.name: s for s in schemas}, reader.enums, reader.nested


class _Reader:
    """Collects enums, fixed types and nested records over all files: a name means the same everywhere."""

    def __init__(self) -> None:
        self.enums: dict[str, Enum] = {}
        self.nested: dict[str, Nested] = {}
        self.fixed: dict[str, Fixed] = {}
        self.where = ""

    def schema(self, path: Path) -> Schema:
        self.where = path.name
        try:
            avro = json.loads(path.read_text())
        except ValueError as error:
            raise SchemaError(f"{path.name}: not JSON: {error}") from error
        missing = [k for k in ("name", "doc", "topic", "retention", "order_by", "written_by", "fields") if k not in avro]
        if missing:
            raise SchemaError(f"{path.name}: attribute {missing[0]!r} is missing")
        fields = tuple(self.field(f) for f in avro["fields"])
        names = [f.name for f in fields]
        if tuple(names[: len(COMMON)]) != COMMON:
            raise SchemaError(f"{path.name}: the first fields must be {', '.join(COMMON)}; found {', '.join(names[: len(COMMON)])}")
        unknown = [k for k in avro["order_by"] if k not in names]
        if unknown:
            raise SchemaError(f"{path.name}: order_by: {unknown[0]!r} is no field")
        optional = [f.has_default for f in fields]
        if optional != sorted(optional):
            raise SchemaError(f"{path.name}: fields with a default must stand last: {names[optional.index(True)]!r} does not")
        return Schema(
            name=avro["name"],
            topic=avro["topic"],
            doc=avro["doc"],
            retention=avro["retention"],
            order_by=tuple(avro["order_by"]),
            written_by=avro["written_by"],
            fields=fields,
            slot=_slot(avro),
            avro=avro,
        )

    def field(self, f: dict[str, Any]) -> Field:
        self.where = f"{self.where.split(':')[0]}: {f['name']}"
        if not f.get("doc"):
            raise SchemaError(f"{self.where}: has no doc; say unit, meaning and range")
        avro, nullable = f["type"], False
        if isinstance(avro, list):
            if len(avro) != 2 or avro[0] != "null" or "default" not in f or f["default"] is not None:
                raise SchemaError(f'{self.where}: a union must be ["null", T] with default null; found {avro}')
            avro, nullable = avro[1], True
        kind, of = self.type(avro)
        default = _default(kind, f.get("default"))
        size = self.fixed[of].size if kind == "fixed" else 0
        return Field(f["name"], kind, of, nullable, "default" in f, default, f["doc"], f.get("slot", ""), size)

    def type(self, avro: Any) -> tuple[str, str]:
        if isinstance(avro, str):
            if avro in PRIMITIVES:
                return avro, ""
            if avro in self.enums:
                return "enum", avro
            if avro in self.nested:
                return "record", avro
            if avro in self.fixed:
                return "fixed", avro
        elif avro.get("logicalType") == "decimal" and (avro["precision"], avro["scale"]) == (38, 9):
            return "money", ""
        elif avro["type"] == "enum":
            self.same(self.enums, Enum(avro["name"], avro["doc"], tuple(avro["symbols"])))
            return "enum", avro["name"]
        elif avro["type"] == "fixed" and "logicalType" not in avro and avro["size"] > 0:
            self.same(self.fixed, Fixed(avro["name"], avro["size"]))
            return "fixed", avro["name"]
        elif avro["type"] == "array":
            kind, of = self.type(avro["items"])
            if kind in ("long", "record"):
                return "array", of or kind
        elif avro["type"] == "record":
            where = self.where
            self.same(self.nested, Nested(avro["name"], avro["doc"], tuple(self.field(f) for f in avro["fields"])))
            self.where = where
            return "record", avro["name"]
        raise SchemaError(f"{self.where}: type {avro!r} is not supported; see streams/schema/model.py")

    def same(self, known: dict[str, Any], new: Any) -> None:
        if known.setdefault(new.name, new) != new:
            raise SchemaError(f"{self.where}: {new.name} differs from its definition in another schema; make them equal")


def _default(kind: str, given: Any) -> Any:
    """A default as Python holds it: Avro writes bytes as text, one character a byte."""
    if kind == "array":
        return ()
    if kind in ("bytes", "fixed") and given is not None:
        return given.encode("latin-1")
    if kind != "money" or given is None:
        return given
    return Decimal(int.from_bytes(given.encode("latin-1"), "big", signed=True) or 0).scaleb(-9).normalize()


def _slot(avro: dict[str, Any]) -> Slot | None:
    slot = avro.get("slot")
    if slot is None:
        return None
    only = tuple(SlotOnly(o["name"], o["type"], o["default"], o["doc"]) for o in slot.get("only", ()))
    return Slot(slot["kind"], slot.get("name", avro["name"] + "Slot"), only)


SCHEMAS, ENUMS, NESTED = load()
BY_TOPIC = {s.topic: s for s in SCHEMAS.values()}
BY_KIND = {s.slot.kind: s for s in SCHEMAS.values() if s.slot}
