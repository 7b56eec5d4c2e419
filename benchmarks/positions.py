"""Cost of keeping positions: a fill and a mark in the account agent's words, average and FIFO, with attribution, of every type of contract.

The result is checked against whole numbers before a figure is given, and the state may not grow.
"""

import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import numpy as np
from claims import Claim, conditions, report

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from streams.agents.account import AccountAgent
from streams.agents.outbox import Outbox
from streams.agents.runner import node_sources
from streams.agents.spec import DEFAULT_SIZES
from streams.agents.views import Views
from streams.kernel import Struct, View, at, native
from streams.slots import FillSlot, InstrumentSlot
from streams.trading.codes import BUY, INVERSE, LINEAR, SELL
from streams.trading.instrument import InstrumentSpec
from streams.trading.position import Position

EVENTS = 1_000_000
RUNS = 7
GOAL_NS = {LINEAR: 100, INVERSE: 200}  # an inverse contract divides where a linear one multiplies
E9 = 10**9


class Ledger(Struct):
    """One instrument and one position in it."""

    spec: InstrumentSpec
    position: Position


def fills(ledger: int, n: int, base_px: int) -> int:
    """Book n fills: two lots bought and three sold by turns, at prices that walk; the realized worth units."""
    r = at(Ledger, ledger)
    realized = 0
    for i in range(n):
        px = base_px + i * 7 % 31
        realized += r.position.book(r.spec, BUY if i % 5 < 3 else SELL, px, 2 + i % 5 // 3, 2 * px + 1)
    return realized


def marks(ledger: int, n: int, base_px: int) -> int:
    """Value the position at n mids; twice the unrealized worth units."""
    r = at(Ledger, ledger)
    for i in range(n):
        r.position.take_mark(r.spec, 2 * base_px + i * 13 % 47)
    return r.position.unrealized2()


class Books(Struct):
    """The account agent of one process with what it reads and writes: 4 strategies, 4 instruments, 2 accounts."""

    views: Views
    account: AccountAgent
    out: Outbox
    fill: FillSlot


def agent_fills(books: int, n: int, base_px: int) -> int:
    """Give the agent n fills of 4 strategies, each with its position and balance record; how many were booked."""
    r = at(Books, books)
    e = r.fill
    for i in range(n):
        if r.out.room() < 8:
            r.out.empty()
        px = base_px + i * 7 % 31
        e.strategy = i % 4
        e.account = i % 2
        e.side = BUY if i % 5 < 3 else SELL
        e.last_px_ticks = px
        e.last_qty_lots = 2 + i % 5 // 3
        e.fee = 7
        e.mid2_ticks = 2 * px + 1
        r.account.on_fill(e, r.views, r.out)
    return r.account.holding(0, 0).position.fill_count


def agent_empty(books: int) -> int:
    """Forget what was written."""
    at(Books, books).out.empty()
    return 0


def agent_marks(books: int, n: int, base_px: int) -> int:
    """Give the agent n marks, one each ms: every hundredth writes the positions of 4 strategies; records written."""
    r = at(Books, books)
    written = 0
    for i in range(n):
        if r.out.room() < 8:
            written += r.out.count
            r.out.empty()
        r.views.now_ns += 1_000_000
        r.views.specs[0].mark2_ticks = 2 * base_px + i * 13 % 47
        r.account.on_mark(0, r.views, r.out)
    return written + r.out.count


ENTRIES: dict[str, tuple[Callable[..., int], int]] = {
    "fills": (fills, 3),
    "marks": (marks, 3),
    "agent_fills": (agent_fills, 3),
    "agent_marks": (agent_marks, 3),
    "agent_empty": (agent_empty, 1),
}


def ledger(kind: int) -> tuple[Ledger, Any]:
    """An instrument of a type with its empty position, as objects and as memory."""
    lot, multiplier = (E9, 100 * E9) if kind == INVERSE else (E9 // 1000, E9)
    r = Ledger({"lots": 64})
    figures = {"tick_e9": E9 // 10, "lot_e9": lot, "multiplier_e9": multiplier, "money_scale": 8}
    assert r.spec.load(InstrumentSlot(instrument=0, base=1, quote=2, instrument_type=kind, **figures), 8)
    return r, r.pack()


def books() -> Any:
    """The agent's memory, one linear instrument loaded."""
    sizes = {**DEFAULT_SIZES, "strategies": 4, "order_lists": 16, "orders": 2, "window": 128, "far": 64, "executions": 64}
    r = Books(sizes)
    r.account.instruments, r.account.strategies, r.account.currencies = sizes["instruments"], 4, sizes["currencies"]
    r.views.setup()
    figures = {"tick_e9": E9 // 10, "lot_e9": E9 // 1000, "multiplier_e9": E9, "money_scale": 8}
    assert r.views.specs[0].load(InstrumentSlot(instrument=0, base=1, quote=2, instrument_type=LINEAR, **figures), 8)
    r.fill.instrument = 0
    r.fill.fee_currency = 2
    return r.pack()


def check(kind: int, mem: np.ndarray[Any, Any], n: int, base_px: int) -> None:
    """The position is what whole numbers say."""
    p = View(Ledger, mem).position
    qty = cash = 0
    for i in range(n):
        px, side, lots = base_px + i * 7 % 31, 1 if i % 5 < 3 else -1, 2 + i % 5 // 3
        worth = px * lots if kind == LINEAR else -int(Fraction(10**11 * lots, px) + Fraction(1, 2))
        qty, cash = qty + side * lots, cash - side * worth
    assert (p.qty_lots, p.cash) == (qty, cash), f"position {p.qty_lots}, {p.cash}; whole numbers say {qty}, {cash}"
    assert p.cash + p.cost == p.realized
    assert 2 * p.cash + p.worth2 == p.spread2 + p.inventory2


def timed(call: Callable[..., int], make: Callable[[], Any], begin: Callable[..., int]) -> float:
    """ns an event, the median of the runs; AssertionError where memory is taken."""
    ns = []
    for _ in range(RUNS):
        mem = make()
        begin(mem.ctypes.data, 9, 600_000)
        blocks = sys.getallocatedblocks()
        start = perf_counter_ns()
        call(mem.ctypes.data, EVENTS, 600_000)
        ns.append((perf_counter_ns() - start) / EVENTS)
        grown = sys.getallocatedblocks() - blocks
        assert grown < 50, f"{grown} blocks of memory were taken in {EVENTS} events"
    return float(np.median(ns))


def measure() -> list[Claim]:
    """ns of a fill and of a mark, each the median of the runs."""
    files = [*node_sources(), Path(__file__)]
    loaded = native.load("bench_positions", lambda: ENTRIES, files=files)
    calls = {name: native.function(getattr(loaded, name), count) for name, (_, count) in ENTRIES.items()}
    claims = []
    for kind, word in ((LINEAR, "linear"), (INVERSE, "inverse")):
        checked = ledger(kind)[1]
        calls["fills"](checked.ctypes.data, 20_000, 600_000)
        check(kind, checked, 20_000, 600_000)
        for name, what in (("fills", "fill: average, FIFO, attribution"), ("marks", "mark: unrealized, attribution")):
            took = timed(calls[name], lambda kind=kind: ledger(kind)[1], calls["fills"])
            claims.append(Claim(f"{word} position, one {what}", took, None, None, "ns", f"< {GOAL_NS[kind]}", took < GOAL_NS[kind]))
    mem = books()
    assert calls["agent_fills"](mem.ctypes.data, 4_009, 600_000) == 1_003, "each strategy has a quarter of the fills"
    calls["agent_empty"](mem.ctypes.data)
    assert calls["agent_marks"](mem.ctypes.data, 1_000, 600_000) == 10 * 4, "4 positions each 100 ms"
    for name, what, goal in (
        ("agent_fills", "fill: with a position and a balance record", 300),
        ("agent_marks", "mark: records each 100 ms", 50),
    ):
        took = timed(calls[name], books, calls["agent_fills"])
        claims.append(Claim(f"account agent, one {what}", took, None, None, "ns", f"< {goal}", took < goal))
    return claims


if __name__ == "__main__":
    report("positions", conditions(events=EVENTS, runs=RUNS), measure)
