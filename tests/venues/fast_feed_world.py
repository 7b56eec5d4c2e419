"""The rings of a shard with a fast feed on them and a test in the place of mirror and lane. No broker: the feed starts from a checkpoint.

As a program it is such a feed: folder, recordings... of settings as JSON; `faults`: those of normalize in it.
"""

import json
import sys
import time
from decimal import Decimal
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np

from streams.agents.market_node import KINDS
from streams.agents.market_records import MarketRecords
from streams.agents.process import Process
from streams.agents.spec import ProcessSpec
from streams.kernel.atomics import store_release
from streams.lanes import ring_layout
from streams.lanes.control import Control
from streams.lanes.control_ring import forward, forward_end
from streams.lanes.fast_rings import FastShard, RingRun
from streams.lanes.fast_slots import PASSED, TAKEN_FRAMES
from streams.lanes.record_ring import RecordReader, RecordWriter, RingRecord
from streams.lanes.registry import SchemaIds
from streams.lanes.spec import LaneSpec
from streams.lanes.wire import Wire
from streams.lanes.writers import lane_writers, writer_name
from streams.records import Clock, Command, CommandType, InstrumentType, Name, NameKind
from streams.schema import ids
from streams.schema.model import BY_KIND, BY_TOPIC
from streams.venues.binance.fast_feed import FastFeedSettings, run_fast_feed
from streams.venues.binance.fast_feed_process import FastFeed
from streams.venues.binance.fast_feed_start import Start
from streams.venues.binance.feed import FeedSettings, run_clock
from streams.venues.binance.frames import Place
from tests.agents.market_desk import HEAD, instrument
from tests.venues.feed_faults import Faults

__all__ = ["RUN", "FeedWorld", "make_process", "make_wire"]

RUN = 7
INSTRUMENT = instrument("BTCUSDT", InstrumentType.LINEAR, 10**8, 10**6)._replace(min_notional=Decimal(0), sector="", cluster="")
SIZES = {"instruments": 1, "window": 4096, "far": 4096, "held": 1 << 12, "levels": 1 << 12}
WRITERS = ["feed/0/frames", "feed/0/frames.dlq", *(writer_name("normalize", 0, BY_KIND[kind].topic) for kind in KINDS)]
WRITERS += lane_writers("market", 0, ["frames.v1", "names.v1", "instruments.v1", "commands.v1"]).values()
_WAIT_S = 60.0


def make_wire() -> Wire:
    """A wire whose registry is away."""
    known = SchemaIds("http://127.0.0.1:1")
    known.trust({topic: number for number, topic in enumerate(BY_TOPIC, 1) if "*" not in topic})
    known.trust({f"{topic}.dlq.v1": 99 for topic in ("frames.v1", "names.v1", "instruments.v1", "commands.v1")})
    return Wire(known)


def make_names() -> list[Name]:
    found = [(NameKind.VENUE, "binance"), (NameKind.INSTRUMENT, "binance:BTCUSDT")]
    numbers = dict.fromkeys(NameKind, 0)
    names = []
    for kind, name in [*found, *((NameKind.WRITER, writer) for writer in WRITERS)]:
        names.append(Name(*HEAD, kind, numbers[kind], name, 1_700_000_000))
        numbers[kind] += 1
    return names


def make_process(control: Control, compiled: bool = True) -> Process:
    """Normalize of the world, before it knows anything."""
    writers = {BY_KIND[kind].topic: control.writer(writer_name("normalize", 0, BY_KIND[kind].topic)) for kind in KINDS}
    return Process(ProcessSpec("market", 0, ("normalize",), sizes=SIZES, writers=writers), compiled=compiled)


