"""The shipped chain: normalize, strategy, risk, execute, account with registry, journal and dead letters on, fused or a process each.

The market is synthetic; its frames stand in the topic before the processes start (a backlog), or arrive paced by schedule. Gateway and
simulated venue run as they are shipped; the feed is this script.
"""

import secrets
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from kafka_paced import Latency, send_paced

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from streams.config import Endpoints
from streams.lanes.bulk_consumer import BulkConsumer
from streams.lanes.bulk_producer import BulkProducer
from streams.lanes.bus import list_topics
from streams.lanes.control import COMMANDS, read_control
from streams.lanes.reader import end_offsets
from streams.lanes.registry import SchemaIds
from streams.lanes.spec import is_control
from streams.lanes.wire import Wire
from streams.lanes.writers import writer_name
from streams.records import Clock, Command, CommandType, Frame, StartPosition
from streams.schema import bulk, ids, model
from streams.topology.apply import apply
from streams.topology.instances import instances
from streams.topology.model import load
from streams.topology.progress import caught_up, status_of
from streams.topology.supervisor import Supervisor
from streams.venues.binance.synthetic import SyntheticMarket

__all__ = ["APART", "FUSED", "MARKET", "Backlog", "Shipped", "frames", "shipped"]

AGENTS = ("normalize", "strategy", "risk", "execute", "account")
FUSED = {"all": AGENTS}
APART = {agent: (agent,) for agent in AGENTS}
MARKET = ("book_updates.v1", "trades.v1", "quotes.v1")
CAUSED = ("orders.v1", "decisions.v1", "requests.v1", "venue_events.v1", "reports.v1", "fills.v1", "positions.v1", "balances.v1")
STILL_S, BOUND_S = 2.0, 240.0
CHAIN = Path(__file__).resolve().parent / "chain.yaml"


@dataclass(frozen=True)
class Backlog:
    """What a chain did with a backlog. seconds: from the first to the last transaction that read or wrote something."""

    market_records: int
    seconds: float
    written: dict[str, int]

    @property
    def rate(self) -> float:
        """Market records a second."""
        return self.market_records / self.seconds


