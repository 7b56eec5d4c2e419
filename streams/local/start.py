"""One call of `up`: starts services side by side and waits until each answers; a fault leaves nothing behind."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from streams.errors import StackError
from streams.local import processes
from streams.local.home import Home, Running, shared_lock
from streams.local.ports import choose_base
from streams.local.service import Say, Service, line

__all__ = ["Start", "stop"]

LISTENERS = {"kafka": ("kafka", "controller"), "registry": ("registry",), "clickhouse": ("clickhouse",)}
POLL_S = 0.1
TELL_EVERY_S = 10.0


class Start:
    """Brings up the services of one state folder.

    order  : every kind of service, in the order they are recorded
    living : what runs already, by name
    """

    def __init__(self, place: Home, order: tuple[type[Service], ...], living: dict[str, Running], say: Say, jvm: tuple[str, ...]) -> None:
        self.place, self.order, self.say, self.jvm = place, order, _serialised(say), jvm
        self.living = dict(living)
        self.running = dict(living)
        self.mutex = threading.Lock()
        self.given_up = threading.Event()
        self.base = 0

    def run(self, wanted: list[type[Service]]) -> None:
        """Start those of `wanted` that do not live, wait for all of them; StackError, and what this call started is ended."""
        began_s = time.monotonic()
        missing = [service for service in wanted if service.name not in self.living]
        for service in missing:
            service(self.place.data, 0, self.jvm).fetch(self._told(service.name))
        with shared_lock("up", self._told("stack")):  # two checkouts that start at once must not choose the same ports
            try:
                self._end_unrecorded()
                names = tuple(listener for service in missing for listener in LISTENERS[service.name])
                self.base = choose_base(str(self.place.folder), self.place.base_port(), names, self._told("stack"))
                self._start_all([service(self.place.data, self.base, self.jvm) for service in wanted])
            except BaseException:
                self.given_up.set()
                stop(self.place, self.order, lambda _: None, keep=self.living)
                raise
        self.say(line("stack", "  ".join(f"{s.title} :{self.running[s.name].ports[0]}" for s in wanted), time.monotonic() - began_s))

    def _end_unrecorded(self) -> None:
        """An `up` that was killed between starting a process and recording it leaves one that nothing else would find."""
        recorded = {entry.pid for entry in self.living.values()}
        for name, process in processes.left_over(self.place.folder):
            if process.pid not in recorded:
                self.say(line(name, f"ending process {process.pid}, left over from an earlier start"))
                processes.end(process.pid, process.create_time(), bound_s=10.0)

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
        entry = self.living.get(service.name)
        if entry is None:
            entry = self._spawn(service)
        if entry is not None and self._wait(service, entry, began_s) and service.name not in self.living:
            self.say(line(service.name, f"answers on {service.address}", time.monotonic() - began_s))

    def _spawn(self, service: Service) -> Running | None:
        log = self.place.logs / f"{service.name}.log"
        command = service.prepare(self._told(service.name))
        with self.mutex:
            if self.given_up.is_set():
                return None
            self.say(line(service.name, f"starting on {service.address}, log {self.place.shown(log)}"))
            process = processes.spawn(self.place.folder, service.name, command, log)
            entry = Running(service.address, service.ports, process.pid, process.create_time(), str(log))
            self.running[service.name] = entry
            self.place.record(self.base, {kind.name: self.running[kind.name] for kind in self.order if kind.name in self.running})
            return entry

    def _wait(self, service: Service, entry: Running, began_s: float) -> bool:
        answers, log = self._question(service, entry), Path(entry.log)
        told_s = began_s
        while not answers():
            if time.monotonic() - told_s > TELL_EVERY_S:
                told_s = time.monotonic()
                self.say(line(service.name, f"still starting after {told_s - began_s:.0f} s"))
            if self.given_up.is_set():
                return False
            if not processes.is_alive(entry.pid, entry.created_s):
                raise StackError(f"{service.name} ended while it started; the end of {log}:\n{processes.last_lines(log)}")
            if time.monotonic() - began_s > service.start_bound_s:
                bound = f"gives no answer after {service.start_bound_s:.0f} s; `millrace down` ends it"
                raise StackError(f"{service.name} {bound}; the end of {log}:\n{processes.last_lines(log)}")
            time.sleep(POLL_S)
        return True

    def _question(self, service: Service, entry: Running) -> Callable[[], bool]:
        """One that lives already may have been started at another base."""
        base = entry.ports[0] - (service.ports[0] - service.base)
        return type(service)(self.place.data, base, self.jvm).answers

    def _told(self, name: str) -> Say:
        return lambda text: self.say(line(name, text))


def stop(place: Home, order: tuple[type[Service], ...], say: Say, keep: dict[str, Running] | None = None) -> bool:
    """End what runs, writers into the others first, but not what `keep` names; whether anything ran."""
    recorded, kept = place.running(), keep or {}
    stopped = False
    for service in reversed(order):
        if service.name in kept:
            continue
        entry = recorded.get(service.name)
        alive = [(entry.pid, entry.created_s)] if entry else []
        alive += [(process.pid, process.create_time()) for name, process in processes.left_over(place.folder) if name == service.name]
        for pid, created_s in alive:
            began_s = time.monotonic()
            how = processes.end(pid, created_s, service.stop_bound_s)
            if how != "was not running":
                stopped = True
                say(line(service.name, how, time.monotonic() - began_s))
    if recorded:
        place.record(place.base_port(), {name: entry for name, entry in recorded.items() if name in kept})
    return stopped


def _raise_first(started: list[Future]) -> None:
    """Wait for all, but raise the first fault as soon as it is there."""
    waiting = set(started)
    while waiting:
        for future in [future for future in waiting if future.done()]:
            waiting.discard(future)
            future.result()
        time.sleep(POLL_S / 2)


def _serialised(progress: Say) -> Say:
    """Lines of several threads, one at a time."""
    mutex = threading.Lock()

    def say(text: str) -> None:
        with mutex:
            progress(text)

    return say
