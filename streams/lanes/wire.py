"""Records to the bytes of a topic and back: Avro bodies under the registry's five-byte header."""

import io
from typing import Any, NamedTuple

import fastavro

from streams.errors import DecodeError
from streams.lanes.registry import SchemaIds, UnknownSchemaError
from streams.schema import codec, model

__all__ = ["HEADER_BYTES", "Wire"]

HEADER_BYTES = 5


class Wire:
    """Encodes and decodes records of any topic; asks the registry once per topic and once per foreign schema id."""

    def __init__(self, ids: SchemaIds) -> None:
        self.ids = ids
        self._headers: dict[str, bytes] = {}
        self._classes: dict[str, tuple[bytes, type]] = {}
        self._foreign: dict[tuple[str, bytes], Any] = {}

    def header(self, topic: str) -> bytes:
        """The five bytes before each body on a topic: magic 0, id of our schema."""
        found = self._headers.get(topic)
        if found is None:
            found = self._headers[topic] = codec.frame(self.ids.id_of(topic), b"")
        return found

    def encode(self, topic: str, record: NamedTuple) -> bytes:
        """The value to send."""
        return self.header(topic) + codec.encode(record)

    def decode(self, topic: str, value: bytes | None) -> Any:
        """The record of a value in our schema, also of a writer with an older or newer version of it.

        Raises DecodeError with the reason for a dead letter; LaneError if the registry is needed and away.
        """
        known = self._classes.get(topic)
        if known is None:
            known = self._classes[topic] = (self.header(topic), model.for_topic(topic).record)
        header, record = known
        if value is not None and value[:HEADER_BYTES] == header:
            return codec.decode(record, value[HEADER_BYTES:])
        return self._decode_foreign(topic, value)

    def writers(self, topic: str) -> dict[bytes, Any]:
        """The other versions of a topic's schema that `decode` has met, by the five bytes before their bodies: bulk readers take them."""
        return {head: avro for (where, head), avro in self._foreign.items() if where == topic}

    def knows(self, topic: str, value: bytes) -> bool:
        """Whether `decode` reads or refuses the value without a question to the registry: our schema, one met before, or no header."""
        head = bytes(value[:HEADER_BYTES])
        return head == self.header(topic) or (topic, head) in self._foreign or len(head) < HEADER_BYTES or head[0] != 0

    def body_in(self, schema_id: int, topic: str, record: NamedTuple) -> bytes:
        """The body of a record as the version `schema_id` of its schema writes it: what journals of that version were hashed over."""
        if codec.frame(schema_id, b"") == self.header(topic):
            return codec.encode(record)
        schema = fastavro.parse_schema(self.ids.writer_schema(schema_id))
        out = io.BytesIO()
        fastavro.schemaless_writer(out, schema, _plain(record, model.for_topic(topic).avro))
        return out.getvalue()

    def writer(self, topic: str, value: bytes | None) -> dict[str, Any]:
        """The Avro schema that a value was written with; raises as `decode`."""
        if value is None:
            raise DecodeError(f"{topic}: a record without a value")
        schema_id, _ = codec.unframe(value)
        schema = model.for_topic(topic)
        key = (topic, bytes(value[:HEADER_BYTES]))
        writer = self._foreign.get(key)
        if writer is None:
            try:
                avro = self.ids.writer_schema(schema_id)
            except UnknownSchemaError as error:
                raise DecodeError(str(error)) from None
            if avro.get("name") != schema.name:
                raise DecodeError(f"schema id {schema_id} is of {avro.get('name')}, {topic} carries {schema.name}")
            writer = self._foreign[key] = avro
        return writer

    def _decode_foreign(self, topic: str, value: bytes | None) -> Any:
        writer = self.writer(topic, value)
        return codec.decode_as(model.for_topic(topic).record, writer, value[HEADER_BYTES:])  # type: ignore[index]


def _plain(value: Any, avro: Any) -> Any:
    """Named tuples as dictionaries and enums as symbols, as fastavro takes them."""
    if isinstance(avro, list):
        return None if value is None else _plain(value, avro[1])
    kind = avro["type"] if isinstance(avro, dict) else avro
    if kind == "record":
        return {f["name"]: _plain(getattr(value, f["name"]), f["type"]) for f in avro["fields"]}
    if kind == "array":
        return [_plain(item, avro["items"]) for item in value]
    if kind == "enum" or hasattr(value, "name"):
        return value.name
    if hasattr(value, "_fields"):
        return {name: _plain(getattr(value, name), "") for name in value._fields}
    return value
