"""A fast feed's loop on rings of its own, without a broker, and what it wrote there."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from streams.agents.market_node import KINDS
from streams.agents.market_records import MarketRecords
from streams.agents.process import Process
from streams.agents.spec import ProcessSpec
from streams.clock import RunClock
from streams.lanes.fast_rings import FastShard
from streams.lanes.record_ring import RecordReader, RecordWriter, RingRecord
from streams.lanes.ring import Ring
from streams.records import Clock, Instrument, Name, NameKind
from streams.schema.model import BY_KIND
from streams.venues.binance.fast_feed_loop import FrameLane
from tests.agents.market_desk import HEAD

__all__ = ["FEED", "FeedDesk", "KeptLetters", "market_process"]

FEED = 40
"""Number of the writer of frames."""


def market_process(instruments: Sequence[Instrument], compiled: bool, **sizes: int) -> Process:
    """Normalize alone, which knows the instruments."""
    writers = {BY_KIND[kind].topic: number for number, kind in enumerate(KINDS, 10)}
    process = Process(ProcessSpec("market", 0, ("normalize",), sizes=sizes, writers=writers), compiled=compiled)
    venues = dict.fromkeys(i.venue for i in instruments)
    names = [(NameKind.VENUE, number, venue) for number, venue in enumerate(venues)]
    names += [(NameKind.INSTRUMENT, number, f"{i.venue}:{i.symbol}") for number, i in enumerate(instruments)]
    for kind, number, name in names:
        process.on_input(Name(*HEAD, kind, number, name, 1_700_000_000))
    for i in instruments:
        process.on_input(i)
    return process


class KeptLetters:
    """Letters as they were written."""

    def __init__(self) -> None:
        self.large: list[tuple[int, bytes]] = []
        self.bad: list[tuple[int, bytes, str]] = []

    def too_large(self, recv_ts_ns: int, source_seq: int, payload: bytes, why: str) -> None:
        self.large.append((source_seq, payload))

    def refused(self, frame_id: int, recv_ts_ns: int, payload: bytes, why: str) -> None:
        self.bad.append((frame_id, payload, why))


class FeedDesk:
    """The loop with these instruments, and readers of its rings that are told apart from those of a lane."""

    def __init__(
        self, folder: Path, instruments: Sequence[Instrument], compiled: bool = True, ring_slots: int = 1 << 14, **sizes: int
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.shard = FastShard(folder, 0, "feed", "trade", "gateway")
        plans = self.shard.plans()
        for name in (self.shard.frames, self.shard.market):
            plan = plans[name]
            if not self.shard.path(name).exists():
                Ring.create(self.shard.path(name), plan.slots, ring_slots, plan.about).close()
        self.process = market_process(instruments, compiled, **sizes)
        self.frames_ring, self.market_ring = (self.shard.open(name) for name in (self.shard.frames, self.shard.market))
        self.frames = RecordReader(self.frames_ring.reader("mirror", start="oldest"))
        self.market = self.market_ring.reader("mirror", start="oldest")
        self.writers = RecordWriter(self.frames_ring.writer("feed", compiled=compiled)), self.market_ring.writer("feed", compiled=compiled)
        self.letters, self.resyncs, self.count = KeptLetters(), [], 0
        assert self.process.normalize is not None
        self.normalize = self.process.normalize
        self.lane = FrameLane(
            self.process, *self.writers, RunClock(Clock.WALL), self.letters, "binance", FEED, on_resync=self.resyncs.append
        )

    def columns(self, payloads: Iterable[bytes]) -> tuple[Any, ...]:
        """Frames that come one a nanosecond, as columns, and what holds them."""
        payloads = list(payloads)
        text = np.frombuffer(b"".join(payloads) or b"\0", np.uint8).copy()
        sizes = np.array([len(payload) for payload in payloads], np.int64)
        first, self.count = self.count + 1, self.count + len(payloads)
        numbers = np.arange(first, self.count + 1)
        return numbers, numbers, text.ctypes.data + np.cumsum(sizes) - sizes, sizes, np.zeros(len(payloads), np.int64), text

    def give(self, payloads: Iterable[bytes]) -> int:
        """Carry frames as one wave; why it stopped."""
        *columns, self._text = self.columns(payloads)
        return self.lane.give(1, *columns)

    def sent(self) -> list[RingRecord]:
        """What is in the ring of frames since the last call."""
        return self.frames.take(1 << 20)

    def slots(self) -> np.ndarray:
        """What is in the ring of market data since the last call: uint8[n, 128]."""
        return self.market.read(1 << 16)

    def bodies(self, slots: np.ndarray, run_id: int, **sizes: int) -> list[tuple[int, int, bytes]]:
        """(kind, id, Avro body) of records in slots; of a mark the body is b""."""
        found = MarketRecords(self.process.edge, self.process.sizes).read(slots.ctypes.data, len(slots), run_id)
        parts = zip(found.kind.tolist(), found.id.tolist(), found.start.tolist(), found.size.tolist(), strict=True)
        return [(kind, id, found.buffer[start : start + size].tobytes()) for kind, id, start, size in parts]
