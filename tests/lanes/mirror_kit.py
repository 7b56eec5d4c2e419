"""A shard of the fast lane for tests of its mirror: the loops of feed and lane on real rings, a venue that acknowledges all, a broker."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np

from streams.agents.node import SLOT_BYTES
from streams.agents.process import Process
from streams.agents.state_copy import StateCopy
from streams.config import Endpoints
from streams.errors import DecodeError
from streams.kernel import at
from streams.kernel.system import monotonic_ns
from streams.lanes.bus import BulkProducer, read_range
from streams.lanes.checkpoint import Checkpoint
from streams.lanes.control import COMMANDS, CONTROL_TOPICS, Control, read_control
from streams.lanes.control_ring import ControlRing
from streams.lanes.fast_lane import FastLane
from streams.lanes.fast_rings import FastShard, RingRun
from streams.lanes.fast_slots import KIND_TAKEN, TAKEN_CONTROL, TAKEN_EVENTS, TAKEN_MARKET, TakenSlot
from streams.lanes.fast_told import ToldSteps, next_record_slots
from streams.lanes.journal import OutputLog, last_entry
from streams.lanes.lane_records import LaneRecords
from streams.lanes.mirror import MirrorSettings, run_mirror
from streams.lanes.mirror_process import FactsOf, Writers
from streams.lanes.player import Recovered
from streams.lanes.record_ring import RecordReader, RecordWriter
from streams.lanes.registry import SchemaIds
from streams.lanes.restore import recover
from streams.lanes.ring_ends import Reader
from streams.lanes.spec import LaneSpec, input_places, own_writers
from streams.lanes.verify import Asked, Verdict, verify
from streams.lanes.wire import Wire
from streams.lanes.writers import ALERTS, writer_name
from streams.records import Command, CommandType, DeadLetter, OrderAction, Param, Request, SnapshotPart, VenueEvent, VenueEventType
from streams.schema import ids
from streams.slots import KIND_REQUEST, Slot
from streams.topology.apply import apply
from streams.topology.instances import journalled, process_spec
from streams.topology.model import Topology, load
from streams.topology.runs import open_run
from streams.venues.binance.fast_feed_loop import FrameLane
from streams.venues.binance.synthetic import SyntheticMarket, write_synthetic

__all__ = ["PROCESSES", "FastWorld", "Feeding", "Laning"]

TOPOLOGY = Path(__file__).parents[2] / "topologies" / "fast.yaml"
PROCESSES: tuple[str, str] = ("market", "trade")
EVENTS = "venue_events.v1"
_ANSWER = {OrderAction.NEW: VenueEventType.ACK, OrderAction.REPLACE: VenueEventType.REPLACED, OrderAction.CANCEL: VenueEventType.CANCELLED}
_BOUND_S = 60.0


def shard_in(folder: Path) -> FastShard:
    """The rings of a test."""
    return FastShard(folder / "rings", 0, "feed", "trade", "gateway", ring_mib=8)


def facts_of(topology: Topology) -> tuple[FactsOf, FactsOf]:
    """What the mirror is told of normalize and of the lane."""
    market, trade = (next(one for one in journalled(topology) if one.name == name) for name in PROCESSES)
    return lambda control: process_spec(topology, market, control), lambda control: process_spec(topology, trade, control)


def settings(topology: Topology, where: Endpoints, folder: Path) -> MirrorSettings:
    market, trade = (LaneSpec(topology.name, name, 0, where.kafka, where.registry) for name in PROCESSES)
    return MirrorSettings(
        process="mirror",
        shard=0,
        kafka=where.kafka,
        registry=where.registry,
        topology=topology.name,
        venue="binance",
        rings=shard_in(folder),
        market=market,
        lane=trade,
        status_path=folder / "mirror.json",
    )


class FastWorld:
    """The rings of shard 0 in a fresh run of topologies/fast.yaml, and who writes to them, in this process."""

    def __init__(self, stack: Endpoints, folder: Path, market: SyntheticMarket, speed: float = 20.0) -> None:
        self.where, self.folder = stack, folder
        self.recording = folder / "market.gz"
        write_synthetic(self.recording, market)
        self.frames = list(market.frames())
        self.topology = load(TOPOLOGY)
        apply(self.topology, stack, lambda _: None)
        run = open_run(self.topology, stack, [str(self.recording)], speed, fresh=True)
        self.run, self.clock = run.number, run.clock
        self.wire = Wire(SchemaIds(stack.registry))
        self.control = read_control(stack.kafka, self.wire)
        self.rings = shard_in(folder)
        self.rings.create_all(RingRun(self.run))
        self.mirror_settings = settings(self.topology, stack, folder)
        self.specs = [spec for spec in (self.mirror_settings.market, self.mirror_settings.lane) if spec is not None]

    def facts(self, name: str) -> FactsOf:
        return facts_of(self.topology)[PROCESSES.index(name)]

    def process(self, name: str, control: Control | None = None) -> Process:
        """The empty process, whose counters go on where its journal ends."""
        process = Process(self.facts(name)(control or self.control))
        last = last_entry(self.where.kafka, self.wire, name, 0)
        if last is not None:
            process.set_counters(OutputLog.after(last[1]).counters(own_writers(process)))
        return process

    def writer(self, owner: str, topic: str) -> int:
        return self.control.writer(writer_name(owner, 0, topic))

    def kill(self) -> tuple[int, bytes]:
        """A KILL of everything that stands in no topic: id and value."""
        id, now = ids.make(self.writer("command", COMMANDS), (1 << 40) + self.run), self.clock.now_ns()
        return id, self.wire.encode(COMMANDS, Command(id, 0, self.run, now, now, CommandType.KILL, "", "test"))

    def refuse_param(self) -> None:
        """Write a parameter that a compiled strategy refuses, for this run alone."""
        now = self.clock.now_ns()
        param = Param(
            ids.make(self.writer("apply", "params.v1"), (1 << 40) + self.run), 0, self.run, now, now, "maker", "gamma", None, None, "much"
        )
        with BulkProducer(self.where.kafka) as producer:
            producer.send("params.v1", 0, self.wire.encode("params.v1", param))
            producer.flush()

    # ---- the mirror ----
    def mirror(self) -> "Mirroring":
        """It, on a thread."""
        return Mirroring(self)

    def mirror_process(self) -> subprocess.Popen[bytes]:
        """It, as a process of its own, to be killed."""
        path = str(Path(__file__).parents[2])
        args = [sys.executable, "-m", "tests.lanes.mirror_kit", str(self.folder), self.where.kafka, self.where.registry]
        return subprocess.Popen(args, env={**os.environ, "PYTHONPATH": path}, stderr=(self.folder / "mirror.log").open("ab"))

    def state(self) -> dict[str, Any]:
        """The mirror's status file; {} before the first."""
        path = self.folder / "mirror.json"
        return json.loads(path.read_text()) if path.exists() else {}

    # ---- what came of it ----
    def read(self, topic: str, partition: int = 0) -> list[Any]:
        """The committed records of this run, or of none, in a topic; other tests of the stack leave rubbish there."""
        found = []
        for message in read_range(self.where.kafka, topic, partition):
            with contextlib.suppress(DecodeError):
                found.append(self.wire.decode(topic, message.value()))
        return [record for record in found if record.run_id == self.run]

    def verdicts(self, after_snapshot: bool = False) -> dict[str, Verdict]:
        """What verify says of both processes, of all of the run or from after its first snapshot on."""
        found = {}
        for spec in self.specs:
            parts = self._parts(spec.process) if after_snapshot else []
            asked = Asked(from_ns=min(part.ts_ns for part in parts) + 1) if parts else Asked()
            found |= {v.process: v for v in verify([spec], lambda spec, control: Process(self.facts(spec.process)(control)), asked)}
        return found

    def snapshots(self, name: str) -> list[int]:
        """The numbers of the whole snapshots of a process in this run."""
        return sorted(part.number for part in self._parts(name) if part.agent == "")

    def recovered(self, name: str) -> Recovered:
        """A process as topics alone give it back."""
        spec = self.specs[PROCESSES.index(name)]
        control = read_control(self.where.kafka, self.wire)
        process = Process(self.facts(name)(control))
        return recover(spec, self.wire, control, lambda _: process, input_places(spec, process), {})

    def write_snapshots_each(self, seconds: float) -> None:
        """Let the mirror write snapshots so far apart, from now on."""
        for spec in self.specs:
            object.__setattr__(spec, "snapshot_s", seconds)

    def _parts(self, name: str) -> list[SnapshotPart]:
        return [part for part in self.read("snapshots.v1") if part.process == name]


