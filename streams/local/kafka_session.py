"""The session of a broker that was killed: ended before the broker starts again, by its controller alone.

A controller that comes back takes a broker that was killed for alive until its session is over, and then takes the lead of all partitions
from it for a moment. Kafka 4.3 ends transactions in that moment without writing their markers (its KAFKA-20734): records of a transaction
that was open, or was being committed, at the kill would never be readable, nor what comes after them. So the moment has to pass before
anything of the broker runs that knows of transactions.
"""

import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["LOG_LEVEL", "SESSION_MS", "end_old_session"]

SESSION_MS = 1_000  # twice the interval of heartbeats, the least that is allowed
LOG_LEVEL = "log.org.apache.kafka.controller.ReplicationControlManager=info"  # who says what is waited for
_ENDED, _ACTIVE = "Fencing broker", "Performing controller activation"
_NONE_S = 15.0  # an active controller that is silent for so long has no session to end: it has ended it in an earlier start
_BOUND_S, _STOP_S, _POLL_S = 120.0, 20.0, 0.05
_WRITES, _WRITTEN_S = 2, 20.0  # of its log after it has said so: one can hold what was decided before; it writes twice a second at least


def end_old_session(controller: Sequence[str], environment: Mapping[str, str], folder: Path) -> bool:
    """Run a controller until it has ended the session; whether its log has that. folder: of the broker's `log`; gets `old_session.log`.

    A controller that cannot run gives False: the broker that is started next says why.
    """
    log = folder / "old_session.log"
    with log.open("wb") as output:
        streams = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output}
        process = subprocess.Popen(controller, cwd=folder, env=dict(environment), start_new_session=True, **streams)
    try:
        return _has_ended(process, log) and _has_written(process, folder)
    finally:
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _has_ended(process: subprocess.Popen, log: Path) -> bool:
    began_s, active_s = time.monotonic(), None
    while process.poll() is None and time.monotonic() - began_s < _BOUND_S:
        said = log.read_text(errors="replace")
        if _ENDED in said:
            return True
        if active_s is None and _ACTIVE in said:
            active_s = time.monotonic()
        if active_s is not None and time.monotonic() - active_s > _NONE_S:
            return False
        time.sleep(_POLL_S)
    return False


def _has_written(process: subprocess.Popen, folder: Path) -> bool:
    """It says that it ends a session before that is in its log: if it were ended in between, the broker would wait for the old session."""
    began_s, size, writes = time.monotonic(), _log_bytes(folder), 0
    while process.poll() is None and time.monotonic() - began_s < _WRITTEN_S:
        found = _log_bytes(folder)
        writes, size = writes + (found != size), found
        if writes == _WRITES:
            return True
        time.sleep(_POLL_S)
    return False


def _log_bytes(folder: Path) -> int:
    return sum(segment.stat().st_size for segment in (folder / "log" / "__cluster_metadata-0").glob("*.log"))
