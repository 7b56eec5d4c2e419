"""The signals: ns to take an update and read the value, compiled.

Peers, in the same run: pandas over the whole series at once (what a notebook does), and numpy over the window at each update (what a live
system does without an incremental form). Each last value is compared with both before a figure is told.
"""

import math
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter_ns

import numpy as np
import peers
from claims import Claim, conditions, report, seconds

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from streams.kernel import Struct, at, native
from streams.trading.signals.amihud import AmihudIlliquidity
from streams.trading.signals.ewma import Ewma, TimeEwma
from streams.trading.signals.kyle import KyleLambda
from streams.trading.signals.microprice import Microprice
from streams.trading.signals.order_flow import OrderFlowImbalance, TradeImbalance
from streams.trading.signals.pin import Pin
from streams.trading.signals.roll import RollSpread
from streams.trading.signals.toxicity import TradeClusterToxicity
from streams.trading.signals.volatility import RealizedVolatility
from streams.trading.signals.vpin import BulkVpin, Vpin
from tests.trading.signals_runs import Row, market

ROWS, WINDOW, BUCKET, SECOND, DAY = 200_000, 200, 500, 1_000_000_000, 86_400_000_000_000
GOAL_NS = 150.0

Rows = np.ndarray  # columns now_ns, bid, bid_qty, ask, ask_qty, side, qty, px


class Value(Struct):
    """What the entry read last, and the sum of all it read: so that no reading is left out by the compiler."""

    last: float
    total: float


def ofi(s: int, r: int, n: int, v: int) -> int:
    signal, value = at(OrderFlowImbalance, s), at(Value, v)
    for i in range(n):
        x = at(Row, r + 64 * i)
        signal.update(x.bid, x.bid_qty, x.ask, x.ask_qty, x.now_ns)
        value.last = signal.per_depth()
        value.total += value.last
    return 0


def trade_imbalance(s: int, r: int, n: int, v: int) -> int:
    signal, value = at(TradeImbalance, s), at(Value, v)
    for i in range(n):
        x = at(Row, r + 64 * i)
        signal.update(x.side, x.qty, x.now_ns)
        value.last = signal.share()
        value.total += value.last
    return 0


def ewma(s: int, r: int, n: int, v: int) -> int:
    signal, value = at(Ewma, s), at(Value, v)
    for i in range(n):
        signal.update(float(at(Row, r + 64 * i).px))
        value.last = signal.mean
        value.total += value.last
    return 0


def time_ewma(s: int, r: int, n: int, v: int) -> int:
    signal, value = at(TimeEwma, s), at(Value, v)
    for i in range(n):
        x = at(Row, r + 64 * i)
        signal.update(float(x.px), x.now_ns)
        value.last = signal.mean
        value.total += value.last
    return 0


def volatility(s: int, r: int, n: int, v: int) -> int:
    signal, value = at(RealizedVolatility, s), at(Value, v)
    for i in range(n):
        x = at(Row, r + 64 * i)
        signal.update(float(x.px), x.now_ns)
        value.last = signal.volatility()
        value.total += value.last
    return 0


def kyle(s: int, r: int, n: int, v: int) -> int:
    signal, value = at(KyleLambda, s), at(Value, v)
    for i in range(n):
        x = at(Row, r + 64 * i)
        signal.update(x.bid + x.ask, x.qty * (1 - 2 * x.side), x.now_ns)
        value.last = signal.ticks_per_lot()
        value.total += value.last
    return 0


def amihud(s: int, r: int, n: int, v: int) -> int:
    signal, value = at(AmihudIlliquidity, s), at(Value, v)
    for i in range(n):
        x = at(Row, r + 64 * i)
        signal.update(x.px, x.qty, x.now_ns)
        value.last = signal.per_money()
        value.total += value.last
    return 0


def roll(s: int, r: int, n: int, v: int) -> int:
    signal, value = at(RollSpread, s), at(Value, v)
    for i in range(n):
        signal.update(at(Row, r + 64 * i).px)
        value.last = signal.spread_ticks()
        value.total += value.last
    return 0


def vpin(s: int, r: int, n: int, v: int) -> int:
    signal, value = at(Vpin, s), at(Value, v)
    for i in range(n):
        x = at(Row, r + 64 * i)
        signal.update(x.side, x.qty)
        value.last = signal.value()
        value.total += value.last
    return 0


def bulk_vpin(s: int, r: int, n: int, v: int) -> int:
    signal, value = at(BulkVpin, s), at(Value, v)
    for i in range(n):
        x = at(Row, r + 64 * i)
        signal.update(x.px, x.qty, x.now_ns)
        value.last = signal.value()
        value.total += value.last
    return 0


