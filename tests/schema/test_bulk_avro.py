"""Bulk reading against Apache Avro's own reader and writer, also between versions of a schema."""

import io
import json
import random
from decimal import Decimal
from typing import Any

import avro.io
import avro.schema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.schema import bulk
from streams.schema.model import SCHEMAS, Field, Schema
from tests.schema.columns_read import records_of
from tests.schema.made import any_record, plain
from tests.schema.made_writers import made_value, other_version
from tests.schema.test_evolution import OTHER, OURS, written

PARSED = {name: avro.schema.parse(json.dumps(schema.avro)) for name, schema in SCHEMAS.items()}


def by_avro(schema: Schema, writer: Any, body: bytes) -> dict[str, Any]:
    """The record of a body as Apache Avro resolves it, with what it leaves as it was put right: whole numbers for doubles, and the bytes
    of a decimal's default.
    """
    reader = avro.io.DatumReader(avro.schema.parse(json.dumps(writer)), PARSED[schema.name])
    found: Any = reader.read(avro.io.BinaryDecoder(io.BytesIO(body)))
    return {f.name: _put_right(f, found[f.name]) for f in schema.fields}


def _put_right(f: Field, value: Any) -> Any:
    if f.type == "money" and isinstance(value, bytes):
        return Decimal(int.from_bytes(value, "big", signed=True)).scaleb(-9)
    return float(value) if f.type == "double" and value is not None else value


@pytest.mark.parametrize("name", sorted(SCHEMAS))
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_decode_bodies_that_apache_avro_writes_gives_the_records(name: str, data: st.DataObject) -> None:
    made = data.draw(st.lists(any_record(SCHEMAS[name]), max_size=3))
    bodies = []
    for record in made:
        out = io.BytesIO()
        avro.io.DatumWriter(PARSED[name]).write(plain(record), avro.io.BinaryEncoder(out))
        bodies.append(out.getvalue())
    assert records_of(bulk.decode(SCHEMAS[name], bodies)) == made


@pytest.mark.parametrize("name", sorted(SCHEMAS))
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1 << 40))
def test_decode_bodies_of_another_version_gives_what_apache_avro_resolves(name: str, seed: int) -> None:
    schema, rng = SCHEMAS[name], random.Random(seed)
    writer = other_version(schema, rng, mild=True)
    bodies = [written(writer, made_value(writer, rng)) for _ in range(3)]
    found = bulk.decode(schema, [OTHER + body for body in bodies], OURS, {OTHER: writer})
    assert [plain(record) for record in records_of(found)] == [by_avro(schema, writer, body) for body in bodies]