class FeedWorld:
    """Rings, a run, and what mirror and lane take: `frames` and `slots` so far."""

    def __init__(
        self, folder: Path, start_ns: int = 0, speed: float = 1.0, ring_mib: int = 1, compiled: bool = True, **settings: Any
    ) -> None:
        self.folder, self.settings, self.compiled = folder, settings, compiled
        self.shard = FastShard(folder / "rings", 0, "feed", "trade", "gateway", ring_mib=ring_mib)
        self.shard.create_all(RingRun(RUN))
        clock = Clock.RECORDING if start_ns else Clock.WALL
        self.wire, self.names = make_wire(), make_names()
        self.run = Command(*HEAD, CommandType.RUN, "", "test", RUN, "", "t", clock, start_ns, time.time_ns(), speed)
        self.run = self.run._replace(id=ids.make(500, 1), run_id=RUN)
        self.control = Control(run=self.run, names=self.names, epoch=1)
        for name in self.names:
            self.control.numbers[name.kind][name.name] = name.number
        self.frames: list[RingRecord] = []
        self.slots: list[np.ndarray] = []
        rings = [self.shard.open(name) for name in (self.shard.frames, self.shard.market, self.shard.market, self.shard.control)]
        self._mirror_frames = RecordReader(rings[0].reader("mirror"))
        self._mirror, self._lane = rings[1].reader("mirror"), rings[2].reader("trade")
        self._mirror_control = rings[3].reader("mirror")
        self._control = RecordWriter(rings[3].writer("mirror"))
        self.market_ring = rings[1]
        self.process = make_process(self.control)
        self._begin()
        self.forward_all()

    # ---- the feed ----
    def feed_settings(self) -> FastFeedSettings:
        """Settings of the feed."""
        return settings_of(self.folder, **self.settings)

    def child(self, **faults: Any) -> list[str]:
        """The feed as a command."""
        return [sys.executable, "-m", "tests.venues.fast_feed_world", str(self.folder), json.dumps({**self.settings, "faults": faults})]

    def play(self, stop: Event | None = None) -> int:
        """The feed here, to its end."""
        return run_fast_feed(self.feed_settings(), partial(make_process, compiled=self.compiled), stop)

    def _begin(self) -> None:
        """The checkpoint of a feed that has done nothing yet."""
        c = self.control
        start = Start(make_process(c, self.compiled), c, c.writer(WRITERS[0]), 0, {}, Place(), Place(), {(t, 0): 0 for t in _TOPICS})
        feed = FastFeed(self.feed_settings(), start, self.wire, run_clock(self.run), Event(), make_process)
        feed.ends.seek({})
        feed.begin()
        feed.ends.close()

    def write_as_feed(self, frames: list[RingRecord], slots: np.ndarray) -> None:
        """What a feed has left in the rings that was killed."""
        with_frames, with_market = self.shard.open(self.shard.frames), self.shard.open(self.shard.market)
        writer = RecordWriter(with_frames.writer("feed"))
        for r in frames:
            writer.write(r.id, r.topic, r.payload, ts_ns=r.ts_ns, recv_ts_ns=r.recv_ts_ns, a=r.a, b=r.b)
        assert with_market.writer("feed").write(slots) == len(slots)
        for ring in (with_frames, with_market):
            store_release(ring.address + ring_layout.WRITER + ring_layout.PROCESS, 0)

    # ---- mirror and lane ----
    def forward_all(self) -> None:
        """What the mirror forwards when it starts."""
        for offset, name in enumerate(self.names):
            self.forward("names.v1", offset, name)
        self.forward("instruments.v1", 0, INSTRUMENT._replace(id=ids.make(500, 2)))
        self.forward("commands.v1", 0, self.run)
        assert forward_end(self._control)

    def forward(self, topic: str, offset: int, record: Any) -> None:
        """A control record."""
        self.process.on_input(record)
        self.forward_value(topic, offset, record.id, self.wire.encode(topic, record))

    def forward_value(self, topic: str, offset: int, id: int, value: bytes) -> None:
        assert forward(self._control, id, (topic, 0), offset, value)

    def drain(self, lane: bool = True, most: int = 1 << 16) -> int:
        """Take and commit what is there, at most so many of each; how many slots of market data."""
        frames = self._mirror_frames.take(most)
        self._mirror_frames.commit()
        self.frames += frames
        self._mirror_control.read(1 << 12)
        self._mirror_control.commit()
        slots = self._mirror.read(most)
        self._mirror.commit()
        self.slots.append(slots)
        if lane:
            self._lane.read(len(slots) or 1)
            self._lane.commit()
        return len(slots)

    def market(self) -> np.ndarray:
        """All slots of market data so far: uint8[n, 128]."""
        return np.concatenate([*self.slots, np.zeros((0, 128), np.uint8)])

    def bodies(self) -> list[tuple[int, int, bytes]]:
        """(kind, id, Avro body) of what normalize wrote, marks left out."""
        slots = self.market()
        found = MarketRecords(self.process.edge, SIZES).read(slots.ctypes.data, len(slots), RUN)
        rows = zip(found.kind.tolist(), found.id.tolist(), found.start.tolist(), found.size.tolist(), strict=True)
        return [(kind, id, found.buffer[start : start + size].tobytes()) for kind, id, start, size in rows if size]

    def expected(self) -> list[tuple[int, int, bytes]]:
        """The same as the Kafka lane's normalize makes it of the frames that are in the ring and were not passed over."""
        from streams.errors import FrameError
        from streams.records import Frame

        node, found = self.process.normalize, []
        assert node is not None
        over = {r.b for r in self.frames if r.a == PASSED + TAKEN_FRAMES and r.topic != "frames.v1"}
        for r in self.frames:
            if r.topic == "frames.v1" and r.id not in over:
                try:
                    parts = node.bodies(Frame(r.id, 0, RUN, r.ts_ns, r.recv_ts_ns, "binance", r.a, r.b, r.payload), RUN)
                except FrameError:
                    continue
                found += [(kind, id, body) for kind, id, body, _ in parts]
        return found

    def wait(self, until: Any, most: int = 1 << 16, lane: bool = True) -> None:
        """Drain until something is true; lane: whether it takes its part."""
        end = time.monotonic() + _WAIT_S
        while not until():
            assert time.monotonic() < end
            if not self.drain(lane, most):
                time.sleep(0.002)


def settings_of(folder: Path, **feed: Any) -> FastFeedSettings:
    """Settings of a world's feed; `fast`: those beyond any feed's."""
    fast = {"snapshot_s": 0.2, "wait": "sleep"} | feed.pop("fast", {})
    feed = {name: tuple(value) if isinstance(value, list) else value for name, value in feed.items()}
    shard = FastShard(folder / "rings", 0, "feed", "trade", "gateway")
    return FastFeedSettings(
        FeedSettings("feed", 0, "127.0.0.1:1", "http://127.0.0.1:1", "t", "binance", symbols=("BTCUSDT",), **feed),
        shard,
        LaneSpec("t", "market", 0, "127.0.0.1:1", "http://127.0.0.1:1"),
        checkpoint_path=shard.checkpoint_path("feed"),
        status_path=folder / "feed.json",
        **fast,
    )


_TOPICS = ("names.v1", "instruments.v1", "commands.v1")


if __name__ == "__main__":
    import signal

    halt = Event()
    signal.signal(signal.SIGTERM, lambda *_: halt.set())
    given = json.loads(sys.argv[2])
    Faults(**given.pop("faults", {})).install()
    sys.exit(run_fast_feed(settings_of(Path(sys.argv[1]), **given), make_process, halt))
