"""All witnesses of a run heard: the venue's log, the topics, the tables, and the journals executed again."""

import gzip
import itertools
from pathlib import Path

from streams.venues.binance.check import check
from tests.e2e.foreign import differences, first_row, open_client, read_topics, topic_names
from tests.e2e.ledger import VenueMemory, id_faults, position_faults, request_faults
from tests.e2e.run_kit import Desk, Running

__all__ = ["check_run", "none", "played"]

_LARGE = ("frames.v1", "snapshots.v1")


def check_run(desk: Desk, running: Running, recording: Path) -> None:
    """AssertionError unless nothing of a run that has traded was lost, repeated or is different from what its journals give."""
    where, run = desk.where, running.number
    topics = read_topics(where.kafka, where.registry, topic_names(where.kafka))
    none(id_faults(topics, topics["names.v1"]))
    mine = {topic: [record for record in records if record["run_id"] == run] for topic, records in topics.items()}
    fills = mine["fills.v1"]
    assert fills, f"nothing was traded\n{running.told('trade', 'venue')}"
    none(VenueMemory(desk.venue_log(run)).faults(fills))
    none(request_faults(mine["requests.v1"], mine["venue_events.v1"]))
    none(position_faults(mine["positions.v1"], fills))
    report = check(recording)
    assert [len(mine[topic]) for topic in ("frames.v1", "trades.v1", "quotes.v1")] == [report.lines, report.trades, report.book_tickers]
    client = open_client(where.clickhouse, where.database)
    for topic in _LARGE:
        assert first_row(client, f"SELECT count() FROM {topic.partition('.')[0]} WHERE run_id = {run}")[0] == len(mine[topic])
    wrong = [text for topic, records in mine.items() if topic not in _LARGE for text in differences(client, topic, run, records)]
    none(wrong)
    shown = desk.done("verify", str(desk.topology), "--run", str(run))
    assert shown.count(": equal: ") == 3, shown


def none(faults: list[str]) -> None:
    """AssertionError with the first faults, if there are any."""
    assert not faults, f"{len(faults)} faults\n" + "\n".join(str(fault) for fault in faults[:5])


def played(desk: Desk, running: Running, recording: Path) -> Path:
    """The part of a recording that a stopped run has played, as a recording."""
    client = open_client(desk.where.clickhouse, desk.where.database)
    lines = first_row(client, f"SELECT max(source_seq) FROM frames WHERE run_id = {running.number}")[0]
    part = recording.with_name("played.gz")
    with gzip.open(recording, "rb") as whole, gzip.open(part, "wb") as out:
        out.writelines(itertools.islice(whole, lines))
    return part
