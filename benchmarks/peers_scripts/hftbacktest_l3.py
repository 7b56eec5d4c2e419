"""hftbacktest's L3 books over order events: `hftbacktest_l3.py FILE RUNS`. FILE: .npz with op, side, order_id, px, qty (int64) and tick.

Its own replay loop, compiled, on one book with the FIFO queue model. The touch at the end is given too, so that it can be compared.
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


@njit
def replay(hbt):
    while hbt.elapse(LONG_NS) == 0:
        pass
    depth = hbt.depth(0)
    return depth.best_bid_tick, depth.best_ask_tick


def events(found) -> np.ndarray:
    rows = np.zeros(len(found["op"]), event_dtype)
    sides = np.where(found["side"] == 0, np.uint64(hb.BUY_EVENT), np.uint64(hb.SELL_EVENT))
    rows["ev"] = found["op"].astype(np.uint64) | sides | np.uint64(hb.LOCAL_EVENT)
    rows["exch_ts"] = np.arange(len(rows))
    rows["local_ts"] = rows["exch_ts"] + 1000
    rows["px"], rows["qty"], rows["order_id"] = np.round(found["px"] * float(found["tick"]), 9), found["qty"], found["order_id"]
    return rows


def build(rows: np.ndarray, tick: float, roi: bool):
    asset = BacktestAsset().data([rows]).linear_asset(1.0).constant_order_latency(0, 0).l3_fifo_queue_model()
    asset = asset.no_partial_fill_exchange().trading_value_fee_model(0.0, 0.0).last_trades_capacity(0).tick_size(tick).lot_size(1.0)
    if not roi:
        return HashMapMarketDepthBacktest([asset])
    return ROIVectorMarketDepthBacktest([asset.roi_lb(rows["px"].min() - tick).roi_ub(rows["px"].max() + tick)])


def measured(rows: np.ndarray, tick: float, roi: bool, runs: int) -> dict[str, object]:
    times, touch = [], (0, 0)
    for n in range(runs + 1):
        hbt = build(rows, tick, roi)
        start = time.process_time()
        touch = replay(hbt)
        if n > 0:  # the first compiles
            times.append(time.process_time() - start)
        hbt.close()
    return {"seconds": times, "touch": [int(t) for t in touch], "updates": len(rows)}


if __name__ == "__main__":
    data = np.load(sys.argv[1])
    order_rows = events(data)
    step = float(data["tick"])
    print(json.dumps({name: measured(order_rows, step, name == "roi", int(sys.argv[2])) for name in ("hash", "roi")}))
