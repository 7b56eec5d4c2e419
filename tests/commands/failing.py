"""A strategy that fails at its hundredth book."""

from streams.agents.context import Context
from streams.strategies.base import Strategy
from streams.trading.book import Book


class Failing(Strategy):
    """Divides by what is left of a hundred."""

    seen: int = 0

    def on_book(self, ctx: Context, book: Book) -> None:
        self.seen += 1
        self.seen += 0 // (100 - self.seen)
