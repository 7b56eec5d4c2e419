"""hftbacktest's backtest of a grid: `hftbacktest_grid.py FILE OUT RUNS`. FILE: .npz of rows (replay_rows) and terms.

Its venue without partial fills, with the risk averse queue and constant latencies. The grid is decided on every book event, as its own
examples do it: clear what has ended, look at every order, cancel those outside, send what is missing. Trades reach its venue alone, since
the strategy reads none. Timed runs keep no record; one more run writes all requests and fills to OUT (.npz).
"""

import json
import sys
import time

import hftbacktest as hb
import numpy as np
from hftbacktest import BUY, FILLED, GTX, LIMIT, BacktestAsset, HashMapMarketDepthBacktest, ROIVectorMarketDepthBacktest
from hftbacktest.binding import event_dtype
from numba import njit

LONG_NS = 1_000_000_000_000
END_OF_DATA, RESPONSE = 1, 3
TRADE = 3


@njit
def keep(found, n, ts, action, side, px, qty):
    found[n, 0], found[n, 1], found[n, 2], found[n, 3], found[n, 4] = ts, action, side, px, qty
    return n + 1


@njit
def note_fills(hbt, fills, filled, lot):
    values = hbt.orders(0).values()
    while values.has_next():
        order = values.get()
        if order.status == FILLED:
            side = 0 if order.side == BUY else 1
            filled = keep(fills, filled, order.exch_timestamp, 0, side, order.exec_price_tick, round(order.exec_qty / lot))
    return filled


@njit
def grid(hbt, levels, qty_lots, limit_lots, tick, lot, requests, fills):
    steps = sent = cancelled = filled = last_bid = last_ask = 0
    changed = True
    while True:
        came = hbt.wait_next_feed(True, LONG_NS)
        if came == END_OF_DATA:
            break
        if came == RESPONSE:
            changed = True
            continue
        steps += 1
        depth = hbt.depth(0)
        bid, ask = depth.best_bid_tick, depth.best_ask_tick
        if bid <= 0 or ask >= 1 << 40 or (bid == last_bid and ask == last_ask and not changed):
            continue
        last_bid, last_ask, changed = bid, ask, False
        if fills is not None:
            filled = note_fills(hbt, fills, filled, lot)
        hbt.clear_inactive_orders(0)
        position = round(hbt.position(0) / lot)
        bids = levels if position < limit_lots else 0
        asks = levels if position > -limit_lots else 0
        bids_there = asks_there = 0
        values = hbt.orders(0).values()
        while values.has_next():
            order = values.get()
            if order.side == BUY:
                place = bid - order.price_tick
                inside = 0 <= place < bids
                if inside:
                    bids_there |= 1 << place
            else:
                place = order.price_tick - ask
                inside = 0 <= place < asks
                if inside:
                    asks_there |= 1 << place
            if not inside and order.cancellable:
                if requests is not None:
                    side = 0 if order.side == BUY else 1
                    keep(requests, sent + cancelled, hbt.current_timestamp, 1, side, order.price_tick, qty_lots)
                cancelled += 1
                hbt.cancel(0, order.order_id, False)
        for place in range(bids):
            if bids_there >> place & 1 == 0:
                px = bid - place
                if requests is not None:
                    keep(requests, sent + cancelled, hbt.current_timestamp, 0, 0, px, qty_lots)
                sent += 1
                hbt.submit_buy_order(0, 2 * px, px * tick, qty_lots * lot, GTX, LIMIT, False)
        for place in range(asks):
            if asks_there >> place & 1 == 0:
                px = ask + place
                if requests is not None:
                    keep(requests, sent + cancelled, hbt.current_timestamp, 0, 1, px, qty_lots)
                sent += 1
                hbt.submit_sell_order(0, 2 * px + 1, px * tick, qty_lots * lot, GTX, LIMIT, False)
    if fills is not None:
        filled = note_fills(hbt, fills, filled, lot)
    return steps, sent, cancelled, filled


@njit
def replay(hbt):
    while hbt.elapse(LONG_NS) == 0:
        pass


