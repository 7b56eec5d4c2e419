"""The feed: a shell that brings a venue's frames into `frames.v1`, from recordings or from the venue's socket. It decides nothing.

After a kill it goes on after its last frame in the topic: nothing is lost or written twice of a recording; a socket's new connection gets
the next number, and its books start from new snapshots.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from threading import Event

import structlog
from confluent_kafka import Consumer, TopicPartition

from streams.clock import RunClock
from streams.errors import ConfigError, DecodeError
from streams.lanes.bus import end_offset, open_consumer
from streams.lanes.control import COMMANDS, read_control
from streams.lanes.registry import SchemaIds
from streams.lanes.wire import Wire
from streams.records import Clock, Command, CommandType
from streams.venues.binance.frames import FrameWriter
from streams.venues.binance.playback import play
from streams.venues.binance.rules import Market
from streams.venues.binance.sockets import LiveFeed, address

__all__ = ["FeedSettings", "run_clock", "run_feed"]

_LOG = structlog.get_logger("feed")
_TURN_S = 0.002  # how often the frames that came leave together, and a live feed looks for delivery reports and the end


@dataclass(frozen=True)
class FeedSettings:
    """Everything a feed is told.

    process, shard     : its writers are `process/shard/frames` and `process/shard/frames.dlq`
    kafka, registry    : addresses
    topology, venue    : names; venue as in the dictionary
    market             : which of Binance's markets
    symbols            : of this shard: what the socket asks for
    other_symbols      : the venue's symbols on other shards: their frames in the recordings are left to the feeds of those shards
    recordings         : files, played merged by receive time; empty: the socket
    ws_url, rest_url   : roots other than the public ones
    """

    process: str
    shard: int
    kafka: str
    registry: str
    topology: str
    venue: str
    market: Market = Market.USDM
    symbols: tuple[str, ...] = ()
    other_symbols: tuple[str, ...] = ()
    recordings: tuple[str, ...] = ()
    ws_url: str | None = None
    rest_url: str | None = None


def run_feed(settings: FeedSettings, stop: Event | None = None) -> int:
    """Feed until the recordings are at their end and delivered, or `stop` is set; the exit code, 0.

    Raises LaneError without broker, registry, run or names, and when a frame could not be delivered; RecordingError for a file that
    cannot be opened; ConfigError if the run's clock does not fit.
    """
    stop = stop or Event()
    wire = Wire(SchemaIds(settings.registry))
    control = read_control(settings.kafka, wire, ("names.v1", COMMANDS))
    run = control.last_run()
    clock = run_clock(run)
    if settings.recordings and clock.clock != Clock.RECORDING:
        raise ConfigError(f"feed: run {run.run_number} follows the wall clock, but the feed has recordings; start the run with them")
    writer = FrameWriter(settings.kafka, wire, control, settings.process, settings.shard, settings.venue, clock)
    _LOG.info("feed starts", run=run.run_number, after_connection=writer.at.connection, after_source_seq=writer.at.source_seq)
    if settings.recordings:
        done = play(settings.recordings, writer, stop, settings.other_symbols)
    else:
        done = asyncio.run(_live(settings, wire, writer, stop))
    _LOG.info("feed ends", frames=writer.sent, reason="end of the recording" if done else "stopped")
    return 0


def run_clock(run: Command) -> RunClock:
    """The clock that a RUN record sets."""
    return RunClock(run.clock or Clock.WALL, run.clock_start_ns or 0, run.wall_start_ns or 0, run.speed or 1.0)


async def _live(settings: FeedSettings, wire: Wire, writer: FrameWriter, stop: Event) -> bool:
    """Socket to frames until stopped. Always False: a market has no end."""
    source_seq = connection_seen = 0

    def on_frame(connection: int, payload: bytes) -> None:
        nonlocal source_seq, connection_seen
        source_seq = source_seq + 1 if connection == connection_seen else 1
        connection_seen = connection
        writer.frame(writer.clock.now_ns(), connection, source_seq, payload)

    where = address(settings.market, settings.ws_url, settings.rest_url)
    live = LiveFeed(where, settings.symbols, on_frame, writer.at.connection + 1)
    commands = _open_commands(settings.kafka)
    receiving = asyncio.create_task(live.run())
    try:
        while not stop.is_set() and not receiving.done():
            writer.poll()
            for symbol in _resyncs(commands, wire, settings):
                live.resync(symbol)
            await asyncio.sleep(_TURN_S)
        if receiving.done():
            receiving.result()
        return False
    finally:
        receiving.cancel()
        await asyncio.gather(receiving, return_exceptions=True)
        commands.close()
        writer.flush()


def _open_commands(kafka: str) -> Consumer:
    """The command topic from now on: what was asked before is answered by connecting."""
    consumer = open_consumer(kafka, settings={"queued.min.messages": 100, "queued.max.messages.kbytes": 1024})
    consumer.assign([TopicPartition(COMMANDS, 0, end_offset(kafka, COMMANDS, 0))])
    return consumer


def _resyncs(commands: Consumer, wire: Wire, settings: FeedSettings) -> list[str]:
    """Symbols of this feed for which a snapshot is asked for since the last call."""
    found = []
    for message in commands.consume(100, 0.0):
        if message.error() is not None:
            continue
        try:
            command = wire.decode(COMMANDS, message.value())
        except DecodeError:
            continue
        venue, _, symbol = command.target.partition(":")
        if command.kind == CommandType.RESYNC and venue == settings.venue and symbol in settings.symbols:
            found.append(symbol)
    return found
