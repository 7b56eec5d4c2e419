"""One embedded stack for the whole run of a worker.

`MILLRACE_TEST_HOME=/some/folder` keeps the stack of that folder up between runs (stop it with `MILLRACE_HOME=/some/folder millrace down`).
"""

import contextlib
import gc
import os
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import structlog
from hypothesis import settings

from streams.config import Endpoints
from streams.local import processes, services
from streams.local.clickhouse import ClickHouse
from streams.local.home import Home
from streams.local.kafka import Kafka
from streams.local.processes import listeners
from streams.local.service import JVM_SHORT, OFFSETS
from streams.local.start import Start
from tests import units

# The same commit has the same verdict; `make nightly` looks at examples that nobody has seen.
settings.register_profile("same", derandomize=True)
settings.register_profile("new", print_blob=True)
settings.load_profile("same")

# What a shell without job control puts into the background ignores SIGINT, and so would every process that a test starts and interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

SETTINGS_OF = "_hypothesis_internal_use_settings"  # what hypothesis's own plugin for pytest reads
LEAST_EXAMPLES = 5
ADDRESSES = ("MILLRACE_KAFKA", "MILLRACE_REGISTRY", "MILLRACE_CLICKHOUSE", "MILLRACE_DATABASE", "MILLRACE_PORT", "MILLRACE_HOME")


@pytest.hookimpl(tryfirst=True, optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Of `--dist loadfile`: files that share a stack stay together; see tests/units.py."""
    return units.Units(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_addoption(parser: pytest.Parser) -> None:
    """What a run of the tests may ask for."""
    parser.addoption("--examples", type=float, default=1.0, help="share of the random examples of each property, 0 to 1")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What takes minutes begins first where workers share the tests; properties try as many examples as asked for."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: units.rank(item.nodeid))
    gc.collect()
    gc.freeze()  # thousands of tests and the modules under test stay to the end: no collection need look at them
    share = config.getoption("--examples")
    if share < 1.0:
        for function in {getattr(item, "obj", None) for item in items}:
            thin(function, share)


def thin(function: Any, share: float) -> None:
    """A property tries a share of its examples, but some."""
    own = getattr(function, SETTINGS_OF, None)
    if own is not None:
        setattr(function, SETTINGS_OF, settings(own, max_examples=max(LEAST_EXAMPLES, round(own.max_examples * share))))


def free_base() -> int:
    """A base port whose ports are free now, away from the default ones and from the system's ephemeral range."""
    while True:
        base = random.SystemRandom().randrange(20_100, 32_000, 100)
        if not listeners(tuple(base + offset for offset in OFFSETS.values())):
            return base


def own_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder for services of this run. What a run that was killed has left behind is ended and removed first."""
    for folder in Path(tempfile.gettempdir()).glob("millrace-test-*-*"):
        owner = folder.name.split("-")[2]
        if owner.isdecimal() and not psutil.pid_exists(int(owner)):
            for _, process in processes.left_over(folder):
                processes.end(process.pid, process.create_time(), bound_s=10.0)
            shutil.rmtree(folder, ignore_errors=True)
    return tempfile.TemporaryDirectory(prefix=f"millrace-test-{os.getpid()}-", ignore_cleanup_errors=True)


def discard(home: Path) -> None:
    """Remove a stack that nobody needs again. Nothing of it is kept, so nothing waits until it has written everything down."""
    for _, process in processes.left_over(Home(home).folder):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    services.down(purge=True, progress=lambda _: None, home=home)


@contextlib.contextmanager
def running_stack() -> Iterator[Endpoints]:
    """Broker, registry and ClickHouse; addresses also in the environment, for child processes."""
    kept = os.environ.get("MILLRACE_TEST_HOME")
    with own_folder() as folder, pytest.MonkeyPatch.context() as environment:
        home = Path(kept or folder)
        for name in ADDRESSES:
            environment.delenv(name, raising=False)
        if not kept:
            environment.setenv("MILLRACE_PORT", str(free_base()))
        environment.setenv("MILLRACE_HOME", str(home))
        found = services.up(lambda _: None, home=home, jvm=JVM_SHORT)
        for name in ("kafka", "registry", "clickhouse", "database"):
            environment.setenv(f"MILLRACE_{name.upper()}", getattr(found, name))
        yield found
        if not kept:
            discard(home)


@pytest.fixture(scope="session")
def stack() -> Iterator[Endpoints]:
    """The stack that the tests of lanes, sinks and venues share, started at the first test that asks."""
    with running_stack() as found:
        yield found


@pytest.fixture
def own_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Endpoints, Path]]:
    """A stack for one test, and its folder: the test may kill what is in it."""
    for name in ADDRESSES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MILLRACE_PORT", str(free_base()))
    home = tmp_path / "home"
    yield services.up(lambda _: None, home=home, jvm=JVM_SHORT), home
    discard(home)


@pytest.fixture
def own_broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Path]]:
    """A broker alone for one test: its address, and the folder of its stack."""
    monkeypatch.setenv("MILLRACE_PORT", str(free_base()))
    home = Home(tmp_path / "home")
    with home.lock():
        Start(home, services.SERVICES, {}, lambda _: None, JVM_SHORT).run([Kafka])
    yield home.running()["kafka"].address, home.folder
    discard(home.folder)


@pytest.fixture(autouse=True)
def undisturbed() -> Iterator[None]:
    """Signal handlers and log settings of a test do not outlive it."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)
    structlog.reset_defaults()


class Store:
    """A ClickHouse of its own in a folder: started, killed and started again by tests."""

    def __init__(self, folder: Path, base: int) -> None:
        self.folder = folder
        self.service = ClickHouse(folder, base)
        self.url = self.service.address
        self.log = folder / "clickhouse.log"
        self.pid, self.created_s = 0, 0.0

    def start(self) -> None:
        """Start it and wait until it answers."""
        process = processes.spawn(self.folder, "clickhouse", self.service.prepare(lambda _: None), self.log)
        self.pid, self.created_s = process.pid, process.create_time()
        while not self.service.answers():
            assert processes.is_alive(self.pid, self.created_s), processes.last_lines(self.log)
            time.sleep(0.05)

    def kill(self) -> None:
        """End it as a crash does."""
        processes.end(self.pid, self.created_s, bound_s=0.0)

    def stop(self) -> None:
        """End it in order."""
        processes.end(self.pid, self.created_s, bound_s=20.0)


@pytest.fixture(scope="session")
def clickhouse() -> Iterator[str]:
    """The address of a ClickHouse alone, for tests that need no broker; each test uses a database of its own."""
    with own_folder() as folder:
        store = Store(Path(folder), free_base())
        store.start()
        yield store.url
        store.stop()
