"""Requests out of a lane's ring, compiled and plain, against the slots that were written."""

import random

import numpy as np
import pytest

from streams.lanes.fast_rings import FastShard, RingRun
from streams.lanes.fast_slots import KIND_STAMPS, KIND_TAKEN, StampSlot, TakenSlot
from streams.lanes.record_ring import RecordWriter
from streams.records import OrderAction
from streams.schema import ids
from streams.slots import KIND_ORDER
from streams.venues.gateway_walk import RequestReader
from streams.venues.sim.request_text import request_text
from tests.venues.ring_gateway_kit import EPOCH, known_of, wire_of
from tests.venues.sim_orders import request


@pytest.fixture
def ring(tmp_path):
    shard = FastShard(tmp_path, 0, "feed", "trade", "gateway", ring_mib=1)
    shard.create_all(RingRun(7))
    made = shard.open(shard.own)
    for line in made.readers():
        made.free(line.name)
    return made


def filled(ring, edge, rng, rounds):
    """Write what a lane writes; (slot number, wire_ns, checked_ns, request) of each request."""
    writer, found, stamps = ring.writer("trade"), [], (0, 0)
    records = RecordWriter(writer)
    for n in range(1, rounds + 1):
        what = rng.random()
        if what < 0.2:
            taken = TakenSlot(first=n)
            taken.stamp(0, 0, 0, 0, -1, KIND_TAKEN, -1)
            writer.write(taken.pack().tobytes().ljust(256, b"\0"))
        elif what < 0.4:  # a payload full of what look like requests
            records.write(n, "alerts.v1", edge.to_slots(request(n)) * rng.randrange(9))
        elif what < 0.6:
            stamps = rng.randrange(1 << 40), rng.randrange(1 << 40)
            head = StampSlot(wire_ns=stamps[0], checked_ns=stamps[1])
            head.stamp(0, n, 0, 0, -1, KIND_STAMPS, -1)
            writer.write(head.pack().tobytes().ljust(256, b"\0"))
        elif what < 0.8:
            order = np.zeros(256, np.uint8)
            order[36] = KIND_ORDER
            writer.write(order)
        else:
            record = request(n, rng.choice(list(OrderAction)), 1, run=7)
            found.append((ring.head, *stamps, record))
            writer.write(edge.to_slots(record).ljust(256, b"\0"))
    return found


@pytest.mark.parametrize("seed", range(4))
def test_request_reader_compiled_and_plain_find_each_request_with_its_stamps(ring, seed):
    edge, rng = known_of(wire_of()).edge, random.Random(seed)
    readers = [RequestReader(ring.reader(str(c), start="now", compiled=c), edge, 7, 5) for c in (True, False)]
    wanted = filled(ring, edge, rng, 300)
    for reader in readers:
        found = []
        while rows := reader.take():
            found += rows
        assert [(f.number, f.wire_mono_ns, f.checked_mono_ns) for f in found] == [w[:3] for w in wanted]
        epoch = edge.dictionary.epoch
        assert [f.text for f in found] == [request_text(w[3], ids.cl_ord_id(epoch, w[3].order_id)) for w in wanted]
        assert [f.request.id for f in found] == [w[3].id for w in wanted]
        assert reader.reader.next == ring.head


@pytest.mark.parametrize("compiled", [True, False])
def test_request_that_only_python_can_write_has_its_text_like_its_neighbours(ring, compiled):
    edge = known_of(wire_of()).edge
    reader = RequestReader(ring.reader("r", start="now", compiled=compiled), edge, 7, 5)
    wanted = [request(1, run=7), request(2, run=7, expire_ts_ns=-5), request(3, run=7)]
    ring.writer("trade").write(b"".join(edge.to_slots(record).ljust(256, b"\0") for record in wanted))
    assert [f.text for f in reader.take()] == [request_text(r, ids.cl_ord_id(EPOCH, r.order_id)) for r in wanted]


def test_request_that_cannot_be_read_says_why_and_its_neighbours_have_no_text(ring):
    edge = known_of(wire_of()).edge
    reader = RequestReader(ring.reader("r", start="now"), edge, 7, 5)
    damaged = bytearray(edge.to_slots(request(1, run=7)).ljust(256, b"\0"))
    damaged[32] = 77
    ring.writer("trade").write(bytes(damaged) + edge.to_slots(request(2, run=7)).ljust(256, b"\0"))
    bad, good = reader.take()
    assert good.request is not None
    assert (bad.request, good.request.id, bad.text, good.text) == (None, ids.make(9, 2), None, None)
    assert "77" in bad.reason
