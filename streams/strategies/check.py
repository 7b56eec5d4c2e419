"""What is wrong with a strategy's class before anything of it runs, with file, line and remedy."""

import difflib
import inspect
import re
from collections.abc import Iterator
from typing import Any

from streams.agents.window import MAX_METRICS
from streams.strategies.base import CALLBACKS, Strategy

__all__ = ["faults_of"]

_METRIC = re.compile(r"[a-z][a-z0-9_]*")


def faults_of(cls: type) -> Iterator[str]:
    """`path:line: what; remedy` for each fault of the class; nothing when all is well. What compiling refuses is told by compiling."""
    if not issubclass(cls, Strategy):
        yield f"{_place(cls)}: {cls.__name__} is no Strategy; derive it from streams.strategies.base.Strategy"
        return
    yield from _callbacks(cls)
    yield from _metrics(cls)
    if not isinstance(cls.compiled, bool):
        yield f"{_place(cls)}: compiled is {cls.compiled!r}; it is True or False"
    if cls.compiled and cls.on_model is not Strategy.on_model:
        yield f"{_place(cls.on_model)}: on_model is never called on compiled code, which reads no file; say compiled = False"


def _callbacks(cls: type[Strategy]) -> Iterator[str]:
    for name in dir(cls):
        if not name.startswith("on_") or name == "on_model" or not callable(getattr(cls, name)):
            continue
        method: Any = getattr(cls, name)
        if name not in CALLBACKS:
            near = difflib.get_close_matches(name, CALLBACKS, 1)
            known = f"nearest is {near[0]}" if near else f"callbacks are {', '.join(CALLBACKS)}"
            yield f"{_place(method)}: {name} is no callback; {known}"
            continue
        wanted = ["self", "ctx"] if CALLBACKS[name] is None else ["self", "ctx", _ARGUMENTS[name]]
        if not _takes(method, len(wanted)):
            yield f"{_place(method)}: {name} takes {inspect.signature(method)}; write def {name}({', '.join(wanted)})"


def _takes(method: Any, count: int) -> bool:
    try:
        inspect.signature(method).bind(*range(count))
    except TypeError:
        return False
    return True


def _metrics(cls: type[Strategy]) -> Iterator[str]:
    names = cls.metrics
    if not isinstance(names, tuple) or not all(isinstance(name, str) for name in names):
        yield f'{_place(cls)}: metrics is {names!r}; write a tuple of names, such as ("inventory",)'
        return
    if len(names) > MAX_METRICS or len(set(names)) < len(names):
        yield f"{_place(cls)}: metrics has {len(names)} names; at most {MAX_METRICS} are possible, each once"
    for name in names:
        if not _METRIC.fullmatch(name):
            yield f"{_place(cls)}: metric {name!r} is malformed; use small letters, digits and _, such as 'inventory_risk'"


_ARGUMENTS = {
    "on_book": "book",
    "on_quote": "quote",
    "on_trade": "trade",
    "on_signal": "signal",
    "on_fill": "fill",
    "on_order": "report",
    "on_position": "position",
    "on_timer": "timer",
}


def _place(thing: Any) -> str:
    """`path:line` of a class or function, or its name where it has no source."""
    try:
        _, line = inspect.getsourcelines(thing)
        return f"{inspect.getsourcefile(thing)}:{line}"
    except (OSError, TypeError):
        return getattr(thing, "__qualname__", repr(thing))
