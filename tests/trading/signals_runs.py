"""A made market, and one entry point a signal that plays it: plain and compiled must end in the same bytes.

`play(run, "ofi", rows)` steps the plain object and a packed copy and returns the two columns that the signal gave after each row.
"""

from functools import cache
from pathlib import Path
from random import Random

import numpy as np

from streams.kernel import Struct, Table, addr_of, at, native
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
from streams.trading.signals.window import FloatWindow, IntWindow

FIELDS = ("now_ns", "bid", "bid_qty", "ask", "ask_qty", "side", "qty", "px")


class Row(Struct):
    """A touch and a trade at it."""

    now_ns: int
    bid: int
    bid_qty: int
    ask: int
    ask_qty: int
    side: int
    qty: int
    px: int


class Rows(Struct):
    """What every run has: the market, and two numbers the signal gave after each row."""

    rows: Table[Row, "rows"]
    a: Table[float, "rows"]
    b: Table[float, "rows"]


class IntWindowRun(Rows):
    signal: IntWindow


class FloatWindowRun(Rows):
    signal: FloatWindow


class OfiRun(Rows):
    signal: OrderFlowImbalance


class TradeImbalanceRun(Rows):
    signal: TradeImbalance


class EwmaRun(Rows):
    signal: Ewma


class TimeEwmaRun(Rows):
    signal: TimeEwma


class VolatilityRun(Rows):
    signal: RealizedVolatility


class MicropriceRun(Rows):
    signal: Microprice


class KyleRun(Rows):
    signal: KyleLambda


class AmihudRun(Rows):
    signal: AmihudIlliquidity


class RollRun(Rows):
    signal: RollSpread


class VpinRun(Rows):
    signal: Vpin


class BulkVpinRun(Rows):
    signal: BulkVpin


class ToxicityRun(Rows):
    signal: TradeClusterToxicity


class PinRun(Rows):
    signal: Pin


def play_int_window(p, n):
    r = at(IntWindowRun, p)
    for i in range(n):
        r.signal.push(r.rows[i].qty)
        r.a[i] = float(r.signal.total)
    return r.signal.total


def play_float_window(p, n):
    r = at(FloatWindowRun, p)
    for i in range(n):
        r.signal.push(float(r.rows[i].qty) / 10.0)  # an int / int beyond 2**53 would be rounded twice in machine code
        r.a[i] = r.signal.total()
    return r.signal.count


def play_ofi(p, n):
    r = at(OfiRun, p)
    for i in range(n):
        x = r.rows[i]
        r.signal.update(x.bid, x.bid_qty, x.ask, x.ask_qty, x.now_ns)
        r.a[i] = float(r.signal.lots())
        r.b[i] = r.signal.per_depth()
    return 1 if r.signal.ready() else 0


def play_trade_imbalance(p, n):
    r = at(TradeImbalanceRun, p)
    for i in range(n):
        x = r.rows[i]
        r.signal.update(x.side, x.qty, x.now_ns)
        r.a[i] = float(r.signal.lots())
        r.b[i] = r.signal.share()
    return 1 if r.signal.ready() else 0


def play_ewma(p, n):
    r = at(EwmaRun, p)
    for i in range(n):
        r.signal.update(float(r.rows[i].px))
        r.a[i] = r.signal.mean
        r.b[i] = r.signal.deviation()
    return 1 if r.signal.ready() else 0


def play_time_ewma(p, n):
    r = at(TimeEwmaRun, p)
    for i in range(n):
        r.signal.update(float(r.rows[i].px), r.rows[i].now_ns)
        r.a[i] = r.signal.mean
    return 1 if r.signal.ready() else 0


def play_volatility(p, n):
    r = at(VolatilityRun, p)
    for i in range(n):
        r.signal.update(float(r.rows[i].px), r.rows[i].now_ns)
        r.a[i] = r.signal.volatility()
        r.b[i] = r.signal.per_root_second()
    return 1 if r.signal.ready() else 0


def play_microprice(p, n):
    r = at(MicropriceRun, p)
    for i in range(n):
        x = r.rows[i]
        r.signal.update(x.bid, x.bid_qty, x.ask, x.ask_qty)
    solved = r.signal.solve()
    for i in range(n):
        x = r.rows[i]
        r.a[i] = r.signal.microprice_ticks(x.bid, x.bid_qty, x.ask, x.ask_qty)
    return solved


def play_kyle(p, n):
    r = at(KyleRun, p)
    for i in range(n):
        x = r.rows[i]
        r.signal.update(x.bid + x.ask, x.qty if x.side == 0 else -x.qty, x.now_ns)
        r.a[i] = r.signal.ticks_per_lot()
        r.b[i] = r.signal.r_squared()
    return 1 if r.signal.ready() else 0


def play_amihud(p, n):
    r = at(AmihudRun, p)
    for i in range(n):
        r.signal.update(r.rows[i].px, r.rows[i].qty, r.rows[i].now_ns)
        r.a[i] = r.signal.per_money()
    return 1 if r.signal.ready() else 0


def play_roll(p, n):
    r = at(RollRun, p)
    for i in range(n):
        r.signal.update(r.rows[i].px)
        r.a[i] = r.signal.spread_ticks()
        r.b[i] = r.signal.covariance()
    return 1 if r.signal.ready() else 0


def play_vpin(p, n):
    r = at(VpinRun, p)
    for i in range(n):
        r.signal.update(r.rows[i].side, r.rows[i].qty)
        r.a[i] = r.signal.value()
    return 1 if r.signal.ready() else 0


