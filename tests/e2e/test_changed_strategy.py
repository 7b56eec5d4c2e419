"""A changed line of a strategy is found by `verify` as a named first difference."""

import re
from pathlib import Path

import pytest

from tests.e2e.conftest import Finished
from tests.e2e.run_kit import CHECKOUT, DEMO, Desk

pytestmark = [pytest.mark.broker, pytest.mark.slow]

STRATEGY = CHECKOUT / "streams" / "strategies" / "avellaneda_stoikov.py"
CHANGED = "streams.strategies.avellaneda_stoikov:", "changed_maker:"


def changed_desk(finished: Finished, folder: Path, old: str, new: str) -> Desk:
    """The finished run's desk with a strategy of one changed line."""
    source = STRATEGY.read_text()
    assert source.count(old) == 1
    (folder / "changed_maker.py").write_text(source.replace(old, new))
    topology = folder / "changed.yaml"
    topology.write_text(DEMO.read_text().replace(*CHANGED))
    return Desk(finished.desk.where, folder, topology)


def test_verify_of_a_changed_line_names_the_first_difference(finished: Finished, tmp_path: Path) -> None:
    desk = changed_desk(finished, tmp_path, "requote_ticks: int = 3", "requote_ticks: int = 2")
    ended = desk.millrace("verify", str(desk.topology), "--run", str(finished.run))
    assert ended.returncode == 1, ended.stdout + ended.stderr
    lines = {line.split("/")[0]: line for line in ended.stdout.splitlines()}
    assert ": equal: " in lines["market"]
    assert ": equal: " in lines["books"]
    found = re.search(r"trade/0 run \d+: differs: trade/0 batch \d+: (\S+\.v1) (\d+:\d+): (.*)", lines["trade"])
    assert found, lines["trade"]
    assert found[1] == "orders.v1"
    assert "recorded" in found[3]
    assert "now" in found[3]
