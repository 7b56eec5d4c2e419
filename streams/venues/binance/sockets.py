"""Binance's live market data: one combined stream, REST snapshots of the book on connecting and whenever one is asked for.

Addresses and limits: "Websocket Market Streams" and "Order Book" of the spot, USD-M and COIN-M documentation at developers.binance.com.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp
import structlog

from streams.venues.binance.rules import Market

__all__ = ["Address", "LiveFeed", "address"]

_LOG = structlog.get_logger("feed")
_SILENCE_S = 30.0  # bookTicker alone comes many times a second: so long a silence is a dead connection
_BACKOFF_S = (0.2, 30.0)  # first and longest wait between two attempts
_SPACING_S = 0.5  # between two snapshots: each weighs 20 of the 2,400 that REST allows a minute
_STABLE_S = 60.0  # a connection that lived so long starts the backoff anew


@dataclass(frozen=True)
class Address:
    """Where one of Binance's markets is.

    ws_url   : root of the combined streams; `/stream?streams=...` is added
    rest_url : root of the REST interface
    depth    : path and limit of the order book there
    streams  : streams of one symbol, without the symbol
    """

    ws_url: str
    rest_url: str
    depth: str
    depth_limit: int
    streams: tuple[str, ...]

    def stream_url(self, symbols: tuple[str, ...]) -> str:
        """Address of the combined stream of all symbols."""
        names = "/".join(f"{symbol.lower()}@{stream}" for symbol in symbols for stream in self.streams)
        return f"{self.ws_url}/stream?streams={names}"

    def depth_url(self, symbol: str) -> str:
        """Address of the symbol's snapshot."""
        return f"{self.rest_url}{self.depth}?symbol={symbol}&limit={self.depth_limit}"


_FUTURES = ("depth@100ms", "bookTicker", "aggTrade", "markPrice@1s")
_ADDRESSES = {
    Market.SPOT: Address(
        "wss://stream.binance.com:9443", "https://api.binance.com", "/api/v3/depth", 5000, ("depth@100ms", "bookTicker", "trade")
    ),
    Market.USDM: Address("wss://fstream.binance.com", "https://fapi.binance.com", "/fapi/v1/depth", 1000, _FUTURES),
    Market.COINM: Address("wss://dstream.binance.com", "https://dapi.binance.com", "/dapi/v1/depth", 1000, _FUTURES),
}


def address(market: Market, ws_url: str | None = None, rest_url: str | None = None) -> Address:
    """The market's public address, or the same paths below other roots (a test network, a proxy, a local server)."""
    known = _ADDRESSES[market]
    return Address(
        (ws_url or known.ws_url).rstrip("/"), (rest_url or known.rest_url).rstrip("/"), known.depth, known.depth_limit, known.streams
    )


class LiveFeed:
    """Keeps one connection alive and hands over every frame as received.

    on_frame(connection, payload) is called in the event loop at the frame's first byte; `connection` counts up from `first_connection`.
    """

    def __init__(self, where: Address, symbols: tuple[str, ...], on_frame: Callable[[int, bytes], None], first_connection: int = 1) -> None:
        self.where, self.symbols, self.on_frame = where, symbols, on_frame
        self.connection = first_connection - 1
        self._wanted: set[str] = set()
        self._drop = ""
        self._asked = asyncio.Event()

    def resync(self, symbol: str) -> None:
        """Ask for a snapshot of a symbol; asking again before it has come changes nothing."""
        self._wanted.add(symbol)
        self._asked.set()

    def drop(self, reason: str) -> None:
        """Give the connection up before its next frame; another one is made, as after a loss."""
        self._drop = reason

    async def run(self) -> None:
        """Receive until cancelled; a lost connection is made again after a growing pause."""
        pause_s = _BACKOFF_S[0]
        loop = asyncio.get_running_loop()
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10.0)) as session:
            while True:
                began_s = loop.time()
                try:
                    await self._connect(session)
                except (aiohttp.ClientError, TimeoutError, OSError) as error:
                    _LOG.warning("connection lost", venue_url=self.where.ws_url, reason=str(error) or type(error).__name__, retry_s=pause_s)
                if loop.time() - began_s > _STABLE_S:
                    pause_s = _BACKOFF_S[0]
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _BACKOFF_S[1])

    async def _connect(self, session: aiohttp.ClientSession) -> None:
        """One connection from its start to its end."""
        async with session.ws_connect(self.where.stream_url(self.symbols), max_msg_size=0, timeout=aiohttp.ClientWSTimeout()) as socket:
            self.connection += 1
            self._drop = ""
            _LOG.info("connected", connection=self.connection, symbols=",".join(self.symbols))
            for symbol in self.symbols:
                self.resync(symbol)
            snapshots = asyncio.create_task(self._snapshots(session))
            try:
                while True:
                    message = await socket.receive(_SILENCE_S)
                    if self._drop:
                        raise aiohttp.ClientConnectionError(self._drop)
                    if message.type is aiohttp.WSMsgType.TEXT:
                        self.on_frame(self.connection, message.data.encode())
                    elif message.type is aiohttp.WSMsgType.BINARY:
                        self.on_frame(self.connection, message.data)
                    else:
                        raise aiohttp.ClientConnectionError(
                            f"closed by the venue ({message.type.name.lower()} {message.extra or ''})".strip()
                        )
            finally:
                snapshots.cancel()
                await asyncio.gather(snapshots, return_exceptions=True)

    async def _snapshots(self, session: aiohttp.ClientSession) -> None:
        """Fetch what is asked for, one at a time; a refusal waits as long as the venue says, at least as long as the backoff."""
        pause_s = _BACKOFF_S[0]
        while True:
            await self._asked.wait()
            self._asked.clear()
            for symbol in sorted(self._wanted):
                wait_s = await self._fetch(session, symbol)
                if wait_s is None:
                    self._wanted.discard(symbol)
                    pause_s = _BACKOFF_S[0]
                    await asyncio.sleep(_SPACING_S)
                    continue
                self._asked.set()
                await asyncio.sleep(max(wait_s, pause_s))
                pause_s = min(2 * pause_s, _BACKOFF_S[1])

    async def _fetch(self, session: aiohttp.ClientSession, symbol: str) -> float | None:
        """Hand over one snapshot as a frame that names its symbol; None, or the seconds to wait after a failure."""
        try:
            async with session.get(self.where.depth_url(symbol)) as answer:
                body = await answer.read()
                if answer.status != 200:
                    _LOG.warning("no snapshot", symbol=symbol, status=answer.status, answer=body[:200].decode("utf-8", "replace"))
                    after = answer.headers.get("Retry-After", "")
                    return float(after) if after.isdigit() else 0.0
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            _LOG.warning("no snapshot", symbol=symbol, reason=str(error) or type(error).__name__)
            return 0.0
        self.on_frame(self.connection, b'{"stream":"%b@depth@snapshot","data":%b}' % (symbol.lower().encode(), body))
        return None
