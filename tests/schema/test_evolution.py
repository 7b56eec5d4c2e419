"""Bodies of other versions of a schema give, in bulk, what Avro's rules for a reader's and a writer's schema give."""

import io
import random
from typing import Any, cast

import fastavro
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streams.errors import DecodeError, EdgeError, SchemaError
from streams.schema import bulk, codec, slots_in
from streams.schema.damage import damage
from streams.schema.evolution import resolve
from streams.schema.layout import layout
from streams.schema.model import SCHEMAS, Schema
from tests.schema.columns_read import records_of
from tests.schema.made import any_record, any_slots, edge, plain
from tests.schema.made_writers import made_value, other_version
from tests.schema.test_bulk import mutated
from tests.schema.test_codec import TRADE
from tests.schema.test_slots_in import READ, bytes_of, values_at

OURS, OTHER, THIRD = b"\0\0\0\0\7", b"\0\0\0\0\x08", b"\0\0\0\0\x09"


def written(avro: Any, value: Any) -> bytes:
    """A value as fastavro writes it."""
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(avro), value)
    return out.getvalue()


def one_by_one(schema: Schema, avro: Any, body: bytes) -> Any:
    """The record of a body of another version by fastavro; None if it cannot be read."""
    try:
        return codec.decode_as(schema.record, avro, body)
    except DecodeError:
        return None


def flat(value: Any) -> Any:
    return {k: v for k, v in plain(value).items() if v is not None}


@pytest.mark.parametrize("name", sorted(SCHEMAS))
@settings(max_examples=15, deadline=None)
@given(data=st.data(), seed=st.integers(0, 1 << 40))
def test_decode_bodies_of_two_other_versions_gives_what_fastavro_resolves(name: str, data: st.DataObject, seed: int) -> None:
    schema, rng = SCHEMAS[name], random.Random(seed)
    writers = {OTHER: other_version(schema, rng), THIRD: other_version(schema, rng)}
    record = data.draw(any_record(schema))
    values = [OURS + codec.encode(record)]
    wanted = [record]
    for header, avro in writers.items():
        for _ in range(3):
            body = written(avro, made_value(avro, rng, flat(record)))
            for body in (body, mutated(body, rng)):  # noqa: B020
                values.append(header + body)
                wanted.append(one_by_one(schema, avro, body))
    order = rng.sample(range(len(values)), len(values))
    found = bulk.decode(schema, [values[i] for i in order], OURS, writers)
    read = iter(records_of(found))
    for i, state in zip(order, found.state.tolist(), strict=True):
        if state == bulk.GOOD:
            assert repr(next(read)) == repr(wanted[i])  # by text: NaN is not equal to itself
        else:
            assert i, "our own body"
            assert wanted[i] is None or i % 2 == 0, "a body that is not damaged"


def left_to_python(record: Any) -> bool:
    """Whether compiled code leaves a record to the edge: a short execution id that is not ASCII."""
    exec_id = getattr(record, "exec_id", None) or ""
    return not exec_id.isascii() and len(exec_id.encode()) <= 16


