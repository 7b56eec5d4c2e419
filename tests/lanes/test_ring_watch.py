"""An event loop that is woken by rings: of all that comes, once, and of nothing that it did not ask for."""

import asyncio
import time

import numpy as np
import pytest

from streams.lanes.fast_rings import FastShard, RingRun
from streams.lanes.record_ring import RecordWriter
from streams.lanes.ring_watch import RingWatch
from streams.lanes.waiting import POLICIES
from streams.slots import KIND_ORDER, KIND_REQUEST


@pytest.fixture
def shard(tmp_path):
    made = FastShard(tmp_path, 0, "feed", "trade", "gateway", ring_mib=1)
    made.create_all(RingRun(1))
    for name in (made.own, made.kill):
        ring = made.open(name)
        for line in ring.readers():
            ring.free(line.name)
        ring.close()
    return made


def slot(kind):
    found = np.zeros(256, np.uint8)
    found[36] = kind
    return found.tobytes()


def watched(shard, wait, script, on_news=None):
    """Run a script with (writer of the lane's ring, writer of `kill`, told); `told` grows with each call, or as `on_news` lets it."""
    own, kill = shard.open(shard.own), shard.open(shard.kill)
    to_own, to_kill = own.writer("trade"), RecordWriter(kill.writer("kill"))
    reader = own.reader("gateway", start="now")
    watch = RingWatch([reader, kill.reader("gateway", start="now")], POLICIES[wait], KIND_REQUEST)
    told = []

    async def run():
        watch.start(
            asyncio.get_running_loop(),
            on_news(to_own, reader, told) if on_news else lambda _: told.append(reader.read(4_000)[:, 36].tolist()),
        )
        await script(to_own, to_kill, told)

    try:
        asyncio.run(run())
    finally:
        watch.stop()
    return told


async def until(condition):
    end_s = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end_s
        await asyncio.sleep(0.001)


@pytest.mark.parametrize("wait", ["sleep", "backoff", "yield"])
def test_watch_tells_of_each_request_and_of_any_kill(shard, wait):
    async def script(own, kill, told):
        for n in range(50):
            own.write(slot(KIND_ORDER) + slot(KIND_REQUEST))
            await until(lambda n=n: sum(len(kinds) for kinds in told) == 2 * (n + 1))
        before = len(told)
        kill.write(1, "commands.v1", b"now")
        await until(lambda: len(told) > before)

    watched(shard, wait, script)


def test_watch_says_whether_it_may_be_another_ring_than_the_first(shard):
    def on_news(_own, reader, told):
        return lambda others: told.append((others, len(reader.read(10))))

    async def script(own, kill, told):
        for number, tell in enumerate([lambda: own.write(slot(KIND_REQUEST)), lambda: kill.write(1, "commands.v1", b"now")] * 2, 2):
            tell()
            await until(lambda number=number: len(told) == number)
        assert told == [(True, 0), (False, 1), (True, 0), (False, 1), (True, 0)]

    watched(shard, "sleep", script, on_news)


@pytest.mark.parametrize("wait", ["sleep", "yield"])
def test_watch_tells_again_of_what_came_while_it_was_listened_to(shard, wait):
    def on_news(own, reader, told):
        def take(_):
            told.append(len(reader.read(10)))
            if len(told) < 50:
                own.write(slot(KIND_REQUEST))

        return take

    async def script(own, kill, told):
        await until(lambda: len(told) == 50)
        assert told == [0, *[1] * 49]

    watched(shard, wait, script, on_news)


def test_watch_is_armed_behind_the_tasks_that_its_news_wakes(shard):
    own, kill = shard.open(shard.own), shard.open(shard.kill)
    reader, done, woken = own.reader("gateway", start="now"), [], asyncio.Event()
    watch = RingWatch([reader, kill.reader("gateway", start="now")], POLICIES["sleep"], KIND_REQUEST)
    arm = watch._arm

    def armed():
        done.append("armed")
        arm()

    watch._arm = armed

    async def task():
        await woken.wait()
        done.append("task")

    async def run():
        waiting = asyncio.create_task(task())
        watch.start(asyncio.get_running_loop(), lambda commands: None if commands else woken.set())
        await asyncio.sleep(0)
        own.writer("trade").write(slot(KIND_REQUEST))
        await waiting
        await until(lambda: len(done) == 3)

    asyncio.run(run())
    watch.stop()
    assert done == ["armed", "task", "armed"]


def test_watch_passes_over_what_is_no_request_and_over_payloads_that_look_like_one(shard):
    async def script(own, kill, told):
        records = RecordWriter(own)
        for _ in range(3):
            own.write(slot(KIND_ORDER))
            records.write(1, "alerts.v1", slot(KIND_REQUEST) * 3)
        await asyncio.sleep(0.1)
        assert told == [[]]
        own.write(slot(KIND_REQUEST))
        await until(lambda: len(told) == 2)
        assert told[1][-1] == KIND_REQUEST

    watched(shard, "sleep", script)


def test_watch_tells_of_what_came_before_it_began(shard):
    own = shard.open(shard.own)
    reader, kill = own.reader("gateway", start="now"), shard.open(shard.kill).reader("gateway", start="now")
    own.writer("trade").write(slot(KIND_REQUEST))
    watch, told = RingWatch([reader, kill], POLICIES["sleep"], KIND_REQUEST), []

    async def run():
        watch.start(asyncio.get_running_loop(), lambda _: told.append(len(reader.read(10))))
        await asyncio.sleep(0.05)

    asyncio.run(run())
    watch.stop()
    assert told[0] == 1
