"""The edge between topics and memory: `Edge.to_slots` and `Edge.from_slot`. It converts exactly or raises EdgeError, whose message is the
reason in the dead-letter topic.

The edge knows the dictionary (`on_name`) and the instruments (`on_instrument`), both from records. What a slot does not hold (text, raw
bytes, fields marked `slot: skip`) comes back as a default or is derived from the rest.
"""

import struct
from functools import cached_property
from typing import Any

from streams import records
from streams.errors import EdgeError, SchemaError, UnitError
from streams.records import Instrument, Name, NameKind
from streams.schema.dictionary import Dictionary
from streams.schema.edge_tables import Tables
from streams.schema.edgegen import compile_edge
from streams.schema.layout import layout
from streams.schema.model import BY_KIND, SCHEMAS
from streams.schema.native_tables import NativeTables

__all__ = ["Edge"]

SIZES = {kind: layout(schema).size for kind, schema in BY_KIND.items()}
_makers: dict[str, Any] = {}


class Edge:
    """Converter between records and slots of one process."""

    def __init__(self) -> None:
        self._tables = Tables()
        self.dictionary = self._tables.dictionary
        self._ways: dict[str, Any] = {}

    def on_name(self, record: Name) -> None:
        """Take an entry of the dictionary; SchemaError if it renumbers."""
        self.dictionary.on_name(record)

    def on_instrument(self, record: Instrument) -> None:
        """Take an instrument's rules; EdgeError if it has no number or its steps cannot be used."""
        self._tables.add(record)

    def number(self, kind: NameKind, name: str) -> int:
        """The number of a name; SchemaError if it has none."""
        return self.dictionary.number(kind, name)

    def name(self, kind: NameKind, number: int) -> str:
        """The name of a number; SchemaError if there is none."""
        return self.dictionary.name(kind, number)

    @cached_property
    def native(self) -> NativeTables:
        """The same tables as flat memory for compiled code; `refresh` it when the edge may have learned something."""
        return NativeTables(self._tables)

    def money_scale(self, currency: str) -> int:
        """Digits of a currency's money unit; 8 until an instrument that settles in it says otherwise."""
        return self._tables.scale_of(currency)

    def to_slots(self, record: Any) -> bytes:
        """The record's slots, one after the other: one, or one a book level. EdgeError if it has no exact form in memory."""
        name = type(record).__name__
        try:
            return self._way(name)[0](record)
        except (struct.error, TypeError, UnitError) as error:
            raise EdgeError(f"{SCHEMAS[name].plural}: {record.id}: {error}") from error

    def from_slot(self, kind: int, data: bytes | memoryview, run_id: int) -> Any:
        """The record of a slot (of all slots of one book update), in topic units. EdgeError if a number names nothing."""
        schema = BY_KIND.get(kind)
        if schema is None:
            raise EdgeError(f"slot kind {kind} is unknown; kinds are {min(BY_KIND)} to {max(BY_KIND)}")
        name = schema.name
        if not data or len(data) % SIZES[kind]:
            raise EdgeError(f"{name}: {len(data)} bytes are no slots; a slot has {SIZES[kind]}")
        try:
            return self._way(name)[1](data, run_id)
        except (KeyError, struct.error, SchemaError, UnitError) as error:
            raise EdgeError(f"{schema.plural}: slot cannot be read: {error}") from error

    def _way(self, name: str) -> Any:
        """(to_slots, from_slot) of a record, bound to this edge's tables."""
        way = self._ways.get(name)
        if way is None:
            schema = SCHEMAS.get(name)
            if schema is None or schema.slot is None:
                raise EdgeError(f"{name} has no form in memory; see `slot` in schemas/")
            make = _makers.get(name)
            if make is None:
                make = _makers[name] = compile_edge(schema, records)
            numbers = {kind.name: self.dictionary.numbers(kind) for kind in NameKind}
            names = {kind.name: _name_of(self.dictionary, kind) for kind in NameKind}
            way = self._ways[name] = make(self._tables, numbers, names)
        return way


def _name_of(dictionary: Dictionary, kind: NameKind) -> Any:
    return lambda number: dictionary.name(kind, number)
