"""What a user sees when something is wrong from the start: one clear error, status 1, no traceback, nothing left running."""

import os
import socket
import subprocess
from pathlib import Path

import pytest

from tests.e2e.conftest import Finished
from tests.e2e.run_kit import DEMO, Desk

pytestmark = [pytest.mark.broker, pytest.mark.slow]

NOBODY = "127.0.0.1:9"  # the discard port: nothing listens there


def refused(ended: subprocess.CompletedProcess[str], *parts: str) -> None:
    """One error that says all of these."""
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr
    last = ended.stderr[ended.stderr.rindex("millrace: ") :]
    assert [part for part in parts if part not in last] == [], ended.stderr


def test_run_of_a_topology_with_an_unknown_key_names_line_and_nearest(desk: Desk, tmp_path: Path) -> None:
    topology = tmp_path / "bad.yaml"
    topology.write_text(DEMO.read_text().replace("max_qty: 1000", "max_quantity: 1000"))
    number = next(n for n, text in enumerate(topology.read_text().splitlines(), 1) if "max_quantity" in text)
    refused(desk.millrace("run", str(topology), "--fresh"), f"{topology}:{number}:", "max_quantity", "nearest is 'max_qty'")


def test_apply_without_a_registry_says_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(desk.environment, "MILLRACE_REGISTRY", f"http://{NOBODY}/apis/ccompat/v7")
    refused(desk.millrace("apply", str(desk.topology)), "registry", NOBODY)


def test_apply_without_a_broker_says_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(desk.environment, "MILLRACE_KAFKA", NOBODY)
    refused(desk.millrace("apply", str(desk.topology)), f"kafka {NOBODY}", "the broker does not answer")


def test_venue_with_a_taken_port_says_which(finished: Finished, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setitem(finished.desk.environment, "MILLRACE_PORT", str(port - 10))
        ended = finished.desk.millrace("process", "venue", "--topology", str(finished.desk.topology))
    refused(ended, f"127.0.0.1:{port}", "address already in use")


def test_up_without_a_jvm_says_what_to_do(tmp_path: Path) -> None:
    desk = Desk.__new__(Desk)
    desk.environment = {name: value for name, value in os.environ.items() if not name.startswith("MILLRACE_") or name == "MILLRACE_CACHE"}
    desk.environment |= {"MILLRACE_HOME": str(tmp_path / "home"), "MILLRACE_JAVA": "/nowhere/java"}
    refused(desk.millrace("up"), "MILLRACE_JAVA=/nowhere/java", "no such program")
    assert desk.millrace("status").stdout.count(" down") >= 3
