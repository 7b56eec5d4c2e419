"""Sequence rules of the three markets, on hand-made diffs and against a book that is known."""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.venues.binance.rules import HELD_LIMIT, BookSync, Market, Verdict, market_of

FUTURES = (Market.USDM, Market.COINM)


class D(NamedTuple):
    first_seq: int
    last_seq: int
    prev_seq: int = -1


def synced(market: Market, last_update_id: int = 100) -> BookSync[D]:
    sync: BookSync[D] = BookSync(market)
    assert sync.on_snapshot(last_update_id) == []
    return sync


def test_on_diff_without_snapshot_holds():
    sync: BookSync[D] = BookSync(Market.USDM)
    assert sync.on_diff(D(1, 5, 0)) == Verdict.HOLD
    assert sync.stale
    assert list(sync.held) == [D(1, 5, 0)]


@pytest.mark.parametrize("market", FUTURES)
@pytest.mark.parametrize(
    ("diff", "verdict"),
    [
        (D(90, 99, 80), Verdict.DROP),  # u < lastUpdateId
        (D(90, 100, 80), Verdict.APPLY),  # u == lastUpdateId still brackets
        (D(100, 105, 80), Verdict.APPLY),
        (D(101, 105, 100), Verdict.APPLY),  # continues the snapshot exactly
        (D(103, 105, 98), Verdict.APPLY),  # the snapshot lies in the hole before U
        (D(103, 105, 102), Verdict.GAP),  # what happened from 101 to 102 is missing
    ],
)
def test_on_diff_first_after_snapshot_futures_follows_the_rule(market, diff, verdict):
    assert synced(market).on_diff(diff) == verdict


@pytest.mark.parametrize(
    ("diff", "verdict"),
    [
        (D(90, 99), Verdict.DROP),
        (D(90, 100), Verdict.DROP),  # u == lastUpdateId is dropped here, unlike futures
        (D(99, 105), Verdict.APPLY),
        (D(101, 105), Verdict.APPLY),
        (D(102, 105), Verdict.GAP),
    ],
)
def test_on_diff_first_after_snapshot_spot_follows_the_rule(diff, verdict):
    assert synced(Market.SPOT).on_diff(diff) == verdict


@pytest.mark.parametrize("market", FUTURES)
def test_on_diff_futures_wants_pu_equal_to_previous_u(market):
    sync = synced(market)
    assert sync.on_diff(D(95, 105, 90)) == Verdict.APPLY
    assert sync.on_diff(D(110, 120, 105)) == Verdict.APPLY
    assert sync.on_diff(D(131, 140, 130)) == Verdict.GAP
    assert sync.stale
    assert sync.gaps == 1


def test_on_diff_spot_wants_ids_without_a_hole():
    sync = synced(Market.SPOT)
    assert sync.on_diff(D(101, 105)) == Verdict.APPLY
    assert sync.on_diff(D(106, 106)) == Verdict.APPLY
    assert sync.on_diff(D(108, 110)) == Verdict.GAP


def test_on_diff_repeated_drops_without_a_gap():
    sync = synced(Market.USDM)
    assert sync.on_diff(D(95, 105, 90)) == Verdict.APPLY
    assert sync.on_diff(D(95, 105, 90)) == Verdict.DROP
    assert sync.on_diff(D(106, 107, 105)) == Verdict.APPLY
    assert sync.gaps == 0


def test_on_snapshot_returns_held_diffs_from_the_one_that_brackets():
    sync: BookSync[D] = BookSync(Market.USDM)
    diffs = [D(1, 5, 0), D(6, 9, 5), D(11, 15, 9), D(16, 20, 15)]
    assert [sync.on_diff(d) for d in diffs] == [Verdict.HOLD] * 4
    assert sync.on_snapshot(12) == diffs[2:]
    assert (sync.dropped, sync.gaps, sync.synced) == (2, 0, True)
    assert sync.on_diff(D(21, 22, 20)) == Verdict.APPLY


def test_on_snapshot_older_than_held_diffs_is_refused():
    sync: BookSync[D] = BookSync(Market.USDM)
    sync.on_diff(D(50, 60, 49))
    assert sync.on_snapshot(40) is None
    assert sync.stale
    assert sync.on_snapshot(55) == [D(50, 60, 49)]


def test_on_snapshot_older_than_the_book_is_refused_and_the_book_goes_on():
    sync = synced(Market.USDM)
    sync.on_diff(D(95, 105, 90))
    assert sync.on_snapshot(104) is None
    assert sync.on_diff(D(106, 107, 105)) == Verdict.APPLY


