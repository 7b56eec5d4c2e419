"""What the report knows of an instrument: its currencies, what a quantity of it is worth, how exact its numbers are."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from streams.errors import SchemaError
from streams.records import Instrument, InstrumentType

__all__ = ["Market", "Markets"]

E9 = 1e9


class Market(NamedTuple):
    """An instrument. `name` is "venue:symbol"; currency is that of its P&L; tick and lot are the steps of price and quantity."""

    name: str
    base: str
    quote: str
    currency: str
    multiplier: float
    inverse: bool
    tick: float
    lot: float

    def notional(self, px: np.ndarray, qty: np.ndarray) -> np.ndarray:
        """What these quantities at these prices are worth, in `currency`."""
        return qty * self.multiplier / px if self.inverse else px * qty * self.multiplier

    def hold(self, mid: np.ndarray) -> np.ndarray:
        """Profit, as a share of what was paid, of buying at mid[0] and holding."""
        return 1 - mid[0] / mid if self.inverse else mid / mid[0] - 1


class Markets(dict[str, Market]):
    """Markets by name."""

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        super().__init__((market.name, market) for market in map(_market, instruments))

    def __missing__(self, name: str) -> Market:
        raise SchemaError(f"report: instrument {name!r} is not among those given: {', '.join(self) or 'none'}")


def _market(one: Instrument) -> Market:
    inverse = one.instrument_type == InstrumentType.INVERSE
    name, currency = f"{one.venue}:{one.symbol}", one.base if inverse else one.quote
    return Market(name, one.base, one.quote, currency, one.multiplier_e9 / E9, inverse, one.tick_e9 / E9, one.lot_e9 / E9)
