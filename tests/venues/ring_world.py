"""The world of `sim_world` with a gateway on rings: the test is the lane, the gateway a process that is killed for real."""

import os
import subprocess
import sys
import time
from pathlib import Path

from streams.config import Endpoints
from streams.lanes.control import read_control
from streams.lanes.fast_rings import FastShard, RingRun
from streams.lanes.record_ring import RecordReader
from streams.lanes.writers import dlq_topic
from streams.records import Name, NameKind, OrderAction
from streams.schema import ids
from streams.venues.gateway_known import Known
from streams.venues.gateway_lane import EVENTS
from tests.venues.sim_orders import request
from tests.venues.sim_world import VenueWorld

GATEWAY = """
import sys
from pathlib import Path
from streams.lanes.fast_rings import FastShard
from streams.venues.gateway import GatewaySettings, run_gateway
kafka, registry, venue, port, shard, folder = sys.argv[1:]
rings = FastShard(Path(folder), int(shard), "feed", "trade", "gateway", ring_mib=2)
url = f"ws://127.0.0.1:{port}/"
sys.exit(run_gateway(GatewaySettings("gateway", int(shard), kafka, registry, "t", venue, url, 60_000_000_000, rings=rings)))
"""


class RingVenueWorld(VenueWorld):
    """One run: the rings are made once."""

    def __init__(self, stack: Endpoints, folder: Path) -> None:
        super().__init__(stack, folder)
        self._name(NameKind.INSTRUMENT, f"{self.venue}:BTCUSDT")
        for kind, text in ((NameKind.ACCOUNT, "maker-1"), (NameKind.STRATEGY, "maker"), (NameKind.CURRENCY, "USDT")):
            self._name(kind, text)
        self.add_names([f"gateway/{self.shard}/venue_events.dlq"])
        self._make_topics([dlq_topic(EVENTS)])
        self.wire.ids.register(dlq_topic(EVENTS))
        rings = self.rings = FastShard(folder / "rings", self.shard, "feed", "trade", "gateway", ring_mib=2)
        rings.create_all(RingRun(self.run_number))
        self.own = rings.open(rings.own).writer("trade")
        self.records = RecordReader(rings.open(rings.records).reader(rings.mirror_label))
        self.slots_end = rings.open(rings.events).reader(rings.lane_label)
        self.edge = Known.of_control(self.wire, read_control(self.kafka, self.wire)).edge
        self.found, self.slots = [], []

    def _name(self, kind: NameKind, text: str) -> None:
        known = read_control(self.kafka, self.wire, ("names.v1",)).numbers[kind]
        if text not in known:
            record = Name(ids.make(0, 1), 0, 0, 0, 0, kind, len(known), text, 1)
            self._put("names.v1", record, 0)

    def request(self, action=OrderAction.NEW, order=None, age_s=0.0, **more) -> int:
        """A request in the lane's ring; its sequence."""
        self.sequence += 1
        ts_ns = time.time_ns() - int(age_s * 1e9)
        record = request(self.sequence, action, order, venue=self.venue, run=self.run_number, ts_ns=ts_ns, **more)
        assert self.own.write(self.edge.to_slots(record).ljust(256, b"\0")) == 1
        return self.sequence

    def start(self, *names: str) -> None:
        for name in names:
            if name != "gateway":
                super().start(name)
                continue
            arguments = [self.kafka, self.registry, self.venue, str(self.port), str(self.shard), str(self.rings.folder)]
            log = open(self.folder / "gateway.log", "ab")  # noqa: SIM115 - the child's
            self.running[name] = subprocess.Popen([sys.executable, "-c", GATEWAY, *arguments], stdout=log, stderr=log, env=os.environ)

    def events(self):
        """Every event in the ring of records; the lane's slots beside them."""
        self.found += [self.wire.decode(EVENTS, r.payload) for r in self.records.take() if r.topic == EVENTS]
        self.records.commit()
        self.slots += [slot.tobytes() for slot in self.slots_end.read(4_000)]
        self.slots_end.commit()
        return self.found

    def check(self) -> None:
        """As before, and the lane got the slot of each record in order."""
        super().check()
        assert self.slots == [self.edge.to_slots(e) for e in self.events()]
