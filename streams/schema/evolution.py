"""What the compiled decoder follows for bodies that were written with another version of a schema: `resolve(schema, writer)`.

By Avro's rules for a reader's and a writer's schema: fields by name, those that only the reader has by their defaults, promotions of
numbers and between text and bytes, unions with null, enums by symbol. The rest raises SchemaError: such bodies are decoded one by one.
"""

import json
import struct
from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import cache
from typing import Any

from streams.errors import SchemaError
from streams.schema import bulk_kernel as k
from streams.schema.bulk_table import Step, code_of, inner_fields, with_runs
from streams.schema.model import ENUMS, NESTED, Field, Schema

__all__ = ["resolve"]

NAMED = ("record", "enum", "fixed")
PLAIN = {"long": k.LONG, "int": k.INT, "double": k.DOUBLE, "boolean": k.BOOLEAN, "string": k.TEXT, "bytes": k.RAW}
PROMOTED = {("int", "long"): k.INT, ("int", "double"): k.NUMBER, ("long", "double"): k.NUMBER, ("float", "double"): k.FLOAT}
ONE_BYTE = 64  # symbols of an enum whose number is always one byte
E9_DIGITS = 9


def resolve(schema: Schema, writer: dict[str, Any]) -> tuple[Step, ...]:
    """The program of bodies written with `writer`, an Avro schema as the registry gives it, for the columns of `schema`.

    Columns of fields that only the writer has bear names that no field has. SchemaError if it cannot be followed in bulk.
    """
    return _resolved(schema, json.dumps(writer))


@cache
def _resolved(schema: Schema, writer: str) -> tuple[Step, ...]:
    try:
        return _Resolver(schema.name).program(schema, json.loads(writer))
    except (KeyError, TypeError, AttributeError) as error:
        raise SchemaError(f"{schema.name}: the writer's schema cannot be understood: {error!r}") from error


