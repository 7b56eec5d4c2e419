"""The supervisor with children that are small scripts instead of processes of a topology."""

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from streams.errors import LaneError
from streams.topology import supervisor as module
from streams.topology.instances import Instance
from streams.topology.parent import PARENT
from streams.topology.processes import lock_path
from streams.topology.supervisor import Supervisor

BOUND_S = 20.0


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MILLRACE_HOME", str(tmp_path))
    return tmp_path


def supervised(monkeypatch, script: str) -> Supervisor:
    """A supervisor of one child that runs a script."""
    monkeypatch.setattr(module, "_argv", lambda *_: (sys.executable, "-c", script))
    return Supervisor([Instance("worker", "agents")], "unused.yaml", {}, say=lambda _: None)


def until(condition, watch=lambda: None) -> None:
    """Watch until a condition holds."""
    deadline_s = time.monotonic() + BOUND_S
    while not condition():
        assert time.monotonic() < deadline_s, "bound is over"
        watch()
        time.sleep(0.01)


def test_watch_child_killed_starts_again(home, monkeypatch):
    with supervised(monkeypatch, "import time; time.sleep(60)") as found:
        found.start()
        (child,) = found.children
        first = child.pid
        os.kill(first, 9)
        until(lambda: child.pid not in (0, first), found.watch)
        assert child.restarts == 1


def test_start_forgets_what_processes_of_another_topology_have_said(home, monkeypatch):
    said = home / "run" / "feed-other.1.json"
    said.parent.mkdir()
    said.write_text("{}")
    with supervised(monkeypatch, "pass") as found:
        found.start()
        assert not said.exists()


def test_watch_child_done_is_not_started_again(home, monkeypatch):
    with supervised(monkeypatch, "pass") as found:
        found.start()
        (child,) = found.children
        until(lambda: child.done, found.watch)
        found.watch()
        assert (child.pid, child.restarts) == (0, 0)


def test_watch_child_fenced_ends_the_run(home, monkeypatch):
    with supervised(monkeypatch, "raise SystemExit(3)") as found:
        found.start()
        with pytest.raises(LaneError, match="process worker: another instance has taken its shard"):
            until(lambda: False, found.watch)


def test_watch_child_failing_for_good_ends_the_run_with_its_log(home, monkeypatch):
    monkeypatch.setattr(module, "_BACKOFF_S", (0.0,))
    monkeypatch.setattr(module, "_FAILURES", 3)
    monkeypatch.setattr(module.Child.__dataclass_fields__["failures"], "default_factory", lambda: module.deque(maxlen=3))
    with supervised(monkeypatch, "print('out of cheese'); raise SystemExit(1)") as found:
        found.children[0].failures = module.deque(maxlen=3)
        found.start()
        with pytest.raises(LaneError, match=r"worker ended 3 times within 60 s \(status 1\)(.|\n)*out of cheese"):
            until(lambda: False, found.watch)


def test_watch_new_run_starts_again_at_once(home, monkeypatch):
    marker = home / "seen"
    script = f"import pathlib, time\np = pathlib.Path({str(marker)!r})\nif p.exists(): time.sleep(60)\np.touch()\nraise SystemExit(4)"
    with supervised(monkeypatch, script) as found:
        found.start()
        (child,) = found.children
        until(lambda: child.restarts == 1 and child.pid, found.watch)
        assert not child.failures


def test_end_child_that_ignores_sigterm_is_killed(home, monkeypatch):
    marker = home / "ready"
    script = f"import pathlib, signal, time\nsignal.signal(15, signal.SIG_IGN)\npathlib.Path({str(marker)!r}).touch()\ntime.sleep(60)"
    with supervised(monkeypatch, script) as found:
        found.start()
        until(marker.exists)
        pid = found.children[0].pid
        found.end(found.children[0], bound_s=0.2)
        assert not psutil.pid_exists(pid)


def test_with_block_left_by_an_error_leaves_nothing(home, monkeypatch):
    found = supervised(monkeypatch, "import time; time.sleep(60)")
    with contextlib.suppress(KeyboardInterrupt), found:
        found.start()
        pid = found.children[0].pid
        raise KeyboardInterrupt
    assert not psutil.pid_exists(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel tells children of their parent's death on Linux only")
def test_end_with_parent_supervisor_killed_child_ends(tmp_path):
    pid_file = tmp_path / "child"
    aside = str(pid_file) + ".new"
    child = (
        "import os, pathlib, time\nfrom streams.topology.parent import end_with_parent\nend_with_parent()\n"
        f"pathlib.Path({aside!r}).write_text(str(os.getpid()))\nos.rename({aside!r}, {str(pid_file)!r})\ntime.sleep(60)"
    )
    parent = (
        "import os, subprocess, sys\n"
        f"subprocess.run([sys.executable, '-c', {child!r}], env={{**os.environ, {PARENT!r}: str(os.getpid())}}, start_new_session=True)"
    )
    root = Path(__file__).resolve().parents[2]
    process = subprocess.Popen([sys.executable, "-c", parent], cwd=root)
    until(pid_file.exists)
    process.kill()
    process.wait()
    pid = int(pid_file.read_text())
    until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


def test_standby_takes_the_turn_of_a_killed_child_and_is_ended_with_it(home, monkeypatch):
    instance = Instance("worker", "agents")
    path = lock_path(instance)
    script = f"import time; from pathlib import Path; from streams.lanes.standby import Turn; turn = Turn(Path({str(path)!r}))"
    monkeypatch.setattr(module, "_argv", lambda *_: (sys.executable, "-c", f"{script}\nwhile True: turn.come() or 1; time.sleep(0.01)"))

    def holder() -> int:
        return int(path.read_text() or 0) if path.exists() else 0

    with Supervisor([instance], "unused.yaml", {}, say=lambda _: None, standbys={"worker"}) as found:
        found.start()
        until(lambda: holder() > 0, found.watch)
        first = holder()
        os.kill(first, 9)
        until(lambda: holder() not in (0, first), found.watch)
        until(lambda: all(child.pid for child in found._all()), found.watch)
        assert sum(child.restarts for child in found._all()) == 1
        assert [child.label for child in found.children] == ["worker"]
        found.end(found.children[0])
        assert not any(child.pid for child in found._all())
