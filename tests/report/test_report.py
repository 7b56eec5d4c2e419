"""The report of made-up runs: files, figures, and a page that needs nothing but itself."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from streams import report
from streams.errors import ConfigError
from streams.report import Collector, write_report
from tests.report.made import E9, NULL, T0, S, columns, instrument, part

MANIFEST = {"run_id": 1 << 40, "topology": "demo </script><b>", "models": {"binance": {"queue": "none"}}}
NAME = "binance:BTCUSDT"


def trade(collector, pieces=1):
    """Buys at 100 below a mid of 101, sells at 103 above one of 102: 1 + 1 of spread, 1 of inventory, 0.2 of fees, in 100 s."""
    step = np.arange(1001)
    ts_ns = T0 + step * S // 10
    mid = np.where(step < 500, 101.0, 102.0)
    collector.touch(ts_ns, NAME, mid - 0.5, mid + 0.5)
    collector.trades(ts_ns, NAME, mid, np.full(1001, 2.0))
    buy = {"ts_ns": T0 + 10 * S, "side": "BUY", "last_px_e9": 100 * E9, "mid_px_e9": 101 * E9, "fee": E9 // 10}
    sell = {"ts_ns": T0 + 80 * S, "side": "SELL", "last_px_e9": 103 * E9, "mid_px_e9": 102 * E9, "fee": E9 // 10, "maker": False}
    opened = {"qty_e9": E9, "cost": 100 * E9, "fees": E9 // 10, "spread_pnl": E9, "unrealized_pnl": E9}
    marked = opened | {"ts_ns": T0 + 50 * S, "unrealized_pnl": 3 * E9, "inventory_pnl": 2 * E9}
    closed = {"ts_ns": T0 + 80 * S, "realized_pnl": 3 * E9, "fees": E9 // 5, "spread_pnl": 2 * E9, "inventory_pnl": E9}
    topics = {
        "fills.v1": columns("fills", [buy, sell]),
        "positions.v1": columns("positions", [opened | {"ts_ns": T0 + 10 * S}, marked, closed]),
        "reports.v1": columns(
            "reports",
            [
                {"ts_ns": T0 + S, "order_id": 1},
                {"ts_ns": T0 + S, "order_id": 2, "side": "SELL", "px_e9": 103 * E9},
                {"ts_ns": T0 + 10 * S, "exec_type": "TRADE", "ord_status": "FILLED", "cum_qty_e9": E9, "last_qty_e9": E9},
                {"ts_ns": T0 + 80 * S, "order_id": 2, "exec_type": "CANCELLED", "ord_status": "CANCELLED", "px_e9": NULL},
            ],
        ),
        "requests.v1": columns("requests", [{"id": 7, "ts_ns": T0}, {"id": 8, "ts_ns": T0, "action": "CANCEL"}]),
        "venue_events.v1": columns("venue_events", [{"request_id": 7, "ts_ns": T0 + 5_000_000}]),
    }
    for piece in range(pieces):
        collector.take({t: part(c, len(c["ts_ns"]) * piece // pieces, len(c["ts_ns"]) * (piece + 1) // pieces) for t, c in topics.items()})
    return collector


def written(folder, collector):
    write_report(folder, MANIFEST, collector)
    return json.loads((folder / "report.json").read_text()), (folder / "index.html").read_text()


def test_report_of_two_fills_has_the_figures_counted_by_hand(tmp_path):
    found, _ = written(tmp_path, trade(Collector([instrument()], {"USDT": 1000.0})))
    one = found["currencies"][0]
    assert one["profit"] == {
        "total": 2.8,
        "realized": 3.0,
        "unrealized": 0.0,
        "spread": 2.0,
        "inventory": 1.0,
        "fees": -0.2,
        "funding": 0.0,
    }
    assert (one["turnover"], one["maker_ratio"], one["turnover_of_capital"]) == (203.0, pytest.approx(100 / 203), 0.203)
    assert one["trips"] | {"average_gain": 2.8} == {
        "count": 1,
        "won": 1,
        "lost": 0,
        "win_rate": 1.0,
        "average_gain": 2.8,
        "average_loss": None,
        "profit_factor": None,
    }
    assert one["drawdown"] == {
        "money": pytest.approx(-0.1),
        "share": pytest.approx(-0.1 / 1002.9),
        "peak_ts_ns": T0 + 50 * S,
        "trough_ts_ns": T0 + 80 * S,
        "recovered_ts_ns": None,
    }
    assert one["returns"]["figures"]["total_return"]["value"] == pytest.approx(0.0028)
    assert one["hold"]["profit"] == pytest.approx(1000 * (102 / 101 - 1))
    assert found["orders"] == {"reports": {"CANCELLED": 1, "NEW": 2, "TRADE": 1}, "accepted": 2, "filled": 1, "fill_rate": 0.5}
    after = {m["horizon_ns"]: m["all"]["bps"] for m in found["markouts"]}
    assert after[0] == after[S] == pytest.approx((1 / 100 * 100 + 1 / 103 * 103) / 203 * 1e4)
    market = found["instruments"][0]
    assert market["own"]["buy"]["better_bps"] == pytest.approx((market["market"]["vwap"] - 100) / market["market"]["vwap"] * 1e4)
    assert found["latency"] == [
        {"venue": "binance", "action": "NEW", "count": 1, **dict.fromkeys(("min_ns", "p50_ns", "p90_ns", "p99_ns", "max_ns"), 5_000_000)}
    ]


def test_report_in_pieces_is_the_same_text(tmp_path):
    whole = written(tmp_path / "a", trade(Collector([instrument()])))
    assert written(tmp_path / "b", trade(Collector([instrument()]), pieces=3)) == whole


def test_page_needs_nothing_but_itself(tmp_path):
    _, page = written(tmp_path, trade(Collector([instrument()])))
    assert not re.search(r"(?:src|href)=[\"'](?!#|data:)", page)
    assert re.findall(r"https?://[^\"' ]+", page) == ["http://www.w3.org/2000/svg"]
    assert "demo &lt;/script&gt;&lt;b&gt;" in page
    assert "<b>" not in page.split("<pre>")[0].split("<script>")[0].replace("<b style", "")


def test_report_of_nothing_says_so(tmp_path):
    found, page = written(tmp_path, Collector([instrument()]))
    assert found["currencies"] == []
    assert "Nothing was traded" in page


def test_write_report_where_it_cannot_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="the report cannot be written"):
        write_report(tmp_path / "file", {}, Collector([instrument()]))


def _tones(css):
    return dict(re.findall(r"--(\w+): (#[0-9a-f]{3,6})", css))


def _light(colour):
    """Relative luminance (WCAG 2.1)."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * x for x in colour[1:])
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    red, green, blue = (x / 12.92 if x <= 0.03928 else ((x + 0.055) / 1.055) ** 2.4 for x in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colours_can_be_read_on_their_paper(scheme):
    css = (Path(report.__file__).parent / "page.css").read_text()
    tones = _tones(css.split("@media")[scheme])
    for name in tones.keys() - {"paper", "line", "panel"}:
        for paper in ("paper", "panel"):
            dark, light = sorted((_light(tones[name]), _light(tones[paper])))
            assert (light + 0.05) / (dark + 0.05) >= (3 if name == "market" else 4.5), (name, paper)  # of text 4.5, of a line 3
