"""How the scripts of pyruhvro time a call."""

from collections.abc import Callable
from time import process_time_ns
from typing import Any

__all__ = ["best_ns"]

RUNS = 9


def best_ns(run: Callable[[], Any]) -> int:
    """CPU ns of a call, the best of several runs."""
    spent = []
    for _ in range(RUNS):
        began = process_time_ns()
        run()
        spent.append(process_time_ns() - began)
    return min(spent)
