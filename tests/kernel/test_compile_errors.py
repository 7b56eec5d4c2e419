"""What a user reads when a strategy does not compile: the line, the cause, the remedy."""

import inspect
import os

import pytest

from streams.errors import CompileError
from streams.kernel import at, native
from tests.kernel import mistakes

PLAIN = ", or set compiled = False (Kafka lane and replay only)"


def entry(cls):
    def on_book(state: int, i: int) -> int:
        at(cls, state).on_book(i)
        return 0

    return on_book


def told(cls, capsys):
    with pytest.raises(CompileError) as e:
        native.load(cls.__name__, lambda: {"on_book": (entry(cls), 2)}, [mistakes.__file__])
    assert capsys.readouterr().err == f"kernel           compiling {cls.__name__} (once)\n"
    return str(e.value)


def place(cls):
    """`path:line` of the line marked in a class."""
    lines, first = inspect.getsourcelines(cls)
    line = next(first + i for i, text in enumerate(lines) if "# here" in text)
    return f"{os.path.relpath(mistakes.__file__)}:{line}"


@pytest.mark.parametrize("cls", mistakes.EXPECTED, ids=lambda c: c.__name__)
def test_compile_unsupported_construct_tells_line_cause_and_remedy(cls, capsys):
    assert told(cls, capsys) == f"{place(cls)}: {mistakes.EXPECTED[cls]}{PLAIN}"


@pytest.mark.parametrize("cls", mistakes.WRONG_ANYWAY, ids=lambda c: c.__name__)
def test_compile_plain_mistake_tells_line_and_remedy(cls, capsys):
    assert told(cls, capsys) == f"{place(cls)}: {mistakes.WRONG_ANYWAY[cls]}"
