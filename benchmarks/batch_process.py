"""A process behind arrays: ns a record from the values of its input topics to the values of its output topics, hash included.

The recorded market of BTCUSDT through the processes of the demo, apart and fused, with the answers of the simulated venue. Peer, in the
same run: the same process given one record at a time, decoded and encoded in Python (what the platform did before). Both must end with the
same rolling hash.
"""

import sys
from pathlib import Path
from time import process_time
from typing import Any

from claims import Claim, conditions, report

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from streams.agents.batch import BatchProcess, batch_of
from streams.agents.batch_plain import PlainBatch
from streams.agents.process import Process
from tests.agents.desk import control, spec
from tests.agents.recorded_inputs import APART, FUSED, Values, inputs_of, queue_of

FRAMES, PEER_RECORDS, BATCH = 30_000, 6_000, 1_000
GOAL_NS = 2_000.0
ROOM: dict[str, Any] = {"orders": 256, "window": 4096, "far": 8192, "executions": 4096}


def play(batch: BatchProcess, values: Values, stages: dict[str, float]) -> tuple[int, bytes]:
    """Carry all values, batch by batch; outputs written, and their hash. Seconds of each stage are added to `stages`."""
    outputs, digest = 0, b""
    for record in control():
        assert batch.carry_record(record) is None
    for parts, order in values.batches(BATCH):
        began = process_time()
        queue = queue_of(batch, parts, order)
        read = process_time()
        at = 0
        while at < len(queue):
            at = batch.carry(queue, at, len(queue))
        carried = process_time()
        written = batch.written()
        outputs, digest = outputs + len(written), written.digest
        stages["read"] = stages.get("read", 0.0) + read - began
        stages["carry"] = stages.get("carry", 0.0) + carried - read
        assert not queue.refused
    return outputs, digest


def claim(agents: tuple[str, ...]) -> list[Claim]:
    records = inputs_of(agents, FRAMES)
    name, few, all_values = " + ".join(agents), Values(records[:PEER_RECORDS]), Values(records)
    slow: dict[str, float] = {}
    peer = play(PlainBatch(Process(spec(*agents, **ROOM))), few, slow)
    assert play(batch_of(Process(spec(*agents, **ROOM))), few, {}) == peer, "another hash than one record at a time"
    best: dict[str, float] = {}
    outputs = 0
    for _ in range(3):
        stages: dict[str, float] = {}
        batch = batch_of(Process(spec(*agents, **ROOM)))
        outputs, _ = play(batch, all_values, stages)
        if not best or sum(stages.values()) < sum(best.values()):
            best = stages
    ours, theirs = (1e9 * sum(s.values()) / v.count for s, v in ((best, all_values), (slow, few)))
    print(
        f"{name}: {all_values.count} records in, {outputs} out; read {1e9 * best['read'] / all_values.count:.0f} ns, "
        f"carry {1e9 * best['carry'] / all_values.count:.0f} ns a record",
        file=sys.stderr,
    )
    return [Claim(f"{name}, {all_values.count:,} records", ours, theirs, theirs / ours, "ns", f"{GOAL_NS:.0f} ns", ours <= GOAL_NS)]


def measure() -> list[Claim]:
    return [c for agents in (*APART, FUSED) for c in claim(agents)]


if __name__ == "__main__":
    report("batch_process", conditions(frames=FRAMES, batch=BATCH), measure)
