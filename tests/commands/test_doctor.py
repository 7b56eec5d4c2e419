"""`millrace doctor` as it is shown: wide, narrow, as JSON, and once for the machine that tests run on."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from streams.commands.doctor import doctor, lines
from streams.local.doctor.examine import QUESTIONS
from streams.local.doctor.finding import BETTER, OK, WRONG, Finding
from tests.conftest import free_base
from tests.local.doctor_host import good_host

ROOT = Path(__file__).resolve().parents[2]
CORES = Finding("cores", "2", BETTER, "processes take turns: a lane must yield instead of spin", "taskset -pc 0-3 $$")


@pytest.fixture(autouse=True)
def no_addresses(monkeypatch):
    """Nothing of this machine's environment counts."""
    for name in ("KAFKA", "REGISTRY", "CLICKHOUSE", "DATABASE", "PORT"):
        monkeypatch.delenv(f"MILLRACE_{name}", raising=False)


def test_lines_on_a_wide_terminal_are_columns():
    assert list(lines(CORES, 80)) == [
        "better  cores          2",
        "                       costs  processes take turns: a lane must yield instead of",
        "                              spin",
        "                       do     taskset -pc 0-3 $$",
    ]


def test_lines_on_a_narrow_terminal_stand_below_each_other():
    assert list(lines(CORES, 40)) == [
        "better  cores",
        "  2",
        "  costs  processes take turns: a lane",
        "         must yield instead of spin",
        "  do     taskset -pc 0-3 $$",
    ]


@pytest.mark.parametrize("width", [20, 40, 71, 72, 100, 400])
def test_lines_fit_but_for_a_remedy_which_is_whole(width):
    remedy = "sudo " + "x" * 500
    shown = list(lines(Finding("isolated", "words " * 60, WRONG, "cost " * 60, remedy), width))
    assert shown[-1].endswith(remedy)
    assert max(map(len, shown[:-1])) <= min(width, 140) or width == 20  # no narrower than a long word


def test_lines_in_colour_have_the_same_text():
    (plain,), (coloured,) = (list(lines(Finding("SMT", "off"), 80, colour)) for colour in (False, True))
    assert coloured == plain.replace("ok", "\x1b[32mok\x1b[0m", 1)


def test_doctor_says_a_line_a_question_and_counts(tmp_path):
    said: list[str] = []
    assert doctor(False, said.append, good_host(tmp_path)) == 0
    assert said[-1] == f"doctor: {len(QUESTIONS) - 1} ok, 1 could be better, 0 wrong"
    assert said[0].split() == ["ok", "python", "3.11.7"]


def test_doctor_of_a_host_that_cannot_work_has_status_1(tmp_path):
    host, said = good_host(tmp_path), []
    host.free["home"] = 0
    assert doctor(True, said.append, host) == 1
    found = json.loads(said[0])
    assert found["works"] is False
    assert found["counts"] == {OK: len(QUESTIONS) - 2, BETTER: 1, WRONG: 1}
    assert [one["name"] for one in found["findings"] if one["state"] == WRONG] == ["state folder"]


@pytest.mark.slow
def test_doctor_of_this_machine_changes_nothing_and_names_who_has_a_port(tmp_path):
    base = free_base()
    environment = {**os.environ, "MILLRACE_HOME": str(tmp_path / "home"), "MILLRACE_PORT": str(base), "PYTHONPATH": str(ROOT)}
    with socket.create_server(("127.0.0.1", base + 92)):
        done = subprocess.run(
            [sys.executable, "-m", "streams.cli", "doctor", "--json"], env=environment, capture_output=True, text=True, timeout=60
        )
    assert (done.returncode, done.stderr) == (1, "")
    found = {one["name"]: one for one in json.loads(done.stdout)["findings"]}
    assert list(found) == [name for name, _ in QUESTIONS]
    assert f"{base + 92} (kafka) taken by process {os.getpid()}" in found["ports"]["found"]
    assert "not up" in found["stack"]["found"]
    assert found["memory"]["found"] != "not told by this system"
    assert list(tmp_path.iterdir()) == []
