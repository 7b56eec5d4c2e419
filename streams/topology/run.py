"""`millrace run`: all processes of a topology under one supervisor, from the RUN record to an ordered end."""

import contextlib
import fcntl
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from streams.config import Endpoints
from streams.errors import ConfigError, MillraceError
from streams.records import CommandType
from streams.topology.cores import absent_cores, absent_nodes
from streams.topology.fast import check_room, lay_rings
from streams.topology.instances import instances
from streams.topology.model import Topology
from streams.topology.processes import control_port, run_folder
from streams.topology.progress import caught_up, open_orders, sink_behind
from streams.topology.runs import Run, command, open_run
from streams.topology.supervisor import Child, Supervisor

__all__ = ["Ending", "RunOptions", "holder", "run", "stop_run"]

Say = Callable[[str], None]
OnPoll = Callable[[Supervisor, Run, str], None]
"""Called many times a second with the supervisor, the run and what it does: "running", "draining", "stopping"."""

_POLL_S = 0.05
_QUIET_S = 1.0  # inputs must stay read for so long before the end of a recording counts as reached
_DRAIN_BOUND_S = 120.0
_ORDERS_BOUND_S = 10.0
_STAGE_BOUND_S = 10.0
_SINK_BOUND_S = 60.0


@dataclass(frozen=True)
class RunOptions:
    """How to run: a new run or the last one, recordings to play by venue, recorded seconds per wall second."""

    fresh: bool = False
    recordings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    speed: float = 1.0


@dataclass(frozen=True)
class Ending:
    """How a run ended.

    finished : the recording was played to its end and everything was read
    restarts : how often processes had to be started again
    """

    run: Run
    finished: bool
    restarts: int
    seconds: float


def run(topology: Topology, where: Endpoints, options: RunOptions, say: Say = print, on_poll: OnPoll | None = None) -> Ending:
    """Run until the recording is at its end, or until SIGINT or SIGTERM; then stop in order. A second signal ends everything at once.

    LaneError when a process fails for good: everything is ended before it is raised.
    """
    with _alone(), _signals() as signals:
        began_s = time.monotonic()
        check_room(topology)
        current = open_run(topology, where, [file for files in options.recordings.values() for file in files], options.speed, options.fresh)
        say(f"run {current.number} {'opened' if current.fresh else 'goes on'}: topology {topology.name}, clock {_clock_text(current)}")
        say(f"page http://127.0.0.1:{control_port()}/  positions, orders, health; stops trading")
        for line in (*absent_cores(topology), *absent_nodes(topology)):
            say(line)
        lay_rings(topology, where, current, say)
        found = instances(topology)
        standbys = {one.label for one in found if one.kind == "agents" and topology.processes[one.name].standby}
        with Supervisor(found, topology.path, options.recordings, say, standbys) as supervisor:
            shift = _Shift(topology, where, supervisor, current, signals, on_poll or (lambda *_: None), say)
            supervisor.start()
            finished = shift.run()
            shift.stop()
        restarts = sum(child.restarts for child in supervisor.children)
        return Ending(current, finished, restarts, time.monotonic() - began_s)


