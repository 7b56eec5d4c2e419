"""Tick to order on the fast lane: from the raw bytes of a frame to the bytes of the request that it caused, across two processes.

One process is feed and gateway (`fast_edge`): it writes the frame whole into its ring, reads it, applies it to the book and writes the
slots; it turns requests into the venue's text; a venue in memory answers each at once. The other is the lane: strategy, risk with all
limits on three levels, execute; it journals what it takes and what it writes. Histograms are recorded in both. The mirror is held.

The strategy answers every best bid and ask and every book update with a request, so that nearly each frame of the recording is a sample.
Frames leave by a schedule, one each gap; latency counts from the instant at which the frame was due: whatever holds the host, the feed or
the lane counts as latency of all frames that were due meanwhile. Every sample is kept; the first tenth is left out. The clock is read at
each of the stages, some 30 ns each. Beside it stands what the host does to two loops that only watch the same schedule: no tail can be
below that.

"Ring to ring" are the same samples from the frame's slots published to the request read by the gateway: without the feed's reading and
without the text. On two cores the processes are pinned to one each and spin. The rows of shared cores have a third process that is busy all
the time, as a mirror is that has fallen behind, and nothing is pinned: they say what a policy costs when there are too few cores.

Checked before a figure is given: every frame was carried, every request has a text, the last texts are what the plain writer gives of
the slots in the lane's ring; strategy and venue agree on all orders, fills and cancels; histograms and samples have the same counts.
"""

import ctypes
import mmap
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import fast_edge
import numpy as np
from claims import Claim, conditions, report
from fast_edge import SAMPLE, TEXT_BYTES, TEXTS, Edge, carry_entry, host_entry, sample_columns
from fast_world import EVENTS_WRITER, FRAMES_WRITER, RUN, TICKS_WRITER, VENUE, Columns, columns, feed_process, frames, lane_process, rings

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from streams.clock import RunClock
from streams.kernel import View
from streams.kernel.system import monotonic_ns
from streams.lanes import fast_lane, fast_loop
from streams.lanes.fast_lane import FastLane
from streams.lanes.fast_rings import FastShard
from streams.lanes.fast_slots import TAKEN_EVENTS, TAKEN_MARKET
from streams.lanes.histogram_file import HistogramFile
from streams.lanes.record_ring import RecordWriter
from streams.lanes.stages import FEED_STAGES, LANE_STAGES, histogram_path
from streams.lanes.waiting import POLICIES
from streams.records import Clock
from streams.schema import ids
from streams.slots import KIND_REQUEST
from streams.venues.binance import fast_feed_loop
from streams.venues.binance.fast_feed_kernel import FeedLoop
from streams.venues.binance.fast_feed_loop import FrameLane
from streams.venues.sim.request_text import request_text

GAP_NS, RUNS, FRAMES = 20_000, 3, 100_000
SHARED_FRAMES = 20_000
P50_GOAL_NS, P999_GOAL_NS = 2_000, 20_000
START_NS, SLICE_NS = 50_000_000, 10_000_000
BOUND_S, BOUND_NS = 30.0, 10_000_000_000
_ON_PARENTS_DEATH = 1  # PR_SET_PDEATHSIG
READY, UNTIL, STOP, REQUESTS, CHECKED, SENT, FILLED, CANCELLED, REFUSED = range(9)
"""Words of the board, memory that both processes see."""


@dataclass(frozen=True)
class Found:
    """Samples of a run by name of SAMPLE, and the number of the frame that caused each."""

    stamps: dict[str, np.ndarray]
    frame: np.ndarray

    def ns(self, start: str, end: str, only: np.ndarray | None = None) -> np.ndarray:
        """From one stage to another, without the first tenth of the frames; only: bool by frame."""
        kept = self.frame >= (self.frame[-1] + 1) // 10
        if only is not None:
            kept &= only[self.frame]
        return (self.stamps[end] - self.stamps[start])[kept]


def clock() -> RunClock:
    return RunClock(Clock.WALL)


