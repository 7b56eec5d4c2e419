"""Frames to messages: exact numbers, every kind, clear refusals."""

import json

import pytest

from streams.errors import FrameError
from streams.records import Side
from streams.venues.binance.messages import BookTicker, DepthDiff, Ignored, MarkPrice, Snapshot, Trade, parse
from tests.venues.binance_frames import (
    COINM,
    coinm_trade,
    mark_price,
    snapshot,
    spot_diff,
    spot_ticker,
    stream,
    usdm_diff,
    usdm_ticker,
    usdm_trade,
)

E9 = 10**9


def test_parse_usdm_diff_gives_exact_levels():
    diff = parse(usdm_diff(5, 9, 4, [["61800.20", "2.507"]], [["61800.30", "0.000"]]))
    expected = DepthDiff("BTCUSDT", 999_000_000, 5, 9, 4, ((61_800_200_000_000, 2_507_000_000),), ((61_800_300_000_000, 0),))
    assert diff == expected
    assert parse(usdm_diff(5, 9, 4, [["61800.20", "2.507"]], [["61800.30", "0.000"]])) == expected  # again, from what is remembered


def test_parse_spot_diff_has_no_previous_sequence_and_takes_event_time():
    assert parse(spot_diff(5, 9)) == DepthDiff("BNBBTC", 1_000_000_000, 5, 9, -1, (), ())


def test_parse_spot_diff_in_microseconds_keeps_them():
    data = {"e": "depthUpdate", "E": 1_723_161_256_298_123, "s": "BNBBTC", "U": 1, "u": 2, "b": [], "a": []}
    assert parse(stream("bnbbtc@depth", data)).exch_ts_ns == 1_723_161_256_298_123_000


def test_parse_raw_frame_without_wrapper_equals_the_wrapped_one():
    wrapped = usdm_ticker(7, "1.5", "2", "1.6", "3")
    raw = json.dumps(json.loads(wrapped)["data"]).encode()
    assert parse(raw) == parse(wrapped) == BookTicker("BTCUSDT", 5_000_000, 7, 1_500_000_000, 2 * E9, 1_600_000_000, 3 * E9)


def test_parse_spot_ticker_without_event_type_is_read():
    expected = BookTicker("BNBBTC", 0, 7, 10_000_000, 2 * E9, 11_000_000, 3 * E9)
    assert parse(spot_ticker(7, "0.01000000", "2.0", "0.01100000", "3.0")) == expected
    assert parse(json.dumps({"u": 7, "s": "BNBBTC", "b": "0.01", "B": "2", "a": "0.011", "A": "3"}).encode()) == expected


def test_parse_trades_give_the_aggressor():
    assert parse(usdm_trade(3, "10", "0.5", True)) == Trade("BTCUSDT", 6_000_000, 3, Side.SELL, 10 * E9, 500_000_000, False)
    assert parse(coinm_trade(4, "10", "2", False)) == Trade("BTCUSD_PERP", 6_000_000, 4, Side.BUY, 10 * E9, 2 * E9, True)


def test_parse_snapshot_with_and_without_symbol():
    levels = ((10 * E9, E9),), ((11 * E9, E9),)
    assert parse(snapshot(9, [["10", "1"]], [["11", "1"]])) == Snapshot("", 0, 9, *levels)
    assert parse(snapshot(9, [["10", "1"]], [["11", "1"]], T=2, E=3)) == Snapshot("", 2_000_000, 9, *levels)
    assert parse(COINM[1]).symbol == "BTCUSD_PERP"
    inner = json.loads(snapshot(9, [["10", "1"]], [["11", "1"]]))
    assert parse(stream("btcusdt@depth@snapshot", inner)).symbol == "BTCUSDT"


def test_parse_mark_price_gives_mark_rate_and_next_funding():
    found = parse(mark_price("11794.15000000", "-0.00038167", 1_562_306_400_000))
    assert found == MarkPrice("BTCUSDT", 1_562_305_380_000_000_000, 11_794_150_000_000, -381_670, 1_562_306_400_000_000_000)