class Mirroring:
    """A mirror on a thread: leave the block, and it ends in order. result: its exit code."""

    def __init__(self, world: FastWorld) -> None:
        self.stop, self.result = Event(), -1
        self._world = world
        self._thread = Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Mirroring":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self._thread.join(_BOUND_S)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        world = self._world
        self.result = run_mirror(world.mirror_settings, world.facts("market"), world.facts("trade"), self.stop)


class Feeding:
    """The feed: control records, then frames through normalize, as many at a time as are asked for."""

    def __init__(self, world: FastWorld) -> None:
        self.world, rings = world, world.rings
        self.process = world.process("market")
        self._rings = [rings.open(name) for name in (rings.frames, rings.market, rings.control)]
        frames, market, control = self._rings
        self.to_market = market.writer(rings.feed_label)
        self.control = control_ring(world, self.process, control.reader(rings.feed_label))
        to_frames, writer = RecordWriter(frames.writer(rings.feed_label)), world.writer("feed", "frames.v1")
        self.lane = FrameLane(self.process, to_frames, self.to_market, world.clock, self, "binance", writer, world.run << 30)
        for ring in (frames, market):
            ring.free(rings.feed_label)  # its restore is not played here
        self.at = self.late_ns = 0
        self.refused_ids: list[int] = []

    def take_control(self) -> None:
        """What is there of control records."""
        reader = self.control.control
        while slots := next_record_slots(reader):
            first = reader.next
            for told in self.control.take_control(first + slots):
                slot = TakenSlot(first=first, ring=TAKEN_CONTROL, count=slots)
                slot.stamp(0, 0, 0, 0, -1, KIND_TAKEN, -1)
                assert self.to_market.write(slot.pack().tobytes().ljust(128, b"\0")) == 1
                self.process.on_input(told.record)
        reader.commit()
        self.lane.learned()

    def give(self, most: int = 1_000) -> int:
        """The next frames, as far as they are due, counted from the first call on; how many are left."""
        now_ns, frames = self.world.clock.now_ns(), self.world.frames
        self.late_ns = self.late_ns if self.at else now_ns - frames[0][0]
        part = [(ts + self.late_ns, payload) for ts, payload in frames[self.at : self.at + most] if ts + self.late_ns <= now_ns]
        if not part:
            return len(self.world.frames) - self.at
        self.at += len(part)
        text = np.frombuffer(b"".join(payload for _, payload in part) + b"\0", np.uint8).copy()
        sizes = np.array([len(payload) for _, payload in part], np.int64)
        times = np.array([ts for ts, _ in part], np.int64)
        starts = text.ctypes.data + np.cumsum(sizes) - sizes
        assert self.lane.give(0, times, np.arange(len(part)) + self.at, starts, sizes, np.zeros(len(part), np.int64)) == 0
        return len(self.world.frames) - self.at

    def checkpoint(self) -> None:
        """Keep the state as the feed does between two frames."""
        rings, copy = self.world.rings, StateCopy(self.process)
        self.process.advance(self.lane.node.now_ns)
        copy.take()
        market, frames = self.to_market.ring.head, self.lane.frames.writer.ring.head
        slot = TakenSlot(first=frames, ring=TAKEN_CONTROL)
        slot.stamp(0, 0, 0, 0, -1, KIND_TAKEN, -1)
        assert self.to_market.write(slot.pack().tobytes().ljust(128, b"\0")) == 1
        save(self.world, rings.feed, {rings.market: market}, copy)

    def too_large(self, recv_ts_ns: int, source_seq: int, payload: bytes, why: str) -> None:
        raise AssertionError(why)

    def refused(self, frame_id: int, recv_ts_ns: int, payload: bytes, why: str) -> None:
        topic = "frames.v1.dlq.v1"
        writer = self.world.writer("market", topic)
        self.refused_ids.append(frame_id)
        id = ids.make(writer, (1 << 40) + self.world.run * 1_000 + len(self.refused_ids))
        letter = DeadLetter(id, frame_id, self.world.run, recv_ts_ns, recv_ts_ns, "frames.v1", 0, -1, why, payload)
        value = self.world.wire.encode(topic, letter)
        assert self.lane.frames.write(id, topic, value, cause_id=frame_id, a=1, b=frame_id) >= 0


