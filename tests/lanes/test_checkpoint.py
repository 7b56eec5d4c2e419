"""Checkpoints: whole or not at all, of one run, checked by hash; a kill at any moment leaves one that can be read."""

import os
import random
import threading
import time

import pytest

from streams.errors import LaneError, RestoreError
from streams.lanes.checkpoint import Checkpoint, Saved
from tests.lanes.ring_kit import Child, until

PARTS = {"node": ("abc", "[]", bytes(range(256)) * 100), "control": ("json-1", "[]", b"{}"), "empty": ("x", "", b"")}


def written(path, run=7, positions=None, parts=PARTS, extra=None):
    checkpoint = Checkpoint(path)
    checkpoint.save(run, positions or {"market-feed": 12}, parts, extra or {"places": [["names.v1", 0, 5]]})
    checkpoint.wait()
    return checkpoint


def test_load_gives_what_was_saved(tmp_path):
    written(tmp_path / "trade.0.checkpoint")
    found = Checkpoint(tmp_path / "trade.0.checkpoint").load(7)
    assert found == Saved(7, {"market-feed": 12}, PARTS, {"places": [["names.v1", 0, 5]]})


def test_load_without_one_or_of_another_run_gives_none(tmp_path):
    assert Checkpoint(tmp_path / "none").load(7) is None
    assert written(tmp_path / "c").load(8) is None


def test_done_gives_the_positions_once_written(tmp_path):
    checkpoint = Checkpoint(tmp_path / "c")
    assert checkpoint.done() is None
    checkpoint.save(7, {"a": 1}, PARTS, {})
    checkpoint.save(7, {"a": 2}, PARTS, {})
    checkpoint.wait()
    assert checkpoint.done() == {"a": 2}
    assert checkpoint.done() is None
    assert [p.name for p in tmp_path.iterdir()] == ["c"]


def test_failed_save_keeps_the_one_before_and_gives_no_positions(tmp_path, monkeypatch):
    checkpoint = written(tmp_path / "c")
    checkpoint.done()

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    checkpoint.save(7, {"market-feed": 99}, PARTS, {})
    checkpoint.wait()
    assert checkpoint.done() is None
    assert "No space left" in (checkpoint.failed or "")
    found = checkpoint.load(7)
    assert found is not None
    assert found.positions == {"market-feed": 12}
    assert [p.name for p in tmp_path.iterdir()] == ["c"]


@pytest.mark.parametrize("at", [0, 25, 60, -1])
def test_damaged_byte_is_refused(tmp_path, at):
    path = tmp_path / "c"
    checkpoint = written(path)
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    with pytest.raises(RestoreError, match=r"is damaged|is no checkpoint"):
        checkpoint.load(7)
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(RestoreError, match=r"is damaged|is no checkpoint"):
        checkpoint.load(7)


def test_wait_longer_than_allowed_says_so(tmp_path, monkeypatch):
    checkpoint, go = Checkpoint(tmp_path / "c"), threading.Event()
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda *args: (go.wait(10), replace(*args)))
    checkpoint.save(7, {}, PARTS, {})
    assert checkpoint.busy
    assert checkpoint.done() is None
    with pytest.raises(LaneError, match="was not written within 0 s"):
        checkpoint.wait(0.0)
    go.set()
    checkpoint.wait()
    assert checkpoint.done() == {}


def test_kills_while_saving_leave_a_whole_one(tmp_path):
    path, chance = tmp_path / "c", random.Random(4)

    def save_on():
        for number in range(1 << 30):
            written(path, positions={"r": number}, parts={"node": ("l", "[]", number.to_bytes(8, "little") * 20_000)}).wait()

    best = -1
    for _ in range(12):
        child = Child(save_on)
        time.sleep(0.02 + 0.03 * chance.random())  # where in its work the kill meets it must not matter
        child.kill()
        found = Checkpoint(path).load(7)
        if found is not None:
            number = found.positions["r"]
            assert found.parts["node"][2] == number.to_bytes(8, "little") * 20_000
            best = max(best, number)
    assert best >= 0


def test_thread_with_nothing_to_write_ends_and_the_next_one_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr("streams.lanes.checkpoint._LASTS_S", 0.02)
    before = set(threading.enumerate())
    checkpoint = written(tmp_path / "c")
    for run in range(20):
        time.sleep(0.001 * (run + 10))  # about when it ends
        checkpoint.save(run, {"a": run}, PARTS, {})
        checkpoint.wait()
        assert checkpoint.done() == {"a": run}
    until(lambda: not set(threading.enumerate()) - before, "the thread to end")
