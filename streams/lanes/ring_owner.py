"""Who holds an end of a ring: a process told from another that got its number later, and whether it still lives."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from streams.errors import LaneError

__all__ = ["alive", "held", "started"]

_PATIENCE_S = 5.0
_POLL_S = 0.001


def started(pid: int) -> int:
    """When a process started, in the host's ticks since it booted; 0 = it does not live (a zombie lives no more), -1 = not known here."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return 0
    except PermissionError:
        pass  # of another user
    try:
        with open(f"/proc/{pid}/stat", "rb") as f:
            fields = f.read().rpartition(b")")[2].split()  # the name before may hold blanks and brackets
    except FileNotFoundError:
        return -1 if not os.path.exists("/proc/self/stat") else 0
    except OSError:
        return 0  # it ended while it was read
    return 0 if fields[0] in (b"Z", b"X") else int(fields[19])


def alive(pid: int, start: int) -> bool:
    """Whether the process `pid` that started at `start` lives. `pid` 0 is nobody."""
    found = started(pid) if pid else 0
    return found != 0 and (found == start or -1 in (found, start))


@contextmanager
def held(fd: int, path: str) -> Iterator[None]:
    """Nobody else changes who holds the ends of the ring meanwhile. A process that is killed lets go. LaneError after 5 s."""
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() >= until:
                raise LaneError(f"{path}: locked for {_PATIENCE_S:.0f} s by a process that is stopped; end it") from None
            time.sleep(_POLL_S)
    try:
        yield
    finally:
        fcntl.flock(fd, fcntl.LOCK_UN)
