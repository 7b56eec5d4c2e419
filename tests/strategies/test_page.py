"""docs/strategies.md: its examples run, and it names every callback and every call there is."""

import importlib
import re
import sys
from pathlib import Path

import pytest

from streams.agents.context import Context
from streams.agents.model_file import hash_of
from streams.strategies.base import CALLBACKS
from streams.strategies.testing import Desk

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "strategies.md").read_text()
EXAMPLES = dict(re.findall(r"```python\n# (\S+)\n(.*?)```", PAGE, re.DOTALL))
INNER = {"matching", "speak", "pack", "unpack", "nbytes"}
"""Methods of the context that are no call of a strategy's."""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The page's examples as files that can be imported."""
    for name, text in EXAMPLES.items():
        (tmp_path / Path(name).name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in EXAMPLES:
        sys.modules.pop(Path(name).stem, None)


def test_page_tests_of_the_example_pass(folder):
    tests = importlib.import_module("test_fader")
    found = [name for name in dir(tests) if name.startswith("test_")]
    assert len(found) == 2
    for name in found:
        getattr(tests, name)()


@pytest.mark.slow
def test_page_example_compiled_does_the_same(folder):
    desks = [Desk(importlib.import_module("fader").Fader, compiled=c) for c in (False, True)]
    for desk in desks:
        desk.levels(bids=[(100, 90)], asks=[(102, 10)])
        desk.fill(desk.open[0], qty=2)
        desk.wait(2.0)
    assert desks[0].records == desks[1].records
    assert desks[0].bytes() == desks[1].bytes()


def test_page_plain_example_trades_by_its_model(folder):
    model = folder / "classifier.json"
    model.write_text('{"bias": 0.0, "imbalance": 1.0}')
    desk = Desk(importlib.import_module("model").Model, model=str(model))
    desk.model(hash_of(model))
    desk.levels(bids=[(100, 90)], asks=[(102, 10)])
    assert [(o.px, o.qty) for o in desk.open] == [(100, 1)]
    assert desk.state == {"score": 0.8}


def test_page_names_every_callback_and_every_call():
    calls = {name for base in Context.__mro__ for name, value in vars(base).items() if callable(value) and not name.startswith("_")}
    missing = [name for name in sorted((calls - INNER) | set(CALLBACKS)) if f"`{name}(" not in PAGE and f"`{name}`" not in PAGE]
    assert not missing
