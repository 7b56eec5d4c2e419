"""A strategy that is told what the account books."""

from streams.agents.context import Context
from streams.slots import PositionSlot
from streams.strategies.base import Strategy

__all__ = ["Listening"]


class Listening(Strategy):
    """Counts what it hears."""

    heard: int

    def on_position(self, ctx: Context, position: PositionSlot) -> None:
        self.heard += 1
