"""What tests of the fast lane share: rings of a shard with one writer a test, recorded market data in them, and the lane's ring read as a
journal."""

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from streams.agents.node import KIND_TICK, SLOT_BYTES
from streams.agents.process import Process
from streams.clock import RunClock
from streams.kernel import at
from streams.kernel.system import monotonic_ns
from streams.lanes.fast_lane import FastLane
from streams.lanes.fast_rings import FastShard, RingRun
from streams.lanes.fast_slots import (
    KIND_CUT,
    KIND_FRAME,
    KIND_RECORD,
    KIND_STAMPS,
    KIND_TAKEN,
    PAYLOAD,
    TAKEN_EVENTS,
    TAKEN_MARKET,
    TAKEN_OWN,
    FrameMark,
    RecordSlot,
    TakenSlot,
)
from streams.lanes.record_kernel import record_slots
from streams.lanes.record_ring import TOPICS
from streams.lanes.registry import SchemaIds
from streams.lanes.ring_ends import Reader
from streams.lanes.waiting import POLICIES
from streams.lanes.wire import Wire
from streams.lanes.writers import dlq_topic
from streams.records import Clock, VenueEvent
from streams.schema.model import BY_TOPIC, SCHEMAS
from streams.slots import KIND_COMMAND, Slot

__all__ = ["Journal", "Rings", "Step", "lane_of", "market_bytes", "shard_of"]

CLOCK = RunClock(Clock.WALL)
SCHEMAS_THERE = {topic: number for number, topic in enumerate([t for t in BY_TOPIC if "*" not in t], 1)}
SCHEMAS_THERE |= {dlq_topic(topic): 90 for topic in SCHEMAS_THERE}


def wire() -> Wire:
    """Encodes and decodes without a registry."""
    known = SchemaIds("http://127.0.0.1:1")
    known.trust(SCHEMAS_THERE)
    return Wire(known)


WIRE = wire()
NEVER = 1 << 62


def shard_of(folder: Path, mib: int = 8, start_ns: int = 0) -> FastShard:
    """A shard whose rings are there, of run 7. start_ns: the run's time now, which then passes at a hundredth: nothing is late."""
    shard = FastShard(folder, 0, "feed", "trade", "gateway", ring_mib=mib)
    clock = {"clock": int(Clock.RECORDING), "clock_start_ns": start_ns, "wall_start_ns": time.time_ns(), "speed": 0.01}
    shard.create_all(RingRun(7, **(clock if start_ns else {})))
    return shard


def market_bytes(edge: Any, records: Sequence[Any], size: int = 128) -> np.ndarray:
    """Records as slots of a ring, uint8[n, size]; a mark stands before the records of each frame."""
    found, cause = [], 0
    for record in records:
        if record.cause_id != cause:
            cause = record.cause_id
            mark = FrameMark(wire_ns=monotonic_ns(), ring_ns=monotonic_ns())
            mark.stamp(cause, 0, record.ts_ns, record.recv_ts_ns, -1, KIND_FRAME, -1)
            found.append(mark.pack().tobytes())
        slots, nbytes = edge.to_slots(record), SCHEMAS[type(record).__name__].slot.kind
        each = int(SLOT_BYTES[nbytes])
        found += [slots[i : i + each] for i in range(0, len(slots), each)]
    return np.frombuffer(b"".join(slot.ljust(size, b"\0") for slot in found), np.uint8).reshape(-1, size)


class Rings:
    """The rings that a lane reads and writes, with the writing ends of its inputs."""

    def __init__(self, shard: FastShard, compiled: bool = True, kept: Sequence[str] = ()) -> None:
        self.shard, self.compiled = shard, compiled
        self.market, self.events, self.own = (shard.open(name) for name in (shard.market, shard.events, shard.own))
        self.control = shard.open(shard.control)
        self.to_market, self.to_events = self.market.writer("feed"), self.events.writer("gateway")
        for ring in (self.market, self.events, self.own):
            for line in ring.readers():
                if line.name != shard.lane_label and (ring is not self.own or line.name not in kept):
                    ring.free(line.name)  # nobody plays them here; kept: readers of the lane's ring that somebody does

    def readers(self) -> dict[int, Reader]:
        """The lane's ends of market data and events."""
        wait = {"wait": POLICIES["yield"], "compiled": self.compiled}
        return {
            TAKEN_MARKET: self.market.reader(self.shard.lane_label, **wait),
            TAKEN_EVENTS: self.events.reader(self.shard.lane_label, **wait),
        }

    def slots(self, ring: int, first: int, count: int) -> Iterator[bytes]:
        """The slots of records that stand in an input."""
        of = {TAKEN_MARKET: self.market, TAKEN_EVENTS: self.events}[ring]
        for number in range(first, first + count):
            place = of.memory.data - of.memory.address + (number & (of.capacity - 1)) * of.slot_nbytes
            data = of.memory.bytes_at(place, of.slot_nbytes)
            kind = at(Slot, data.ctypes.data).kind
            if kind < KIND_FRAME:
                yield data[: int(SLOT_BYTES[kind])].tobytes()

    def told(self, first: int, ring: str = "") -> Any:
        """The record whose first slot is `first` of `control`, or of another ring."""
        of = self.control if not ring else self.shard.open(ring)
        place = of.memory.data - of.memory.address + (first & (of.capacity - 1)) * of.slot_nbytes
        head = at(RecordSlot, of.memory.data + (first & (of.capacity - 1)) * of.slot_nbytes)
        return WIRE.decode(TOPICS[head.topic], of.memory.bytes_at(place + PAYLOAD, head.payload_nbytes).tobytes())

    def give(self, edge: Any, records: Sequence[Any]) -> None:
        """Write market records, or events of the venue."""
        if isinstance(records[0], VenueEvent):
            assert self.to_events.write(market_bytes(edge, [r._replace(cause_id=0) for r in records])) > 0
        else:
            slots = market_bytes(edge, records)
            assert self.to_market.write(slots) == len(slots)


