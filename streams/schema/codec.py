"""Avro bodies of records: `encode` and `decode`, byte for byte what fastavro writes, and the registry's header before them.

A body that is damaged in any way raises DecodeError with record, field, byte offset and reason; it never crashes, loops or takes memory
beyond its own size.
"""

import struct
from functools import cache
from io import BytesIO
from types import TracebackType
from typing import Any, TypeVar, cast

from streams import records
from streams.errors import DecodeError, SchemaError
from streams.schema.codegen import compile_codec
from streams.schema.model import SCHEMAS, Schema

__all__ = ["HEADER", "MAX_BODY", "decode", "decode_as", "encode", "frame", "of", "unframe"]

R = TypeVar("R", bound=tuple)

HEADER = struct.Struct(">bI")  # magic 0, schema id
MAX_BODY = 8 << 20  # bytes; the largest body that is looked at


class _Codec:
    """Encoder and decoder of one record, compiled on first use."""

    __slots__ = ("encode", "fields", "read", "schema")

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.encode, self.read, self.fields = compile_codec(schema, records)


@cache
def _codec(cls: type) -> _Codec:
    schema = SCHEMAS.get(cls.__name__)
    if schema is None or schema.record is not cls:
        raise SchemaError(f"{cls.__name__} is no record; records are in streams.records")
    return _Codec(schema)


def of(record: Any) -> Schema:
    """The schema of a record or of its class."""
    return _codec(record if isinstance(record, type) else type(record)).schema


def encode(record: Any) -> bytes:
    """The record's Avro body, without header; SchemaError names a field whose value does not fit its type."""
    codec = _codec(type(record))
    try:
        return codec.encode(record)
    except (TypeError, ValueError, KeyError, AttributeError, struct.error) as error:
        raise SchemaError(_why_not(codec.schema, record)) from error


def decode(cls: type[R], body: bytes | memoryview) -> R:
    """The record in a body written with the current schema; DecodeError says record, field, byte offset and reason."""
    codec = _codec(cls)
    b = body if type(body) is bytes else bytes(body)
    size = len(b)
    if size > MAX_BODY:
        raise DecodeError(f"{cls.__name__}: body of {size} bytes; at most {MAX_BODY} are read")
    try:
        record, end = codec.read(b)
    except (IndexError, KeyError, ValueError, struct.error) as error:
        raise DecodeError(_where(codec, b, error)) from error
    if end != size:
        raise DecodeError(f"{cls.__name__}: the record ends at byte {end}, but the body has {size}: bytes after the last field")
    return cast(R, record)


def decode_as(cls: type[R], writer: dict[str, Any], body: bytes | memoryview) -> R:
    """The record in a body written with another version of its schema (`writer`, as the registry gives it), in today's fields."""
    import fastavro  # rare path: keep it out of every start

    schema = of(cls)
    if len(body) > MAX_BODY:
        raise DecodeError(f"{cls.__name__}: body of {len(body)} bytes; at most {MAX_BODY} are read")
    stream = BytesIO(bytes(body))
    try:
        values = fastavro.schemaless_reader(stream, cast(Any, writer), cast(Any, schema.avro))
        rest = len(stream.read())
        if not isinstance(values, dict):
            raise TypeError("the writer's schema is no record")
        values |= {f.name: f.default for f in schema.fields if f.type == "money" and isinstance(values[f.name], str)}  # a default as text
        text = BytesIO()
        fastavro.schemaless_writer(text, cast(Any, schema.avro), values)
    except Exception as error:  # fastavro raises whatever its C code meets
        why = _where_of_version(schema, writer, bytes(body)) or error or type(error).__name__
        raise DecodeError(f"{cls.__name__}: body of another schema version cannot be read: {why}") from error
    if rest:
        raise DecodeError(f"{cls.__name__}: {rest} bytes after the last field")
    return decode(cls, text.getvalue())


def frame(schema_id: int, body: bytes) -> bytes:
    """The record's value on a topic: magic 0, schema id in 4 bytes, body."""
    return HEADER.pack(0, schema_id) + body


def unframe(value: bytes | memoryview) -> tuple[int, memoryview]:
    """(schema id, body) of a record's value; DecodeError if it does not begin with the registry's header."""
    if len(value) < HEADER.size:
        raise DecodeError(f"value of {len(value)} bytes has no registry header; 5 bytes are needed")
    magic, schema_id = HEADER.unpack_from(value)
    if magic:
        raise DecodeError(f"value begins with byte {magic & 255}, not with the registry's magic 0")
    return schema_id, memoryview(value)[HEADER.size :]


def _where(codec: _Codec, b: bytes, error: Exception) -> str:
    """Record, field, offset and reason, from the line of the generated decoder that failed."""
    at = cast(TracebackType, cast(TracebackType, error.__traceback__).tb_next)  # below this module's frame: the generated code
    offset = min(at.tb_frame.f_locals.get("p", 0), len(b))
    if isinstance(error, (IndexError, struct.error)):
        reason = f"is cut off: the body has only {len(b)} bytes"
    elif isinstance(error, KeyError):
        reason = f"has {error.args[0]}, which is none of its values"
    elif isinstance(error, UnicodeDecodeError):
        reason = "is no UTF-8"
    else:
        reason = str(error)
    return f"{codec.schema.name}.{codec.fields[at.tb_lineno - 1]} at byte {offset}: {reason}"


def _where_of_version(schema: Schema, writer: dict[str, Any], body: bytes) -> str:
    """Field, offset and reason of damage in a body of another version; "" if its fields can be told apart."""
    from streams.schema.damage import damage

    return damage(schema, writer, body)


def _why_not(schema: Schema, record: Any) -> str:
    """The first field that cannot be encoded, and what it should be."""
    from streams.schema.check import misfit

    return misfit(schema, record) or f"{schema.name}: cannot be encoded"
