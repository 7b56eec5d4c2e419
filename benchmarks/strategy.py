"""A compiled strategy's call: what `on_book` costs on top of the book it is called with.

Peers, in the same run: the same strategy called as plain Python. The time of a whole step with the strategy, less that of the same step
without: two nodes, the same book updates, the same machine code. The strategy's state is compared with a twin's before a figure is given.
"""

import sys
from pathlib import Path
from time import perf_counter_ns

import numpy as np
from claims import Claim, conditions, report

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from streams.agents.context import Context
from streams.kernel.memory import aligned
from streams.slots import FLAG_FIRST, FLAG_LAST, FLAG_SNAPSHOT, KIND_LEVEL, LevelSlot
from streams.strategies.base import Strategy
from streams.strategies.testing import Desk
from streams.trading.book import Book

UPDATES, RUNS = 20_000, 300  # short runs, many: some fit between two interruptions
LOW, HIGH = 10_000, 10_003
SLOT_BYTES = 64


class Idle(Strategy):
    """No callback of books: the book alone."""

    count: int

    def on_timer(self, ctx: Context, timer: int) -> None:
        self.count += 1


class Counter(Strategy):
    """The call itself."""

    count: int

    def on_book(self, ctx: Context, book: Book) -> None:
        self.count += 1


class Leaner(Strategy):
    """A decision on every update: the imbalance of the touch, smoothed; it would trade beyond a threshold that is never reached."""

    count: int
    smooth: float
    threshold: float = 2.0

    def on_book(self, ctx: Context, book: Book) -> None:
        self.count += 1
        bid, ask = book.bid_qty(), book.ask_qty()
        self.smooth += 0.01 * ((bid - ask) / (bid + ask) - self.smooth)
        if self.smooth > self.threshold and ctx.position(book.instrument) < 10:
            ctx.buy(book.instrument, book.bid(), 1)


def slots(n: int) -> np.ndarray:
    """Updates of the touch, packed: a snapshot of two levels, then one changed quantity each."""
    mem = aligned((n + 2) * SLOT_BYTES)
    rng = np.random.default_rng(7)
    sizes = rng.integers(1, 500, n + 2).tolist()
    for k in range(n + 2):
        flags = FLAG_SNAPSHOT | (FLAG_FIRST if k == 0 else FLAG_LAST) if k < 2 else FLAG_FIRST | FLAG_LAST
        side = k % 2
        slot = LevelSlot(id=k + 1, ts_ns=10**18 + k, recv_ts_ns=10**18 + k, instrument=0, kind=KIND_LEVEL, side=side, flags=flags)
        slot.px_ticks, slot.qty_lots, slot.last_seq = LOW if side == 0 else HIGH, sizes[k], k
        mem[k * SLOT_BYTES : (k + 1) * SLOT_BYTES] = slot.pack()
    return mem


def twin(mem: np.ndarray) -> float:
    """The smoothed imbalance, from the numbers alone."""
    sizes = mem.view(np.int64).reshape(-1, SLOT_BYTES // 8)[:, -1].tolist()
    smooth, touch = 0.0, [sizes[0], sizes[1]]
    for k in range(1, len(sizes)):
        touch[k % 2] = sizes[k]
        smooth += 0.01 * ((touch[0] - touch[1]) / (touch[0] + touch[1]) - smooth)
    return smooth


class Compiled:
    """A node with one strategy, and the updates to step through it."""

    def __init__(self, cls: type[Strategy], mem: np.ndarray) -> None:
        self.desk, self.mem = Desk(cls, compiled=True), mem
        self.node = self.desk.process.node
        self.start = dict(self.node.pack())

    def ns_each(self) -> float:
        """ns an update, from the same start each time."""
        self.node.unpack(self.start)
        step, address, n = self.node.entries["node_step"], self.node.address, len(self.mem)
        begun = perf_counter_ns()
        used = step(address, self.mem.ctypes.data, n)
        spent = perf_counter_ns() - begun
        assert used == n, "the outbox was filled"
        return spent / (n // SLOT_BYTES)

    def state(self) -> dict:
        self.desk.process.take_outputs()
        return self.desk.state


def plain_ns(cls: type[Strategy], mem: np.ndarray) -> float:
    """ns an update of the same node, uncompiled."""
    node = Desk(cls).process.node
    begun = perf_counter_ns()
    assert list(node.step(mem.tobytes())) == []
    return (perf_counter_ns() - begun) / (len(mem) // SLOT_BYTES)


def measure() -> list[Claim]:
    mem = slots(UPDATES)
    idle, counter, leaner = (Compiled(cls, mem) for cls in (Idle, Counter, Leaner))
    times = [(idle.ns_each(), counter.ns_each(), leaner.ns_each()) for _ in range(RUNS)]  # one after the other: they share what disturbs
    assert counter.state()["count"] == UPDATES + 1
    assert leaner.state() == {"count": UPDATES + 1, "smooth": twin(mem), "threshold": 2.0}, "the strategy saw other numbers than its twin"
    book, call, decision = (min(t[k] for t in times) for k in range(3))
    short = mem[: 2_000 * SLOT_BYTES]
    slow = min(plain_ns(Leaner, short) for _ in range(7)) - min(plain_ns(Idle, short) for _ in range(7))
    return [
        Claim("a step with a book update and no strategy's callback", book, None, None, "ns", "-", True),
        Claim("a strategy's call on top of it: on_book counts", call - book, None, None, "ns", "< 20 ns", call - book < 20),
        Claim(
            "on_book smooths the imbalance and decides (peer: plain)",
            decision - book,
            slow,
            slow / (decision - book),
            "ns",
            "< 20 ns",
            decision - book < 20,
        ),
    ]


if __name__ == "__main__":
    report("strategy", conditions(updates=UPDATES, runs=RUNS), measure)