def lane_of(rings: Rings, process: Process, more_inputs: Mapping[int, Reader] | None = None, **more: Any) -> FastLane:
    """A lane of a process that has its control records, which it steps first."""
    if "own" not in more:
        rings.own.free(rings.shard.lane_label)  # it does not come back
    out = rings.own.writer(rings.shard.lane_label, compiled=rings.compiled)
    lane = FastLane(
        process, {**rings.readers(), **(more_inputs or {})}, out, wait=POLICIES["yield"], **{"clock": CLOCK, "tick_ns": 0, **more}
    )
    lane.step(process.take_slots())
    return lane


def drained(lane: FastLane, wait_s: float = 20.0) -> None:
    """Run until nothing is left in its inputs."""
    until = monotonic_ns() + int(wait_s * 1e9)
    while lane.lag:
        assert monotonic_ns() < until, f"{lane.lag} slots are left"
        lane.run(monotonic_ns() + 5_000_000)


class Step(NamedTuple):
    """One thing of the lane's ring: taken (ring, first, count), a tick (id, ts_ns), a command, or an output (kind, bytes)."""

    kind: int
    slot: Any
    data: bytes


class Journal:
    """The lane's ring, read from its first slot."""

    def __init__(self, ring: Any) -> None:
        reader = ring.reader("journal", start="oldest", lossy=True)
        parts = []
        while len(part := reader.read(1 << 16)):
            parts.append(part.copy())
        reader.leave()
        self.slots = np.concatenate(parts) if parts else np.zeros((0, 256), np.uint8)
        after = 0
        for row in np.flatnonzero(self.slots[:, 36] == KIND_RECORD).tolist():
            if row >= after:
                after = row + record_slots(at(RecordSlot, self.slots[row].ctypes.data).payload_nbytes)
                self.slots[row + 1 : after] = 0
                self.slots[row + 1 : after, 36] = KIND_STAMPS  # the rest of a payload is nobody's

    def __iter__(self) -> Iterator[Step]:
        for row in self.slots:
            head = at(Slot, row.ctypes.data)
            cls = TakenSlot if head.kind in (KIND_TAKEN, KIND_CUT) else Slot
            nbytes = 64 if head.kind >= KIND_FRAME else int(SLOT_BYTES[head.kind])
            yield Step(head.kind, at(cls, row.ctypes.data), row[:nbytes].tobytes())

    def taken(self) -> list[int]:
        """Up to which slot each input has been taken, by TAKEN_..."""
        words, halves = self.slots.view(np.int64), self.slots.view(np.int32)
        found = [0] * 4
        for row in np.flatnonzero(self.slots[:, 36] == KIND_TAKEN)[-200:]:
            found[int(halves[row, 14])] = int(words[row, 5]) + int(halves[row, 15])
        return found

    def inputs(self) -> Iterator[Step]:
        """What was stepped: TAKEN slots with the count that a cut has left them, ticks and commands; none of what was passed over."""
        steps = list(self)
        cuts = [(n, step.slot.ring, step.slot.first) for n, step in enumerate(steps) if step.kind == KIND_CUT]
        own = {first for _, ring, first in cuts if ring == TAKEN_OWN}
        for n, step in enumerate(steps):
            if step.kind == KIND_TAKEN:
                e = step.slot
                same = (later for later in range(n + 1, len(steps)) if steps[later].kind == KIND_TAKEN and steps[later].slot.ring == e.ring)
                after = next(same, len(steps))
                cut = next((first for at, ring, first in cuts if n < at < after and ring == e.ring), None)
                taken = TakenSlot(kind=KIND_TAKEN, ring=e.ring, first=e.first, count=e.count if cut is None else cut - e.first)
                taken.flags = e.flags
                if taken.count:
                    yield Step(step.kind, taken, step.data)
            elif step.kind in (KIND_TICK, KIND_COMMAND) and n not in own:
                yield step

    def outputs(self) -> list[bytes]:
        """What the node wrote, in order."""
        marks = (KIND_TAKEN, KIND_CUT, KIND_STAMPS, KIND_RECORD, KIND_TICK, KIND_COMMAND)
        return [step.data for step in self if step.kind not in marks]
