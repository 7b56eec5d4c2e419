"""The command line without a stack: help, mistakes, what needs no broker."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from streams import cli
from streams.venues.binance.check_output import JSON_KEYS
from streams.venues.binance.synthetic import SyntheticMarket, write_synthetic

ROOT = Path(__file__).resolve().parents[1]
DEMO = str(ROOT / "topologies" / "demo.yaml")


@pytest.fixture
def empty_home(tmp_path, monkeypatch):
    """A state folder where nothing was started, and no address given."""
    for name in ("KAFKA", "REGISTRY", "CLICKHOUSE", "DATABASE", "PORT", "DEBUG"):
        monkeypatch.delenv(f"MILLRACE_{name}", raising=False)
    monkeypatch.setenv("MILLRACE_HOME", str(tmp_path / "home"))
    return tmp_path


def call(capsys, *arguments: str) -> tuple[int, str, str]:
    """Exit status, output, errors of a command."""
    with pytest.raises(SystemExit) as ending:
        cli.main(list(arguments))
    out, err = capsys.readouterr()
    return int(ending.value.code or 0), out, err


def test_help_lists_every_command(capsys):
    status, out, _ = call(capsys, "--help")
    assert status == 0
    for name in (
        "up",
        "status",
        "doctor",
        "down",
        "apply",
        "run",
        "process",
        "demo",
        "tail",
        "query",
        "lineage",
        "recording",
        "strategy",
        "verify",
        "latencies",
        "kill",
        "resume",
    ):
        assert f"  {name} " in out


def test_help_imports_nothing_heavy():
    code = "import sys\nfrom streams import cli\ntry: cli.main(['--help'])\nexcept SystemExit: pass\nprint(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout.split()
    assert not {"numpy", "numba", "confluent_kafka", "pydantic", "clickhouse_connect", "rich.live"} & set(out)


def test_unknown_command_is_wrong_usage(capsys):
    status, _, err = call(capsys, "runn")
    assert status == 2
    assert "runn" in err


@pytest.mark.parametrize(
    "arguments",
    [("apply", DEMO), ("run", DEMO), ("tail", "fills.v1"), ("query", "select 1"), ("lineage", "1:2"), ("verify", DEMO), ("kill",)],
)
def test_command_without_stack_says_what_to_do(capsys, empty_home, arguments):
    status, _, err = call(capsys, *arguments)
    assert status == 1
    assert err.startswith("millrace: no stack is up in ")
    assert "`millrace up`" in err
    assert err.count("\n") == 1


def test_status_without_stack_shows_all_down(capsys, empty_home):
    status, out, _ = call(capsys, "status")
    assert status == 0
    assert [line.split()[:2] for line in out.splitlines()] == [[name, "down"] for name in ("kafka", "registry", "clickhouse", "run")]


def test_down_without_stack_is_no_fault(capsys, empty_home):
    assert call(capsys, "down")[0] == 0


def test_missing_topology_names_the_nearest(capsys, empty_home):
    status, _, err = call(capsys, "apply", str(ROOT / "topologies" / "demo.yml"))
    assert status == 1
    assert "no such file; nearest is" in err
    assert "demo.yaml" in err


def test_debug_shows_the_traceback(empty_home, monkeypatch):
    monkeypatch.setenv("MILLRACE_DEBUG", "1")
    with pytest.raises(Exception, match="no stack is up"):
        cli.main(["query", "select 1"])


def test_unknown_process_names_the_nearest(capsys, empty_home):
    status, _, err = call(capsys, "process", "trad", "--topology", DEMO)
    assert status == 1
    assert "no process 'trad'; nearest is 'trade'" in err


def test_demo_bad_speed_is_told(capsys, empty_home, monkeypatch):
    monkeypatch.setenv("MILLRACE_SPEED", "fast")
    status, _, err = call(capsys, "demo")
    assert status == 1
    assert err.startswith("millrace: MILLRACE_SPEED='fast'")


def test_demo_missing_recording_is_told_before_anything_starts(capsys, empty_home, monkeypatch):
    monkeypatch.setenv("MILLRACE_RECORDING", str(empty_home / "btc.gz"))
    status, _, err = call(capsys, "demo")
    assert status == 1
    assert "btc.gz: no such file" in err


def test_recording_check_json_has_exactly_the_keys(capsys, tmp_path):
    path = tmp_path / "short.gz"
    frames = write_synthetic(path, SyntheticMarket(seconds=2.0))
    status, out, _ = call(capsys, "recording", "check", str(path), "--json")
    found = json.loads(out)
    assert status == 0
    assert tuple(found) == JSON_KEYS
    assert found["lines"] == frames


def test_recording_check_missing_file_names_the_nearest(capsys, tmp_path):
    (tmp_path / "btcusdt_20240808.gz").touch()
    status, _, err = call(capsys, "recording", "check", str(tmp_path / "btcusdt_2024080.gz"))
    assert status == 1
    assert "nearest is" in err
