"""The ClickHouse table of a topic: columns, DDL, and a record as a row.

A column has the topic field's name and its doc as comment. What people read is typed for them: instants lose their `_ns` and are
DateTime64(9, 'UTC'), a field `x_e9` has a Float64 alias `x` beside the stored integer, enums and names are LowCardinality(String), arrays
are Nested. `_partition` and `_offset` say where the record stood, `ingest_ts` is Kafka's timestamp, on which the TTL runs.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cache
from typing import Any

from streams import records
from streams.schema.model import ENUMS, NESTED, Field, Schema

__all__ = ["Column", "added_columns", "added_ddl", "columns", "database_ddl", "insert_columns", "row", "table_ddl"]

DURATIONS = ("horizon_ns", "interval_ns", "p50_ns", "p99_ns", "p999_ns", "max_ns")  # every other `_ns` is an instant
NAMES = frozenset(
    {
        *("venue", "symbol", "base", "quote", "currency", "fee_currency"),
        *("account", "strategy", "scope", "parent", "metric", "actor", "action"),
        *("process", "agent", "source", "topic", "topology"),
    }
)
DEDUPLICATION_WINDOW = 10_000  # inserts whose tokens are remembered: more than can be in flight at a restart
INSTANT = "DateTime64(9, 'UTC')"
MONEY = "Decimal(38, 9)"
TYPES = {
    "int": "Int32",
    "long": "Int64",
    "double": "Float64",
    "boolean": "Bool",
    "string": "String",
    "bytes": "String",
    "fixed": "String",
    "money": MONEY,
}
COMPACTED = "7d"  # how long the table keeps a topic that Kafka compacts
UNITS = {"d": "DAY", "y": "YEAR"}


@dataclass(frozen=True)
class Column:
    """One column. Stored ones have a codec or none; an alias is computed when read and never inserted.

    default : what rows of before the column was there read; "" = the type's own, 0 or nothing
    """

    name: str
    type: str
    codec: str
    alias: str
    comment: str
    default: str = ""

    @property
    def ddl(self) -> str:
        """The column's line in CREATE TABLE."""
        alias = f" ALIAS {self.alias}" if self.alias else f" DEFAULT {self.default}" if self.default else ""
        codec = f" CODEC({self.codec})" if self.codec else ""
        return f"`{self.name}` {self.type}{alias} COMMENT {_text(self.comment)}{codec}"


@cache
def columns(schema: Schema) -> tuple[Column, ...]:
    """The table's columns in order: fields with their aliases, then `_partition`, `_offset` and `ingest_ts`."""
    out: list[Column] = []
    for f in schema.fields:
        if f.type == "array" and f.of in NESTED:
            out += [c for e in NESTED[f.of].fields for c in _columns(e, f"{f.name}.")]
        else:
            out += _columns(f, "")
    return (
        *out,
        Column("_partition", "Int32", "ZSTD(1)", "", "partition of the record in its topic"),
        Column("_offset", "Int64", "Delta, ZSTD(1)", "", "offset of the record in its partition"),
        Column("ingest_ts", "DateTime64(3, 'UTC')", "Delta, ZSTD(1)", "", "when Kafka took the record, ms; the TTL runs on it"),
    )


def database_ddl(database: str) -> str:
    """The statement that makes the database."""
    return f"CREATE DATABASE IF NOT EXISTS `{database}`"


def table_ddl(schema: Schema, database: str) -> str:
    """The statement that makes the table of a topic; it changes nothing when the table is there.

    Inserts with a token are deduplicated over the last 10,000; TTL drops whole parts, so parts are cut by day or month of ingest.
    """
    order = ", ".join(f"`{_name(schema.field(k))}`" for k in schema.order_by)
    lines = [f"CREATE TABLE IF NOT EXISTS `{database}`.`{schema.plural}`", "("]
    lines += [",\n".join(f"    {c.ddl}" for c in columns(schema)), ")", "ENGINE = MergeTree"]
    settings = f"non_replicated_deduplication_window = {DEDUPLICATION_WINDOW}"
    retention = COMPACTED if schema.retention == "compact" else schema.retention
    if retention != "forever":
        count, unit = int(retention[:-1]), UNITS[retention[-1]]
        by = "toDate(ingest_ts)" if unit == "DAY" else "toYYYYMM(ingest_ts)"
        lines += [f"PARTITION BY {by}", f"ORDER BY ({order})", f"TTL toDateTime(ingest_ts) + INTERVAL {count} {unit}"]
        settings += ", ttl_only_drop_parts = 1"
    else:
        lines.append(f"ORDER BY ({order})")
    return "\n".join([*lines, f"SETTINGS {settings}", f"COMMENT {_text(f'{schema.doc} Topic {schema.topic}.')}"])


