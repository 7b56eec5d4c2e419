"""Events a second through the whole lane on recorded market data, with 1, 10 and 100 instruments; what a million events allocate.

The recording goes through the feed's loop first, not timed: frames to slots. Then slots are published in the ring, a frame at a time, and
the lane takes them: book, strategy, risk with all limits on three levels, execute; it journals what it takes and writes all outputs to its
ring. The strategy answers each best bid and ask and each book update with a request; a venue in memory answers each request at once, and
the lane takes that, too. Timed is the lane's loop alone, from its call to its end, in one process; an event is a slot of market data (a
level, a quote, a trade) or of a venue's answer.

More instruments: the first part of the recording is played two hundred times, and the copies are the same instrument again, or ten, or a
hundred of them, frame by frame in turns. So every row has the same events by kind, from 1, 10, 100 books; the second half is timed.

Peers, in the same run: the same lane with one instrument. "In backlog" is the whole recording published 64 slots at a time. Memory: blocks
and bytes that Python allocates, resident bytes, and Python functions called (sys.setprofile) in a call of a million events.
"""

import ctypes
import gc
import sys
import tracemalloc
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import psutil
from claims import Claim, conditions, report
from fast_edge import EDGE_FILES, SAMPLE, TEXT_BYTES, TEXTS, Edge
from fast_lane import Refuses, clock
from fast_world import EVENTS_WRITER, FRAMES_WRITER, TICKS_WRITER, VENUE, columns, feed_process, frames, lane_process, rings

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from streams.kernel import Struct, View, at, call1, native
from streams.kernel.raw import load_word
from streams.kernel.system import monotonic_ns
from streams.lanes import fast_lane, fast_loop
from streams.lanes.fast_lane import FastLane
from streams.lanes.fast_rings import FastShard
from streams.lanes.fast_slots import KIND_FRAME, TAKEN_EVENTS, TAKEN_MARKET
from streams.lanes.histogram_file import HistogramFile
from streams.lanes.record_ring import RecordWriter
from streams.lanes.ring_ends import ring_sources
from streams.lanes.ring_kernel import RingWriter
from streams.lanes.stages import LANE_STAGES, histogram_path
from streams.schema import ids
from streams.slots import KIND_COMMAND, Slot
from streams.venues.binance import fast_feed_kernel
from streams.venues.binance.fast_feed_loop import FrameLane
from streams.venues.sim.request_text import SOURCES

COUNTS, COPIES, WINDOW, RUNS, GOAL, TOGETHER, MOST = (1, 10, 100), 100, 1_000, 5, 1.3, 64, 1 << 30
MILLION, ROUNDS, STEP_NS = 1_000_000, 3, 20_000
RING_BYTES, WORD = 128, 8
_CHUNK = 2_000
_LATER_NS = 1 << 61
_KIND_BYTE, _TS, _INSTRUMENT = 36, slice(16, 32), slice(32, 36)


class Turns(Struct, align=64):
    """Market data and venue around a lane, in turns with it; addresses are of memory that the caller keeps.

    lane, drain     : the lane's loop and its entry
    market          : RingWriter of market data
    edge            : the Edge that answers requests
    slots, starts   : the slots; number of the first slot of each part, and of the end
    next, parts     : the next part, how many
    spent_ns        : in the lane; failed: not 0 = something did
    """

    lane: int
    drain: int
    market: int
    edge: int
    slots: int
    starts: int
    next: int
    parts: int
    spent_ns: int
    failed: int

    def run(self, upto: int) -> int:
        """Play the parts before `upto`; 0, or 1 if something failed."""
        w = at(RingWriter, self.market)
        edge = at(Edge, self.edge)
        while self.next < upto and self.failed == 0:
            first = load_word(self.starts + WORD * self.next)
            count = load_word(self.starts + WORD * (self.next + 1)) - first
            if w.write(self.slots + RING_BYTES * first, count) < count:
                self.failed = 1
            edge.now_ns = at(Slot, self.slots + RING_BYTES * first).recv_ts_ns
            self.let()
            while edge.take_requests() and self.failed == 0:
                self.let()
            self.next += 1
            self.failed |= edge.failed
        return self.failed

    def let(self) -> None:
        """The lane's turn, timed."""
        began = monotonic_ns()
        if call1(self.drain, self.lane) != fast_loop.DONE:
            self.failed = 1
        self.spent_ns += monotonic_ns() - began


