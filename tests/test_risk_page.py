"""docs/risk.md tells the limits, rules and codes that the code has."""

import re
from pathlib import Path

import pytest

from streams.records import DenyCode, Rule
from streams.topology import derive
from streams.topology.limit_records import KEYS
from streams.topology.model import load
from streams.trading import guards, risk
from tests.topology.test_limits import BESIDE, EXAMPLES, written

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "risk.md").read_text()
UNITS = {
    "lots": "limit_qty_e9",
    "money": "limit_money",
    "count": "limit_count",
    "flag": "limit_count",
    "bps": "limit_bps",
    "interval": "interval_ns",
}


def rows(heading):
    """Cells of the table under a heading."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


LIMITS = {row[0].strip("`"): row for row in rows("Limits")}


def test_page_lists_every_key_with_its_rules():
    assert {key: row[1].split(", ") for key, row in LIMITS.items()} == {key: [rule.name for rule in rules] for key, rules in KEYS.items()}


@pytest.mark.parametrize("key", LIMITS)
def test_page_example_and_unit_of_a_key_are_what_its_records_hold(key, tmp_path):
    *_, unit, one_instrument, example = LIMITS[key]
    beside = BESIDE.get(key)
    limits = f"{key}: {example.strip('`')}" + (f", {beside}: {EXAMPLES[beside].text}" if beside else "")
    found = [one for one in derive.limits(load(written(tmp_path, limits))) if one.rule in KEYS[key]]
    fields = {name for one in found for name in set(UNITS.values()) if getattr(one, name) is not None}
    assert fields
    assert fields <= {UNITS[each] for each in unit.split(", ")}
    assert one_instrument in ("yes", "")
    assert one_instrument == "yes" or all(one.symbol is None for one in found)


def declared(docstring):
    """Rules in the order of a module's table."""
    names = [
        name for line in docstring.splitlines() if (found := re.match(r"\| ([A-Z_]+(?:, [A-Z_]+)*)", line)) for name in found[1].split(", ")
    ]
    return [name for name in names if name in Rule.__members__]


def test_page_order_of_checks_is_the_declared_one():
    section = PAGE.split("## The order of the checks")[1].split("What an approved order")[0]
    asked, tree = (re.findall(r"\b[A-Z]+(?:_[A-Z]+)*\b", step) for step in re.split(r"\n[23]\. ", section)[1:])
    assert [name for name in asked if name in Rule.__members__] == declared(guards.__doc__)
    assert [name for name in tree if name in Rule.__members__] == declared(risk.__doc__)


def test_page_tells_every_code():
    told = {row[0] for row in rows("Codes")}
    rules = {rule.name for rule in Rule}
    assert told | rules >= {code.name for code in DenyCode if code != DenyCode.OK}
    assert told <= {code.name for code in DenyCode} - rules


def test_page_tree_is_one_that_loads(tmp_path):
    tree = re.search(r"```yaml\n(firm:.*?)```", PAGE, re.DOTALL)
    assert tree
    path = written(tmp_path, "")
    text = path.read_text()
    path.write_text(text[: text.index("desks:")] + tree[1] + text[text.index("processes:") :])
    assert load(path).chain("account:maker-1") == ["account:maker-1", "trader:anna", "desk:crypto", "desk:markets", "firm"]