def events(found) -> np.ndarray:
    """Its rows; trades reach the venue alone."""
    rows = np.zeros(len(found["recv"]), event_dtype)
    trades = found["kind"] == TRADE
    at_venue, at_us = found["seen"] & 1 != 0, (found["seen"] & 2 != 0) & ~trades
    rows["ev"] = np.where(found["side"] == 0, np.uint64(hb.BUY_EVENT), np.uint64(hb.SELL_EVENT))
    rows["ev"] |= np.where(trades, np.uint64(hb.TRADE_EVENT), np.uint64(hb.DEPTH_EVENT))
    rows["ev"] |= np.where(at_venue, np.uint64(hb.EXCH_EVENT), np.uint64(0)) | np.where(at_us, np.uint64(hb.LOCAL_EVENT), np.uint64(0))
    rows["exch_ts"], rows["local_ts"] = found["exch"], found["recv"]
    rows["px"], rows["qty"] = np.round(found["px"] * float(found["tick"]), 9), found["qty"] * float(found["lot"])
    return rows[at_venue | at_us]


def build(rows: np.ndarray, found, roi: bool, queue=("risk_adverse_queue_model",)):
    tick, lot = float(found["tick"]), float(found["lot"])
    asset = getattr(BacktestAsset().data([rows]).linear_asset(1.0), queue[0])(*queue[1:]).no_partial_fill_exchange()
    asset = asset.constant_order_latency(int(found["entry_ns"]), int(found["response_ns"])).last_trades_capacity(0)
    asset = asset.trading_value_fee_model(float(found["maker_fee"]), float(found["taker_fee"])).tick_size(tick).lot_size(lot)
    if not roi:
        return HashMapMarketDepthBacktest([asset])
    low, high = rows["px"].min(), rows["px"].max()
    return ROIVectorMarketDepthBacktest([asset.roi_lb(low - tick).roi_ub(high + tick)])


def run(rows: np.ndarray, found, roi: bool, requests=None, fills=None, queue=("risk_adverse_queue_model",)):
    """CPU seconds, what was counted, and the end: position in lots, trades, fees, balance. queue: function of BacktestAsset, exponent."""
    hbt, lot = build(rows, found, roi, queue), float(found["lot"])
    terms = (int(found["levels"]), int(found["qty_lots"]), int(found["limit_lots"]), float(found["tick"]), lot)
    began = time.process_time()
    counted = grid(hbt, *terms, requests, fills)
    spent = time.process_time() - began
    state = hbt.state_values(0)
    end = {"position": round(float(state.position) / lot), "trades": int(state.num_trades)}
    end |= {"fee": round(float(state.fee), 6), "balance": round(float(state.balance), 6)}  # fills of one instant come in any order
    hbt.close()
    return spent, tuple(map(int, counted)), end


def idle(rows: np.ndarray, found, roi: bool) -> float:
    hbt = build(rows, found, roi)
    began = time.process_time()
    replay(hbt)
    spent = time.process_time() - began
    hbt.close()
    return spent


def main(path: str, out: str, runs: int) -> None:
    found = dict(np.load(path))
    rows = events(found)
    said = {}
    for name, roi in (("hash", False), ("roi", True)):
        run(rows, found, roi)  # the first compiles
        idle(rows, found, roi)
        timed = [run(rows, found, roi) for _ in range(runs)]
        counts, ends = {t[1] for t in timed}, [t[2] for t in timed]
        assert len(counts) == 1, "two runs differ"
        assert all(end == ends[0] for end in ends), "two runs end differently"
        said[name] = {"seconds": [t[0] for t in timed], "idle": [idle(rows, found, roi) for _ in range(runs)]}
        said[name] |= dict(zip(("steps", "sent", "cancelled"), timed[0][1][:3], strict=True)) | ends[0]
    requests = np.zeros((said["roi"]["sent"] + said["roi"]["cancelled"], 5), np.int64)
    fills = np.zeros((said["roi"]["trades"], 5), np.int64)
    _, counted, end = run(rows, found, True, requests, fills)
    assert counted == (*(said["roi"][k] for k in ("steps", "sent", "cancelled")), len(fills)), "the kept run differs"
    np.savez(out, requests=requests, fills=fills)
    print(json.dumps({"rows": len(rows), "books": said, "end": end}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
