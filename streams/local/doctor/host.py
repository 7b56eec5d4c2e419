"""What the machine says of itself: files below a root (`/`), limits, clocks. Read only, so that tests give another root."""

import importlib.metadata
import os
import platform
import shutil
import sys
import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from streams.config import cache_folder, home_folder
from streams.local import processes, services

__all__ = ["Host", "Space"]

_ROUNDS, _READINGS = 20, 100
_CONTAINERS = ("docker", "kubepods", "containerd", "libpod", "lxc")


class Space(NamedTuple):
    """Bytes of a file system, and its type as the kernel names it ("" where that is not told)."""

    total: int
    free: int
    kind: str


class Host:
    """This machine, for this process.

    root          : where /proc, /sys, /dev, /etc lie
    home, cache   : MILLRACE_HOME and MILLRACE_CACHE
    checkout      : the folder with requirements.lock, if the package lies in one
    """

    def __init__(self, root: Path = Path("/"), environ: Mapping[str, str] | None = None) -> None:
        self.root, self.environ = root, os.environ if environ is None else environ
        self.home, self.cache = home_folder(), cache_folder()
        self.checkout = Path(__file__).resolve().parents[3]
        self.system, self.python = platform.system(), sys.version_info[:3]

    def read(self, path: str) -> str:
        """A file's text without white space at its ends; "" if it is not there or not for us."""
        try:
            return (self.root / path.lstrip("/")).read_text(errors="replace").strip()
        except OSError:
            return ""

    def exists(self, path: str) -> bool:
        """Whether there is such a file or folder."""
        return (self.root / path.lstrip("/")).exists()

    def names(self, pattern: str) -> list[str]:
        """Paths from the root that match, sorted."""
        return sorted(str(path.relative_to(self.root)) for path in self.root.glob(pattern))

    def space(self, path: Path) -> Space:
        """Of the file system that a path lies on, or would."""
        there = _existing(path)
        usage = shutil.disk_usage(there)
        return Space(usage.total, usage.free, self.file_system(there))

    def file_system(self, path: Path) -> str:
        """Type of the file system that holds a path: of the longest mount point that it lies below, the last one mounted there."""
        best, kind = -1, ""
        for line in self.read("proc/self/mountinfo").splitlines():
            fields, _, rest = line.partition(" - ")
            at = fields.split(" ")[4].replace("\\040", " ")
            if len(at) >= best and (at == "/" or str(path) == at or str(path).startswith(at + "/")):
                best, kind = len(at), rest.split(" ")[0]
        return kind

    def writable(self, path: Path) -> bool:
        """Whether this process may write there, or make it."""
        return os.access(_existing(path), os.W_OK | os.X_OK)

    @cached_property
    def cores(self) -> list[int]:
        """Numbers of the cores that this process may use."""
        affinity = getattr(os, "sched_getaffinity", None)
        return sorted(affinity(0)) if affinity else list(range(os.cpu_count() or 1))

    def limit(self, name: str) -> tuple[float, float] | None:
        """A resource limit, soft and hard, `inf` where there is none; None where the system does not know it."""
        import resource

        number = getattr(resource, name, None)
        if number is None:
            return None
        soft, hard = (float("inf") if value == resource.RLIM_INFINITY else float(value) for value in resource.getrlimit(number))
        return soft, hard

    def capable(self, bit: int) -> bool:
        """Whether this process has a capability, by its number in linux/capability.h."""
        for line in self.read("proc/self/status").splitlines():
            if line.startswith("CapEff:"):
                return bool(int(line.split()[1], 16) >> bit & 1)
        return False

    def cgroups(self, controller: str) -> list[str]:
        """Folders of this process's cgroup for `cpu` or `memory`, and of those above it: each level limits what is below."""
        found = []
        for line in self.read("proc/self/cgroup").splitlines():
            _, controllers, path = (*line.split(":", 2), "", "")[:3]
            if controllers and controller not in controllers.split(","):
                continue  # version 1: another hierarchy
            base = f"sys/fs/cgroup/{controller}" if controllers else "sys/fs/cgroup"
            parts = [part for part in path.split("/") if part and part != ".."]
            found += ["/".join((base, *parts[:count])) for count in range(len(parts), -1, -1)]
        return found

    @property
    def contained(self) -> bool:
        """Whether this is a container, where other commands help."""
        return self.exists(".dockerenv") or any(word in self.read("proc/self/cgroup") for word in _CONTAINERS)

    def version(self, package: str) -> str | None:
        """The version of an installed package; None if it is not installed."""
        try:
            return importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            return None

    def clock(self) -> tuple[float, float]:
        """Resolution of the wall clock, ns, and what a reading of it costs, ns: the quickest of several rounds, from Python."""
        quickest = float("inf")
        for _ in range(_ROUNDS):
            began = time.perf_counter_ns()
            for _ in range(_READINGS):
                time.time_ns()
            quickest = min(quickest, (time.perf_counter_ns() - began) / _READINGS)
        return time.clock_getres(time.CLOCK_REALTIME) * 1e9, quickest

    def services(self) -> list[services.Status]:
        """How each service of the stack is."""
        return services.status(home=self.home)

    def holders(self, ports: tuple[int, ...]) -> dict[int, tuple[str, bool, str]]:
        """Who listens on which of these ports: in words, whether it is a process of millrace, and the state folder of a stack's service."""
        found = {}
        for port, pid in processes.listeners(ports).items():
            ours = processes.owner_home(pid) or ""
            found[port] = (processes.holder_of(pid), bool(ours) or processes.is_millrace(pid), ours)
        return found


def _existing(path: Path) -> Path:
    """The path, or the nearest folder above it that is there."""
    return next(one for one in (path, *path.parents) if one.exists())
