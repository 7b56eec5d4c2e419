"""What cannot be used becomes one dead letter of whoever could not use it; everything around it flows on."""

import json
import struct
import urllib.request
from collections import Counter
from pathlib import Path

import pytest

from streams.venues.binance.check import check
from streams.venues.binance.synthetic import Faults, SyntheticMarket, write_synthetic
from tests.e2e.foreign import Record, first_row, open_client, read_topics, send_raw
from tests.e2e.run_kit import Desk

pytestmark = [pytest.mark.broker, pytest.mark.slow]

LETTERS = ("frames.v1.dlq.v1", "quotes.v1.dlq.v1")
UNKNOWN_ID = b"\0" + struct.pack(">I", 2_000_000_000)
UNKNOWN, CUT, WORDS = "schema id 2000000000 is unknown", "frame is no JSON: unexpected end", "frame is no JSON: invalid literal"
INEXACT, OFF_GRID, LARGE = (
    "has more than 9 digits after the point",
    "is no multiple of the tick 0.1",
    "frame of 1100002 bytes; a record holds",
)
REST = "the record ends at byte 30, but the body has 1040000"
TABLES = ("frames", "trades", "quotes")
WANTED = Counter(
    [("feed", LARGE), *(("market", reason) for reason in (CUT, INEXACT, OFF_GRID, WORDS, UNKNOWN)), ("sink", UNKNOWN)]
    + [(who, reason) for who in ("trade", "books", "sink") for reason in (UNKNOWN, REST)]
)


def test_bad_frames_and_records_become_dead_letters_and_the_flow_goes_on(desk: Desk, tmp_path: Path) -> None:
    recording, where = tmp_path / "market", desk.where
    write_synthetic(recording, SyntheticMarket(seed=6, seconds=12.0, faults=Faults(damage_s=3.0, inexact_s=4.0, off_grid_s=5.0)))
    add_line(recording, b"this is no JSON")
    add_line(recording, b'"' + b"x" * 1_100_000 + b'"')
    before = {letter["id"] for letter in letters_of(desk)}
    with desk.start(recording, speed=1.0) as running:
        running.wait(lambda: running.batches("market") > 20 and running.batches("books") > 20, "market and books to work")
        send_raw(where.kafka, "frames.v1", [UNKNOWN_ID + b"rubbish"])
        send_raw(where.kafka, "quotes.v1", [UNKNOWN_ID + b"rubbish", oversized(where.registry)])
        running.finish()
    letters = [letter for letter in letters_of(desk) if letter["id"] not in before]
    assert Counter((letter["writer"], known(letter["reason"])) for letter in letters) == WANTED
    assert {letter["payload"] for letter in letters if known(letter["reason"]) == UNKNOWN} == {UNKNOWN_ID + b"rubbish"}
    client, report = open_client(where.clickhouse, where.database), check(recording)
    counts = {table: first_row(client, f"SELECT count() FROM {table} WHERE run_id = {running.number}")[0] for table in TABLES}
    assert counts == {"frames": report.lines - 1, "trades": report.trades - 1, "quotes": report.book_tickers}
    ids = ", ".join(str(letter["id"]) for letter in letters)
    assert first_row(client, f"SELECT count(), uniqExact(id) FROM dead_letters WHERE id IN ({ids})") == (len(letters), len(letters))
    assert desk.done("verify", str(desk.topology), "--run", str(running.number)).count(": equal: ") == 3


def letters_of(desk: Desk) -> list[Record]:
    """Every dead letter there is, with the name of the process that wrote it."""
    topics = read_topics(desk.where.kafka, desk.where.registry, (*LETTERS, "names.v1"))
    writers = {name["number"]: name["name"].partition("/")[0] for name in topics.pop("names.v1") if name["kind"] == "WRITER"}
    return [{**letter, "writer": writers[letter["id"] >> 47]} for letters in topics.values() for letter in letters]


def known(reason: str) -> str:
    """Which of the reasons it is; itself if none."""
    return next((part for part in (UNKNOWN, CUT, WORDS, INEXACT, OFF_GRID, LARGE, REST) if part in reason), reason)


def add_line(recording: Path, payload: bytes) -> None:
    """One more line in the middle of a recording."""
    lines = recording.read_bytes().splitlines(keepends=True)
    middle = len(lines) // 2
    lines.insert(middle, lines[middle].partition(b" ")[0] + b" " + payload + b"\n")
    recording.write_bytes(b"".join(lines))


def oversized(registry: str) -> bytes:
    """A value under the right schema id that is larger than any record of ours."""
    with urllib.request.urlopen(f"{registry}/subjects/quotes.v1-value/versions/latest", timeout=10) as answer:
        return b"\0" + struct.pack(">I", json.load(answer)["id"]) + bytes(1_040_000)
