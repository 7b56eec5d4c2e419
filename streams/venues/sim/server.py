"""The simulated venue's process: market data from Kafka, messages from WebSockets, reports back; its log goes before every answer.

One session a client name: a client says `{"op": "hello", "client": "gateway/0"}` first and then sees its own orders only. A second
connection of the same name closes the first. Questions (`order`, `open`, `executions`) carry `ask`, a number that their answer repeats:

    {"op": "order", "ask": 1, "cl_ord_id": "mr..."}     -> {"ask": 1, "order": {...} or null}
    {"op": "open", "ask": 2}                            -> {"ask": 2, "orders": [...]}
    {"op": "executions", "ask": 3, "after": "1-17"}     -> {"ask": 3, "reports": [...]}

An answer to a question stands behind every report that was said before it. A frame carries one message or several, a line each, either way.
"""

import asyncio
import json
import signal
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

import structlog
from aiohttp import WSMsgType, web

from streams.clock import RunClock
from streams.config import plain
from streams.errors import ConfigError, VenueError
from streams.lanes.control import Control, read_control
from streams.lanes.kafka import EXIT_NEW_RUN, EXIT_OK
from streams.lanes.registry import SchemaIds
from streams.lanes.wire import Wire
from streams.records import Clock, Instrument, ShardKind
from streams.trading.venue_models import VenueModels
from streams.venues.commands import CommandReader
from streams.venues.sim.log import to_json
from streams.venues.sim.market import MARKET_TOPICS, MarketReader
from streams.venues.sim.recorder import Recorder

__all__ = ["VenueSettings", "run_venue"]

_LOG = structlog.get_logger("venue")
_READ_S = 0.02  # how long one look for market data lasts
_CHUNK = 2_000  # market records between which requests act: about a millisecond's
_TICK_S = 0.01  # how often time passes on a silent market
_MAX_MESSAGE_BYTES = 1 << 20
_MAX_FRAME_LINES = 500


@dataclass(frozen=True)
class VenueSettings:
    """Everything a simulated venue is told.

    process, topology : names; the log's file is `<process>-run-<number>.jsonl` in log_directory
    kafka, registry   : addresses
    venue             : the name whose instruments it trades and whose market data it follows
    host, port        : where it listens
    models            : how it fills and charges, from a run's beginning to its end
    """

    process: str
    kafka: str
    registry: str
    topology: str
    venue: str
    port: int
    log_directory: Path
    host: str = "127.0.0.1"
    models: VenueModels = field(default_factory=VenueModels)


def run_venue(settings: VenueSettings, stop: Event | None = None) -> int:
    """Serve until `stop` is set or SIGTERM comes; the exit code: EXIT_OK, or EXIT_NEW_RUN when another run has begun.

    Raises LaneError without broker, registry or run; ConfigError for a taken port or no instruments; VenueError where the log cannot be
    written, or executing it again gives other answers.
    """
    wire = Wire(SchemaIds(settings.registry))
    control = read_control(settings.kafka, wire)
    run = control.last_run()
    clock = RunClock(run.clock or Clock.WALL, run.clock_start_ns or 0, run.wall_start_ns or 0, run.speed or 1.0)
    instruments = _instruments(control, settings.venue)
    shards = sorted({control.shards.get((ShardKind.INSTRUMENT, f"{i.venue}:{i.symbol}"), 0) for i in instruments})
    partitions = [(topic, shard) for topic in MARKET_TOPICS for shard in shards]
    recorder = Recorder.open(
        Path(settings.log_directory),
        settings.process,
        run,
        instruments,
        partitions,
        settings.kafka,
        wire,
        not plain(),
        models=settings.models,
    )
    _LOG.info("venue starts", run=run.run_number, orders=len(recorder.exchange.by_number), log=str(recorder.log.path))
    market = MarketReader(settings.kafka, wire, recorder.partitions, recorder.offsets, recorder.exchange.slots)
    commands = CommandReader(settings.kafka, wire, control)
    server = _Server(settings, recorder, market, commands, clock)
    try:
        asyncio.run(server.serve(stop))
    finally:
        market.close()
        commands.close()
        recorder.close()
    _LOG.info("venue ends", orders=len(recorder.exchange.by_number), new_run=server.new_run)
    return EXIT_NEW_RUN if server.new_run else EXIT_OK


def _instruments(control: Control, venue: str) -> list[Instrument]:
    """The newest rules of each of the venue's symbols."""
    newest = {i.symbol: i for i in control.instruments if i.venue == venue}
    if not newest:
        raise ConfigError(f"venue {venue}: instruments.v1 has none of its instruments; `millrace apply TOPOLOGY` writes them")
    return list(newest.values())


