"""What `millrace status` says of rings: how full, who is behind, who is gone."""

from streams.commands.rings_shown import ring_lines
from streams.lanes.fast_rings import FastShard, RingRun
from streams.lanes.record_ring import RecordReader, RecordWriter


def test_ring_lines_say_how_full_who_is_behind_and_who_is_gone(tmp_path):
    assert list(ring_lines(tmp_path)) == []
    shard = FastShard(tmp_path, 0, "feed", "trade", "gateway", ring_mib=1)
    shard.create_all(RingRun(3))
    rings = [shard.open("frames-feed") for _ in range(3)]
    writer, mirror = RecordWriter(rings[0].writer("feed")), RecordReader(rings[1].reader("mirror"))
    for number in range(1_024):
        writer.write(number, "frames.v1", b"x")
    mirror.take(24)
    mirror.commit()
    first, *lines = list(ring_lines(tmp_path))
    assert first.split() == ["rings", "run", "3", "shard", "0", str(tmp_path)]
    assert [line.split()[0] for line in lines] == [f"{name}.0" for name in sorted(shard.plans())]
    line = next(line for line in lines if "frames-feed" in line)
    assert " ".join(line.split()) == (
        "frames-feed.0 1,024 slots 25 % of 4,096 used mirror: behind 1,000 feed: behind 1,024, gone, waited for"
    )
    monitor = rings[2].reader("top", lossy=True)
    for number in range(3_072):
        writer.write(number, "frames.v1", b"x")
    assert writer.write(1, "frames.v1", b"x", patience_ns=1_000) == -1
    writer.writer.leave()
    line = next(line for line in ring_lines(tmp_path) if "frames-feed" in line)
    assert "4,096 slots" in line
    assert "100 % of 4,096 used  no room 2 times  writer feed is gone" in line
    assert "top: behind 3,072" in line
    monitor.leave()


def test_ring_lines_of_a_stopped_run_name_nobody_as_gone(tmp_path):
    shard = FastShard(tmp_path, 0, "feed", "trade", "gateway", ring_mib=1)
    shard.create_all(RingRun(3))
    rings = [shard.open("frames-feed") for _ in range(2)]
    writer, mirror = RecordWriter(rings[0].writer("feed")), rings[1].reader("mirror")
    writer.write(1, "frames.v1", b"x")
    assert any("gone" in line for line in ring_lines(tmp_path))
    writer.writer.leave()
    mirror.detach()
    first, *lines = list(ring_lines(tmp_path))
    assert first.endswith("no process runs")
    (line,) = [line for line in lines if "frames-feed" in line]
    assert " ".join(line.split()) == "frames-feed.0 1 slots 0 % of 4,096 used mirror: behind 1 feed: behind 1"
    assert not any("gone" in line for line in lines)


def test_ring_that_cannot_be_read_is_a_line_too(tmp_path):
    shard = FastShard(tmp_path, 0, "feed", "trade", "gateway", ring_mib=1)
    shard.create_all(RingRun(3))
    shard.path("control").write_bytes(b"nothing")
    (line,) = [line for line in ring_lines(tmp_path) if "control" in line]
    assert "is no ring; remove it" in line
