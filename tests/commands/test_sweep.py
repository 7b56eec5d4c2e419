"""`millrace sweep` as a user meets it: one table, and nothing lost when it is stopped."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from streams.cli import main
from streams.commands import sweep, sweep_point
from streams.commands.replay import figures_of
from streams.commands.sweep_point import Point
from streams.commands.sweep_table import MOST_ROWS, csv_text, sorted_rows, table
from streams.topology.backtest import Asked, Backtest
from tests.topology.files import DEMO

pytestmark = pytest.mark.usefixtures("own_home")


def ran(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ending:
        main(["sweep", str(DEMO), *arguments])
    return int(ending.value.code or 0)


# ---- one point ----
def test_play_point_keeps_what_came_of_it_and_does_not_play_it_again(recording, monkeypatch):
    asked = Asked(str(DEMO), ("maker.k=2.0", "maker.requote_ticks=1"), (recording,))
    first = sweep_point.play_point(asked)
    played = Backtest(asked).play()
    assert first.digest == played.outcome.digest
    assert first.figures["pnl"] == pytest.approx(float(figures_of(played)["profit"]["USDT"]["total"]))
    assert first.figures["fills"] == played.fills > 0
    monkeypatch.setattr(Backtest, "play", None)
    assert sweep_point.play_point(asked) == first


def test_play_point_that_cannot_be_played_says_why(recording):
    found = sweep_point.play_point(Asked(str(DEMO), ("maker.gamma=high",), (recording,)))
    assert (found.settings, found.figures) == ({"maker.gamma": "high"}, {})
    assert "'high' is no number" in found.error


# ---- the table ----
def point(key: str, **figures: float | int | None) -> Point:
    return Point({"k": key}, figures, 1)


def test_table_is_sorted_by_the_figure_then_by_the_settings_failed_points_last():
    rows = [point("10", pnl=1.0), Point({"k": "3"}, error="no memory\nmore"), point("9", pnl=1.0), point("2", pnl=5.0)]
    lines = table(sorted_rows(rows, "pnl"), ["k"])
    assert [line.split()[0] for line in lines] == ["k", "2", "9", "10", "3"]
    assert lines[-1].endswith("failed: no memory")
    assert [row.settings["k"] for row in sorted_rows(rows, "k")] == ["2", "9", "10", "3"]


def test_table_says_whose_strategy_was_halted_behind_those_that_went_on():
    lines = table(sorted_rows([point("1", pnl=0.0, halted=1), point("2", pnl=-5.0, halted=0)], "pnl"), ["k"])
    assert [line.split()[0] for line in lines] == ["k", "2", "1"]
    assert [line.endswith("a strategy was halted: its code failed") for line in lines] == [False, False, True]


def test_sweep_whose_points_cannot_be_kept_says_so_before_it_plays(recording, tmp_path, monkeypatch, capsys):
    (tmp_path / "file").touch()
    monkeypatch.setenv("MILLRACE_HOME", str(tmp_path / "file"))
    assert ran("--recording", recording, "--set", "maker.k=1.0,2.0") == 1
    assert (
        capsys.readouterr()
        .err.splitlines()[-1]
        .endswith("file/sweeps: cannot be made (Not a directory); choose another state folder: MILLRACE_HOME=...")
    )


def test_table_of_many_points_shows_the_best_and_says_how_many_more():
    lines = table(sorted_rows([point(str(n), pnl=n) for n in range(MOST_ROWS + 7)], "pnl"), ["k"])
    assert (len(lines), lines[-1]) == (MOST_ROWS + 2, "and 7 more; --csv FILE has them all")


def test_csv_has_every_point_and_column():
    found = list(csv.DictReader(csv_text([point("2", pnl=5.5), Point({"k": "3"}, error="why")], ["k"]).splitlines()))
    assert [(row["k"], row["pnl"], row["sharpe"], row["error"]) for row in found] == [("2", "5.5", "", ""), ("3", "", "", "why")]


# ---- the whole ----
@pytest.mark.slow
def test_sweep_side_by_side_gives_what_single_backtests_give_and_goes_on_from_what_is_kept(recording, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MILLRACE_CACHE", os.environ.get("MILLRACE_CACHE") or str(Path.home() / ".cache" / "millrace"))
    grid = ("--recording", recording, "--set", "maker.gamma=0.01,0.03", "--set", "maker.k=2.0")
    out = tmp_path / "out.csv"
    assert ran(*grid, "--jobs", "2", "--csv", str(out), "--json") == 0
    found = {row["settings"]["maker.gamma"]: row for row in json.loads(capsys.readouterr().out)}
    assert next(iter(csv.DictReader(out.read_text().splitlines()))).keys() >= {"maker.gamma", "pnl", "run_id"}
    for value in ("0.01", "0.03"):
        backtest = Backtest(Asked(str(DEMO), (f"maker.gamma={value}", "maker.k=2.0"), (recording,)))
        assert found[value]["digest"] == backtest.play().outcome.digest
        assert found[value]["run_id"] == backtest.manifest.run_id
    kept = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "home" / "sweeps").iterdir()}
    assert ran(*grid[:2], "--set", "maker.gamma=0.01,0.02,0.03", *grid[4:], "--jobs", "2") == 0
    now = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "home" / "sweeps").iterdir()}
    assert len(now) == 3
    assert kept.items() <= now.items()


@pytest.mark.slow
def test_sweep_interrupted_keeps_finished_points_and_says_how_to_go_on(recording, tmp_path):
    command = [sys.executable, "-m", "streams.cli", "sweep", str(DEMO), "--recording", recording, "--set", "maker.gamma=0.01..0.09:500"]
    environment = os.environ | {"MILLRACE_HOME": str(tmp_path / "home"), "PYTHONPATH": os.pathsep.join(sys.path)}
    kept = tmp_path / "home" / "sweeps"
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as child:
        until_s = time.monotonic() + 60
        while time.monotonic() < until_s and child.poll() is None and not (kept.is_dir() and len(list(kept.glob("*.json"))) > 2):
            time.sleep(0.05)
        os.killpg(child.pid, signal.SIGINT)  # as a terminal does: to all of them
        out, err = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "of 500 points are finished and kept; the same command goes on with the others" in err
    assert "Traceback" not in err
    assert len(out.splitlines()) > 2
    assert not [path for path in kept.iterdir() if path.suffix != ".json"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--set", "maker.gamma=0.1..0.2"), "--set maker.gamma=0.1..0.2: how many values? write 0.1..0.2:10"),
        (("--set", "maker.gama=1,2"), "--set maker.gama=1: is no parameter of AvellanedaStoikov; nearest is 'gamma'"),
        (("--set", "maker.gamma=1,x"), "--set maker.gamma=x: 'x' is no number, as AvellanedaStoikov.gamma is"),
        (("--set", "maker.gamma=1,2", "--sort", "pln"), "--sort pln: is no column; nearest is 'pnl'"),
        (("--set", "maker.gamma=1", "--set", "maker.gamma=2"), "--set maker.gamma: is given twice"),
        (("--set", "maker.gamma=1,2"), "what is to be replayed? name --recording FILE"),
        (("--set", "maker.gamma=1,2", "--csv", "/nowhere/out.csv"), "--csv /nowhere/out.csv: cannot be written"),
    ],
)
def test_sweep_mistake_costs_one_line(arguments, message, monkeypatch, capsys):
    monkeypatch.setattr(sweep, "_played", None)
    assert ran(*arguments) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert message in told.err
    assert len(told.err.splitlines()) == 1
