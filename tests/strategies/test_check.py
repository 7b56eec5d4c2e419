"""What a strategy's file may hold: a fault is told at load with file, line, reason and remedy."""

import importlib
import sys
from pathlib import Path

import pytest

from streams.agents.build import load_strategy
from streams.errors import CompileError, MillraceError, TopologyError
from streams.strategies.base import compiled_callbacks
from streams.topology.classes import faults_of_strategy

HEAD = """\
from typing import ClassVar

from streams.agents.context import Context
from streams.strategies.base import Strategy
from streams.trading.book import Book


class Mine(Strategy):
"""
LINE = HEAD.count("\n") + 1


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Writes the body of a class; the module's name."""
    monkeypatch.syspath_prepend(str(tmp_path))
    number = iter(range(100))

    def write(body: str) -> str:
        name = f"mine_{tmp_path.name}_{next(number)}".replace("-", "_")
        (tmp_path / f"{name}.py").write_text(HEAD + "".join(f"    {line}\n" for line in body.splitlines()))
        return name

    yield write
    for name in [name for name in sys.modules if name.startswith(f"mine_{tmp_path.name}".replace("-", "_"))]:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("body", "line", "told"),
    [
        ("def on_boook(self, ctx, book):\n    pass", 0, "on_boook is no callback; nearest is on_book"),
        ("def on_dividend(self, ctx):\n    pass", 0, "on_dividend is no callback; callbacks are on_start, on_book,"),
        ("x: int\n\ndef on_book(self, book):\n    pass", 2, "on_book takes (self, book); write def on_book(self, ctx, book)"),
        ("def on_start(self, ctx, now):\n    pass", 0, "on_start takes (self, ctx, now); write def on_start(self, ctx)"),
        ("metrics = ['a']", -1, "metrics is ['a']; write a tuple of names"),
        ("metrics = ('A b',)", -1, "metric 'A b' is malformed"),
        ("metrics = ('a', 'a')", -1, "at most 16 are possible, each once"),
        ("metrics = tuple(f'm{i}' for i in range(17))", -1, "metrics has 17 names; at most 16"),
        ("compiled = 1", -1, "compiled is 1; it is True or False"),
        (
            "x: int\ndef on_model(self, path):\n    pass",
            1,
            "on_model is never called on compiled code, which reads no file; say compiled = False",
        ),
    ],
)
def test_faulty_class_is_refused_at_load_with_file_line_and_remedy(written, body, line, told):
    module = written(body)
    with pytest.raises(TopologyError) as caught:
        load_strategy(f"{module}:Mine")
    path = importlib.import_module(module).__file__
    assert str(caught.value).startswith(f"{path}:{LINE + line}: ")
    assert told in str(caught.value)
    ((keys, message),) = faults_of_strategy(f"{module}:Mine", {})
    assert keys == ("class",)
    assert told in message


def test_field_that_cannot_be_state_is_told_with_its_line(written):
    module = written("x: int\nbooks: dict[str, int]")
    ((_, message),) = faults_of_strategy(f"{module}:Mine", {})
    assert f"{module}.py:{LINE - 1}: KernelError: " in message
    assert "dict[str, int] cannot be a field; use int, float" in message


BODIES = [
    ("def on_book(self, ctx: Context, book: Book) -> None:\n    seen = {}\n    seen[1] = 2", 1, "'dict' cannot be used in compiled code"),
    ("x: float\ndef on_book(self, ctx: Context, book: Book) -> None:\n    self.x = book.bid() ** 2", 2, "literal power"),
    (
        "x: float\ndef on_book(self, ctx: Context, book: Book) -> None:\n    self.x = sorted([2, 1])[0]",
        2,
        "sorted does not compile; keep a Table in order, or set compiled = False",
    ),
    ("def on_book(self, ctx: Context, book: Book) -> None:\n    ctx.bye(book.instrument, 1, 2)", 1, "bye"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("body", "line", "told"), BODIES, ids=["dict", "power", "list", "name"])
def test_what_cannot_be_compiled_is_refused_with_file_line_and_remedy(written, body, line, told):
    module = written(body)
    path = Path(importlib.import_module(module).__file__ or "")
    with pytest.raises(CompileError) as caught:
        compiled_callbacks(load_strategy(f"{module}:Mine"), [path])
    text = str(caught.value)
    assert f"{path.name}:{LINE + line}: " in text, text
    assert told in text
    assert ";" in text  # cause; remedy
    assert isinstance(caught.value, MillraceError)
