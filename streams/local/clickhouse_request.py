"""What a ClickHouse HTTP request asks for, taken apart: SQL, data of an insert, format, settings, parameters.

Follows the HTTP interface of ClickHouse as its stock clients use it: query in the URL, in the body or split between both.
"""

import gzip
import re
import sys
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from streams.local.clickhouse_errors import BAD_ARGUMENTS, NOT_IMPLEMENTED, UNKNOWN_COMPRESSION, EngineFault

__all__ = ["Request", "decompressed", "parse"]

DEFAULT_FORMAT = "TabSeparated"
PROTOCOL_MAX = 54_453  # from the next one on a Native column says how it is serialised, which the engine's output does not
# Consumed by the HTTP interface; everything else in the URL is a setting of the query.
TRANSPORT = frozenset(
    (
        *("query", "database", "default_format", "user", "password", "session_id", "session_timeout", "session_check", "close_session"),
        *("query_id", "quota_key", "compress", "decompress", "wait_end_of_query", "client_protocol_version", "role", "buffer_size"),
        *("enable_http_compression", "send_progress_in_http_headers", "http_headers_progress_interval_ms"),
        *("http_zlib_compression_level", "stacktrace"),
    )
)
TOKEN = re.compile(rb"""'(?:\\.|''|[^'\\])*'|`(?:\\.|[^`\\])*`|"(?:\\.|[^"\\])*"|--[^\n]*|/\*.*?\*/|\w+|[()]""", re.DOTALL)
TRAILING_FORMAT = re.compile(r"\bFORMAT\s+(\w+)\s*(?:SETTINGS\s[^()]*)?;?\s*$", re.IGNORECASE)
STREAMABLE = re.compile(r"\s*(?:--[^\n]*\n\s*|/\*.*?\*/\s*)*\(*\s*(SELECT|WITH)\b", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Request:
    """One statement for the engine.

    sql              : the statement; for an insert with data, without FORMAT and data
    insert_format    : format of `data`, or "" when the statement carries no data
    data             : the rows of an insert, in `insert_format`
    format           : format of the result
    settings         : of this statement only, by name
    parameters       : values of `{name:Type}` in the statement
    database         : default database, "" for the engine's
    session          : its identifier, "" for none
    protocol_version : the client's; from 1 on, each Native block of the result starts with its block info
    readonly         : the statement came by GET, which changes nothing
    """

    sql: str
    insert_format: str = ""
    data: bytes = b""
    format: str = DEFAULT_FORMAT
    settings: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    database: str = ""
    session: str = ""
    protocol_version: int = 0
    readonly: bool = False

    @property
    def streamable(self) -> bool:
        """Whether the engine can give the result block by block."""
        return STREAMABLE.match(self.sql) is not None


def parse(method: str, url: Mapping[str, str], headers: Mapping[str, str], body: bytes) -> Request:
    """The request that URL parameters, headers and body (decompressed) make; EngineFault if it cannot be one."""
    if url.get("compress", "0") not in ("", "0", "false") or url.get("decompress", "0") not in ("", "0", "false"):
        raise EngineFault(
            UNKNOWN_COMPRESSION, "compress and decompress (ClickHouse's own block compression) are not spoken here; use Content-Encoding"
        )
    if headers.get("content-type", "").startswith("multipart/"):
        raise EngineFault(BAD_ARGUMENTS, "external data and form fields are not taken here; put the query in the URL or the body")
    version = url.get("client_protocol_version", "0")
    if not version.isdecimal() or int(version) > PROTOCOL_MAX:
        raise EngineFault(NOT_IMPLEMENTED, f"client_protocol_version={version} is not spoken here, only up to {PROTOCOL_MAX}")
    sql, insert_format, data = _split(url.get("query", "").encode(), body)
    trailing = TRAILING_FORMAT.search(sql)
    default = url.get("default_format") or headers.get("x-clickhouse-format") or DEFAULT_FORMAT
    return Request(
        sql=sql,
        insert_format=insert_format,
        data=data,
        format=trailing.group(1) if trailing and not insert_format else default,
        settings={key: value for key, value in url.items() if key not in TRANSPORT and not key.startswith("param_")},
        parameters={key.removeprefix("param_"): value for key, value in url.items() if key.startswith("param_")},
        database=url.get("database") or headers.get("x-clickhouse-database", ""),
        session=url.get("session_id", ""),
        protocol_version=int(version),
        readonly=method == "GET",
    )


def decompressed(body: bytes, encoding: str) -> bytes:
    """The body without its Content-Encoding; EngineFault for one that is unknown or does not fit the bytes."""
    try:
        match encoding:
            case "" | "identity":
                return body
            case "gzip" | "x-gzip":
                return gzip.decompress(body)
            case "deflate":
                return zlib.decompress(body)
            case "lz4":
                return _lz4(body)
            case "zstd":
                return _zstd(body)
    except (OSError, EOFError, RuntimeError, ValueError, zlib.error) as fault:
        raise EngineFault(UNKNOWN_COMPRESSION, f"the body is not {encoding}: {fault}") from None
    raise EngineFault(UNKNOWN_COMPRESSION, f"Unknown compression method {encoding!r}; known are gzip, deflate, lz4 and zstd")


def _lz4(body: bytes) -> bytes:
    import lz4.frame

    parts: list[bytes] = []
    while body:  # a streaming client sends a frame a block
        frame = lz4.frame.LZ4FrameDecompressor()
        parts.append(bytes(frame.decompress(body)))
        if not frame.eof:
            raise EOFError("the last frame is cut short")
        body = bytes(frame.unused_data or b"")
    return b"".join(parts)


def _zstd(body: bytes) -> bytes:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    try:
        return zstd.decompress(body)
    except zstd.ZstdError as fault:
        raise ValueError(fault) from None


def _split(query: bytes, body: bytes) -> tuple[str, str, bytes]:
    """Statement, format of its data, data. Query and body are one text with a line break between, as in ClickHouse."""
    found = _insert_with_data(query) if query else None
    if found and not found[2]:
        return _text(found[0]), found[1], body  # the common case: no copy of the data
    whole = query + b"\n" + body if query and body else query or body
    found = _insert_with_data(whole)
    return (_text(found[0]), found[1], found[2]) if found else (_text(whole), "", b"")


def _insert_with_data(text: bytes) -> tuple[bytes, str, bytes] | None:
    """`INSERT INTO t (a) FORMAT Native <data>` as ("INSERT INTO t (a)", "Native", data); None if no such statement."""
    depth, previous, first = 0, b"", True
    for token in TOKEN.finditer(text):
        word = token.group().upper()
        if word.startswith((b"--", b"/*")):
            continue
        if first and word != b"INSERT":
            return None
        first = False
        if word == b"(":
            depth += 1
        elif word == b")":
            depth -= 1
        elif depth == 0 and previous == b"FORMAT":
            if word == b"VALUES":
                return None  # the engine reads these from the text
            return text[: token.start()].rstrip()[: -len(b"FORMAT")], token.group().decode(), _after_format(text, token.end())
        elif depth == 0 and word in (b"VALUES", b"SELECT", b"WITH", b"WATCH", b"INFILE"):
            return None
        previous = word
    return None


def _after_format(text: bytes, position: int) -> bytes:
    """The data after the format's name: blanks and one line break do not belong to it."""
    while text[position : position + 1] in (b" ", b"\t", b";") and position < len(text):
        position += 1
    if text[position : position + 1] == b"\r":
        position += 1
    if text[position : position + 1] == b"\n":
        position += 1
    return text[position:]


def _text(sql: bytes) -> str:
    try:
        return sql.decode()
    except UnicodeDecodeError as fault:
        raise EngineFault(BAD_ARGUMENTS, f"the statement is not UTF-8 at byte {fault.start}") from None
