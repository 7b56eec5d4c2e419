"""The examples in docstrings run."""

import doctest
from types import ModuleType

import pytest

from streams.schema import ids, units


@pytest.mark.parametrize("module", [ids, units], ids=lambda m: m.__name__)
def test_docstring_examples_give_what_they_say(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
