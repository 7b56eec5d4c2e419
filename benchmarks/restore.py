"""State again: seconds until a process with 100 MB of state stands as it was, and records/s of re-executing a journal.

Everything is read from a real broker. The fused chain of the demo works off a synthetic market, each batch a transaction with its journal
entry; then the journal is re-executed from an empty state. Peer, in the same run, of a shorter journal: the same one record at a time as
Python objects. Both must end with the hash that was written. Then a process with 100 MB of state is restored, its bytes equal to before.
"""

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from claims import Claim, conditions, report

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from streams.agents.batch_plain import PlainBatch
from streams.config import Endpoints
from streams.lanes.bulk_consumer import BulkConsumer
from streams.lanes.bulk_producer import BulkProducer
from streams.lanes.bus import end_offset
from streams.lanes.control import COMMANDS, read_control
from streams.lanes.kafka import KafkaLane
from streams.lanes.opening import pointers
from streams.lanes.registry import SchemaIds
from streams.lanes.restore import recover
from streams.lanes.spec import input_places
from streams.lanes.verify import Asked, Verdict, verify
from streams.lanes.wire import Wire
from streams.lanes.writers import JOURNAL, writer_name
from streams.records import Clock, Command, CommandType, Frame, StartPosition
from streams.schema import ids
from streams.topology.apply import apply
from streams.topology.instances import instances
from streams.topology.model import load
from streams.topology.processes import build_process, lane_spec
from streams.venues.binance.synthetic import SyntheticMarket
from tests.conftest import running_stack

DEMO = Path(__file__).resolve().parents[1] / "topologies" / "demo.yaml"
FRAMES, PEER_FRAMES, LARGE_FRAMES = 200_000, 10_000, 2_000
SIZES = "orders: 2048, executions: 8192, queue: 2048"
LARGE = "orders: 65536, executions: 262144, queue: 2048, window: 262144"
BOUND_S = 240.0
GOAL_RATE, GOAL_TIMES, GOAL_S = 200_000.0, 10.0, 5.0


class Chain:
    """The demo's agents fused in one process, with a run that is open."""

    def __init__(self, stack: Endpoints, folder: Path, name: str, sizes: str) -> None:
        head, _ = DEMO.read_text().split("\nprocesses:", 1)
        agents = "normalize, strategy, risk, execute, account"
        path = folder / f"{name}.yaml"
        lines = (
            head.replace("name: demo", f"name: {name}", 1),
            "processes:",
            f"  {name}: {{lane: kafka, agents: [{agents}], sizes: {{{sizes}}}}}",
        )
        path.write_text("\n".join((*lines, "")))
        self.stack, self.topology = stack, load(path)
        apply(self.topology, stack, lambda _: None)
        (self.instance,) = (i for i in instances(self.topology) if i.kind == "agents")
        self.wire = Wire(SchemaIds(stack.registry))
        self.control = read_control(stack.kafka, self.wire)
        self.build = build_process(self.topology, self.instance)
        self.number = 1 + max(self.control.runs, default=0)

    def spec(self, **changes: Any) -> Any:
        """What the lane is told."""
        return replace(lane_spec(self.topology, self.instance, self.stack), **changes)

    def write(self, market: list[tuple[int, bytes]]) -> None:
        """Open a run, and write its frames."""
        feed = self.control.writer(writer_name("feed", 0, "frames.v1"))
        starts = tuple(StartPosition(topic, 0, end_offset(self.stack.kafka, topic, 0)) for topic in ("frames.v1", JOURNAL))
        began_ns = market[0][0] - int(BOUND_S * 1e9)  # a clock behind all data: nothing counts as late
        run = Command(
            *(ids.make(self.control.writer(writer_name("run", 0, COMMANDS)), self.number), 0, self.number, began_ns, began_ns),
            *(
                CommandType.RUN,
                "",
                "benchmark",
                self.number,
                "",
                self.topology.name,
                Clock.RECORDING,
                began_ns,
                time.time_ns(),
                1.0,
                starts,
            ),
        )
        with BulkProducer(self.stack.kafka) as producer:
            producer.send(COMMANDS, 0, self.wire.encode(COMMANDS, run))
            for n, (ts_ns, payload) in enumerate(market, 1):
                record = Frame(ids.make(feed, n), 0, self.number, ts_ns, ts_ns, "binance", 1, n, payload)
                producer.send("frames.v1", 0, self.wire.encode("frames.v1", record))
            producer.flush()

    def run(self, frames: int, **changes: Any) -> KafkaLane:
        """A lane, until it has read so many frames; it then ends as if it was killed."""
        lane, until_s = KafkaLane(self.spec(**changes), self.build), time.monotonic() + BOUND_S
        lane.open()
        for told in lane.told.to_end():
            lane.carrier.tell(told)
        lane._commit()
        lane.intake.assign()
        read = lane.status.now
        while read.records_in < frames:
            lane._cycle()
            assert time.monotonic() < until_s, f"{read.records_in} of {frames} frames within {BOUND_S:.0f} s"
        lane.committer.settle()
        return lane

    def verified(self, **changes: Any) -> Verdict:
        """The journal from an empty state."""
        (verdict,) = verify([self.spec()], lambda spec, control: self.build(control), Asked(**changes))
        assert verdict.difference is None, str(verdict)
        return verdict


