"""What a mirror does before its first batch: its rings and clients open, everything as its last entries left it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from streams.agents.market_ring import LARGEST_KIND
from streams.agents.roles import writes_of
from streams.errors import LaneError
from streams.lanes.bulk_consumer import BulkConsumer
from streams.lanes.bulk_transactions import BulkTransactions
from streams.lanes.bus import read_range
from streams.lanes.control import COMMANDS, CONTROL_TOPICS, Control, read_control
from streams.lanes.fast_rings import FastShard
from streams.lanes.mirror_control import TakenControl
from streams.lanes.mirror_forward import Forwarder
from streams.lanes.mirror_inputs import Ledger, Stood
from streams.lanes.mirror_lane import EVENTS, LaneSide
from streams.lanes.mirror_market import FRAMES, MarketSide
from streams.lanes.mirror_process import FactsOf, Mirrored, mirrored
from streams.lanes.mirror_rings import Release, RingSource
from streams.lanes.mirror_sender import MirrorSender
from streams.lanes.place import Place, ring_topic
from streams.lanes.record_ring import RecordWriter
from streams.lanes.spec import LaneSpec
from streams.lanes.wire import Wire
from streams.lanes.writers import JOURNAL

__all__ = ["Clients", "MirrorSettings", "Opened", "ShardRings", "open_clients", "open_sides"]

MARKET_TOPICS = writes_of(("normalize",))
_INIT_S = 10.0  # while the broker is away: then it is said, and tried again
_CONSUMER = {"queued.max.messages.kbytes": 16_384, "auto.offset.reset": "earliest"}


@dataclass(frozen=True)
class MirrorSettings:
    """Everything a mirror is told.

    process, shard  : its name, and the shard whose rings it reads
    kafka, registry : addresses
    topology        : name; group is `topology.process.shard`, transactional ids the same with -0 and -1
    venue           : of the shard's feed and gateway, as in the dictionary
    rings           : of the shard
    market, lane    : normalize and the lane as the Kafka lane would run them; None = not on the fast lane
    commit_ms       : records gather so long for one transaction, wall ms
    status_path     : JSON file that is replaced each second with the counters; None = none
    """

    process: str
    shard: int
    kafka: str
    registry: str
    topology: str
    venue: str
    rings: FastShard
    market: LaneSpec | None
    lane: LaneSpec | None
    commit_ms: float = 20.0
    status_path: Path | None = None

    @property
    def name(self) -> str:
        return f"{self.topology}.{self.process}.{self.shard}"


class ShardRings:
    """The rings of a shard, each opened once in the life of the process."""

    def __init__(self, settings: MirrorSettings) -> None:
        shard = settings.rings
        names = [shard.control, shard.kill]
        names += [shard.frames, shard.market] if settings.market else []
        names += [shard.own, shard.records, shard.events] if settings.lane else []
        self.shard = shard
        self.sources: dict[str, RingSource] = {}
        run = shard.run()
        if run is None:
            raise LaneError(f"{shard.folder}: no rings of shard {shard.shard} of a run are there; `millrace run` makes them")
        self.run_number, self.generation = run.run_number, run.generation
        for name in names:
            self.sources[name] = RingSource(shard, name)
        self.writer = RecordWriter(self.sources[shard.control].ring.writer(shard.mirror_label))

    def of(self, market: bool) -> tuple[str, ...]:
        """The rings whose places stand in the entries of normalize, or of the lane."""
        shard = self.shard
        return (shard.frames, shard.market) if market else (shard.own, shard.records, shard.events)

    def place(self, name: str) -> Place:
        """What stands for a ring in journal entries: other rings of that name are others."""
        return ring_topic(f"{name}@{self.generation:x}"), self.shard.shard

    def releases(self) -> list[Release]:
        """What lets slots of `control` and `kill` go."""
        takers = [self.sources[name] for name in (self.shard.market, self.shard.own) if name in self.sources]
        return [Release(self.sources[name], takers) for name in (self.shard.control, self.shard.kill)]

    def __getitem__(self, name: str) -> RingSource:
        return self.sources[name]

    def close(self) -> None:
        """Let go of all, to come back."""
        self.writer.writer.leave()
        for source in self.sources.values():
            source.close()


@dataclass
class Clients:
    """What talks to the broker; opened anew after each failure."""

    sender: MirrorSender
    consumer: BulkConsumer
    control: Control
    pointer: int | None

    def close(self) -> None:
        self.sender.close()
        self.consumer.close()


@dataclass
class Opened:
    """Both sides of a shard, ready to go on. market or lane may be None; known: market data in topics that the lane has not taken."""

    market: MarketSide | None
    lane: LaneSide | None
    known: Ledger
    forwarder: Forwarder
    control: TakenControl

    @property
    def processes(self) -> list[Mirrored]:
        """Those whose journal is written, the one that counts for the mirror itself last."""
        return [side.process for side in (self.market, self.lane) if side is not None]


def open_clients(settings: MirrorSettings, wire: Wire) -> Clients:
    """Fence the predecessor, settle its transaction, read what the control topics hold. LaneError while the broker is away."""
    producers = [BulkTransactions(settings.kafka, f"{settings.name}-{k}") for k in range(2)]
    consumer = None
    try:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda p: p.initialise(_INIT_S), producers))  # before anything is read: it is final from here on
        consumer = BulkConsumer(settings.kafka, settings.name, _CONSUMER)
        pointer = consumer.committed([(JOURNAL, settings.shard)]).get((JOURNAL, settings.shard))
        return Clients(MirrorSender(producers, settings.name), consumer, read_control(settings.kafka, wire), pointer)
    except Exception:
        for client in (*producers, *([consumer] if consumer else ())):
            client.close()
        raise


def open_sides(
    settings: MirrorSettings, wire: Wire, rings: ShardRings, clients: Clients, market_facts: FactsOf | None, lane_facts: FactsOf | None
) -> Opened:
    """Everything as the last entries left it. LaneError, RestoreError."""
    control, shard, run_id = clients.control, rings.shard, rings.run_number
    of_market = _process(settings, settings.market, market_facts, wire, clients)
    of_lane = _process(settings, settings.lane, lane_facts, wire, clients)
    processes = [process for process in (of_market, of_lane) if process is not None]
    for process in processes:
        for name in rings.of(process is of_market):
            rings[name].go_to(process.rings.get(rings.place(name), 0))
    positions = _control_positions(processes, control)
    forwarder = Forwarder(clients.consumer, wire, rings.writer, positions | _others(of_market, of_lane), control.ends, run_id)
    taken = TakenControl(rings[shard.control], rings[shard.kill], wire, run_id, forwarder.command_offsets)
    market = lane = None
    known = Ledger()
    if of_market is not None:
        market = MarketSide(of_market, rings[shard.frames], rings[shard.market], taken, wire, settings.venue, run_id)
        if of_market.batch >= 0 and of_market.rings:
            market.frames_known.add(*_later(settings, wire, of_market, FRAMES))
    if of_lane is not None:
        lane = LaneSide(of_lane, rings[shard.own], rings[shard.records], rings[shard.events], known, taken, wire, run_id)
        if of_lane.batch >= 0 and of_lane.rings:
            lane.know_events(*_later(settings, wire, of_lane, EVENTS))
            _know_market(settings, wire, of_lane, rings[shard.market], known)
    return Opened(market, lane, known, forwarder, taken)


def _process(settings: MirrorSettings, spec: LaneSpec | None, facts: FactsOf | None, wire: Wire, clients: Clients) -> Mirrored | None:
    if spec is None or facts is None:
        return None
    return mirrored(spec, facts(clients.control), settings.process, wire, clients.control, clients.pointer)


def _control_positions(processes: list[Mirrored], control: Control) -> dict[Place, int]:
    """Where forwarding begins: at the first control record that a process has not taken, as far as its journal says."""
    found: dict[Place, int] = {}
    for topic in (*CONTROL_TOPICS, COMMANDS):
        start = control.run_offset if topic == COMMANDS else 0
        found[topic, 0] = min((process.positions.get((topic, 0), start) for process in processes), default=start)
    return found


def _others(market: Mirrored | None, lane: Mirrored | None) -> dict[Place, int]:
    """Positions of what the lane reads of topics, because no process of its shard writes it to a ring."""
    if lane is None:
        return {}
    written = {EVENTS, *(market.writes if market else ())}
    places = [(topic, lane.spec.shard) for topic in lane.reads if topic in lane.data and topic not in written]
    return {place: lane.positions.get(place, 0) for place in places}


def _later(settings: MirrorSettings, wire: Wire, process: Mirrored, topic: str) -> tuple[np.ndarray, Stood]:
    """The records of a topic that were written and not journalled as inputs: (ids, where they stand)."""
    place = (topic, settings.shard)
    messages = read_range(settings.kafka, *place, process.positions.get(place, 0))
    found = np.array([(wire.decode(topic, m.value()).id, m.offset()) for m in messages], np.int64).reshape(-1, 2)
    return found[:, 0], Stood.of(process.place(place), found[:, 1], found[:, 0])


def _know_market(settings: MirrorSettings, wire: Wire, lane: Mirrored, market: RingSource, known: Ledger) -> None:
    """Market data in topics that the lane has not taken yet, by slot."""
    first = market.committed
    words, kinds = market.words(first, market.at), market.kinds(first, market.at)
    begins = np.flatnonzero((kinds <= LARGEST_KIND) & (np.diff(words[:, 0], prepend=-1) != 0))
    parts = [_later(settings, wire, lane, topic)[1] for topic in MARKET_TOPICS if topic in lane.data]
    stood = Stood.joined(parts)
    order = np.argsort(stood.id)
    row = np.searchsorted(stood.id[order], words[begins, 0])
    there = np.flatnonzero(row < len(order))
    there = there[stood.id[order[row[there]]] == words[begins[there], 0]]
    known.add(first + begins[there], stood.at(order[row[there]]))
