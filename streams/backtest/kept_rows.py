"""Rows of a run that was kept, topic by topic, as Arrow tables: of a replay's folder, or of any run in ClickHouse.

Rows of a topic come in the order of their ids, which is the order written where a topic has one writer.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.ipc as ipc
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import Error

from streams.backtest.arrow import arrow_schema
from streams.backtest.manifest import is_replay, read_manifest
from streams.backtest.results_parquet import read_tables, topics_of
from streams.errors import ConfigError, SinkError
from streams.schema import model
from streams.schema.model import SCHEMAS
from streams.sinks.query import reason

__all__ = ["WRITTEN", "ClickHouseRows", "FolderRows", "KeptRows"]

WRITTEN = tuple(
    SCHEMAS[name].topic
    for name in ("Signal", "Order", "Decision", "Request", "VenueEvent", "Report", "Fill", "Position", "Balance", "Metric")
)
"""Topics that agents and venues write, each after what may cause it."""

WINDOW_ROWS = 1 << 18
SETTINGS = {
    "output_format_arrow_low_cardinality_as_dictionary": 0,
    "output_format_arrow_string_as_string": 1,
    "output_format_arrow_compression_method": "none",
}


class KeptRows(Protocol):
    """What is asked of a run. placed: `_offset` is the place of a record among all records of the run; digest: "" = not known."""

    name: str
    placed: bool
    digest: str

    def counts(self) -> dict[str, int]:
        """Rows by topic, of WRITTEN."""
        ...

    def tables(self, topic: str) -> Iterator[pa.Table]:
        """The rows of a topic in order, piece by piece."""
        ...


class FolderRows:
    """A replay's folder. ConfigError if it has no manifest."""

    placed = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = read_manifest(folder)
        self.name = str(self.manifest["run_id"])
        self.digest: str = self.manifest["result"]["digest"]

    @property
    def has_rows(self) -> bool:
        """False if only the manifest was kept."""
        return bool(topics_of(self.folder)) or not any(self.counts().values())

    def counts(self) -> dict[str, int]:
        """Rows by topic, as the manifest says."""
        return {topic: n for topic, n in self.manifest["result"]["counts"].items() if topic in WRITTEN}

    def tables(self, topic: str) -> Iterator[pa.Table]:
        """The rows of a topic, a row group at a time."""
        return read_tables(self.folder, topic)


class ClickHouseRows:
    """A run in ClickHouse: a live one or a replay. ConfigError if no table has rows of it."""

    def __init__(self, client: Client, run_id: int) -> None:
        self.client, self.run_id = client, run_id
        self.name, self.placed, self.digest = str(run_id), is_replay(run_id), ""
        self._counts = self._counted()
        if not self._counts:
            raise ConfigError(
                f"run {run_id}: ClickHouse has no rows of it; `millrace query 'select distinct run_id from orders'` shows runs"
            )

    def counts(self) -> dict[str, int]:
        """Rows by topic."""
        return self._counts

    def tables(self, topic: str) -> Iterator[pa.Table]:
        """The rows of a topic by id, a window at a time."""
        schema = model.for_topic(topic)
        wanted, last = arrow_schema(schema), -1
        names = ", ".join(f"`{field.name}`" for field in wanted)
        while True:
            rows = self._asked(
                f"SELECT {names} FROM `{schema.plural}` WHERE run_id = {self.run_id:d} AND id > {last:d} ORDER BY id LIMIT {WINDOW_ROWS}"
            )
            if rows.num_rows:
                yield pa.Table.from_arrays([_as(rows.column(f.name), f.type) for f in wanted], schema=wanted)
                last = int(rows.column("id")[-1].as_py())
            if rows.num_rows < WINDOW_ROWS:
                return

    def _counted(self) -> dict[str, int]:
        tables = {model.for_topic(topic).plural: topic for topic in WRITTEN}
        try:
            there = {name for (name,) in self.client.query("SELECT name FROM system.tables WHERE database = currentDatabase()").result_rows}
            asked = [f"SELECT '{t}' AS t, count() AS n FROM `{t}` WHERE run_id = {self.run_id:d}" for t in tables if t in there]
            rows = self.client.query(" UNION ALL ".join(asked)).result_rows if asked else []
        except Error as fault:
            raise SinkError(f"ClickHouse: {reason(fault)}") from None
        return {tables[table]: n for table, n in rows if n}

    def _asked(self, sql: str) -> pa.Table:
        try:
            return ipc.open_stream(self.client.raw_query(sql, fmt="ArrowStream", settings=dict(SETTINGS))).read_all()
        except Error as fault:
            raise SinkError(f"ClickHouse: {reason(fault)}") from None


def _as(values: pa.ChunkedArray, kind: pa.DataType) -> Any:
    """A column in the type of our tables."""
    if pa.types.is_dictionary(kind):
        return values.dictionary_encode().cast(kind)
    return values.cast(kind)
