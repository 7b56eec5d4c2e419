"""Contract 2: a slot is the smallest of 64, 128 and 256 bytes, the header is the same in all, the fingerprint changes with the layout."""

import dataclasses
import json
from typing import Any

import pytest

from streams import slots
from streams.errors import SchemaError
from streams.kernel import NULL, Struct
from streams.kernel.layout import fingerprint
from streams.schema import model
from streams.schema.layout import HEADER, SIZES, WIDTH, layout
from streams.schema.model import SCHEMAS, Schema

LAYOUTS = {s.name: layout(s) for s in SCHEMAS.values() if s.slot}


@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_slot_class_lies_in_memory_as_the_layout_says(name: str) -> None:
    x = LAYOUTS[name]
    cls: Any = slots.SLOTS[x.kind]
    assert cls.__name__ == x.name
    assert [(f.name, f.offset, f.nbytes) for f in cls._fields_.values()] == [
        (f.name, at, WIDTH[f.type]) for f, at in zip(x.fields, x.offsets, strict=True)
    ]
    assert cls._size_ == x.size
    assert len(cls().pack()) == x.size


@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_slot_has_the_smallest_size_and_the_common_header(name: str) -> None:
    x = LAYOUTS[name]
    used = x.offsets[-1] + WIDTH[x.fields[-1].type]
    assert x.size == min(size for size in SIZES if size >= used)
    assert x.fields[: len(HEADER)] == HEADER
    assert x.offsets[: len(HEADER)] == (0, 8, 16, 24, 32, 36, 37, 38, 39)


def test_slot_of_a_level_is_64_bytes_and_optional_fields_are_null() -> None:
    assert LAYOUTS["BookUpdate"].size == LAYOUTS["Trade"].size == 64
    order = slots.OrderSlot()
    assert (order.px_ticks, order.parent_id, order.account, order.qty_lots) == (NULL, NULL, -1, 0)


def test_slot_kinds_are_dense_and_never_renumbered() -> None:
    kinds = {x.kind: name for name, x in LAYOUTS.items()}
    first = [
        "Instrument",
        "BookUpdate",
        "Trade",
        "Quote",
        "Signal",
        "Order",
        "Decision",
        "Request",
        "VenueEvent",
        "Report",
        "Fill",
        "Position",
        "Balance",
        "Limit",
        "Command",
        "Metric",
        "Funding",
    ]
    assert [kinds[kind] for kind in sorted(kinds)] == first


def test_layout_fingerprint_changes_with_name_width_and_order() -> None:
    class A(Struct):
        x: int
        y: int

    class B(Struct):
        y: int
        x: int

    class C(Struct):
        x: int
        y: float

    assert len({fingerprint(cls) for cls in (A, B, C)}) == 3
    assert fingerprint(slots.TradeSlot) != fingerprint(slots.LevelSlot)


def edited(name: str, fields: list[dict[str, Any]], **changes: Any) -> Schema:
    """The schema with fields added at its end."""
    avro = json.loads(json.dumps(SCHEMAS[name].avro))
    avro["fields"] += fields
    reader = model._Reader()
    made = tuple(reader.field(f) for f in avro["fields"])
    return dataclasses.replace(SCHEMAS[name], fields=made, avro=avro, **changes)


def test_layout_of_text_is_refused() -> None:
    with pytest.raises(SchemaError, match=r"Trade.note: text has no place in a slot; mark it slot: skip"):
        layout(edited("Trade", [{"name": "note", "type": "string", "doc": "text"}]))


def test_layout_larger_than_256_bytes_is_refused() -> None:
    many = [{"name": f"x{i}", "type": "long", "doc": "a number"} for i in range(30)]
    with pytest.raises(SchemaError, match=r"Trade: its slot needs 304 bytes; at most 256"):
        layout(edited("Trade", many))


def test_layout_of_a_record_without_slot_is_refused() -> None:
    with pytest.raises(SchemaError, match=r"Frame: has no slot"):
        layout(SCHEMAS["Frame"])
