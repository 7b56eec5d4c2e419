"""The rings of a shard: names and slots, lines of readers before they come, kept and made anew, removed."""

import json
import os
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from streams.agents.outbox import TABLES
from streams.errors import LaneError
from streams.lanes import fast_rings
from streams.lanes.fast_rings import FastShard, RingRun, live_run, remove_rings, rings_folder, shards_there
from streams.lanes.record_ring import RecordReader, RecordWriter
from streams.slots import SLOTS

RUN = RingRun(7, "demo", 1, 10, 20, 2.5, "0000000005", {"command": 3}, {"firm": "SCOPE"})


@pytest.fixture
def shard(tmp_path):
    return FastShard(tmp_path / "rings", 0, "feed", "trade", "gateway", ring_mib=1)


def test_create_all_makes_every_ring_with_its_readers_waited_for(shard):
    assert shard.create_all(RUN)
    found = {}
    for name in shard.plans():
        ring = shard.open(name)
        found[name] = (ring.slot_nbytes, sorted(line.name for line in ring.readers()))
        assert all(line.waited_for and not line.live and line.behind == 0 for line in ring.readers())
        assert ring.free_dead() == []
        ring.close()
    assert found == {
        "frames-feed": (256, ["feed", "mirror"]),
        "market-feed": (128, ["feed", "mirror", "trade"]),
        "trade": (256, ["gateway", "mirror", "trade"]),
        "records-gateway": (256, ["gateway", "mirror"]),
        "events-gateway": (128, ["mirror", "trade"]),
        "control": (256, ["feed", "gateway", "mirror", "trade"]),
        "kill": (256, ["gateway", "mirror", "trade"]),
    }


def test_writer_before_its_readers_waits_for_them(shard):
    shard.create_all(RUN)
    writer = shard.open(shard.market).writer("feed")
    slots = np.zeros((writer.ring.capacity + 5, 128), np.uint8)
    slots[:, 0] = 1
    assert writer.write(slots, patience_ns=1_000) == writer.ring.capacity
    for name in ("trade", "mirror", "feed"):
        reader = shard.open(shard.market).reader(name)
        assert len(reader.read(1 << 20)) == writer.ring.capacity
        reader.commit()
    assert writer.write(slots[:5], patience_ns=1_000) == 5


def huge_kib(path) -> int:
    """KiB of a file that this process has mapped in huge pages."""
    found, ours = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if "-" in line.split()[0]:
            ours = line.endswith(str(path))
        elif ours and line.startswith("ShmemPmdMapped:"):
            found += int(line.split()[1])
    return found


@pytest.mark.skipif(not Path("/dev/shm").is_dir() or not os.access("/dev/shm", os.W_OK), reason="this system has no /dev/shm")
def test_collapse_puts_large_rings_into_huge_pages_and_leaves_what_is_in_them():
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="millrace-huge-") as folder:
        shard = FastShard(Path(folder) / "rings", 0, "feed", "trade", "gateway", ring_mib=4)
        shard.create_all(RUN)
        writer = RecordWriter(shard.open(shard.frames).writer("feed"))
        for number in range(5_000):
            writer.write(number, "frames.v1", b"%d" % number)
        if refused := shard.collapse():
            pytest.skip(f"the host gives no huge pages: {refused}")
        assert shard.collapse() == ""
        ring = shard.open(shard.frames)
        assert ring.address % (2 << 20) == 0
        assert huge_kib(shard.path(shard.frames)) >= 4 << 10
        assert [record.payload for record in RecordReader(ring.reader("mirror")).take(5_000)] == [b"%d" % n for n in range(5_000)]
        assert huge_kib(shard.path(shard.kill)) == 0
        writer.writer.leave()
        writer.writer.ring.close()
        ring.close()


def run_of(shard):
    """The run of a shard's rings but for their generation."""
    found = shard.run()
    assert found.generation > 0
    return replace(found, generation=0)


def test_rings_of_the_same_run_are_kept_of_another_made_anew(shard):
    shard.create_all(RUN)
    writer = RecordWriter(shard.open(shard.frames).writer("feed"))
    writer.write(1, "frames.v1", b"x")
    shard.checkpoint_path("trade").write_text("state")
    writer.writer.leave()
    generation = shard.run().generation
    assert not shard.create_all(RUN)
    assert (shard.open(shard.frames).head, run_of(shard), shard.run().generation) == (1, RUN, generation)
    assert shard.checkpoint_path("trade").exists()
    assert shard.create_all(RingRun(8))
    assert (shard.open(shard.frames).head, run_of(shard)) == (0, RingRun(8))
    assert shard.run().generation != generation
    assert not shard.checkpoint_path("trade").exists()


