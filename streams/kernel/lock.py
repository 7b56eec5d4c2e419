"""One compiler at a time: processes that start cold together wait for the one that compiles, instead of all compiling the same object."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

__all__ = ["locked"]

_POLL_S = 0.05


@contextlib.contextmanager
def locked(path: Path, patience_s: float = 120.0) -> Iterator[bool]:
    """Hold the lock file `path`; True if held. After `patience_s`, or where no file can be locked, go on without: work twice, no harm."""
    try:
        import fcntl

        path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except (ImportError, OSError):
        yield False
        return
    try:
        until = time.monotonic() + patience_s
        held = False
        while not held and time.monotonic() < until:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                held = True
            except BlockingIOError:
                time.sleep(_POLL_S)
            except OSError:
                break
        yield held
    finally:
        os.close(fd)
