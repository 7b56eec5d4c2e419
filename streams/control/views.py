"""The web views: JSON of every table, the page, what may be asked for by POST, and /metrics. For this machine's own programs only."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from faust.web import View

from streams.control.metrics import CONTENT_TYPE, exposition
from streams.control.plane import Plane
from streams.errors import ConfigError, LaneError
from streams.lanes.control import COMMANDS

__all__ = ["VIEWS", "add_views"]

VIEWS = ("positions", "orders", "breakers", "limits", "params", "alerts", "commands", "health", "reconciliation", "run")
_FILES = (("/", "page.html", "text/html"), ("/page.js", "page.js", "text/javascript"), ("/page.css", "page.css", "text/css"))
_LOCAL = ("localhost", "127.0.0.1", "::1")
_REQUEST_BYTES = 10_000
_NO_STORE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_PAGE_HEADERS = _NO_STORE | {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-ancestors 'none'"
}

Write = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


def add_views(plane: Plane) -> None:
    """Serve `/`, `/metrics`, `/api/`, `/api/<view>/`, and POST to `/api/commands/`, `/api/limits/`, `/api/params/`."""
    writes = {"commands": _command(plane), "limits": _write(plane, "limits.v1"), "params": _write(plane, "params.v1")}
    for name in VIEWS:
        _add(plane, f"/api/{name}/", lambda name=name: plane.desk.views()[name], writes.get(name))
    _add(plane, "/api/", plane.desk.views)
    for path, name, kind in _FILES:
        _add_file(plane, path, Path(__file__).with_name(name).read_text(), kind)
    _add_metrics(plane)


def _command(plane: Plane) -> Write:
    async def write(fields: dict[str, Any]) -> dict[str, Any]:
        unknown = [name for name in fields if name not in ("kind", "target", "reason")]
        if unknown:
            raise ConfigError(f"{', '.join(map(repr, unknown))}: no field here; known: kind, target, reason")
        kind, target, reason = (str(fields.get(name, "")) for name in ("kind", "target", "reason"))
        record = plane.desk.author.command(kind, target, reason or "control page")
        shards = [{"shard": one.shard, "reason": one.reason, "took_us": one.took_ns / 1e3} for one in await plane.tell_rings(record)]
        answer = {"command": kind, "target": target, "shards": shards}
        try:
            return answer | {"offset": await plane.send(COMMANDS, record)}
        except LaneError as error:
            if not any(not one["reason"] for one in shards):
                raise
            return answer | {"offset": None, "note": f"the rings have it; {error}"}

    return write


def _write(plane: Plane, topic: str) -> Write:
    make = plane.desk.author.limit if topic == "limits.v1" else plane.desk.author.param

    async def write(fields: dict[str, Any]) -> dict[str, Any]:
        return {"topic": topic, "offset": await plane.send(topic, make(fields))}

    return write


def _add(plane: Plane, path: str, read: Callable[[], Any], write: Write | None = None) -> None:
    class Json(View):
        async def get(self, request: Any) -> Any:
            return _refused(self, request) or self.json(read(), headers=_NO_STORE)

    class Both(Json):
        async def post(self, request: Any) -> Any:
            refusal = _refused(self, request)
            if refusal is not None or write is None:
                return refusal
            try:
                return self.json(await write(await _fields(request)), headers=_NO_STORE)
            except ConfigError as error:
                return self.json({"error": str(error)}, status=400, headers=_NO_STORE)
            except LaneError as error:
                return self.json({"error": str(error)}, status=503, headers=_NO_STORE)

    plane.app.page(path, name=f"view {path}")(Both if write else Json)


def _add_file(plane: Plane, path: str, text: str, kind: str) -> None:
    class File(View):
        async def get(self, request: Any) -> Any:
            return _refused(self, request) or self.text(text, content_type=kind, headers=_PAGE_HEADERS)

    plane.app.page(path, name=f"file {path}")(File)


def _add_metrics(plane: Plane) -> None:
    settings = plane.settings

    class Metrics(View):
        async def get(self, request: Any) -> Any:
            refusal = _refused(self, request)
            if refusal is not None:
                return refusal
            text = await asyncio.to_thread(exposition, settings.run_folder, settings.ring_folder)
            return self.bytes(text, headers=_NO_STORE | {"Content-Type": CONTENT_TYPE})

    plane.app.page("/metrics", name="metrics")(Metrics)


async def _fields(request: Any) -> dict[str, Any]:
    if request.content_type != "application/json":  # a form of another page cannot say so without asking first
        raise ConfigError(f"content type {request.content_type!r}: must be application/json")
    body = await request.content.read(_REQUEST_BYTES + 1)
    try:
        fields = json.loads(body) if len(body) <= _REQUEST_BYTES else None
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        raise ConfigError(f"body: must be a JSON object of at most {_REQUEST_BYTES} bytes")
    return fields


def _refused(view: Any, request: Any) -> Any:
    """An answer to a page of another site, or to a name that was made to point here; None for our own."""
    origin = request.headers.get("Origin")
    host, asked_by = urlsplit(f"//{request.headers.get('Host', '')}").hostname, urlsplit(origin or "").hostname
    if host not in _LOCAL or (origin is not None and asked_by not in _LOCAL):
        return view.json({"error": f"requests of {origin or host} are not allowed"}, status=403, headers=_NO_STORE)
    return None
