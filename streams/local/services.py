"""Start, show and stop the embedded stack: what `millrace up`, `status` and `down` do."""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from streams.config import Endpoints, endpoints, given
from streams.errors import StackError
from streams.local import processes
from streams.local.clickhouse import ClickHouse, clickhouse_answers
from streams.local.home import Home, Running
from streams.local.kafka import Kafka, broker_answers
from streams.local.registry import Registry, registry_answers
from streams.local.service import JVM_STEADY, Say, Service, line
from streams.local.start import Start, stop

__all__ = ["Status", "down", "status", "up"]

SERVICES: tuple[type[Service], ...] = (Kafka, Registry, ClickHouse)
ANSWERS: dict[str, Callable[[str], bool]] = {"kafka": broker_answers, "registry": registry_answers, "clickhouse": clickhouse_answers}


@dataclass(frozen=True)
class Status:
    """One service as `millrace status` shows it.

    state     : "up", "down", "dead" (started, but its process is gone), "silent" (its process lives, or its address was given, but
                there is no answer)
    given     : the address was given by the user; millrace neither starts nor stops it
    memory_mb : resident memory; 0 when the process is not ours
    up_s      : seconds since it was started; 0 when the process is not ours
    """

    name: str
    state: str
    address: str = ""
    given: bool = False
    pid: int = 0
    memory_mb: int = 0
    up_s: float = 0.0
    log: str = ""


def up(progress: Say = print, *, home: Path | None = None, jvm: tuple[str, ...] = JVM_STEADY) -> Endpoints:
    """Start every service that no address was given for, and wait until each answers; where to connect.

    progress gets one line a step. A fault, or Ctrl-C, ends what this call started before it is raised (StackError).
    """
    place = Home(home)
    with place.lock():
        have = given(place.folder)
        for name, answers in ANSWERS.items():
            if name in have and not answers(have[name]):
                raise StackError(
                    f"{name}: nothing answers at {have[name]}, the address that was given; check it, or unset it to start one here"
                )
        wanted = [service for service in SERVICES if service.name not in have]
        living = {name: entry for name, entry in place.running().items() if processes.is_alive(entry.pid, entry.created_s)}
        if all(service.name in living and ANSWERS[service.name](living[service.name].address) for service in wanted):
            addresses = {name: entry.address for name, entry in living.items()} | have
            progress(line("stack", "already up: " + "  ".join(f"{name} {addresses[name]}" for name in ANSWERS)))
        else:
            Start(place, SERVICES, living, progress, jvm).run(wanted)
    return endpoints(place.folder)


def status(*, home: Path | None = None) -> list[Status]:
    """How each service is, in the order kafka, registry, clickhouse."""
    place = Home(home)
    have, recorded = given(place.folder), place.running()
    return [_status(service.name, have, recorded) for service in SERVICES]


def down(purge: bool = False, progress: Say = print, *, home: Path | None = None) -> None:
    """Stop every service that was started for this state folder, recorded or not; with purge, remove its data and logs too."""
    place = Home(home)
    if not place.folder.exists():
        progress(line("stack", "is not up"))
        return
    with place.lock():
        stopped = stop(place, SERVICES, progress)
        if purge:
            _purge(place)
            progress(line("stack", f"data and logs of {place.shown(place.folder)} removed"))
        elif not stopped:
            progress(line("stack", "is not up"))


def _status(name: str, have: dict[str, str], recorded: dict[str, Running]) -> Status:
    if name in have:
        return Status(name, "up" if ANSWERS[name](have[name]) else "silent", have[name], given=True)
    entry = recorded.get(name)
    if entry is None:
        return Status(name, "down")
    if not processes.is_alive(entry.pid, entry.created_s):
        return Status(name, "dead", entry.address, pid=entry.pid, log=entry.log)
    memory_mb = psutil.Process(entry.pid).memory_info().rss // 1_000_000
    state = "up" if ANSWERS[name](entry.address) else "silent"
    return Status(name, state, entry.address, pid=entry.pid, memory_mb=memory_mb, up_s=time.time() - entry.created_s, log=entry.log)


def _purge(place: Home) -> None:
    for path in (place.data, place.logs, place.folder / "state.json"):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
