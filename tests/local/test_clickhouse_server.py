"""ClickHouse's HTTP protocol as strangers use it: plain requests, and clickhouse-connect unchanged."""

import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

import clickhouse_connect
import numpy as np
import psutil
import pytest
import requests
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

COLUMNS = """id Int64, venue LowCardinality(String), ts DateTime64(9, 'UTC'), fee Decimal(38, 9), mid Nullable(Int64),
lv Nested(px Int64, qty Int64)"""
WINDOW = "ENGINE = MergeTree ORDER BY id SETTINGS non_replicated_deduplication_window = 1000"
pytestmark = pytest.mark.slow


def connected(url: str, **options: object) -> Client:
    parts = urlsplit(url)
    return clickhouse_connect.get_client(host=parts.hostname, port=parts.port, **options)


@pytest.fixture
def database(clickhouse: str) -> Iterator[str]:
    name = f"t_{uuid.uuid4().hex[:8]}"
    requests.post(clickhouse, data=f"CREATE DATABASE {name}").raise_for_status()
    yield name
    requests.post(clickhouse, data=f"DROP DATABASE {name}").raise_for_status()


@pytest.fixture
def client(clickhouse: str, database: str) -> Iterator[Client]:
    with connected(clickhouse, database=database) as found:
        found.command(f"CREATE TABLE t ({COLUMNS}) {WINDOW}")
        yield found


def test_server_curl_style_requests_answer(clickhouse: str) -> None:
    assert requests.get(f"{clickhouse}/ping").text == "Ok.\n"
    assert requests.get(clickhouse).text == "Ok.\n"
    assert requests.get(f"{clickhouse}/?query=select+1").text == "1\n"
    form = {"Content-Type": "application/x-www-form-urlencoded"}  # what `curl -d` sends
    answer = requests.post(clickhouse, data="SELECT 1 AS a FORMAT JSONEachRow", headers=form)
    assert (answer.text, answer.headers["X-ClickHouse-Format"]) == ('{"a":1}\n', "JSONEachRow")


@pytest.mark.parametrize(
    ("sql", "status", "code"),
    [("SELECT x", 404, 47), ("SELEC 1", 400, 62), ("SELECT * FROM nowhere", 404, 60), ("SELECT throwIf(1)", 500, 395)],
)
def test_server_error_is_told_as_clickhouse_tells_it(clickhouse: str, sql: str, status: int, code: int) -> None:
    answer = requests.post(clickhouse, data=sql)
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (status, str(code))
    assert answer.text.startswith(f"Code: {code}. DB::Exception: ")


def test_server_get_changes_nothing(clickhouse: str) -> None:
    answer = requests.get(clickhouse, params={"query": "CREATE DATABASE by_get"})
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (403, "164")


def test_server_page_of_another_site_is_refused(clickhouse: str) -> None:
    assert requests.post(clickhouse, data="SELECT 1", headers={"Origin": "http://evil.example"}).status_code == 403
    assert requests.post(clickhouse, data="SELECT 1", headers={"Origin": "http://localhost:3000"}).status_code == 200


def test_server_settings_hold_for_one_request(clickhouse: str) -> None:
    ask = "SELECT getSetting('max_threads')"
    before = requests.post(clickhouse, data=ask).text
    assert requests.post(clickhouse, params={"max_threads": "3"}, data=ask).text == "3\n"
    assert requests.post(clickhouse, data=ask).text == before
    session = {"session_id": uuid.uuid4().hex}
    assert requests.post(clickhouse, params=session | {"max_threads": "3"}, data=ask).text == "3\n"
    assert requests.post(clickhouse, params=session, data=ask).text == before


def test_server_session_keeps_its_settings_and_tables(clickhouse: str) -> None:
    session = {"session_id": uuid.uuid4().hex}
    for sql in ("SET max_threads = 5", "CREATE TEMPORARY TABLE mine (a Int64)", "INSERT INTO mine VALUES (7)"):
        requests.post(clickhouse, params=session, data=sql).raise_for_status()
    assert requests.post(clickhouse, params=session, data="SELECT a, getSetting('max_threads') FROM mine").text == "7\t5\n"
    assert requests.post(clickhouse, data="SELECT a FROM mine").status_code == 404


def test_server_unknown_setting_and_database_are_refused(clickhouse: str) -> None:
    assert requests.post(clickhouse, params={"no_such": "1"}, data="SELECT 1").headers["X-ClickHouse-Exception-Code"] == "115"
    assert requests.post(clickhouse, params={"database": "nowhere"}, data="SELECT 1").headers["X-ClickHouse-Exception-Code"] == "81"
    assert requests.post(clickhouse, params={"a b": "1"}, data="SELECT 1").headers["X-ClickHouse-Exception-Code"] == "115"


