"""The synthetic market: equal seeds, equal bytes; a book that is always right; faults where they were asked for."""

import pytest

from streams.errors import ConfigError, FrameError
from streams.venues.binance.check import check
from streams.venues.binance.messages import BookTicker, parse
from streams.venues.binance.synthetic import Faults, SyntheticMarket, write_synthetic


def test_write_synthetic_same_seed_gives_the_same_bytes(tmp_path):
    for name, seed in (("a.gz", 7), ("b.gz", 7), ("c.gz", 8)):
        write_synthetic(tmp_path / name, SyntheticMarket(seed=seed, seconds=3))
    first, second, other = ((tmp_path / name).read_bytes() for name in ("a.gz", "b.gz", "c.gz"))
    assert first == second
    assert first != other


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_synthetic_market_is_consistent(tmp_path, seed):
    frames = write_synthetic(tmp_path / "a.gz", SyntheticMarket(seed=seed, seconds=10))
    report = check(tmp_path / "a.gz")
    assert report.lines == frames
    assert (report.sequence_gaps, report.crossed_books, report.damaged_lines, report.snapshots) == (0, 0, 0, 1)
    assert report.diffs_dropped_before_snapshot > 0
    assert report.bbo_matched == report.bbo_checked == report.depth_diffs - report.diffs_dropped_before_snapshot
    assert report.trades > 100
    assert report.notes == ()


def test_synthetic_market_moves_and_keeps_a_narrow_spread():
    spreads, mids, last_ns = [], set(), 0
    for recv_ts_ns, payload in SyntheticMarket(seconds=20).frames():
        assert recv_ts_ns > last_ns
        last_ns = recv_ts_ns
        message = parse(payload)
        if isinstance(message, BookTicker):
            spreads.append((message.ask_px_e9 - message.bid_px_e9) // 10**8)
            mids.add(message.ask_px_e9 + message.bid_px_e9)
    assert min(spreads) == 1
    assert sum(spread <= 3 for spread in spreads) > 0.85 * len(spreads)
    assert len(mids) > 50


def test_synthetic_gap_is_found_and_the_next_snapshot_heals_it(tmp_path):
    write_synthetic(tmp_path / "a.gz", SyntheticMarket(seconds=5, faults=Faults(gap_s=2.0)))
    report = check(tmp_path / "a.gz")
    assert (report.sequence_gaps, report.snapshots, report.crossed_books) == (1, 2, 0)
    assert report.bbo_matched == report.bbo_checked > 80
    assert report.notes == ()


def test_synthetic_damage_and_bad_prices_are_found(tmp_path):
    told: list[str] = []
    write_synthetic(tmp_path / "a.gz", SyntheticMarket(seconds=5, faults=Faults(damage_s=1.0, inexact_s=2.0, off_grid_s=3.0)))
    report = check(tmp_path / "a.gz", told.append)
    assert report.damaged_lines == 2  # a price between two ticks is a matter of the instrument, which a recording does not know
    assert "no JSON" in told[0]
    assert "more than 9 digits" in told[1]


def test_synthetic_frames_without_faults_all_parse():
    try:
        for _, payload in SyntheticMarket(seconds=2, symbol="ETHUSDT").frames():
            parse(payload)
    except FrameError as error:
        pytest.fail(str(error))


def test_synthetic_market_senseless_parameters_are_refused():
    with pytest.raises(ConfigError, match="seconds 0"):
        SyntheticMarket(seconds=0)
