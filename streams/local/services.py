"""Start, show and stop the embedded stack: what `millrace up`, `status` and `down` do."""

import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psutil

from streams.config import Endpoints, endpoints, given
from streams.errors import StackError
from streams.local import processes
from streams.local.clickhouse import ClickHouse, clickhouse_answers
from streams.local.home import Home, Running, shared_lock
from streams.local.kafka import Kafka, broker_answers
from streams.local.ports import choose_base
from streams.local.registry import Registry, registry_answers
from streams.local.service import JVM_STEADY, Say, Service

__all__ = ["Status", "down", "status", "up"]

SERVICES: tuple[type[Service], ...] = (Kafka, Registry, ClickHouse)
LISTENERS = {"kafka": ("kafka", "controller"), "registry": ("registry",), "clickhouse": ("clickhouse",)}
ANSWERS: dict[str, Callable[[str], bool]] = {"kafka": broker_answers, "registry": registry_answers, "clickhouse": clickhouse_answers}
LINE_WIDTH = 76
POLL_S = 0.1


@dataclass(frozen=True)
class Status:
    """One service as `millrace status` shows it.

    state     : "up", "down", "dead" (started, but its process is gone), "silent" (its process lives, but gives no answer)
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
    say = _serialised(progress)
    with place.lock():
        have = given(place.folder)
        for name, answers in ANSWERS.items():
            if name in have and not answers(have[name]):
                raise StackError(
                    f"{name}: nothing answers at {have[name]}, the address that was given; check it, or unset it to start one here"
                )
        wanted = [service for service in SERVICES if service.name not in have]
        living = _living(place)
        missing = [service for service in wanted if service.name not in living]
        if not missing:
            say(_line("stack", "already up: " + "  ".join(f"{name} {entry.address}" for name, entry in living.items())))
            return endpoints(place.folder)
        _Start(place, living, say, jvm).run(missing)
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
        progress(_line("stack", "is not up"))
        return
    with place.lock():
        stopped = _stop(place, progress)
        if purge:
            _purge(place)
            progress(_line("stack", f"data and logs of {place.shown(place.folder)} removed"))
        elif not stopped:
            progress(_line("stack", "is not up"))


class _Start:
    """One call of `up`: what it has started so far, so that a fault leaves nothing behind."""

    def __init__(self, place: Home, living: dict[str, Running], say: Say, jvm: tuple[str, ...]) -> None:
        self.place, self.say, self.jvm = place, say, jvm
        self.running = dict(living)
        self.mutex = threading.Lock()
        self.given_up = threading.Event()
        self.base = 0

    def run(self, missing: list[type[Service]]) -> None:
        began_s = time.monotonic()
        for service in missing:
            service(self.place.data, 0, self.jvm).fetch(self._told(service))
        try:
            with shared_lock("up"):  # two checkouts that start at once must not choose the same ports
                names = tuple(listener for service in missing for listener in LISTENERS[service.name])
                self.base = choose_base(str(self.place.folder), self.place.base_port(), names, self._told(None))
                self._start_all([service(self.place.data, self.base, self.jvm) for service in missing])
        except BaseException:
            self.given_up.set()
            _stop(self.place, lambda _: None)
            raise
        ports = "  ".join(f"{service.title} :{service(self.place.data, self.base).ports[0]}" for service in missing)
        self.say(_line("stack", ports, time.monotonic() - began_s))

    def _start_all(self, services: list[Service]) -> None:
        with ThreadPoolExecutor(len(services)) as pool:
            started = [pool.submit(self._start, service) for service in services]
            try:
                _raise_first(started)
            except BaseException:
                self.given_up.set()  # before the pool is left, which waits for the other threads
                raise

    def _start(self, service: Service) -> None:
        began_s = time.monotonic()
        say = self._told(type(service))
        log = self.place.logs / f"{service.name}.log"
        command = service.prepare(say)
        if self.given_up.is_set():
            return
        say(f"starting on {service.address}, log {self.place.shown(log)}")
        with self.mutex:
            process = processes.spawn(self.place.folder, service.name, command, log)
            self.running[service.name] = Running(service.address, service.ports, process.pid, process.create_time(), str(log))
            self.place.record(self.base, {known.name: self.running[known.name] for known in SERVICES if known.name in self.running})
        self._wait(service, process, log, began_s)
        self.say(_line(service.name, f"answers on {service.address}", time.monotonic() - began_s))

    def _wait(self, service: Service, process: psutil.Process, log: Path, began_s: float) -> None:
        created_s = process.create_time()
        while not service.answers():
            if self.given_up.is_set():
                return
            if not processes.is_alive(process.pid, created_s):
                raise StackError(f"{service.name} ended while it started; the end of {log}:\n{processes.last_lines(log)}")
            if time.monotonic() - began_s > service.start_bound_s:
                raise StackError(
                    f"{service.name} gives no answer after {service.start_bound_s:.0f} s; the end of {log}:\n{processes.last_lines(log)}"
                )
            time.sleep(POLL_S)

    def _told(self, service: type[Service] | None) -> Say:
        name = service.name if service else "stack"
        return lambda text: self.say(_line(name, text))


def _raise_first(started: list[Future]) -> None:
    """Wait for all, but raise the first fault as soon as it is there."""
    waiting = set(started)
    while waiting:
        for future in [future for future in waiting if future.done()]:
            waiting.discard(future)
            future.result()
        time.sleep(POLL_S / 2)


def _living(place: Home) -> dict[str, Running]:
    """The recorded services whose process lives."""
    return {name: entry for name, entry in place.running().items() if processes.is_alive(entry.pid, entry.created_s)}


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


def _stop(place: Home, progress: Say) -> bool:
    """End what runs, writers into the others first; whether anything ran."""
    recorded = place.running()
    stopped = False
    for service in reversed(SERVICES):
        entry = recorded.get(service.name)
        alive = [(entry.pid, entry.created_s)] if entry else []
        alive += [(process.pid, process.create_time()) for name, process in processes.left_over(place.folder) if name == service.name]
        for pid, created_s in dict.fromkeys(alive):
            began_s = time.monotonic()
            how = processes.end(pid, created_s, service.stop_bound_s)
            if how != "was not running":
                stopped = True
                progress(_line(service.name, how, time.monotonic() - began_s))
    if recorded:
        place.record(place.base_port(), {})
    return stopped


def _purge(place: Home) -> None:
    for path in (place.data, place.logs, place.folder / "state.json"):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _serialised(progress: Say) -> Say:
    """Lines of several threads, one at a time."""
    mutex = threading.Lock()

    def say(line: str) -> None:
        with mutex:
            progress(line)

    return say


def _line(name: str, text: str, seconds: float | None = None) -> str:
    """`kafka            answers on 127.0.0.1:19092 ............ 4.5 s`"""
    start = f"{name:<16} {text} "
    return start.rstrip() if seconds is None else f"{start}{'.' * max(3, LINE_WIDTH - len(start))} {seconds:.1f} s"