def control_ring(world: FastWorld, process: Process, control: Any, kill: Any = None) -> ControlRing:
    """What a process reads of `control` and `kill`."""
    positions = {(topic, 0): 0 for topic in CONTROL_TOPICS} | {(COMMANDS, 0): world.control.run_offset}
    own = own_writers(process).values()
    return ControlRing(RecordReader(control), RecordReader(kill) if kill else None, world.wire, positions, own, world.run)


class Laning:
    """The lane, and a gateway that acknowledges every request."""

    def __init__(self, world: FastWorld) -> None:
        self.world, rings = world, world.rings
        self.process = world.process("trade")
        names = (rings.market, rings.events, rings.control, rings.kill, rings.own, rings.records)
        self._rings = dict(zip(names, map(rings.open, names), strict=True))
        label = rings.lane_label
        self.out = self._rings[rings.own].writer(label)
        self._rings[rings.own].free(label)
        readers = {ring: self._rings[name].reader(label) for ring, name in ((TAKEN_MARKET, rings.market), (TAKEN_EVENTS, rings.events))}
        self.told = control_ring(world, self.process, *(self._rings[name].reader(label) for name in (rings.control, rings.kill)))
        ticks, commands = world.writer("trade", ""), world.writer("trade-lane", COMMANDS)
        first = [ids.make(writer, world.run << 30) for writer in (ticks, commands)]
        self.lane = FastLane(self.process, readers, self.out, clock=world.clock, tick_id=first[0], command_id=first[1])
        writers = Writers(world.control, 0, {ALERTS: "trade-lane"}, "trade")
        self.steps = ToldSteps(self.lane, self.told, LaneRecords(world.specs[1], world.wire, writers, world.run, OutputLog()))
        self.requests = self._rings[rings.own].reader(rings.gateway_label)
        self._rings[rings.records].free(rings.gateway_label)
        self.records = RecordWriter(self._rings[rings.records].writer(rings.gateway_label))
        self.events = self._rings[rings.events].writer(rings.gateway_label)
        for name in (rings.control, rings.kill):
            self._rings[name].free(rings.gateway_label)
        self.event_id = ids.make(world.writer("gateway", EVENTS), world.run << 30)
        self.seen: list[Request] = []

    def take_control(self) -> None:
        """What is there of control records and commands."""
        if self.steps.take():
            self.lane.set_clock()
        for reader in (self.told.control, self.told.kill):
            assert reader is not None
            reader.commit()

    def kind(self, reader: Reader, number: int) -> int:
        """The kind of a slot of an input."""
        return at(Slot, reader.ring.memory.data + (number & (reader.ring.capacity - 1)) * reader.ring.slot_nbytes).kind

    def run(self, seconds: float = 0.002) -> None:
        self.lane.run(monotonic_ns() + int(seconds * 1e9))
        self._answer()

    def drain(self) -> None:
        until_s = time.monotonic() + _BOUND_S
        while self.lane.lag:
            assert time.monotonic() < until_s
            self.run()

    def checkpoint(self) -> None:
        """Keep the state as the lane does between two inputs."""
        rings, copy = self.world.rings, StateCopy(self.process)
        self.process.advance(self.lane.last_ts_ns)
        copy.take()
        number = self.lane.written
        assert self.lane.mark()
        save(self.world, rings.lane, {rings.own: number}, copy)

    def end(self) -> None:
        """Step what is left, and leave."""
        self.drain()
        self.out.leave()

    def _answer(self) -> None:
        while len(slots := self.requests.read(1_000)):
            for slot in slots[slots[:, 36] == KIND_REQUEST]:
                request = self.process.edge.from_slot(KIND_REQUEST, slot[: SLOT_BYTES[KIND_REQUEST]].tobytes(), self.world.run)
                self.seen.append(request)
                self._tell(request)
            self.requests.commit()

    def _tell(self, r: Request) -> None:
        self.event_id += 1
        now = max(self.world.clock.now_ns(), r.ts_ns)
        head = self.event_id, r.id, self.world.run, now, now, _ANSWER[r.action], r.order_id, r.venue, r.symbol, 0, f"v{r.order_id}", b"raw"
        event = VenueEvent(*head, request_id=r.id, px_e9=r.px_e9, qty_e9=r.qty_e9)
        assert self.records.write(event.id, EVENTS, self.world.wire.encode(EVENTS, event), partition=0) >= 0
        assert self.events.write(self.process.edge.to_slots(event).ljust(128, b"\0")) == 1


def save(world: FastWorld, name: str, positions: dict[str, int], copy: StateCopy) -> None:
    """Write a checkpoint to its end."""
    checkpoint = Checkpoint(world.rings.checkpoint_path(name))
    checkpoint.save(world.run, positions, copy.parts, {})
    checkpoint.wait()
    assert checkpoint.done() == positions


def main(folder: str, kafka: str, registry: str) -> int:
    """A mirror as a process: until SIGTERM."""
    stop = Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    topology = load(TOPOLOGY)
    return run_mirror(settings(topology, Endpoints(kafka, registry, "", ""), Path(folder)), *facts_of(topology), stop)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
