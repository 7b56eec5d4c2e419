"""How long the loop of the fast lane stands still for a checkpoint, and how long between two of its slices while one is written.

A lane of strategy, risk and execute with limits on three levels, for 1, 10 and 100 instruments, between rings in which nothing comes: the
loop spins in slices of 2 ms, as it does while a checkpoint is written, and begins a checkpoint after each that is done. Every page of the
state is in memory, as after hours of a market. A checkpoint stands in memory (`/dev/shm`) as those of a run do. Beside it the same without
a copy made beforehand: the state packed as a snapshot while the loop waits.

Checked before a figure is given: the file that was written holds, byte for byte, what the process packs itself, and a process that takes
it packs the same again.
"""

import sys
from pathlib import Path
from time import perf_counter_ns, thread_time_ns
from typing import NamedTuple

import numpy as np
from claims import Claim, conditions, report
from fast_world import COMMANDS_WRITER, RUN, TICKS_WRITER, lane_process, rings

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from streams.agents.process import Process
from streams.clock import RunClock
from streams.kernel.system import monotonic_ns
from streams.lanes.checkpoint import Checkpoint
from streams.lanes.fast_checkpoints import LaneCheckpoints
from streams.lanes.fast_lane import FastLane
from streams.lanes.fast_rings import FastShard
from streams.lanes.fast_slots import TAKEN_EVENTS, TAKEN_MARKET
from streams.lanes.waiting import POLICIES
from streams.records import Clock
from streams.schema import ids

INSTRUMENTS = (1, 10, 100)
CHECKPOINTS = 40
SLICE_NS = 2_000_000


def touched(process: Process) -> Process:
    """The process, every page of its state written."""
    for memory in process.memory().values():
        memory[:] = memory.copy()
    return process


def lane_of(shard: FastShard, process: Process) -> tuple[FastLane, LaneCheckpoints]:
    """A lane between the rings of a shard, and its checkpoints."""
    names = {TAKEN_MARKET: shard.market, TAKEN_EVENTS: shard.events}
    ends = {"wait": POLICIES["spin"], "compiled": True}
    inputs = {ring: shard.open(name).reader(shard.lane_label, **ends) for ring, name in names.items()}
    own = shard.open(shard.own)
    own.free(shard.gateway_label)
    lane = FastLane(
        process,
        inputs,
        own.writer(shard.lane_label, **ends),
        clock=RunClock(Clock.WALL),
        wait=POLICIES["spin"],
        tick_id=ids.make(TICKS_WRITER, 0),
        command_id=ids.make(COMMANDS_WRITER, 0),
        tick_ns=0,
        own=own.reader(shard.lane_label, **ends),
    )
    checkpoint = Checkpoint(shard.checkpoint_path(shard.lane))
    return lane, LaneCheckpoints(lane, checkpoint, RUN, names, shard.own, dict)


class Figures(NamedTuple):
    """What was measured, ns each by the clock and of its thread's processor, int64[n, 2]; nbytes: of the state.

    stood  : that the loop stood still at a checkpoint
    packed : to pack the state
    between_ns : between two slices while a checkpoint was written, by the clock, int64[n]
    """

    nbytes: int
    stood: np.ndarray
    packed: np.ndarray
    between_ns: np.ndarray


def measured(instruments: int) -> Figures:
    """Checkpoints of a lane, one after the other."""
    with rings() as shard:
        lane, keeper = lane_of(shard, touched(lane_process(instruments)))
        stood, between_ns, packed = [], [], []
        for _ in range(CHECKPOINTS):
            lane.run(monotonic_ns() + SLICE_NS)
            began_ns, began_cpu_ns = perf_counter_ns(), thread_time_ns()
            keeper.save()
            stood.append((perf_counter_ns() - began_ns, thread_time_ns() - began_cpu_ns))
            while keeper.busy:
                lane.run(monotonic_ns() + SLICE_NS)
                began_ns = perf_counter_ns()
                keeper.commit()
                between_ns.append(perf_counter_ns() - began_ns)
        check(keeper, lane.process, instruments)
        for _ in range(CHECKPOINTS):
            began_ns, began_cpu_ns = perf_counter_ns(), thread_time_ns()
            parts = lane.process.snapshot()
            packed.append((perf_counter_ns() - began_ns, thread_time_ns() - began_cpu_ns))
        nbytes = sum(len(data) for _, _, data in parts.values())
    return Figures(nbytes, np.array(stood), np.array(packed), np.array(between_ns))


def check(keeper: LaneCheckpoints, process: Process, instruments: int) -> None:
    """AssertionError unless the last checkpoint is the state."""
    saved = keeper.checkpoint.load(RUN)
    assert saved is not None, keeper.checkpoint.failed
    assert {part: (*rest, bytes(data)) for part, (*rest, data) in saved.parts.items()} == process.snapshot()
    again = lane_process(instruments)
    again.restore(saved.parts)
    assert again.snapshot() == process.snapshot()


def measure() -> list[Claim]:
    claims = []
    for instruments in INSTRUMENTS:
        f = measured(instruments)
        told = f"{instruments} instruments, {f.nbytes / 1e6:.1f} MB"
        for column, name in enumerate(("p50", "p50 of its processor")):
            ours, peer = (float(np.median(one[:, column])) / 1e3 for one in (f.stood, f.packed))
            claims.append(Claim(f"{told}: stands still, {name}", ours, peer, peer / ours, "us", "shorter than to pack it", ours < peer))
        shown = (("stands still, max", f.stood[:, 0].max()), ("between slices meanwhile, p50", np.median(f.between_ns)))
        for name, ns in (*shown, ("between slices meanwhile, max", f.between_ns.max())):
            claims.append(Claim(f"{told}: {name}", float(ns) / 1e3, None, None, "us", "shown", True))
    return claims


if __name__ == "__main__":
    report("checkpoint", conditions(checkpoints=CHECKPOINTS, slice_ms=SLICE_NS / 1e6, wait="spin"), measure)