def added_columns(schema: Schema, there: Collection[str]) -> tuple[Column, ...]:
    """Columns that a table with the columns `there` lacks, because the schema has grown since it was made."""
    return tuple(c for c in columns(schema) if c.name not in there)


def added_ddl(schema: Schema, database: str, there: Collection[str]) -> str:
    """The statement that gives a table the columns it lacks, in their places; `added_columns` must name at least one."""
    names = [c.name for c in columns(schema)]
    lines = []
    for column in added_columns(schema, there):
        i = names.index(column.name)
        lines.append(f"    ADD COLUMN IF NOT EXISTS {column.ddl} {f'AFTER `{names[i - 1]}`' if i else 'FIRST'}")
    return f"ALTER TABLE `{database}`.`{schema.plural}`\n" + ",\n".join(lines)


@cache
def insert_columns(schema: Schema) -> tuple[str, ...]:
    """Names of the columns that `row` fills, in its order."""
    return tuple(c.name for c in columns(schema) if not c.alias)


def row(record: Any, partition: int, offset: int, ingest_ms: int) -> list[Any]:
    """A record as a row for clickhouse-connect. Instants are int ns (ingest_ts int ms): insert with write format "int" for DateTime64."""
    return _row_of(type(record).__name__)(record, partition, offset, ingest_ms)


def _name(f: Field) -> str:
    return f.name[:-3] if f.name.endswith("_ns") and f.name not in DURATIONS else f.name


def _columns(f: Field, prefix: str) -> list[Column]:
    """The column of a field, and its alias; `prefix` is the name of the array around it."""
    name = prefix + _name(f)
    kind, codec = _type(f)
    stored = Column(name, f"Array({kind})" if prefix else kind, codec, "", f.doc, _default(f))
    if not f.name.endswith("_e9"):
        return [stored]
    price = name.removesuffix("_e9")
    doc = f.doc.replace(" x 10^9", "")
    if prefix:
        return [stored, Column(price, "Array(Float64)", "", f"arrayMap(x -> x / 1e9, `{name}`)", doc)]
    return [stored, Column(price, kind.replace("Int64", "Float64"), "", f"`{name}` / 1e9", doc)]


def _default(f: Field) -> str:
    """A default that is not what ClickHouse takes by itself."""
    if not f.has_default or not f.default or f.type == "array":
        return ""
    return _text(f.default) if isinstance(f.default, str) else str(f.default)


def _type(f: Field) -> tuple[str, str]:
    """(type, codec) of a field's column."""
    instant = f.name.endswith("_ns") and f.name not in DURATIONS
    if f.type == "array":
        return f"Array({INSTANT if instant else TYPES[f.of]})", "ZSTD(1)"
    if f.type == "enum" or (f.type == "string" and f.name in NAMES):
        return f"LowCardinality({'Nullable(String)' if f.nullable else 'String'})", ""
    kind = INSTANT if instant else TYPES[f.type]
    if f.name.endswith("_e9"):
        codec = "GCD, T64, ZSTD(1)" if f.name.endswith("qty_e9") else "GCD, Delta, ZSTD(1)"
    elif f.type == "long":
        codec = "Delta, ZSTD(1)"
    else:
        codec = "ZSTD(1)"
    return f"Nullable({kind})" if f.nullable else kind, codec


def _text(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


@cache
def _row_of(name: str) -> Callable[[Any, int, int, int], list[Any]]:
    """The function that makes rows of one record, from generated source: enums by name, arrays by column."""
    from streams.schema.model import SCHEMAS

    schema = SCHEMAS[name]
    values = []
    for i, f in enumerate(schema.fields):
        v = f"v{i}"
        if f.type == "array" and f.of in NESTED:
            values += [f"[{_value(e, f'x[{k}]')} for x in {v}]" for k, e in enumerate(NESTED[f.of].fields)]
        elif f.type == "array":
            values.append(f"list({v})")
        else:
            values.append(_value(f, v))
    scope: dict[str, Any] = {f"NAME_{e}": {m: m.name for m in getattr(records, e)} for e in ENUMS}
    names = ", ".join(f"v{i}" for i in range(len(schema.fields)))
    source = (
        f"def row(r, partition, offset, ingest_ms):\n    ({names},) = r\n    return [{', '.join(values)}, partition, offset, ingest_ms]"
    )
    exec(compile(source, f"<row {name}>", "exec"), scope)
    return scope["row"]


def _value(f: Field, v: str) -> str:
    if f.type != "enum":
        return v
    return f"None if {v} is None else NAME_{f.of}[{v}]" if f.nullable else f"NAME_{f.of}[{v}]"