def lane(shard: FastShard, policy: str, board: np.ndarray) -> None:
    """The process of the lane, until the board says stop."""
    process, wait = lane_process(), POLICIES[policy]
    ends = [shard.open(name) for name in (shard.market, shard.events, shard.own)]
    inputs = {ring: end.reader(shard.lane_label, wait=wait) for ring, end in zip((TAKEN_MARKET, TAKEN_EVENTS), ends, strict=False)}
    histograms = HistogramFile.create(histogram_path(shard.folder, shard.lane, 0), LANE_STAGES)
    tick_id = ids.make(TICKS_WRITER, 0)
    own = FastLane(process, inputs, ends[2].writer(shard.lane_label), clock=clock(), wait=wait, tick_id=tick_id, histograms=histograms)
    board[READY] += 1
    while board[UNTIL] == 0:
        time.sleep(0.001)
    own.set_clock()
    upto_ns = int(board[UNTIL])
    end_ns = upto_ns + BOUND_NS
    while board[STOP] == 0:  # once: Python is not needed before the last frame
        assert own.run(upto_ns) == fast_loop.DONE
        upto_ns = monotonic_ns() + SLICE_NS
        assert upto_ns < end_ns, "nobody has said stop"
    assert process.node is not None
    strategy, _ = process.node.state(0)
    board[SENT : REFUSED + 1] = strategy.sent, strategy.filled, strategy.cancelled, strategy.refused
    board[CHECKED] = histograms.take("wire_checked").count
    board[REQUESTS] = own.counters.requests


def busy(board: np.ndarray) -> None:
    """A process that wants a core all the time."""
    board[READY] += 1
    while board[UNTIL] == 0:
        time.sleep(0.001)
    end_ns = int(board[UNTIL]) + BOUND_NS
    while board[STOP] == 0 and monotonic_ns() < end_ns:
        pass


