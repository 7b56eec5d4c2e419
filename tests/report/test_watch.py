"""What is seen of the market is what its records say, compiled and plain; and a whole backtest ends in a report."""

import json

import numpy as np
import pytest

from streams.backtest.results import Results, ToCall
from streams.records import BookUpdate, Side, Trade
from streams.report import Collector, write_report
from streams.report.watch import Watch
from tests.backtest.world import cut, engine_of, events_of, market, process_of

E9 = 1e9


class Seen:
    """A collector that keeps what it is shown."""

    def __init__(self):
        self.rows = []

    def touch(self, ts_ns, name, bid, ask):
        self.rows += zip(ts_ns.tolist(), [name] * len(ts_ns), bid.tolist(), ask.tolist(), strict=True)

    def trades(self, ts_ns, name, px, qty):
        self.rows += zip(ts_ns.tolist(), [name] * len(ts_ns), ["trade"] * len(ts_ns), px.tolist(), qty.tolist(), strict=True)

    def reach(self, ts_ns):
        pass


def slow(records):
    """The touch where it changed, and the trades, by a dict of levels a book."""
    found, books, last = [], {}, {}
    for one in records:
        name = f"{one.venue}:{one.symbol}"
        if isinstance(one, Trade):
            found.append((one.recv_ts_ns, name, "trade", one.px_e9 / E9, one.qty_e9 / E9))
        elif isinstance(one, BookUpdate):
            book = books.setdefault(name, {}) if not one.snapshot else books.update({name: {}}) or books[name]
            for level in one.levels:
                book[level.side, level.px_e9] = level.qty_e9
            bids, asks = ([px for (side, px), qty in book.items() if side == s and qty] for s in (Side.BUY, Side.SELL))
            touch = (max(bids, default=None), min(asks, default=None))
            if last.get(name, (None, None)) != touch:
                last[name] = touch
                found.append((one.recv_ts_ns, name, *(np.nan if px is None else px / E9 for px in touch)))
    return found


def seen(process, pieces):
    collector = Seen()
    watch = Watch(collector, process)
    assert sum(piece.count for piece in watch.through(pieces)) == sum(piece.count for piece in pieces)
    return collector.rows


@pytest.mark.parametrize("compiled", [False, True])
def test_watch_matches_slow_books(compiled):
    process = process_of(compiled=compiled, instruments=2)
    records = market(400, instruments=2, seed=5)
    events = events_of(process.edge, records)
    wanted = slow(records)
    assert len(wanted) > 200
    assert sorted(map(repr, seen(process, cut(events, [7, 7, 100])))) == sorted(map(repr, wanted))


def test_report_of_a_backtest_has_its_profit(tmp_path):
    process = process_of(compiled=True)
    events = events_of(process.edge, market(3000, seed=2))
    engine = engine_of(process)
    collector, totals = Collector(process.instruments), {}
    watch = Watch(collector, process)

    def total(tables):
        for row in tables["positions.v1"].to_pylist():
            totals[row["account"], row["strategy"], row["symbol"]] = float(
                row["realized_pnl"] + row["unrealized_pnl"] - row["fees"] + row["funding"]
            )

    with Results(process.edge, 7, [ToCall(collector.take), ToCall(total)]) as results:
        for tape in engine.play(watch.through(cut(events, range(100, 3000, 100)))):
            results.take(tape)
        outcome = results.finish()
    write_report(tmp_path, {"run_id": 7}, collector)
    found = json.loads((tmp_path / "report.json").read_text())
    one = found["currencies"][0]
    assert one["fills"] == outcome.counts["fills.v1"] == engine.fills
    assert one["profit"]["total"] == pytest.approx(sum(totals.values()))
    assert sum(one["profit"][name] for name in ("spread", "inventory", "fees", "funding")) == pytest.approx(one["profit"]["total"])
    assert sum(row["profit"] for row in one["periods"]["rows"]) == pytest.approx(one["profit"]["total"])
    assert found["markouts"][1]["all"]["fills"] > 0
    assert {x["action"] for x in found["latency"]} == {"NEW", "CANCEL", "REPLACE"}
    assert all(x["p50_ns"] == x["max_ns"] == 2_000_000 for x in found["latency"])
