"""One process: the ring against a slow twin, plain and compiled; layouts, names and places."""

import os
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.errors import ConfigError, LaneError
from streams.kernel import I32, Struct
from streams.kernel.atomics import load_acquire
from streams.kernel.parity import unequal
from streams.lanes import ring_group, ring_kernel, ring_layout
from streams.lanes.ring import Ring
from streams.lanes.ring_ends import ReaderGroup
from streams.lanes.waiting import POLICIES, waiting_policy
from streams.slots import LevelSlot, OrderSlot, QuoteSlot, TradeSlot
from tests.lanes.ring_kit import Note

numbers = count()


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "ring")


class SlowRing:
    """The ring as lists: every slot ever published, and where each reader is. A copy of `ahead` and of where a lossy reader goes on."""

    def __init__(self, capacity):
        self.capacity, self.slots, self.claimed = capacity, [], 0
        self.next, self.committed, self.lost, self.lossy = {}, {}, {}, {}

    def join(self, name, lossy):
        self.next[name] = self.committed[name] = len(self.slots)
        self.lost[name], self.lossy[name] = 0, lossy

    def write(self, values):
        room = self.capacity - max([len(self.slots) - c for name, c in self.committed.items() if not self.lossy[name]], default=0)
        done = 0
        while done < len(values):
            free = room - done if self.committed and not all(self.lossy.values()) else len(values)
            part = min(len(values) - done, self.capacity // 4)
            part = part if part <= free else free
            if part <= 0:
                break
            if len(self.slots) + part > self.claimed:
                self.claimed = len(self.slots) + part + min(64, self.capacity // 8)
            self.slots += values[done : done + part]
            done += part
        return done

    def read(self, name, most):
        if self.lossy[name] and self.claimed - self.next[name] > self.capacity and self.next[name] < len(self.slots):
            to = min(self.claimed - self.capacity // 2, len(self.slots))
            self.lost[name] += to - self.next[name]
            self.next[name] = to
        got = self.slots[self.next[name] : self.next[name] + most]
        self.next[name] += len(got)
        return got

    def commit(self, name):
        self.committed[name] = self.next[name]


names = st.sampled_from(["a", "b", "top"])
steps = st.lists(
    st.tuples(st.just("write"), st.integers(1, 90))
    | st.tuples(st.just("read"), names, st.integers(1, 90))
    | st.tuples(st.just("commit"), names),
    max_size=40,
)


def play(path, todo, compiled, twin):
    """Carry the steps through a ring and compare each with the twin; the ring's bytes at the end."""
    ring = Ring.create(path, [Note], 64)
    assert ring.capacity == twin.capacity
    writer, value, readers = ring.writer("w", compiled=compiled), 0, {}
    for step, *args in todo:
        if step == "write":
            values = list(range(value, value + args[0]))
            data = np.repeat(np.array(values, np.int64), 8)
            done = writer.write(data, patience_ns=0)
            assert done == twin.write(values)
            value += done
            continue
        name = args[0]
        if name not in readers:
            readers[name] = ring.reader(name, lossy=name == "top", compiled=compiled)
            twin.join(name, name == "top")
        if step == "read":
            got = readers[name].read(args[1]).view(np.int64)
            assert (got == got[:, :1]).all()
            assert got[:, 0].tolist() == twin.read(name, args[1])
            assert readers[name].state.lost == twin.lost[name]
        else:
            readers[name].commit()
            twin.commit(name)
    assert {r.name: (r.behind, r.lost) for r in ring.readers()} == {n: (len(twin.slots) - twin.committed[n], twin.lost[n]) for n in readers}
    ring.close()
    return Path(path).read_bytes()


@settings(max_examples=60, deadline=None)
@given(todo=steps)
def test_ring_any_steps_equal_slow_twin_plain_and_compiled(tmp_path_factory, todo):
    folder = tmp_path_factory.getbasetemp()
    ends = []
    for compiled in (False, True):
        path = str(folder / f"twin{next(numbers)}")
        ends.append(play(path, todo, compiled, SlowRing(64)))
        os.unlink(path)
    assert ends[0] == ends[1]


@pytest.mark.parametrize("plain_writes", [True, False])
def test_ring_plain_and_compiled_ends_of_one_ring_understand_each_other(path, plain_writes):
    ring = Ring.create(path, [TradeSlot], 64)
    writer, reader = ring.writer("w", compiled=not plain_writes), ring.reader("r", compiled=plain_writes)
    sent = np.arange(ring.capacity * ring.slot_nbytes * 3, dtype=np.uint8).reshape(-1, ring.slot_nbytes)
    got, done = [], 0
    while done < len(sent):
        done += writer.write(sent[done:], patience_ns=0)
        got.append(reader.read(1000))
        reader.commit()
    assert (np.concatenate(got) == sent).all()
    assert ring.full > 0


def test_reader_record_round_the_end_is_contiguous(path):
    ring = Ring.create(path, [Note], 64)
    writer, reader = ring.writer("w"), ring.reader("r")
    writer.write(np.zeros(60 * 8, np.int64))
    reader.read(60)
    reader.commit()
    record = np.arange(10 * 8)
    writer.write(record)
    start = ring.memory.data + 60 * 64 - ring.address
    assert (ring.memory.bytes_at(start, 640).view(np.int64) == record).all()


@pytest.mark.parametrize(("slots", "nbytes"), [([LevelSlot], 64), ([LevelSlot, QuoteSlot], 128), ([LevelSlot, OrderSlot], 256)])
def test_ring_takes_the_bytes_of_its_largest_slot(path, slots, nbytes):
    assert Ring.create(path, slots, 10).slot_nbytes == nbytes
    assert Ring.open(path, slots).capacity * nbytes >= 4096


def test_ring_of_other_layout_is_refused_by_class_and_field(path):
    def note(width):
        class Fact(Struct, align=64):
            id: int
            qty: width

        return Fact

    Ring.create(path, [note(int)], 64)
    with pytest.raises(LaneError, match=r"Fact\.qty of the ring is i8 at byte 8, of this process is i4 at byte 8; stop"):
        Ring.open(path, [note(I32)])
    with pytest.raises(LaneError, match="the ring holds Fact, this process does not"):
        Ring.open(path, [Note])
    assert Ring.open(path, [note(int)]).head == 0


def test_open_what_is_no_ring_says_so(path, tmp_path):
    with pytest.raises(LaneError, match="cannot be opened as a ring"):
        Ring.open(path, [Note])
    Path(path).write_bytes(b"x" * 8192)
    with pytest.raises(LaneError, match="is no ring"):
        Ring.open(path, [Note])
    Ring.create(tmp_path / "whole", [Note], 64)
    os.truncate(tmp_path / "whole", 9000)
    with pytest.raises(LaneError, match="has 9,000 bytes of"):
        Ring.open(tmp_path / "whole", [Note])


def test_create_refuses_what_cannot_be(path):
    class Small(Struct):
        a: int

    Ring.create(path, [Note], 64)
    with pytest.raises(LaneError, match="exists"):
        Ring.create(path, [Note], 64)
    with pytest.raises(LaneError, match="slots of 8 bytes"):
        Ring.create(path + "2", [Small], 64)
    with pytest.raises(LaneError, match="capacity 0"):
        Ring.create(path + "2", [Note], 0)
    with pytest.raises(LaneError, match="cannot be reserved"):
        Ring.create("/dev/shm/millrace-test-huge", [Note], 1 << 40)
    assert sorted(os.listdir(os.path.dirname(path))) == ["ring"]


def test_ends_that_live_keep_their_places(path):
    ring, other = Ring.create(path, [Note], 64), Ring.open(path, [Note])
    assert not other.writer_lives
    writer, reader = ring.writer("feed"), ring.reader("lane")
    assert other.writer_lives
    with pytest.raises(LaneError, match=f"writer 'feed' lives as process {os.getpid()}; end it, then 'thief'"):
        other.writer("thief")
    with pytest.raises(LaneError, match="reader 'lane' lives"):
        other.reader("lane")
    with pytest.raises(LaneError, match="has no reader 'lanes'; readers: lane"):
        other.free("lanes")
    with pytest.raises(LaneError, match="has 0 bytes; 1 to 64"):
        other.reader("")
    writer.leave()
    reader.leave()
    assert other.writer("next").ring.epoch == 2
    with pytest.raises(LaneError, match="has been closed"):
        writer.write(bytes(64))


def test_reader_detached_is_waited_for_and_resumes_at_its_commit(path):
    ring = Ring.create(path, [Note], 64)
    writer, reader = ring.writer("w"), ring.reader("lane")
    writer.write(np.arange(40 * 8))
    reader.read(10)
    reader.commit()
    reader.read(5)  # not committed: comes again
    reader.detach()
    assert ring.free_dead() == []
    assert writer.write(np.arange(60 * 8), patience_ns=0) == 34
    again = ring.reader("lane")
    assert again.read(1).view(np.int64)[0, 0] == 80
    assert again.state.lost == 0


def test_reader_that_left_is_not_waited_for_and_counts_what_it_missed(path):
    ring = Ring.create(path, [Note], 64)
    writer, reader = ring.writer("w"), ring.reader("lane")
    reader.leave()
    assert writer.write(np.repeat(np.arange(100), 8)) == 100
    again = ring.reader("lane")
    got = again.read(100).view(np.int64)[:, 0].tolist()
    assert got == list(range(again.state.lost, 100))
    assert again.state.lost > 0
    assert ring.readers()[0].lost == again.state.lost


def test_reader_oldest_starts_at_what_the_ring_still_holds(path):
    ring = Ring.create(path, [Note], 64)
    writer = ring.writer("w")
    writer.write(np.repeat(np.arange(30), 8))
    assert ring.reader("early", start="oldest").read(100).view(np.int64)[:, 0].tolist() == list(range(30))
    assert ring.reader("new").poll() == 0
    with pytest.raises(LaneError, match="cannot start at 'first'"):
        ring.reader("x", start="first")


def test_ring_all_lines_taken_names_them_and_a_free_one_is_used_again(path):
    ring = Ring.create(path, [Note], 64)
    readers = [ring.reader(f"r{i}") for i in range(ring_layout.READERS)]
    with pytest.raises(LaneError, match="all 32 readers are taken \\(r0, r1"):
        ring.reader("late")
    readers[3].leave()
    ring.reader("late")
    assert [r.name for r in ring.readers()][3] == "late"


def test_reader_publish_between_its_last_look_and_its_sleep_does_not_sleep(path, monkeypatch):
    ring = Ring.create(path, [Note], 64)
    writer, reader = ring.writer("w"), ring.reader("r", wait=POLICIES["sleep"], compiled=False)
    slept = []

    def sleep_on(address, value, ns):
        writer.write(bytes(64))  # the other process gets in just before the system call
        slept.append(load_acquire(address) == value)
        return 0

    monkeypatch.setattr(ring_kernel, "sleep_on", sleep_on)
    assert len(reader.read(1, patience_ns=1_000_000_000)) == 1
    assert slept == [False]


def test_reader_slots_overwritten_while_it_copies_are_refused(path, monkeypatch):
    ring = Ring.create(path, [Note], 64)
    writer, reader = ring.writer("w"), ring.reader("top", lossy=True, compiled=False)
    writer.write(np.zeros(64 * 8, np.int64))
    copy, begun = ring_kernel.copy_words, []

    def copy_words(source, target, nbytes):
        copy(source, target, 64)
        if not begun:
            begun.append(writer.write(np.ones(64 * 8, np.int64)))  # the writer is compiled: it does not come here
        copy(source + 64, target + 64, nbytes - 64)

    monkeypatch.setattr(ring_kernel, "copy_words", copy_words)
    got = reader.read(10).view(np.int64)
    assert begun == [64]
    assert got.tolist() == [[1] * 8] * 10
    assert reader.state.lost > 0


@pytest.mark.parametrize("compiled", [True, False])
def test_group_without_news_ends_with_its_patience(path, compiled):
    ring = Ring.create(path, [Note], 64)
    readers = [ring.reader(name, compiled=compiled) for name in ("a", "b")]
    for policy in POLICIES.values():
        assert not ReaderGroup(readers, wait=policy).wait(2_000_000)
    ring.writer("w").write(bytes(64))
    assert ReaderGroup(readers).wait(0)
    with pytest.raises(LaneError, match="0 readers cannot wait together; 1 to 16 can"):
        ReaderGroup([])


def test_waiting_policy_unknown_names_the_allowed_ones():
    with pytest.raises(ConfigError, match="'busy' is no policy; use spin, yield, sleep, backoff"):
        waiting_policy("busy")


def test_ring_kernel_has_no_construct_that_differs_compiled():
    assert [line for module in (ring_kernel, ring_group) for line in unequal(Path(module.__file__))] == []
