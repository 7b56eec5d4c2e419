"""A strategy whose callbacks a test gives: it runs plain only."""

from collections.abc import Callable
from typing import Any, ClassVar

from streams.strategies.base import CALLBACKS, Strategy

__all__ = ["Probe"]


class Probe(Strategy):
    """Calls what stands in `does` under the callback's name, and notes (callback, argument)."""

    metrics: ClassVar[tuple[str, ...]] = ("inventory", "profit")
    does: ClassVar[dict[str, Callable[..., Any]]] = {}
    seen: ClassVar[list[tuple[str, Any]]] = []
    size: int

    @classmethod
    def fresh(cls, **does: Callable[..., Any]) -> None:
        """Forget what was seen; from here on do this."""
        cls.does, cls.seen = does, []

    @classmethod
    def names(cls) -> list[str]:
        """The callbacks in the order in which they came."""
        return [name for name, _ in cls.seen]


def _callback(name: str) -> Callable[..., None]:
    def call(self: Probe, ctx: Any, *argument: Any) -> None:
        Probe.seen.append((name, argument[0] if argument else None))
        if name in Probe.does:
            Probe.does[name](ctx, *argument)

    return call


for _name in CALLBACKS:
    setattr(Probe, _name, _callback(_name))