def market(frames: int) -> list[tuple[int, bytes]]:
    """The first frames of a synthetic market: (receive time, payload)."""
    made = SyntheticMarket(seconds=frames / 900, events_per_s=1_000, seed=7).frames()
    return [frame for frame, _ in zip(made, range(frames), strict=False)]


def executed(stack: Endpoints, folder: Path, frames: list[tuple[int, bytes]]) -> tuple[float, float]:
    """Records/s of re-execution, ours and one record at a time."""
    rates = []
    for name, count, how in (("restore-plain", PEER_FRAMES, {"make_batch": PlainBatch}), ("restore-bulk", FRAMES, {})):
        chain = Chain(stack, folder, name, SIZES)
        chain.write(frames[:count])
        lane = chain.run(len(frames[:count]), snapshot_s=1e9)
        digest = lane.batch.digest.hex()
        lane.close()
        chain.verified()  # compiles what it needs
        verdict = chain.verified(**how)
        assert verdict.digest == digest, f"{name}: another hash than was written"
        print(f"{verdict} ({verdict.seconds:.2f} s)", file=sys.stderr)
        rates.append(verdict.inputs / verdict.seconds)
    return rates[1], rates[0]


def restored(stack: Endpoints, folder: Path, frames: list[tuple[int, bytes]]) -> tuple[float, float, float, int]:
    """Seconds to restore, seconds that the lane stands still while a snapshot is written, seconds to copy its bytes; how many there are."""
    chain = Chain(stack, folder, "restore-large", LARGE)
    chain.write(frames[:LARGE_FRAMES])
    lane = chain.run(LARGE_FRAMES, snapshot_s=1e9)
    before = lane.process.snapshot()
    began = time.perf_counter()
    lane._snapshot(last=True)
    stands_s = time.perf_counter() - began
    lane.snapshots.wait()
    spec, control = chain.spec(), read_control(stack.kafka, chain.wire)
    found = {} if lane.snapshots.first_offset is None else {"snapshots.v1": lane.snapshots.first_offset}
    lane.close()
    with BulkConsumer(stack.kafka, spec.name) as consumer:
        known = pointers(spec, consumer) | found
        process = chain.build(control)
        began = time.perf_counter()
        state = recover(spec, chain.wire, control, lambda _: process, input_places(spec, process), known)
        took_s = time.perf_counter() - began
    assert state.snapshot_number >= 0, "no snapshot was found"
    assert state.replayed == 0, "the snapshot was not used"
    after = state.process.snapshot()
    assert after == before, "another state than before"
    parts = [part for _, _, part in before.values()]
    began = time.perf_counter()
    for part in parts:
        bytearray(part)
    copy_s = time.perf_counter() - began
    size = sum(map(len, parts))
    print(f"{size / 1e6:.0f} MB: restored in {took_s:.2f} s; the lane stood still for {stands_s * 1e3:.0f} ms", file=sys.stderr)
    return took_s, stands_s, copy_s, size


def measure() -> list[Claim]:
    frames = market(FRAMES)
    with tempfile.TemporaryDirectory() as folder, running_stack() as stack:
        rate, peer = executed(stack, Path(folder), frames)
        took_s, stands_s, copy_s, size = restored(stack, Path(folder), frames)
    times, megabytes = rate / peer, size / 1e6
    return [
        Claim(
            "re-execution of the fused chain's journal",
            *(rate, peer, times, "records/s", f"{GOAL_RATE:,.0f}, {GOAL_TIMES:.0f} times", rate >= GOAL_RATE and times >= GOAL_TIMES),
        ),
        Claim(f"restore of {megabytes:.0f} MB of state", took_s, None, None, "s", f"{GOAL_S:.0f} s", took_s <= GOAL_S and size >= 100e6),
        Claim(
            f"lane stands still for a snapshot of {megabytes:.0f} MB (peer: a copy)",
            *(stands_s * 1e3, copy_s * 1e3, copy_s / stands_s, "ms", "3 copies", stands_s <= 3 * copy_s),
        ),
    ]


if __name__ == "__main__":
    report("restore", conditions(frames=FRAMES, peer_frames=PEER_FRAMES), measure)
