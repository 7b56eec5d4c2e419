"""Profit, record by record: equity, drawdown, attribution and round trips equal those of a slow twin, however the records are cut."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.errors import SchemaError
from streams.records import InstrumentType
from streams.report.columns import Rows
from streams.report.market import Markets
from streams.report.profit import PARTS, Profit
from tests.report.made import E9, T0, S, columns, instrument, part

MARKETS = Markets([instrument(), instrument("ETHUSDT"), instrument("BTCUSD", InstrumentType.INVERSE)])
KEYS = (("maker", "BTCUSDT"), ("taker", "BTCUSDT"), ("maker", "ETHUSDT"), ("maker", "BTCUSD"))
CURRENCY = {"BTCUSDT": "USDT", "ETHUSDT": "USDT", "BTCUSD": "BTC"}
MONEY = ("cost", "realized_pnl", "unrealized_pnl", "fees", "spread_pnl", "inventory_pnl", "funding")


def record(key, gap_ns, qty, *money):
    strategy, symbol = KEYS[key]
    amounts = {name: value * E9 for name, value in zip(MONEY, money, strict=True)}
    return {"gap_ns": gap_ns, "strategy": strategy, "symbol": symbol, "qty_e9": qty * E9, **amounts}


def slow(rows):
    """By currency: [(ts, equity, tied)] after each record, and by key the list of what its round trips gained."""
    last, curves, trips, flat = {}, {}, {}, {}
    for row in rows:
        key, currency = (row["strategy"], row["symbol"]), CURRENCY[row["symbol"]]
        before = last.get(key, {"qty_e9": 0})["qty_e9"]
        last[key] = row
        net = (row["realized_pnl"] - row["fees"] + row["funding"]) / E9
        if before and np.sign(before) != np.sign(row["qty_e9"]):
            trips.setdefault(key, []).append(net - flat.get(key, 0.0))
            flat[key] = net
        held = [r for (_, symbol), r in last.items() if CURRENCY[symbol] == currency]
        total = sum(r["realized_pnl"] + r["unrealized_pnl"] - r["fees"] + r["funding"] for r in held) / E9
        curves.setdefault(currency, []).append((row["ts_ns"], total, sum(abs(r["cost"]) for r in held) / E9))
    return last, curves, trips


def slow_drawdown(curve):
    """(fall, peak time, trough time, when it was back) of the first of the deepest falls."""
    best = (0.0, 0, 0, 0)
    for i, (ts, total, _) in enumerate(curve):
        peak, peak_ts = 0.0, curve[0][0]
        for t, x, _ in curve[: i + 1]:
            if x >= peak:
                peak, peak_ts = x, t
        if total - peak < best[0]:
            back = next((t for t, x, _ in curve[i:] if x >= peak), 0)
            best = (total - peak, peak_ts, ts, back)
    return best


small = st.integers(-20, 20)
records_of = st.builds(record, st.integers(0, 3), st.integers(0, 3 * S), st.integers(-2, 2), *[small] * 7)


@settings(max_examples=40, deadline=None)
@given(st.lists(records_of, min_size=1, max_size=40), st.lists(st.integers(0, 40), max_size=4))
def test_profit_cut_anywhere_matches_slow_profit(rows, cuts):
    now = T0
    for row in rows:
        now += row.pop("gap_ns")
        row["ts_ns"] = now
    found, profit = columns("positions", rows), Profit(MARKETS)
    for first, last in itertools.pairwise(sorted({0, len(rows), *(min(c, len(rows)) for c in cuts)})):
        profit.take(Rows("positions", part(found, first, last)))
    last, curves, trips = slow(rows)
    for currency, curve in curves.items():
        purse = profit.purses[currency]
        assert purse.total == pytest.approx(curve[-1][1])
        assert purse.capital_used == pytest.approx(max(tied for *_, tied in curve))
        worst = purse.drawdown
        assert (worst.fall, worst.peak_ns, worst.trough_ns, worst.recovered_ns) == slow_drawdown(curve)
        period = purse.series.period_ns
        ends = {ts // period: total for ts, total, _ in curve}
        lows = {b: min(x for ts, x, _ in curve if ts // period == b) for b in ends}
        for bucket, end in ends.items():
            place = bucket - purse.series.first
            assert (purse.series.values["equity"][place], purse.series.values["low"][place]) == (end, lows[bucket])
    for (strategy, symbol), row in last.items():
        holding, gains = profit.holdings["maker-1", strategy, f"binance:{symbol}"], trips.get((strategy, symbol), [])
        assert (holding.trips, holding.won, holding.lost) == (len(gains), sum(x > 0 for x in gains), sum(x < 0 for x in gains))
        assert holding.gained == pytest.approx(sum(x for x in gains if x > 0))
        assert holding.qty == row["qty_e9"] / E9
        wanted = {"spread": row["spread_pnl"], "inventory": row["inventory_pnl"], "fees": -row["fees"], "funding": row["funding"]}
        assert holding.parts == {name: wanted[name] / E9 for name in PARTS}


def test_profit_of_an_instrument_that_is_not_given_says_so():
    rows = columns("positions", [{"symbol": "XRPUSDT"}])
    with pytest.raises(SchemaError, match="instrument 'binance:XRPUSDT' is not among those given: binance:BTCUSDT"):
        Profit(MARKETS).take(Rows("positions", rows))


def test_rows_without_a_column_say_which():
    with pytest.raises(SchemaError, match="report: fills have no column 'fee'"):
        Rows("fills", {"ts_ns": np.zeros(1, np.int64)}).money("fee")
