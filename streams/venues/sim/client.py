"""Client of the simulated venue: its messages as the gateway's calls and reports."""

import asyncio
import itertools
import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import aiohttp

from streams.errors import VenueError
from streams.records import Request, VenueEventType
from streams.schema import units
from streams.venues.client import OrderState, Outgoing, VenueReport
from streams.venues.sim.log import to_json
from streams.venues.sim.request_text import request_text

__all__ = ["SimClient"]

_ANSWER_S = 10.0
_MAX_FRAME_LINES = 500


class SimClient:
    """One connection, as the client named `session`. See VenueClient for what each call promises."""

    def __init__(self, url: str, session: str) -> None:
        self.url, self.session = url, session
        self._http: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._reading: asyncio.Task[None] | None = None
        self._reports: asyncio.Queue[VenueReport | VenueError] = asyncio.Queue()
        self._asked: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._numbers = itertools.count(1)
        self._room: Any = None  # done when the connection takes more, None = it does

    async def connect(self) -> None:
        """Open the connection and say who we are."""
        await self.close()
        self._reports, self._room = asyncio.Queue(), None
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None, sock_connect=5.0))
        try:
            self._socket = await self._http.ws_connect(self.url, heartbeat=5.0, max_msg_size=1 << 26)
            await self._socket.send_json({"op": "hello", "client": self.session})
            hello = await self._socket.receive_json(timeout=5.0)
            if hello.get("hello") != self.session:
                raise VenueError(f"{self.url}: it answers {hello!r}; that is no simulated venue")
        except (aiohttp.ClientError, OSError, TimeoutError, TypeError, ValueError) as error:
            await self.close()
            raise VenueError(f"{self.url}: no connection ({error or type(error).__name__})") from None
        self._reading = asyncio.create_task(self._read(self._socket))

    async def close(self) -> None:
        """Close the connection; harmless when it is gone."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
            self._reading = None
        if self._socket is not None:
            await self._socket.close()
            self._socket = None
        if self._http is not None:
            await self._http.close()
            self._http = None

    async def report(self) -> VenueReport:
        """The next report."""
        found = await self._reports.get()
        if isinstance(found, VenueError):
            raise found
        return found

    async def reports(self) -> list[VenueReport]:
        """The reports that have come since the last call, at least one."""
        found = [await self.report()]
        while not self._reports.empty():
            report = self._reports.get_nowait()
            if isinstance(report, VenueError):
                self._reports.put_nowait(report)  # first what came before it
                break
            found.append(report)
        return found

    async def send(self, request: Request, cl_ord_id: str) -> None:
        """Send a NEW, REPLACE or CANCEL."""
        await self._say(request_text(request, cl_ord_id))

    async def send_all(self, requests: Sequence[Outgoing]) -> None:
        """Send several, many of them in one frame."""
        for first in range(0, len(requests), _MAX_FRAME_LINES):
            found = requests[first : first + _MAX_FRAME_LINES]
            await self._say(*(one.text or request_text(one.request, one.cl_ord_id) for one in found))

    def send_now(self, texts: Sequence[str]) -> bool:
        """Send several within this call, in one frame; false if the connection is full, or there is none."""
        if self._socket is None or len(texts) > _MAX_FRAME_LINES or (self._room is not None and not self._room.done()):
            return False
        frame = self._socket.send_str("\n".join(texts))
        try:
            self._room = frame.send(None)  # it gives the frame to the transport; then, and only if that is full, it waits
        except StopIteration:
            self._room = None
        except (aiohttp.ClientError, OSError) as error:
            raise self._gone(error) from None
        frame.close()
        return True

    async def cancel_all(self) -> None:
        """Cancel every open order of this session."""
        await self._say(to_json({"op": "cancel_all"}))

    async def open_orders(self) -> list[OrderState]:
        """The session's open orders."""
        return [_state(order) for order in (await self._ask({"op": "open"}))["orders"]]

    async def order(self, cl_ord_id: str) -> OrderState | None:
        """One order of the session, None if the venue has never seen it."""
        found = (await self._ask({"op": "order", "cl_ord_id": cl_ord_id}))["order"]
        return None if found is None else _state(found)

    async def executions(self, after: str | None) -> list[VenueReport]:
        """The session's executions after one of them."""
        return [_report(r, json.dumps(r).encode()) for r in (await self._ask({"op": "executions", "after": after}))["reports"]]

    # ---- the socket ----
    async def _say(self, *texts: str) -> None:
        if self._socket is None:
            raise VenueError(f"{self.url}: not connected")
        try:
            await self._socket.send_str("\n".join(texts))
        except (aiohttp.ClientError, OSError) as error:
            raise self._gone(error) from None

    def _gone(self, error: Exception) -> VenueError:
        return VenueError(f"{self.url}: the connection is gone ({error or type(error).__name__})")

    async def _ask(self, message: dict[str, Any]) -> dict[str, Any]:
        number = next(self._numbers)
        self._asked[number] = asyncio.get_running_loop().create_future()
        try:
            await self._say(to_json(message | {"ask": number}))
            return await asyncio.wait_for(self._asked[number], _ANSWER_S)
        except TimeoutError:
            raise VenueError(f"{self.url}: no answer to {message['op']!r} within {_ANSWER_S:.0f} s") from None
        finally:
            del self._asked[number]

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        gone = VenueError(f"{self.url}: the connection is gone")
        try:
            async for message in socket:
                if message.type == aiohttp.WSMsgType.TEXT:
                    for line in message.data.split("\n"):
                        self._on_line(line)
        finally:
            for asked in self._asked.values():
                if not asked.done():
                    asked.set_exception(gone)
            self._reports.put_nowait(gone)

    def _on_line(self, text: str) -> None:
        message = json.loads(text)
        if "report" in message:
            self._reports.put_nowait(_report(message, text.encode()))
        elif message.get("ask") in self._asked:
            asked = self._asked[message["ask"]]
            if not asked.done() and "error" in message:
                asked.set_exception(VenueError(f"{self.url}: {message['error']}"))
            elif not asked.done():
                asked.set_result(message)
        else:
            self._reports.put_nowait(VenueError(f"{self.url}: {message.get('error', message)}"))


def _e9(text: str | None) -> int | None:
    return None if text is None else units.to_e9(text)


def _report(m: dict[str, Any], raw: bytes) -> VenueReport:
    return VenueReport(
        kind=VenueEventType[m["report"]],
        cl_ord_id=m["cl_ord_id"],
        symbol=m["symbol"],
        exch_ts_ns=m["ts_ns"],
        venue_order_id=m.get("order_id", ""),
        raw=raw,
        request_id=m.get("req"),
        exec_id=m.get("exec_id"),
        last_px_e9=_e9(m.get("last_px")),
        last_qty_e9=_e9(m.get("last_qty")),
        px_e9=_e9(m.get("px")),
        qty_e9=_e9(m.get("qty")),
        maker=m.get("maker"),
        fee=Decimal(m["fee"]) if "fee" in m else None,
        fee_currency=m.get("fee_currency"),
        reason=m.get("reason"),
    )


def _state(m: dict[str, Any]) -> OrderState:
    return OrderState(
        cl_ord_id=m["cl_ord_id"],
        symbol=m["symbol"],
        exch_ts_ns=m["ts_ns"],
        venue_order_id=m["order_id"],
        px_e9=_e9(m["px"]),
        qty_e9=units.to_e9(m["qty"]),
        cum_qty_e9=units.to_e9(m["cum_qty"]),
        ended=None if m["ended"] is None else VenueEventType[m["ended"]],
        reason=m["reason"] or None,
        raw=to_json(m).encode(),
    )
