"""Backtests: market records a CPU second beside hftbacktest and NautilusTrader, with risk, every order's state, accounts and the tape on.

A grid of five orders a side, decided on every book event (`replay_grid`). Before a ratio is given, every request and every fill is compared
with hftbacktest's: time, side, price, quantity; same latencies, same queue, whole fills. Its faster book counts. NautilusTrader runs the
same rule on the first part of the stream; its fills follow other rules, so its rate is compared alone.
"""

import os
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from claims import Claim, conditions, report

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import peers
import replay_stream as stream
from replay_ours import Kept, Ours, in_order

from streams.slots import LevelSlot

EVENTS, RUNS, ROUNDS = 500_000, 5, 2
NAUTILUS_EVENTS = 50_000
ORDER_NS = 1_000_000  # to the venue, and back
LEVELS, QTY_LOTS, LIMIT_LOTS = 5, 10, 200
TERMS: dict[str, Any] = {"levels": LEVELS, "qty_lots": QTY_LOTS, "limit_lots": LIMIT_LOTS, "tick": 0.01, "lot": 0.001}
TERMS |= {"entry_ns": ORDER_NS, "response_ns": ORDER_NS, "maker_fee": 0.0002, "taker_fee": 0.0005}


def write_input(market: stream.Market, path: Path) -> None:
    """The market as rows for the peers, and the terms of the backtest."""
    rows = stream.columns(market.memory, LevelSlot, "kind", "side", "px_ticks", "qty_lots", "recv_ts_ns")
    found = {"kind": rows["kind"], "side": rows["side"], "px": rows["px_ticks"], "qty": rows["qty_lots"], "recv": rows["recv_ts_ns"]}
    np.savez(path, **found, exch=rows["recv_ts_ns"] - stream.FEED_NS, **TERMS)


def check(kept: Kept, ours: Ours, path: Path, last_ns: int) -> None:
    """Every request and every fill is hftbacktest's, and risk refused nothing. A fill reaches us a response later; ours ends with the
    stream, when some are on their way."""
    theirs = np.load(path)
    fills = theirs["fills"].copy()
    fills[:, 0] += ORDER_NS
    assert kept.denied == 0, f"risk denied {kept.denied} orders"
    assert not ours.engine.halted, f"a strategy was halted: {ours.engine.halted}"
    for name, mine, other in (("requests", kept.requests, theirs["requests"]), ("fills", kept.fills, fills[fills[:, 0] <= last_ns])):
        other = in_order(other)
        n = min(len(mine), len(other))
        unequal = np.flatnonzero((mine[:n] != other[:n]).any(axis=1))
        first = int(unequal[0]) if len(unequal) else n
        same = len(unequal) == 0 and len(mine) == len(other)
        assert same, f"{name}: {len(mine)} and {len(other)}, number {first} is {mine[first:][:1]}, hftbacktest's {other[first:][:1]}"


def made() -> list[Claim]:
    market = stream.make(EVENTS)
    mine: list[float] = []
    theirs: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "input.npz", Path(folder) / "output.npz"
        write_input(market, path)
        for turn in range(ROUNDS):
            found = peers.run("hftbacktest_grid.py", path, out, RUNS)
            if turn == 0:
                kept, ours = Kept(), Ours()
                ours.play(stream.pieces(market), kept.take)
                check(kept, ours, out, int(market.recv_ts_ns[-1]))
            for book, said in found["books"].items():
                theirs.setdefault(book, []).extend(said["seconds"])
            mine += timed(lambda: Ours().play(stream.pieces(market)))
        slow = peers.run("nautilus_grid.py", path, NAUTILUS_EVENTS, 2)
    figure = EVENTS / statistics.median(mine)
    best = EVENTS / min(statistics.median(times) for times in theirs.values())
    slowest = slow["events"] / statistics.median(slow["seconds"])
    claim = "a grid decided on every book event, made market"
    return [
        Claim(f"{claim} (peer: hftbacktest)", figure, best, figure / best, "events/s", "> 3 x its best book", figure / best > 3),
        Claim(f"{claim} (peer: NautilusTrader)", figure, slowest, figure / slowest, "events/s", "> 300 x", figure / slowest > 300),
    ]


def timed(run: Callable[[], float]) -> list[float]:
    return [run() for _ in range(RUNS)]


def measure() -> list[Claim]:
    return made()


if __name__ == "__main__":
    versions = {"hftbacktest": "2.4.4", "nautilus_trader": "1.221.0"}
    report("replay", conditions(load=round(os.getloadavg()[0], 1), events=EVENTS, runs=ROUNDS * RUNS, **versions), measure)
