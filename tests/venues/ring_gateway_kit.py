"""A gateway on rings without a broker: the ends of lane, mirror and killer are the test's, the venue is a dictionary that survives."""

import asyncio
import itertools
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from streams.errors import VenueError
from streams.lanes import kill_ring
from streams.lanes.control_ring import forward
from streams.lanes.fast_rings import FastShard, RingRun
from streams.lanes.fast_slots import KIND_STAMPS, StampSlot
from streams.lanes.histogram_counts import Figures
from streams.lanes.histogram_file import HistogramFile, merged_figures
from streams.lanes.record_ring import RecordReader, RecordWriter
from streams.lanes.registry import SchemaIds
from streams.lanes.ring_ends import Reader
from streams.lanes.stages import histogram_path
from streams.lanes.status import StatusFile
from streams.lanes.waiting import POLICIES
from streams.lanes.wire import Wire
from streams.lanes.writers import dlq_topic
from streams.records import Clock, Command, CommandType, DeadLetter, Name, NameKind, OrderAction, Request, VenueEvent, VenueEventType
from streams.schema import ids, units
from streams.slots import KIND_REQUEST
from streams.venues import gateway_rings
from streams.venues.client import OrderState, Outgoing, VenueReport
from streams.venues.gateway import GatewaySettings, _Gateway
from streams.venues.gateway_begin import Begun
from streams.venues.gateway_known import Known
from streams.venues.gateway_lane import EVENTS, REQUESTS
from streams.venues.gateway_out import WRITES
from streams.venues.gateway_rings import RingGatewayLane
from streams.venues.gateway_state import GatewayState
from tests.venues.sim_orders import instrument, request

RUN = 7
WRITER = 20
EPOCH = 1_723_161_602
TOPICS = ("names.v1", "instruments.v1", "limits.v1", "commands.v1", REQUESTS, EVENTS, dlq_topic(REQUESTS), dlq_topic(EVENTS))
NAMES = {
    NameKind.INSTRUMENT: ("sim:BTCUSDT",),
    NameKind.ACCOUNT: ("maker-1",),
    NameKind.STRATEGY: ("maker",),
    NameKind.CURRENCY: ("USDT", "BTC"),
}


def wire_of() -> Wire:
    found = SchemaIds("http://127.0.0.1:1")  # whoever asks it fails
    found.trust({topic: number for number, topic in enumerate(TOPICS, 1)})
    return Wire(found)


def name(kind: NameKind, number: int, text: str) -> Name:
    return Name(ids.make(1, number + 1), 0, 0, 0, 0, kind, number, text, EPOCH)


def known_of(wire: Wire, names: dict[NameKind, tuple[str, ...]] = NAMES) -> Known:
    """What the control topics said."""
    known = Known(wire)
    for kind, texts in names.items():
        for number, text in enumerate(texts):
            record = name(kind, number, text)
            known._add("names.v1", wire.encode("names.v1", record), record)
    known._add("instruments.v1", wire.encode("instruments.v1", instrument()), instrument())
    run = Command(ids.make(2, 1), 0, RUN, 0, 0, CommandType.RUN, "", "test", RUN, "", "t", Clock.WALL, 0, 0, 1.0, ())
    known._add("commands.v1", wire.encode("commands.v1", run), run)
    return known


class Venue:
    """Orders by client order id, executions, and every message that arrived. `answers`: false = it takes and says nothing."""

    def __init__(self) -> None:
        self.orders: dict[str, OrderState] = {}
        self.executions: list[VenueReport] = []
        self.arrived: list[tuple[str, str]] = []
        self.cancelled_ns = 0
        self.answers = True
        self.raw = b"{}"
        self.numbers = itertools.count(1)
        self.to: asyncio.Queue[VenueReport] | None = None

    def report(self, kind: VenueEventType, cl_ord_id: str, **more: Any) -> VenueReport:
        found = VenueReport(kind, cl_ord_id, "BTCUSDT", 1, "v1", self.raw, **more)
        if kind == VenueEventType.FILL:
            self.executions.append(found)
        if self.to is not None and self.answers:
            self.to.put_nowait(found)
        return found

    def fill(self, cl_ord_id: str, qty_e9: int = 1_000_000) -> None:
        self.report(
            VenueEventType.FILL, cl_ord_id, exec_id=f"1-{next(self.numbers)}", last_px_e9=100 * 10**9, last_qty_e9=qty_e9, maker=True
        )

    def take(self, request: Request, cl_ord_id: str) -> None:
        self.arrived.append((request.action.name, cl_ord_id))
        if request.action == OrderAction.NEW:
            self.orders[cl_ord_id] = OrderState(cl_ord_id, "BTCUSDT", 1, "v1", request.px_e9, request.qty_e9, 0, None, None, b"{}")
            self.report(VenueEventType.ACK, cl_ord_id, request_id=request.id, px_e9=request.px_e9, qty_e9=request.qty_e9)
        elif request.action == OrderAction.CANCEL:
            self.end(cl_ord_id, request.id or None)

    def end(self, cl_ord_id: str, request_id: int | None = None) -> None:
        order = self.orders[cl_ord_id]
        kind = VenueEventType.CANCELLED if order.ended is None else VenueEventType.CANCEL_REJECT
        if order.ended is None:
            self.orders[cl_ord_id] = replace(order, ended=VenueEventType.CANCELLED)
        self.report(kind, cl_ord_id, request_id=request_id)


