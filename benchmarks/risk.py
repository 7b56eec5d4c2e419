"""Risk: one check of every rule on three levels, an order's reservation, a fill, and a mark where an account holds 250 instruments.

The answers of the compiled tree to random orders, most within and some beyond a limit, are those of the slow twin before anything is timed.
Peer, in the same run: the same Python source uncompiled. Times are CPU time, medians of many short runs, the loop around the call included.
"""

import ctypes
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from time import process_time_ns
from typing import Any

from claims import Claim, conditions, report

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from streams.kernel import Struct, Table, addr_of, at
from streams.kernel.native import load, sources
from streams.records import Rule
from streams.trading.risk import RiskTree
from tests.trading.risk_runs import Desk, Shape
from tests.trading.slow_risk import Order

E9 = 1_000_000_000
TREE = Shape((-1, 0, 0, 1, 1, 2, 2), (3, 4, 5, 6), (10,) * 8)  # firm, two desks, two accounts each; eight instruments
WIDE = 250  # instruments of an account in the benchmark of marks
ASKS = 1 << 12
RUNS, CALLS = 101, 10_000


class Ask(Struct):
    """One order, and what the tree answered."""

    account: int
    instrument: int
    side: int
    qty_lots: int
    px_ticks: int
    now_ns: int
    code: int
    score: float


class Bench(Struct):
    """The tree and the orders it is asked."""

    tree: RiskTree
    asks: Table[Ask, "asks"]


def check(p: int, n: int) -> int:
    """Ask for n orders; how many were denied."""
    bench = at(Bench, p)
    t, denied = bench.tree, 0
    for k in range(n):
        x = bench.asks[k & (ASKS - 1)]
        x.code = t.check(x.account, x.instrument, x.side, x.qty_lots, x.px_ticks, 99, 101, x.now_ns, x.qty_lots)
        x.score = t.score
        denied += 1 if x.code != 0 else 0
    return denied


def reserve(p: int, n: int) -> int:
    """Reserve and release n orders."""
    bench = at(Bench, p)
    for k in range(n):
        x = bench.asks[k & (ASKS - 1)]
        bench.tree.reserve(x.account, x.instrument, x.side, x.px_ticks, x.qty_lots, 1)
        bench.tree.release(x.account, x.instrument, x.side, x.px_ticks, x.qty_lots, 1)
    return 0


def fill(p: int, n: int) -> int:
    """Book n fills, each the counterpart of the one before."""
    bench = at(Bench, p)
    for k in range(n):
        bench.tree.on_fill(k >> 1 & 3, k >> 3 & 7, k & 1, 100, 3, 1, 0, 2)
    return 0


def mark(p: int, n: int) -> int:
    """Move one instrument's mark n times."""
    tree = at(Bench, p).tree
    for k in range(n):
        tree.on_mark(0, 200 + (k & 1), 2)
    return 0