def test_parse_levels_with_a_third_element_are_read():
    assert parse(spot_diff(1, 2, [["10", "1", []]])).bids == ((10 * E9, E9),)  # spot wrote them so until 2019


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (mark_price("1", "", 0, "BTCUSD_201225"), "markPriceUpdate of a delivery contract"),
        (stream("btcusdt@depth20@100ms", json.loads(usdm_diff(1, 2, 0))["data"]), "partialDepth"),
        (stream("bnbbtc@depth5", {"lastUpdateId": 1, "bids": [], "asks": []}), "partialDepth"),
        (stream("!miniTicker@arr", []), "array"),
        (b"[]", "array"),
        (b'{"result":null,"id":1}', "response"),
        (usdm_trade(1, "0", "0", True, "NA"), "trade NA"),
        (usdm_trade(1, "50000", "1", True, "INSURANCE_FUND"), "trade INSURANCE_FUND"),
    ],
)
def test_parse_other_kinds_are_ignored_by_name(payload, kind):
    assert parse(payload) == Ignored(kind)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b'{"stream":"btcusd', "no JSON"),
        (b'{"a":"\xff"}', "no JSON"),
        (b"", "no JSON"),
        (b"17", "JSON int"),
        (b"{}", "no known message"),
        (b'{"stream":5,"data":{}}', "stream: 5"),
        (b'{"stream":"x","data":"y"}', "data: a JSON str"),
        (b'{"code":-1130,"msg":"limit is not valid"}', "error -1130: limit is not valid"),
        (usdm_diff(9, 5, 4), "U 9 is after u 5"),
        (usdm_diff(1, 2, 0, [["1.0000000001", "1"]]), "more than 9 digits"),
        (usdm_diff(1, 2, 0, [["1", "0.0000000001"]]), "more than 9 digits"),
        (usdm_diff(1, 2, 0, [["0.00", "1"]]), "price 0.00 is not above 0"),
        (usdm_diff(1, 2, 0, [["-1", "1"]]), "below 0"),
        (usdm_diff(1, 2, 0, [["1e", "1"]]), "no decimal number"),
        (usdm_diff(1, 2, 0, [["99999999999999", "1"]]), "64 bits"),
        (usdm_diff(1, 2, 0, [[1.5, "1"]]), "in quotes"),
        (usdm_diff(1, 2, 0, [["1"]]), "no level"),
        (usdm_diff(1, 2, 0, "12"), "list of levels"),
        (usdm_trade(1, "1", "0", True), "quantity 0"),
        (stream("x@trade", {"e": "trade", "s": "X", "T": 1, "t": 1, "p": "1", "q": "1", "m": "yes"}), "neither true nor false"),
        (stream("x@trade", {"e": "trade", "s": "X", "T": 1, "t": 1, "p": "1", "m": True}), "field 'q' is missing"),
        (stream("x@depth", {"e": "depthUpdate", "s": "X", "E": 1, "U": "1", "u": 2, "b": [], "a": []}), "U: '1'"),
        (stream("x@depth", {"e": "depthUpdate", "s": "X", "E": 1, "U": True, "u": 2, "b": [], "a": []}), "U: True"),
        (stream("x@depth", {"e": "depthUpdate", "s": 3, "E": 1, "U": 1, "u": 2, "b": [], "a": []}), "no symbol"),
        (stream("x@depth", {"e": "depthUpdate", "s": "X", "E": 1 << 62, "U": 1, "u": 2, "b": [], "a": []}), "no time"),
        (stream("x@depth", {"e": 5, "s": "X"}), "no event type"),
        (mark_price("0", "0.1", 1), "p: '0' is no price"),
        (mark_price("1", "1.1", 1), "r: 1.1 is no rate"),
        (mark_price("1", "x", 1), "no decimal number"),
        (stream("x@markPrice", {"e": "markPriceUpdate", "s": "X", "r": 0.1, "T": 1, "p": "1"}), "r: 0.1 is no decimal"),
        (stream("x@markPrice", {"e": "markPriceUpdate", "s": "X"}), "field 'T' is missing"),
    ],
)
def test_parse_bad_frame_is_refused_with_the_reason(payload, reason):
    for _ in range(2):  # the second time some numbers are remembered
        with pytest.raises(FrameError, match=reason):
            parse(payload)


def test_parse_level_of_two_characters_is_refused_though_both_are_known_numbers():
    known = b'{"lastUpdateId": 1, "bids": [["1", "2"]], "asks": []}'
    assert parse(known)
    with pytest.raises(FrameError, match="is no level"):
        parse(known.replace(b'["1", "2"]', b'"12"'))
