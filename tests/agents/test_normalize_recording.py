"""Normalize over whole recordings, compared with what `recording check` finds in them."""

from collections import Counter

import pytest

from streams.records import BookUpdate, CommandType, InstrumentType, Quote, Trade
from streams.venues.binance.recording import Line, read_recording
from streams.venues.binance.synthetic import Faults, SyntheticMarket
from tests.agents.market_desk import REAL, MarketDesk, instrument
from tests.real_recording import PATH, needs_real_recording

BTCUSDT = instrument("BTCUSDT", InstrumentType.LINEAR, 10**8, 10**6)


def touches_matched(out: list) -> tuple[int, int]:
    """(applied diffs, those whose touch equals the last quote with seq <= last_seq), as a query on the two topics would count them."""
    quotes = sorted((quote.seq, place) for place, quote in enumerate(out) if isinstance(quote, Quote))
    at = matched = count = 0
    for update in (record for record in out if isinstance(record, BookUpdate) and not record.snapshot and not record.gap):
        while at + 1 < len(quotes) and quotes[at + 1][0] <= update.last_seq:
            at += 1
        quote = out[quotes[at][1]]
        count += 1
        matched += update[-4:] == (quote.bid_px_e9, quote.bid_qty_e9, quote.ask_px_e9, quote.ask_qty_e9)
    return count, matched


@pytest.mark.slow
@needs_real_recording
def test_normalize_recorded_feed_gives_its_known_figures():
    desk, out = MarketDesk(BTCUSDT, compiled=True, **REAL), []
    for line in read_recording(PATH):
        assert isinstance(line, Line)
        out += desk.feed(line.payload)
    assert Counter(type(record).__name__ for record in out) == {"BookUpdate": 6_548, "Quote": 66_089, "Trade": 21_313}
    trades = [record for record in out if isinstance(record, Trade)]
    assert sum(trade.qty_e9 for trade in trades) == 2_429_366_000_000
    assert round(sum(t.px_e9 * t.qty_e9 for t in trades) / sum(t.qty_e9 for t in trades) / 1e9, 6) == 61_680.982153
    assert touches_matched(out) == (6_547, 6_547)
    assert not any(isinstance(record, BookUpdate) and record.gap for record in out)


def test_normalize_synthetic_gap_heals_with_the_next_snapshot():
    desk = MarketDesk(BTCUSDT, compiled=True, **REAL)
    out = desk.feed(*(payload for _, payload in SyntheticMarket(seconds=5, faults=Faults(gap_s=2.0)).frames()))
    updates = [record for record in out if isinstance(record, BookUpdate)]
    assert [update.gap for update in updates].count(True) == 1
    assert [update.snapshot for update in updates].count(True) == 2
    assert [record.kind for record in out if hasattr(record, "kind")] == [CommandType.RESYNC]
    count, matched = touches_matched(out)
    assert count == matched > 80
