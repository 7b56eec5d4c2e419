"""Up, status and down, on stand-ins for the three programs."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from streams.errors import StackError
from streams.local import ports, processes, services
from streams.local.home import Home, Running, shared_lock
from tests.conftest import free_base
from tests.local.conftest import Broker, listens


@pytest.fixture
def home(tmp_path: Path, stand_ins: dict[str, str]):
    yield tmp_path / "home"
    services.down(purge=True, progress=lambda _: None, home=tmp_path / "home")


def states(home: Path) -> list[str]:
    return [status.state for status in services.status(home=home)]


def test_up_fresh_starts_all_and_tells_each_step(home: Path) -> None:
    told: list[str] = []
    found = services.up(told.append, home=home)
    assert states(home) == ["up", "up", "up"]
    assert all(listens(address) for address in (found.kafka, found.registry, found.clickhouse))
    assert sorted(line.split()[0] for line in told[:-1]) == ["clickhouse", "clickhouse", "kafka", "kafka", "registry", "registry"]
    assert told[-1].startswith("stack            kafka 0 :")


def test_up_when_up_says_so_and_starts_nothing(home: Path) -> None:
    services.up(lambda _: None, home=home)
    before = Home(home).running()
    told: list[str] = []
    services.up(told.append, home=home)
    assert told[0].startswith("stack            already up: kafka 127.0.0.1:")
    assert (len(told), Home(home).running()) == (1, before)


def test_up_one_service_killed_starts_only_that_one(home: Path) -> None:
    services.up(lambda _: None, home=home)
    before = Home(home).running()
    os.kill(before["registry"].pid, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(before["registry"].pid)], timeout=5)
    assert states(home) == ["up", "dead", "up"]
    services.up(lambda _: None, home=home)
    after = Home(home).running()
    assert states(home) == ["up", "up", "up"]
    assert (after["kafka"], after["clickhouse"]) == (before["kafka"], before["clickhouse"])


def test_up_service_that_ends_shows_its_log_and_leaves_nothing(home: Path, stand_ins: dict[str, str]) -> None:
    stand_ins["registry"] = "broken"
    with pytest.raises(StackError, match=r"(?s)registry ended while it started.*disk is on fire"):
        services.up(lambda _: None, home=home)
    assert states(home) == ["down", "down", "down"]
    assert processes.left_over(home) == []


def test_up_failure_keeps_what_ran_before(home: Path, stand_ins: dict[str, str]) -> None:
    services.up(lambda _: None, home=home)
    os.kill(Home(home).running()["clickhouse"].pid, signal.SIGKILL)
    stand_ins["clickhouse"] = "broken"
    with pytest.raises(StackError, match="disk is on fire"):
        services.up(lambda _: None, home=home)
    assert states(home) == ["up", "up", "down"]


def test_up_silent_service_gives_up_within_its_bound(home: Path, stand_ins: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    stand_ins["kafka"] = "mute"
    monkeypatch.setattr(Broker, "start_bound_s", 1.0)
    with pytest.raises(StackError, match="kafka gives no answer after 1 s"):
        services.up(lambda _: None, home=home)
    assert processes.left_over(home) == []


def test_down_stubborn_service_is_killed_within_its_bound(home: Path, stand_ins: dict[str, str]) -> None:
    stand_ins["kafka"] = "stubborn"
    services.up(lambda _: None, home=home)
    told: list[str] = []
    services.down(progress=told.append, home=home)
    assert [line.split()[:2] for line in told] == [["clickhouse", "ended"], ["registry", "ended"], ["kafka", "killed"]]
    assert states(home) == ["down", "down", "down"]


def test_down_purge_removes_data_and_keeps_given_addresses(home: Path) -> None:
    services.up(lambda _: None, home=home)
    services.down(purge=True, progress=lambda _: None, home=home)
    (home / "endpoints.toml").write_text("")
    assert sorted(path.name for path in home.iterdir()) == ["endpoints.toml", "lock"]


def test_down_process_that_was_not_recorded_is_ended(home: Path) -> None:
    services.up(lambda _: None, home=home)
    recorded = Home(home).running()
    Home(home).record(None, {})  # as after a kill between the start of a process and its record
    services.down(progress=lambda _: None, home=home)
    assert not any(processes.is_alive(entry.pid, entry.created_s) for entry in recorded.values())


def test_down_recycled_pid_is_never_touched(home: Path) -> None:
    other = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"])
    try:
        created_s = psutil.Process(other.pid).create_time()
        Home(home).make()
        Home(home).record(19_000, {"kafka": Running("127.0.0.1:1", (1,), other.pid, created_s - 100, "x.log")})
        services.down(progress=lambda _: None, home=home)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_up_given_address_that_is_silent_refuses(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILLRACE_KAFKA", "127.0.0.1:1")
    with pytest.raises(StackError, match=r"kafka: nothing answers at 127\.0\.0\.1:1, the address that was given"):
        services.up(lambda _: None, home=home)
    assert [status.given for status in services.status(home=home)] == [True, False, False]


def test_up_given_address_starts_only_the_rest(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    services.up(lambda _: None, home=home)
    monkeypatch.setenv("MILLRACE_KAFKA", Home(home).running()["kafka"].address)
    monkeypatch.setenv("MILLRACE_PORT", str(free_base()))
    second = tmp_path / "second"
    try:
        services.up(lambda _: None, home=second)
        assert sorted(Home(second).running()) == ["clickhouse", "registry"]
    finally:
        services.down(progress=lambda _: None, home=second)


def test_up_ports_of_another_checkout_takes_the_next_base(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = int(os.environ["MILLRACE_PORT"])
    monkeypatch.delenv("MILLRACE_PORT")
    monkeypatch.setattr(ports, "DEFAULT_BASE", base)
    services.up(lambda _: None, home=home)
    second, told = tmp_path / "second", []
    try:
        services.up(told.append, home=second)
        moved = Home(second).base_port()
        assert moved is not None
        assert (moved > base, (moved - base) % 1000) == (True, 0)
        assert told[0] == f"stack            ports from {moved}: another checkout's stack holds {base}"
        services.down(progress=lambda _: None, home=home)
        assert [status.state for status in services.status(home=second)] == ["up", "up", "up"]
        services.down(progress=lambda _: None, home=second)
        services.up(lambda _: None, home=second)
        assert Home(second).base_port() == moved
    finally:
        services.down(progress=lambda _: None, home=second)


def test_up_port_of_a_foreign_process_names_it_and_the_remedy(home: Path) -> None:
    base = int(os.environ["MILLRACE_PORT"])
    other = subprocess.Popen(
        [sys.executable, "-S", "-c", f"import socket, time; s = socket.create_server(('127.0.0.1', {base + 92})); time.sleep(60)"]
    )
    try:
        while not listens(f"127.0.0.1:{base + 92}"):
            time.sleep(0.02)
        holder = rf"process {other.pid} \({psutil.Process(other.pid).name()}\)"
        text = rf"^port {base + 92} is taken by {holder}\. Stop it, or choose another base: MILLRACE_PORT=\d+ millrace up$"
        with pytest.raises(StackError, match=text):
            services.up(lambda _: None, home=home)
    finally:
        other.kill()
        other.wait()


def test_up_interrupted_ends_what_it_started(home: Path, stand_ins: dict[str, str]) -> None:
    stand_ins["kafka"] = "mute"

    def interrupt(text: str) -> None:
        if "registry" in text and "answers" in text:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        services.up(interrupt, home=home)
    assert (states(home), processes.left_over(home)) == (["down", "down", "down"], [])


def test_up_while_another_command_works_on_the_folder_refuses(home: Path) -> None:
    with Home(home).lock(), pytest.raises(StackError, match=f"process {os.getpid()} starts or stops this stack now"):
        services.up(lambda _: None, home=home)


def test_up_while_another_checkout_starts_says_that_it_waits(home: Path) -> None:
    told: list[str] = []
    starting = threading.Thread(target=services.up, args=(told.append,), kwargs={"home": home})
    with shared_lock("up", lambda _: None):
        starting.start()
        while not told:
            time.sleep(0.02)
        assert told == ["stack            waiting for another checkout that does the same now"]
    starting.join()
    assert states(home) == ["up", "up", "up"]
