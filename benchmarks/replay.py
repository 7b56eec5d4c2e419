"""Backtests: market records a CPU second beside hftbacktest and NautilusTrader, with risk, every order's state and accounts on.

A grid of five orders a side, decided on every book event (`replay_grid`), on a made market and on the recording. Before a ratio is given,
every request and every fill is compared with hftbacktest's: time, side, price, quantity; same latencies, same queue, whole fills. Its
faster book counts. Every queue model is compared likewise, on a shorter market (`replay_queues`). NautilusTrader runs the same rule on the
first part of the made market; its fills follow other rules, so its rate is compared alone. A level or a trade is an event, for all of
them. What a run writes is kept by none; rows of their own tell what that costs.

MILLRACE_REPLAY_RECORDS: market records of the run that memory is measured on, 5,000,000 unless set.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from claims import Claim, conditions, report

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import peers
import replay_queues
import replay_stream as stream
from book_streams import recording_path
from replay_ours import TOPOLOGY, Kept, Ours, in_order
from replay_rows import rows_of

from streams.backtest.events import Events
from streams.backtest.results import Results
from streams.topology.backtest import Asked, Backtest

EVENTS, RUNS, ROUNDS = 500_000, 5, 2
QUEUE_EVENTS = 100_000
NAUTILUS_EVENTS = 50_000
RECORDS = int(os.environ.get("MILLRACE_REPLAY_RECORDS", "5000000"))
ORDER_NS = 1_000_000  # to the venue, and back
TERMS: dict[str, Any] = {"levels": 5, "qty_lots": 10, "limit_lots": 200, "entry_ns": ORDER_NS, "response_ns": ORDER_NS}
TERMS |= {"maker_fee": 0.0002, "taker_fee": 0.0005}
RECORDED = ("instruments.made:BTCUSDT.tick=0.1",)


@dataclass(frozen=True)
class Case:
    """A stream, in memory. pieces: it; offset_ns: added to the venue's stamps; tick: of the instrument; sets: over the topology."""

    name: str
    pieces: Callable[[], Iterable[Events]]
    offset_ns: int
    tick: float
    last_ns: int
    sets: tuple[str, ...] = ()


class Beside:
    """One case, ours and hftbacktest's runs in turns; `rate` and `best` are events a CPU second."""

    def __init__(self, case: Case, folder: Path) -> None:
        self.case, self.input = case, folder / "input.npz"
        rows = rows_of(case.pieces(), case.offset_ns)
        self.events = int(np.count_nonzero(rows["seen"] & 1))
        np.savez(self.input, **rows, **TERMS, tick=case.tick, lot=0.001)
        mine: list[float] = []
        theirs: dict[str, list[float]] = {}
        for turn in range(ROUNDS):
            found = peers.run("hftbacktest_grid.py", self.input, folder / "output.npz", RUNS)
            if turn == 0:
                self.check(folder / "output.npz")
            for book, said in found["books"].items():
                theirs.setdefault(book, []).extend(said["seconds"])
            mine += [self.timed() for _ in range(RUNS)]
        self.rate = self.events / statistics.median(mine)
        self.best = self.events / min(statistics.median(times) for times in theirs.values())

    def timed(self) -> float:
        """CPU seconds of a run of ours, which sends and fills as often as the one that was compared."""
        ours = Ours(self.case.sets, taped=False)
        seconds = ours.play(self.case.pieces(), self.case.offset_ns)
        assert (ours.engine.requests, ours.engine.fills) == self.counts, "two runs differ"
        return seconds

    def check(self, path: Path) -> None:
        """Every request and every fill is hftbacktest's, and risk refused nothing. A fill reaches us a response later; ours ends with the
        stream, when some are on their way."""
        case, theirs, kept, ours = self.case, np.load(path), Kept(), Ours(self.case.sets)
        ours.play(case.pieces(), case.offset_ns, kept.take)
        fills = theirs["fills"].copy()
        fills[:, 0] += ORDER_NS
        assert kept.denied == 0, f"{case.name}: risk denied {kept.denied} orders"
        assert not ours.engine.halted, f"{case.name}: a strategy was halted: {ours.engine.halted}"
        unequal(f"{case.name}: requests", kept.requests, in_order(theirs["requests"]))
        unequal(f"{case.name}: fills", kept.fills, in_order(fills[fills[:, 0] <= case.last_ns]))
        self.counts = len(kept.requests), len(kept.fills)
        assert min(self.counts) > 0, f"{case.name}: nothing was traded"

    def claim(self) -> Claim:
        ratio = self.rate / self.best
        name = f"grid, decided on every book event, {self.case.name} (peer: hftbacktest)"
        return Claim(name, self.rate, self.best, ratio, "events/s", "> 3 x its faster book", ratio > 3)