def play_bulk_vpin(p, n):
    r = at(BulkVpinRun, p)
    for i in range(n):
        r.signal.update(r.rows[i].px, r.rows[i].qty, r.rows[i].now_ns)
        r.a[i] = r.signal.value()
        r.b[i] = r.signal.sigma_ticks()
    return 1 if r.signal.ready() else 0


def play_toxicity(p, n):
    """Each row is a quote, then a trade against it."""
    r = at(ToxicityRun, p)
    for i in range(n):
        x = r.rows[i]
        r.signal.on_mid(x.bid + x.ask, x.now_ns)
        r.signal.on_trade(x.side, x.px, x.qty, x.now_ns)
        r.a[i] = r.signal.toxicity()
        r.b[i] = r.signal.impact_ticks()
    return r.signal.early


def play_pin(p, n):
    """Each row is a trade; each day that ends is followed by a fit."""
    r = at(PinRun, p)
    for i in range(n):
        if r.signal.update(r.rows[i].side, r.rows[i].now_ns):
            r.signal.fit()
        r.a[i] = r.signal.pin()
        r.b[i] = r.signal.log_likelihood
    return r.signal.count


PLAYS = {
    "int_window": play_int_window,
    "float_window": play_float_window,
    "ofi": play_ofi,
    "trade_imbalance": play_trade_imbalance,
    "ewma": play_ewma,
    "time_ewma": play_time_ewma,
    "volatility": play_volatility,
    "microprice": play_microprice,
    "kyle": play_kyle,
    "amihud": play_amihud,
    "roll": play_roll,
    "vpin": play_vpin,
    "bulk_vpin": play_bulk_vpin,
    "toxicity": play_toxicity,
    "pin": play_pin,
}
RUNS = {
    "int_window": IntWindowRun,
    "float_window": FloatWindowRun,
    "ofi": OfiRun,
    "trade_imbalance": TradeImbalanceRun,
    "ewma": EwmaRun,
    "time_ewma": TimeEwmaRun,
    "volatility": VolatilityRun,
    "microprice": MicropriceRun,
    "kyle": KyleRun,
    "amihud": AmihudRun,
    "roll": RollRun,
    "vpin": VpinRun,
    "bulk_vpin": BulkVpinRun,
    "toxicity": ToxicityRun,
    "pin": PinRun,
}


@cache
def compiled(name):
    """The entry as machine code: a function of two integers."""
    files = [*native.sources("streams.trading.signals", "streams.trading.book", "streams.slots"), Path(__file__)]
    return native.function(getattr(native.load("test_signals", lambda: {k: (f, 2) for k, f in PLAYS.items()}, files=files), name), 2)


def new_run(name, rows, *setup):
    """A run with its signal set up and its rows written."""
    run = RUNS[name]({"rows": max(1, len(rows))})
    assert run.signal.setup(*setup) == 1
    for slot, row in zip(run.rows, rows, strict=False):
        for field, value in zip(FIELDS, row, strict=True):
            setattr(slot, field, value)
    return run


def play(name, rows, *setup):
    """Play rows plain and compiled, demand equal ends; (the run in its end state, first column, second column)."""
    run = new_run(name, rows, *setup)
    flat = run.pack()
    result = PLAYS[name](addr_of(run), len(rows))
    native_result = compiled(name)(flat.ctypes.data, len(rows))
    assert native_result == result, f"{name}: plain returned {result}, compiled {native_result}"
    assert flat.tobytes() == run.pack().tobytes(), f"{name}: plain and compiled states differ"
    return run, [run.a[i] for i in range(len(rows))], [run.b[i] for i in range(len(rows))]


def play_again(name, rows, times, *setup):
    """Play the rows `times` times over, compiled, each pass later than the one before; the run and the columns after the last pass."""
    run = new_run(name, rows, *setup)
    flat = run.pack()
    words, shift = flat.view(np.int64), 1 + rows[-1][0] - rows[0][0]
    first = RUNS[name]._fields_["rows"].offset // 8
    start = first + int(words[first]) // 8
    now_ns = words[start : start + len(FIELDS) * len(rows) : len(FIELDS)]
    for _ in range(times):
        compiled(name)(flat.ctypes.data, len(rows))
        now_ns += shift
    now_ns -= shift
    run.unpack(flat)
    return run, [run.a[i] for i in range(len(rows))], [run.b[i] for i in range(len(rows))]


def market(n, seed=1):
    """Rows like a recording's: a touch whose queues grow, shrink and break, with trades that lean on the thin side, times at random."""
    random = Random(seed)
    now, bid, spread, bid_qty, ask_qty, rows = 1_700_000_000_000_000_000, 60_000, 1, 50, 50, []
    for _ in range(n):
        now += int(random.expovariate(1 / 20e6))
        bid_qty, ask_qty = max(0, bid_qty + random.randint(-20, 20)), max(0, ask_qty + random.randint(-20, 20))
        if bid_qty == 0:
            bid, bid_qty, spread = bid - 1, random.randint(1, 100), min(spread + 1, 4)
        elif ask_qty == 0:
            spread, ask_qty = min(spread + 1, 4), random.randint(1, 100)
        elif spread > 1 and random.random() < 0.5:
            up = random.random() < bid_qty / (bid_qty + ask_qty)
            bid, spread = bid + (1 if up else 0), spread - 1
        side = 0 if random.random() < bid_qty / (bid_qty + ask_qty + 1) else 1
        rows.append((now, bid, bid_qty, bid + spread, max(ask_qty, 1), side, random.randint(1, 9), bid + spread if side == 0 else bid))
    return rows
