"""The chdb engine over one data folder: runs requests, each on a handle of its own, so that settings never leak."""

import contextlib
import os
import re
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from streams.errors import StackError
from streams.local.clickhouse_errors import SESSION_IS_LOCKED, EngineFault
from streams.local.clickhouse_request import Request

__all__ = ["Answer", "Engine"]

BLOCK_INFO = bytes(
    (1, 0, 2, 0xFF, 0xFF, 0xFF, 0xFF, 0)
)  # is_overflows 0, bucket_num -1, end: what a Native block starts with for newer clients
SETTING_NAME = re.compile(r"[A-Za-z_]\w*\Z")
SESSION_BOUND_S = 60.0
SESSIONS_MAX = 256


@dataclass(frozen=True)
class Answer:
    """The result of one statement: bytes in `format`, and what the summary header tells."""

    body: bytes
    format: str
    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    elapsed_ns: int = 0


class Session:
    """A handle that keeps its settings and temporary tables between the requests of one client."""

    def __init__(self, handle: Any) -> None:
        self.handle = handle
        self.mutex = threading.Lock()
        self.used_s = time.monotonic()


class Engine:
    """ClickHouse in this process. Thread-safe; engine calls release the GIL."""

    def __init__(self, folder: Path) -> None:
        """Open the folder; StackError if another process holds it."""
        import chdb

        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder.resolve()
        self._open = lambda: chdb.connect(str(self.folder))
        try:
            self._keeper = self._open()  # keeps the engine alive between requests
        except Exception as fault:
            raise StackError(_cannot_open(self.folder, fault)) from None
        self._sessions: dict[str, Session] = {}
        self._mutex = threading.Lock()
        self.version = self._scalar("SELECT version()")
        self.timezone = self._scalar("SELECT timezone()")

    def run(self, request: Request) -> Answer:
        """Run one statement; EngineFault as the engine tells it."""
        began_ns = time.monotonic_ns()
        with self._handle(request) as handle:
            try:
                _prepare(handle, request)
                if request.insert_format:
                    return _insert(handle, request, began_ns)
                return _query(handle, request, began_ns)
            except EngineFault:
                raise
            except Exception as fault:
                raise EngineFault.of(fault) from None

    def close(self) -> None:
        """Close every handle; the folder is free afterwards."""
        with self._mutex:
            for session in self._sessions.values():
                session.handle.close()
            self._sessions.clear()
            self._keeper.close()

    @contextlib.contextmanager
    def _handle(self, request: Request) -> Iterator[Any]:
        if not request.session:
            handle = self._open()
            try:
                yield handle
            finally:
                handle.close()
            return
        session = self._session(request.session)
        if not session.mutex.acquire(blocking=False):
            raise EngineFault(SESSION_IS_LOCKED, f"Session {request.session} is locked by a concurrent client")
        try:
            yield session.handle
        finally:
            _restore(session.handle, request)
            session.used_s = time.monotonic()
            session.mutex.release()

    def _session(self, name: str) -> Session:
        with self._mutex:
            now_s = time.monotonic()
            for other, session in list(self._sessions.items()):
                idle = now_s - session.used_s > SESSION_BOUND_S or len(self._sessions) >= SESSIONS_MAX
                if idle and other != name and session.mutex.acquire(blocking=False):
                    session.handle.close()
                    del self._sessions[other]
            if name not in self._sessions:
                self._sessions[name] = Session(self._open())
            return self._sessions[name]

    def _scalar(self, sql: str) -> str:
        return self._keeper.query(sql, "TSVRaw").bytes().decode().strip()


def _prepare(handle: Any, request: Request) -> None:
    if request.database:
        handle.query(f"USE `{_escaped(request.database, '`')}`")
    settings = [f"{_checked(name)} = '{_escaped(value, chr(39))}'" for name, value in request.settings.items()]
    if request.readonly and "readonly" not in request.settings:
        settings.append("readonly = 2")
    if settings:
        handle.query("SET " + ", ".join(settings))


def _restore(handle: Any, request: Request) -> None:
    """Settings of the URL hold for one statement, in a session too."""
    for name in (*request.settings, *(("readonly",) if request.readonly else ())):
        with contextlib.suppress(Exception):  # an unknown setting was refused before
            handle.query(f"SET {_checked(name)} = DEFAULT")


def _insert(handle: Any, request: Request, began_ns: int) -> Answer:
    if not request.data:
        return Answer(b"", request.format)
    if request.insert_format == "Native":
        return _insert_native(handle, request, began_ns)
    with handle.send_insert(request.sql, request.insert_format) as inserter:
        inserter.append(request.data)
        done = inserter.finish()
    elapsed_ns = time.monotonic_ns() - began_ns
    return Answer(b"", request.format, written_rows=done.rows_written, written_bytes=done.bytes_written, elapsed_ns=elapsed_ns)


def _insert_native(handle: Any, request: Request, began_ns: int) -> Answer:
    """Insert the blocks as a statement that selects them from memory: what the sink writes must be refused when the disk is full.

    The engine's streaming insert reports success for a part that it could not write ("Cannot reserve", "File too large").
    """
    with _in_memory(request.data) as path:
        sql = f"{request.sql} SELECT * FROM file('{path}', 'Native')"
        result = handle.query(sql, params=request.parameters)
    rows, size_bytes = result.rows_written(), result.bytes_written()
    return Answer(b"", request.format, written_rows=rows, written_bytes=size_bytes, elapsed_ns=time.monotonic_ns() - began_ns)


@contextlib.contextmanager
def _in_memory(data: bytes) -> Iterator[str]:
    """A path under which this process reads the data; a file without a name where the system has no memory files."""
    with os.fdopen(os.memfd_create("insert"), "wb") if hasattr(os, "memfd_create") else tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        yield f"/dev/fd/{file.fileno()}"


def _query(handle: Any, request: Request, began_ns: int) -> Answer:
    prefix = BLOCK_INFO if request.format == "Native" and request.protocol_version > 0 else b""
    if prefix and request.streamable:  # block by block, each with its info in front
        blocks = [prefix + block.bytes() for block in handle.send_query(request.sql, request.format, params=request.parameters)]
        return Answer(b"".join(blocks), request.format, elapsed_ns=time.monotonic_ns() - began_ns)
    result = handle.query(request.sql, request.format, params=request.parameters)
    body = result.bytes()
    return Answer(
        prefix + body if body else b"",
        request.format,
        read_rows=result.storage_rows_read(),
        read_bytes=result.storage_bytes_read(),
        written_rows=result.rows_written(),
        written_bytes=result.bytes_written(),
        elapsed_ns=time.monotonic_ns() - began_ns,
    )


def _checked(name: str) -> str:
    if not SETTING_NAME.match(name):
        raise EngineFault(115, f"Unknown setting {name!r}")
    return name


def _escaped(text: str, quote: str) -> str:
    return text.replace("\\", "\\\\").replace(quote, "\\" + quote)


def _cannot_open(folder: Path, fault: BaseException) -> str:
    holders = [process for process in psutil.process_iter() if _holds(process, str(folder))]
    if holders:
        return f"{folder}: is in use by process {holders[0].pid} ({holders[0].name()}); stop it, or choose another folder"
    return f"{folder}: cannot be opened: {' '.join(str(fault).split())[:500]}"


def _holds(process: psutil.Process, folder: str) -> bool:
    if process.pid == psutil.Process().pid:
        return False
    try:
        return any(file.path.startswith(folder + "/") for file in process.open_files())
    except (psutil.Error, OSError):
        return False
