"""Profit: what a backtest earned, from the last position of each strategy, account and instrument. A sink that keeps nothing else.

profit = Profit(process.instruments)
Results(process.edge, run_id, [profit, ...])
profit.totals()["USDT"].total
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from streams.backtest.arrow import arrays_of
from streams.backtest.results import Batch
from streams.records import Instrument, InstrumentType, Position
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
        table = batch.table(_SCHEMA)
        names = [table.column(name).combine_chunks() for name in _KEY]
        places = np.stack([name.indices.to_numpy() if isinstance(name, pa.DictionaryArray) else _codes(name) for name in names])
        _, newest = np.unique(places[:, ::-1], axis=1, return_index=True)
        last = arrays_of(_SCHEMA, [table.take(pa.array(table.num_rows - 1 - newest))])
        for row in range(len(newest)):
            key = tuple(str(last[name][row]) for name in _KEY)
            self._last[key] = {name: int(last[name][row]) for name in _MONEY}

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


def _codes(texts: pa.Array) -> np.ndarray:
    return texts.dictionary_encode().indices.to_numpy()
