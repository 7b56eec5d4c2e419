"""`millrace query`: SQL to ClickHouse, its answer as it comes."""

import re
import sys
from collections.abc import Callable

from streams.errors import SinkError

__all__ = ["query"]

_OWN_FORMAT = re.compile(r"\bformat\s+\w+\s*;?\s*$", re.IGNORECASE)


def query(sql: str, format: str, write: Callable[[bytes], object] | None = None) -> None:
    """Print the answer in a format of ClickHouse: the one asked for, else a table for a terminal and TSV with names for a pipe."""
    from clickhouse_connect.driver.exceptions import Error

    from streams.sinks.query import client

    form = format or ("PrettyCompact" if sys.stdout.isatty() else "TabSeparatedWithNames")
    found = client()
    try:
        text = sql.strip().rstrip(";")
        answer = found.raw_query(text, fmt=None if _OWN_FORMAT.search(text) else form)
    except Error as fault:
        raise SinkError(_short(str(fault))) from None
    finally:
        found.close()
    (write or _to_stdout)(answer)


def _to_stdout(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.flush()


def _short(text: str) -> str:
    """ClickHouse's reason without its build and stack."""
    text = " ".join(text.split())
    found = re.search(r"(Code: \d+\. DB::Exception: .*?)(?: \(version |\Z)", text)
    return (found.group(1) if found else text)[:1_000]
