"""The formulas of the signals with pandas over a whole series: ns a row and the last value of each. Arguments: a .npy of rows, a window."""

import json
import statistics
import sys
from time import perf_counter_ns

import numpy as np
import pandas as pd

BUCKET = 500


def ofi(d: pd.DataFrame, n: int) -> float:
    before = d.shift()
    e = (d.bid >= before.bid) * d.bid_qty - (d.bid <= before.bid) * before.bid_qty
    e = e - (d.ask <= before.ask) * d.ask_qty + (d.ask >= before.ask) * before.ask_qty
    touch = ["bid", "bid_qty", "ask", "ask_qty"]
    events = (d[touch] != before[touch]).any(axis=1) & before.bid.notna()
    depth = (d.bid_qty + d.ask_qty)[events] / 2
    return float((e[events].rolling(n).sum() / depth.rolling(n).mean()).iloc[-1])


def trade_imbalance(d: pd.DataFrame, n: int) -> float:
    return float(((d.qty * (1 - 2 * d.side)).rolling(n).sum() / d.qty.rolling(n).sum()).iloc[-1])


def ewma(d: pd.DataFrame, n: int) -> float:
    return float(d.px.ewm(alpha=2 / (n + 1), adjust=False).mean().iloc[-1])


def volatility(d: pd.DataFrame, n: int) -> float:
    return float(np.sqrt((np.log(d.px).diff() ** 2).rolling(n).sum()).iloc[-1])


def kyle(d: pd.DataFrame, n: int) -> float:
    change, flow = ((d.bid + d.ask) / 2).diff(), d.qty * (1 - 2 * d.side)
    return float(((change * flow).rolling(n).sum() / (flow * flow).rolling(n).sum()).iloc[-1])


def amihud(d: pd.DataFrame, n: int) -> float:
    return float((d.px.pct_change().abs() / (d.px * d.qty)).rolling(n).mean().iloc[-1])


def roll(d: pd.DataFrame, n: int) -> float:
    change = d.px.diff()
    return float(2 * np.sqrt(np.maximum(-change.rolling(n).cov(change.shift()), 0)).iloc[-1])


def vpin(d: pd.DataFrame, n: int) -> float:
    lots = pd.Series(np.repeat(1 - d.side.to_numpy(), d.qty.to_numpy()))
    full = lots[: len(lots) // BUCKET * BUCKET]
    bought = full.groupby(np.arange(len(full)) // BUCKET).sum()
    return float(((2 * bought - BUCKET).abs() / BUCKET).rolling(n).mean().iloc[-1])


def main(path: str, window: int) -> None:
    names = ("now_ns", "bid", "bid_qty", "ask", "ask_qty", "side", "qty", "px")
    rows = pd.DataFrame(np.load(path), columns=names)
    found = {}
    for formula in (ofi, trade_imbalance, ewma, volatility, kyle, amihud, roll, vpin):
        times = []
        for _ in range(5):
            start = perf_counter_ns()
            last = formula(rows, window)
            times.append(perf_counter_ns() - start)
        found[formula.__name__] = {"ns": statistics.median(times) / len(rows), "last": last}
    print(json.dumps({"pandas": pd.__version__, "formulas": found}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