@dataclass
class Shipped:
    """A topology that was applied, and what its run needs. start: offsets of its topics before the run."""

    stack: Endpoints
    path: Path
    number: int = 0
    start: dict[tuple[str, int], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.topology = load(self.path)
        apply(self.topology, self.stack, lambda _: None)
        self.wire = Wire(SchemaIds(self.stack.registry))
        self.instances = [i for i in instances(self.topology) if i.kind not in ("feed", "control", "sink")]
        self.agents = [i for i in self.instances if i.kind == "agents"]
        control = read_control(self.stack.kafka, self.wire)
        self.number = 1 + max(control.runs, default=0)
        self.feed_writer = control.writer(writer_name("feed", 0, "frames.v1"))
        self.run_writer = control.writer(writer_name("run", 0, COMMANDS))

    def open_run(self, clock: Clock, start_ns: int, speed: float) -> None:
        """A run that begins at the ends of all topics."""
        there = list_topics(self.stack.kafka)
        places = [(topic, p) for topic in model.BY_TOPIC if not is_control(topic) for p in range(there.get(topic, 0))]
        self.start = end_offsets(self.stack.kafka, places)
        record = Command(
            id=ids.make(self.run_writer, 1 + secrets.randbelow(ids.MAX_SEQUENCE)),
            cause_id=0,
            run_id=self.number,
            ts_ns=start_ns,
            recv_ts_ns=start_ns,
            kind=CommandType.RUN,
            target="",
            reason="benchmark",
            run_number=self.number,
            topology_hash="",
            topology=self.topology.name,
            clock=clock,
            clock_start_ns=start_ns,
            wall_start_ns=time.time_ns(),
            speed=speed,
            start_positions=tuple(StartPosition(*place, offset) for place, offset in self.start.items()),
        )
        with BulkProducer(self.stack.kafka) as producer:
            producer.send(COMMANDS, 0, self.wire.encode(COMMANDS, record))
            producer.flush()

    def frame(self, n: int, recv_ts_ns: int, payload: bytes) -> bytes:
        """The value of the n-th frame (from 1)."""
        record = Frame(ids.make(self.feed_writer, n), 0, self.number, recv_ts_ns, recv_ts_ns, "binance", 1, n, payload)
        return self.wire.encode("frames.v1", record)

    def backlog(self, market: list[tuple[int, bytes]]) -> Backlog:
        """Work off frames that stand in the topic, from nothing to the last order, fill and position that they cause."""
        self.open_run(Clock.RECORDING, market[0][0] - int(BOUND_S * 1e9), 1.0)  # a clock behind all data: nothing counts as late
        with BulkProducer(self.stack.kafka) as producer:
            for n, (recv_ts_ns, payload) in enumerate(market, 1):
                producer.send("frames.v1", 0, self.frame(n, recv_ts_ns, payload))
            producer.flush()
        with self.processes() as supervisor:
            self._until_still(supervisor)
        return self._outcome()

    def latency(self, market: list[tuple[int, bytes]], rate: float) -> dict[str, Latency]:
        """By topic, of frames that come by schedule; what a record inherits as its receive time is its frame's intended send time."""
        self.open_run(Clock.WALL, time.time_ns(), 1.0)
        values = [self.frame(n, recv_ts_ns, payload) for n, (recv_ts_ns, payload) in enumerate(market, 1)]
        header = self.wire.header("frames.v1")
        columns = bulk.decode(model.for_topic("frames.v1"), values, header)
        reader = _Reader(self)
        with self.processes() as supervisor, BulkProducer(self.stack.kafka) as producer, ThreadPoolExecutor(1) as pool:
            self.until_running(supervisor)
            done = pool.submit(reader.run)
            send_paced(producer, "frames.v1", header, columns, rate, time.time_ns(), supervisor.watch)
            self._until_still(supervisor)
            reader.stop = True
            done.result()
        self._outcome()
        return {topic: Latency.of(np.concatenate(found)) for topic, found in reader.latencies_ns.items() if found}

    @contextmanager
    def processes(self) -> Iterator[Supervisor]:
        """Every process of the topology but feed, control plane and sink."""
        with Supervisor(self.instances, str(self.path), {}, lambda _: None) as supervisor:
            supervisor.start()
            yield supervisor

    def until_running(self, supervisor: Supervisor) -> None:
        """Until every process of agents is running."""
        self._wait(supervisor, lambda: all(status_of(i).get("state") == "running" for i in self.agents), "to start")

    def _until_still(self, supervisor: Supervisor) -> None:
        """Until everything is read, and nothing more is written."""
        self.until_running(supervisor)
        seen: list[Any] = [None, 0.0]

        def still() -> bool:
            ends = (
                tuple(end_offsets(self.stack.kafka, [(topic, 0) for topic in (*MARKET, *CAUSED)]).values())
                if caught_up(self.agents)
                else None
            )
            now_s = time.monotonic()
            if ends is None or ends != seen[0]:
                seen[:] = [ends, now_s]
            return ends is not None and now_s - seen[1] > STILL_S

        self._wait(supervisor, still, "to be done")

    def _wait(self, supervisor: Supervisor, condition: Any, what: str) -> None:
        bound_s = time.monotonic() + BOUND_S
        while not condition():
            supervisor.watch()
            assert time.monotonic() < bound_s, f"{self.path.name}: processes had {BOUND_S:.0f} s {what}"
            time.sleep(0.1)

    def _outcome(self) -> Backlog:
        written = {topic: len(self.ids_of(topic)) for topic in (*MARKET, *CAUSED)}
        for topic in MARKET:
            found = self.ids_of(topic)
            assert len(found), f"{topic}: nothing was written"
            assert (np.diff(found) == 1).all(), f"{topic}: ids are not dense"
        times = self._working_ms()
        return Backlog(sum(written[topic] for topic in MARKET), (times[-1] - times[0]) / 1000, written)

    def ids_of(self, topic: str) -> np.ndarray:
        """Ids of the run's committed records, in order."""
        return self.columns(topic)["id"].values

    def columns(self, topic: str) -> dict[str, bulk.Column]:
        """The run's committed records of a topic."""
        values, schema = [value for value, _ in self._read(topic)], model.for_topic(topic)
        found = bulk.decode(schema, values, self.wire.header(topic))
        assert found.rows == len(values), f"{topic}: {len(values) - found.rows} values cannot be read"
        return found.columns

    def _working_ms(self) -> list[int]:
        """Kafka's times of the journal entries that read or wrote records, ms."""
        found = []
        for value, timestamp_ms in self._read("journal.v1"):
            entry = self.wire.decode("journal.v1", value)
            if any(run.topic and not is_control(run.topic) for run in entry.inputs):
                found.append(timestamp_ms)
        return sorted(found)

    def _read(self, topic: str) -> Iterator[tuple[bytes, int]]:
        place = topic, 0
        with BulkConsumer(self.stack.kafka) as consumer:
            consumer.assign({place: self.start[place]})
            while True:
                messages = consumer.take(50_000, 5.0)
                for row in range(messages.count):
                    yield messages.value(row) or b"", int(messages.timestamp_ms[row])
                ended = place in messages.ends
                messages.release()
                if ended:
                    return


class _Reader:
    """Reads what a run writes, as it comes."""

    def __init__(self, run: Shipped) -> None:
        self.run_of, self.stop = run, False
        self.latencies_ns: dict[str, list[np.ndarray]] = {topic: [] for topic in (*MARKET, *CAUSED)}
        self.consumer = BulkConsumer(run.stack.kafka)
        self.consumer.assign({(topic, 0): run.start[topic, 0] for topic in self.latencies_ns})

    def run(self) -> None:
        """Until told to stop."""
        while not self.stop:
            messages = self.consumer.take(100_000, 0.05)
            now_ns = time.time_ns()
            for place, (topic, _) in enumerate(self.consumer.places):
                rows = np.flatnonzero(messages.place == place)
                if len(rows):
                    self._take(topic, messages.address[rows], messages.size[rows], now_ns)
            messages.release()
        self.consumer.close()

    def _take(self, topic: str, address: np.ndarray, size: np.ndarray, now_ns: int) -> None:
        found = bulk.decode_at(model.for_topic(topic), address, size, self.run_of.wire.header(topic))
        assert found.rows == len(address), f"{topic}: a value cannot be read"
        self.latencies_ns[topic].append(now_ns - found.columns["recv_ts_ns"].values)


def frames(count: int) -> list[tuple[int, bytes]]:
    """The first frames of a synthetic market: (receive time, payload)."""
    found = []
    for frame in SyntheticMarket(seconds=count / 900, events_per_s=1_000, seed=7).frames():
        found.append(frame)
        if len(found) == count:
            break
    return found


def shipped(stack: Endpoints, folder: Path, name: str, processes: dict[str, tuple[str, ...]], commit_ms: int) -> Shipped:
    """The topology of chain.yaml with these processes."""
    head = CHAIN.read_text().replace("name: chain", f"name: {name}", 1)
    rest = f"lane: kafka, commit: {commit_ms}ms, sizes: {{orders: 8192, executions: 16384, queue: 4096}}"
    lines = [f"  {p}: {{{rest}, agents: [{', '.join(agents)}]}}" for p, agents in processes.items()]
    path = folder / f"{name}.yaml"
    path.write_text("\n".join([head, "processes:", *lines, ""]))
    return Shipped(stack, path)
