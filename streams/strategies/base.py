"""Strategy: the base of user strategies, typed parameters and state with callbacks.

    on_start(ctx)               once, before the first other callback, when there is market data
    on_book(ctx, book)          a book of its instruments changed       on_quote(ctx, quote)        best bid and ask
    on_trade(ctx, trade)        a trade printed                         on_signal(ctx, signal)      another strategy's signal
    on_fill(ctx, fill)          an own execution                        on_order(ctx, report)       an own order changed state
    on_position(ctx, position)  the account booked a fill or a mark     on_timer(ctx, timer)        the timer of that number is due
    on_param(ctx)               a parameter was set while it runs       on_stop(ctx)                before it is paused or stopped

The class runs plain (debugger, pytest) and compiled, with equal results. `ctx` is `streams.agents.context.Context`; see docs/strategies.md.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from streams.agents.context import Context
from streams.kernel import Struct, at, handle_of, native
from streams.kernel.fault import guard
from streams.slots import FillSlot, PositionSlot, QuoteSlot, ReportSlot, SignalSlot, TradeSlot
from streams.trading.book import Book

__all__ = ["CALLBACKS", "Strategy", "compiled_callbacks", "plain_callbacks"]

CALLBACKS = {
    "on_start": None,
    "on_book": Book,
    "on_quote": QuoteSlot,
    "on_trade": TradeSlot,
    "on_signal": SignalSlot,
    "on_fill": FillSlot,
    "on_order": ReportSlot,
    "on_position": PositionSlot,
    "on_timer": int,
    "on_param": None,
    "on_stop": None,
}
"""Callback name -> class of its argument; None = the context alone."""


class Strategy(Struct):
    """Base of user strategies; see the module.

    metrics  : names of the numbers that it reports by `ctx.metric(place in this tuple, value)`, at most 16
    compiled : False for a class that needs more of Python than machine code has: it runs in a process of its own, uncompiled

    A class with compiled = False may also keep attributes that begin with `_`, such as a model. They are no state: snapshots do not hold
    them, and `on_model` makes them again.
    """

    metrics: ClassVar[tuple[str, ...]] = ()
    compiled: ClassVar[bool] = True
    _may_be_empty_: ClassVar[bool] = True

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_") and not type(self).compiled:
            vars(self)[name] = value
        else:
            super().__setattr__(name, value)

    def on_model(self, path: str) -> None:
        """Read the model file, whose hash is the one in params.v1. Called before any other callback, and when the file is changed."""


def _entry(cls: type, name: str, argument: Any) -> Callable[[int, int, int], int]:
    """int64(state, context, argument) around one callback."""
    if argument is None:
        source = f"def entry(s, c, x):\n    at(cls, s).{name}(at(Context, c))\n    return 0\n"
    elif argument is int:
        source = f"def entry(s, c, x):\n    at(cls, s).{name}(at(Context, c), x)\n    return 0\n"
    else:
        source = f"def entry(s, c, x):\n    at(cls, s).{name}(at(Context, c), at(argument, x))\n    return 0\n"
    scope: dict[str, Any] = {"at": at, "cls": cls, "Context": Context, "argument": argument}
    exec(compile(source, f"<{name} of {cls.__name__}>", "exec"), scope)
    return scope["entry"]


def _entries(cls: type) -> dict[str, tuple[Callable[..., int], int]]:
    return {name: (_entry(cls, name, argument), 3) for name, argument in CALLBACKS.items() if hasattr(cls, name)}


def plain_callbacks(cls: type, guarded: bool = True, note: Callable[[str], object] | None = None) -> dict[str, int]:
    """Handles of the uncompiled callbacks.

    guarded : a raised error halts the strategy, as in compiled code, and `note` is told of it in a line; else it is raised
    """
    return {name: handle_of(guard(fn, note) if guarded else fn) for name, (fn, _) in _entries(cls).items()}


def compiled_callbacks(cls: type, sources: list[Path]) -> dict[str, int]:
    """Addresses of the machine code of the callbacks, from disk where nothing they depend on has changed.

    Raises CompileError with the user's file and line.
    """
    loaded = native.load(f"{cls.__module__}.{cls.__name__}", lambda: _entries(cls), sources)
    return {name: getattr(loaded, name) for name in CALLBACKS if hasattr(cls, name)}
