"""A schema with fixed fields, bytes, defaults and a nested fixed, in none of the platform's topics: everything that a schema may have."""

import io
import json
from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import avro.io
import avro.schema
import fastavro
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.errors import SchemaError
from streams.schema import bulk, clickhouse, model
from streams.schema.bulk_encode import columns_of, encode
from streams.schema.codegen import compile_codec
from streams.schema.emit_records import _record as record_text
from streams.schema.model import COMMON, Schema

HASH = {"type": "fixed", "name": "Hash", "size": 16}
ITEM = {"type": "record", "name": "Item", "doc": "d", "fields": [{"name": "mark", "type": "Hash", "doc": "d"}]}
FIELDS = [
    {"name": "hash", "type": HASH, "doc": "d"},
    {"name": "items", "type": {"type": "array", "items": ITEM}, "doc": "d"},
    {"name": "raw", "type": "bytes", "doc": "d"},
    {"name": "before", "type": ["null", "Hash"], "default": None, "doc": "d"},
    {"name": "color", "type": {"type": "fixed", "name": "Color", "size": 3}, "default": "\u0001\u00ff\u0000", "doc": "d"},
]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The schema, its codec and its record classes."""
    folder: Path = tmp_path_factory.mktemp("schemas")
    common = [{"name": name, "type": "int" if name == "run_id" else "long", "doc": "d"} for name in COMMON]
    head = {"type": "record", "name": "Sample", "doc": "d", "topic": "samples.v1", "retention": "7d", "order_by": ["id"], "written_by": "x"}
    (folder / "sample.avsc").write_text(json.dumps(head | {"fields": common + FIELDS}))
    schemas, _, nested = model.load(folder)
    schema = schemas["Sample"]
    records = SimpleNamespace(
        Sample=namedtuple("Sample", [f.name for f in schema.fields]),
        Item=namedtuple("Item", ["mark"]),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(model.NESTED, "Item", nested["Item"])
        for name in (*model.ENUMS, *model.NESTED):
            if not hasattr(records, name):
                patch.setattr(records, name, getattr(__import__("streams.records").records, name), raising=False)
        write, read, _ = compile_codec(schema, records)
        yield SimpleNamespace(schema=schema, records=records, write=write, read=read)


ROWS = st.lists(
    st.tuples(
        st.binary(min_size=16, max_size=16),
        st.lists(st.binary(min_size=16, max_size=16), max_size=3),
        st.binary(max_size=20),
        st.none() | st.binary(min_size=16, max_size=16),
        st.binary(min_size=3, max_size=3),
    ),
    min_size=1,
    max_size=4,
)
EACH = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def values(schema: Schema, row: Any) -> dict[str, Any]:
    hash, items, raw, before, color = row
    own = {"hash": hash, "items": [{"mark": mark} for mark in items], "raw": raw, "before": before, "color": color}
    return dict.fromkeys(COMMON, 1) | own


@EACH
@given(rows=ROWS)
def test_fixed_is_written_and_read_as_fastavro_and_avro_do(sample: Any, rows: list[Any]) -> None:
    schema = sample.schema
    bodies = []
    for row in rows:
        plain = values(schema, row)
        stream = io.BytesIO()
        fastavro.schemaless_writer(stream, cast(Any, schema.avro), plain)
        bodies.append(stream.getvalue())
        record = sample.records.Sample(**plain | {"items": tuple(sample.records.Item(mark) for mark in row[1])})
        assert sample.write(record) == bodies[-1]
        assert sample.read(bodies[-1]) == (record, len(bodies[-1]))
        assert avro.io.DatumReader(avro.schema.parse(json.dumps(schema.avro))).read(avro.io.BinaryDecoder(io.BytesIO(bodies[-1]))) == plain
    found = bulk.decode(schema, bodies)
    assert not found.state.any()
    assert encode(found)[0].tobytes() == b"".join(bodies)
    columns = dict.fromkeys(COMMON, 1) | {"hash": [r[0] for r in rows], "raw": [r[2] for r in rows], "before": [r[3] for r in rows]}
    columns |= {
        "items": np.cumsum([len(r[1]) for r in rows]),
        "items.mark": [mark for r in rows for mark in r[1]],
        "color": [r[4] for r in rows],
    }
    assert encode(columns_of(schema, columns))[0].tobytes() == b"".join(bodies)


def test_fixed_body_cut_anywhere_is_pointed_out(sample: Any) -> None:
    record = sample.records.Sample(1, 1, 1, 1, 1, b"h" * 16, (sample.records.Item(b"m" * 16),), b"raw", b"b" * 16, b"rgb")
    body = sample.write(record)
    found = bulk.decode(sample.schema, [body[:size] for size in range(len(body))] + [body])
    assert found.state.tolist() == [bulk.BAD] * len(body) + [bulk.GOOD]
    assert sample.read(body) == (record, len(body))


def test_fixed_of_another_size_is_refused(sample: Any) -> None:
    row = dict.fromkeys(COMMON, 1) | {"hash": [b"x" * 16, b"x" * 15], "items": [0, 0], "raw": b""}
    with pytest.raises(SchemaError, match=r"Sample.hash: row 1: .* does not fit; 16 bytes are needed"):
        encode(columns_of(sample.schema, row))
    with pytest.raises(ValueError, match="has 15 bytes; 16 are needed"):
        sample.write(sample.records.Sample(1, 1, 1, 1, 1, b"h" * 15, (), b"", None, b"rgb"))


def test_fixed_default_is_bytes_and_a_column_of_the_table(sample: Any) -> None:
    assert sample.schema.field("color").default == b"\x01\xff\x00"
    row = dict.fromkeys(COMMON, 1) | {"hash": b"x" * 16, "raw": b""}
    assert encode(columns_of(sample.schema, row))[0].tobytes().endswith(b"\0\0\0\x01\xff\x00")
    assert [c.type for c in clickhouse.columns(sample.schema) if c.name in ("hash", "items.mark", "color")] == [
        "String",
        "Array(String)",
        "String",
    ]
    assert "hash: bytes  # d" in record_text(sample.schema)
