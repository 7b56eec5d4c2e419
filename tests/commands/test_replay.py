"""`millrace replay` as a user meets it."""

import gzip
import json
import re
from pathlib import Path

import pytest

from streams.backtest.replays import newest, replays
from streams.cli import main
from streams.venues.binance.synthetic import Faults, SyntheticMarket, write_synthetic
from tests.topology.files import DEMO, changed

pytestmark = pytest.mark.usefixtures("own_home")

QUICK = ("--set", "maker.k=2.0", "--set", "maker.requote_ticks=1")


def ran(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ending:
        main(["replay", *arguments])
    return int(ending.value.code or 0)


def test_replay_says_in_a_line_what_came_of_it_and_keeps_the_records(recording, capsys):
    assert ran(str(DEMO), "--recording", recording, *QUICK) == 0
    told = capsys.readouterr().out
    assert len(told.splitlines()) == 1
    kept = newest()
    for part in ("events in", "events/s)", "orders", "fills", "P&L", "spread", f"run {kept.run_id}", f"manifest {kept.hash[:8]}"):
        assert part in told
    assert {"manifest.json", "orders.v1.parquet", "positions.v1.parquet"} <= {path.name for path in kept.folder.iterdir()}


def test_replay_json_is_one_object_and_equal_each_time(recording, capsys):
    found = []
    for _ in range(2):
        assert ran(str(DEMO), "--recording", recording, "--json", *QUICK) == 0
        found.append(json.loads(capsys.readouterr().out))
        del found[-1]["seconds"]
    assert found[0] == found[1]
    assert found[0]["records"]["orders.v1"] == found[0]["orders"] > 0
    assert len(replays()) == 1


def test_replay_takes_all_files_behind_recording_as_a_shell_gives_them(recording, tmp_path, capsys):
    lines = gzip.decompress(Path(recording).read_bytes()).splitlines(keepends=True)
    parts = [tmp_path / name for name in ("a.gz", "b.gz", "c.gz")]
    for n, part in enumerate(parts):
        part.write_bytes(gzip.compress(b"".join(lines[n * len(lines) // 3 : (n + 1) * len(lines) // 3])))
    digests = set()
    for files in ((recording,), map(str, parts)):
        assert ran(str(DEMO), "--json", *QUICK, "--recording", *files) == 0
        digests.add(json.loads(capsys.readouterr().out)["digest"])
    assert len(digests) == 1


@pytest.mark.slow
def test_replay_of_venues_without_a_recording_names_them(tmp_path, capsys):
    path, short = DEMO.with_name("strategies.yaml"), tmp_path / "short.gz"
    write_synthetic(short, SyntheticMarket(seed=3, seconds=1.0, events_per_s=60.0))
    assert ran(str(path), "--plain", "--results", "none", "--recording", f"binance={short}") == 0
    assert capsys.readouterr().err.count("has no recording: none of its instruments had a market") == 2


def test_replay_results_none_keeps_nothing(recording, capsys):
    assert ran(str(DEMO), "--recording", recording, "--results", "none") == 0
    assert replays() == []


def test_replay_report_is_a_page_and_json_with_the_same_profit(recording, tmp_path, capsys):
    out = tmp_path / "out" / "deeper"
    assert ran(str(DEMO), "--recording", recording, "--report", str(out), "--json", "--results", "none", *QUICK) == 0
    told, found = json.loads(capsys.readouterr().out), json.loads((out / "report.json").read_text())
    assert told["report"] == str(out / "index.html")
    assert (out / "index.html").read_text().startswith("<!")
    money = found["currencies"][0]
    assert money["profit"]["total"] == pytest.approx(float(told["profit"]["USDT"]["total"]))
    assert money["fills"] == told["fills"] > 0
    assert found["manifest"]["run_id"] == told["run_id"]


def test_replay_with_a_report_writes_the_same_bytes_as_without(recording, tmp_path, capsys):
    found = []
    for more in ((), ("--report", str(tmp_path / "out"))):
        assert ran(str(DEMO), "--recording", recording, "--json", *QUICK, *more) == 0
        found.append(json.loads(capsys.readouterr().out)["digest"])
    assert found[0] == found[1]


def test_replay_of_a_damaged_recording_counts_and_names_it(tmp_path, capsys):
    path = tmp_path / "damaged.gz"
    write_synthetic(path, SyntheticMarket(seed=1, seconds=5.0, events_per_s=60.0, faults=Faults(damage_s=2.0)))
    assert ran(str(DEMO), "--recording", str(path)) == 0
    assert "market data: 1 lines" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--recording", "nowhere.gz"), "nowhere.gz: no such file"),
        ((), "what is to be replayed? name --recording FILE, a range --from T --to T, or a live --run N"),
        (("--set", "strategy.gama=1"), "--set strategy.gama=1: no strategy has a parameter 'gama'; nearest is 'gamma'"),
        (("other.gz",), "other.gz: what is this? a recording is given as --recording other.gz"),
        (("--from", "noon"), "--from noon: is no time; write UTC as 2024-08-08T23:55"),
        (("--report", "/dev/null/out"), "--report /dev/null/out: cannot be made"),
        (("--results", "parket"), "--results parket: is not known; nearest is 'parquet'"),
    ],
)
def test_replay_mistake_costs_one_line(arguments, message, capsys):
    assert ran(str(DEMO), *arguments) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert message in told.err
    assert len(told.err.splitlines()) == 1


def test_replay_of_a_strategy_that_fails_says_so_and_ends_with_1(recording, tmp_path, capsys):
    path = changed(tmp_path, ("streams.strategies.avellaneda_stoikov:AvellanedaStoikov", "tests.commands.failing:Failing"))
    assert ran(str(path), "--recording", recording) == 1
    told = capsys.readouterr()
    assert "strategy maker was halted: 1 of its callbacks raised; --plain shows where" in told.err
    assert "orders" in told.out


def test_replay_of_a_strategy_that_fails_shows_where_if_plain(recording, tmp_path, capsys):
    path = changed(tmp_path, ("streams.strategies.avellaneda_stoikov:AvellanedaStoikov", "tests.commands.failing:Failing"))
    assert ran(str(path), "--recording", recording, "--to", "2024-01-01T00:00:10", "--plain") == 1
    line = next(line for line in capsys.readouterr().err.splitlines() if "was halted" in line)
    assert re.search(r"strategy maker was halted: 1 of its callbacks raised; .*failing\.py:15: ZeroDivisionError: ", line)
