"""docs/signals.md names every signal there is, the file it is in and a paper of its list."""

import re
from pathlib import Path

import streams.trading.signals as package

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
