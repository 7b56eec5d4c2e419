"""What more instruments cost, and what is allocated: whole steps (book, strategy, risk on three levels, execute, account) of one process.

Peers, in the same run: the same process with one instrument, stepped by the same number of events with the same number of orders. Memory:
blocks and bytes that Python allocates, and what the operating system gives the process, over a million events of steps.
"""

import gc
import sys
import tracemalloc
from statistics import median

import psutil
from claims import Claim, conditions, report
from order_cycle import Cycle, Steps

UPDATES, RUNS, MANY, GOAL = 100_000, 9, (10, 100), 1.3
MEASURED_EVENTS = 1_000_000


def cost() -> list[Claim]:
    """ns a book update with all that follows from it, by number of instruments; they take turns."""
    steps = {n: Steps(Cycle, n) for n in (1, *MANY)}
    spent: dict[int, list[float]] = {n: [] for n in steps}
    for run in range(1, 1 + RUNS):
        for n, step in steps.items():
            spent[n].append(step.play(UPDATES) / UPDATES * 1e9)
            assert step.check(run * UPDATES) == UPDATES  # one request an update, for all alike
    one = median(spent[1])
    claims = []
    for n in MANY:
        each = median(spent[n])
        claims.append(
            Claim(f"whole step, {n} instruments (peer: one)", each, one, one / each, "ns", f"<= {GOAL} x one", each <= GOAL * one)
        )
    return claims


def memory() -> list[Claim]:
    """What a million events leave allocated: book updates, orders and the venue's answers. A call of 500 updates is taken off."""
    step, updates = Steps(Cycle, 10), MEASURED_EVENTS // 2  # each brings one request, and one answer at least
    gained(step, 500)
    rounds = [tuple(b - a for a, b in zip(gained(step, 500), gained(step, updates), strict=True)) for _ in range(3)]
    least = [min(found) for found in zip(*rounds, strict=True)]  # what steps allocate is in every round; a block of Python's own is not
    step.check(500 + 3 * (500 + updates))
    units = ("blocks", "bytes", "bytes of memory")
    return [
        Claim(f"{unit} allocated over 1e6 events", float(found), None, None, unit, "0", found == 0)
        for unit, found in zip(units, least, strict=True)
    ]


def gained(step: Steps, updates: int) -> tuple[int, int, int]:
    """Python's blocks, its bytes at their peak, and resident bytes that one call has allocated."""
    process = psutil.Process()
    gc.collect()
    gc.disable()
    tracemalloc.start()
    blocks, resident = sys.getallocatedblocks(), process.memory_info().rss
    tracemalloc.reset_peak()
    traced = tracemalloc.get_traced_memory()[0]
    step.play(updates)
    peak = tracemalloc.get_traced_memory()[1]
    blocks, resident = sys.getallocatedblocks() - blocks, process.memory_info().rss - resident
    tracemalloc.stop()
    gc.enable()
    return blocks, peak - traced, resident


def measure() -> list[Claim]:
    return cost() + memory()


if __name__ == "__main__":
    report("instruments", conditions(updates=UPDATES, runs=RUNS), measure)
