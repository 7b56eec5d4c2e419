"""`millrace strategy`: what it prints of the status files of a run."""

import json
import time

import pytest

from streams.lanes.status import StatusFile
from streams.strategies.testing import Desk
from tests.strategies.probe import Probe
from tests.test_cli import call


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MILLRACE_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def run(home):
    """A status file as the process of a run replaces it each second."""
    Probe.fresh(on_start=lambda ctx: ctx.set_timer(ctx.now_ns + 2_500_000_000, 3))
    desk = Desk(Probe, size=7)
    desk.book(100, 101)
    StatusFile(home / "run" / "trade.json", "trade", 0).write(state="running", run=4, strategies=desk.process.shown())
    return desk


def test_strategy_shows_state_positions_and_timers(capsys, run):
    status, out, _ = call(capsys, "strategy", "strategy")
    assert status == 0
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[0] == "strategy running process trade running run 4"
    assert lines[1].startswith("clock 2023-11-14 22:13:20.")
    assert lines[2:] == ["test:X0 position 0 P&L 0", "timer 3 due in 2.500 s", "size 7"]


def test_strategy_json_is_one_object(capsys, run):
    status, out, _ = call(capsys, "strategy", "--json")
    found = json.loads(out)
    assert status == 0
    assert (found["strategy"]["state"], found["strategy"]["process"], found["strategy"]["run"]) == ({"size": 7}, "trade", 4)
    assert abs(found["strategy"]["wall_ns"] - time.time_ns()) < 60 * 10**9


def test_strategy_of_another_name_tells_the_nearest(capsys, run):
    status, _, err = call(capsys, "strategy", "stratgy")
    assert status == 1
    assert err == "millrace: no strategy 'stratgy' has run here; nearest is 'strategy'\n"


def test_strategy_before_any_run_says_what_to_do(capsys, home):
    status, _, err = call(capsys, "strategy")
    assert status == 1
    assert err == "millrace: no strategy has run here yet; start one with `millrace run TOPOLOGY`\n"
