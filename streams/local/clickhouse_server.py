"""`python -m streams.local.clickhouse_server`: ClickHouse's HTTP protocol over the embedded engine, for any client of it.

The engine locks its folder to one process: this one. Sink, queries, notebooks and boards reach it by URL, as they reach a server.
"""

import argparse
import contextlib
import json
import sys
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from streams.errors import MillraceError
from streams.local.clickhouse_engine import Answer, Engine
from streams.local.clickhouse_errors import EngineFault
from streams.local.clickhouse_request import decompressed, parse

__all__ = ["main", "server"]

WORKERS = 16  # statements at a time; the engine has threads of its own
KEEP_ALIVE_S = 75
SHUTDOWN_BOUND_S = 10
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1", "")
CONTENT_TYPES = {
    "TabSeparated": "text/tab-separated-values; charset=UTF-8",
    "TSV": "text/tab-separated-values; charset=UTF-8",
    "TabSeparatedWithNames": "text/tab-separated-values; charset=UTF-8; header=present",
    "CSV": "text/csv; charset=UTF-8; header=absent",
    "CSVWithNames": "text/csv; charset=UTF-8; header=present",
    "JSON": "application/json; charset=UTF-8",
    "JSONCompact": "application/json; charset=UTF-8",
    "JSONEachRow": "application/x-ndjson; charset=UTF-8",
    "Pretty": "text/plain; charset=UTF-8",
    "PrettyCompact": "text/plain; charset=UTF-8",
}


def server(engine: Engine) -> Starlette:
    """The application: `/` runs statements, `/ping` and `/replicas_status` say that it lives."""
    workers: list[anyio.CapacityLimiter] = []

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        workers.append(anyio.CapacityLimiter(WORKERS))
        yield
        engine.close()

    async def root(request: HttpRequest) -> Response:
        query_id = request.query_params.get("query_id") or str(uuid.uuid4())
        headers = {
            "X-ClickHouse-Query-Id": query_id,
            "X-ClickHouse-Server-Display-Name": "millrace",
            "X-ClickHouse-Timezone": engine.timezone,
        }
        try:
            _check_origin(request)
            body = await request.body()
            if not body and not request.query_params.get("query"):
                return PlainTextResponse("Ok.\n", headers=headers)
            answer = await anyio.to_thread.run_sync(_run, engine, request, body, limiter=workers[0])
        except ClientDisconnect:
            return Response(status_code=499)  # it hung up while sending: nothing was run
        except EngineFault as fault:
            headers["X-ClickHouse-Exception-Code"] = str(fault.code)
            text = f"{fault} (version {engine.version} (embedded))\n"
            return PlainTextResponse(text, status_code=fault.status, headers=headers)
        headers |= {"X-ClickHouse-Format": answer.format, "X-ClickHouse-Summary": _summary(answer)}
        return Response(answer.body, headers=headers, media_type=CONTENT_TYPES.get(answer.format, "application/octet-stream"))

    async def ping(_: HttpRequest) -> Response:
        return PlainTextResponse("Ok.\n")

    routes = [Route("/ping", ping), Route("/replicas_status", ping), Route("/", root, methods=["GET", "POST"])]
    return Starlette(routes=routes, lifespan=lifespan)


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m streams.local.clickhouse_server", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="data folder of the engine")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args(arguments)
    try:
        application = server(Engine(options.folder))
    except MillraceError as fault:
        print(f"millrace: {fault}", file=sys.stderr)
        return 1
    uvicorn.run(
        application,
        host=options.host,
        port=options.port,
        log_level="warning",
        access_log=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=SHUTDOWN_BOUND_S,
    )
    return 0


def _run(engine: Engine, request: HttpRequest, body: bytes) -> Answer:
    data = decompressed(body, request.headers.get("content-encoding", ""))
    return engine.run(parse(request.method, request.query_params, request.headers, data))


def _check_origin(request: HttpRequest) -> None:
    """Refuse a page of another site in the user's browser: the server has no passwords."""
    origin = urlsplit(request.headers.get("origin", "")).hostname or ""
    if origin not in LOCAL_NAMES:
        raise EngineFault(497, f"requests from pages of {origin} are not allowed")


def _summary(answer: Answer) -> str:
    fields = ("read_rows", "read_bytes", "written_rows", "written_bytes", "elapsed_ns")
    return json.dumps({name: str(getattr(answer, name)) for name in fields} | {"total_rows_to_read": "0"})


if __name__ == "__main__":
    sys.exit(main())
