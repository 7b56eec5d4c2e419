"""Requests that leave in the very callback that reads them: what goes first, what is left to a task, and that nothing leaves twice."""

import asyncio

import pytest

from streams.errors import VenueError
from streams.records import DenyCode, OrderAction
from streams.venues.sim.request_text import request_text
from tests.venues.ring_gateway_kit import RingWorld, check


@pytest.fixture
def world(tmp_path, monkeypatch):
    return RingWorld(tmp_path, monkeypatch)


def play(world, script):
    """Run a gateway beside `script(world, gateway)`, which begins when it is connected and waits."""
    gateways, start = [], world.start
    world.start = lambda: gateways.append(start()) or gateways[-1]

    async def when_it_waits(w):
        await w.until(lambda: gateways[-1].ready and w.lane._waits and w.lane._watch._thread is not None)
        await asyncio.sleep(0.005)
        await script(w, gateways[-1])

    try:
        return world.run(when_it_waits)
    finally:
        world.start = start


def news(world, case):
    """`case(first, found)` in place of what the gateway does at once with what has come; `first` is that."""
    first = world.lane.at_once
    world.lane.at_once = lambda found: case(first, found)


def sent_news(world):
    return [cl_ord_id for op, cl_ord_id in world.venue.arrived if op == "NEW"]


def test_requests_are_sent_without_a_task_and_noted_before(world):
    noted = []

    async def script(w, gateway):
        w.venue.answers = False
        take = w.venue.take
        w.venue.take = lambda *args: (
            noted.append([(p.in_doubt, p.sent_s is not None) for p in w.lane.state.pending.values()]),
            take(*args),
        )
        w.lane._came.set = lambda: None  # no task wakes
        for n in range(1, 4):
            w.request(px=990)
            await w.until(lambda n=n: len(sent_news(w)) == n)
        del w.lane._came.set

    gateway = play(world, script)
    assert noted == [[(True, True)] * n for n in (1, 2, 3)]
    assert gateway.client.at_once == 3
    assert gateway.client.texts == [request_text(r, world.cl_ord_id(n)) for n, r in enumerate(world.written(), 1)]


def test_kill_that_comes_while_requests_are_read_is_obeyed_first(world):
    async def script(w, gateway):
        take = w.lane._requests.take

        def take_then_kill():
            if found := take():
                w.lane._requests.take = take
                w.kill()
            return found

        w.lane._requests.take = take_then_kill
        w.request(px=990)
        await w.until(lambda: len(w.told()) == 1)

    play(world, script)
    assert [(e.kind.name, e.code) for e in world.events()] == [("REJECT", DenyCode.HALTED)]
    assert sent_news(world) == []


def test_stale_and_fresh_requests_that_come_together_are_refused_and_sent(world):
    async def script(w, gateway):
        gateway.max_age_ns = 1_000_000_000
        old, fresh = w.prepared(0, px=990, ts_ns=1), w.prepared(0, px=991)
        w.own.write(old + fresh)
        await w.until(lambda: len(w.told()) == 2)

    gateway = play(world, script)
    assert sorted(world.told()) == [("ACK", 2, 2), ("REJECT", 1, 1)]
    assert sent_news(world) == [world.cl_ord_id(2)]
    assert gateway.client.at_once == 1


def test_connection_that_is_full_leaves_requests_to_a_task_in_their_order(world):
    async def script(w, gateway):
        gateway.client.full = True
        for _ in range(40):
            w.request(px=990)
        await w.until(lambda: len(w.told()) == 40)

    gateway = play(world, script)
    assert sent_news(world) == [world.cl_ord_id(n) for n in range(1, 41)]
    assert gateway.client.at_once == 0
    check(world, world.slots())


def test_more_requests_than_are_taken_at_once_all_leave_in_order(world):
    async def script(w, gateway):
        w.own.write(b"".join(w.prepared(0, px=990) for _ in range(50)))
        await w.until(lambda: len(w.told()) == 50)

    play(world, script)
    assert sent_news(world) == [world.cl_ord_id(n) for n in range(1, 51)]
    check(world, world.slots())


def test_request_left_over_that_another_task_sends_is_sent_once(world):
    tasks = []

    async def script(w, gateway):
        def left(_, found):
            tasks.append(asyncio.ensure_future(gateway._send_unsent()))
            return found

        w.venue.answers = False
        news(w, left)
        w.request(px=990)
        await w.until(lambda: len(tasks) == 1 and tasks[0].done())
        await asyncio.sleep(0.05)

    play(world, script)
    assert sent_news(world) == [world.cl_ord_id(1)]


def test_request_that_is_sent_while_the_venue_is_asked_is_not_sent_again(world):
    async def script(w, gateway):
        w.venue.answers = False
        news(w, lambda first, found: [])  # noted and not sent
        w.request(px=990)
        await w.until(lambda: len(w.lane.state.pending) == 1)
        (pending,) = w.lane.state.pending.values()

        async def executions(_):
            await gateway._dispatch([pending])
            return []

        gateway.client.executions = executions
        await gateway._settle()

    play(world, script)
    assert sent_news(world) == [world.cl_ord_id(1)]


def test_request_that_is_sent_while_a_command_is_obeyed_is_not_sent_again(world):
    async def script(w, gateway):
        w.venue.answers = False
        news(w, lambda first, found: [])
        w.request(px=990)
        await w.until(lambda: len(w.lane.state.pending) == 1)
        commands = [["a command"], []]
        w.lane.urgent = lambda: commands.pop(0)
        gateway._on_commands = lambda _: gateway._send_unsent()
        await gateway._dispatch(list(w.lane.state.pending.values()))

    play(world, script)
    assert sent_news(world) == [world.cl_ord_id(1)]


def test_connection_that_fails_at_once_is_dropped_and_the_venue_is_asked(world):
    async def script(w, gateway):
        send_now = gateway.client.send_now

        def half(texts):
            send_now(texts)  # it has left, and nobody can know
            gateway.client.send_now = send_now
            raise VenueError("the connection is gone")

        gateway.client.send_now, w.venue.answers = half, False
        w.request(px=990)
        await w.until(lambda: len(w.told()) == 1)

    play(world, script)
    assert world.told() == [("ACK", 1, 1)]
    assert sent_news(world) == [world.cl_ord_id(1)]


def test_error_in_the_callback_ends_the_gateway(world):
    gateway = world.start()

    def broken(found):
        raise RuntimeError("broken")

    async def run():
        running = asyncio.ensure_future(gateway.run(None))
        await world.until(lambda: gateway.ready and world.lane._waits and world.lane._watch._thread is not None)
        world.lane.at_once = broken
        world.request(px=990)
        await asyncio.wait_for(running, 10)

    with pytest.raises(RuntimeError, match="broken"):
        asyncio.run(run())
    world.die()


def test_cancel_under_a_kill_of_others_goes_at_once(world):
    async def script(w, gateway):
        w.request(px=990)
        await w.until(lambda: len(w.told()) == 1)
        w.kill(target="another")
        await w.until(lambda: w.lane.kill.killed != {})
        w.request(OrderAction.CANCEL, order=1)
        await w.until(lambda: len(w.told()) == 2)

    gateway = play(world, script)
    assert world.told() == [("ACK", 1, 1), ("CANCELLED", 1, 2)]
    assert gateway.client.at_once == 2
