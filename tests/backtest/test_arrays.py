"""Arrays as a source: the slots are those that the edge makes of the same records."""

import numpy as np
import pytest

from streams.backtest import arrays
from streams.backtest.arrays import from_arrays
from streams.errors import ConfigError
from streams.records import BookLevel, BookUpdate, Quote, Side, Trade
from streams.schema import ids
from streams.slots import FLAG_FIRST, FLAG_SNAPSHOT, KIND_LEVEL, KIND_QUOTE, KIND_TRADE, SLOTS
from tests.backtest.market_kit import START_NS, Seen, digest, lines, names, recording, seen, write

TICK_E9, LOT_E9 = 10**8, 10**6


def test_from_arrays_slots_are_those_of_the_records():
    source = from_arrays(
        names(),
        books={
            "recv_ts_ns": [5, 5, 9],
            "exch_ts_ns": [4, 4, 0],
            "instrument": 0,
            "side": [0, 1, 0],
            "px_ticks": [99, 101, 99],
            "qty_lots": [5, 7, 0],
            "record": [1, 1, 2],
            "snapshot": [1, 1, 0],
            "last_seq": [8, 8, 9],
        },
        trades={"recv_ts_ns": [5], "instrument": 0, "side": [1], "px_ticks": [99], "qty_lots": [2], "trade_id": [77]},
        quotes={
            "recv_ts_ns": [5, 2],
            "instrument": 0,
            "bid_px_ticks": [99, 98],
            "bid_qty_lots": [1, 2],
            "ask_px_ticks": [101, 100],
            "ask_qty_lots": 3,
        },
    )
    level = [BookLevel(Side(side), px * TICK_E9, qty * LOT_E9) for side, px, qty in ((0, 99, 5), (1, 101, 7), (0, 99, 0))]
    expected = [
        (2, 0, _quote(2, 2, 98, 2, 100)),
        (5, 4, BookUpdate(*_head(10, 1, 5), "binance", "BTCUSDT", 4, 0, 8, True, False, tuple(level[:2]))),
        (5, 0, Trade(*_head(11, 1, 5), "binance", "BTCUSDT", 0, 77, Side.SELL, 99 * TICK_E9, 2 * LOT_E9)),
        (5, 0, _quote(5, 1, 99, 1, 101)),
        (9, 0, BookUpdate(*_head(10, 2, 9), "binance", "BTCUSDT", 0, 0, 9, False, False, (level[2],))),
    ]
    edge = source.names.edge
    assert seen(source.pieces()) == [Seen(recv, exch, edge.to_slots(record)) for recv, exch, record in expected]
    assert source.total == 5


def test_from_arrays_of_a_recording_gives_its_slots(tmp_path):
    trades_quotes_and_levels = seen(recording(write(tmp_path / "a", lines(1, 600)), cached=False).pieces())
    kept = [one for one in trades_quotes_and_levels if one.slots[36] in (KIND_LEVEL, KIND_TRADE, KIND_QUOTE)]
    plain = [one for one in kept if one.slots[36] != KIND_LEVEL or _has_levels(one.slots)]
    source = _as_arrays(plain)
    assert [(s.recv_ts_ns, s.exch_ts_ns, _without_ids(s.slots)) for s in seen(source.pieces())] == [
        (s.recv_ts_ns, s.exch_ts_ns, _without_ids(s.slots)) for s in plain
    ]


def test_from_arrays_range_and_offset_are_those_of_any_source():
    trades = {
        "recv_ts_ns": START_NS + np.arange(100),
        "exch_ts_ns": START_NS + 50,
        "instrument": 1,
        "side": 0,
        "px_ticks": 5,
        "qty_lots": 1,
    }
    source = from_arrays(names(), trades=trades, from_ns=START_NS + 10, to_ns=START_NS + 30)
    assert [one.recv_ts_ns for one in seen(source.pieces())] == [START_NS + n for n in range(10, 30)]
    assert source.clock_offset_ns() == {"binance": -40}
    again = from_arrays(names(), trades=trades, from_ns=START_NS + 10, to_ns=START_NS + 30)
    assert (again.describe(), digest(again.pieces())) == (source.describe(), digest(source.pieces()))
    assert from_arrays(names(), trades={**trades, "px_ticks": 6}).describe()["arrays"] != source.describe()["arrays"]


