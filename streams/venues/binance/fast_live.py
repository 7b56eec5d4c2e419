"""A venue's socket into a fast feed: each frame enters the ring when it has come."""

import asyncio
import ctypes

import numpy as np
import structlog

from streams.kernel.system import monotonic_ns
from streams.venues.binance import fast_feed_kernel as k
from streams.venues.binance.fast_feed_process import FastFeed
from streams.venues.binance.sockets import LiveFeed, address

__all__ = ["FastLive"]

_TURN_S = 0.002
_LOG = structlog.get_logger("feed")


class FastLive:
    """Frames of a socket, one by one. A connection whose frames find no room in the rings is dropped: the next one gets the next number,
    and what is missing between them is a gap that normalize sees.
    """

    def __init__(self, feed: FastFeed) -> None:
        self.feed = feed
        settings = feed.settings.feed
        where = address(settings.market, settings.ws_url, settings.rest_url)
        self.live = LiveFeed(where, settings.symbols, self._on_frame, feed.at.connection + 1)
        self._columns = np.zeros((5, 1), np.int64)  # receive time, source_seq, start, size, wire
        self._payload = b""
        self._connection = self._seq = self._dropped = 0

    async def run(self) -> None:
        """Receive until the feed is to stop. Raises what receiving raises."""
        feed, loop = self.feed, asyncio.get_running_loop()
        feed.resync = lambda symbol: _later(loop, self.live, symbol)  # not while the snapshot before is being given over
        receiving = asyncio.create_task(self.live.run())
        try:
            while not (feed.stop.is_set() or feed.new_run or receiving.done()):
                if feed.lane.idle:
                    feed.between()
                else:
                    self._finish()
                await asyncio.sleep(_TURN_S)
            if receiving.done():
                receiving.result()
        finally:
            receiving.cancel()
            await asyncio.gather(receiving, return_exceptions=True)

    def _on_frame(self, connection: int, payload: bytes) -> None:
        wire_ns = monotonic_ns()
        if connection == self._dropped:
            return
        self._seq = self._seq + 1 if connection == self._connection else 1
        self._connection = connection
        if not self._finish():
            self._drop()
            return
        self._payload = payload  # it must live as long as the frame is in hand
        place = ctypes.cast(ctypes.c_char_p(payload), ctypes.c_void_p).value or 0
        self._columns[:, 0] = self.feed.clock.now_ns(), self._seq, place, len(payload), wire_ns
        times, seqs, starts, sizes, wires = self._columns
        stop = self.feed.lane.give(connection, times, seqs, starts, sizes, wires)
        if stop != k.DONE and not self._finish(stop):
            self._drop()

    def _finish(self, stop: int = k.FULL) -> bool:
        """Carry on the frame in hand, waiting for room; False after `drop_s` without."""
        lane, until_ns = self.feed.lane, monotonic_ns() + int(self.feed.settings.drop_s * 1e9)
        while lane.pending:
            if lane.idle:
                self.feed.between()
            waits = stop != k.LATER and not self.feed.wait_for_room()
            if waits and stop == k.FULL and monotonic_ns() >= until_ns:
                return False
            stop = lane.go_on()
        return True

    def _drop(self) -> None:
        """Give the connection up. Its frame in hand, if it is in the ring already, is carried once there is room."""
        self.feed.lane.give_up()
        self._dropped = self._connection
        _LOG.warning("connection dropped", connection=self._connection, reason="the rings have no room: is a reader of theirs stuck?")
        self.live.drop("the rings have no room")


def _later(loop: asyncio.AbstractEventLoop, live: LiveFeed, symbol: str) -> None:
    loop.call_soon(live.resync, symbol)
