"""The processes of a run as children: started, watched, started again when they fail, ended in order. Nothing outlives it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from streams.control.settings import CHILDREN
from streams.errors import LaneError
from streams.local.processes import last_lines
from streams.topology.instances import Instance
from streams.topology.parent import PARENT
from streams.topology.processes import lock_path, log_path, run_folder

__all__ = ["Child", "Supervisor"]

Say = Callable[[str], None]
EXIT_FENCED = 3
EXIT_NEW_RUN = 4
_FAILURES = 10  # so many failures ...
_WITHIN_S = 60.0  # ... within so long end the run
_BACKOFF_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_END_BOUND_S = 20.0
_POLL_S = 0.05


@dataclass
class Child:
    """One instance and its operating-system process.

    label    : its name, and that of its log
    done     : it ended with 0 and is not started again
    restarts : how often it was started again
    """

    instance: Instance
    argv: tuple[str, ...]
    label: str
    process: subprocess.Popen[bytes] | None = None
    done: bool = False
    restarts: int = 0
    due_s: float = 0.0
    failures: deque[float] = field(default_factory=lambda: deque(maxlen=_FAILURES))

    @property
    def pid(self) -> int:
        """Its process number, 0 when it does not run."""
        return self.process.pid if self.process is not None and self.process.poll() is None else 0


class Supervisor:
    """Starts the children at once, keeps them alive in `watch`, ends them with `end`. Use from the main thread, in a `with` block.

    standbys : labels of the instances that are started twice; whichever of the two has the lock of `lock_path` is the active one
    """

    def __init__(
        self,
        instances: Sequence[Instance],
        topology_path: str,
        recordings: Mapping[str, Sequence[str]],
        say: Say = print,
        standbys: Collection[str] = (),
    ) -> None:
        self.say = say
        self.children = [Child(instance, _argv(instance, topology_path, recordings), instance.label) for instance in instances]
        self._seconds = {
            child.label: Child(child.instance, child.argv, f"{child.label}-standby") for child in self.children if child.label in standbys
        }
        self.stopping = False
        self._told: dict[str, object] = {}

    def __enter__(self) -> "Supervisor":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start every child. What processes said of themselves before, those of another topology too, counts no more."""
        for path in run_folder().glob("*.json"):
            path.unlink(missing_ok=True)
        for child in self._all():
            self._spawn(child)
        self._tell()

    def watch(self) -> None:
        """Look after the children once: start again what failed. LaneError when one fails for good, with the end of its log."""
        now = time.monotonic()
        for child in self._all():
            if child.done:
                continue
            if child.process is None:
                if now >= child.due_s and not self.stopping:
                    child.restarts += 1
                    self._spawn(child)
                continue
            status = child.process.poll()
            if status is not None:
                child.process = None
                self._ended(child, status, now)
        self._tell()

    def of_kind(self, *kinds: str) -> list[Child]:
        """The children of these kinds, in the order of the flow."""
        return [child for child in self.children if child.instance.kind in kinds]

    def end(self, child: Child, bound_s: float = _END_BOUND_S) -> None:
        """End one child in order: SIGTERM, and SIGKILL when the bound is over."""
        self.ask(child)
        for one in self._pair(child):
            _wait(one, bound_s)

    def ask(self, child: Child) -> None:
        """Ask a child to end in order, and do not wait for it: `end` does. Its standby ends first, so that it takes nothing over."""
        *followers, active = self._pair(child)
        for one in followers:
            _terminate(one)
            _wait(one, _END_BOUND_S)
        _terminate(active)

    def _pair(self, child: Child) -> list[Child]:
        """A child and its standby, if it has one; the active one of the two last."""
        second = self._seconds.get(child.label)
        return sorted([child, second], key=_is_active) if second else [child]

    def kill(self) -> None:
        """End everything that still runs, at once."""
        for child in self._all():
            child.done = True
            if child.process is not None:
                child.process.kill()
        for child in self._all():
            if child.process is not None:
                child.process.wait()
                child.process = None

    def _all(self) -> list[Child]:
        return [*self.children, *self._seconds.values()]

    def _spawn(self, child: Child) -> None:
        log = log_path(child.label)
        log.parent.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, PARENT: str(os.getpid()), "PYTHONUNBUFFERED": "1"}
        with log.open("ab") as output:
            # A session of its own: Ctrl-C in the terminal reaches the supervisor alone, which ends the children in order.
            child.process = subprocess.Popen(
                child.argv, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )

    def _tell(self) -> None:
        """Write down for the control plane what was started: process number, restarts, whether it is done."""
        told: dict[str, object] = {
            child.instance.label: {"kind": child.instance.kind, "pid": child.pid, "restarts": child.restarts, "done": child.done}
            for child in self.children
        }
        if told != self._told:
            aside = run_folder() / f"{CHILDREN}.{os.getpid()}.tmp"
            aside.parent.mkdir(parents=True, exist_ok=True)
            aside.write_text(json.dumps(told))
            aside.replace(run_folder() / CHILDREN)
            self._told = told

    def _ended(self, child: Child, status: int, now: float) -> None:
        name = child.label
        if self.stopping or status == 0:
            child.done = True
        elif status == EXIT_NEW_RUN:
            child.due_s = now
        elif status == EXIT_FENCED:
            child.done = True
            raise LaneError(f"process {name}: another instance has taken its shard; end that one, then start again")
        else:
            child.failures.append(now)
            if len(child.failures) == _FAILURES and now - child.failures[0] < _WITHIN_S:
                child.done = True
                log = log_path(child.label)
                raise LaneError(
                    f"process {name} ended {_FAILURES} times within {_WITHIN_S:.0f} s ({_told(status)}); "
                    f"the end of {_shown(log)}:\n{last_lines(log)}"
                )
            recent = sum(1 for failure in child.failures if now - failure < _WITHIN_S)
            wait_s = _BACKOFF_S[min(recent, len(_BACKOFF_S)) - 1]
            child.due_s = now + wait_s
            self.say(f"process {name} ended ({_told(status)}); starting again in {wait_s} s, log {_shown(log_path(child.label))}")


def _terminate(child: Child) -> None:
    child.done = True
    if child.process is not None:
        with contextlib.suppress(ProcessLookupError):
            child.process.terminate()


def _wait(child: Child, bound_s: float) -> None:
    process = child.process
    if process is None:
        return
    try:
        process.wait(bound_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    child.process = None


def _is_active(child: Child) -> bool:
    """Whether a child has the lock of its instance; its process number stands in the file."""
    with contextlib.suppress(OSError, ValueError):
        return int(lock_path(child.instance).read_text()) == child.pid
    return False


def _argv(instance: Instance, topology_path: str, recordings: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    argv = [sys.executable, "-m", "streams.cli", "process", instance.name, "--topology", topology_path, "--shard", str(instance.shard)]
    if instance.kind == "feed":
        argv += [part for file in recordings.get(instance.venue, ()) for part in ("--recording", str(Path(file).resolve()))]
    return tuple(argv)


def _told(status: int) -> str:
    return f"by {signal.Signals(-status).name}" if status < 0 else f"status {status}"


def _shown(path: Path) -> str:
    with contextlib.suppress(ValueError):
        return str(path.relative_to(Path.cwd()))
    return str(path)
