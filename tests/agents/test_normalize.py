"""Normalize on hand-made frames: what is written, what is refused, gaps and resync, state."""

from typing import Any

import pytest

from streams.errors import FrameError
from streams.records import (
    BookLevel,
    BookUpdate,
    Command,
    CommandType,
    Funding,
    InstrumentType,
    Quote,
    Side,
    Trade,
)
from tests.agents.market_desk import HEAD, MarketDesk, instrument
from tests.venues.binance_frames import COINM, SPOT, USDM, mark_price, snapshot, stream, usdm_diff, usdm_ticker, usdm_trade

E9 = 10**9


def normalizer(*instruments: Any) -> MarketDesk:
    return MarketDesk(*instruments)


def feed(desk: MarketDesk, *payloads: bytes) -> list[Any]:
    return desk.feed(*payloads)


def test_on_frame_usdm_frames_give_snapshot_diffs_quotes_and_trades():
    out = feed(normalizer(), *USDM)
    bid, ask = 100 * E9, 100_200_000_000
    updates = [record for record in out if isinstance(record, BookUpdate)]
    assert updates[0] == BookUpdate(
        *HEAD,
        venue="binance",
        symbol="BTCUSDT",
        exch_ts_ns=1_000_000,
        first_seq=99,
        last_seq=99,
        snapshot=True,
        gap=False,
        levels=(BookLevel(Side.BUY, bid, 2 * E9), BookLevel(Side.SELL, ask, 5 * E9)),
        bid_px_e9=bid,
        bid_qty_e9=2 * E9,
        ask_px_e9=ask,
        ask_qty_e9=5 * E9,
    )
    assert [(u.first_seq, u.last_seq, u.snapshot, u.bid_px_e9, u.bid_qty_e9, u.ask_px_e9) for u in updates[1:]] == [
        (97, 101, False, bid, 3 * E9, ask),  # held until the snapshot came
        (104, 110, False, 99_900_000_000, E9, 100_100_000_000),
    ]
    assert [type(record).__name__ for record in out[:3]] == ["Quote", "BookUpdate", "BookUpdate"]
    trades = [record for record in out if isinstance(record, Trade)]
    assert [(t.trade_id, t.side, t.px_e9, t.qty_e9) for t in trades] == [
        (1, Side.BUY, 100_100_000_000, 500_000_000),
        (2, Side.SELL, 99_900_000_000, 1_500_000_000),
    ]


def test_on_frame_ticker_gives_spread_imbalance_and_microprice():
    (quote,) = feed(normalizer(), usdm_ticker(7, "100.0", "3", "100.2", "1"))
    assert quote == Quote(
        *HEAD,
        venue="binance",
        symbol="BTCUSDT",
        exch_ts_ns=5_000_000,
        seq=7,
        bid_px_e9=100 * E9,
        bid_qty_e9=3 * E9,
        ask_px_e9=100_200_000_000,
        ask_qty_e9=E9,
        spread_e9=200_000_000,
        imbalance=0.5,
        microprice=100.15,  # nearer to the ask: more is bid than offered
    )


def test_on_frame_ticker_without_sizes_has_no_imbalance():
    (quote,) = feed(normalizer(), usdm_ticker(7, "100.0", "0", "100.2", "0"))
    assert (quote.imbalance, quote.microprice) == (0.0, 100.1)


def test_on_frame_each_market_follows_its_own_rules():
    coinm, spot = instrument("BTCUSD_PERP", InstrumentType.INVERSE), instrument("BNBBTC", InstrumentType.SPOT, 100_000)
    for frames, each in ((COINM, coinm), (SPOT, spot)):
        out = feed(normalizer(each), *frames)
        updates = [record for record in out if isinstance(record, BookUpdate)]
        assert [(u.snapshot, u.last_seq) for u in updates] == [(True, 99), (False, 101), (False, 110)]
        assert not any(isinstance(record, Command) for record in out)


def test_on_frame_gap_asks_once_and_writes_nothing_until_the_snapshot():
    normalize = normalizer()
    feed(normalize, *USDM)
    gap, resync = feed(normalize, usdm_diff(115, 118, 112, [["99.0", "1"]]))
    assert gap == BookUpdate(*HEAD, "binance", "BTCUSDT", 999_000_000, 115, 118, False, True, ())
    assert (resync.kind, resync.target) == (CommandType.RESYNC, "binance:BTCUSDT")
    assert feed(normalize, usdm_diff(119, 120, 118, [["98.0", "1"]]), usdm_diff(125, 126, 124)) == []  # a second gap asks no second time
    out = feed(normalize, snapshot(125, [["98.0", "2"]], [["98.5", "2"]], E=1, T=1))
    assert [(u.snapshot, u.gap, u.first_seq, u.last_seq, u.bid_px_e9) for u in out] == [
        (True, False, 125, 125, 98 * E9),
        (False, False, 125, 126, 98 * E9),
    ]
    _, again = feed(normalize, usdm_diff(130, 131, 129))
    assert again.kind == CommandType.RESYNC


def test_on_frame_snapshot_too_old_asks_again():
    normalize = normalizer()
    feed(normalize, *USDM, usdm_diff(115, 118, 112))
    (again,) = feed(normalize, snapshot(111, [["98.0", "2"]], [["98.5", "2"]], E=1, T=1))
    assert again.kind == CommandType.RESYNC
    assert "older" in again.reason


def test_on_frame_snapshot_older_than_a_good_book_changes_nothing():
    normalize = normalizer()
    feed(normalize, *USDM)
    before = normalize.state()
    assert feed(normalize, snapshot(100, [["98.0", "2"]], [["98.5", "2"]], E=1, T=1)) == []
    assert normalize.state() == before


