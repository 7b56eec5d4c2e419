"""docs/positions.md against the code: fields, sizes, files, and its query on real tables."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from streams.agents.account import MARK_INTERVAL_NS
from streams.agents.spec import DEFAULT_SIZES
from streams.records import Position

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "positions.md").read_text()


def test_page_fields_are_those_of_a_position():
    rows = [line.split("|")[1] for line in PAGE.split("| Field | Meaning |")[1].split("\n\n")[0].splitlines() if line.startswith("| ")]
    named = {name.strip() for row in rows for name in row.split(",")} - {"---"}
    fields = {name.removesuffix("_e9") for name in Position._fields}
    assert named <= fields
    heads = {"id", "cause_id", "run_id", "ts_ns", "recv_ts_ns", "account", "strategy", "venue", "symbol"}
    assert fields - named == heads | {"bought_qty", "sold_qty", "fill_count"}


def test_page_figures_are_those_of_the_code():
    assert f"`sizes.lots` ({DEFAULT_SIZES['lots']})" in PAGE
    assert f"every {MARK_INTERVAL_NS // 1_000_000} ms at most" in PAGE


def test_page_files_are_there():
    for name in re.findall(r"`(streams/[a-z_/]+\.py)`", PAGE):
        assert (ROOT / name).exists(), name


@pytest.mark.slow
def test_page_query_gives_the_profit_of_each_strategy(tmp_path):
    command = [sys.executable, "-m", "tests.agents.positions_sql", str(tmp_path / "db")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["query"] == pytest.approx(found["records"])
    assert all(found["records"].values())
