"""`recording check`: the figures of known recordings, each market's rules, damage."""

import json

import pytest

from streams.venues.binance.check import Report, check
from streams.venues.binance.check_output import JSON_KEYS, market_line, render_table, to_json
from streams.venues.binance.rules import Market
from tests.real_recording import PATH, needs_real_recording
from tests.venues.binance_frames import COINM, SPOT, USDM, snapshot, stream, usdm_diff, usdm_ticker, usdm_trade


def report_of(tmp_path, frames: list[bytes], told: list[str] | None = None) -> Report:
    path = tmp_path / "a.txt"
    path.write_bytes(b"".join(b"%d %b\n" % (1_000 + n, frame) for n, frame in enumerate(frames)))
    return check(path, told.append if told is not None else None)


@pytest.mark.slow
@needs_real_recording
def test_check_recorded_feed_gives_every_figure_of_its_readme():
    text = to_json(check(PATH))
    assert text == (
        '{"lines": 93954, "depth_diffs": 6551, "level_updates": 443262, "book_tickers": 66089, "trades": 21313, "snapshots": 1, '
        '"diffs_dropped_before_snapshot": 4, "sequence_gaps": 0, "crossed_books": 0, "bbo_checked": 6547, "bbo_matched": 6547, '
        '"volume": 2429.366, "vwap": 61680.982153, "taker_buy_volume": 1251.576, "open": 61800.30, "high": 61839.90, "low": 61590.30, '
        '"close": 61659.80, "first_ts_ns": 1723161255030314667, "last_ts_ns": 1723161599833492584}'
    )


def test_check_usdm_frames_gives_their_figures(tmp_path):
    report = report_of(tmp_path, USDM)
    assert json.loads(to_json(report)) == {
        "lines": 10,
        "depth_diffs": 3,
        "level_updates": 4,
        "book_tickers": 4,
        "trades": 2,
        "snapshots": 1,
        "diffs_dropped_before_snapshot": 1,
        "sequence_gaps": 0,
        "crossed_books": 0,
        "bbo_checked": 2,
        "bbo_matched": 2,
        "volume": 2,
        "vwap": 99.95,
        "taker_buy_volume": 0.5,
        "open": 100.1,
        "high": 100.1,
        "low": 99.9,
        "close": 99.9,
        "first_ts_ns": 1000,
        "last_ts_ns": 1009,
    }
    assert tuple(json.loads(to_json(report))) == JSON_KEYS
    assert market_line(report) == "USD-M futures: BTCUSDT"


def test_check_coinm_frames_counts_contracts_and_says_so(tmp_path):
    report = report_of(tmp_path, COINM)
    assert (report.market, report.symbols) == (Market.COINM, ("BTCUSD_PERP",))
    assert (report.diffs_dropped_before_snapshot, report.sequence_gaps, report.bbo_checked, report.bbo_matched) == (1, 0, 2, 2)
    assert (str(report.volume), str(report.taker_buy_volume), str(report.vwap)) == ("40", "30", "60000.075000")
    assert any("contracts" in note for note in report.notes)


def test_check_spot_frames_follow_the_rules_of_spot(tmp_path):
    report = report_of(tmp_path, SPOT)
    assert report.market is Market.SPOT
    assert (report.depth_diffs, report.diffs_dropped_before_snapshot, report.sequence_gaps) == (3, 1, 0)
    assert (report.bbo_checked, report.bbo_matched, report.crossed_books) == (2, 2, 0)
    assert str(report.vwap) == "0.010100"
    assert "market                         spot: BNBBTC" in render_table(report)


def test_check_missing_diff_counts_one_gap_and_waits_for_a_snapshot(tmp_path):
    after = [usdm_diff(121, 130, 120, [["99.8", "7"]]), snapshot(125, [["99.7", "1"]], [["100.1", "4"]], E=1, T=1)]
    report = report_of(tmp_path, [*USDM, usdm_diff(115, 118, 112), *after, usdm_ticker(130, "99.8", "7", "100.1", "4")])
    assert report.sequence_gaps == 2  # 111-112 is missing, and 119-120
    assert (report.bbo_checked, report.bbo_matched, report.snapshots) == (3, 3, 2)
    alone = report_of(tmp_path, [*USDM, usdm_diff(115, 118, 112)])
    assert alone.sequence_gaps == 1
    assert any("1 diffs could not be applied, after the last gap" in note for note in alone.notes)


