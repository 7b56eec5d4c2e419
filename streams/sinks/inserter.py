"""Puts batches into ClickHouse, each once, however often it takes: retries until it is in or the sink is told to stop."""

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import structlog
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import Error
from urllib3.exceptions import HTTPError

from streams.errors import SinkError
from streams.schema import clickhouse, model
from streams.sinks.batch import Batch
from streams.sinks.held import is_prompt
from streams.sinks.query import connect, reason

__all__ = ["Inserter", "Stopped", "ensure_tables"]

THREADS = 2  # a pool: what people watch does not wait for what is much
FIRST_PAUSE_S = 0.1
LAST_PAUSE_S = 1.0
TOLD_EVERY_S = 10.0
MISSING = (16, 60, 81)  # NO_SUCH_COLUMN_IN_TABLE: made by an older version; UNKNOWN_TABLE, UNKNOWN_DATABASE: someone dropped it
SETTINGS = {"async_insert": 0, "insert_deduplicate": 1}  # a server may have async inserts on, which would forget the token

_LOG = structlog.get_logger("sink")


class Stopped(Exception):
    """The sink was told to stop before a batch was in; its plan is written, so the next start inserts it."""


def ensure_tables(client: Client, database: str, schemas: Iterable[model.Schema] | None = None) -> list[str]:
    """Make the database, tables and columns that are missing (by default of every schema); what was made: "table" or "table.column"."""
    client.command(clickhouse.database_ddl(database))
    found = client.query("SELECT table, name FROM system.columns WHERE database = {database:String}", parameters={"database": database})
    there: dict[str, set[str]] = {}
    for table, column in found.result_rows:
        there.setdefault(table, set()).add(column)
    made = []
    for schema in schemas if schemas is not None else model.SCHEMAS.values():
        name = schema.plural
        if name not in there:
            client.command(clickhouse.table_ddl(schema, database))
            made.append(name)
        elif added := clickhouse.added_columns(schema, there[name]):
            client.command(clickhouse.added_ddl(schema, database, there[name]))
            made += [f"{name}.{column.name}" for column in added]
    return made


class Inserter:
    """Inserts batches side by side. `stop` ends waiting for a ClickHouse that is away.

    `outage_s` is how long nothing could be inserted, 0 while all is well.
    """

    def __init__(self, url: str, database: str, stop: threading.Event) -> None:
        self.url, self.database, self.stop = url, database, stop
        self._clients = threading.local()
        self._prompt, self._bulk = (ThreadPoolExecutor(THREADS, name) for name in ("insert-prompt", "insert-bulk"))
        self._closing = False
        self._since_s: float | None = None
        self._told_s = 0.0
        self._mutex = threading.Lock()

    @property
    def outage_s(self) -> float:
        """Seconds since ClickHouse was last seen to work, 0 while it works."""
        since_s = self._since_s
        return 0.0 if since_s is None else time.monotonic() - since_s

    def start(self, batch: Batch) -> Future[None]:
        """Insert a batch; done when it is in. It fails with Stopped if the sink is to end first."""
        pool = self._prompt if is_prompt(batch.topic) else self._bulk
        return pool.submit(self._until_done, self._insert if batch.rows else _nothing, batch)

    def insert(self, batches: Iterable[Batch]) -> None:
        """Insert them all; returns when the last is in. Stopped if the sink is to end first."""
        for future in [self.start(batch) for batch in batches]:
            future.result()

    def ensure_tables(self, schemas: Iterable[model.Schema] | None = None) -> None:
        """Make database and tables, waiting for ClickHouse as long as it takes."""
        wanted = None if schemas is None else list(schemas)
        self._until_done(lambda client, schemas: ensure_tables(client, self.database, schemas), wanted)

    def last_rows(self, schema: model.Schema) -> dict[int, tuple[int, int]]:
        """(offset, id) of the last row of each partition that a table holds. None for dead letters: many topics share their table."""
        found: dict[int, tuple[int, int]] = {}
        if schema.topic.endswith(model.DLQ):
            return found

        def ask(client: Client, _: None) -> None:
            table = f"`{self.database}`.`{schema.plural}`"
            rows = client.query(f"SELECT _partition, max(_offset), argMax(id, _offset) FROM {table} GROUP BY _partition").result_rows
            found.update({partition: (offset, id) for partition, offset, id in rows})

        self._until_done(ask, None)
        return found

    def close(self) -> None:
        """Free the threads; what could not be inserted so far is given up."""
        self._closing = True
        for pool in (self._prompt, self._bulk):
            pool.shutdown()

    def _insert(self, client: Client, batch: Batch) -> None:
        table = f"`{self.database}`.`{batch.schema.plural}`"
        names = clickhouse.insert_columns(batch.schema)
        settings = SETTINGS | {"insert_deduplication_token": batch.token}
        try:
            client.raw_insert(table, names, batch.block, settings=settings, fmt="Native")
        except Error as fault:
            if fault.code in MISSING:
                ensure_tables(client, self.database, [batch.schema])
            raise

    def _until_done(self, work: Callable[[Client, Any], object], item: Any) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                work(self._client(), item)
                break
            except (Error, HTTPError, OSError, SinkError) as fault:
                self._clients.__dict__.clear()
                self._tell(fault, item)
            if self._closing or self.stop.wait(pause_s):
                raise Stopped
            pause_s = min(2 * pause_s, LAST_PAUSE_S)
        self._recovered()

    def _client(self) -> Client:
        client = getattr(self._clients, "client", None)
        if client is None:
            client = self._clients.client = connect(self.url)
        return client

    def _tell(self, fault: Exception, item: object) -> None:
        """An outage is told at once and then every ten seconds, not with every attempt."""
        with self._mutex:
            now_s = time.monotonic()
            first = self._since_s is None
            self._since_s = now_s if self._since_s is None else self._since_s
            if first or now_s - self._told_s > TOLD_EVERY_S:
                self._told_s = now_s
                batch = item.token if isinstance(item, Batch) else ""
                _LOG.warning(
                    "ClickHouse does not take the batch; trying again", reason=reason(fault), batch=batch, outage_s=round(self.outage_s, 1)
                )

    def _recovered(self) -> None:
        with self._mutex:
            if self._since_s is not None:
                _LOG.info("ClickHouse takes batches again", outage_s=round(self.outage_s, 1))
                self._since_s = None


def _nothing(_: Client, __: Batch) -> None:
    """What is to be done for a batch of dead letters alone."""
