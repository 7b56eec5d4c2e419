"""Many people who stop trading at once, some killed while they do: each command arrives whole and once, nobody waits for the dead."""

import time

import pytest

from streams.lanes.fast_rings import FastShard, RingRun
from streams.lanes.kill_ring import tell
from streams.lanes.record_ring import RecordReader
from tests.lanes.ring_kit import Child, until

RUN = 7


@pytest.fixture
def shard(tmp_path):
    made = FastShard(tmp_path / "rings", 0, "feed", "trade", "gateway", ring_mib=1)
    made.create_all(RingRun(RUN))
    return made


def give(shard, who, count):
    """Commands of one person; every one must have reached the ring."""
    for number in range(1, count + 1):
        id = who * 1_000 + number
        while tell(id, RUN, 1, b"%d" % id * 40, shard.folder)[0].reason:  # others were quicker for 50 ms: once more
            pass
    return True


def test_commands_of_many_at_once_each_arrive_whole_and_once(shard):
    children = [Child(lambda who=who: give(shard, who, 25)) for who in range(4)]
    reader, found = RecordReader(shard.open("kill").reader("trade")), []
    try:
        until(lambda: all(child.over() for child in children), "people to give their commands")
    finally:
        for child in children:
            child.kill()
    assert [child.join() for child in children] == [0] * 4
    while records := reader.take():
        found += records
    assert sorted(record.id for record in found) == [who * 1_000 + number for who in range(4) for number in range(1, 26)]
    assert all(record.payload == b"%d" % record.id * 40 for record in found)


def test_writer_killed_in_its_place_is_waited_for_by_nobody(shard):
    ring = shard.open("kill")

    def hold():
        shard.open("kill").writer("kill")
        time.sleep(60)

    child = Child(hold)
    until(lambda: ring.writer_lives, "the other to take its place")
    child.kill()
    assert tell(5, RUN, 1, b"x", shard.folder)[0].reason == ""
    assert [record.id for record in RecordReader(ring.reader("trade")).take()] == [5]
