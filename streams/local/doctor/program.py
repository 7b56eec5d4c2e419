"""The program itself: Python, the packages of the lock file, what the cache keeps ready."""

import os
import re
import tomllib
from pathlib import Path

from streams.local.doctor.finding import BETTER, WRONG, Finding
from streams.local.doctor.host import Host

__all__ = ["downloads", "kernels", "lock_file", "python"]

OLDEST = (3, 11)
_NAMED = 4  # packages that a line names


def python(host: Host) -> Finding:
    """Python's version."""
    found = ".".join(map(str, host.python))
    if host.python[:2] >= OLDEST:
        return Finding("python", found)
    return Finding("python", found, WRONG, "3.11 or newer is needed", "rm -rf .venv && make setup PYTHON=python3.12")


def lock_file(host: Host) -> Finding:
    """Whether the packages are those of requirements.lock."""
    path = host.checkout / "requirements.lock"
    if not path.exists():
        return Finding("lock file", "none beside the package: installed from somewhere else than a checkout")
    wanted: dict[str, set[str]] = {}  # several versions of one, each under a condition on system or Python
    unconditional = set()
    for name, version, condition in re.findall(r"^([A-Za-z0-9][\w.\-]*)==([^\s;\\]+)\s*(;?)", path.read_text(), re.MULTILINE):
        wanted.setdefault(name, set()).add(version)
        unconditional |= {name} if not condition else set()
    have = {name: host.version(name) for name in wanted}
    missing = sorted(name for name in unconditional if have[name] is None)
    others = [
        f"{name} {have[name]} (lock file: {' or '.join(sorted(wanted[name]))})"
        for name in wanted
        if have[name] not in (None, *wanted[name])
    ]
    needed = sorted(set(missing) & _direct(host.checkout / "pyproject.toml"))
    remedy = "make setup" if not (host.checkout / ".venv").exists() else "touch requirements.lock && make setup"
    if needed:
        return Finding("lock file", f"not installed: {_some(needed)}", WRONG, "commands that import them fail", remedy)
    if missing or others:
        cost = "equal bytes are promised for the versions of the lock file only; numba and llvmlite decide whether kernels compile at all"
        words = ["; ".join(others[:_NAMED])] if others else []
        words += [f"not installed: {_some(missing)}"] if missing else []
        return Finding(
            "lock file", f"{len(others) + len(missing)} of {len(wanted)} packages differ: {'; '.join(words)}", BETTER, cost, remedy
        )
    return Finding("lock file", f"all {len(wanted)} packages as in requirements.lock")


def kernels(host: Host) -> Finding:
    """Compiled kernels that the cache, or a read-only layer, has."""
    layers = [Path(p) for p in host.environ.get("MILLRACE_PREBUILT", "").split(os.pathsep) if p]
    objects = [path for folder in [*layers, host.cache] for path in folder.glob("*-*.o")]
    if objects:
        names = {path.name.rpartition("-")[0] for path in objects}
        size_mb = sum(path.stat().st_size for path in objects) / 1e6
        return Finding("kernels", f"{len(objects)} compiled objects of {len(names)} names, {size_mb:.0f} MB")
    cost = "the first command that needs one compiles it: seconds each, once"
    return Finding("kernels", "none compiled yet", BETTER, cost, ".venv/bin/python -m streams.topology.warm topologies/demo.yaml")


def downloads(host: Host) -> Finding:
    """Broker and registry, which `millrace up` downloads once."""
    names = sorted(path.name for path in (host.cache / "programs").glob("*") if path.is_dir())
    if names:
        return Finding("downloads", ", ".join(names))
    return Finding("downloads", "broker and registry are not in the cache yet", BETTER, "the first `up` needs a network", "millrace up")


def _direct(path: Path) -> set[str]:
    """Names that the package itself asks for."""
    if not path.exists():
        return set()
    wanted = tomllib.loads(path.read_text()).get("project", {}).get("dependencies", ())
    return {re.split(r"[\s<>=!~\[;]", one)[0] for one in wanted}


def _some(names: list[str]) -> str:
    rest = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")
