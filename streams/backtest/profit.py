"""Profit: what a backtest earned, from the last position of each strategy, account and instrument. A sink that keeps nothing else.

profit = Profit(process.instruments)
Results(process.edge, run_id, [profit, ...])
profit.totals()["USDT"].total
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from streams.backtest.results import Batch
from streams.records import Instrument, InstrumentType, Position
from streams.schema.bulk import Columns
from streams.schema.model import SCHEMAS

__all__ = ["Profit", "Total"]

_SCHEMA = SCHEMAS[Position.__name__]
_KEY = ("account", "strategy", "venue", "symbol")
_MONEY = ("realized_pnl", "unrealized_pnl", "spread_pnl", "inventory_pnl", "fees", "funding")


class Total(NamedTuple):
    """Profit in one currency and where it comes from, with signs: fees paid are negative, rebates positive.

    total : realized and unrealized, after fees and funding
    """

    total: Decimal = Decimal(0)
    spread: Decimal = Decimal(0)
    inventory: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)
    funding: Decimal = Decimal(0)


class Profit:
    """The last position of each strategy, account and instrument.

    instruments : as they are known to the process, which tell the currency of each position
    """

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        self._currencies = {(i.venue, i.symbol): i.base if i.instrument_type == InstrumentType.INVERSE else i.quote for i in instruments}
        self._last: dict[tuple[str, ...], dict[str, int]] = {}

    def take(self, batch: Batch) -> None:
        """Keep the last rows."""
        if _SCHEMA not in batch.held:
            return
        found = batch.columns(_SCHEMA)
        keys = np.stack([found.columns[name].values for name in _KEY])
        _, newest = np.unique(keys[:, ::-1], axis=1, return_index=True)
        for row in (found.rows - 1 - newest).tolist():
            key = tuple(_text(found, name, row) for name in _KEY)
            self._last[key] = {name: _money(found.columns[name].values[row].tolist()) for name in _MONEY}

    def close(self, whole: bool) -> None:
        """The end; what was kept stays."""

    def totals(self) -> dict[str, Total]:
        """By currency, in the order of their names."""
        found: dict[str, Total] = {}
        for (_, _, venue, symbol), p in self._last.items():
            currency = self._currencies[venue, symbol]
            total = p["realized_pnl"] + p["unrealized_pnl"] - p["fees"] + p["funding"]
            parts = (total, p["spread_pnl"], p["inventory_pnl"], -p["fees"], p["funding"])
            before = found.get(currency, Total())
            found[currency] = Total(*(was + Decimal(part).scaleb(-9) for was, part in zip(before, parts, strict=True)))
        return dict(sorted(found.items()))


def _text(found: Columns, name: str, row: int) -> str:
    """The name that a row has."""
    column = found.columns[name]
    assert column.names is not None
    start, size = column.names[column.values[row]].tolist()
    return found.buffer[start : start + size].tobytes().decode()


def _money(words: list[int]) -> int:
    """Money x 10^9 of its low and high word."""
    return (words[1] << 64) + words[0] % (1 << 64)