def toxicity(s: int, r: int, n: int, v: int) -> int:
    signal, value = at(TradeClusterToxicity, s), at(Value, v)
    for i in range(n):
        x = at(Row, r + 64 * i)
        signal.on_mid(x.bid + x.ask, x.now_ns)
        signal.on_trade(x.side, x.px, x.qty, x.now_ns)
        value.last = signal.toxicity()
        value.total += value.last
    return 0


def microprice(s: int, r: int, n: int, v: int) -> int:
    signal, value = at(Microprice, s), at(Value, v)
    for i in range(n):
        x = at(Row, r + 64 * i)
        signal.update(x.bid, x.bid_qty, x.ask, x.ask_qty)
        value.last = signal.microprice_ticks(x.bid, x.bid_qty, x.ask, x.ask_qty)
        value.total += value.last
    return 0


def pin(s: int, r: int, n: int, v: int) -> int:
    signal, value = at(Pin, s), at(Value, v)
    for i in range(n):
        x = at(Row, r + 64 * i)
        signal.update(x.side, x.now_ns)
        value.last = signal.pin()
        value.total += value.last
    return 0


def solve(s: int) -> int:
    return at(Microprice, s).solve()


def fit(s: int) -> int:
    return at(Pin, s).fit()


SIGNALS: dict[Callable[..., int], tuple[Struct, tuple[float, ...]]] = {
    ofi: (OrderFlowImbalance(), (WINDOW, 0)),
    trade_imbalance: (TradeImbalance(), (WINDOW, 0)),
    ewma: (Ewma(), (2 / (WINDOW + 1),)),
    time_ewma: (TimeEwma(), (SECOND,)),
    volatility: (RealizedVolatility(), (WINDOW, 0)),
    kyle: (KyleLambda(), (WINDOW, 0)),
    amihud: (AmihudIlliquidity(), (WINDOW, 0, 1.0)),
    roll: (RollSpread(), (WINDOW,)),
    vpin: (Vpin(), (WINDOW, BUCKET)),
    bulk_vpin: (BulkVpin(), (WINDOW, BUCKET, SECOND // 4, WINDOW)),
    toxicity: (TradeClusterToxicity(), (WINDOW, SECOND // 50, SECOND // 10)),
    microprice: (Microprice(), (5, 3)),
    pin: (Pin(), (60, DAY)),
}


def again_ofi(d: Rows) -> float:
    d = d[np.append(True, (np.diff(d[:, 1:5], axis=0) != 0).any(axis=1))][-WINDOW - 1 :]
    (b0, qb0, a0, qa0), (b1, qb1, a1, qa1) = d[:-1, 1:5].T, d[1:, 1:5].T
    e = (b1 >= b0) * qb1 - (b1 <= b0) * qb0 - (a1 <= a0) * qa1 + (a1 >= a0) * qa0
    return float(e.sum() / ((qb1 + qa1) / 2).mean())


def again_trade_imbalance(d: Rows) -> float:
    side, qty = d[-WINDOW:, 5], d[-WINDOW:, 6]
    return float((qty * (1 - 2 * side)).sum() / qty.sum())


def again_volatility(d: Rows) -> float:
    r = np.diff(np.log(d[-WINDOW - 1 :, 7]))
    return math.sqrt(r @ r)


def again_kyle(d: Rows) -> float:
    d = d[-WINDOW - 1 :]
    flow = (d[:, 6] * (1 - 2 * d[:, 5]))[1:]
    return float(np.diff((d[:, 1] + d[:, 3]) / 2) @ flow / (flow @ flow))


def again_amihud(d: Rows) -> float:
    px, qty = d[-WINDOW - 1 :, 7], d[-WINDOW:, 6]
    return float((np.abs(np.diff(px)) / px[:-1] / (px[1:] * qty)).mean())


def again_roll(d: Rows) -> float:
    change = np.diff(d[-WINDOW - 2 :, 7])
    return 2 * math.sqrt(max(-float(np.cov(change[1:], change[:-1])[0, 1]), 0.0))


AGAIN = {ofi: again_ofi, trade_imbalance: again_trade_imbalance, volatility: again_volatility} | {
    kyle: again_kyle,
    amihud: again_amihud,
    roll: again_roll,
}


def measure() -> list[Claim]:
    rows = np.array(market(ROWS), np.int64)
    entries = {f.__name__: (f, 4) for f in SIGNALS} | {"solve": (solve, 1), "fit": (fit, 1)}
    code = native.load("bench_signals", lambda: entries, files=[*native.sources("streams.trading", "streams.slots"), __file__])
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "rows.npy", rows)
        pandas = peers.run("signals.py", Path(folder) / "rows.npy", WINDOW)["formulas"]
    claims = []
    for entry, (signal, setup) in SIGNALS.items():
        ns, last = _ours(code, entry.__name__, signal, setup, rows)
        claims += _compared(entry, ns, last, pandas.get(entry.__name__), rows)
    return [*claims, _solve(code, rows), _fit(code)]


def _ours(code: native.Native, name: str, signal: Struct, setup: tuple[float, ...], rows: Rows) -> tuple[float, float]:
    """Median ns an update, and the value after the last row."""
    call, spent = native.function(getattr(code, name), 4), []
    value = Value().pack()
    for _ in range(5):
        assert signal.setup(*setup) == 1  # type: ignore[attr-defined]
        flat = signal.pack()
        value = Value().pack()
        start = perf_counter_ns()
        result = call(flat.ctypes.data, rows.ctypes.data, len(rows), value.ctypes.data)
        spent.append(perf_counter_ns() - start)
        assert result == 0, f"{name}: the entry failed"
    return sorted(spent)[2] / len(rows), Value().unpack(value).last


def _compared(entry: Callable[..., int], ns: float, last: float, pandas: dict[str, float] | None, rows: Rows) -> list[Claim]:
    goal, name = f"< {GOAL_NS:.0f} ns", entry.__name__
    if pandas is None:
        return [Claim(f"{name}: update and read", ns, None, None, "ns", goal, ns < GOAL_NS)]
    assert math.isclose(last, pandas["last"], rel_tol=1e-6, abs_tol=1e-12), f"{name}: {last} here, {pandas['last']} with pandas"
    text = f"{name}: update and read (peer: pandas, whole series)"
    claims = [Claim(text, ns, pandas["ns"], pandas["ns"] / ns, "ns", goal, ns < GOAL_NS)]
    if entry in AGAIN:
        again = AGAIN[entry](rows)
        assert math.isclose(last, again, rel_tol=1e-9), f"{name}: {last} here, {again} with numpy"
        live = rows[-2 * WINDOW :]
        peer = seconds(lambda: [AGAIN[entry](live) for _ in range(200)]) / 200 * 1e9
        claims.append(Claim(f"{name}: (peer: numpy over the window, each update)", ns, peer, peer / ns, "ns", "> 20x", peer > 20 * ns))
    return claims


def _solve(code: native.Native, rows: Rows) -> Claim:
    """The microprice's equations against numpy's solver on the same matrix."""
    m = Microprice()
    m.setup(10, 4)
    for row in market(20_000, seed=2):
        m.update(*row[1:5])
    flat = m.pack()
    call = native.function(code.solve, 1)
    assert call(flat.ctypes.data) == 1
    m.unpack(flat)
    n = m.states
    visits = np.array([max(m.visits[i], 1) for i in range(n)], float)
    matrix = np.eye(n) - np.array([[m.flow[i * n + j] for j in range(n)] for i in range(n)]) / visits[:, None]
    drift = np.array([m.drift2[i] / 2 for i in range(n)]) / visits
    assert np.allclose(np.linalg.solve(matrix, drift), [m.adjust[i] for i in range(n)], atol=1e-9)
    ours = seconds(lambda: [call(flat.ctypes.data) for _ in range(200)]) / 200 * 1e6
    peer = seconds(lambda: [np.linalg.solve(matrix, drift) for _ in range(200)]) / 200 * 1e6
    return Claim("microprice: solve 40 states (peer: numpy.linalg.solve)", ours, peer, peer / ours, "us", "< 200 us", ours < 200)


def _fit(code: native.Native) -> Claim:
    """PIN of 60 days with known parameters."""
    random, signal = np.random.default_rng(1), Pin()
    signal.setup(60, DAY)
    for kind in random.choice(3, 60, p=[0.6, 0.12, 0.28]):
        signal.push(int(random.poisson(1000 + 800 * (kind == 2))), int(random.poisson(900 + 800 * (kind == 1))))
    flat = signal.pack()
    call = native.function(code.fit, 1)
    assert call(flat.ctypes.data) == 1
    signal.unpack(flat)
    assert abs(signal.pin() - 0.4 * 800 / (0.4 * 800 + 1900)) < 0.05, f"PIN {signal.pin()}"
    ours = seconds(lambda: call(flat.ctypes.data)) * 1e3
    return Claim("pin: fit 60 days, 125 starts", ours, None, None, "ms", "< 50 ms", ours < 50)


if __name__ == "__main__":
    report("signals", conditions(rows=ROWS, window=WINDOW, bucket_lots=BUCKET), measure)
