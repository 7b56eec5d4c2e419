"""A part of a stream opens with the books as they stood: compared with books kept in dictionaries."""

import pytest

from streams.backtest import store
from streams.backtest.lead_in import between
from streams.slots import FLAG_FIRST, FLAG_GAP, FLAG_LAST, FLAG_SNAPSHOT, KIND_LEVEL, LevelSlot
from tests.backtest.market_kit import START_NS, lines, recording, seen, write


@pytest.fixture(autouse=True)
def own_store(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "cache_folder", lambda: tmp_path / "cache")


def levels(slots):
    return [LevelSlot().unpack(slots[start : start + 64]) for start in range(0, len(slots), 64)]


def books_of(records):
    """By instrument the levels that book updates leave, and the last id; instruments after a gap are left out."""
    books, last = {}, {}
    for record in records:
        if record.slots[36] != KIND_LEVEL:
            continue
        for slot in levels(record.slots):
            if slot.flags & FLAG_GAP:
                books.pop(slot.instrument, None)
            if slot.flags & FLAG_SNAPSHOT and slot.flags & FLAG_FIRST:
                books[slot.instrument] = {}
            if slot.instrument in books:
                last[slot.instrument] = slot.id
                book = books[slot.instrument]
                if slot.qty_lots > 0:
                    book[slot.side, slot.px_ticks] = slot.qty_lots
                else:
                    book.pop((slot.side, slot.px_ticks), None)
    return {instrument: (book, last[instrument]) for instrument, book in books.items()}


@pytest.mark.parametrize("seed", range(4))
def test_between_opens_with_the_books_as_they_stood(tmp_path, seed):
    source = recording(write(tmp_path / "a", lines(seed, 500)), cached=False)
    whole = seen(source.pieces())
    from_ns, to_ns = whole[len(whole) // 2].recv_ts_ns, whole[-20].recv_ts_ns
    before = [record for record in whole if record.recv_ts_ns < from_ns]
    part = seen(between(source.pieces(), from_ns, to_ns))
    books = books_of(before)
    assert part[len(books) :] == [record for record in whole if from_ns <= record.recv_ts_ns < to_ns]
    assert len(books) > 0
    for record in part[: len(books)]:
        slots = levels(record.slots)
        head = slots[0]
        book, last_id = books.pop(head.instrument)
        assert {(s.side, s.px_ticks): s.qty_lots for s in slots if s.qty_lots >= 0} == book
        assert {(s.id, s.cause_id, s.ts_ns, s.recv_ts_ns, s.kind) for s in slots} == {(last_id, last_id, from_ns, from_ns, KIND_LEVEL)}
        assert [s.flags for s in slots] == _flags(len(slots))
        assert [s.px_ticks for s in slots if s.side == 0] == sorted((px for side, px in book if side == 0), reverse=True)
        assert [s.px_ticks for s in slots if s.side == 1] == sorted(px for side, px in book if side == 1)
        assert (record.recv_ts_ns, record.exch_ts_ns) == (from_ns, 0)


def test_between_from_the_first_record_on_opens_with_nothing(tmp_path):
    source = recording(write(tmp_path / "a", lines(9, 100)), from_ns=START_NS)
    assert seen(source.pieces()) == seen(recording(str(tmp_path / "a")).pieces())


def _flags(n):
    flags = [FLAG_SNAPSHOT] * n
    flags[0] |= FLAG_FIRST
    flags[-1] |= FLAG_LAST
    return flags