class _Resolver:
    """Walks a writer's schema."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.named: dict[str, dict[str, Any]] = {}
        self.extra = 0

    def program(self, schema: Schema, writer: Any) -> tuple[Step, ...]:
        kind, avro, union = self.unwrapped(writer)
        if kind != "record" or union or _short(avro["name"]) != schema.name:
            raise self.refused("is no record of this name")
        return with_runs(self.fields(avro["fields"], schema.fields, ""))

    def refused(self, why: str) -> SchemaError:
        return SchemaError(f"{self.name}: the writer's schema {why}; its bodies cannot be decoded in bulk")

    def unwrapped(self, avro: Any) -> tuple[str, Any, int]:
        """(name of the type, its definition, NULL_FIRST or NULL_SECOND if null is the other branch of a union)."""
        if isinstance(avro, list):
            others = [branch for branch in avro if branch != "null"]
            if len(avro) != 2 or len(others) != 1:
                raise self.refused("has a union of other than null and one type")
            kind, definition, inner = self.unwrapped(others[0])
            if inner:
                raise self.refused("has a union in a union")
            return kind, definition, k.NULL_FIRST if avro[0] == "null" else k.NULL_SECOND
        if isinstance(avro, str):
            known = self.named.get(_short(avro))
            return (known["type"], known, 0) if known else (avro, {"type": avro}, 0)
        if isinstance(avro["type"], dict | list):
            return self.unwrapped(avro["type"])
        if avro["type"] in NAMED:
            self.named[_short(avro["name"])] = avro
        return avro["type"], avro, 0

    def fields(self, writers: Iterable[dict[str, Any]], readers: Sequence[Field], array: str) -> list[Step]:
        """Steps of a record's fields, then of those that the writer lacks."""
        steps: list[Step] = []
        targets = {f.name: f for f in readers}
        for avro in writers:
            target = targets.pop(avro["name"], None)
            kind, definition, union = self.unwrapped(avro["type"])
            if target is None:
                steps += self.skipped(avro["name"], kind, definition, union, array)
            elif target.type == "array":
                steps += self.array(kind, definition, union, target)
            else:
                steps.append(self.step(kind, definition, union, target, array))
        return steps + [self.default(f, array) for f in targets.values()]

    def step(self, kind: str, avro: dict[str, Any], union: int, target: Field, array: str) -> Step:
        """The step of a field that both have."""
        logical = avro.get("logicalType")
        money = kind == "bytes" and logical == "decimal" and (avro["precision"], avro.get("scale", 0)) == (38, 9)
        op, symbols = -1, ()
        if target.type == "money":
            op = k.MONEY if money else -1
        elif target.type == "enum" and kind == "enum" and _short(avro["name"]) == target.of:
            op, symbols = _symbols(avro["symbols"], ENUMS[target.of].symbols)
        elif kind == "fixed" == target.type and logical is None:
            op = k.FIXED if (_short(avro["name"]), avro["size"]) == (target.of, target.size) else -1
        elif logical is None and kind in ("string", "bytes") and target.type in ("string", "bytes"):
            op = code_of(target)
        elif logical is None:
            op = PLAIN[kind] if kind == target.type and kind in PLAIN else PROMOTED.get((kind, target.type), -1)
        if op < 0:
            raise self.refused(f"has {target.name} as {logical or kind}, which is no {target.type}")
        return Step(target, op, array, 0, union, symbols)

    def array(self, kind: str, avro: dict[str, Any], union: int, target: Field) -> list[Step]:
        """An array that both have."""
        if kind != "array" or union:
            raise self.refused(f"has {target.name} as {kind}, which is no array")
        item, definition, nullable = self.unwrapped(avro["items"])
        if target.of not in NESTED:
            inner = [self.step(item, definition, nullable, inner_fields(target)[0], target.name)]
        elif item == "record" and not nullable and _short(definition["name"]) == target.of:
            inner = self.fields(definition["fields"], inner_fields(target), target.name)
        else:
            raise self.refused(f"has other elements in {target.name}")
        return self.with_array(Step(target, k.ARRAY, "", len(inner)), inner)

    def with_array(self, array: Step, inner: list[Step]) -> list[Step]:
        if any(step.op == k.ARRAY for step in inner) or not any(step.op != k.DEFAULT for step in inner):
            raise self.refused("has an array in an array, or elements of no bytes")
        return [array, *inner]

    def skipped(self, name: str, kind: str, avro: dict[str, Any], union: int, array: str) -> list[Step]:
        """Steps over a field that the reader does not have."""
        if kind in ("record", "array", "map") and (union or (kind != "record" and array)):
            raise self.refused(f"has {kind} {name} within another, or null in its place, which the reader lacks")
        if kind == "record":
            return [step for f in avro["fields"] for step in self.skipped(f"{name}.{f['name']}", *self.unwrapped(f["type"]), array)]
        if kind in ("array", "map"):
            target = self.unread(name, "array", k.ARRAY, 0)
            inner = self.skipped(f"{name}{{}}", "string", {}, 0, target.name) if kind == "map" else []
            inner += self.skipped(f"{name}[]", *self.unwrapped(avro["items" if kind == "array" else "values"]), target.name)
            return self.with_array(Step(target, k.ARRAY, "", len(inner)), inner)
        op = {"enum": k.SYMBOL, "fixed": k.FIXED, "float": k.FLOAT}.get(kind, PLAIN.get(kind, -1))
        if op < 0:
            raise self.refused(f"has a field of type {kind}")
        symbols = tuple(range(len(avro["symbols"]))) if op == k.SYMBOL else ()
        return [Step(self.unread(name, "long", op, union, avro.get("size", 0)), op, array, 0, union, symbols)]

    def unread(self, name: str, type_: str, op: int, union: int, size: int = 0) -> Field:
        """A field that only the writer has, its name as the doc. Equal names have memory of one shape, also those of different writers."""
        self.extra += 1
        return Field(f"-{self.extra}:{op}:{union}", type_, "", union != 0, False, None, name, "", size)

    def default(self, f: Field, array: str) -> Step:
        """The step of a field that only the reader has."""
        if not f.has_default:
            raise self.refused(f"lacks {f.name}, which has no default")
        return Step(f, k.DEFAULT, array, 0, default=self.words(f))

    def words(self, f: Field) -> tuple[int, int, int, int]:
        """How many words a default has, the words, and whether it is null."""
        value, wide = f.default, f.type in ("money", "string", "bytes", "fixed")
        if f.type == "array":
            return 0, 0, 0, 0
        if value is None:
            return 1 + wide, 0, 0, 1
        if f.type == "enum":
            return 1, ENUMS[f.of].symbols.index(value), 0, 0
        if f.type == "double":
            return 1, struct.unpack("<q", struct.pack("<d", value))[0], 0, 0
        if f.type == "money":
            n = int(Decimal(value).scaleb(E9_DIGITS))
            low = n & (1 << 64) - 1
            return 2, low - (low >> 63 << 64), n >> 64, 0
        if wide:
            if value:
                raise self.refused(f"lacks {f.name}, whose default is a text")
            return 2, 0, 0, 0
        return 1, int(value), 0, 0


def _short(name: str) -> str:
    """A name without its namespace."""
    return name.rpartition(".")[2]


def _symbols(writers: Sequence[str], readers: Sequence[str]) -> tuple[int, tuple[int, ...]]:
    """The op of an enum, and what each symbol of the writer is for the reader, -1 = nothing."""
    found = tuple(readers.index(s) if s in readers else -1 for s in writers)
    plain = found == tuple(range(len(writers))) and len(writers) <= ONE_BYTE
    return k.ENUM if plain else k.SYMBOL, found