@pytest.mark.parametrize(
    ("trades", "message"),
    [
        ({"recv_ts_ns": [1]}, "trades: the columns instrument, side, px_ticks, qty_lots are missing"),
        ({"price": [1]}, "trades: no column 'price'; the columns are recv_ts_ns, exch_ts_ns"),
        ({"side": [2]}, "trades.side: 2 in row 0; 0 to 1 is allowed"),
        ({"px_ticks": [1.5]}, "trades.px_ticks: float64 found; whole numbers are needed"),
        ({"qty_lots": [1, 1]}, "trades.qty_lots: 2 values, recv_ts_ns has 1"),
        ({"instrument": 3}, "trades.instrument: 3 in row 0; 0 to 2 is allowed"),
    ],
)
def test_from_arrays_says_which_column_is_wrong(trades, message):
    whole = {"recv_ts_ns": [1], "instrument": 0, "side": 0, "px_ticks": 1, "qty_lots": 1}
    with pytest.raises(ConfigError, match=message):
        from_arrays(names(), trades=trades if len(trades) == 1 and "recv_ts_ns" in trades else {**whole, **trades})


def test_from_arrays_example_runs():
    import doctest

    found = doctest.testmod(arrays, extraglobs={"names": names()})
    assert (found.failed, found.attempted) == (0, 3)


def _head(writer, sequence, ts_ns):
    return ids.make(writer, sequence), 0, 0, ts_ns, ts_ns


def _quote(ts_ns, sequence, bid, bid_qty, ask):
    prices = bid * TICK_E9, bid_qty * LOT_E9, ask * TICK_E9, 3 * LOT_E9
    return Quote(*_head(12, sequence, ts_ns), "binance", "BTCUSDT", 0, 0, *prices, (ask - bid) * TICK_E9, 0.0, 0.0)


def _has_levels(slots):
    return SLOTS[KIND_LEVEL]().unpack(slots[:64]).qty_lots >= 0 and not slots[38] & 2


def _without_ids(slots):
    size = 128 if slots[36] == KIND_QUOTE else 64
    return [slots[place + 24 : place + size] for place in range(0, len(slots), size)]


def _as_arrays(records):
    columns = {kind: [] for kind in (KIND_LEVEL, KIND_TRADE, KIND_QUOTE)}
    for number, record in enumerate(records):
        kind = record.slots[36]
        size = 128 if kind == KIND_QUOTE else 64
        for place in range(0, len(record.slots), size):
            s = SLOTS[kind]().unpack(record.slots[place : place + size])
            row = {"recv_ts_ns": record.recv_ts_ns, "exch_ts_ns": record.exch_ts_ns, "instrument": s.instrument}
            if kind == KIND_QUOTE:
                row |= {name: getattr(s, name) for name in ("bid_px_ticks", "bid_qty_lots", "ask_px_ticks", "ask_qty_lots")}
            else:
                row |= {"side": s.side, "px_ticks": s.px_ticks, "qty_lots": s.qty_lots}
            if kind == KIND_TRADE:
                row |= {"trade_id": s.trade_id}
            if kind == KIND_LEVEL:
                row |= {"last_seq": s.last_seq, "record": number, "snapshot": bool(s.flags & FLAG_SNAPSHOT)}
                assert (place == 0) == bool(s.flags & FLAG_FIRST)
            columns[kind].append(row)
    books, trades, quotes = ({name: [row[name] for row in rows] for name in rows[0]} for rows in columns.values())
    return from_arrays(names(), books=books, trades=trades, quotes=quotes)
