"""The rings of a checkout: kept by `down` while they hold what no topic has, else removed."""

import shutil

import pytest

from streams.errors import LaneError
from streams.lanes.fast_rings import FastShard, RingRun, rings_folder
from streams.topology.fast import check_room, checkpoint_path, drop_rings, follow_home, note_rings, rings_of, unmirrored
from streams.topology.instances import instances
from streams.topology.model import load
from tests.topology.files import DEMO

FAST = DEMO.with_name("fast.yaml")


@pytest.fixture
def shard(tmp_path, monkeypatch):
    """Small rings in the folder of a state folder of its own."""
    monkeypatch.setenv("MILLRACE_HOME", str(tmp_path))
    made = FastShard(rings_folder(), 0, "feed", "trade", "gateway", ring_mib=1)
    made.create_all(RingRun(run_number=1))
    yield made
    drop_rings(always=True)


def test_rings_of_a_topology_are_named_by_its_processes(tmp_path, monkeypatch):
    monkeypatch.setenv("MILLRACE_HOME", str(tmp_path))
    topology = load(FAST)
    rings = rings_of(topology, 0)
    assert (rings.feed, rings.lane, rings.gateway, rings.mirror, rings.ring_mib) == ("feed", "trade", "gateway", "mirror", 64)
    trade = next(one for one in instances(topology) if one.name == "trade")
    assert checkpoint_path(topology, trade).parent == rings.folder == rings_folder()


def test_drop_rings_that_topics_hold_removes_them(shard):
    assert unmirrored(shard.folder) == 0
    assert drop_rings() == f"removed {shard.folder}"
    assert (shard.folder.exists(), drop_rings()) == (False, "")


def test_drop_rings_that_no_topic_holds_keeps_them_unless_told(shard):
    ring = shard.open(shard.own)
    writer = ring.writer("trade", compiled=False)
    assert writer.write(bytes(3 * ring.slot_nbytes)) == 3
    writer.leave()
    ring.close()
    assert drop_rings() == "kept: 3 slots are in no topic yet; `millrace run` goes on with them, `millrace down --purge` drops them"
    assert shard.path(shard.own).exists()
    assert drop_rings(always=True) == f"removed {shard.folder}"


def test_check_room_of_rings_that_no_host_has_refuses_and_says_what_fits():
    topology = load(FAST)
    vast = topology.model_copy(update={"fast": topology.fast.model_copy(update={"ring_mib": 1 << 30})})
    with pytest.raises(LaneError, match=r"fast.ring: 1,073,741,824 MiB make .* MiB free; write \d+ MiB or less, or use fewer shards"):
        check_room(vast)
    check_room(topology)
    check_room(load(DEMO))


def test_nbytes_of_a_shard_is_what_its_files_take(shard):
    taken = sum(path.stat().st_size for path in shard.folder.glob("*.ring"))
    assert 0 < taken - shard.nbytes < len(shard.plans()) * 32_768  # their heads


def test_rings_follow_a_state_folder_that_was_moved_and_not_one_that_was_copied(tmp_path, monkeypatch):
    before, after = tmp_path / "before", tmp_path / "after"
    monkeypatch.setenv("MILLRACE_HOME", str(before))
    shard = FastShard(rings_folder(), 0, "feed", "trade", "gateway", ring_mib=1)
    shard.create_all(RingRun(run_number=1))
    note_rings()
    shutil.copytree(before, after)
    monkeypatch.setenv("MILLRACE_HOME", str(after))
    follow_home()
    assert not rings_folder().exists()
    shutil.rmtree(after)
    before.rename(after)
    follow_home()
    assert [path.name for path in rings_folder().glob("*.run")] == ["0.run"]
    assert (shard.folder.exists(), drop_rings()) == (False, f"removed {rings_folder()}")
