"""docs/signals.md names every signal there is, the file it is in and a paper of its list; its example runs, plain and compiled."""

import re
import sys
from pathlib import Path

import pytest

import streams.trading.signals as package
from streams.records import Side, Signal
from tests.agents.desk import T0, Desk, book

PAGE = Path(package.__file__).parents[3] / "docs" / "signals.md"
TABLE = [line.split(" | ") for line in PAGE.read_text().splitlines() if re.search(r"\w+\.py \|", line)]
HELPERS = {"window.py", "bar_clock.py"}


def test_page_names_each_signal_with_its_file():
    told = {tuple(re.match(r"`(\w+)` (\w+\.py)", row[1]).groups()) for row in TABLE}
    found = set()
    for path in Path(package.__file__).parent.glob("*.py"):
        if path.name not in HELPERS:
            found |= {(name, path.name) for name in re.findall(r"^class (\w+)\(Struct", path.read_text(), re.M) if name != "Cluster"}
    assert found <= told
    assert len(found) == 13


def test_page_gives_each_signal_a_paper_of_its_list():
    papers = {(m[1], m[2]) for m in re.finditer(r"^- ([\w\-ö ]+?),.*?\((\d{4})\)", PAGE.read_text(), re.M)}
    for row in TABLE:
        author = re.match(r"(?:the usual comparison of )?([\w\-ö]+(?: de Prado)?).*?(\d{4})", row[3])
        assert author, row
        assert any(author[1] == name and author[2] == year for name, year in papers), row


def test_each_signal_s_docstring_names_the_year_of_its_paper():
    for row in TABLE:
        name, file = re.match(r"`(\w+)` (\w+\.py)", row[1]).groups()
        if name != "weighted_mid_ticks":
            source = (Path(package.__file__).parent / file).read_text()
            docstring = source[source.index(f"class {name}(") :].split('"""')[1]
            assert re.search(r"\d{4}", row[3])[0] in docstring, name


@pytest.mark.slow
def test_example_of_the_page_tells_the_flow_plain_and_compiled(tmp_path, monkeypatch):
    source = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.S)[1]
    (tmp_path / "flow_view_of_the_page.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    told = []
    for compiled in (False, True):
        desk, records = Desk("strategy", cls="flow_view_of_the_page:FlowView", compiled=compiled), []
        for n in range(30):  # each bid joins the queue; the ask stays
            records += desk.give(book(n + 1, "60000.0", "60000.1", T0 + n * 50_000_000, snapshot=n == 0, qty=str(1 + n % 2)))
        for n in range(30, 60):
            bid, ask = f"{60000 + n // 10}.0", f"{60000 + n // 10}.1"
            records += desk.give(book(n + 1, bid, ask, T0 + n * 50_000_000, snapshot=True, qty="1"))
        told.append([r for r in records if isinstance(r, Signal)])
    assert told[0] == told[1]
    assert {r.side for r in told[0]} == {Side.BUY}
    assert all(0.0 < r.strength <= 1.0 for r in told[0])
    sys.modules.pop("flow_view_of_the_page")