def set_every_rule(desk: Desk, money: Callable[[], int]) -> None:
    """Every rule on every scope, and on every instrument where it may be; `money` gives the limit of most."""
    counts = {Rule.OPEN_ORDERS: 10**6, Rule.DAILY_TRADES: 10**9, Rule.MESSAGES_PER_FILL: 10**6, Rule.ORDER_SIZE: 10**6}
    bps = {Rule.COLLAR: 150, Rule.CONCENTRATION: 9_000, Rule.LEVERAGE: 90_000, Rule.MARGIN: 2_000, Rule.VAR_WEIGHT: 333}
    rules = (Rule.ORDER_NOTIONAL, Rule.LONG, Rule.SHORT, Rule.GROSS, Rule.OPEN_NOTIONAL, Rule.DAILY_LOSS, Rule.NET, Rule.VAR)
    rules += (Rule.DAILY_VOLUME, Rule.DRAWDOWN, Rule.STOP_LOSS, Rule.CAPITAL)
    for scope in range(len(desk.shape.parents)):
        for rule, value in [*counts.items(), *bps.items()]:
            desk.limit(scope, -1, rule, value)
        for rule in rules:
            desk.limit(scope, -1, rule, money())
        desk.limit(scope, -1, Rule.ORDER_RATE, 10**9, E9)
        for instrument in range(len(desk.shape.units)):
            for rule in (Rule.ORDER_SIZE, Rule.LONG, Rule.SHORT, Rule.NET):
                desk.limit(scope, instrument, rule, money() // 1_000)
        for rule in (Rule.SECTOR, Rule.CURRENCY, Rule.CORRELATED):
            for group in (0, 1):
                desk.group_limit(scope, rule, group, money())


def plenty() -> int:
    """A limit that no order meets."""
    return E9


def desk_with(shape: Shape, money: Callable[[], int], held_lots: int = 3) -> Desk:
    """A desk with every rule set, every account long or short in every instrument, and an order working in each."""
    desk = Desk(shape)
    for i in range(len(shape.units)):
        desk.groups(i, i % 2, i // 2 % 2, i % 2, -E9 // 3 if i % 3 == 0 else E9)
        desk.quote(i, 99, 101)
        for account in range(len(shape.account_scope)):
            desk.new(account, i, (account + i) % 2, held_lots, 100)
            desk.fill(len(desk.orders) - 1, held_lots, 0, 1)
            desk.new(account, i, i // 2 % 2, 2, 100)
    set_every_rule(desk, money)
    return desk


def bench_of(desk: Desk, asks: list[tuple[int, ...]]) -> Bench:
    """The desk's tree again, with orders to ask."""
    from tests.trading.risk_runs import OPS

    bench = Bench({**desk.shape.sizes(), "asks": ASKS})
    for op, *args, _ in desk.calls:
        call = getattr(bench.tree, OPS[op])
        call(*args[: call.__func__.__code__.co_argcount - 1])
    for row, ask in zip(bench.asks, asks, strict=False):
        for name, value in zip(("account", "instrument", "side", "qty_lots", "px_ticks", "now_ns"), ask, strict=True):
            setattr(row, name, value)
    return bench


def random_asks(rng: Random, count: int, lots: int) -> list[tuple[int, ...]]:
    """Orders of up to `lots` near the touch."""
    return [(rng.randrange(4), rng.randrange(8), rng.randrange(2), rng.randint(1, lots), rng.randint(99, 101), 1) for _ in range(count)]


def compare(entries: dict[str, Callable[[int, int], int]]) -> tuple[int, int]:
    """Ask compiled and twin the same orders: how many were denied, and how many rules did; AssertionError where they differ."""
    denied, codes = 0, set()
    for seed in range(5):
        rng = Random(seed)
        desk = desk_with(TREE, lambda rng=rng: rng.randint(40_000, 900_000))
        asks = random_asks(rng, 100, 64)
        bench = bench_of(desk, asks)
        flat = bench.pack()
        denied += entries["check"](flat.ctypes.data, len(asks))
        bench.unpack(flat)
        for x in list(bench.asks)[: len(asks)]:
            order = Order(x.account, x.instrument, x.side, x.qty_lots, x.px_ticks, 99, 101, x.now_ns, x.qty_lots, None)
            answer, _, score = desk.slow.check(order, x.qty_lots)
            assert (x.code, x.code == 0) == (answer[0], not desk.slow.broken(order)), (order, x.code, answer)
            assert abs(x.score - score) < 1e-9, (order, x.score, float(score))
            codes.add(x.code)
    return denied, len(codes) - 1


def ns_a_call(entry: Callable[[int, int], int], flat: Any, denied: int = 0) -> float:
    """Median CPU ns of one call over short runs; every run must deny as many as it should."""
    times = []
    for _ in range(RUNS):
        start = process_time_ns()
        found = entry(flat.ctypes.data, CALLS)
        times.append((process_time_ns() - start) / CALLS)
        assert found == denied, f"{found} calls denied, {denied} expected"
    return statistics.median(times)


def ns_plain(bench: Bench, calls: int = 1_000) -> float:
    """CPU ns of one check of the same source uncompiled."""
    start = process_time_ns()
    assert check(addr_of(bench), calls) == 0
    return (process_time_ns() - start) / calls


def measure() -> list[Claim]:
    made = {"check": (check, 2), "reserve": (reserve, 2), "fill": (fill, 2), "mark": (mark, 2)}
    found = load("bench_risk", lambda: made, files=[__file__, *sources("streams.trading")])
    entries = {name: ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)(getattr(found, name)) for name in made}
    denied, rules = compare(entries)
    assert 50 < denied < 450, f"{denied} of 500 orders denied: too few or too many to compare"
    assert rules > 4, f"orders denied by {rules} rules: too few to compare"

    bench = bench_of(desk_with(TREE, plenty), random_asks(Random(12), ASKS, 8))
    flat = bench.pack()
    ours = {name: ns_a_call(entries[name], flat) for name in ("check", "reserve", "fill")}
    plain = ns_plain(bench)
    marks = {}
    for held in (1, WIDE):
        wide = desk_with(Shape((-1, 0, 1), (2,), (10,) * held), plenty)
        marks[held] = ns_a_call(entries["mark"], bench_of(wide, []).pack())
    return [
        Claim(
            "check of every rule on three levels (peer: uncompiled)",
            ours["check"],
            plain,
            plain / ours["check"],
            "ns",
            "< 100 ns",
            ours["check"] < 100,
        ),
        Claim("reserve and release an order on three levels", ours["reserve"], None, None, "ns", "< 300 ns", ours["reserve"] < 300),
        Claim("book a fill on three levels", ours["fill"], None, None, "ns", "< 300 ns", ours["fill"] < 300),
        Claim(
            f"mark on three levels, {WIDE} instruments held (peer: one held)",
            marks[WIDE],
            marks[1],
            marks[1] / marks[WIDE],
            "ns",
            "<= 1.3 x one",
            marks[WIDE] <= 1.3 * marks[1],
        ),
    ]


if __name__ == "__main__":
    report("risk", conditions(levels=3, instruments=8, accounts=4, runs=RUNS, calls=CALLS), measure)
