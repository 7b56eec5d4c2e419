"""Which tests a worker runs in one go, and which begin first: `make test` hands them to two workers.

Files that share a stack are one unit: a second worker would start another stack for them. These take minutes and begin first; single
files fill what is left, so that the workers end at nearly the same time. Code that is compiled for the first time is compiled by one
worker: the other one has tests meanwhile that do not wait for it.
"""

from functools import cache
from pathlib import Path
from typing import Any

from xdist.scheduler import LoadFileScheduling

__all__ = ["Units", "rank", "unit_of"]

ROOT = Path(__file__).resolve().parents[1]
APPLIED, SHARED = "tests/e2e", "tests of the shared stack"
NODE = "tests/agents/test_market.py"  # compiles the node of all agents for half a minute
WITHOUT_NODE = ("tests/kernel/", "tests/schema/", "tests/trading/", "tests/venues/", "tests/local/")
FIRST = (APPLIED, SHARED, NODE)


@cache
def unit_of(file: str) -> str:
    """The unit of a test file, which is given by its path from the checkout: one of FIRST, or the file itself."""
    text = (ROOT / file).read_text()
    if "mark.broker" not in text:
        return file
    if file.startswith(f"{APPLIED}/"):
        return APPLIED
    return file if "own_stack" in text or "own_broker" in text else SHARED


def rank(nodeid: str) -> int:
    """When a test's unit begins: those of FIRST, what needs no node, what would wait until it is compiled."""
    unit = unit_of(nodeid.partition("::")[0])
    if unit in FIRST:
        return FIRST.index(unit)
    return len(FIRST) + (not unit.startswith(WITHOUT_NODE))


class Units(LoadFileScheduling):
    """Hands out units in the order in which the tests were collected."""

    def __init__(self, config: Any, log: Any = None) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid.partition("::")[0])
