"""Records of market data, as their slots lie in memory, given to a simulated venue. Who calls it has told the venue the time."""

from streams.kernel import at
from streams.slots import FLAG_SNAPSHOT, KIND_LEVEL, KIND_TRADE, LevelSlot, Slot, TradeSlot
from streams.trading.venue import SimVenue

__all__ = ["LEVEL_BYTES", "take_market"]

LEVEL_BYTES: int = LevelSlot._size_


def take_market(v: SimVenue, start: int, size: int) -> None:
    """One record at an address, of so many bytes. Its `instrument` is the venue's row; kinds that are no market data do nothing."""
    head = at(Slot, start)
    if head.kind == KIND_LEVEL:
        take_update(v, head.instrument, start, size // LEVEL_BYTES)
    elif head.kind == KIND_TRADE:
        trade = at(TradeSlot, start)
        if trade.px_ticks > 0 and trade.qty_lots > 0:
            v.on_trade(head.instrument, trade.side, trade.px_ticks, trade.qty_lots)


def take_update(v: SimVenue, row: int, start: int, n: int) -> None:
    """One update of a book: all its levels, then what follows from them."""
    snapshot = 1 if at(LevelSlot, start).flags & FLAG_SNAPSHOT != 0 else 0
    if snapshot != 0:
        v.on_snapshot(row)
    for i in range(n):
        level = at(LevelSlot, start + i * LEVEL_BYTES)
        if level.qty_lots >= 0:  # -1: the update has no level
            v.on_level(row, level.side, level.px_ticks, level.qty_lots)
    v.on_update_end(row, snapshot)
