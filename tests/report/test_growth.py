"""A long run takes no more memory than a short one, and several currencies stand apart."""

import json
import pickle

import numpy as np
import pytest

from streams.records import InstrumentType
from streams.report import Collector, write_report
from tests.report.made import E9, T0, S, columns, instrument

DAY = 86400 * S


def day(collector, number, draw, symbol="BTCUSDT", rows=300):
    """A day of quotes, orders, fills and positions, evenly spread."""
    ts_ns = T0 + number * DAY + np.arange(rows) * (DAY // rows)
    mid = 100 + np.cumsum(draw.normal(0, 0.1, rows))
    bid, ask = np.floor(mid * 10) / 10, np.floor(mid * 10) / 10 + 0.1
    collector.touch(ts_ns, f"binance:{symbol}", bid, ask)
    collector.trades(ts_ns, f"binance:{symbol}", bid, np.ones(rows))
    px, side, total = (bid * E9).astype(np.int64), np.array(["BUY", "SELL"] * (rows // 2), object), number + draw.normal(0, 1, rows)
    one = {"symbol": symbol}
    fills = columns("fills", [one] * rows) | {"ts_ns": ts_ns, "last_px_e9": px, "side": side}
    positions = columns("positions", [one] * rows) | {"ts_ns": ts_ns, "qty_e9": np.tile([E9, 0], rows // 2)}
    positions |= {"unrealized_pnl": (total * E9).astype(np.int64), "inventory_pnl": (total * E9).astype(np.int64)}
    orders = columns("reports", [one] * rows) | {"ts_ns": ts_ns, "order_id": number * rows + np.arange(rows), "px_e9": px, "side": side}
    ended = orders | {"ord_status": np.array(["FILLED"] * rows, object)}
    requests = columns("requests", [one] * rows) | {"id": number * rows + np.arange(rows), "ts_ns": ts_ns}
    answers = columns("venue_events", [one] * rows) | {"request_id": number * rows + np.arange(rows), "ts_ns": ts_ns + 5_000_000}
    collector.take(
        {"fills.v1": fills, "positions.v1": positions, "reports.v1": orders, "requests.v1": requests, "venue_events.v1": answers}
    )
    collector.take({"reports.v1": ended})


def test_collector_of_a_year_is_as_small_as_that_of_two_weeks(tmp_path):
    collector, draw, sizes = Collector([instrument()]), np.random.default_rng(1), {}
    for number in range(0, 365, 5):
        day(collector, number, draw, rows=200)
        sizes[number] = len(pickle.dumps({name: part for name, part in vars(collector).items() if name != "_takers"}))
    assert max(sizes.values()) < 2_000_000
    assert sizes[360] < 2 * sizes[10]
    write_report(tmp_path, {}, collector)
    assert (tmp_path / "index.html").stat().st_size < 1_000_000
    one = json.loads((tmp_path / "report.json").read_text())["currencies"][0]
    assert (one["periods"]["length"], one["returns"]["period_ns"], one["fills"]) == ("month", DAY, 73 * 200)
    assert sum(row["profit"] for row in one["periods"]["rows"]) == pytest.approx(one["profit"]["total"])


def test_report_of_two_currencies_adds_nothing_across_them(tmp_path):
    collector = Collector([instrument(), instrument("BTCUSD", InstrumentType.INVERSE, 100.0)], {"USDT": 1000.0, "BTC": 2.0})
    day(collector, 0, np.random.default_rng(1))
    day(collector, 0, np.random.default_rng(2), "BTCUSD", rows=30)
    write_report(tmp_path, {}, collector)
    found = json.loads((tmp_path / "report.json").read_text())
    money = {one["currency"]: one for one in found["currencies"]}
    assert list(money) == ["USDT", "BTC"]  # what was traded most stands first
    assert {c: (one["fills"], one["capital"]) for c, one in money.items()} == {"USDT": (300, 1000.0), "BTC": (30, 2.0)}
    inverse = next(i for i in found["instruments"] if i["name"] == "binance:BTCUSD")
    assert money["BTC"]["turnover"] == pytest.approx(30 * 100 / inverse["market"]["vwap"], rel=0.05)
    hold = money["BTC"]["hold"]["figures"]["total_return"]["value"]
    assert hold == pytest.approx(1 - inverse["first_mid"] / inverse["last_mid"], rel=1e-6)
    page = (tmp_path / "index.html").read_text()
    assert "Returns in BTC" in page
    assert "Returns in USDT" in page