class _Server:
    """The sockets around a recorder. All state changes happen in the event loop; only waiting for Kafka happens in a thread."""

    def __init__(self, settings: VenueSettings, recorder: Recorder, market: MarketReader, commands: CommandReader, clock: RunClock) -> None:
        self.settings, self.recorder, self.market, self.commands, self.clock = settings, recorder, market, commands, clock
        self.new_run = False
        self.sockets: dict[str, web.WebSocketResponse] = {}
        self.outgoing: dict[str, asyncio.Queue[str]] = {}
        self.failed: asyncio.Queue[VenueError] = asyncio.Queue()

    async def serve(self, stop: Event | None) -> None:
        """Listen, follow the market and let time pass until told to stop."""
        app = web.Application()
        app.router.add_get("/", self._socket)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, self.settings.host, self.settings.port).start()
        except OSError as error:
            await runner.cleanup()
            raise ConfigError(f"venue: {self.settings.host}:{self.settings.port} cannot be opened ({error.strerror})") from None
        done = asyncio.Event()
        if stop is None:
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, done.set)
        tasks = [asyncio.create_task(t) for t in (self._follow(), self._tick(), self._obey(), self._fail(), _until(stop, done))]
        try:
            finished, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in finished:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for socket in list(self.sockets.values()):
                await socket.close()
            await runner.cleanup()

    # ---- market and time ----
    async def _follow(self) -> None:
        while True:
            rows = self.market.merge(await asyncio.to_thread(self.market.read, _READ_S))
            if rows is None:
                continue
            for first in range(0, len(rows), _CHUNK):  # a backlog must not keep requests waiting
                self._say(self.recorder.on_market(rows.take(slice(first, first + _CHUNK))))
                await asyncio.sleep(0)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            self._say(self.recorder.on_time(self.clock.now_ns()))

    async def _obey(self) -> None:
        """End when another run begins."""
        while not self.new_run:
            self.new_run = any(self.commands.begins_run(c) for c in await asyncio.to_thread(self.commands.read, 0.2))

    async def _fail(self) -> None:
        """End the process when a socket met a failure that concerns all."""
        raise await self.failed.get()

    def _say(self, said: list[tuple[str, str]]) -> None:
        """Send what was said, now that the log has it."""
        self.recorder.write()
        for session, text in said:
            queue = self.outgoing.get(session)
            if queue is not None:  # nobody there: the client asks when it comes back
                queue.put_nowait(text)

    # ---- sockets ----
    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(heartbeat=5.0, max_msg_size=_MAX_MESSAGE_BYTES)
        await socket.prepare(request)
        session = await self._hello(socket)
        if session is None:
            await socket.close()
            return socket
        before = self.sockets.get(session)
        queue: asyncio.Queue[str] = asyncio.Queue()
        self.sockets[session], self.outgoing[session] = socket, queue
        if before is not None:
            await before.close(message=b"another connection of this client")
        sending = asyncio.create_task(_send(socket, queue))
        try:
            async for message in socket:
                if message.type == WSMsgType.TEXT and self.sockets.get(session) is socket:
                    self._on_text(session, message.data)
        finally:
            sending.cancel()
            if self.sockets.get(session) is socket:
                del self.sockets[session], self.outgoing[session]
        return socket

    async def _hello(self, socket: web.WebSocketResponse) -> str | None:
        """The client's name, which must be the first thing it says."""
        try:
            first = await socket.receive_json(timeout=5.0)
            session = first.get("client") if isinstance(first, dict) and first.get("op") == "hello" else None
        except (TypeError, ValueError, TimeoutError):
            session = None
        if not isinstance(session, str):
            return None
        await socket.send_json({"hello": session, "run": self.recorder.exchange.run})
        return session

    def _on_text(self, session: str, text: str) -> None:
        said: list[tuple[str, str]] = []
        for line in text.split("\n"):
            said += self._on_line(session, line)
        try:
            self._say(said)
        except VenueError as error:
            self.failed.put_nowait(error)

    def _on_line(self, session: str, line: str) -> list[tuple[str, str]]:
        """What a message makes the venue say."""
        message: Any = None
        try:
            message = json.loads(line)
            if not isinstance(message, dict):
                raise VenueError("a message is a JSON object")
            answer = self._answer(session, message)
        except (ValueError, VenueError) as error:
            answer = {"error": str(error)}
            if isinstance(message, dict) and "ask" in message:
                answer["ask"] = message["ask"]
        if answer is None:
            return self.recorder.on_request(session, message, line, self.clock.now_ns())
        return [(session, to_json(answer))]

    def _answer(self, session: str, m: dict[str, Any]) -> dict[str, Any] | None:
        """The answer to a question; None to what is none."""
        exchange = self.recorder.exchange
        if m.get("op") == "order":
            return {"ask": m.get("ask"), "order": exchange.order_state(session, str(m.get("cl_ord_id")))}
        if m.get("op") == "open":
            return {"ask": m.get("ask"), "orders": exchange.open_orders(session)}
        if m.get("op") == "executions":
            return {"ask": m.get("ask"), "reports": exchange.executions_after(session, m.get("after"))}
        return None


async def _send(socket: web.WebSocketResponse, queue: asyncio.Queue[str]) -> None:
    """Reports and answers leave in the order they were said; those that wait leave together."""
    while True:
        texts = [await queue.get()]
        while len(texts) < _MAX_FRAME_LINES and not queue.empty():
            texts.append(queue.get_nowait())
        try:
            await socket.send_str("\n".join(texts))
        except ConnectionError:
            return


async def _until(stop: Event | None, done: asyncio.Event) -> None:
    while not done.is_set() and not (stop is not None and stop.is_set()):
        await asyncio.sleep(0.05)
