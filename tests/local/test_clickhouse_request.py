"""HTTP requests taken apart."""

import gzip
import zlib

import lz4.frame
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.local.clickhouse_errors import EngineFault
from streams.local.clickhouse_request import Request, decompressed, parse

DATA = b"\x00\xffFORMAT Native 'VALUES"


def parsed(query: str = "", body: bytes = b"", **url: str) -> Request:
    return parse("POST", ({"query": query} if query else {}) | url, {}, body)


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("INSERT INTO t (a, b) FORMAT Native", DATA),
        ("", b"INSERT INTO t (a, b) FORMAT Native\n" + DATA),
        ("", b"INSERT INTO t (a, b) FORMAT Native \r\n" + DATA),
        ("INSERT INTO t (a, b)", b"FORMAT Native\n" + DATA),
        ("-- FORMAT x\nINSERT /* VALUES */ INTO t (a, b) FORMAT Native", DATA),
    ],
)
def test_parse_insert_wherever_its_parts_stand_gives_statement_format_and_data(query: str, body: bytes) -> None:
    found = parsed(query, body)
    assert found.sql.split("INTO")[1].split() == ["t", "(a,", "b)"]
    assert (found.insert_format, found.data) == ("Native", DATA)


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO t VALUES (1, 'FORMAT x')",
        "INSERT INTO t (format, select) VALUES (1, 2)",
        "INSERT INTO t SELECT 1 FORMAT Native",
        "INSERT INTO t FORMAT Values (1)",
        "INSERT INTO t FROM INFILE 'x' FORMAT Native",
        "SELECT 'INSERT INTO t FORMAT Native'",
    ],
)
def test_parse_statement_without_data_is_left_whole(sql: str) -> None:
    found = parsed("", sql.encode())
    assert (found.sql, found.insert_format, found.data) == (sql, "", b"")


def test_parse_query_and_body_are_one_text() -> None:
    assert parsed("INSERT INTO t VALUES", b"(1)").sql == "INSERT INTO t VALUES\n(1)"


@given(st.binary(max_size=200))
def test_parse_insert_any_data_comes_back_byte_for_byte(data: bytes) -> None:
    assert parsed("INSERT INTO `a FORMAT b`.t FORMAT RowBinary", data).data == data


@pytest.mark.parametrize(
    ("sql", "url", "form"),
    [
        ("SELECT 1", {}, "TabSeparated"),
        ("SELECT 1", {"default_format": "JSON"}, "JSON"),
        ("SELECT 1 FORMAT CSV", {"default_format": "JSON"}, "CSV"),
        ("SELECT 1 format Native settings max_threads = 1;", {}, "Native"),
        ("SELECT ' FORMAT ' AS x, y FROM t", {}, "TabSeparated"),
    ],
)
def test_parse_result_format_is_the_statements_else_the_urls(sql: str, url: dict[str, str], form: str) -> None:
    assert parsed(sql, **url).format == form


def test_parse_url_separates_settings_parameters_and_transport() -> None:
    found = parsed("SELECT 1", session_id="s", max_threads="2", param_x="7", query_id="q", database="d", client_protocol_version="54405")
    assert (found.settings, found.parameters, found.session, found.database) == ({"max_threads": "2"}, {"x": "7"}, "s", "d")
    assert found.protocol_version == 54405


def test_parse_get_is_read_only() -> None:
    assert parse("GET", {"query": "SELECT 1"}, {}, b"").readonly
    assert not parsed("SELECT 1").readonly


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(DATA)),
        ("gzip", gzip.compress(DATA[:5]) + gzip.compress(DATA[5:])),
        ("deflate", zlib.compress(DATA)),
        ("lz4", lz4.frame.compress(DATA)),
        ("lz4", lz4.frame.compress(DATA[:5]) + lz4.frame.compress(DATA[5:])),
        ("", DATA),
    ],
    ids=range(6),
)
def test_decompressed_known_encoding_gives_the_body(encoding: str, body: bytes) -> None:
    assert decompressed(body, encoding) == DATA


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "lz4", "zstd", "snappy"])
def test_decompressed_bytes_that_do_not_fit_are_refused(encoding: str) -> None:
    with pytest.raises(EngineFault) as fault:
        decompressed(b"not compressed at all", encoding)
    assert (fault.value.code, fault.value.status) == (89, 400)


def test_decompressed_cut_frame_is_refused() -> None:
    with pytest.raises(EngineFault, match="cut short"):
        decompressed(lz4.frame.compress(DATA * 50)[:-6], "lz4")


@pytest.mark.parametrize("url", [{"client_protocol_version": "54460"}, {"client_protocol_version": "new"}, {"compress": "1"}])
def test_parse_wire_formats_that_are_not_spoken_are_refused(url: dict[str, str]) -> None:
    with pytest.raises(EngineFault, match="spoken here"):
        parsed("SELECT 1", **url)
