"""The first difference, named."""

from typing import Any

from streams.lanes.difference import Output, compare
from streams.records import JournalEntry, Side, Trade
from streams.schema import ids

ENTRY = JournalEntry(1, 0, 1, 0, 0, "market", 0, 12, (), (), (), (), bytes(16), (), (), "")


def trade(sequence: int, **changes: Any) -> Trade:
    id = ids.make(4, sequence)
    return Trade(id, ids.make(2, 40 + sequence), 1, 5, 5, "sim", "X", 1, sequence, Side.BUY, 100, 7)._replace(**changes)


def outputs(*trades: Trade) -> list[Output]:
    return [Output("trades.v1", record, b"") for record in trades]


def recorded(*trades: Trade) -> dict[int, tuple[str, Any]]:
    return {record.id: ("trades.v1", record) for record in trades}


def test_compare_field_differs_names_record_field_values_and_cause() -> None:
    found = compare(ENTRY, recorded(trade(1), trade(2)), outputs(trade(1), trade(2, side=Side.SELL, px_e9=101)))
    assert (found.topic, found.id, found.field, found.recorded, found.now) == ("trades.v1", trade(2).id, "side", Side.BUY, Side.SELL)
    assert str(found) == "market/0 batch 12: trades.v1 4:2: side: recorded BUY, now SELL (caused by 2:42)"


def test_compare_cause_differs_shows_ids_as_people_write_them() -> None:
    found = compare(ENTRY, recorded(trade(1)), outputs(trade(1, cause_id=ids.make(2, 7))))
    assert str(found) == "market/0 batch 12: trades.v1 4:1: cause_id: recorded 2:41, now 2:7 (caused by 2:7)"


def test_compare_record_only_now_says_so() -> None:
    found = compare(ENTRY, recorded(trade(1)), outputs(trade(1), trade(2)))
    assert (found.recorded, found.now, found.field) == (None, trade(2), "")
    assert "now written, not recorded: id=" in str(found)


def test_compare_record_only_recorded_says_so() -> None:
    found = compare(ENTRY, recorded(trade(1), trade(2)), outputs(trade(1)))
    assert (found.recorded, found.now) == (trade(2), None)
    assert "recorded, now not written" in str(found)


def test_compare_equal_records_blames_journal_or_topic() -> None:
    assert "the journal or a topic was changed" in str(compare(ENTRY, recorded(trade(1)), outputs(trade(1))))
