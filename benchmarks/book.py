"""Books: level updates and order events a CPU second beside hftbacktest, on the recording and on made flow; many books in turn.

Ours and the peer's runs take turns. Each of ours must end in the same bytes as the first, and with the touch that the input has and that
hftbacktest found. Ours reads 64-byte slots through `Book.apply_levels`, its checks of gaps and sequences included.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from claims import Claim, conditions, report

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import book_streams as streams
import peers

from streams.kernel import Struct, Table, at, native, prefetch
from streams.trading.book import Book
from streams.trading.l3_book import L3Book

ROUNDS, RUNS = 2, 5
EVENTS = 1_000_000
BOOKS = 250
UPDATE_LEVELS = 20  # of made flow that come together
L2_SIZES = {"window": 16_384, "far": 8192}
AHEAD = 16


class End(Struct):
    slots: int


class Many(Struct, align=64):
    books: Table[Book, "instruments"]


def play_l2(state: int, levels: int, ends: int, first: int, last: int) -> int:
    """Apply updates `first` up to `last`, reading the touch after each."""
    book = at(Book, state)
    seen = 0
    start = at(End, ends + (first - 1) * 8).slots
    for i in range(first, last):
        end = at(End, ends + i * 8).slots
        book.apply_levels(levels + start * 64, end - start)
        start = end
        seen += book.bid() + book.ask()
    return seen


def play_many(state: int, levels: int, ends: int, updates: int, books: int) -> int:
    """Each update goes to every book in turn."""
    many = at(Many, state)
    applied = 0
    start = at(End, ends).slots
    for i in range(1, updates):
        end = at(End, ends + i * 8).slots
        for b in range(books):
            many.books[b].apply_levels(levels + start * 64, end - start)
        applied += (end - start) * books
        start = end
    return applied


def play_l3(state: int, events: int, n: int) -> int:
    """Apply order events, reading the touch after each."""
    book = at(L3Book, state)
    seen = 0
    for i in range(n):
        prefetch(events + (i + AHEAD) * 64)
        book.expect(at(streams.Event, events + min(i + 4, n - 1) * 64).order_id)
        e = at(streams.Event, events + i * 64)
        if e.op == streams.ADD:
            book.add(e.order_id, e.side, e.px_ticks, e.qty_lots)
        elif e.op == streams.CANCEL:
            book.cancel(e.order_id)
        else:
            book.modify(e.order_id, e.px_ticks, e.qty_lots)
        seen += book.bid() + book.ask()
    return seen


def entry(name: str, nargs: int) -> Callable[..., int]:
    files = [*native.sources("streams.trading", "streams.slots"), __file__, streams.__file__]
    entries = {"play_l2": (play_l2, 5), "play_many": (play_many, 5), "play_l3": (play_l3, 3)}
    return native.function(getattr(native.load("bench_book", lambda: entries, files=files), name), nargs)


def timed(state: np.ndarray, start: np.ndarray, run: Callable[[], int]) -> tuple[list[float], bytes]:
    """CPU seconds of RUNS runs, each from `start`, and the state after; they must all end alike."""
    spent, end = [], b""
    for _ in range(RUNS):
        state[:] = start
        began = time.process_time()
        run()
        spent.append(time.process_time() - began)
        assert end in (b"", state.tobytes()), "two runs over the same input ended in different states"
        end = state.tobytes()
    return spent, end


def beside(claim: str, script: str, ours: Callable[[], list[float]], updates: int, touch: tuple[int, int], goal: float, **data) -> Claim:
    """Measure in turns; the claim against hftbacktest's best book."""
    mine: list[float] = []
    theirs: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "input.npz"
        np.savez(path, **data)
        for _ in range(ROUNDS):
            mine += ours()
            for book, found in peers.run(script, path, RUNS).items():
                assert tuple(found["touch"]) == touch, f"hftbacktest {book} ends at {found['touch']}, ours at {touch}"
                theirs.setdefault(book, []).extend(s / found["updates"] for s in found["seconds"])
            mine += ours()
    best = min(statistics.median(times) for times in theirs.values())
    figure, peer = updates / statistics.median(mine), 1 / best
    return Claim(claim, figure, peer, figure / peer, "updates/s", f"> {goal} x hftbacktest's best", figure / peer > goal)


