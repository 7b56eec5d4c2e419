"""Rings as monitors see them."""

import numpy as np
import pytest

from streams.errors import LaneError
from streams.kernel import Struct
from streams.lanes.ring import Ring
from streams.lanes.ring_seen import look


class Word(Struct, align=64):
    """64 bytes."""

    value: int


def test_look_tells_of_writer_and_readers_what_the_ring_tells(tmp_path):
    ring = Ring.create(tmp_path / "some.ring", [Word], 128)
    writer, lane = ring.writer("feed", compiled=False), ring.reader("lane", compiled=False)
    ring.reader("top", lossy=True, compiled=False)
    writer.write(np.zeros((5, 64), np.uint8))
    lane.read(2)
    lane.commit()
    seen = look(tmp_path / "some.ring")
    assert (seen.slot_nbytes, seen.capacity, seen.head, seen.full, seen.used) == (64, 128, 5, 0, 3)
    assert (seen.writer, seen.writer_live) == ("feed", True)
    told = [(r.name, r.lossy, r.waited_for, r.live, r.behind, r.lost, r.overruns) for r in ring.readers()]
    assert [(r.name, r.lossy, r.waited_for, r.live, r.behind, r.lost, r.overruns) for r in seen.readers] == told
    ring.close()


def test_look_without_room_counts_full(tmp_path):
    ring = Ring.create(tmp_path / "some.ring", [Word], 64)
    writer, _ = ring.writer("feed", compiled=False), ring.reader("lane", compiled=False)
    assert writer.write(np.zeros((70, 64), np.uint8), patience_ns=0) == 64
    seen = look(tmp_path / "some.ring")
    assert (seen.used, seen.full > 0) == (64, True)
    ring.close()


def test_look_at_what_is_no_ring_says_so(tmp_path):
    (tmp_path / "x.ring").write_bytes(b"hello" * 2000)
    (tmp_path / "short.ring").write_bytes(b"")
    for name, words in (("x", "is no ring"), ("short", "is no ring"), ("none", "cannot be opened")):
        with pytest.raises(LaneError, match=words):
            look(tmp_path / f"{name}.ring")
