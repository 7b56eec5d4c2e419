"""What an order's type means for its risk: the prices it is measured against, its reach, where it may rest, how far it may be cut."""

from streams.kernel import NULL
from streams.slots import OrderSlot
from streams.trading.book import Book
from streams.trading.codes import BUY, FOK, ICEBERG, IOC, LIMIT, MARKET, STOP, STOP_LIMIT
from streams.trading.instrument import InstrumentSpec
from streams.trading.order import Order
from streams.trading.order_terms import given
from streams.trading.risk_rules import MAX_PX_TICKS

__all__ = ["may_rest", "min_lots", "reach_px_ticks", "touch_px_ticks"]


def touch_px_ticks(e: OrderSlot, book: Book, side: int) -> int:
    """Best price of a side that the order is measured against: the book's, or for a stop its trigger, where it will be then."""
    if e.ord_type == STOP or e.ord_type == STOP_LIMIT:
        return e.stop_px_ticks
    return book.bid() if side == BUY else book.ask()


def reach_px_ticks(e: OrderSlot, book: Book) -> int:
    """Price up to which (down to, for a sell) an order may trade at once; 0 = it takes no liquidity."""
    if e.ord_type == MARKET:
        lots, _, px_ticks = book.sweep(e.side, e.qty_lots)
        if lots < e.qty_lots:  # what the visible book does not hold may trade at any price
            px_ticks = MAX_PX_TICKS if e.side == BUY else 1
        return px_ticks
    if e.post_only != 0 or not (e.ord_type == LIMIT or e.ord_type == ICEBERG):
        return 0
    return e.px_ticks


def may_rest(o: Order) -> bool:
    """The order stands in the venue's book at its limit price as long as it works."""
    if o.time_in_force == IOC or o.time_in_force == FOK:
        return False
    return o.ord_type == LIMIT or o.ord_type == ICEBERG or (o.ord_type == STOP_LIMIT and o.triggered != 0)


def min_lots(e: OrderSlot, spec: InstrumentSpec) -> int:
    """Fewest lots the order may be cut to: what it asks to fill at once, to show, and what the venue takes; all of a FOK."""
    if e.time_in_force == FOK:
        return e.qty_lots
    lots = max(1, spec.min_qty_lots)
    for wanted in (e.min_qty_lots, e.display_qty_lots, e.max_floor_qty_lots):
        if given(wanted):
            lots = max(lots, wanted)
    px_ticks = e.px_ticks if e.px_ticks != NULL else spec.mark2_ticks // 2
    if spec.min_notional > 0 and px_ticks > 0 and spec.money_per_tick_lot > 0:
        lots = max(lots, -(-spec.min_notional // (px_ticks * spec.money_per_tick_lot)))
    return min(lots, e.qty_lots)