def test_on_snapshot_after_gap_joins_the_diffs_since():
    sync = synced(Market.USDM)
    sync.on_diff(D(95, 105, 90))
    assert sync.on_diff(D(111, 120, 110)) == Verdict.GAP
    assert sync.on_diff(D(121, 130, 120)) == Verdict.HOLD
    assert sync.on_snapshot(115) == [D(111, 120, 110), D(121, 130, 120)]
    assert sync.gaps == 1


def test_on_diff_gap_among_held_diffs_counts_and_forgets_what_came_before():
    sync: BookSync[D] = BookSync(Market.USDM)
    assert sync.on_diff(D(1, 5, 0)) == Verdict.HOLD
    assert sync.on_diff(D(11, 15, 10)) == Verdict.GAP
    assert list(sync.held) == [D(11, 15, 10)]
    assert sync.gaps == 1


def test_on_diff_more_held_than_the_limit_gives_up_the_oldest():
    sync: BookSync[D] = BookSync(Market.SPOT)
    for seq in range(HELD_LIMIT + 5):
        sync.on_diff(D(seq, seq))
    assert len(sync.held) == HELD_LIMIT
    assert sync.dropped == 5
    assert sync.held[0] == D(5, 5)


@st.composite
def _streams(draw):
    """Diffs of a market with holes between them, which are lost, and where snapshots are taken and when they arrive."""
    market = draw(st.sampled_from(list(Market)))
    seq, prev, diffs = 100, 99, []
    for _ in range(draw(st.integers(3, 30))):
        first = seq + (1 if market is Market.SPOT else draw(st.integers(1, 5)))
        last = first + draw(st.integers(0, 4))
        diffs.append(D(first, last, -1 if market is Market.SPOT else prev))
        seq = prev = last
    lost = draw(st.sets(st.integers(0, len(diffs) - 1), max_size=4))
    snapshots = draw(st.lists(st.tuples(st.integers(99, seq), st.integers(0, len(diffs))), max_size=5))
    return market, diffs, lost, snapshots


@given(_streams())
def test_book_sync_in_sync_holds_every_change_up_to_its_sequence(case):
    """The slow twin: a book is the set of ids whose changes it holds; in sync, that is all of them."""
    market, diffs, lost, snapshots = case
    changes = {seq for d in diffs for seq in range(d.first_seq, d.last_seq + 1)}
    sync: BookSync[D] = BookSync(market)
    known: set[int] = set()

    def apply(diff: D) -> None:
        known.update(range(diff.first_seq, diff.last_seq + 1))
        assert known >= {seq for seq in changes if seq <= diff.last_seq}

    for at, diff in enumerate(diffs):
        for last_update_id, _ in (s for s in snapshots if s[1] == at):
            kept = sync.on_snapshot(last_update_id)
            if kept is not None:
                known = {seq for seq in changes if seq <= last_update_id}
                for held in kept:
                    apply(held)
        if at not in lost and sync.on_diff(diff) == Verdict.APPLY:
            apply(diff)


def test_state_loaded_decides_as_before():
    sync = synced(Market.USDM)
    sync.on_diff(D(95, 105, 90))
    other: BookSync[D] = BookSync(Market.USDM)
    other.load(sync.state())
    assert other.state() == sync.state()
    assert other.on_diff(D(111, 120, 110)) == Verdict.GAP


@pytest.mark.parametrize(
    ("data", "market"),
    [
        ({"e": "depthUpdate", "s": "BTCUSDT", "U": 1, "u": 1, "pu": 0}, Market.USDM),
        ({"e": "depthUpdate", "s": "BTCUSDT_240628", "U": 1, "u": 1, "pu": 0}, Market.USDM),
        ({"e": "depthUpdate", "s": "BTCUSD_PERP", "ps": "BTCUSD", "U": 1, "u": 1, "pu": 0}, Market.COINM),
        ({"e": "depthUpdate", "s": "BNBBTC", "U": 1, "u": 1}, Market.SPOT),
        ({"u": 1, "s": "BNBBTC", "b": "1", "B": "1", "a": "2", "A": "1"}, Market.SPOT),
        ({"e": "bookTicker", "u": 1, "s": "BTCUSDT", "b": "1", "B": "1", "a": "2", "A": "1", "T": 1, "E": 1}, Market.USDM),
        ({"e": "aggTrade", "s": "BTCUSD_200925", "m": True}, Market.COINM),
        ({"e": "trade", "s": "BNBBTC", "m": True, "M": True}, Market.SPOT),
        ({"e": "trade", "s": "BTCUSDT", "m": True, "X": "MARKET"}, Market.USDM),
        ({"lastUpdateId": 1, "symbol": "BTCUSD_PERP", "pair": "BTCUSD"}, Market.COINM),
        ({"lastUpdateId": 1}, None),
    ],
)
def test_market_of_message_tells_the_market(data, market):
    assert market_of(data) == market
