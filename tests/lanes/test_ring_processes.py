"""Several processes on one ring, and kill -9: every slot whole, none lost unless it is counted, nobody waits for the dead."""

import os
import random
import signal
import sys
import time

import numpy as np
import pytest

from streams.errors import LaneError
from streams.kernel.atomics import load_acquire, store_release
from streams.lanes.ring import Ring
from streams.lanes.ring_ends import ReaderGroup
from streams.lanes.ring_layout import SLEEPERS
from streams.lanes.ring_owner import alive, started
from streams.lanes.waiting import POLICIES
from tests.lanes.ring_kit import BAD, LOST, SEEN, STOP, Child, Note, consumer, fill, producer, until, watcher

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are forked")
MANY = 1 << 40


class Place:
    """A ring, boards to count on, and the children that must not outlive the test."""

    def __init__(self, path, capacity=1024):
        self.path = str(path / "ring")
        self.ring = Ring.create(self.path, [Note], capacity)
        self.boards = Ring.create(path / "boards", [Note], 64)  # any shared memory will do
        self.children, self.used = [], 0

    def board(self):
        """Address of zeroed words."""
        self.used += 1
        return self.boards.memory.data + (self.used - 1) * 256

    def run(self, make, *args, **more):
        child = make(self.path, *args, **more)
        self.children.append(child)
        return child

    def line(self, name):
        return next((r for r in self.ring.readers() if r.name == name), None)

    def joined(self, *names):
        until(lambda: all((r := self.line(n)) is not None and r.live for n in names), f"{names} to join")


@pytest.fixture
def place(tmp_path):
    made = Place(tmp_path)
    yield made
    for child in made.children:
        child.kill()


def counts(board):
    return tuple(load_acquire(board + word) for word in (SEEN, BAD, LOST))


@pytest.mark.parametrize("wait", sorted(POLICIES))
def test_two_processes_every_policy_every_slot_arrives_whole(place, wait):
    board, n = place.board(), 2_000 if wait == "spin" else 50_000
    reader = place.run(consumer, board, n, "lane", wait=wait)
    place.joined("lane")
    writer = place.run(producer, board, n, 16, wait=wait)
    assert (reader.join(), writer.join()) == (0, 0)
    assert counts(board) == (n, 0, 0)
    assert place.ring.head == n


def test_four_processes_two_blocking_one_lossy_nothing_torn(place):
    n, boards = 300_000, [place.board() for _ in range(4)]
    readers = [place.run(consumer, boards[0], n, "lane"), place.run(consumer, boards[1], n, "gateway", each=64)]
    readers.append(place.run(watcher, boards[2], n, "top"))
    place.joined("lane", "gateway", "top")
    writer = place.run(producer, boards[3], n, 16)
    assert [child.join() for child in [*readers, writer]] == [0, 0, 0, 0]
    assert counts(boards[0]) == counts(boards[1]) == (n, 0, 0)
    seen, bad, lost = counts(boards[2])
    assert (seen + lost, bad) == (n, 0)
    assert place.line("top").lost == lost


def test_lossy_reader_writer_never_waits_torn_copies_refused(place):
    place.ring.close()
    os.unlink(place.path)
    place.ring = Ring.create(place.path, [Note], 64)
    boards, n = [place.board(), place.board()], 3_000_000
    reader = place.run(watcher, boards[0], n, "top", wait="spin")
    place.joined("top")
    writer = place.run(producer, boards[1], n, 4)
    assert (writer.join(), reader.join()) == (0, 0)
    seen, bad, lost = counts(boards[0])
    assert (seen + lost, bad) == (n, 0)
    assert lost > 0
    assert place.ring.full == 0


@pytest.mark.slow
def test_kills_of_writer_and_blocking_reader_lose_nothing(place):
    chance, boards = random.Random(5), {"writer": place.board(), "lane": place.board()}
    start = {
        "writer": lambda: place.run(producer, boards["writer"], MANY, 16),
        "lane": lambda: place.run(consumer, boards["lane"], MANY, "lane"),
    }
    running = {"lane": start["lane"]()}
    place.joined("lane")
    running["writer"] = start["writer"]()
    for _ in range(40):
        who, head = chance.choice(["writer", "lane"]), place.ring.head
        until(lambda head=head: place.ring.head > head + 100, "news")
        time.sleep(chance.random() * 0.01)  # where in its work the kill meets it must not matter
        running[who].kill()
        running[who] = start[who]()
    epoch = place.ring.epoch
    store_release(boards["writer"] + STOP, 1)
    assert running["writer"].join() == 0
    until(lambda: place.line("lane").behind == 0, "the reader to drain")
    seen, bad, lost = counts(boards["lane"])
    assert (bad, lost) == (0, 0)
    assert seen >= place.ring.head  # a batch that was checked and not committed came again
    assert epoch > 10


