"""A shard of its own with a simulated venue and a gateway as processes that tests kill and start again."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from confluent_kafka import TopicPartition

from streams.config import Endpoints
from streams.lanes.bus import end_offset, open_consumer
from streams.lanes.control import COMMANDS
from streams.records import Clock, Command, CommandType, OrderAction, Shard, ShardKind, StartPosition, VenueEventType
from streams.schema import ids
from streams.schema.slots_in import prepare
from streams.venues.gateway_lane import EVENTS, REQUESTS
from streams.venues.sim.matcher import compiled
from tests.lanes.lane_kit import World
from tests.venues.sim_orders import book, instrument, request, trade

LETTERS = f"{REQUESTS}.dlq.v1"
MARKET = ("book_updates.v1", "trades.v1")
VENUE = """
import sys
from pathlib import Path
from streams.venues.sim.server import VenueSettings, run_venue
kafka, registry, venue, port, folder = sys.argv[1:]
sys.exit(run_venue(VenueSettings("venue", kafka, registry, "t", venue, int(port), Path(folder))))
"""
GATEWAY = """
import sys
from streams.venues.gateway import GatewaySettings, run_gateway
kafka, registry, venue, port, shard = sys.argv[1:]
sys.exit(run_gateway(GatewaySettings("gateway", int(shard), kafka, registry, "t", venue, f"ws://127.0.0.1:{port}/", 60_000_000_000)))
"""


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class VenueWorld(World):
    """Topics, names, an instrument of a venue that no other test has, and the two processes."""

    def __init__(self, stack: Endpoints, folder: Path) -> None:
        super().__init__(stack)
        topics = (*MARKET, REQUESTS, EVENTS, LETTERS)
        self._make_topics(topics)
        for topic in topics:
            self.wire.ids.register(topic)
        self.add_names([f"gateway/{self.shard}/{topic}" for topic in ("venue_events", "requests.dlq", "latency")])
        self.venue, self.folder, self.port = f"sim-{self.process}", folder, free_port()
        self._put("instruments.v1", instrument(self.venue), 0)
        self._put("shards.v1", Shard(0, 0, 0, 0, 0, ShardKind.INSTRUMENT, f"{self.venue}:BTCUSDT", self.shard), 0)
        self.running: dict[str, subprocess.Popen] = {}
        self.sequence = 0
        self.open_run()

    def open_run(self) -> int:
        """A run that begins at the ends of this shard's topics."""
        if not hasattr(self, "venue"):
            return super().open_run()
        self.run_number += 1
        starts = tuple(StartPosition(t, self.shard, end_offset(self.kafka, t, self.shard)) for t in (*MARKET, REQUESTS, EVENTS))
        now = time.time_ns()
        head = (ids.make(0, now & 0xFFFFFFFF), 0, self.run_number, now, now)
        self._put(COMMANDS, Command(*head, CommandType.RUN, "", "", self.run_number, "", "t", Clock.WALL, 0, now, 1.0, starts), 0)
        return self.run_number

    # ---- records ----
    def snapshot(self, bids, asks) -> None:
        self._put(MARKET[0], book(bids, asks, time.time_ns(), True, self.venue, run=self.run_number))

    def trade(self, side, px, qty) -> None:
        self._put(MARKET[1], trade(side, px, qty, time.time_ns(), self.venue, run=self.run_number))

    def request(self, action=OrderAction.NEW, order=None, age_s=0.0, **more) -> int:
        """Write a request; its sequence."""
        self.sequence += 1
        ts_ns = time.time_ns() - int(age_s * 1e9)
        self._put(REQUESTS, request(self.sequence, action, order, venue=self.venue, run=self.run_number, ts_ns=ts_ns, **more))
        return self.sequence

    def command(self, kind: CommandType, target: str = "") -> None:
        now = time.time_ns()
        self._put(COMMANDS, Command(ids.make(1, now & 0xFFFFFFFFFF), 0, self.run_number, now, now, kind, target, "test"), 0)

    def _put(self, topic: str, record, partition: int | None = None) -> None:
        self.sender.send(topic, self.shard if partition is None else partition, self.wire.encode(topic, record))
        self.sender.flush()

    # ---- processes ----
    def start(self, *names: str) -> None:
        compiled()  # once, before anybody waits for the venue
        prepare()
        for name in names:
            text, last = (VENUE, str(self.folder)) if name == "venue" else (GATEWAY, str(self.shard))
            arguments = [self.kafka, self.registry, self.venue, str(self.port), last]
            log = open(self.folder / f"{name}.log", "ab")  # noqa: SIM115 - the child's
            self.running[name] = subprocess.Popen([sys.executable, "-c", text, *arguments], stdout=log, stderr=log, env=os.environ)

    def kill(self, *names: str) -> None:
        for name in names:
            self.running[name].kill()
            self.running.pop(name).wait()

    def terminate(self, name: str) -> int:
        child = self.running.pop(name)
        child.terminate()
        return child.wait(20)

    def close(self) -> None:
        self.kill(*self.running)
        self.sender.close()

    # ---- what came of it ----
    def events(self):
        """The gateway's events of this run."""
        return [event for event in self.read(EVENTS) if event.run_id == self.run_number]

    def told(self):
        """(kind, sequence of the order, sequence of the request or None) of every event."""
        return [(e.kind.name, ids.sequence(e.order_id), e.request_id and ids.sequence(e.request_id)) for e in self.events()]

    def wait(self, condition, timeout_s: float = 40.0) -> None:
        """Until the condition holds of the world."""
        until = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < until, (self.told(), self.logs())
            time.sleep(0.1)

    def logs(self) -> str:
        """All that the processes logged."""
        return "\n".join(path.read_text() for path in sorted(self.folder.glob("*.log")))

    def wait_told(self, *expected) -> None:
        """Until exactly these events have been written."""
        self.wait(lambda: len(self.told()) >= len(expected))
        assert self.told() == list(expected), (self.told(), self.logs())

    def committed(self) -> int:
        """Offset under the gateway's group, relative to the run's first request."""
        consumer = open_consumer(self.kafka, f"t.gateway.{self.shard}")
        with contextlib.closing(consumer):
            return consumer.committed([TopicPartition(REQUESTS, self.shard)], 10.0)[0].offset

    def log_lines(self) -> list:
        """The venue's log of this run."""
        path = self.folder / f"venue-run-{self.run_number:06d}.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()]

    def arrivals(self) -> list[tuple[str, str]]:
        """(op, client order id) of every message that the venue took: the witness that no order came twice."""
        return [(line[2]["op"], line[2].get("cl_ord_id")) for line in self.log_lines() if line[0] == "in"]

    def check(self) -> None:
        """Ids dense, every NEW at most once at the venue, every execution of the venue written once and in order."""
        events = self.events()
        sequences = [ids.sequence(e.id) for e in events]
        assert sequences == list(range(sequences[0], sequences[0] + len(sequences)))
        sent = [c for op, c in self.arrivals() if op == "new"]
        assert len(sent) == len(set(sent))
        done = [line[2]["exec_id"] for line in self.log_lines() if line[0] == "out" and line[2]["report"] == "FILL"]
        assert [e.exec_id for e in events if e.kind == VenueEventType.FILL] == done
        answered = [e.request_id for e in events if e.request_id is not None]
        assert len(answered) == len(set(answered))
