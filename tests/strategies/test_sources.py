"""A change of any file that a strategy depends on means other machine code."""

import importlib
import sys
from pathlib import Path

import pytest

from streams.errors import CompileError
from streams.strategies.base import Strategy
from streams.strategies.scalper import Scalper
from streams.strategies.sources import strategy_sources
from streams.strategies.testing import Desk

STRATEGY = """\
from streams.agents.context import Context
from streams.strategies.base import Strategy
from streams.trading.book import Book
from sized.sizes import lots


class Sized(Strategy):
    def on_book(self, ctx: Context, book: Book) -> None:
        ctx.buy(book.instrument, book.bid(), lots())
"""


def forget() -> None:
    for name in [name for name in sys.modules if name.split(".")[0] in ("sized", "sized_strategy")]:
        del sys.modules[name]
    importlib.invalidate_caches()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A strategy whose order size stands in a helper's helper."""
    (tmp_path / "sized").mkdir()
    (tmp_path / "sized" / "__init__.py").write_text("")
    (tmp_path / "sized" / "sizes.py").write_text("from . import figures\n\n\ndef lots() -> int:\n    return figures.LOTS\n")
    (tmp_path / "sized" / "figures.py").write_text("LOTS = 2\n")
    (tmp_path / "sized_strategy.py").write_text(STRATEGY)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # Python itself does not see a change of one second and equal length
    yield tmp_path
    forget()


def test_sources_are_the_module_its_bases_and_their_helpers(folder):
    cls = importlib.import_module("sized_strategy").Sized
    names = [path.name for path in strategy_sources(cls) if folder in path.parents]
    assert sorted(names) == ["__init__.py", "figures.py", "sized_strategy.py", "sizes.py"]


def test_sources_of_a_shipped_strategy_hold_its_helper_and_the_base():
    names = {path.name for path in strategy_sources(Scalper)}
    assert {"scalper.py", "taking.py", "base.py"} <= names
    assert all(Path(__file__).resolve().parents[2] / "streams" / "strategies" in path.parents for path in strategy_sources(Scalper))


@pytest.mark.slow
def test_changed_helper_is_compiled_again(folder):
    for lots in (4, 7):
        (folder / "sized" / "figures.py").write_text(f"LOTS = {lots}\n")
        forget()
        desk = Desk(importlib.import_module("sized_strategy").Sized, compiled=True)
        desk.book(100, 101)
        assert [o.qty for o in desk.orders] == [lots]


def test_class_without_a_file_is_refused_compiled(monkeypatch):
    made = type("Prompted", (Strategy,), {"__module__": "__main__"})
    monkeypatch.delattr(sys.modules["__main__"], "__file__", raising=False)  # a worker of the tests has none
    with pytest.raises(CompileError, match="Prompted: has no source file; put it into one, or run it plain"):
        strategy_sources(made)