def test_on_frame_trade_and_aggregate_trade_are_written_once():
    aggregate = {"e": "aggTrade", "E": 7, "a": 3, "s": "BTCUSDT", "p": "100.1", "q": "0.5", "T": 6, "m": False}
    out = feed(normalizer(), usdm_trade(1, "100.1", "0.5", False), stream("btcusdt@aggTrade", aggregate))
    assert [trade.trade_id for trade in out] == [1]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (usdm_trade(1, "100.15", "1", True), "price 100.15 is no multiple of the tick 0.1"),
        (usdm_trade(1, "100.1", "0.05", True), "quantity 0.05 is no multiple of the lot 0.1"),
        (usdm_ticker(1, "100.0", "1", "100.05", "1"), "price 100.05"),
        (usdm_diff(111, 112, 110, [["99.0", "1"], ["99.01", "1"]]), "price 99.01"),
        (snapshot(200, [["99.0", "1"]], [["99.11", "1"]], E=1), "price 99.11"),
        (usdm_trade(1, "1.0000000001", "1", True), "more than 9 digits"),
        (b"no json", "no JSON"),
        (usdm_ticker(1, "1", "1", "2", "1", "ETHUSDT"), "symbol 'ETHUSDT' of binance is not in the topology, which has BTCUSDT"),
    ],
)
def test_on_frame_bad_frame_is_refused_and_changes_nothing(payload, reason):
    normalize = normalizer()
    feed(normalize, *USDM)
    before = normalize.state()
    with pytest.raises(FrameError, match=reason):
        feed(normalize, payload)
    assert normalize.state() == before


def test_on_frame_diff_that_was_refused_shows_as_a_gap():
    normalize = normalizer()
    feed(normalize, *USDM)
    with pytest.raises(FrameError):
        feed(normalize, usdm_diff(111, 112, 110, [["99.01", "1"]]))
    gap, resync = feed(normalize, usdm_diff(113, 114, 112))
    assert gap.gap
    assert resync.kind == CommandType.RESYNC


def test_on_frame_snapshot_without_symbol_and_two_instruments_is_refused():
    normalize = normalizer(instrument("BTCUSDT", InstrumentType.LINEAR), instrument("ETHUSDT", InstrumentType.LINEAR))
    with pytest.raises(FrameError, match="names no symbol, and the topology has BTCUSDT, ETHUSDT"):
        feed(normalize, USDM[3])


def test_on_frame_other_kinds_are_counted():
    normalize = normalizer()
    assert feed(normalize, b'{"result":null,"id":1}', stream("x@forceOrder", {"e": "forceOrder"})) == []
    assert normalize.node.ignored == {"response": 1, "forceOrder": 1}


def test_on_frame_mark_price_gives_the_funding_once_it_has_been_settled():
    normalize = normalizer()
    assert feed(normalize, mark_price("60000.1", "0.0001", 8_000), mark_price("60000.12345678", "-0.0002", 8_000)) == []
    (funding,) = feed(normalize, mark_price("60001", "0.0003", 16_000))
    assert funding == Funding(*HEAD, "binance", "BTCUSDT", 8_000_000_000, -200_000, 60_000_123_456_780)
    late = mark_price("60000.2", "0.0001", 8_000)
    assert feed(normalize, late, mark_price("60002", "0.0004", 16_000)) == []
    (funding,) = feed(normalize, mark_price("60003", "0.0005", 24_000))
    assert (funding.funding_ts_ns, funding.rate_e9, funding.mark_e9) == (16_000_000_000, 400_000, 60_002 * E9)


def test_on_frame_mark_price_of_an_inverse_perpetual_gives_its_funding_and_a_delivery_contract_none():
    normalize = normalizer(instrument("BTCUSD_PERP", InstrumentType.INVERSE))
    frames = [mark_price("60000", "0.0001", ms, "BTCUSD_PERP") for ms in (8_000, 16_000)]
    assert [(f.symbol, f.rate_e9) for f in feed(normalize, *frames)] == [("BTCUSD_PERP", 100_000)]
    assert feed(normalize, mark_price("60000", "", 0, "BTCUSD_201225")) == []
    assert normalize.node.ignored == {"markPriceUpdate of a delivery contract": 1}


def test_on_command_run_starts_without_books_but_keeps_instruments():
    normalize = normalizer()
    feed(normalize, *USDM)
    feed(normalize, b'{"result":null,"id":1}')
    normalize.node.on_command(Command(*HEAD, kind=CommandType.RUN, target="", reason="test"))
    assert normalize.node.ignored == {}
    assert feed(normalize, *USDM) == feed(normalizer(), *USDM)


@pytest.mark.parametrize("cut", range(len(USDM) + 6))
def test_state_loaded_anywhere_goes_on_to_the_same_outputs_and_bytes(cut):
    frames = [
        *USDM,
        mark_price("100", "0.0001", 8_000),
        usdm_diff(115, 118, 112, [["98.9", "1"]]),
        mark_price("100", "0.0001", 16_000),
        usdm_diff(119, 120, 118),
        snapshot(116, [["98.0", "2"]], [["98.5", "2"]], T=1),
    ]
    whole = normalizer()
    expected = feed(whole, *frames)
    first = normalizer()
    out = feed(first, *frames[:cut])
    second = normalizer()
    second.node.load(first.state())
    assert second.state() == first.state()
    assert out + feed(second, *frames[cut:]) == expected
    assert second.state() == whole.state()
