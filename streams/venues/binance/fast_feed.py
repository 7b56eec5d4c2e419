"""The feed of the fast lane: a venue's frames and the market data that normalize makes of them, into rings, in one process.

After a kill it goes on from its checkpoint and what its rings hold, without a broker: the same ids, the same slots. A recording goes on
after its last frame; a socket gets a new connection, and the frames missed meanwhile are a gap that normalize detects.
"""

import asyncio
from threading import Event

import structlog

from streams.errors import ConfigError, FencedError, MillraceError, StepError
from streams.lanes.kafka import EXIT_FAILED, EXIT_NEW_RUN, EXIT_OK
from streams.lanes.registry import SchemaIds
from streams.lanes.status import StatusFile
from streams.lanes.waiting import sharp_sleeps
from streams.lanes.wire import Wire
from streams.records import Clock
from streams.venues.binance.fast_feed_process import FastFeed
from streams.venues.binance.fast_feed_settings import FastFeedSettings
from streams.venues.binance.fast_feed_start import Build, find_start
from streams.venues.binance.fast_live import FastLive
from streams.venues.binance.fast_playback import play_fast
from streams.venues.binance.feed import run_clock

__all__ = ["FastFeedSettings", "run_fast_feed"]

_LOG = structlog.get_logger("feed")


def run_fast_feed(settings: FastFeedSettings, build: Build, stop: Event | None = None) -> int:
    """Feed until the recordings are at their end or `stop` is set (0), a new run has begun (4), or it fails (1); the exit status.

    build: makes the process that normalize belongs to, from the dictionary.
    """
    try:
        return _run(settings, build, stop or Event())
    except FencedError:
        raise
    except Exception as error:
        reason = str(error) or repr(error)
        _LOG.error("failed", reason=reason, exc_info=None if isinstance(error, MillraceError) else error)
        StatusFile(settings.status_path, settings.feed.process, settings.feed.shard).write(state="failed", reason=reason)
        return EXIT_FAILED


def _run(settings: FastFeedSettings, build: Build, stop: Event) -> int:
    feed, done = open_feed(settings, build, stop), False
    try:
        done = _to_end(feed)
    finally:
        feed.close()
    feed.report()
    feed.status.write(state="new run" if feed.new_run else "stopped")
    _LOG.info("feed ends", frames=feed.status.now.records_in, reason="end of the recording" if done else "stopped")
    return EXIT_NEW_RUN if feed.new_run else EXIT_OK


def _to_end(feed: FastFeed) -> bool:
    """Feed until it is to stop; whether recordings are at their end. Where normalize fails, once more from the checkpoint on."""
    settings = feed.settings.feed
    while True:
        try:
            again = feed.open()
            feed.status.write(state="running")
            _LOG.info("feed starts", run=feed.run_number, after_source_seq=feed.at.source_seq, again=again.frames)
            if settings.recordings:
                return play_fast(settings.recordings, feed, settings.other_symbols)
            asyncio.run(FastLive(feed).run())
            return False
        except StepError as error:
            feed.start_anew(error)


def open_feed(settings: FastFeedSettings, build: Build, stop: Event) -> FastFeed:
    """The feed, its rings open. LaneError, RestoreError as `find_start`; ConfigError if the run's clock does not fit."""
    sharp_sleeps()
    wire = Wire(SchemaIds(settings.feed.registry))
    start = find_start(settings, wire, build)
    run = start.control.last_run()
    clock = run_clock(run)
    if settings.feed.recordings and clock.clock != Clock.RECORDING:
        raise ConfigError(f"feed: run {run.run_number} follows the wall clock, but the feed has recordings; start the run with them")
    return FastFeed(settings, start, wire, clock, stop, build)