def unequal(what: str, mine: np.ndarray, other: np.ndarray) -> None:
    """AssertionError with the first difference, if there is one."""
    n = min(len(mine), len(other))
    rows = np.flatnonzero((mine[:n] != other[:n]).any(axis=1))
    first = int(rows[0]) if len(rows) else n
    same = len(rows) == 0 and len(mine) == len(other)
    assert same, f"{what}: {len(mine)} and {len(other)}, number {first} is {mine[first:][:1]}, hftbacktest's {other[first:][:1]}"


def made(folder: Path) -> list[Claim]:
    market = stream.make(EVENTS)
    beside = Beside(Case("made market", lambda: stream.pieces(market), 0, 0.01, int(market.recv_ts_ns[-1])), folder)
    slow = peers.run("nautilus_grid.py", beside.input, NAUTILUS_EVENTS, 2)
    slowest = slow["events"] / statistics.median(slow["seconds"])
    ratio = beside.rate / slowest
    nautilus = Claim("the same (peer: NautilusTrader)", beside.rate, slowest, ratio, "events/s", "> 300 x", ratio > 300)
    return [beside.claim(), nautilus, hashed(market), flat(market)]


def hashed(market: stream.Market) -> Claim:
    """The made market with every record that the run writes encoded and hashed, as a replay without sinks does."""
    rates, digests = [], set()
    for _ in range(RUNS):
        ours = Ours()
        results = Results(ours.process.edge, 1)
        taken = ours.play(stream.pieces(market), 0, results.take)
        rates.append(EVENTS / (taken + spent(results.finish)))
        digests.add(results.digest)
    assert len(digests) == 1, "two runs wrote different bytes"
    return Claim("made market, results encoded and hashed", statistics.median(rates), None, None, "events/s", "-", True)


def flat(market: stream.Market) -> Claim:
    """What the process grows by while the made market is played again and again, past the first two million records."""
    ours, seen, held = Ours(taped=False), 0, [0]

    def watched() -> Iterable[Events]:
        nonlocal seen
        for piece in stream.looped(market, RECORDS):
            yield piece
            seen += piece.count
            if seen >= min(2_000_000, RECORDS // 2):
                held.append(resident_bytes())

    ours.play(watched())
    grown = (max(held[1:]) - held[1]) / 2**20
    assert ours.engine.records == RECORDS, f"{ours.engine.records} of {RECORDS} records were played"
    return Claim(f"memory that {RECORDS:,} records take beyond the first", grown, None, None, "MiB", "< 8 MiB", grown < 8)


def resident_bytes() -> int:
    """Memory that the process has now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def recorded(folder: Path, path: Path) -> list[Claim]:
    asked = Asked(str(TOPOLOGY), RECORDED, (f"made={path}",))
    backtest = Backtest(asked)
    offset_ns = backtest.source.clock_offset_ns()["made"]
    pieces = list(backtest.source.pieces())
    case = Case("recording", lambda: pieces, offset_ns, 0.1, int(pieces[-1].recv_ts_ns[-1]), RECORDED)
    beside = Beside(case, folder)
    return [beside.claim(), *whole(asked, beside.events)]


def whole(asked: Asked, events: int) -> list[Claim]:
    """What a user waits for: all results encoded and hashed; the market data from the cache, or read anew."""
    rates = {}
    for name, cached in (("from the cache", True), ("read from the file", False)):
        backtests = [Backtest(asked) for _ in range(3)]
        rates[name] = []
        for backtest in backtests:
            backtest.source.cached = cached
            rates[name].append(events / spent(backtest.play))
    return [
        Claim(f"the recording {name}, results encoded and hashed", statistics.median(found), None, None, "events/s", "-", True)
        for name, found in rates.items()
    ]


def spent(run: Callable[[], object]) -> float:
    """CPU seconds of a call."""
    began = time.process_time()
    run()
    return time.process_time() - began


def measure() -> list[Claim]:
    with tempfile.TemporaryDirectory() as folder:
        queues = replay_queues.claim(Path(folder), QUEUE_EVENTS, TERMS)
        claims = [*made(Path(folder)), queues]
        path = recording_path()
        return claims + (recorded(Path(folder), path) if path is not None else [])


if __name__ == "__main__":
    where = {"load": round(os.getloadavg()[0], 1), "events": EVENTS, "runs": ROUNDS * RUNS, "recording": str(recording_path() is not None)}
    report("replay", conditions(**where, hftbacktest="2.4.4", nautilus_trader="1.221.0"), measure)
