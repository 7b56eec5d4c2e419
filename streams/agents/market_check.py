"""What makes a frame of ours unusable, said in words: the instrument is not known, or a price or size is beyond what memory holds."""

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from streams.errors import FrameError, UnitError
from streams.records import Instrument, InstrumentType
from streams.schema import units
from streams.schema.units import from_e9
from streams.venues.binance import messages

__all__ = ["Grid", "check", "grid_of", "known"]


class Grid(NamedTuple):
    """Steps of an instrument, and how large price x quantity may become: ticks x lots, or by the worth of a lot of an inverse contract."""

    venue: str
    symbol: str
    tick_e9: int
    lot_e9: int
    tick_lots: int
    inverse_unit: int


class _HasPlace(Protocol):
    @property
    def venue(self) -> str: ...
    @property
    def symbol(self) -> str: ...


def grid_of(i: Instrument) -> Grid:
    """The grid of an instrument. UnitError if its money cannot be counted."""
    terms = i.tick_e9, i.lot_e9, i.multiplier_e9, i.money_scale
    inverse = i.instrument_type == InstrumentType.INVERSE
    bound, unit = (0, units.inverse_unit(*terms)) if inverse else (units.max_tick_lots(*terms), 0)
    return Grid(i.venue, i.symbol, i.tick_e9, i.lot_e9, bound, unit)


def known(venue: str, symbol: str, instruments: Iterable[_HasPlace]) -> tuple[str, str]:
    """(venue, symbol) of the instrument that a frame is for; a snapshot without a symbol is for the venue's only one. FrameError."""
    of_venue = [each.symbol for each in instruments if each.venue == venue]
    if symbol in of_venue:
        return venue, symbol
    names = ", ".join(of_venue) or f"none of {venue}"
    if symbol:
        raise FrameError(f"symbol {symbol!r} of {venue} is not in the topology, which has {names}; add it to `instruments`")
    if len(of_venue) != 1:
        raise FrameError(f"snapshot names no symbol, and the topology has {names}: it can be anyone's")
    return venue, of_venue[0]


def check(grid: Grid, message: messages.Message) -> None:
    """FrameError if a price or a size in the message is not on the grid, or beyond what memory holds."""
    where = f"{grid.venue}:{grid.symbol}"
    for px_e9, qty_e9 in _levels(message):
        if px_e9 % grid.tick_e9:
            raise FrameError(f"{where}: price {from_e9(px_e9)} is no multiple of the tick {from_e9(grid.tick_e9)}")
        if qty_e9 % grid.lot_e9:
            raise FrameError(f"{where}: quantity {from_e9(qty_e9)} is no multiple of the lot {from_e9(grid.lot_e9)}")
        try:
            ticks, lots = units.to_ticks(px_e9, grid.tick_e9), units.to_lots(qty_e9, grid.lot_e9, units.MAX_BOOK_QTY_LOTS)
        except UnitError as error:
            raise FrameError(f"{where}: {error}") from None
        if (lots * grid.inverse_unit >= units.MAX_INVERSE * ticks) if grid.inverse_unit else ticks * lots > grid.tick_lots:
            worth = "over" if grid.inverse_unit else "x"
            raise FrameError(f"{where}: quantity {from_e9(qty_e9)} {worth} price {from_e9(px_e9)} is more money than can be counted")


def _levels(message: messages.Message) -> tuple[messages.Level, ...]:
    if isinstance(message, messages.DepthDiff | messages.Snapshot):
        return message.bids + message.asks
    if isinstance(message, messages.BookTicker):
        return (message.bid_px_e9, message.bid_qty_e9), (message.ask_px_e9, message.ask_qty_e9)
    return ((message.px_e9, message.qty_e9),) if isinstance(message, messages.Trade) else ()
