"""hftbacktest's L2 books over level updates: `hftbacktest_l2.py FILE RUNS`. FILE: .npz with ts, side, px, qty (int64), tick and lot.

Its own replay loop, compiled, on one book. The touch at the end is given too, so that it can be compared.
"""

import json
import statistics
import sys
import time

import hftbacktest as hb
import numpy as np
from hftbacktest import BacktestAsset, HashMapMarketDepthBacktest, ROIVectorMarketDepthBacktest
from hftbacktest.binding import event_dtype
from numba import njit

LONG_NS = 1_000_000_000_000


@njit
def replay(hbt):
    while hbt.elapse(LONG_NS) == 0:
        pass
    depth = hbt.depth(0)
    return depth.best_bid_tick, depth.best_ask_tick


def events(found) -> np.ndarray:
    rows = np.zeros(len(found["ts"]), event_dtype)
    sides = np.where(found["side"] == 0, np.uint64(hb.BUY_EVENT), np.uint64(hb.SELL_EVENT))
    rows["ev"] = np.uint64(hb.DEPTH_EVENT | hb.LOCAL_EVENT) | sides
    rows["exch_ts"], rows["local_ts"] = found["ts"] - 1_000_000, found["ts"]
    rows["px"], rows["qty"] = np.round(found["px"] * float(found["tick"]), 9), found["qty"] * float(found["lot"])
    return rows


def build(rows: np.ndarray, found, roi: bool):
    asset = BacktestAsset().data([rows]).linear_asset(1.0).constant_order_latency(0, 0).risk_adverse_queue_model()
    asset = asset.no_partial_fill_exchange().trading_value_fee_model(0.0, 0.0).last_trades_capacity(0)
    asset = asset.tick_size(float(found["tick"])).lot_size(float(found["lot"]))
    if not roi:
        return HashMapMarketDepthBacktest([asset])
    tick = float(found["tick"])
    return ROIVectorMarketDepthBacktest([asset.roi_lb(rows["px"].min() - tick).roi_ub(rows["px"].max() + tick)])


def measured(rows: np.ndarray, found, roi: bool, runs: int) -> dict[str, object]:
    warm = build(rows[:100], found, roi)
    replay(warm)
    warm.close()
    times, touch = [], (0, 0)
    for _ in range(runs):
        hbt = build(rows, found, roi)
        start = time.process_time()
        touch = replay(hbt)
        times.append(time.process_time() - start)
        hbt.close()
    return {"seconds": times, "median_s": statistics.median(times), "touch": [int(t) for t in touch]}


if __name__ == "__main__":
    data = np.load(sys.argv[1])
    book_rows = events(data)
    near = book_rows[np.abs(data["px"] - data["px"][-1]) < 32_768]
    figures = {"hash": measured(book_rows, data, False, int(sys.argv[2])), "roi": measured(book_rows, data, True, int(sys.argv[2]))}
    figures["roi_near"] = measured(near, data, True, int(sys.argv[2]))
    for name, rows_of in (("hash", book_rows), ("roi", book_rows), ("roi_near", near)):
        figures[name]["updates"] = len(rows_of)
    print(json.dumps(figures))