def test_client_columns_inserted_come_back_whole(client: Client) -> None:
    instants = [1_700_000_000_123_456_789, 1_700_000_000_123_456_790]
    columns = [[1, 2], ["a", "b"], instants, [Decimal("1.000000001"), Decimal("-2")], [None, 5], [[1, 2], []], [[3, 4], []]]
    names = ["id", "venue", "ts", "fee", "mid", "lv.px", "lv.qty"]
    context = client.create_insert_context("t", names, column_oriented=True)
    context.column_formats = {"ts": "int"}
    context.data = columns
    assert client.insert(context=context).written_rows == 2
    found = client.query("SELECT id, venue, toUnixTimestamp64Nano(ts), fee, mid, lv.px, lv.qty FROM t ORDER BY id")
    assert [list(column) for column in found.result_columns] == columns


@pytest.mark.parametrize("compress", ["lz4", "zstd", "gzip", False])
def test_client_every_compression_inserts(clickhouse: str, client: Client, database: str, compress: str | bool) -> None:
    with connected(clickhouse, database=database, compress=compress) as other:
        other.insert("t", [np.arange(50_000), ["a"] * 50_000], column_names=["id", "venue"], column_oriented=True)
    assert client.command("SELECT count() FROM t") == 50_000


def test_client_token_repeated_inserts_once(client: Client) -> None:
    settings = {"async_insert": 0, "insert_deduplicate": 1, "insert_deduplication_token": "trades.v1-0-0-9"}
    for _ in range(2):
        client.insert("t", [[1, "a"]], column_names=["id", "venue"], settings=settings)
    client.insert("t", [[1, "a"]], column_names=["id", "venue"], settings=settings | {"insert_deduplication_token": "trades.v1-0-10-19"})
    assert client.command("SELECT count() FROM t") == 2


def test_client_raw_inserts_and_readers_work(client: Client) -> None:
    client.raw_insert("t", ["id", "venue"], '{"id":1,"venue":"a"}\n{"id":2,"venue":"b"}\n', fmt="JSONEachRow")
    native = client.raw_query("SELECT toInt64(3) AS id, 'c' AS venue", fmt="Native")
    client.raw_insert("t", ["id", "venue"], native, fmt="Native")
    assert client.query("SELECT id FROM t WHERE id > {least:Int64} ORDER BY id", parameters={"least": 1}).result_rows == [(2,), (3,)]
    assert client.query_np("SELECT id FROM t ORDER BY id").tolist() == [[1], [2], [3]]
    assert client.query_arrow("SELECT id, venue FROM t ORDER BY id").column("venue").to_pylist() == ["a", "b", "c"]
    assert client.query("SELECT id FROM t WHERE id > 9").result_rows == []
    assert client.query("DESCRIBE TABLE t").result_rows[0][:2] == ("id", "Int64")
    with pytest.raises(DatabaseError, match="UNKNOWN_IDENTIFIER"):
        client.query("SELECT nothing")


def test_client_large_result_keeps_every_block(client: Client) -> None:
    assert client.query("SELECT number, toString(number) FROM numbers(200000)").result_columns[0] == list(range(200_000))


def test_clients_side_by_side_lose_nothing(clickhouse: str, client: Client, database: str) -> None:
    def write(first: int) -> None:
        with connected(clickhouse, database=database) as own:
            for batch in range(5):
                own.insert("t", [[first + batch * 10 + row, "x"] for row in range(10)], column_names=["id", "venue"])
                own.query("SELECT count() FROM t")

    writers = [threading.Thread(target=write, args=(first,)) for first in (0, 1000, 2000, 3000)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert client.query("SELECT count(), uniqExact(id) FROM t").result_rows == [(200, 200)]


def test_server_folder_in_use_names_folder_and_holder(clickhouse: str, tmp_path: Path) -> None:
    port = urlsplit(clickhouse).port
    holder = next(c.pid for c in psutil.net_connections("tcp") if c.laddr.port == port and c.status == psutil.CONN_LISTEN)
    line = psutil.Process(holder).cmdline()
    folder = line[line.index("--folder") + 1]
    command = [sys.executable, "-m", "streams.local.clickhouse_server", "--folder", folder, "--port", "1"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"millrace: {folder}: is in use by process {holder} (")
