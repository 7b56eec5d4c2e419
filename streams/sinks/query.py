"""A ClickHouse client for whoever asks questions: `millrace query`, the summary of a run, tests, notebooks."""

import re
from urllib.parse import unquote, urlsplit

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import Error

from streams.config import Endpoints, endpoints
from streams.errors import ConfigError, SinkError

__all__ = ["client", "connect", "reason"]

CONNECT_TIMEOUT_S = 5
SYSTEM = re.compile(r"\[Errno -?\d+\] ([\w ]+)")
REASON_MAX_CHARS = 500
PORTS = {"http": 8123, "https": 8443}


def client(where: Endpoints | None = None) -> Client:
    """A client of the stack's ClickHouse (`streams.config`), with its database as default if that exists; SinkError if none answers.

    `SELECT *` shows the alias columns too: prices beside stored integers.
    """
    where = where or endpoints()
    found = connect(where.clickhouse, settings={"asterisk_include_alias_columns": 1})
    if found.command(f"EXISTS DATABASE `{where.database}`"):
        found.database = where.database
    return found


def connect(url: str, database: str | None = None, settings: dict[str, object] | None = None) -> Client:
    """A client of the ClickHouse at `http[s]://[user:password@]host[:port]`; SinkError if it does not answer. One thread may use it."""
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        raise ConfigError(f"ClickHouse address {url!r}: must be http[s]://[user:password@]host[:port]")
    try:
        return clickhouse_connect.get_client(
            interface=parts.scheme,
            host=parts.hostname,
            port=parts.port or PORTS[parts.scheme],
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password or ""),
            database=database,
            settings=settings,
            connect_timeout=CONNECT_TIMEOUT_S,
            autogenerate_session_id=False,
        )
    except Error as fault:
        raise SinkError(f"ClickHouse at {parts.hostname}:{parts.port}: {reason(fault)}; `millrace status` shows whether it runs") from None


def reason(fault: Exception) -> str:
    """What went wrong, short: the system's words for a connection that failed, else ClickHouse's."""
    text = " ".join(str(fault).split())
    system = SYSTEM.search(text)
    return system.group(1).strip().lower() if system else text[:REASON_MAX_CHARS]