@pytest.mark.parametrize("name", READ)
@settings(max_examples=15, deadline=None)
@example(seed=9000)
@given(seed=st.integers(0, 1 << 40))
def test_read_bodies_of_another_version_gives_the_slots_of_the_edge(name: str, seed: int) -> None:
    made, schema, rng = edge(), SCHEMAS[name], random.Random(seed)
    avro = other_version(schema, rng)
    record = made.from_slot(layout(schema).kind, any_slots(schema, seed), run_id=7)
    bodies = [written(avro, made_value(avro, rng, flat(record))) for _ in range(4)]
    address, size, _kept = values_at([*(OTHER + body for body in bodies), OURS + codec.encode(record)])
    found = bytes_of(slots_in.SlotReader(made).read(schema, address, size, OURS, {OTHER: avro}))
    for body, slots in zip(bodies, found, strict=False):
        there = one_by_one(schema, avro, body)
        try:
            wanted = None if there is None else made.to_slots(there)
        except EdgeError:
            wanted = None
        assert slots == wanted or (slots is None and left_to_python(there))
    assert found[-1] == made.to_slots(record)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"name": "Quote"}, "is no record of this name"),
        ({"type": "enum", "symbols": ["A"]}, "is no record of this name"),
        ({"fields": []}, "lacks id, which has no default"),
        ({"fields": [{"name": "id", "type": "string"}]}, "has id as string, which is no long"),
        ({"fields": [{"name": "id", "type": ["null", "long", "string"]}]}, "has a union of other than null and one type"),
        (
            {
                "fields": [
                    {"name": "id", "type": "long"},
                    {"name": "x", "type": {"type": "array", "items": {"type": "array", "items": "int"}}},
                ]
            },
            "has array x\\[\\] within another",
        ),
        ({"fields": [{"name": "id", "type": ["null", ["long", "null"]]}]}, "has a union in a union"),
        ({"fields": [{"name": "id", "type": "who"}]}, "has id as who"),
        ({"fields": [{"name": "id"}]}, "cannot be understood"),
    ],
)
def test_resolve_what_cannot_be_followed_is_refused(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(SchemaError, match=reason):
        resolve(SCHEMAS["Trade"], SCHEMAS["Trade"].plain | change)


def test_resolve_own_schema_is_the_own_program() -> None:
    for schema in SCHEMAS.values():
        assert resolve(schema, cast(Any, schema.avro)) == bulk.steps_of(schema)


def test_decode_headers_of_other_sizes_are_refused() -> None:
    with pytest.raises(SchemaError, match="one size, and at most 7 bytes"):
        bulk.decode(SCHEMAS["Trade"], [], OURS, {b"\0": SCHEMAS["Trade"].plain})
    with pytest.raises(SchemaError, match="one size, and at most 7 bytes"):
        bulk.decode(SCHEMAS["Trade"], [], bytes(8))


@pytest.mark.parametrize("name", sorted(SCHEMAS))
@settings(max_examples=15, deadline=None)
@given(data=st.data(), seed=st.integers(0, 1 << 40))
def test_damage_is_found_in_bodies_that_bulk_refuses_and_in_no_others(name: str, data: st.DataObject, seed: int) -> None:
    schema, rng = SCHEMAS[name], random.Random(seed)
    avro = other_version(schema, rng)
    body = written(avro, made_value(avro, rng, flat(data.draw(any_record(schema)))))
    bodies = [body, body[: rng.randrange(len(body))], *(mutated(body, rng) for _ in range(6))]
    found = bulk.decode(schema, [OTHER + b for b in bodies], OURS, {OTHER: avro})
    for each, state in zip(bodies, found.state.tolist(), strict=True):
        assert (damage(schema, avro, each) != "") == (state == bulk.BAD), damage(schema, avro, each)


def test_decode_as_damaged_body_says_field_offset_and_reason() -> None:
    avro = {"type": "record", "name": "Trade", "fields": [{"name": "extra", "type": "string"}, *SCHEMAS["Trade"].plain["fields"][:11]]}
    avro["fields"].append({"name": "qty_e9", "type": ["null", "long"]})
    good = b"\4hi" + codec.encode(TRADE._replace(qty_e9=0))[:-1]
    for body, reason in (
        (good, r"Trade: body of another schema version cannot be read: qty_e9 at byte \d+: is cut off: the body has only \d+ bytes"),
        (good + b"\0", r"qty_e9 at byte \d+: is null, and may not be null now"),
        (good + b"\1", r"qty_e9 at byte \d+: has no such branch of its union"),
        (good + b"\2\2\2", "Trade: 1 bytes after the last field"),
        (b"\4\xff\xff" + good[3:], "extra at byte 3: is no UTF-8"),
        (b"\1" + good, "extra at byte 1: has a negative length"),
    ):
        with pytest.raises(DecodeError, match=reason):
            codec.decode_as(SCHEMAS["Trade"].record, avro, body)
    assert codec.decode_as(SCHEMAS["Trade"].record, avro, good + b"\2\2") == TRADE._replace(qty_e9=1)
