"""The run that the rings of a shard belong to: a small file beside them, `SHARD.run`, that is there as long as all of them are whole."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

__all__ = ["RingRun", "live_run", "read_run", "shards_there", "write_run"]

_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class RingRun:
    """The run that the rings of a shard belong to, as its folder keeps it.

    run_number      : of the RUN record, > 0
    clock .. speed  : the run's clock, as `streams.clock.RunClock` takes it
    commands_header : hex of the five bytes before a value of commands.v1; "" = not known
    writers         : numbers of the writers of commands.v1 that people use, by name
    targets         : what a kill can name, with its kind
    generation      : of the rings: a random number that `create_all` gives them when it makes them, so that a slot's number that was kept
                      elsewhere is not taken for one of other rings; 0 = not made yet
    """

    run_number: int
    topology: str = ""
    clock: int = 0
    clock_start_ns: int = 0
    wall_start_ns: int = 0
    speed: float = 1.0
    commands_header: str = ""
    writers: dict[str, int] = field(default_factory=dict)
    targets: dict[str, str] = field(default_factory=dict)
    generation: int = 0


def shards_there(folder: Path) -> Sequence[tuple[int, RingRun]]:
    """The shards that have rings in a folder, with their runs, in order."""
    found = []
    for path in folder.glob("*.run"):
        run = read_run(path)
        if run is not None and path.stem.isdigit():
            found.append((int(path.stem), run))
    return sorted(found, key=lambda one: one[0])


def live_run(folder: Path) -> RingRun | None:
    """The run whose rings are in a folder, None without any."""
    found = shards_there(folder)
    return max((run for _, run in found), key=lambda run: run.run_number, default=None)


def write_run(path: Path, run: RingRun) -> None:
    """Replace the file of a shard."""
    aside = path.with_suffix(f".{os.getpid()}.tmp")
    aside.write_text(json.dumps({"boot": _boot(), **asdict(run)}))
    os.replace(aside, path)


def read_run(path: Path) -> RingRun | None:
    """The run in the file of a shard; None if there is none, or the host has started since."""
    try:
        found = json.loads(path.read_text())
        return RingRun(**found) if found.pop("boot") == _boot() else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _boot() -> str:
    """The host's start, where it can be told: memory is lost with it, and files may be half written."""
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return ""