def request_of(m: dict[str, Any]) -> tuple[Any, str]:
    """What a Venue takes, of a message in the simulated venue's words."""
    figures = {f"{name}_e9": units.to_e9(m[name]) if name in m else None for name in ("px", "qty")}
    return SimpleNamespace(action=OrderAction[m["op"].upper()], id=m["req"], **figures), m["cl_ord_id"]


class Client:
    """A connection to it; see VenueClient."""

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self.queue: asyncio.Queue[Any] = asyncio.Queue()
        self.texts: list[str | None] = []
        self.full, self.at_once = False, 0  # takes nothing at once; how many it took so

    async def connect(self) -> None:
        self.venue.to = self.queue = asyncio.Queue()

    async def close(self) -> None:
        if self.venue.to is self.queue:
            self.venue.to = None
        self.queue.put_nowait(VenueError("the connection is gone"))

    async def reports(self) -> list[VenueReport]:
        found = await self.queue.get()
        if isinstance(found, VenueError):
            raise found
        return [found]

    async def send(self, request: Request, cl_ord_id: str) -> None:
        self.venue.take(request, cl_ord_id)

    async def send_all(self, requests: Sequence[Outgoing]) -> None:
        for one in requests:
            self.texts.append(one.text)
            self.venue.take(one.request, one.cl_ord_id)

    def send_now(self, texts: Sequence[str]) -> bool:
        if not self.full:
            self.texts += texts
            self.at_once += len(texts)
            for text in texts:
                self.venue.take(*request_of(json.loads(text)))
        return not self.full

    async def cancel_all(self) -> None:
        self.venue.cancelled_ns = time.monotonic_ns()
        for cl_ord_id, order in list(self.venue.orders.items()):
            if order.ended is None:
                self.venue.end(cl_ord_id)

    async def open_orders(self) -> list[OrderState]:
        return [order for order in self.venue.orders.values() if order.ended is None]

    async def order(self, cl_ord_id: str) -> OrderState | None:
        return self.venue.orders.get(cl_ord_id)

    async def executions(self, after: str | None) -> list[VenueReport]:
        found = [report.exec_id for report in self.venue.executions]
        return self.venue.executions[found.index(after) + 1 if after else 0 :]


