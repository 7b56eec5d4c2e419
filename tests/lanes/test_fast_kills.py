"""Real kills around the rings of a shard: a feed, a lane and a mirror that are killed at any moment end where none of them was killed.

The three are small, but they keep to the rules of the fast lane: the feed goes on after the last record of its ring; the lane writes down
what it takes before it steps it, restarts from its checkpoint and what the rings hold, compares what it writes again with what is there;
the mirror commits what its file has.
"""

import os
import random
import time
from hashlib import blake2b

import pytest

from streams.errors import RestoreError
from streams.lanes.checkpoint import Checkpoint
from streams.lanes.fast_rings import FastShard, RingRun
from streams.lanes.record_ring import END, RecordReader, RecordWriter
from tests.lanes.ring_kit import Child, until

RUN, FRAMES, OUTPUTS = 7, "frames.v1", "fills.v1"
_PATIENCE_NS = 20_000_000_000


def frame(number):
    """The payload of a frame: 8 to some thousand bytes that follow from its number."""
    return blake2b(number.to_bytes(8, "little"), digest_size=8).digest() * (1 + number * number % 173)


class Lane:
    """A state that every frame changes, and an output for every third of them."""

    def __init__(self, digest=b"", count=0):
        self.digest, self.count = digest, count

    def step(self, payload):
        self.count += 1
        self.digest = blake2b(self.digest + payload, digest_size=16).digest()
        return [(self.count, self.digest * (1 + self.count % 40))] if self.count % 3 == 0 else []


def feed(shard, upto):
    """Write frames after the last one that the ring has, which it always keeps."""
    ring = shard.open(shard.frames)
    mine = RecordReader(ring.reader(shard.feed_label))
    writer = RecordWriter(ring.writer(shard.feed_label))

    def last():
        records = _all(mine)
        if records:
            mine.commit_to(records[-1].number)
        return records[-1].id if records else 0

    for number in range(last() + 1, upto + 1):
        assert writer.write(number, FRAMES, frame(number), patience_ns=_PATIENCE_NS) >= 0
        if number % 50 == 0:
            last()
            time.sleep(0.01)  # so that the kills meet them at work
    return True


def lane(shard, upto, each):
    """Restart, then take frames and write down what came of them, with a checkpoint every so many."""
    inputs, own = RecordReader(shard.open(shard.frames).reader(shard.mirror_label)), RecordReader(shard.open(shard.own).reader("trade"))
    writer = RecordWriter(shard.open(shard.own).writer("trade"))
    checkpoint = Checkpoint(shard.checkpoint_path("trade"))
    saved = checkpoint.load(RUN)
    state = Lane()
    if saved is not None:
        state = Lane(saved.parts["lane"][2], saved.extra["count"])
        inputs.seek(saved.positions[shard.frames])
        own.seek(saved.positions[shard.own])
    for taken in (written := iter(_all(own))):  # re-execute what it had begun
        assert taken.topic == END
        for record in _whole(inputs, taken.a, taken.b):
            for id, payload in state.step(record.payload):
                there = next(written, None)
                if there is None:
                    writer.write(id, OUTPUTS, payload, patience_ns=_PATIENCE_NS)
                elif (there.id, there.payload) != (id, payload):
                    raise RestoreError(f"record {there.id} of the ring is not what it was")
    since = 0
    while state.count < upto:
        _all(own)  # its position goes with the state: what a restart has written again is in both
        if (done := checkpoint.done()) is not None:
            inputs.commit_to(done[shard.frames])
            own.commit_to(done[shard.own])
        due = since >= each or max(inputs.reader.held, own.reader.held) > 0.5  # without input too: the feed may be waiting for it
        if due and not checkpoint.busy:
            since = 0
            positions = {shard.frames: inputs.next, shard.own: own.next}
            checkpoint.save(RUN, positions, {"lane": ("1", "[]", state.digest)}, {"count": state.count})
        first, ready = inputs.next, min(inputs.reader.poll(), 400)
        if not ready:
            time.sleep(0.0002)
            continue
        records = inputs.take(7, first + ready)
        writer.write(0, END, b"", a=first, b=inputs.next - first, patience_ns=_PATIENCE_NS)
        for record in records:
            for id, payload in state.step(record.payload):
                assert writer.write(id, OUTPUTS, payload, patience_ns=_PATIENCE_NS) >= 0
        since += len(records)
    return True


def mirror(shard, path, upto):
    """Append outputs to a file, a line each; what it has is committed."""
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    reader = RecordReader(shard.open(shard.own).reader("gateway"))
    last = int(lines[-1].split()[0]) if lines else -1
    with path.open("r+b" if path.exists() else "w+b") as file:
        file.truncate(sum(len(line) + 1 for line in lines))
        file.seek(0, os.SEEK_END)
        while last < upto:
            records = reader.take(50)
            for record in records:
                if record.topic == OUTPUTS and record.id > last:
                    last = record.id
                    file.write(b"%d %s\n" % (record.id, record.payload.hex().encode()))
            file.flush()
            reader.commit()
            if not records:
                time.sleep(0.0002)
    return True


def _all(reader):
    found = []
    while records := reader.take():
        found += records
    return found


def _whole(reader, first, count):
    """The records of slots that were taken once."""
    assert reader.next == first
    found = []
    while reader.next < first + count:
        found += reader.take(upto=first + count)
    return found


@pytest.fixture
def shard(tmp_path):
    made = FastShard(tmp_path / "rings", 0, "feed", "trade", "gateway", ring_mib=1)
    made.create_all(RingRun(RUN))
    for name in (made.frames, made.own):  # those that play no part here
        ring = made.open(name)
        for reader in {made.frames: (), made.own: ("mirror",)}[name]:
            ring.free(reader)
        ring.close()
    return made


@pytest.mark.slow
def test_kills_of_feed_lane_and_mirror_end_where_none_was_killed(shard, tmp_path):
    upto, chance, path = 6_000, random.Random(11), tmp_path / "outputs"
    start = {
        "feed": lambda: Child(lambda: feed(shard, upto)),
        "lane": lambda: Child(lambda: lane(shard, upto, 200)),
        "mirror": lambda: Child(lambda: mirror(shard, path, upto)),
    }
    ring, running = shard.open(shard.own), {name: make() for name, make in start.items()}
    try:
        kills = 0
        while len(left := [name for name, child in running.items() if not child.over()]) == len(start):
            head = ring.head
            until(lambda head=head: ring.head > head or running["lane"].over(), "the lane to write")
            time.sleep(chance.random() * 0.03)  # where in its work the kill meets it must not matter
            name = chance.choice(left)
            if not running[name].over():
                running[name].kill()
                running[name] = start[name]()
                kills += 1
        assert [child.join() for child in running.values()] == [0, 0, 0]
        assert kills >= 5
    finally:
        for child in running.values():
            child.kill()
    state, expected = Lane(), []
    for number in range(1, upto + 1):
        expected += [b"%d %s" % (id, payload.hex().encode()) for id, payload in state.step(frame(number))]
    assert path.read_bytes().split(b"\n")[:-1] == expected
