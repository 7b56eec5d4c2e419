"""The world of `ring_gateway_kit` with the gateway as a process that is killed for real, and the venue behind a socket."""

import asyncio
import json
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSMsgType, web

from streams.lanes.waiting import POLICIES
from streams.records import VenueEventType
from streams.schema import units
from streams.venues import gateway
from streams.venues.client import OrderState, VenueReport
from streams.venues.gateway import GatewaySettings, run_gateway
from tests.venues.ring_gateway_kit import RingWorld, Venue, request_of, wire_of
from tests.venues.sim_world import free_port

_FORK = multiprocessing.get_context("fork")


class VenueServer:
    """A Venue behind a WebSocket, in a thread of this process. seen: (op, monotonic ns) of every line that came."""

    def __init__(self, venue: Venue) -> None:
        self.venue, self.port = venue, free_port()
        self.seen: list[tuple[str, int]] = []
        self._socket: web.WebSocketResponse | None = None
        app = web.Application()
        app.router.add_get("/", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        self._loop, self._ready = asyncio.new_event_loop(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(10.0)

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10.0)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def call(self, do: Any) -> None:
        """Do something to the venue, in its thread; what it reports then is sent."""

        async def run() -> None:
            do()
            await self._say()

        asyncio.run_coroutine_threadsafe(run(), self._loop).result(10.0)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._listen())
        self._ready.set()
        self._loop.run_forever()

    async def _listen(self) -> None:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        hello = await socket.receive_json()
        await socket.send_json({"hello": hello["client"], "run": 1})
        self._socket, self.venue.to = socket, asyncio.Queue()
        async for message in socket:
            if message.type == WSMsgType.TEXT:
                came_ns = time.monotonic_ns()
                for line in message.data.split("\n"):
                    found = json.loads(line)
                    self.seen.append((found["op"], came_ns))
                    answer = self._take(found)
                    await self._say()
                    if answer is not None:
                        await socket.send_json(answer | {"ask": found["ask"]})
        if self._socket is socket:
            self._socket = self.venue.to = None
        return socket

    async def _say(self) -> None:
        queue, socket = self.venue.to, self._socket
        while queue is not None and socket is not None and not queue.empty():
            await socket.send_json(report_json(queue.get_nowait()))

    def _take(self, m: dict[str, Any]) -> dict[str, Any] | None:
        venue = self.venue
        if m["op"] == "open":
            return {"orders": [order_json(o) for o in venue.orders.values() if o.ended is None]}
        if m["op"] == "order":
            found = venue.orders.get(m["cl_ord_id"])
            return {"order": None if found is None else order_json(found)}
        if m["op"] == "executions":
            known = [r.exec_id for r in venue.executions]
            return {"reports": [report_json(r) for r in venue.executions[known.index(m["after"]) + 1 if m["after"] else 0 :]]}
        if m["op"] == "cancel_all":
            for cl_ord_id, order in list(venue.orders.items()):
                if order.ended is None:
                    venue.end(cl_ord_id)
            return None
        venue.take(*request_of(m))
        return None


def report_json(r: VenueReport) -> dict[str, Any]:
    """A report in the simulated venue's words."""
    found: dict[str, Any] = {"report": r.kind.name, "cl_ord_id": r.cl_ord_id, "symbol": r.symbol, "ts_ns": r.exch_ts_ns, "order_id": "v1"}
    if r.request_id is not None:
        found["req"] = r.request_id
    if r.kind == VenueEventType.FILL:
        found |= {"exec_id": r.exec_id, "last_px": units.from_e9(r.last_px_e9 or 0), "last_qty": units.from_e9(r.last_qty_e9 or 0)}
        found["maker"] = r.maker
    return found


def order_json(o: OrderState) -> dict[str, Any]:
    """An order in its words."""
    ended = None if o.ended is None else o.ended.name
    figures = {"px": units.from_e9(o.px_e9 or 0), "qty": units.from_e9(o.qty_e9), "cum_qty": "0"}
    return {"cl_ord_id": o.cl_ord_id, "symbol": o.symbol, "ts_ns": 1, "order_id": "v1", "ended": ended, "reason": "", **figures}


class ProcessWorld(RingWorld):
    """`spawn` starts the gateway, `kill_process` kills it."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, wait: str = "sleep") -> None:
        super().__init__(folder, patch)
        patch.setattr(gateway, "Wire", lambda _: wire_of())
        self.server, self.wait = VenueServer(self.venue), wait
        self.child: Any = None

    def spawn(self) -> None:
        url = f"ws://127.0.0.1:{self.server.port}/"
        place = ("gateway", 0, "", "http://127.0.0.1:1", "t", "sim", url, 60_000_000_000)
        settings = GatewaySettings(*place, rings=self.shard, wait=POLICIES[self.wait])
        self.child = _FORK.Process(target=run_gateway, args=(settings,), daemon=True)
        self.child.start()

    def kill_process(self, number: int = signal.SIGKILL) -> int:
        """The exit code."""
        os.kill(self.child.pid, number)
        self.child.join(20)
        return self.child.exitcode

    def until_now(self, condition: Any, timeout_s: float = 20.0) -> None:
        """As `until`, for scripts without a loop."""
        end_s = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < end_s, (self.told()[-20:], self.venue.arrived[-20:])
            time.sleep(0.001)


@contextmanager
def process_world(folder: Path, patch: pytest.MonkeyPatch, wait: str = "sleep") -> Iterator[ProcessWorld]:
    """A world whose processes are gone afterwards."""
    world = ProcessWorld(folder, patch, wait)
    world.server.start()
    try:
        yield world
    finally:
        if world.child is not None and world.child.is_alive():
            world.kill_process()
        world.server.stop()
