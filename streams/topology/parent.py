"""A child that does not outlive its parent, however that ends: nothing is left behind by `kill -9` of the supervisor."""

import ctypes
import os
import signal
import sys
import threading
import time

__all__ = ["PARENT", "end_with_parent"]

PARENT = "MILLRACE_PARENT"
"""Environment variable with the process number of the supervisor."""

_PR_SET_PDEATHSIG = 1
_POLL_S = 1.0
_GRACE_S = 15.0  # for an orderly end, before the process is cut off


def end_with_parent() -> None:
    """Get SIGTERM when the parent that started this process dies; nothing when no parent is named in the environment."""
    parent = int(os.environ.get(PARENT, "0"))
    if not parent:
        return
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # it died before we asked to be told
        os._exit(1)
    threading.Thread(target=_watch, args=(parent,), daemon=True, name="parent").start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_POLL_S)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_S)
    os._exit(1)
