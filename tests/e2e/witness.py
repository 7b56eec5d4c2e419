"""All witnesses of a run heard: the venue's log, the topics, the tables, and the journals executed again."""

from pathlib import Path

from streams.venues.binance.check import check
from tests.e2e.foreign import differences, first_row, open_client, read_topics, topic_names
from tests.e2e.ledger import VenueMemory, id_faults, position_faults, request_faults
from tests.e2e.run_kit import Desk, Running

__all__ = ["check_run"]

_LARGE = ("frames.v1", "snapshots.v1")


def check_run(desk: Desk, running: Running, recording: Path) -> None:
    """AssertionError unless nothing of a run that has traded was lost, repeated or is different from what its journals give."""
    where, run = desk.where, running.number
    topics = read_topics(where.kafka, where.registry, topic_names(where.kafka))
    assert id_faults(topics, topics["names.v1"]) == []
    mine = {topic: [record for record in records if record["run_id"] == run] for topic, records in topics.items()}
    fills = mine["fills.v1"]
    assert fills, f"nothing was traded\n{running.told('trade', 'venue')}"
    assert VenueMemory(desk.venue_log(run)).faults(fills) == []
    assert request_faults(mine["requests.v1"], mine["venue_events.v1"]) == []
    assert position_faults(mine["positions.v1"], fills) == []
    report = check(recording)
    assert [len(mine[topic]) for topic in ("frames.v1", "trades.v1", "quotes.v1")] == [report.lines, report.trades, report.book_tickers]
    client = open_client(where.clickhouse, where.database)
    for topic in _LARGE:
        assert first_row(client, f"SELECT count() FROM {topic.partition('.')[0]} WHERE run_id = {run}")[0] == len(mine[topic])
    wrong = [text for topic, records in mine.items() if topic not in _LARGE for text in differences(client, topic, run, records)]
    assert not wrong, "\n".join(wrong[:5])
    shown = desk.done("verify", str(desk.topology), "--run", str(run))
    assert shown.count(": equal: ") == 3, shown