@pytest.mark.parametrize("loss", ["a ring", "the marker", "the host"])
def test_rings_that_are_not_whole_are_made_anew(shard, loss):
    shard.create_all(RUN)
    RecordWriter(shard.open(shard.frames).writer("feed")).write(1, "frames.v1", b"x")
    if loss == "a ring":
        shard.path(shard.control).unlink()
    elif loss == "the marker":
        (shard.folder / "0.run").unlink()
    else:
        (shard.folder / "0.run").write_text(json.dumps(json.loads((shard.folder / "0.run").read_text()) | {"boot": "another"}))
        assert shard.run() is None
    assert shard.create_all(RUN)
    assert shard.open(shard.frames).head == 0


@pytest.mark.parametrize("mirrored", [True, False])
def test_rings_of_another_layout_are_made_anew_once_they_are_mirrored(shard, mirrored, monkeypatch):
    shard.create_all(RUN)
    mirror = RecordReader(shard.open(shard.frames).reader("mirror"))
    RecordWriter(shard.open(shard.frames).writer("feed")).write(1, "frames.v1", b"x")
    assert shard.unmirrored() == 1
    if mirrored:
        mirror.take()
        mirror.commit()
        assert shard.unmirrored() == 0
    monkeypatch.setattr(fast_rings, "ABOUT", {"topics": "those of another version"})
    if mirrored:
        assert shard.create_all(RUN)
        assert shard.open(shard.frames).head == 0
    else:
        with pytest.raises(LaneError, match=r"topics of the ring are .*; 1 slots are in no topic yet: run the version that wrote them"):
            shard.create_all(RUN)
        assert shard.path(shard.frames).exists()


def test_rings_without_room_leave_nothing_behind(shard, monkeypatch):
    real = os.posix_fallocate

    def refuse(fd, start, nbytes):
        if nbytes > 1 << 20 and len(list(shard.folder.glob("*.ring"))) == 4:
            raise OSError(28, "No space left on device")
        real(fd, start, nbytes)

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    with pytest.raises(LaneError, match="cannot be reserved"):
        shard.create_all(RUN)
    assert list(shard.folder.iterdir()) == []


def test_shards_do_not_touch_each_other(shard):
    other = FastShard(shard.folder, 1, "feed", "trade", "gateway", ring_mib=1)
    shard.create_all(RUN)
    other.create_all(RingRun(8))
    assert other.open(other.own).readers()[0].name == "gateway.1"
    assert [number for number, _ in shards_there(shard.folder)] == [0, 1]
    assert live_run(shard.folder) == other.run()
    remove_rings(shard.folder, keep=(0,))
    assert not other.path(other.own).exists()
    assert shards_there(shard.folder) == [(0, shard.run())]
    assert shard.open(shard.own).head == 0
    remove_rings(shard.folder)
    assert not shard.folder.exists()
    assert live_run(shard.folder) is None


def test_lane_ring_holds_every_slot_that_a_process_writes(shard):
    assert {SLOTS[kind] for kind in TABLES} <= {*shard.plans()["trade"].slots}


def test_folder_is_memory_if_there_is_enough_of_it(tmp_path, monkeypatch):
    monkeypatch.setattr(fast_rings, "_SHM", tmp_path)
    if os.statvfs(tmp_path).f_blocks * os.statvfs(tmp_path).f_frsize >= 1 << 30:
        assert rings_folder(tmp_path / "home").parent == tmp_path
        assert rings_folder(tmp_path / "home").name.startswith("millrace-")
        assert rings_folder(tmp_path / "home") != rings_folder(tmp_path / "other")
    monkeypatch.setattr(fast_rings, "_SHM_NBYTES", 1 << 62)
    assert rings_folder(tmp_path / "home") == tmp_path / "home" / "rings"
    monkeypatch.setattr(fast_rings, "_SHM", tmp_path / "none")
    assert rings_folder(tmp_path / "home") == tmp_path / "home" / "rings"


def test_folder_of_another_user_is_refused(shard, monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: 123_456)
    with pytest.raises(LaneError, match="belongs to another user"):
        shard.create_all(RUN)
