"""Arrays as a source: the slots are those that the edge makes of the same records."""

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.agents.context import Context
from streams.backtest import arrays
from streams.backtest.arrays import from_arrays
from streams.backtest.latencies import LatencyModels
from streams.backtest.names import names_of
from streams.backtest.touch import quotes_of
from streams.errors import ConfigError
from streams.records import BookLevel, BookUpdate, Quote, Side, Trade
from streams.schema import ids
from streams.slots import FLAG_FIRST, FLAG_SNAPSHOT, KIND_LEVEL, KIND_POSITION, KIND_QUOTE, KIND_TRADE, SLOTS
from streams.strategies.base import Strategy
from streams.trading.book import Book
from tests.backtest.market_kit import START_NS, Seen, digest, lines, names, recording, seen, write
from tests.backtest.world import MS, T0, engine_of, process_of, tapes

EMPTY = np.zeros(0, np.int64)
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


BOOKS = {  # of tests.backtest.world: 999 at 1001, then 1004 at 1006, and twice a change behind the touch
    "recv_ts_ns": T0 + MS * np.array([1, 1, 200, 200, 200, 400, 600, 600]),
    "exch_ts_ns": T0 + MS * np.array([1, 1, 200, 200, 200, 400, 600, 600]),
    "instrument": 0,
    "record": [1, 1, 2, 2, 2, 3, 4, 4],
    "side": [0, 1, 0, 1, 1, 0, 0, 1],
    "px_ticks": [999, 1001, 1004, 1001, 1006, 1000, 998, 1007],
    "qty_lots": [5, 5, 5, 0, 5, 7, 1, 1],
    "snapshot": [1, 1, 0, 0, 0, 0, 0, 0],
}


class Holder(Strategy):
    """Buys 3 lots at the market, once."""

    done: int

    def on_book(self, ctx: Context, book: Book) -> None:
        if self.done == 0:
            ctx.market(book.instrument, 0, 3)
        self.done = 1


def test_from_arrays_without_quotes_a_position_is_worth_the_mid_of_its_book():
    process = process_of(Holder)
    source = from_arrays(names_of(process), books=BOOKS)
    tape = tapes(engine_of(process, LatencyModels(None, 0, 0)), source.pieces())
    last = [process.edge.from_slot(kind, slot, 1) for kind, slot, *_ in tape if kind == KIND_POSITION][-1]
    assert (last.spread_pnl, last.inventory_pnl, last.fees) == (-3, 15, 3 * 1001 * Decimal("0.002"))
    assert last.realized_pnl + last.unrealized_pnl == 3 * (1005 - 1001)


def test_from_arrays_without_quotes_has_one_behind_each_change_of_the_touch():
    found = seen(from_arrays(names(), books=BOOKS).pieces())
    kinds = [(one.recv_ts_ns - T0) // MS for one in found], [one.slots[36] for one in found]
    assert kinds == ([1, 1, 200, 200, 400, 600], [KIND_LEVEL, KIND_QUOTE] * 2 + [KIND_LEVEL] * 2)
    quotes = [SLOTS[KIND_QUOTE]().unpack(one.slots) for one in found if one.slots[36] == KIND_QUOTE]
    assert [(q.bid_px_ticks, q.bid_qty_lots, q.ask_px_ticks, q.ask_qty_lots) for q in quotes] == [(999, 5, 1001, 5), (1004, 5, 1006, 5)]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(*(st.integers(0, n) for n in (1, 1, 6, 2, 3, 5))), max_size=60))
def test_quotes_of_books_are_those_of_the_obvious_way(rows):
    instrument, side, px, qty, new, snapshot = (np.array(column, np.int64) for column in zip(*rows, strict=True)) if rows else [EMPTY] * 6
    instrument = (
        np.zeros(len(rows), np.int64) if not rows else instrument[np.maximum.accumulate(np.where(new > 0, np.arange(len(rows)), 0))]
    )
    first = np.append(True, (new > 0)[1:])[: len(rows)]
    recv = np.cumsum(first)
    columns = {"recv_ts_ns": recv, "exch_ts_ns": recv - 1, "instrument": instrument, "side": side, "px_ticks": 1 + px, "qty_lots": qty}
    found = quotes_of(columns | {"snapshot": (snapshot == 0) * first}, first)
    expected, books, told = [], {}, {}
    for n in range(len(rows)):
        i = int(instrument[n])
        if first[n] and snapshot[n] == 0:
            books[i] = {}
        book = books.setdefault(i, {})
        book[int(side[n]), int(1 + px[n])] = int(qty[n])
        if n + 1 == len(rows) or first[n + 1]:
            bid = max((p for (s, p), q in book.items() if s == 0 and q), default=None)
            ask = min((p for (s, p), q in book.items() if s == 1 and q), default=None)
            if bid is not None and ask is not None and bid < ask and told.get(i) != (bid, book[0, bid], ask, book[1, ask]):
                told[i] = (bid, book[0, bid], ask, book[1, ask])
                expected.append((int(recv[n]), int(recv[n]) - 1, i, *told[i]))
    assert list(zip(*(column.tolist() for column in found.values()), strict=True)) == expected


@pytest.mark.slow
def test_from_arrays_example_of_the_page_runs(monkeypatch, capsys):
    root = Path(__file__).resolve().parents[2]
    example = (root / "docs" / "replay.md").read_text().split("## From Python")[1].split("```python\n")[2].split("```")[0]
    monkeypatch.chdir(root)
    exec(compile(example, "docs/replay.md", "exec"), {})
    fills, profit = capsys.readouterr().out.split()
    assert int(fills) > 0
    assert Decimal(profit) != 0


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