class _Signals:
    """Counts SIGINT and SIGTERM: the first asks for an ordered stop, the second for an immediate one."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, *_: object) -> None:
        self.count += 1
        if self.count > 1:
            raise KeyboardInterrupt


class _Shift:
    """One run from start to stop."""

    def __init__(
        self, topology: Topology, where: Endpoints, supervisor: Supervisor, current: Run, signals: _Signals, on_poll: OnPoll, say: Say
    ) -> None:
        self.topology, self.where, self.supervisor, self.current = topology, where, supervisor, current
        self.signals, self.on_poll, self.say = signals, on_poll, say
        self.readers = [child.instance for child in supervisor.of_kind("agents", "mirror")]

    def run(self) -> bool:
        """Until the end of the recording (True) or a signal (False)."""
        quiet_since_s = drained_by_s = 0.0
        while not self.signals.count:
            self._poll("draining" if drained_by_s else "running")
            feeds = self.supervisor.of_kind("feed")
            if not feeds or not all(feed.done for feed in feeds):
                continue
            now = time.monotonic()
            drained_by_s = drained_by_s or now + _DRAIN_BOUND_S
            if now > drained_by_s:
                self.say(
                    f"run {self.current.number}: inputs are not read to their ends after {_DRAIN_BOUND_S:.0f} s; stopping nevertheless"
                )
                return False
            quiet_since_s = (quiet_since_s or now) if caught_up(self.readers) else 0.0
            if quiet_since_s and now - quiet_since_s > _QUIET_S:
                return True
        return False

    def stop(self) -> None:
        """Strategies stop and cancel, then each stage of the flow ends when it has read what the one before it wrote."""
        trading = any(child.pid for child in self.supervisor.of_kind("agents"))
        if trading:
            command(self.where, self.current, CommandType.STOP, reason="millrace run stops")
        for child in self.supervisor.of_kind("feed"):  # nothing more comes in: what the agents are behind has an end
            self.supervisor.end(child)
        if trading:
            self._wait(lambda: caught_up(self.readers), _DRAIN_BOUND_S)
            self._await_cancels()
        for child in sorted(self.supervisor.of_kind("agents", "gateway", "mirror", "venue"), key=_is_behind_mirror):
            if child.instance in self.readers and not child.done:
                self._wait(lambda instance=child.instance: caught_up([instance]), _STAGE_BOUND_S)
            self._poll("stopping")
            self.supervisor.end(child)
        for child in self.supervisor.of_kind("control"):
            self.supervisor.ask(child)
        for child in self.supervisor.of_kind("sink"):
            if not child.done:
                self._wait(lambda instance=child.instance: not sink_behind(self.topology, self.where, instance), _SINK_BOUND_S)
            self.supervisor.end(child)
        for child in self.supervisor.of_kind("control"):
            self.supervisor.end(child)
        self.supervisor.stopping = True

    def _await_cancels(self) -> None:
        """Until the tables know of no open order, where there are tables; what is left is said."""
        if not self.supervisor.of_kind("sink"):
            return
        from streams.sinks.query import client

        with contextlib.suppress(MillraceError):
            found = client(self.where)
            again_s = time.monotonic() + 1.0  # the command must have been read before no open order means anything
            self._wait(lambda: time.monotonic() > again_s and open_orders(found, self.current.number) == 0, _ORDERS_BOUND_S)
            if left := open_orders(found, self.current.number):
                self.say(f"run {self.current.number}: {left} orders are not known to be closed; `millrace run` goes on with them")
            found.close()

    def _wait(self, condition: Callable[[], bool], bound_s: float) -> None:
        deadline_s = time.monotonic() + bound_s
        while time.monotonic() < deadline_s and not condition():
            self._poll("stopping")

    def _poll(self, phase: str) -> None:
        self.supervisor.watch()
        self.on_poll(self.supervisor, self.current, phase)
        time.sleep(_POLL_S)


def _is_behind_mirror(child: Child) -> bool:
    """The fast lane ends first, its mirror last: what follows reads the topics that the mirror writes."""
    return child.instance.lane != "fast"


def _clock_text(current: Run) -> str:
    record = current.record
    return f"{record.speed:g}x of the recording" if record.clock else "wall time"


# ---- one run a checkout ----
def holder() -> int:
    """Process number of the `millrace run` or `demo` of this checkout, 0 if there is none."""
    path = run_folder() / "lock"
    try:
        with path.open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                file.seek(0)
                return int(file.read().strip() or 0)
    except FileNotFoundError:
        pass
    return 0


def stop_run(bound_s: float = 60.0, say: Say = print) -> bool:
    """Stop the run of this checkout in order, if there is one; whether there was."""
    pid = holder()
    if not pid:
        return False
    say(f"run              stopping process {pid}")
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline_s = time.monotonic() + bound_s
    while holder() == pid:
        if time.monotonic() > deadline_s:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)  # its children end with it
            deadline_s = float("inf")
        time.sleep(0.1)
    return True


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    path = run_folder() / "lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            raise ConfigError(
                f"{path}: process {file.read().strip() or '?'} runs a topology here already; `millrace down` stops it; or use another "
                f"checkout or MILLRACE_HOME"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


@contextlib.contextmanager
def _signals() -> Iterator[_Signals]:
    counter = _Signals()
    before = {number: signal.signal(number, counter) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield counter
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