def play_turns(turns: int, upto: int) -> int:
    return at(Turns, turns).run(upto)


@cache
def player() -> Callable[[int, int], int]:
    """`play_turns` as machine code."""
    sources = native.sources(*SOURCES, "streams.lanes.fast_slots", "streams.lanes.fast_loop")
    files = [*ring_sources(), *sources, *EDGE_FILES, Path(__file__)]
    return native.functions("bench_turns", {"play_turns": (play_turns, 2)}, files)["play_turns"]


class Flow:
    """Slots as the feed writes them, uint8[n, 128], and where each frame's begin, int64[frames + 1]."""

    def __init__(self, slots: np.ndarray, starts: np.ndarray) -> None:
        self.slots, self.starts = slots, starts

    @property
    def events(self) -> int:
        """Slots but marks of frames."""
        return int((self.slots[:, _KIND_BYTE] < KIND_FRAME).sum())

    def copied(self, instruments: int, copies: int) -> "Flow":
        """Copies of it, each `instruments` of them as different ones, frame by frame in turns; times go on."""
        sizes = np.diff(self.starts)
        parts = [np.tile(self.slots[a:b], (instruments, 1)) for a, b in pairwise(self.starts)]
        sizes = np.tile(np.repeat(sizes, instruments), copies // instruments)
        slots = np.tile(np.concatenate(parts), (copies // instruments, 1))
        of_frame = np.tile(np.arange(instruments, dtype=np.int32), len(sizes) // instruments)
        data = slots[:, _KIND_BYTE] < KIND_FRAME
        slots[data, _INSTRUMENT] = np.repeat(of_frame, sizes)[data].view(np.uint8).reshape(-1, 4)
        return Flow(slots, np.concatenate(([0], np.cumsum(sizes)))).timed()

    def timed(self) -> "Flow":
        """With frames that come one each STEP_NS."""
        times = np.repeat(self.slots[0, 24:32].view(np.int64)[0] + STEP_NS * np.arange(len(self.starts) - 1), np.diff(self.starts))
        self.slots[:, _TS] = np.stack((times, times), axis=1).view(np.uint8)
        return self

    def together(self, slots: int) -> "Flow":
        """The same with so many slots or more in a part."""
        kept, last = [0], 0
        for start in self.starts[1:].tolist():
            if start - last >= slots or start == len(self.slots):
                kept.append(start)
                last = start
        return Flow(self.slots, np.array(kept, np.int64))


def flow() -> Flow:
    """The recording, or a synthetic market, as slots."""
    found = columns(*frames())
    with rings() as shard:
        frames_ring, market = shard.open(shard.frames), shard.open(shard.market)
        frames_ring.free(shard.mirror_label)
        reader = market.reader(shard.lane_label)
        writer = RecordWriter(frames_ring.writer(shard.feed_label))
        lane = FrameLane(feed_process(), writer, market.writer(shard.feed_label), clock(), Refuses(), VENUE, FRAMES_WRITER)
        parts, nothing = [], np.zeros(len(found), np.int64)
        for first in range(0, len(found), _CHUNK):
            chunk = slice(first, min(first + _CHUNK, len(found)))
            rest = (column[chunk] for column in (nothing, found.starts, found.sizes, nothing))
            assert lane.give(1, found.times_ns[chunk], *rest) == fast_feed_kernel.DONE
            parts.append(reader.read(market.capacity))
            reader.commit()
        slots = np.concatenate(parts)
        for ring in (frames_ring, market):
            ring.close()
    marks = np.flatnonzero(slots[:, _KIND_BYTE] == KIND_FRAME)
    assert len(marks) == len(found), "a frame has no mark"
    return Flow(slots, np.append(marks, len(slots))).timed()


class Lane:
    """A lane with everything around it, in the rings of a shard."""

    def __init__(self, shard: FastShard, played: Flow, instruments: int) -> None:
        self.played = played
        self.process = lane_process(instruments)
        self.rings = {name: shard.open(name) for name in (shard.market, shard.events, shard.own)}
        market, events, own = self.rings.values()
        inputs = {TAKEN_MARKET: market.reader(shard.lane_label), TAKEN_EVENTS: events.reader(shard.lane_label)}
        self.histograms = HistogramFile.create(histogram_path(shard.folder, shard.lane, 0), LANE_STAGES)
        tick_id = ids.make(TICKS_WRITER, 0)
        self.lane = FastLane(
            self.process, inputs, own.writer(shard.lane_label), clock=clock(), tick_id=tick_id, tick_ns=0, histograms=self.histograms
        )
        self.lane.state.until_ns = _LATER_NS
        self.requests, self.answers = own.reader(shard.gateway_label), events.writer(shard.gateway_label)
        self.writer, edge = market.writer(shard.feed_label), self.process.edge
        edge.native.refresh()
        room = int((played.slots[:, _KIND_BYTE] == KIND_FRAME).sum()) + 64
        self.samples = np.zeros(room * len(SAMPLE), np.int64)
        self.texts, self.sizes = np.zeros(TEXTS * TEXT_BYTES, np.uint8), np.zeros(TEXTS, np.int64)
        loop: Any = Edge(requests=self.requests.address, events=self.answers.address, tables=edge.native.address)
        loop.texts, loop.text_sizes, loop.samples = self.texts.ctypes.data, self.sizes.ctypes.data, self.samples.ctypes.data
        loop.room, loop.event_id = room, ids.make(EVENTS_WRITER, 0)
        self.edge_memory = loop.pack()
        self.edge = View(Edge, self.edge_memory)
        drain = ctypes.cast(fast_lane.prepare()["fast_drain"], ctypes.c_void_p).value or 0
        self.memory = Turns(
            lane=self.lane.address,
            drain=drain,
            market=self.writer.address,
            edge=self.edge_memory.ctypes.data,
            slots=played.slots.ctypes.data,
            starts=played.starts.ctypes.data,
            parts=len(played.starts) - 1,
        ).pack()
        self.turns = View(Turns, self.memory)

    def play(self, upto: int = MOST) -> float:
        """Seconds in the lane's loop, of the parts before `upto`."""
        before = self.turns.spent_ns
        assert player()(self.memory.ctypes.data, min(upto, self.turns.parts)) == 0, "the lane or the venue failed"
        return (self.turns.spent_ns - before) / 1e9

    def check(self) -> int:
        """Events of a run that was played to its end; fails unless strategy, venue and lane agree on what was done."""
        counters, e = self.lane.counters, self.edge
        assert self.process.node is not None
        strategy, _ = self.process.node.state(0)
        assert counters.inputs == self.played.events - self._resyncs() + e.answered, "an event was not stepped"
        assert counters.requests == e.sampled, "a request was not answered"
        assert strategy.sent == e.orders + strategy.refused, "orders were lost"
        assert strategy.filled == e.fills, "fills were lost"
        return counters.inputs

    def _resyncs(self) -> int:
        """Commands to the feed that stand among market data: the lane passes over them."""
        return int((self.played.slots[:, _KIND_BYTE] == KIND_COMMAND).sum())

    def close(self) -> None:
        for ring in self.rings.values():
            ring.close()


def timed(played: Flow, instruments: int, warm: bool) -> tuple[float, int, int]:
    """Seconds, events and requests of one run; warm: of its second half."""
    with rings() as shard:
        lane = Lane(shard, played, instruments)
        if warm:
            lane.play(lane.turns.parts // 2)
        before = lane.lane.counters
        spent, done = lane.play(), lane.lane.counters
        lane.check()
        lane.close()
    return spent, done.inputs - before.inputs, done.requests - before.requests


def rates(whole: Flow) -> list[Claim]:
    """Events a second of the recording, frame by frame and in backlog."""
    claims = []
    for told, played in (("frame by frame", whole), (f"in backlog, {TOGETHER} slots at a time", whole.together(TOGETHER))):
        found = [timed(played, 1, False) for _ in range(RUNS)]
        rate, (_, events, requests) = median(events / spent for spent, events, _ in found), found[0]
        claims.append(Claim(f"recording, {told}", rate / 1e6, None, None, "M events/s", "> 1", rate > 1e6))
        claims.append(Claim(f"  requests of its {events:,} events", float(requests), None, None, "requests", "shown", True))
    return claims


def cost(window: Flow) -> list[Claim]:
    """ns an event by number of instruments; runs of all of them in turns."""
    played = {n: window.copied(n, 2 * COPIES) for n in COUNTS}
    spent: dict[int, list[float]] = {n: [] for n in COUNTS}
    for _ in range(RUNS):
        for n, each in played.items():
            seconds, events, _ = timed(each, n, True)
            spent[n].append(seconds / events * 1e9)
    one, claims = median(spent[1]), []
    for n in COUNTS:
        each = median(spent[n])
        told = f"{n} instrument{'s' * (n > 1)}: an event"
        if n == 1:
            claims.append(Claim(told, each, None, None, "ns", "shown", True))
        else:
            claims.append(Claim(f"{told} (peer: one)", each, one, one / each, "ns", f"<= {GOAL} x one", each <= GOAL * one))
    return claims


def memory(window: Flow) -> list[Claim]:
    """What a million events leave allocated, and the Python functions that they call. A call of two frames is taken off."""
    played = window.copied(10, 10 * -(-ROUNDS * MILLION // (10 * window.events)))
    with rings() as shard:
        lane, rounds = Lane(shard, played, 10), []
        each = (len(played.starts) - 1) // ROUNDS
        for k in range(ROUNDS):
            few, before = gained(lane, k * each + 2), lane.lane.counters.inputs
            many = gained(lane, (k + 1) * each)
            assert lane.lane.counters.inputs - before > 0.95 * MILLION
            rounds.append([b - a for a, b in zip(few, many, strict=True)])
        lane.play()
        lane.check()
        lane.close()
    least = [min(found) for found in zip(*rounds, strict=True)]  # what the loop does is in every round; a block of Python's own is not
    units = ("blocks", "bytes", "bytes of memory", "Python calls")
    return [Claim(f"{unit} over 1e6 events", float(n), None, None, unit, "0", n <= 0) for unit, n in zip(units, least, strict=True)]


def gained(lane: Lane, upto: int) -> tuple[int, int, int, int]:
    """Python's blocks, its bytes at their peak, resident bytes, and Python calls of one call of the loop."""
    process, calls, run, address = psutil.Process(), [0], player(), lane.memory.ctypes.data

    def called(frame: Any, event: str, arg: Any) -> None:
        calls[0] += event == "call"

    gc.collect()
    gc.disable()
    tracemalloc.start()
    blocks, resident = sys.getallocatedblocks(), process.memory_info().rss
    tracemalloc.reset_peak()
    traced = tracemalloc.get_traced_memory()[0]
    sys.setprofile(called)
    failed = run(address, upto)
    sys.setprofile(None)
    peak = tracemalloc.get_traced_memory()[1]
    blocks, resident = sys.getallocatedblocks() - blocks, process.memory_info().rss - resident
    tracemalloc.stop()
    gc.enable()
    assert failed == 0
    return blocks, peak - traced, resident, calls[0]


def measure() -> list[Claim]:
    whole = flow()
    window = Flow(whole.slots[: whole.starts[WINDOW]].copy(), whole.starts[: WINDOW + 1].copy())
    return rates(whole) + cost(window) + memory(window)


if __name__ == "__main__":
    report("lane_events", conditions(copies=COPIES, window_frames=WINDOW, runs=RUNS), measure)