def test_check_crossed_book_and_wrong_ticker_are_counted(tmp_path):
    frames = [*USDM, usdm_diff(111, 112, 110, [["100.3", "1"]]), usdm_ticker(112, "99.9", "1", "100.1", "5")]
    report = report_of(tmp_path, frames)
    assert (report.crossed_books, report.bbo_checked, report.bbo_matched) == (1, 3, 2)


def test_check_ticker_received_after_its_diff_still_counts(tmp_path):
    frames = [
        snapshot(99, [["100.0", "2"]], [["100.2", "5"]], E=1, T=1),
        usdm_diff(99, 105, 95, [["100.0", "3"]]),
        usdm_ticker(90, "99.0", "1", "101.0", "1"),
        usdm_ticker(104, "100.0", "3", "100.2", "5"),
        usdm_ticker(106, "100.1", "9", "100.2", "5"),
    ]
    report = report_of(tmp_path, frames)
    assert (report.bbo_checked, report.bbo_matched) == (1, 1)


def test_check_damaged_lines_are_told_and_the_rest_is_read(tmp_path):
    frames = list(USDM)
    frames[8:8] = [b'{"stream":"btcusdt@tra', b"\xff\xfe", usdm_trade(9, "1.00000000001", "1", True)]
    told: list[str] = []
    report = report_of(tmp_path, frames, told)
    assert [line.split(": ", 1)[0].rsplit("/", 1)[1] for line in told] == ["a.txt:9", "a.txt:10", "a.txt:11"]
    assert "no JSON" in told[0]
    assert "more than 9 digits" in told[2]
    assert (report.lines, report.damaged_lines, report.trades) == (13, 3, 2)


def test_check_empty_recording_prints_null_where_nothing_is_known(tmp_path):
    report = report_of(tmp_path, [])
    found = json.loads(to_json(report))
    assert (found["lines"], found["volume"], found["vwap"], found["open"], found["first_ts_ns"]) == (0, 0, None, None, None)
    assert "unknown market: no symbol" in render_table(report)


def test_check_recording_without_snapshot_says_why_nothing_was_rebuilt(tmp_path):
    report = report_of(tmp_path, [usdm_diff(1, 5, 0), usdm_diff(6, 9, 5)])
    assert (report.sequence_gaps, report.level_updates, report.bbo_checked) == (0, 0, 0)
    assert report.notes == ("BTCUSDT: 2 diffs could not be applied, no snapshot comes with them",)


def test_check_trade_and_aggregate_trade_are_not_counted_twice(tmp_path):
    data = json.loads(usdm_trade(5, "100.1", "0.5", False))["data"]
    aggregate = stream("btcusdt@aggTrade", {**data, "e": "aggTrade", "a": 3})
    report = report_of(tmp_path, [*USDM, aggregate])
    assert (report.trades, str(report.volume)) == (2, "2")
    assert any("aggTrade" in note for note in report.notes)


def test_check_two_symbols_keep_two_books(tmp_path):
    other = [
        stream("ethusdt@depth@snapshot", json.loads(snapshot(50, [["5.0", "1"]], [["5.1", "1"]]))),
        usdm_diff(50, 51, 49, [["5.0", "2"]], symbol="ETHUSDT"),
        usdm_ticker(51, "5.0", "2", "5.1", "1", symbol="ETHUSDT"),
    ]
    report = report_of(tmp_path, [*USDM, *other])
    assert (report.symbols, report.bbo_checked, report.bbo_matched) == (("BTCUSDT", "ETHUSDT"), 3, 3)
    told: list[str] = []
    report_of(tmp_path, [*USDM, *other, snapshot(60, [], [])], told)
    assert "names no symbol" in told[0]


def test_render_table_names_every_figure(tmp_path):
    table = render_table(report_of(tmp_path, USDM))
    assert all(key in table for key in JSON_KEYS)
    assert "bbo_matched                    2 of 2 (100.00 %)" in table
