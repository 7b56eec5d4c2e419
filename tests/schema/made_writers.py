"""Made-up other versions of a schema, and values that a writer of such a version sends."""

import random
import struct
from decimal import Decimal
from typing import Any

from streams.schema.model import Schema

__all__ = ["made_value", "other_version"]

EXTRAS: tuple[Any, ...] = (
    *("int", "long", "float", "double", "boolean", "string", "bytes", ["null", "string"], ["long", "null"], ["null", "double"]),
    {"type": "map", "values": "long"},
    {"type": "array", "items": "string"},
    {
        "type": "array",
        "items": {"type": "record", "name": "Extra", "fields": [{"name": "a", "type": "int"}, {"name": "b", "type": ["null", "bytes"]}]},
    },
    {
        "type": "record",
        "name": "Nest",
        "fields": [{"name": "x", "type": "double"}, {"name": "y", "type": {"type": "fixed", "name": "F4", "size": 4}}],
    },
    {"type": "enum", "name": "Mood", "symbols": ["GOOD", "BAD", "UGLY"]},
    {"type": "fixed", "name": "F9", "size": 9},
    ["null", {"type": "fixed", "name": "F3", "size": 3}],
    {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2},
)
NAMED = ("record", "enum", "fixed")


def other_version(s: Schema, rng: random.Random, mild: bool = False) -> dict[str, Any]:
    """A schema that today's can read: fields moved, left out where there is a default, put in, and of other types.

    mild: no more than Apache Avro's reader resolves, which takes no unions for what is none, and no bytes for text.
    """
    named: dict[str, Any] = {}
    fields = [dict(f) for f in s.plain["fields"]]
    fields = [f for f in fields if "default" not in f or rng.random() < 0.6]
    fields = [f | {"type": _changed(_expanded(f["type"], named), rng, mild)} for f in fields]
    if rng.random() < 0.7:
        rng.shuffle(fields)
    for n, extra in enumerate(rng.sample(EXTRAS, rng.randrange(4))):
        fields.insert(rng.randrange(len(fields) + 1), {"name": f"extra{n}", "type": extra})
    return _named_once(
        {
            "type": "record",
            "name": s.name,
            "namespace": s.avro.get("namespace", ""),
            "fields": [{"name": f["name"], "type": f["type"]} for f in fields],
        },
        set(),
    )


def _expanded(avro: Any, named: dict[str, Any]) -> Any:
    """A type with definitions in place of names."""
    if isinstance(avro, list):
        return [_expanded(t, named) for t in avro]
    if isinstance(avro, str):
        return named.get(avro, avro)
    if avro["type"] == "array":
        return avro | {"items": _expanded(avro["items"], named)}
    if avro["type"] == "record":
        avro = avro | {"fields": [f | {"type": _expanded(f["type"], named)} for f in avro["fields"]]}
    if avro["type"] in NAMED:
        named[avro["name"]] = avro
    return avro


def _named_once(avro: Any, seen: set[str]) -> Any:
    """The same with names in place of definitions where one has been given."""
    if isinstance(avro, list):
        return [_named_once(t, seen) for t in avro]
    if isinstance(avro, str):
        return avro
    if avro["type"] in NAMED and avro["name"] in seen:
        return avro["name"]
    if avro["type"] in NAMED:
        seen.add(avro["name"])
    if avro["type"] == "record":
        return avro | {"fields": [f | {"type": _named_once(f["type"], seen)} for f in avro["fields"]]}
    return avro | {"items": _named_once(avro["items"], seen)} if avro["type"] == "array" else avro


def _changed(avro: Any, rng: random.Random, mild: bool) -> Any:
    """A type that can be read as this one."""
    if rng.random() < 0.5:
        return avro
    if isinstance(avro, list):
        inner = _changed(avro[1], rng, mild)
        return rng.choice((avro[1], avro[::-1], avro if isinstance(inner, list) else [avro[0], inner]))
    if isinstance(avro, dict):
        if avro["type"] == "enum":
            return avro | {"symbols": rng.sample(avro["symbols"], len(avro["symbols"]))}
        if avro["type"] == "array" and isinstance(avro["items"], dict):
            inner = [
                f | {"type": _changed(f["type"], rng, mild)} for f in avro["items"]["fields"] if "default" not in f or rng.random() < 0.5
            ]
            inner += [{"name": "extra", "type": rng.choice(EXTRAS[:10])}] if rng.random() < 0.3 else []
            return avro | {"items": avro["items"] | {"fields": rng.sample(inner, len(inner))}}
        return avro
    if mild:
        return rng.choice([avro, *{"long": ["int"], "double": ["float", "int", "long"]}.get(avro, [])])
    other = {"long": ["int"], "double": ["float", "int", "long"], "string": ["bytes"], "bytes": ["string"]}.get(avro)
    return rng.choice(([avro, "null"], ["null", avro], *(other or ())))


def made_value(avro: Any, rng: random.Random, given: Any = None) -> Any:
    """A value of a type as fastavro takes it: `given` where that fits, else any. Unions are null one time in ten."""
    named: dict[str, Any] = {}
    return _value(_expanded(avro, named), rng, given, named)


def _value(avro: Any, rng: random.Random, given: Any, named: dict[str, Any]) -> Any:
    if isinstance(avro, list):
        other = next(t for t in avro if t != "null")
        return None if rng.random() < 0.1 else _value(other, rng, given, named)
    if isinstance(avro, str):
        return _value(named[avro], rng, given, named) if avro in named else _plain(avro, rng, given)
    kind = avro["type"]
    if kind == "record":
        own = given if isinstance(given, dict) else {}
        return {f["name"]: _value(_expanded(f["type"], named), rng, own.get(f["name"]), named) for f in avro["fields"]}
    if kind == "array":
        own = given if isinstance(given, list) else [None] * rng.randrange(4)
        return [_value(_expanded(avro["items"], named), rng, item, named) for item in own]
    if kind == "map":
        return {f"k{i}": rng.randrange(1 << 40) for i in range(rng.randrange(3))}
    if kind == "enum":
        return given if given in avro["symbols"] else rng.choice(avro["symbols"])
    if kind == "fixed":
        return rng.randbytes(avro["size"])
    if "precision" in avro:
        return given if isinstance(given, Decimal) else Decimal(rng.randrange(-(10**8), 10**8)).scaleb(-2)
    return _plain(kind, rng, given)


def _plain(kind: str, rng: random.Random, given: Any) -> Any:
    if kind in ("int", "long"):
        bits = 31 if kind == "int" else 63
        usable = isinstance(given, int) and not isinstance(given, bool) and -(1 << bits) <= given < 1 << bits
        return given if usable else rng.choice((rng.randrange(-70, 70), rng.randrange(-(1 << bits), 1 << bits)))
    if kind in ("double", "float"):
        x = float(given) if isinstance(given, int | float) else rng.choice((0.0, -1.5, 1e-40, 3e38, rng.random()))
        return x if kind == "double" else struct.unpack("<f", struct.pack("<f", min(max(x, -3e38), 3e38)))[0]
    if kind == "boolean":
        return given if isinstance(given, bool) else rng.random() < 0.5
    text = given if isinstance(given, str | bytes) else rng.choice(("", "a", "venue", "gr\u00f6\u00dfer"))
    if kind == "string":
        return text if isinstance(text, str) else text.decode("latin-1")
    return text if isinstance(text, bytes) else text.encode()