def l2(name: str, levels: np.ndarray, ends: np.ndarray, touch: tuple[int, int], tick: float, lot: float) -> Claim:
    play, book = entry("play_l2", 5), Book(L2_SIZES)
    book.setup()
    state = book.pack()
    args = (state.ctypes.data, levels.ctypes.data, ends.ctypes.data)
    if ends[0] > 0:
        book.apply_levels(levels.ctypes.data, int(ends[0]))
        book.pack(state)
    start = state.copy()

    def ours() -> list[float]:
        spent, end = timed(state, start, lambda: play(*args, 1, len(ends)))
        found = Book(L2_SIZES).unpack(np.frombuffer(end, np.uint8))
        assert (found.bid(), found.ask(), found.lost()) == (*touch, 0), f"{name}: the book ends at another touch"
        return spent

    rows = streams.columns(levels)
    update = np.repeat(np.arange(len(ends)), np.diff(np.concatenate(([0], ends))))
    data = {"ts": 10**18 + update * 50_000_000, "side": rows["side"], "px": rows["px_ticks"], "qty": rows["qty_lots"]}
    data |= {"tick": np.float64(tick), "lot": np.float64(lot)}
    return beside(f"L2 book, {name}", "hftbacktest_l2.py", ours, int(ends[-1] - ends[0]), touch, 3.5, **data)


def l3(events: np.ndarray, touch: tuple[int, int]) -> Claim:
    play, book = entry("play_l3", 3), L3Book(streams.L3_SIZES)
    book.setup()
    state = book.pack()
    start = state.copy()

    def ours() -> list[float]:
        spent, end = timed(state, start, lambda: play(state.ctypes.data, events.ctypes.data, len(events)))
        found = L3Book(streams.L3_SIZES).unpack(np.frombuffer(end, np.uint8))
        assert (found.bid(), found.ask(), found.refused) == (*touch, 0), "the L3 book ends at another touch"
        return spent

    names = {"op": "op", "side": "side", "order_id": "order_id", "px_ticks": "px", "qty_lots": "qty"}
    data = {short: events[name].astype(np.int64) for name, short in names.items()}
    return beside("L3 book, made flow", "hftbacktest_l3.py", ours, len(events), touch, 2.5, **data, tick=np.float64(0.01))


def many(levels: np.ndarray, ends: np.ndarray) -> Claim:
    """The cost of an update when BOOKS instruments take turns, beside one instrument with the same number of updates."""
    play, rates = entry("play_many", 5), {}
    for books in (1, BOOKS):
        state = _many_state(books, levels, int(ends[0]))
        start, updates = state.copy(), 1 + max(1, 40 * BOOKS // books)
        updates = min(updates, len(ends))
        applied = int(ends[updates - 1] - ends[0]) * books
        args = (state.ctypes.data, levels.ctypes.data, ends.ctypes.data, updates, books)
        assert play(*args) == applied
        spent, _ = timed(state, start, lambda args=args: play(*args))
        rates[books] = applied / statistics.median(spent)
    share = rates[BOOKS] / rates[1]
    return Claim(f"{BOOKS} L2 books in turn (peer: one book)", rates[BOOKS], rates[1], share, "updates/s", "> 0.3 of one", share > 0.3)


def _many_state(books: int, levels: np.ndarray, snapshot: int) -> np.ndarray:
    """Books in one block, each with the snapshot."""
    block = Many({"window": 4096, "far": 8192, "instruments": books})
    for book in block.books:
        book.setup()
    state, ends = block.pack(), np.array([0, snapshot])
    entry("play_many", 5)(state.ctypes.data, levels.ctypes.data, ends.ctypes.data, 2, books)
    return state


def measure() -> list[Claim]:
    claims = []
    events, touch = streams.flow(EVENTS)
    path = streams.recording_path()
    if path is not None:
        levels, ends, last = streams.recording(path)
        claims.append(l2("recording", levels, ends, last, 0.1, 0.001))
        claims.append(many(levels, ends))
    made = streams.level_flow(events)
    claims.append(l2("made flow", made, np.arange(0, len(events) + 1, UPDATE_LEVELS), _touch_of(made), 0.01, 1.0))
    claims.append(l3(events, touch))
    return claims


def _touch_of(levels: np.ndarray) -> tuple[int, int]:
    """Best bid and ask after all levels, from two dictionaries."""
    sides: tuple[dict[int, int], dict[int, int]] = ({}, {})
    rows = streams.columns(levels)
    for side, px, qty in zip(rows["side"].tolist(), rows["px_ticks"].tolist(), rows["qty_lots"].tolist(), strict=True):
        sides[side][px] = qty
    return max(px for px, qty in sides[0].items() if qty), min(px for px, qty in sides[1].items() if qty)


if __name__ == "__main__":
    where = {"load": round(os.getloadavg()[0], 1), "runs": 2 * ROUNDS * RUNS, "recording": str(streams.recording_path() is not None)}
    report("book", conditions(**where), measure)