class RingWorld:
    """The rings, the venue, and one gateway at a time."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, ring_mib: int = 1) -> None:
        self.folder = folder
        self.shard = FastShard(folder, 0, "feed", "trade", "gateway", ring_mib=ring_mib)
        self.shard.create_all(RingRun(RUN))
        self.wire, self.edge = wire_of(), known_of(wire_of()).edge
        self.names = dict(NAMES)
        self.own = self.shard.open(self.shard.own).writer("trade")
        self.control = RecordWriter(self.shard.open(self.shard.control).writer("mirror"))
        self.records = RecordReader(self.shard.open(self.shard.records).reader("mirror"))
        self.events_end: Reader = self.shard.open(self.shard.events).reader("trade")
        self.free("mirror", self.shard.own, self.shard.events, self.shard.control, self.shard.kill)
        self.free("trade", self.shard.own, self.shard.control, self.shard.kill)
        self.free("feed", self.shard.control)
        self.venue, self.sequence = Venue(), 0
        self.found, self.dead = list[VenueEvent](), list[DeadLetter]()
        self.lane: RingGatewayLane | None = None
        self.host_lost = False
        patch.setattr(gateway_rings, "begin", self.begin)

    def free(self, reader: str, *names: str) -> None:
        """Nobody waits for a reader that no test has."""
        for ring in map(self.shard.open, names):
            ring.free(reader)
            ring.close()

    def begin(self, *_: Any) -> Begun:
        """Instead of the broker."""
        counters = {topic: ids.Counter(WRITER + n) for n, topic in enumerate(WRITES)}
        places = {(topic, 0): 0 for topic in ("names.v1", "instruments.v1", "limits.v1", "commands.v1")}
        wire = wire_of()
        return Begun(known_of(wire, self.names), places, counters, GatewayState(), self.host_lost)

    # ---- the lane, the mirror, a killer ----
    def request(self, action: OrderAction = OrderAction.NEW, order: int | None = None, strategy: str = "maker", **more: Any) -> int:
        """A request in the lane's ring; its sequence."""
        slots = self.prepared(time.monotonic_ns(), action, order, strategy, **more)
        assert self.own.write(slots) == 2
        return self.sequence

    def prepared(
        self, checked_ns: int, action: OrderAction = OrderAction.NEW, order: int | None = None, strategy: str = "maker", **more: Any
    ) -> bytes:
        """The same to be written at once when its time has come: the slots of stamps and request."""
        self.sequence += 1
        record = request(self.sequence, action, order, run=RUN, **{"ts_ns": time.time_ns(), **more})._replace(strategy=strategy)
        head = StampSlot(wire_ns=checked_ns - 5_000, checked_ns=checked_ns)
        head.stamp(0, record.id, 0, 0, -1, KIND_STAMPS, -1)
        return b"".join(slot.ljust(256, b"\0") for slot in (head.pack().tobytes(), self.edge.to_slots(record)))

    def tell(self, topic: str, offset: int, record: Any) -> None:
        """A control record, as the mirror forwards it."""
        assert forward(self.control, record.id, (topic, 0), offset, self.wire.encode(topic, record))

    def kill(self, kind: CommandType = CommandType.KILL, target: str = "", sequence: int = 1) -> int:
        """A command over the ring `kill`; when it was written, monotonic ns."""
        command = Command(ids.make(3, sequence), 0, RUN, 0, 0, kind, target, "test")
        (told,) = kill_ring.tell(command.id, RUN, 0, self.wire.encode("commands.v1", command), self.folder)
        assert told.reason == ""
        return time.monotonic_ns() - told.took_ns

    # ---- the gateway ----
    def start(self) -> _Gateway:
        """A gateway, not running yet."""
        status = StatusFile(None, "gateway", 0)
        path = self.shard.checkpoint_path("gateway")
        self.lane = RingGatewayLane(self.shard, "nowhere", wire_of(), "gateway", "sim", path, POLICIES["sleep"], status)
        settings = GatewaySettings("gateway", 0, "", "", "t", "sim", "", 60_000_000_000, 30.0)
        return _Gateway(settings, self.lane, self.lane.clock, Client(self.venue), status)  # type: ignore[arg-type]

    def die(self) -> None:
        """What the kernel does for a process that is killed: its ends are free, nothing else happens."""
        lane = self.lane
        assert lane is not None
        lane._watch.stop()
        lane._checkpoint.wait()
        for reader in lane._readers.values():
            reader.detach()
        lane._records.writer.leave()
        lane._events.leave()
        for ring in lane._opened.values():
            ring.close()

    def run(self, script: Callable[["RingWorld"], Any], ordered: bool = False) -> _Gateway:
        """Start a gateway, let the script happen beside it, and kill it (or end it in order)."""
        gateway = self.start()

        async def both() -> None:
            task = asyncio.create_task(gateway.run(None))
            try:
                await script(self)
                if ordered:
                    gateway.done.set()
                    await task
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

        asyncio.run(both())
        assert self.lane is not None
        if ordered:
            self.lane.close()
        else:
            self.die()
        return gateway

    # ---- what came of it ----
    def events(self) -> list[VenueEvent]:
        """Every event in the ring of records so far."""
        for record in self.records.take():
            (self.found if record.topic == EVENTS else self.dead).append(self.wire.decode(record.topic, record.payload))
        self.records.commit()
        return self.found

    def letters(self) -> list[DeadLetter]:
        """Every dead letter so far."""
        self.events()
        return self.dead

    def told(self) -> list[tuple[str, int, int | None]]:
        return [(e.kind.name, ids.sequence(e.order_id), e.request_id and ids.sequence(e.request_id)) for e in self.events()]

    def slots(self) -> list[bytes]:
        """What the lane got since the last call."""
        found: np.ndarray = self.events_end.read(1_000)
        self.events_end.commit()
        return [slot.tobytes() for slot in found]

    def written(self) -> list[Request]:
        """The requests in the lane's ring, read back."""
        reader = self.own.ring.reader("again", lossy=True, start="oldest")
        slots = [slot.tobytes()[:128] for slot in reader.read(100) if slot[36] == KIND_REQUEST]
        return [self.edge.from_slot(KIND_REQUEST, slot, RUN) for slot in slots]

    def figures(self) -> dict[str, Figures]:
        """What the gateway's histograms hold."""
        return merged_figures([HistogramFile.open(histogram_path(self.folder, "gateway", 0))])

    def cl_ord_id(self, sequence: int) -> str:
        return ids.cl_ord_id(EPOCH, ids.make(9, sequence))

    async def until(self, condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
        """Until a condition holds."""
        end_s = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < end_s, (self.told()[-20:], self.venue.arrived[-20:])
            await asyncio.sleep(0.002)


def check(world: RingWorld, slots: list[bytes]) -> None:
    """Ids dense, every NEW once at the venue, every execution once, and the lane got the slot of each record in order."""
    events = world.events()
    assert [ids.sequence(e.id) for e in events] == list(range(1, len(events) + 1))
    sent = [c for op, c in world.venue.arrived if op == "NEW"]
    assert len(sent) == len(set(sent))
    assert [e.exec_id for e in events if e.kind == VenueEventType.FILL] == [r.exec_id for r in world.venue.executions]
    answered = [e.request_id for e in events if e.request_id is not None]
    assert len(answered) == len(set(answered))
    assert slots == [world.edge.to_slots(e) for e in events]
