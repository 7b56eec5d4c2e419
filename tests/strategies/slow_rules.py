"""The rules of the strategies that take, each computed from scratch from all books shown so far: (time, instrument, signed lots) to trade.

Every order is taken to fill at once, whole, as in a world without latency and with enough at the touch.
"""

import math
from collections.abc import Callable, Iterator

Books = list[tuple[int, int, int, int, int, int]]
Trades = list[tuple[int, int, int]]


def weighted(values: list[float], span: int) -> tuple[float, float]:
    """Mean and variance under weights (1 - a)^age, a = 2 / (span + 1), of which the oldest value gets what is left over."""
    a, n = 2 / (span + 1), len(values)
    weights = [(1 - a) ** (n - 1), *(a * (1 - a) ** (n - 1 - k) for k in range(1, n))]
    mean = sum(w * v for w, v in zip(weights, values, strict=True))
    return mean, sum(w * (v - mean) ** 2 for w, v in zip(weights, values, strict=True))


def sampled(books: Books, interval_s: float) -> Iterator[tuple[int, bool]]:
    """Index of every book, and whether a sample is due at it: the first time that the interval has passed since the sample before."""
    last = None
    for n, (ts_ns, *_) in enumerate(books):
        due = last is None or ts_ns >= last + int(interval_s * 1e9)
        last = ts_ns if due else last
        yield n, due


def momentum(books: Books, p: dict) -> Trades:
    mids, held, target, trades = [], 0, 0, []
    for n, due in sampled(books, p["interval_s"]):
        ts_ns, _, bid, ask, *_ = books[n]
        if due:
            mids.append((bid + ask) / 2)
            slow, variance = weighted(mids, p["slow_span"])
            trend = 0.0
            if len(mids) >= p["slow_span"] and variance > 0:
                trend = (weighted(mids, p["fast_span"])[0] - slow) / math.sqrt(variance)
            if abs(trend) >= p["entry"]:
                target = int(math.copysign(p["size_lots"], trend))
            elif target * trend <= 0:
                target = 0
        if target != held:
            trades.append((ts_ns, 0, target - held))
            held = target
    return trades


def pairs(books: Books, p: dict) -> Trades:
    mid: dict[int, float] = {}
    spreads, held, side, barred, trades, last = [], {0: 0, 1: 0}, 0, 0, [], None
    for ts_ns, i, bid, ask, *_ in books:
        mid[i] = (bid + ask) / 2
        if len(mid) < 2:
            continue
        if last is None or ts_ns >= last + int(p["interval_s"] * 1e9):
            last = ts_ns
            spread = mid[0] - p["hedge"] * mid[1]
            mean, variance = weighted(spreads, p["span"]) if len(spreads) >= p["span"] else (0.0, 0.0)
            off = (spread - mean) / math.sqrt(variance) if variance > 0 else 0.0
            spreads.append(spread)
            side = 0 if side * off >= 0 else side
            barred = 0 if barred * off <= 0 else barred
            if abs(off) >= p["stop"]:
                side, barred = 0, int(math.copysign(1, off))
            elif abs(off) >= p["entry"] and barred == 0:
                side = -int(math.copysign(1, off))
        for leg, lots in ((0, side * p["first_lots"]), (1, -side * p["second_lots"])):
            if lots != held[leg]:
                trades.append((ts_ns, leg, lots - held[leg]))
                held[leg] = lots
    return trades


def scalper(books: Books, p: dict) -> Trades:
    target, until_ns, held, trades = 0, 0, 0, []
    events: list[tuple[int, int, int]] = []
    for n, (ts_ns, _, bid, ask, bid_lots, ask_lots) in enumerate(books):
        if n > 0 and books[n - 1][2:] != books[n][2:]:
            b0, a0, qb0, qa0 = books[n - 1][2:]
            e = (bid >= b0) * bid_lots - (bid <= b0) * qb0 - (ask <= a0) * ask_lots + (ask >= a0) * qa0
            events.append((ts_ns, e, bid_lots + ask_lots))
        window_ns = int(p["window_s"] * 1e9)  # whole ns: a float has no room for a time of today
        window = [event for event in events[-p["window"] :] if event[0] > ts_ns - window_ns]
        ready = len(window) == p["window"] or ts_ns - books[0][0] >= window_ns
        depth = sum(d for *_, d in window) / 2 / len(window) if window else 0
        move = p["impact_ticks"] * sum(e for _, e, _ in window) / depth if ready and depth else 0.0
        if target * move <= 0 or ts_ns >= until_ns:
            target = 0
        if target == 0 and abs(move) > p["entry_ticks"] + max(ask - bid, 0):
            target, until_ns = int(math.copysign(p["size_lots"], move)), ts_ns + int(p["hold_s"] * 1e9)
        if target != held:
            trades.append((ts_ns, 0, target - held))
            held = target
    return trades


def arbitrage(books: Books, p: dict) -> Trades:
    shown: dict[int, list[int]] = {}
    held, trades = {0: 0, 1: 0}, []
    for ts_ns, i, *touch in books:
        shown[i] = touch
        if len(shown) < 2:
            continue
        for cheap, dear in ((0, 1), (1, 0)):
            (bid, _, bid_lots, _), (_, ask, _, ask_lots) = shown[dear], shown[cheap]
            lots = min(p["size_lots"], bid_lots, ask_lots, p["limit_lots"] - held[cheap], p["limit_lots"] + held[dear])
            if bid - ask - p["fee"] * (bid + ask) >= p["edge_ticks"] and lots > 0:
                trades += [(ts_ns, cheap, lots), (ts_ns, dear, -lots)]
                held[cheap], held[dear] = held[cheap] + lots, held[dear] - lots
                break
    return trades


RULES: dict[str, Callable[[Books, dict], Trades]] = {"momentum": momentum, "pairs": pairs, "scalper": scalper, "arbitrage": arbitrage}
