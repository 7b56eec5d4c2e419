"""A deployment as its user has it: `millrace` as a command, its processes as children of a real supervisor, their logs in a folder."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from streams.config import Endpoints
from streams.local.processes import last_lines

__all__ = ["OUTLASTS_S", "Desk", "Running"]

OUTLASTS_S = 570.0  # seconds of a market that no test plays to its end: the test stops the run when it has seen enough
CHECKOUT = Path(__file__).parents[2]
DEMO = CHECKOUT / "topologies" / "demo.yaml"
_POLL_S = 0.05
_COMMAND_BOUND_S = 180.0
_WAIT_BOUND_S = 120.0  # what takes a second on an idle machine
_RUN_BOUND_S = 240.0


class Desk:
    """A state folder of its own on the shared stack, and commands as a user gives them. Kept apart: status, logs, the venue's memory."""

    def __init__(self, where: Endpoints, folder: Path, topology: Path = DEMO) -> None:
        self.where, self.folder, self.topology = where, folder, topology
        self.home = folder / "home"
        self.environment = {**os.environ, "MILLRACE_HOME": str(self.home), "PYTHONPATH": str(folder)}

    def millrace(self, *arguments: str, bound_s: float = _COMMAND_BOUND_S) -> subprocess.CompletedProcess[str]:
        """A command to its end."""
        argv = [sys.executable, "-m", "streams.cli", *arguments]
        return subprocess.run(argv, cwd=CHECKOUT, env=self.environment, capture_output=True, text=True, timeout=bound_s, check=False)

    def done(self, *arguments: str, bound_s: float = _COMMAND_BOUND_S) -> str:
        """What a command prints; it must succeed."""
        ended = self.millrace(*arguments, bound_s=bound_s)
        assert ended.returncode == 0, f"millrace {' '.join(arguments)} ended with {ended.returncode}\n{ended.stdout}{ended.stderr}"
        return ended.stdout

    def start(self, recording: Path, speed: float) -> "Running":
        """A fresh run of the recording, in the background."""
        return Running(self, "run", str(self.topology), "--fresh", "--recording", str(recording), "--speed", str(speed))

    def run(self, recording: Path, speed: float, bound_s: float = _RUN_BOUND_S) -> "Running":
        """A fresh run of the recording to its end, which must be a good one."""
        with self.start(recording, speed) as running:
            running.finish(bound_s)
        return running

    def venue_log(self, run: int) -> Path:
        """The simulated venue's memory of a run."""
        return self.home / "venue" / f"venue-run-{run:06d}.jsonl"


class Running:
    """A command that goes on in the background. At the end of the `with` block nothing of it is left."""

    def __init__(self, desk: Desk, *arguments: str) -> None:
        self.desk = desk
        self.output = desk.folder / f"{arguments[0]}-{time.monotonic_ns()}.txt"
        self.seen = {log.stem: log.stat().st_size for log in (desk.home / "logs").glob("*.log")}  # what earlier runs have logged
        argv = [sys.executable, "-m", "streams.cli", *arguments]
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(argv, cwd=CHECKOUT, env=desk.environment, stdout=output, stderr=output, start_new_session=True)

    def __enter__(self) -> "Running":
        return self

    def __exit__(self, *_: object) -> None:
        children = self.children()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for child in children.values():
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()

    @property
    def text(self) -> str:
        """What it has printed."""
        return self.output.read_text(errors="replace")

    @property
    def number(self) -> int:
        """The number of the run it has opened; 0 before."""
        words = next((line.split() for line in self.text.splitlines() if line.startswith("run ")), [])
        return int(words[1]) if words else 0

    def children(self) -> dict[str, psutil.Process]:
        """Its living processes by label: feed, market, ... as `millrace process NAME` takes it; with the shard, trade.1, beyond shard 0."""
        found = {}
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self.process.pid).children():
                with contextlib.suppress(psutil.NoSuchProcess, ValueError, IndexError):
                    argv = child.cmdline()
                    name, shard = argv[argv.index("process") + 1], argv[argv.index("--shard") + 1]
                    found[name if shard == "0" else f"{name}.{shard}"] = child
        return found

    def pid(self, name: str) -> int:
        """Process number of a child, 0 while it does not live."""
        child = self.children().get(name)
        return child.pid if child is not None else 0

    def kill(self, *names: str) -> None:
        """SIGKILL to these processes at once; they are there again, as others, when this returns."""
        before = self.children()
        for name in names:
            before[name].kill()
        for name in names:
            self.wait(lambda name=name: self.pid(name) not in (0, before[name].pid), f"{name} to start again", name)

    def wait(self, condition: Callable[[], object], what: str, *about: str, bound_s: float = _WAIT_BOUND_S) -> float:
        """Seconds until the condition holds; AssertionError with the ends of the logs of the processes it is about."""
        began_s = time.monotonic()
        while not condition():
            assert self.process.poll() is None, f"waiting for {what}: the run ended with {self.process.returncode}\n{self.told(*about)}"
            assert time.monotonic() - began_s < bound_s, f"waited {bound_s:.0f} s for {what}\n{self.told(*about)}"
            time.sleep(_POLL_S)
        return time.monotonic() - began_s

    def finish(self, bound_s: float = _RUN_BOUND_S) -> None:
        """Wait until it ends by itself, which must be with 0."""
        try:
            self.process.wait(bound_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the run has not ended after {bound_s:.0f} s\n{self.told()}") from None
        assert self.process.returncode == 0, f"the run ended with {self.process.returncode}\n{self.told()}"

    def stop(self, bound_s: float = _RUN_BOUND_S) -> None:
        """Ask it to end in order, as Ctrl-C does, and wait for a good end."""
        self.process.send_signal(signal.SIGINT)
        self.finish(bound_s)

    def told(self, *names: str) -> str:
        """What the command printed, and the ends of the logs of these processes (of all by default)."""
        logs = [self.log(name) for name in names] or sorted((self.desk.home / "logs").glob("*.log"))
        return "\n".join([self.text, *(f"{log.name}:\n{last_lines(log)}" for log in logs)])

    def status(self, name: str) -> dict[str, Any]:
        """What the living instance of a process last said of itself; empty before it runs."""
        with contextlib.suppress(FileNotFoundError):
            status = json.loads((self.desk.home / "run" / f"{name}.json").read_text())
            if (status["pid"], status["state"]) == (self.pid(name), "running"):
                return status
        return {}

    def batches(self, name: str) -> int:
        """How many batches the living instance of a process of agents has committed; 0 before its first."""
        return self.status(name).get("batches", 0)

    def news(self, name: str) -> str:
        """What a process, and those before it, have logged in this run."""
        with self.log(name).open("rb") as log:
            log.seek(self.seen.get(name, 0))
            return log.read().decode(errors="replace")

    def venue_log_bytes(self) -> bytes:
        """What the simulated venue has written down so far."""
        log = self.desk.venue_log(self.number)
        return log.read_bytes() if log.exists() else b""

    def log(self, name: str) -> Path:
        """The log of one process."""
        return self.desk.home / "logs" / f"{name}.log"
