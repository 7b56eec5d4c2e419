"""Processes of the embedded stack: started in sessions of their own, recognised again, ended within a bound."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import psutil

from streams.errors import StackError
from streams.local.service import HOST, Command, Service

__all__ = ["end", "holder_of", "is_alive", "is_millrace", "last_lines", "left_over", "listeners", "owner_home", "spawn"]

MARK = "MILLRACE_SERVICE"
SAME_PROCESS_S = 1.0  # two readings of a creation time differ by rounding only
KILL_BOUND_S = 5.0


def spawn(home: Path, name: str, command: Command, log: Path) -> psutil.Process:
    """Start a service in the background; its output goes to the log, its terminal's Ctrl-C does not reach it."""
    environment = Service.environment(home, name) | command.environment
    with log.open("ab") as output:
        try:
            process = subprocess.Popen(
                command.argv,
                cwd=command.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        except OSError as fault:
            raise StackError(f"{name}: {command.argv[0]} cannot be started ({fault.strerror})") from None
    return psutil.Process(process.pid)


def is_alive(pid: int, created_s: float) -> bool:
    """Whether that very process lives; a later process with the same number does not count, nor does a zombie."""
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - created_s) < SAME_PROCESS_S and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def end(pid: int, created_s: float, bound_s: float) -> str:
    """End a process: SIGTERM, and SIGKILL when the bound is over; how it went: "ended", "killed" or "was not running"."""
    if not is_alive(pid, created_s):
        return "was not running"
    process = psutil.Process(pid)
    with contextlib.suppress(psutil.NoSuchProcess):
        process.terminate()
    if _wait_gone(process, created_s, bound_s):
        return "ended"
    with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
        os.killpg(pid, signal.SIGKILL) if os.getpgid(pid) == pid else process.kill()
    if not _wait_gone(process, created_s, KILL_BOUND_S):
        raise StackError(f"process {pid} does not end, not even by SIGKILL; look at it with `ps -o stat,wchan -p {pid}`")
    return "killed"


def left_over(home: Path) -> list[tuple[str, psutil.Process]]:
    """Every living process that was started as a service of this state folder, recorded or not, with the service's name."""
    found = []
    for process in psutil.process_iter():
        mark = _mark(process)
        if mark.rpartition(":")[0] == str(home):
            found.append((mark.rpartition(":")[2], process))
    return found


def listeners(ports: tuple[int, ...]) -> dict[int, int | None]:
    """Which of these TCP ports are taken on this machine, and by which process (None: one that we may not look at)."""
    wanted = set(ports)
    found: dict[int, int | None] = {}
    try:
        for connection in psutil.net_connections(kind="tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port in wanted:
                found[connection.laddr.port] = connection.pid or found.get(connection.laddr.port)
    except psutil.AccessDenied:  # systems that show other users' sockets to root only
        found = {port: None for port in ports if not _can_listen(port)}
    return found


def holder_of(pid: int | None) -> str:
    """A process as a message names it: `process 4711 (java)`."""
    if pid is None:
        return "a process that is not yours"
    with contextlib.suppress(psutil.Error):
        return f"process {pid} ({psutil.Process(pid).name()})"
    return f"process {pid}"


def owner_home(pid: int | None) -> str | None:
    """The state folder of the millrace stack that this process belongs to, if it belongs to one."""
    if pid is None:
        return None
    with contextlib.suppress(psutil.NoSuchProcess):
        return _mark(psutil.Process(pid)).rpartition(":")[0] or None
    return None


def is_millrace(pid: int | None) -> bool:
    """Whether a process is one of a run, or another command of millrace."""
    with contextlib.suppress(psutil.Error):
        return pid is not None and any(word.startswith("streams.") or word.endswith("/millrace") for word in psutil.Process(pid).cmdline())
    return False


def last_lines(log: Path, count: int = 12) -> str:
    """The end of a log file, indented for a message."""
    try:
        lines = log.read_bytes()[-16_384:].decode(errors="replace").splitlines()[-count:]
    except OSError as fault:
        return f"  ({fault.strerror})"
    return "\n".join(f"  {line[:300]}" for line in lines) or "  (the log is empty)"


def _can_listen(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _mark(process: psutil.Process) -> str:
    try:
        return process.environ().get(MARK, "")
    except (psutil.Error, OSError):
        return ""


def _wait_gone(process: psutil.Process, created_s: float, bound_s: float) -> bool:
    deadline_s = time.monotonic() + bound_s
    while time.monotonic() < deadline_s:
        with contextlib.suppress(psutil.Error, psutil.TimeoutExpired):
            process.wait(0.05)  # reaps it when it is our child
        if not is_alive(process.pid, created_s):
            return True
        time.sleep(0.05)
    return False
