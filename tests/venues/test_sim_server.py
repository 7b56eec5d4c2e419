"""The simulated venue's sockets, without a broker: who is served, and what ends the process."""

import asyncio
import socket
import threading
from types import SimpleNamespace

import pytest

from streams.clock import RunClock
from streams.errors import ConfigError, VenueError
from streams.records import Clock, OrderAction, VenueEventType
from streams.schema import ids
from streams.venues.sim.client import SimClient
from streams.venues.sim.log import VenueLog
from streams.venues.sim.recorder import Recorder
from streams.venues.sim.server import _Server
from tests.venues.sim_orders import book, instrument, request, rows_of

SMALL = {"window": 128, "far": 64, "orders": 8, "executions": 8, "answers": 64}


class Silent:
    """Market data and commands that never come."""

    def read(self, timeout_s):
        threading.Event().wait(min(timeout_s, 0.01))
        return []

    def merge(self, batch):
        return None

    def begins_run(self, command):
        return False


@pytest.fixture
def recorder(tmp_path, monkeypatch):
    monkeypatch.setattr("streams.venues.sim.exchange.SIZES", SMALL)
    made = Recorder(VenueLog(tmp_path / "log.jsonl"), 1, [instrument()], [("book_updates.v1", 0)], [0])
    made.on_market(rows_of(made.exchange.slots, [(0, 1, book([(1000, 5)], [(1001, 4)], snapshot=True))]))
    return made


@pytest.fixture
def port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def play(recorder, port, script):
    """Run the venue and a script of its clients until the script is done."""

    async def main():
        stop = threading.Event()
        settings = SimpleNamespace(host="127.0.0.1", port=port)
        server = _Server(settings, recorder, Silent(), Silent(), RunClock(Clock.WALL))  # type: ignore[arg-type]
        serving = asyncio.create_task(server.serve(stop))
        try:
            await asyncio.wait_for(script(lambda name: connected(port, name)), 20)
        finally:
            stop.set()
            await serving

    asyncio.run(main())


async def connected(port, name):
    client = SimClient(f"ws://127.0.0.1:{port}/", name)
    for _ in range(100):
        try:
            await client.connect()
            return client
        except VenueError:
            await asyncio.sleep(0.05)
    raise AssertionError("the venue does not listen")


def test_client_sends_and_gets_reports_and_answers_in_order(recorder, port):
    async def script(connect):
        client = await connect("gateway/0")
        cl_ord_id = ids.cl_ord_id(1, 7)
        await client.send(request(1, px=1001, qty=6), cl_ord_id)
        reports = [await client.report(), await client.report()]
        assert [(r.kind, r.request_id, r.cl_ord_id) for r in reports] == [
            (VenueEventType.ACK, ids.make(9, 1), cl_ord_id),
            (VenueEventType.FILL, None, cl_ord_id),
        ]
        state = await client.order(cl_ord_id)
        assert (state.ended, state.px_e9, state.cum_qty_e9) == (None, 100_100_000_000, 4_000_000)
        assert await client.order("unknown") is None
        assert [o.cl_ord_id for o in await client.open_orders()] == [cl_ord_id]
        assert [r.exec_id for r in await client.executions(None)] == ["1-1"]
        assert await client.executions("1-1") == []
        with pytest.raises(VenueError, match="'1-9' is no execution of session"):
            await client.executions("1-9")
        await client.send(request(2, OrderAction.CANCEL, 1), cl_ord_id)
        assert (await client.report()).kind == VenueEventType.CANCELLED
        await client.close()

    play(recorder, port, script)


def test_second_connection_of_a_client_closes_the_first(recorder, port):
    async def script(connect):
        first, other = await connect("gateway/0"), await connect("gateway/1")
        second = await connect("gateway/0")
        with pytest.raises(VenueError, match="the connection is gone"):
            await first.report()
        await second.send(request(1, px=1000), "a")
        assert (await second.report()).cl_ord_id == "a"
        assert await other.open_orders() == []
        for client in (first, second, other):
            await client.close()

    play(recorder, port, script)


def test_port_taken_is_one_clear_error(recorder, port):
    with socket.socket() as s:
        s.bind(("127.0.0.1", port))
        s.listen()

        async def script(connect):
            await asyncio.sleep(0.2)

        with pytest.raises(ConfigError, match=rf"venue: 127.0.0.1:{port} cannot be opened"):
            play(recorder, port, script)


def test_log_that_cannot_be_written_ends_the_venue_and_nothing_is_answered(recorder, port, monkeypatch):
    def full():
        recorder.log.broken = True
        raise VenueError("log.jsonl: cannot be written (No space left on device)")

    async def script(connect):
        client = await connect("gateway/0")
        monkeypatch.setattr(recorder.log, "write", full)
        await client.send(request(1, px=1000), "a")
        with pytest.raises(VenueError, match="the connection is gone"):
            await client.report()
        await client.close()

    with pytest.raises(VenueError, match="No space left"):
        play(recorder, port, script)
