"""A strategy that machine code could not run: a dictionary, text, a model from a file."""

import json
from pathlib import Path
from typing import Any, ClassVar

from streams.agents.context import Context
from streams.strategies.base import Strategy
from streams.trading.book import Book
from streams.trading.codes import BUY, SELL

__all__ = ["Modelled"]


class Modelled(Strategy):
    """Buys or sells one lot by a linear model of the imbalance."""

    compiled: ClassVar[bool] = False
    metrics: ClassVar[tuple[str, ...]] = ("profit",)
    books: int
    score: float
    _weights: ClassVar[dict[str, Any]] = {}

    def on_model(self, path: str) -> None:
        self._weights = json.loads(Path(path).read_text())

    def on_book(self, ctx: Context, book: Book) -> None:
        features = {"bias": 1.0, "imbalance": (book.bid_qty() - book.ask_qty()) / 1000}
        self.books += 1
        self.score = sum(self._weights[name] * value for name, value in features.items())
        ctx.metric(0, self.score)
        if ctx.open_orders() == 0:
            ctx.place(book.instrument, BUY if self.score > 0 else SELL, book.bid() if self.score > 0 else book.ask(), 1)
