"""Normalize: ns a frame and ns a level, from the venue's JSON to the Avro bodies of its records and to the slots that a fused node reads.

Each frame is parsed strictly, checked against the instrument's grid, applied to the book, and what follows from it is written. Peer, in the
same run: the slow twin of the tests with the codec, in Python (what the platform did before), over a part of the same frames. Both must
write the same bytes. Parsing alone is told beside `orjson.loads`, which neither converts nor checks. CPU time of one core.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import orjson
from claims import Claim, conditions, report

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from streams.agents.market import Market
from streams.agents.market_body import write
from streams.agents.market_node import market_sources
from streams.agents.market_work import MarketWork
from streams.kernel import at, load_word, native, store_word
from streams.records import InstrumentType
from streams.schema import codec
from streams.venues.binance.recording import Line, read_recording
from streams.venues.binance.synthetic import SyntheticMarket
from tests.agents.market_desk import REAL, RUN, WRITERS, MarketDesk, instrument
from tests.agents.slow_normalize import SlowNormalize, Writer
from tests.real_recording import PATH

RUNS, PEER_FRAMES, MADE_S = 5, 5_000, 600.0
BTCUSDT = instrument("BTCUSDT", InstrumentType.LINEAR, 10**8, 10**6)
GOAL = 20.0  # times as fast as Python
LEVEL_GOAL_NS = 60.0
LEVELS_A_FRAME = 10  # from which on a level is worth a figure of its own


def run_frames(market: int, work: int, count: int, out: int, room: int, sizes: int) -> int:
    """Carry frames and write the bodies of all records one after the other; records, -1 if a frame was not read or did not fit."""
    m, w = at(Market, market), at(MarketWork, work)
    done = 0
    n = 0
    for row in range(count):
        p = 8 * row
        kind = m.take(
            w, load_word(w.venues + p), load_word(w.places + p), load_word(w.sizes + p), load_word(w.ids + p), load_word(w.times + p)
        )
        if kind < 0:
            return -1
        while m.next(w) != 0:
            size = write(w, RUN, out + done, room - done)
            if size < 0:
                return -1
            store_word(sizes + 8 * n, size)
            done += size
            n += 1
    return n


def parse_frames(work: int, count: int) -> int:
    """Parse frames and do nothing with them; levels, -1 if one was not read."""
    w = at(MarketWork, work)
    levels = 0
    for row in range(count):
        if w.frame.parse(load_word(w.places + 8 * row), load_word(w.sizes + 8 * row)) < 0:
            return -1
        levels += w.frame.count
    return levels


ENTRIES = {"run_frames": (run_frames, 6), "parse_frames": (parse_frames, 2)}


class Flow:
    """Frames in memory, and a compiled market that carries them."""

    def __init__(self, name: str, payloads: list[bytes], **room: int) -> None:
        self.name, self.payloads = name, payloads
        loaded = native.load("bench_normalize", lambda: ENTRIES, [*market_sources(), Path(__file__)])
        self.entries = {key: native.function(getattr(loaded, key), n) for key, (_, n) in ENTRIES.items()}
        self.memory = np.frombuffer(b"".join(payloads), np.uint8)
        self.size = np.array([len(p) for p in payloads], np.int64)
        self.place = self.memory.ctypes.data + np.cumsum(self.size) - self.size
        self.id, self.venue = np.arange(1, len(payloads) + 1), np.zeros(len(payloads), np.int64)
        self.out, self.sizes = np.empty(4 * len(self.memory), np.uint8), np.empty(4 * len(payloads), np.int64)
        self.room = REAL | room

    def run(self, slots: bool = True) -> tuple[float, int]:
        """CPU seconds of all frames on a fresh market, and the records written."""
        desk = MarketDesk(BTCUSDT, compiled=True, **self.room)
        if slots:
            desk.node.want_slots()
        w = desk.node.work
        w.ids = w.times = self.id.ctypes.data
        w.venues, w.places, w.sizes = self.venue.ctypes.data, self.place.ctypes.data, self.size.ctypes.data
        args = desk.node.address, desk.node.work_address, len(self.payloads), self.out.ctypes.data, len(self.out), self.sizes.ctypes.data
        began = process_time()
        records = self.entries["run_frames"](*args)
        took = process_time() - began
        assert records > 0, "a frame was not read"
        return took, records

    def parse(self) -> tuple[float, int]:
        """CPU seconds of parsing alone, and the levels in the frames."""
        desk = MarketDesk(BTCUSDT, compiled=True, **self.room)
        w = desk.node.work
        w.places, w.sizes = self.place.ctypes.data, self.size.ctypes.data
        began = process_time()
        levels = self.entries["parse_frames"](desk.node.work_address, len(self.payloads))
        return process_time() - began, levels

    def bodies(self, records: int) -> list[bytes]:
        """The first bodies that the last run wrote."""
        ends = np.cumsum(self.sizes[:records])
        return [self.out[end - size : end].tobytes() for end, size in zip(ends.tolist(), self.sizes[:records].tolist(), strict=True)]


def slow(payloads: list[bytes]) -> tuple[float, list[bytes]]:
    """CPU seconds of the slow twin, and the bodies it writes."""
    desk, normalize = MarketDesk(BTCUSDT), SlowNormalize()
    normalize.on_instrument(BTCUSDT)
    writer = Writer(normalize, WRITERS)
    frames = [desk.frame(p)._replace(id=i) for i, p in enumerate(payloads, 1)]
    began = process_time()
    bodies = [codec.encode(record) for frame in frames for record in writer.give(frame, RUN)]
    return process_time() - began, bodies


def best(run: Callable[[], tuple[float, Any]]) -> tuple[float, Any]:
    """The quickest of several runs: another process on the core only ever adds."""
    return min((run() for _ in range(RUNS)), key=lambda found: found[0])


def claims_of(flow: Flow, ratio: float = GOAL) -> list[Claim]:
    took, _ = best(flow.run)
    alone, levels = best(flow.parse)
    n, few = len(flow.payloads), flow.payloads[:PEER_FRAMES]
    peer, bodies = best(lambda: slow(few))
    flow.run()
    assert flow.bodies(len(bodies)) == bodies, f"{flow.name}: other bytes than the slow normalize"
    json_s, _ = best(lambda: _loads(flow.payloads))
    ours, theirs = 1e9 * took / n, 1e9 * peer / len(few)
    claims = [
        Claim(f"{flow.name}: a frame to Avro and slots", ours, theirs, theirs / ours, "ns", f"{ratio:.0f} x Python", theirs >= ratio * ours)
    ]
    if levels > LEVELS_A_FRAME * n:
        each = 1e9 * took / levels
        claims.append(
            Claim(
                f"{flow.name}: a level, all of it",
                each,
                theirs * n / levels,
                theirs / ours,
                "ns",
                f"{LEVEL_GOAL_NS:.0f} ns",
                each <= LEVEL_GOAL_NS,
            )
        )
        each, loads = 1e9 * alone / levels, 1e9 * json_s / levels
        claims.append(Claim(f"{flow.name}: a level, parsed alone", each, loads, loads / each, "ns", "3 x orjson.loads", loads >= 3 * each))
    return claims


def _loads(payloads: list[bytes]) -> tuple[float, None]:
    began = process_time()
    for payload in payloads:
        orjson.loads(payload)
    return process_time() - began, None


def measure() -> list[Claim]:
    made = [payload for _, payload in SyntheticMarket(seconds=MADE_S).frames()]
    found = claims_of(Flow("made flow", made))
    if PATH.exists():
        recorded = [line.payload for line in read_recording(PATH) if isinstance(line, Line)]
        found += claims_of(Flow("recording", recorded))
        snapshot = [p for p in recorded if b'"lastUpdateId"' in p]
        found += claims_of(Flow("recorded diffs", snapshot + [p for p in recorded if b'"depthUpdate"' in p]))
        found += claims_of(Flow("recorded bookTickers", [p for p in recorded if b'"bookTicker"' in p]))
        found += claims_of(Flow("recorded trades", [p for p in recorded if b'"e":"trade"' in p]))
    return found


if __name__ == "__main__":
    report("normalize", conditions(made_seconds=MADE_S, peer_frames=PEER_FRAMES, runs=RUNS), measure)
