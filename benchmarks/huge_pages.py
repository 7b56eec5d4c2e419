"""Rings in pages of 2 MiB (`fast: {huge_pages: true}`) beside the same rings in pages of 4 kB, in turns.

Opening a ring has all of its pages at hand before it returns. Then slots are written and read through it, lap after lap, in one process:
each slot is on a page that has not been touched for a lap. What was read is compared with what was written.
"""

import sys
from pathlib import Path
from statistics import median
from time import perf_counter_ns

import numpy as np
from claims import Claim, conditions, report
from fast_world import rings

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from streams.lanes.fast_rings import FastShard
from streams.lanes.ring_ends import Reader, Writer

MIB, LAPS, TOGETHER, RUNS = 64, 2, 512, 9


class Ends:
    """The writer and the reader of the ring of market data."""

    def __init__(self, shard: FastShard) -> None:
        self.shard, self.ring = shard, shard.open(shard.market)
        self.writer: Writer = self.ring.writer(shard.feed_label)
        self.reader: Reader = self.ring.reader(shard.lane_label)
        self.slots = np.random.default_rng(1).integers(0, 256, (TOGETHER, self.ring.slot_nbytes), np.uint8)

    def slot_ns(self) -> float:
        """What a slot costs, written and read, over some laps."""
        calls = LAPS * self.ring.capacity // TOGETHER
        began_ns = perf_counter_ns()
        for _ in range(calls):
            self.writer.write(self.slots)
            read = self.reader.read(TOGETHER)
            self.reader.commit()
        took_ns = perf_counter_ns() - began_ns
        assert np.array_equal(read[:, 8:], self.slots[:, 8:]), "what was read is not what was written"
        return took_ns / (calls * TOGETHER)

    def open_ms(self) -> float:
        """How long it takes to open the ring once more."""
        began_ns = perf_counter_ns()
        ring = self.shard.open(self.shard.market)
        took_ns = perf_counter_ns() - began_ns
        ring.close()
        return took_ns / 1e6


def measure() -> list[Claim]:
    with rings(MIB) as small, rings(MIB) as huge:
        began_ns = perf_counter_ns()
        if refused := huge.collapse():
            raise SystemExit(f"huge_pages: {refused}")
        laid_ms = (perf_counter_ns() - began_ns) / 1e6
        ends = Ends(huge), Ends(small)
        slot_ns = [[one.slot_ns() for one in ends] for _ in range(RUNS)]
        open_ms = [[one.open_ms() for one in ends] for _ in range(RUNS)]
    claims = []
    for claim, found, unit in (("a slot written and read", slot_ns, "ns"), (f"a ring of {MIB} MiB opened", open_ms, "ms")):
        ours, peer = (median(column) for column in zip(*found, strict=True))
        claims.append(Claim(f"{claim} (peer: pages of 4 kB)", ours, peer, peer / ours, unit, "shown", True))
    return [*claims, Claim(f"five rings of {MIB} MiB laid in huge pages", laid_ms, None, None, "ms", "shown", True)]


if __name__ == "__main__":
    report("huge_pages", conditions(ring_mib=MIB, laps=LAPS, slots_together=TOGETHER, runs=RUNS), measure)
