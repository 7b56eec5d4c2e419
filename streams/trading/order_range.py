"""What an order record cannot say: prices, quantities and notionals beyond its numbers. A strategy may ask for them all the same.

On topics a price or quantity is an int64 x 10^9 and an edge refuses 2**38 ticks, 2**31 lots and a notional of 2**62 money units. An order
that goes beyond is emptied: what does not fit is left out and its quantity is 0, so that its record can be written, and risk denies it.
"""

from streams.kernel import NULL
from streams.slots import OrderSlot
from streams.trading.instrument import InstrumentSpec
from streams.trading.order_terms import is_plain
from streams.trading.risk_rules import MAX_PX_TICKS, MAX_QTY_LOTS, UNIT_COUNT, UNIT_LOTS, UNIT_NONE

__all__ = ["beyond", "empty"]

_MAX_INT64 = (1 << 63) - 1
_MAX_MONEY = (1 << 62) - 1


def beyond(e: OrderSlot, spec: InstrumentSpec) -> tuple[int, int, int]:
    """(largest allowed, asked, unit) of the first field that its record cannot hold; unit UNIT_NONE where all can.

    Prices in ticks (UNIT_COUNT), quantities in lots (UNIT_LOTS); a notional as the lots that its price allows. The instrument is valid.
    """
    if _surely_fits(e, spec):
        return 0, 0, UNIT_NONE
    px_bound = min(MAX_PX_TICKS - 1, _MAX_INT64 // spec.tick_e9)
    for ticks in (e.px_ticks, e.stop_px_ticks, e.peg_offset_ticks):
        if ticks != NULL and not -px_bound <= ticks <= px_bound:
            return px_bound, ticks, UNIT_COUNT
    lots_bound = min(MAX_QTY_LOTS - 1, _MAX_INT64 // spec.lot_e9)
    if e.qty_lots == NULL:  # the one that a record cannot be without
        return lots_bound, e.qty_lots, UNIT_LOTS
    for lots in (e.qty_lots, e.display_qty_lots, e.min_qty_lots, e.max_floor_qty_lots):
        if lots != NULL and not -lots_bound <= lots <= lots_bound:
            return lots_bound, lots, UNIT_LOTS
    if e.px_ticks > 0 and spec.money_per_tick_lot > 0:
        lots_bound = _MAX_MONEY // spec.money_per_tick_lot // e.px_ticks
        if e.qty_lots > lots_bound:
            return lots_bound, e.qty_lots, UNIT_LOTS
    return 0, 0, UNIT_NONE


def _surely_fits(e: OrderSlot, spec: InstrumentSpec) -> bool:
    """A plain order well within every bound, found without a division; False says nothing."""
    if not (is_plain(e) and 0 < e.qty_lots < MAX_QTY_LOTS and (e.px_ticks == NULL or 0 <= e.px_ticks < MAX_PX_TICKS)):
        return False
    # floats are off by parts of 10**15, and these bounds lie 2 in 100 under those of the record
    px_ticks = 0.0 if e.px_ticks == NULL else float(e.px_ticks)
    lots = float(e.qty_lots)
    if px_ticks * float(spec.tick_e9) >= 9.0e18 or lots * float(spec.lot_e9) >= 9.0e18:
        return False
    return px_ticks * lots * float(spec.money_per_tick_lot) < 4.5e18


def empty(e: OrderSlot) -> None:
    """Leave out the prices and quantities of an order."""
    e.qty_lots = 0
    e.px_ticks = NULL
    e.stop_px_ticks = NULL
    e.peg_offset_ticks = NULL
    e.display_qty_lots = NULL
    e.min_qty_lots = NULL
    e.max_floor_qty_lots = NULL
