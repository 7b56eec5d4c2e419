"""ClickHouse: the results of a backtest as rows of the tables that live runs fill, under the run id of its manifest.

A repeated run replaces itself: its rows are removed first, and when it fails none stay. Rows say `_partition` -1, since no topic holds
them, `_offset` is the record's place among all that the backtest wrote, and `ingest_ts` is when the backtest began: retention counts from
then, however old the market data is.
"""

import secrets
import threading
import time
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from typing import Any

import numpy as np
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import Error

from streams.backtest.results import Batch
from streams.errors import SinkError
from streams.schema.model import SCHEMAS
from streams.sinks import batch as sink
from streams.sinks.columns import block_of
from streams.sinks.inserter import Inserter, Stopped, ensure_tables
from streams.sinks.query import connect, reason

__all__ = ["NO_PARTITION", "ClickHouse", "remove_run"]

NO_PARTITION = -1
ON_THEIR_WAY = 4  # blocks that are inserted while the next are made
OUTAGE_MAX_S = 30.0
LOOK_S = 0.5


@dataclass(frozen=True)
class _Block(sink.Batch):
    """Rows of one topic, recognised by a name of this attempt: ClickHouse remembers the names of what was removed, too."""

    name: str = ""

    @property
    def token(self) -> str:
        """What ClickHouse recognises a repeated insert by."""
        return f"{self.name}-{self.topic}-{self.first}-{self.last}"


class ClickHouse:
    """A sink that inserts side by side. SinkError if ClickHouse cannot be reached, at once or for half a minute later on.

    url, database : as in `streams.config.Endpoints`; tables that are missing are made
    """

    def __init__(self, run_id: int, url: str, database: str) -> None:
        self.run_id, self.url, self.database = run_id, url, database
        self._ingest_ms = time.time_ns() // 1_000_000
        self._name = f"replay-{run_id}-{secrets.token_hex(8)}"
        self._stop = threading.Event()
        self._on_their_way: list[Future[None]] = []
        self._rows: Counter[str] = Counter()  # by table
        with connect(url) as client:
            ensure_tables(client, database)
            remove_run(client, database, run_id)
        self._inserter = Inserter(url, database, self._stop)

    def take(self, batch: Batch) -> None:
        """Insert these rows, waiting while too many are on their way."""
        for schema, held in batch.held.items():
            self._settle(ON_THEIR_WAY - 1)
            ingest_ms = np.full(held.count, self._ingest_ms)
            block = block_of(batch.columns(schema), NO_PARTITION, held.places, ingest_ms)
            first, last = int(held.places[0]), int(held.places[-1])
            rows = _Block(schema.topic, NO_PARTITION, first, last, held.count, block, (), held.count, len(block), self._name)
            self._on_their_way.append(self._inserter.start(rows))
            self._rows[schema.plural] += held.count

    def close(self, whole: bool) -> None:
        """Wait until everything is in; or remove it again."""
        try:
            if whole:
                self._settle(0)
            else:
                self._stop.set()
                wait(self._on_their_way)
            with connect(self.url) as client:
                if whole and _rows_of(client, self.database, self.run_id) == self._rows:
                    return
                remove_run(client, self.database, self.run_id)
            if whole:
                raise SinkError(
                    f"ClickHouse at {self.url} does not hold the rows of run {self.run_id} once: another replay of this manifest wrote "
                    "at the same time; run it again alone"
                )
        finally:
            self._stop.set()
            self._inserter.close()

    def _settle(self, most: int) -> None:
        """Wait until no more than so many are on their way."""
        while True:
            for future in [future for future in self._on_their_way if future.done()]:
                self._on_their_way.remove(future)
                try:
                    future.result()
                except Stopped:
                    raise SinkError(f"ClickHouse at {self.url} took no rows; the replay's rows are not whole, run it again") from None
            if len(self._on_their_way) <= most:
                return
            wait(self._on_their_way, LOOK_S, FIRST_COMPLETED)
            if self._inserter.outage_s > OUTAGE_MAX_S:
                self._stop.set()


def remove_run(client: Client, database: str, run_id: int) -> int:
    """Remove the rows of a backtest from all tables; how many there were."""
    found = _rows_of(client, database, run_id)
    try:
        for table in found:
            client.command(f"ALTER TABLE `{database}`.`{table}` DELETE WHERE run_id = {run_id:d}", settings={"mutations_sync": 2})
    except Error as fault:
        raise SinkError(f"ClickHouse: the rows of run {run_id} cannot be removed: {reason(fault)}") from None
    return found.total()


def _rows_of(client: Client, database: str, run_id: int) -> Counter[str]:
    """Rows of a run by table, without the empty ones."""
    tables = [schema.plural for schema in SCHEMAS.values()]
    asked = [f"SELECT '{table}' AS t, count() AS n FROM `{database}`.`{table}` WHERE run_id = {run_id:d}" for table in tables]
    try:
        rows: Any = client.query(f"SELECT t, n FROM ({' UNION ALL '.join(asked)}) WHERE n > 0").result_rows
    except Error as fault:
        raise SinkError(f"ClickHouse: the rows of run {run_id} cannot be counted: {reason(fault)}") from None
    return Counter(dict(rows))
