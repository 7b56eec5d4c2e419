"""A local server that speaks Binance's market data protocol, for tests: one combined stream, REST snapshots, both as the test says."""

import asyncio
from collections.abc import Callable

from aiohttp import WSMsgType, web

__all__ = ["LocalVenue"]


class LocalVenue:
    """Serves `/stream` and `/fapi/v1/depth` on a free port.

    to_send : what each new connection is sent at once; then it stays open until `drop`
    depth   : answer to a snapshot request, given the symbol: (status, body)
    """

    def __init__(self, to_send: list[list[bytes]], depth: Callable[[str], tuple[int, bytes]]) -> None:
        self.to_send, self.depth = to_send, depth
        self.sockets: list[web.WebSocketResponse] = []
        self.asked: list[str] = []
        self.streams: list[str] = []
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> "LocalVenue":
        app = web.Application()
        app.router.add_get("/stream", self._stream)
        app.router.add_get("/fapi/v1/depth", self._depth)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        assert site._server is not None
        self.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # pyright: ignore[reportAttributeAccessIssue]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self.drop()
        await self._runner.cleanup()

    async def drop(self) -> None:
        """Close every open connection."""
        for socket in self.sockets:
            await socket.close()
        self.sockets.clear()

    async def until(self, happened: Callable[[], bool]) -> None:
        """Wait for a condition, at most 10 s."""
        async with asyncio.timeout(10):
            while not happened():
                await asyncio.sleep(0.005)

    async def _stream(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.streams.append(request.query["streams"])
        for payload in self.to_send.pop(0) if self.to_send else []:
            await socket.send_str(payload.decode())
        self.sockets.append(socket)
        async for message in socket:
            if message.type is WSMsgType.CLOSE:
                break
        return socket

    async def _depth(self, request: web.Request) -> web.Response:
        symbol = request.query["symbol"]
        self.asked.append(symbol)
        status, body = self.depth(symbol)
        return web.Response(status=status, body=body, headers={"Retry-After": "0"})