@contextmanager
def beside(*works: Callable[[], None]) -> Iterator[Callable[[], None]]:
    """Each in a process of its own; what is given waits until all of them have ended well."""
    children = [_forked(work) for work in works]
    left = list(children)

    def ended() -> None:
        end = time.monotonic() + BOUND_S
        while left:
            found, status = os.waitpid(left[0], os.WNOHANG)
            if found:
                left.pop(0)
                assert status == 0, "a process of the benchmark failed"
            assert time.monotonic() < end, f"a process of the benchmark has not ended within {BOUND_S:.0f} s"
            time.sleep(0.001)

    try:
        yield ended
    finally:
        for pid in left:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def ends_with(parent: int) -> None:
    """Let the host end this process when its parent ends, however that ends: nothing spins on alone."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_ON_PARENTS_DEATH, signal.SIGKILL)
    assert os.getppid() == parent, "the parent has ended"


def _forked(work: Callable[[], None]) -> int:
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            ends_with(parent)
            work()
            status = 0
        finally:
            os._exit(status)
    return pid


def pinned(core: int, work: Callable[[], None], pin: bool) -> Callable[[], None]:
    """The work on one core alone, where there are several and it is asked for."""

    def on_core() -> None:
        if pin and (os.cpu_count() or 1) > 1:
            os.sched_setaffinity(0, {core})
        work()

    return on_core


class Harness:
    """The process of feed and gateway: everything that `fast_edge` works on."""

    def __init__(self, shard: FastShard, found: Columns, policy: str) -> None:
        n, wait = len(found), POLICIES[policy]
        self.shard, self.found, self.process = shard, found, feed_process()
        self.rings = {name: shard.open(name) for name in (shard.frames, shard.market, shard.own, shard.events)}
        own, events = self.rings[shard.own], self.rings[shard.events]
        self.requests, self.events = own.reader(shard.gateway_label, wait=wait), events.writer(shard.gateway_label)
        self.histograms = HistogramFile.create(histogram_path(shard.folder, shard.feed, 0), FEED_STAGES)
        frames_writer = RecordWriter(self.rings[shard.frames].writer(shard.feed_label))
        market = self.rings[shard.market].writer(shard.feed_label)
        at = self.histograms.address("wire_ring")
        self.feed = FrameLane(self.process, frames_writer, market, clock(), Refuses(), VENUE, FRAMES_WRITER, wait=wait, histogram=at)
        self.times, self.wires, self.due, self.seqs = (np.zeros(n, np.int64) for _ in range(4))
        self.samples = np.zeros((n + 64) * len(SAMPLE), np.int64)
        self.texts, self.text_sizes = np.zeros(TEXTS * TEXT_BYTES, np.uint8), np.zeros(TEXTS, np.int64)
        nothing = np.zeros(0, np.int64)
        self.feed.give(1, nothing, nothing, nothing, nothing, nothing)  # sets its clock
        f = self.feed.state
        f.times, f.seqs, f.wires = (column.ctypes.data for column in (self.times, self.seqs, self.wires))
        f.starts, f.sizes = found.starts.ctypes.data, found.sizes.ctypes.data
        loop: Any = Edge(feed=self.feed.address, give=_address(fast_feed_loop.loop_entry()), frames=n)
        loop.first, loop.count = (self.feed.address + FeedLoop._fields_[name].offset for name in ("at", "last"))
        loop.starts, loop.sizes = found.starts.ctypes.data, found.sizes.ctypes.data
        loop.due, loop.wire, loop.samples, loop.room = self.due.ctypes.data, self.wires.ctypes.data, self.samples.ctypes.data, n + 64
        loop.requests, loop.events, loop.tables = self.requests.address, self.events.address, self.process.edge.native.address
        loop.texts, loop.text_sizes = self.texts.ctypes.data, self.text_sizes.ctypes.data
        loop.event_id, loop.yields = ids.make(EVENTS_WRITER, 0), int(policy != "spin")
        self.memory = loop.pack()
        self.state = View(Edge, self.memory)

    def run(self, gap_ns: int, board: np.ndarray) -> Found:
        """Carry all frames, one each gap, and what comes of them."""
        start, wall_ns = monotonic_ns() + START_NS, clock().now_ns() - monotonic_ns()
        self.due[:] = start + gap_ns * np.arange(len(self.found))
        self.times[:] = self.due + wall_ns
        self.state.clock_ns = wall_ns
        self.state.until_ns = int(self.due[-1]) + BOUND_NS
        board[UNTIL] = int(self.due[-1]) + SLICE_NS
        answered = carry_entry()(self.memory.ctypes.data)
        assert answered > 0, f"the edge failed: {answered}"
        stamps = sample_columns(self.samples, int(self.state.sampled))
        return Found(stamps, (stamps["wire"] - start) // gap_ns)

    def check(self, found: Found, board: np.ndarray) -> None:
        """Fails unless all sides agree on everything that was done."""
        s, sampled = self.state, int(self.state.sampled)
        assert (s.next, self.feed.state.count) == (len(self.found), len(self.found)), "a frame was not carried"
        assert board[REQUESTS] == sampled, "a request has no text"
        assert board[CHECKED] == sampled, "the lane's histogram does not count all requests"
        assert self.histograms.take("wire_ring").count == len(self.found), "the feed's histogram does not count all frames"
        assert board[SENT] == s.orders + board[REFUSED], "orders were lost"
        assert board[REFUSED] < 100, f"risk refused {board[REFUSED]} orders; only those before the first book can be"
        assert (board[FILLED], board[FILLED] + board[CANCELLED] >= s.orders - 1) == (s.fills, True), "fills or cancels were lost"
        assert (np.diff(found.stamps["wire"]) >= 0).all()
        for start, end in pairwise(SAMPLE):
            assert (found.stamps[end] >= found.stamps[start]).all(), f"{end} before {start}"
        self._check_texts(sampled)

    def _check_texts(self, sampled: int) -> None:
        """The last texts against the plain writer."""
        ring = self.rings[self.shard.own]
        slots = ring.memory.bytes_at(ring.memory.data - ring.memory.address, ring.capacity * ring.slot_nbytes).reshape(ring.capacity, -1)
        edge, number, k = self.process.edge, ring.head, sampled
        while k > max(0, sampled - TEXTS):
            number -= 1
            slot = slots[number % ring.capacity]
            if slot[36] != KIND_REQUEST:
                continue
            k -= 1
            request = edge.from_slot(KIND_REQUEST, slot[:128].tobytes(), RUN)
            text = self.texts[TEXT_BYTES * (k % TEXTS) :][: self.text_sizes[k % TEXTS]].tobytes().decode()
            expected = request_text(request, ids.cl_ord_id(edge.dictionary.epoch, request.order_id))
            assert text == expected, f"{text} is not {expected}"


class Refuses:
    """Every frame of the recording can be used."""

    def too_large(self, recv_ts_ns: int, source_seq: int, payload: bytes, why: str) -> None:
        raise AssertionError(why)

    def refused(self, frame_id: int, recv_ts_ns: int, payload: bytes, why: str) -> None:
        raise AssertionError(why)


def _address(entry: Any) -> int:
    return ctypes.cast(entry, ctypes.c_void_p).value or 0


def one_run(found: Columns, policy: str, gap_ns: int, shared: bool) -> Found:
    """One run with fresh rings. shared: a busy process beside, nothing pinned."""
    board = np.frombuffer(mmap.mmap(-1, 4096), np.int64)
    with rings() as shard:
        works = [pinned(1, lambda: lane(shard, policy, board), not shared)]
        works += [lambda: busy(board)] if shared else []
        before = os.sched_getaffinity(0)
        with beside(*works) as ended:
            if not shared and len(before) > 1:
                os.sched_setaffinity(0, {0})
            harness = Harness(shard, found, policy)
            end = time.monotonic() + BOUND_S
            while board[READY] < len(works):
                assert time.monotonic() < end, f"the lane is not ready within {BOUND_S:.0f} s"
                time.sleep(0.001)
            samples = harness.run(gap_ns, board)
            board[STOP] = 1
            ended()
        os.sched_setaffinity(0, before)
        harness.check(samples, board)
        for ring in harness.rings.values():
            ring.close()
    return samples


def host_run(n: int, gap_ns: int) -> np.ndarray:
    """How late a loop sees each instant of the schedule that does nothing else, while another such loop has the other core; ns."""
    due, late = monotonic_ns() + START_NS + gap_ns * np.arange(n), np.zeros(n, np.int64)

    def wait() -> None:
        host_entry()(due.ctypes.data, late.ctypes.data, n)

    before = os.sched_getaffinity(0)
    with beside(pinned(1, wait, True)) as ended:
        pinned(0, wait, True)()
        ended()
    os.sched_setaffinity(0, before)
    return late[n // 10 :]


QUANTILES = {"p50": 50.0, "p99": 99.0, "p99.9": 99.9, "max": 100.0}


def rows(told: str, runs: list[np.ndarray], goals: dict[str, float] | None = None) -> list[Claim]:
    """The median over runs of each quantile."""
    claims = []
    for name, part in QUANTILES.items():
        ns, goal = float(np.median([np.percentile(run, part) for run in runs])), (goals or {}).get(name)
        met = goal is None or ns < goal
        claims.append(Claim(f"{told}: {name}", ns, None, None, "ns", "shown" if goal is None else f"< {goal / 1e3:.0f} us", met))
    return claims


def measure() -> list[Claim]:
    fast_lane.prepare(), fast_feed_loop.prepare(), fast_edge.carry_entry()
    made, source = frames(FRAMES)
    found = columns(made, source)
    ticker, diff = (np.array([word in payload for _, payload in made]) for word in (b'"bookTicker"', b'"depthUpdate"'))
    runs = [one_run(found, "spin", GAP_NS, False) for _ in range(RUNS)]
    goals = {"p50": P50_GOAL_NS, "p99.9": P999_GOAL_NS}
    claims = rows("tick to order, two cores", [run.ns("wire", "sent") for run in runs], goals)
    claims += rows("the host alone: two loops that only watch the schedule", [host_run(FRAMES, GAP_NS) for _ in range(RUNS)])
    claims += rows("of it best bid and ask", [run.ns("wire", "sent", ticker) for run in runs])
    claims += rows("of it book updates", [run.ns("wire", "sent", diff) for run in runs])
    claims += rows("ring to ring", [run.ns("ring", "seen") for run in runs])
    for (start, end), told in STAGES.items():
        claims += rows(told, [run.ns(start, end) for run in runs])[:1]
    few = columns(made[:SHARED_FRAMES], source)
    for policy in POLICIES:
        shared = one_run(few, policy, 5 * GAP_NS, True)
        claims += rows(f"shared cores, {policy}", [shared.ns("wire", "sent")])
    return claims


STAGES = {
    ("wire", "ring"): "stage: due to slots published",
    ("ring", "taken"): "stage: to taken by the lane",
    ("taken", "decided"): "stage: to the order that the strategy asks for",
    ("decided", "checked"): "stage: to outputs published",
    ("checked", "seen"): "stage: to read by the gateway",
    ("seen", "sent"): "stage: to its text",
}


if __name__ == "__main__":
    report("fast_lane", conditions(gap_ns=GAP_NS, frames=FRAMES, runs=RUNS, mirror="held"), measure)
