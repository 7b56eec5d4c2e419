"""Run apart, as the engine does not share a process: makes every table, inserts records into each, prints what comes back as JSON."""

import json
import random
import sys
import time
from typing import Any

import clickhouse_connect
from clickhouse_connect.datatypes.format import set_write_format
from hypothesis import HealthCheck, given, settings

from streams.schema import clickhouse
from streams.schema.model import SCHEMAS, Schema
from tests.schema.made import any_record

MARK = 1_723_161_602_000_000_001  # an instant whose last digit a float would lose


def instants(schema: Schema, record: Any, rng: random.Random) -> Any:
    """Instants inside what DateTime64(9) holds."""
    names = [f.name for f in schema.fields if f.name.endswith("_ns") and f.name not in clickhouse.DURATIONS]
    values = {n: MARK + rng.randrange(10**6) for n in names if getattr(record, n) is not None}
    return record._replace(**values | ({"tick_ts_ns": (MARK, MARK)} if schema.name == "JournalEntry" else {}))


def main(folder: str) -> None:
    """Prints {table: rows counted, or the error}."""
    client = clickhouse_connect.get_client(dsn=f"chdb:///{folder}")
    set_write_format("DateTime64", "int")
    client.command(clickhouse.database_ddl("m"))
    out: dict[str, Any] = {}
    now = int(time.time() * 1000)
    for schema in SCHEMAS.values():
        client.command(clickhouse.table_ddl(schema, "m"))
        client.command(clickhouse.table_ddl(schema, "m"))
        rows = [clickhouse.row(instants(schema, r, random.Random(i)), 1, i, now) for i, r in enumerate(made(schema))]
        for _ in range(2):  # the second time with the same token changes nothing
            client.insert(
                f"m.{schema.plural}",
                rows,
                column_names=clickhouse.insert_columns(schema),
                settings={"insert_deduplication_token": "t-1-0-9", "async_insert": 0},
            )
        names = [c.name for c in clickhouse.columns(schema)]
        result = client.query(f"SELECT count(), uniqExact(_offset), max(toUnixTimestamp64Nano(ts)) >= {MARK} FROM m.{schema.plural}")
        client.query(f"SELECT {', '.join(f'`{n}`' for n in names)} FROM m.{schema.plural}")
        comments = client.query(f"SELECT countIf(comment = '') FROM system.columns WHERE database = 'm' AND table = '{schema.plural}'")
        out[schema.plural] = [*result.result_rows[0], comments.result_rows[0][0], len(rows)]
    out["trade"] = str(
        client.query("SELECT px_e9 = toInt64(round(px * 1e9)), toTypeName(px), toTypeName(exch_ts) FROM m.trades").result_rows[0]
    )
    print(json.dumps(out))


def made(schema: Schema) -> list[Any]:
    """A few records of a schema."""
    records: list[Any] = []

    @settings(max_examples=4, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(record=any_record(schema))
    def collect(record: Any) -> None:
        records.append(record)

    collect()
    return records


if __name__ == "__main__":
    main(sys.argv[1])
