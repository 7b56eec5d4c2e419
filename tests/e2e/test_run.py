"""From a recording to ClickHouse: every record is where it belongs, and the figures of both ends are the same."""

from decimal import Decimal

import pytest

from streams.schema import ids
from streams.venues.binance.check import check
from tests.e2e.conftest import Finished
from tests.e2e.foreign import differences, first_row, open_client, read_topics, table_of, topic_names
from tests.e2e.ledger import VenueMemory, cause_path, position_faults, request_faults

pytestmark = [pytest.mark.broker, pytest.mark.slow]

FILLED = ("frames", "book_updates", "trades", "quotes", "orders", "decisions", "requests", "venue_events", "reports", "fills", "journal")
BBO = """
SELECT count(), countIf((b.bid_px_e9, b.bid_qty_e9, b.ask_px_e9, b.ask_qty_e9) = (q.bid_px_e9, q.bid_qty_e9, q.ask_px_e9, q.ask_qty_e9))
FROM (SELECT * FROM book_updates WHERE run_id = {run} AND NOT snapshot AND bid_px_e9 IS NOT NULL) AS b
ASOF JOIN (SELECT * FROM quotes WHERE run_id = {run}) AS q ON b.venue = q.venue AND b.symbol = q.symbol AND b.last_seq >= q.seq
"""


def test_run_ended_by_itself_and_started_nothing_again(finished: Finished) -> None:
    assert f"run {finished.run} finished" in finished.running.text, finished.running.told()
    assert "processes started again: 0" in finished.running.text, finished.running.told()


def test_topics_and_tables_of_a_run_hold_the_same_records(finished: Finished) -> None:
    where = finished.desk.where
    topics = read_topics(where.kafka, where.registry, topic_names(where.kafka), finished.run)
    client = open_client(where.clickhouse, where.database)
    counts: dict[str, int] = {}
    for topic, records in topics.items():
        counts[table_of(topic)] = counts.get(table_of(topic), 0) + len(records)
    stored = {table: first_row(client, f"SELECT count() FROM `{table}` WHERE run_id = {finished.run}")[0] for table in counts}
    assert stored == counts
    assert not [table for table in FILLED if not counts[table]]
    wrong = [
        text
        for topic in topics
        if topic not in ("frames.v1", "snapshots.v1")
        for text in differences(client, topic, finished.run, topics[topic])
    ]
    assert not wrong, "\n".join(wrong[:5])


def test_trades_of_the_table_have_the_figures_of_the_recording(finished: Finished) -> None:
    report, client = check(finished.recording), open_client(finished.desk.where.clickhouse, finished.desk.where.database)
    count, volume, vwap = first_row(client, f"SELECT count(), sum(qty), sum(qty * px) / sum(qty) FROM trades WHERE run_id = {finished.run}")
    assert (count, Decimal(f"{volume:.3f}")) == (report.trades, report.volume)
    assert report.vwap is not None  # exact, rounded to 10^-6
    assert vwap == pytest.approx(float(report.vwap), abs=1e-6)


def test_best_bid_and_ask_of_the_books_equal_the_venues_tickers(finished: Finished) -> None:
    report, client = check(finished.recording), open_client(finished.desk.where.clickhouse, finished.desk.where.database)
    assert first_row(client, BBO.format(run=finished.run)) == (report.bbo_checked, report.bbo_matched)
    assert report.bbo_checked == report.bbo_matched > 0


def test_orders_reach_the_venue_once_and_fills_add_up_to_positions(finished: Finished) -> None:
    where, names = finished.desk.where, ("requests.v1", "venue_events.v1", "fills.v1", "positions.v1")
    requests, events, fills, positions = read_topics(where.kafka, where.registry, names, finished.run).values()
    assert requests, finished.running.told("trade")
    assert fills, finished.running.told("trade", "venue")
    assert VenueMemory(finished.desk.venue_log(finished.run)).faults(fills) == []
    assert request_faults(requests, events) == []
    assert position_faults(positions, fills) == []


def test_journals_of_compiled_processes_are_equal_when_executed_plain(finished: Finished) -> None:
    shown = finished.desk.done("verify", str(finished.desk.topology), "--run", str(finished.run), "--plain", bound_s=180.0)
    assert shown.count(": equal: ") == 3, shown


def test_lineage_of_a_fill_leads_to_the_frame(finished: Finished) -> None:
    where = finished.desk.where
    topics = read_topics(where.kafka, where.registry, [t for t in topic_names(where.kafka) if not t.startswith("snapshots")], finished.run)
    fill = topics["fills.v1"][-1]
    path = cause_path(fill, topics)
    assert path[:5] == ["fills.v1", "venue_events.v1", "requests.v1", "decisions.v1", "orders.v1"]
    assert path[-1] == "frames.v1"
    shown = finished.desk.done("lineage", ids.text(fill["id"]))
    assert [shown.find(topic) >= 0 for topic in path] == [True] * len(path), shown


def test_verify_says_equal_for_every_process(finished: Finished) -> None:
    shown = finished.desk.done("verify", str(finished.desk.topology), "--run", str(finished.run)).splitlines()
    assert [(line.split("/")[0], ": equal: " in line) for line in shown] == [("market", True), ("trade", True), ("books", True)], shown
