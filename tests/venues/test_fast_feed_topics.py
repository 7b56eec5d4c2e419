"""A fast feed without rings and checkpoint of its run, as after the loss of a host: it goes on after what the topics hold."""

import secrets
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streams.agents.market_node import KINDS
from streams.agents.market_records import MarketRecords
from streams.agents.process import Process
from streams.agents.roles import reads_of
from streams.agents.spec import ProcessSpec
from streams.config import Endpoints
from streams.lanes.bus import read_range
from streams.lanes.control import COMMANDS, Control, read_control
from streams.lanes.control_ring import forward, forward_end
from streams.lanes.fast_rings import FastShard, RingRun
from streams.lanes.kafka import KafkaLane
from streams.lanes.record_ring import RecordReader, RecordWriter
from streams.lanes.spec import topics_of
from streams.lanes.writers import dlq_topic, lane_writers, writer_name
from streams.records import Clock, Command, CommandType, Frame, Name, NameKind
from streams.schema import codec, ids
from streams.schema.model import BY_KIND
from streams.venues.binance.fast_feed import FastFeedSettings, run_fast_feed
from streams.venues.binance.feed import FeedSettings, run_feed
from streams.venues.binance.recording import Line, read_recording
from streams.venues.binance.synthetic import SyntheticMarket, write_synthetic
from tests.agents.market_desk import HEAD
from tests.lanes.lane_kit import World
from tests.venues.fast_feed_world import INSTRUMENT

pytestmark = [pytest.mark.broker, pytest.mark.slow]

SIZES = {"instruments": 64, "window": 256, "far": 256, "held": 1 << 12, "levels": 1 << 12}
WRITTEN = [BY_KIND[kind].topic for kind in KINDS]


class Market(Process):
    """Normalize that does not look at writers: those of tests that share a broker are not numbered from 0."""

    def _on_name(self, name: Name) -> None:
        if name.kind != NameKind.WRITER:
            super()._on_name(name)


class MarketWorld(World):
    """A shard with a feed and a process of normalize, for a market that only this test has."""

    def __init__(self, stack: Endpoints) -> None:
        super().__init__(stack)
        self.symbol = f"X{secrets.token_hex(4).upper()}USDT"
        inputs = topics_of(reads_of(("normalize",), ()))
        topics = {*inputs, *WRITTEN, *(dlq_topic(topic) for topic in (*inputs, *WRITTEN))}
        self._make_topics(sorted(topics))
        for topic in topics:
            self.wire.ids.register(topic)
        self.add_names([writer_name("feed", self.shard, topic) for topic in ("frames.v1", dlq_topic("frames.v1"))])
        self.add_names(list(lane_writers(self.process, self.shard, {*inputs, *WRITTEN}).values()))
        self.add_names([writer_name(self.process, self.shard, topic) for topic in WRITTEN])
        known = read_control(self.kafka, self.wire, ("names.v1",)).numbers
        for kind, name in ((NameKind.VENUE, "binance"), (NameKind.INSTRUMENT, f"binance:{self.symbol}")):
            if name not in known[kind]:
                self._tell("names.v1", Name(*HEAD, kind, len(known[kind]), name, 1))
        self._tell("instruments.v1", INSTRUMENT._replace(symbol=self.symbol))

    def open_recorded_run(self, start_ns: int) -> int:
        """A run in which everything is due at once."""
        number, now = self.open_run() + 1, time.time_ns()
        head = ids.make(0, now & 0xFFFFFFFF), 0, number, start_ns, start_ns
        self._tell(COMMANDS, Command(*head, CommandType.RUN, "", "test", number, "", "t", Clock.RECORDING, start_ns, now, 1e6))
        return number

    def settings(self, *paths: str) -> FeedSettings:
        return FeedSettings("feed", self.shard, self.kafka, self.registry, "t", "binance", symbols=(self.symbol,), recordings=paths)

    def normalize(self, control: Control) -> Market:
        writers = {topic: control.writer(writer_name(self.process, self.shard, topic)) for topic in WRITTEN}
        return Market(ProcessSpec(self.process, self.shard, ("normalize",), sizes=SIZES, writers=writers))

    def run_lane(self, frames: int) -> None:
        """The Kafka lane's normalize, until it has carried so many frames."""
        lane = KafkaLane(self.spec(), self.normalize)
        lane.open()
        cycle, until_s = lane._cycle, time.monotonic() + 60

        def one() -> None:
            cycle()
            lane.stop = lane.intake.positions["frames.v1", self.shard] >= frames or time.monotonic() > until_s

        lane._cycle = one
        try:
            lane.run()
        finally:
            lane.close()

    def forward_all(self, writer: RecordWriter) -> None:
        """What a mirror forwards when it starts."""
        start = read_control(self.kafka, self.wire, (COMMANDS,)).run_offset
        for topic in topics_of(reads_of(("normalize",), ())):
            if topic != "frames.v1":
                for message in read_range(self.kafka, topic, 0, start if topic == COMMANDS else 0):
                    record = self.wire.decode(topic, message.value())
                    assert forward(writer, record.id, (topic, 0), message.offset() or 0, message.value() or b"")
        assert forward_end(writer)

    def _tell(self, topic: str, record: Any) -> None:
        self.sender.send(topic, 0, self.wire.encode(topic, record))
        self.sender.flush()


