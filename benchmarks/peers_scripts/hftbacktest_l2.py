"""hftbacktest's L2 books over level updates: `hftbacktest_l2.py FILE RUNS`. FILE: .npz with ts, side, px, qty (int64), tick and lot.

Its own replay loop, compiled, on one book: hash map, vector over the whole range of prices, and vector over what is near the end's price
(levels beyond it left out). The touch at the end is given too, so that it can be compared.
"""

import json
import sys
import time

import hftbacktest as hb
import numpy as np
from hftbacktest import BacktestAsset, HashMapMarketDepthBacktest, ROIVectorMarketDepthBacktest
from hftbacktest.binding import event_dtype
from numba import njit

LONG_NS = 1_000_000_000_000
NEAR_TICKS = 32_768


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
    times, touch = [], (0, 0)
    for n in range(runs + 1):
        hbt = build(rows, found, roi)
        start = time.process_time()
        touch = replay(hbt)
        if n > 0:  # the first compiles
            times.append(time.process_time() - start)
        hbt.close()
    return {"seconds": times, "touch": [int(t) for t in touch], "updates": len(rows)}


if __name__ == "__main__":
    data = dict(np.load(sys.argv[1]))  # read once
    whole = events(data)
    near = whole[np.abs(data["px"] - data["px"][-1]) < NEAR_TICKS]
    cases = {"hash": (whole, False), "roi": (whole, True), "roi_near": (near, True)}
    print(json.dumps({name: measured(rows, data, roi, int(sys.argv[2])) for name, (rows, roi) in cases.items()}))