def test_dead_reader_is_freed_and_what_it_missed_is_counted(place):
    boards = [place.board(), place.board(), place.board()]
    reader = place.run(consumer, boards[0], MANY, "lane")
    place.joined("lane")
    writer = place.run(producer, boards[1], MANY, 16)
    until(lambda: place.ring.head > 1000, "news")
    reader.kill()
    until(lambda: place.ring.full > 0 and place.line("lane").behind > place.ring.capacity - 16, "a full ring")
    head = place.ring.head  # it stands: the writer finds no room
    at = head - place.line("lane").behind
    assert not place.line("lane").live
    assert place.ring.free_dead() == ["lane"]
    until(lambda: place.ring.head > head + 3 * place.ring.capacity, "the writer to go on")
    place.run(consumer, boards[2], MANY, "lane")
    until(lambda: counts(boards[2])[0] > 1000, "the reader to go on")
    store_release(boards[1] + STOP, 1)
    assert writer.join() == 0
    until(lambda: place.line("lane").behind == 0, "the reader to drain")
    seen, bad, lost = counts(boards[2])
    assert bad == 0
    assert lost > 0
    assert at + seen + lost == place.ring.head
    assert place.line("lane").lost == lost


def test_stopped_reader_holds_the_writer_and_is_not_taken_for_dead(place):
    boards = [place.board(), place.board()]
    reader = place.run(consumer, boards[0], MANY, "lane")
    place.joined("lane")
    place.run(producer, boards[1], MANY, 16)
    until(lambda: place.ring.head > 1000, "news")
    os.kill(reader.pid, signal.SIGSTOP)
    until(lambda: place.ring.full > 0 and place.line("lane").behind > place.ring.capacity - 16, "a full ring")
    head = place.ring.head
    assert place.ring.free_dead() == []
    with pytest.raises(LaneError, match=f"reader 'lane' lives as process {reader.pid}"):
        place.ring.reader("lane")
    os.kill(reader.pid, signal.SIGCONT)
    until(lambda: place.ring.head > head + 3 * place.ring.capacity, "the writer to go on")
    assert counts(boards[0])[1:] == (0, 0)


def test_slots_begun_by_a_killed_writer_are_void_and_nobody_reads_them(place):
    ring = place.ring
    first = ring.writer("first")
    notes = np.zeros((ring.capacity, 8), np.int64)
    for i in range(ring.capacity):
        fill(notes.ctypes.data + 64 * i, i)
    first.write(notes)
    first.leave()

    def work():
        w = Ring.open(place.path, [Note]).writer("victim", compiled=False)
        address = w.state.claim(16)  # over the sixteen oldest
        for i in range(16 * 8):
            store_release(address + 8 * i, -1)
        os.kill(os.getpid(), signal.SIGKILL)

    assert Child(work).join() == -signal.SIGKILL
    assert not ring.writer_lives
    second = ring.writer("second")
    top = ring.reader("top", lossy=True, start="oldest")
    assert (ring.head, second.state.next, ring.epoch) == (ring.capacity, ring.capacity, 3)
    got = top.read(2 * ring.capacity).view(np.int64)
    assert (got == notes[ring.capacity - len(got) :]).all()
    assert 0 < len(got) <= ring.capacity - 16


@pytest.mark.parametrize("compiled", [True, False])
def test_sleeping_reader_is_woken_by_a_publish_and_a_killed_sleeper_costs_nothing(place, compiled):
    ring = place.ring
    writer = ring.writer("w", compiled=compiled)
    place.run(consumer, place.board(), MANY, "victim", wait="sleep")
    place.joined("victim")
    until(lambda: sleepers(ring) != 0, "the victim to sleep")
    place.children[-1].kill()
    ring.free_dead()
    writer.write(bytes(64))
    assert sleepers(ring) == 0

    def work():
        r = Ring.open(place.path, [Note]).reader("sleeper", wait=POLICIES["sleep"], compiled=compiled)
        return len(r.read(1, patience_ns=60_000_000_000)) == 1

    child = Child(work)
    place.children.append(child)
    until(lambda: sleepers(ring) != 0, "the reader to sleep")
    writer.write(bytes(64))
    assert child.join() == 0  # within 20 s, where its own patience is 60
    assert sleepers(ring) == 0


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("many", [True, False])
def test_group_asleep_on_two_rings_is_woken_by_either(place, compiled, many, monkeypatch):
    if not many:
        monkeypatch.setattr("streams.lanes.ring_ends.can_sleep_on_any", lambda: False)
    other = Ring.create(place.path + "2", [Note], 64)
    rings = [place.ring, other]
    writers = [ring.writer("w") for ring in rings]

    def work():
        opened = [Ring.open(ring.path, [Note]) for ring in rings]
        readers = [ring.reader("lane", compiled=compiled) for ring in opened]
        group = ReaderGroup(readers, wait=POLICIES["sleep"])
        return all(group.wait(60_000_000_000) and len(r.read(9)) == 1 for r in readers)

    child = Child(work)
    place.children.append(child)
    for ring, writer in zip(rings, writers, strict=True):
        until(lambda ring=ring: sleepers(ring) != 0, "the reader to sleep")
        writer.write(bytes(64))
    assert child.join() == 0  # within 20 s, where its own patience is 60


def sleepers(ring):
    return load_acquire(ring.address + SLEEPERS)


def test_alive_zombie_and_reused_number_are_dead():
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    try:
        until(lambda: started(pid) == 0, "the end of a child")
        assert not alive(pid, 1)
    finally:
        os.waitpid(pid, 0)
    assert alive(os.getpid(), started(os.getpid()))
    assert not alive(os.getpid(), started(os.getpid()) + 1)
    assert not alive(0, 0)