def test_fast_feed_without_its_rings_goes_on_after_what_the_topics_hold(stack: Endpoints, tmp_path: Path) -> None:
    world = MarketWorld(stack)
    first, second = (str(tmp_path / name) for name in ("a.gz", "b.gz"))
    write_synthetic(first, SyntheticMarket(symbol=world.symbol, seconds=1))
    lines = [line for line in read_recording(first) if isinstance(line, Line)]
    write_synthetic(second, SyntheticMarket(symbol=world.symbol, seconds=1, seed=2, start_ns=lines[-1].recv_ts_ns + 1))
    lines += [line for line in read_recording(second) if isinstance(line, Line)]
    run_number = world.open_recorded_run(lines[0].recv_ts_ns)
    assert run_feed(world.settings(first)) == 0
    before = world.read("frames.v1")
    world.run_lane(len(before))

    shard = FastShard(tmp_path / "rings", world.shard, "feed", "trade", "gateway", ring_mib=8)
    shard.create_all(RingRun(run_number))
    world.forward_all(RecordWriter(shard.open("control").writer("mirror")))
    settings = FastFeedSettings(world.settings(first, second), shard, world.spec(), "sleep", shard.checkpoint_path("feed"))
    assert run_fast_feed(settings, world.normalize) == 0

    after = RecordReader(shard.open(shard.frames).reader(shard.mirror_label)).take(1 << 16)
    assert [(frame.source_seq, frame.payload) for frame in before] + [(r.b, r.payload) for r in after] == [
        (number, line.payload) for number, line in enumerate(lines, 1)
    ]
    assert [frame.id for frame in before] + [r.id for r in after] == [before[0].id + n for n in range(len(lines))]
    twin = world.normalize(control := read_control(world.kafka, world.wire))
    for record in (*control.names, *control.instruments):
        twin.on_input(record)
    node = twin.normalize
    assert node is not None
    frames = before + [Frame(r.id, 0, run_number, r.ts_ns, r.recv_ts_ns, "binance", r.a, r.b, r.payload) for r in after]
    expected = [[told(kind, body) for kind, _, body, _ in node.bodies(frame, run_number)] for frame in frames]
    slots = shard.open(shard.market).reader(shard.mirror_label).read(1 << 16)
    found = MarketRecords(twin.edge, twin.sizes).read(slots.ctypes.data, len(slots), run_number)
    rows = np.flatnonzero(found.size).tolist()
    records = [told(int(found.kind[n]), found.buffer[found.start[n] : found.start[n] + found.size[n]].tobytes()) for n in rows]
    assert records == [record for parts in expected[len(before) :] for record in parts]
    world.sender.close()


def told(kind: int, body: bytes) -> Any:
    """A record without its time: the Kafka lane's ticks have moved the clock on."""
    return codec.decode(BY_KIND[kind].record, body)._replace(ts_ns=0)
