"""Fields of topics that follow from others and therefore stay out of memory. Who writes them takes them from here."""

from streams.schema.units import E9

__all__ = ["avg_px", "imbalance", "mark2_ticks", "mark_px", "microprice"]


def imbalance(bid_qty: int, ask_qty: int) -> float:
    """(bid - ask) / (bid + ask), -1 to 1; 0 when both are 0. Both in lots or both x 10^9."""
    both = bid_qty + ask_qty
    return (bid_qty - ask_qty) / both if both else 0.0


def microprice(bid_px_e9: int, bid_qty: int, ask_px_e9: int, ask_qty: int) -> float:
    """Size-weighted mid in price units: each side's price weighted by the other side's size; the mid when both sizes are 0."""
    both = bid_qty + ask_qty
    if not both:
        return (bid_px_e9 + ask_px_e9) / (2 * E9)
    # one division of exact integers: the same bits on every machine
    return (bid_px_e9 * ask_qty + ask_px_e9 * bid_qty) / (both * E9)


def avg_px(cost: int, qty_e9: int, multiplier_e9: int, scale: int, inverse: int = 0) -> float | None:
    """Average price of a position in price units; None when flat. cost in money units of 10^-scale, of an inverse contract (inverse > 0)
    minus quantity x multiplier over the price."""
    if inverse:
        return qty_e9 * multiplier_e9 * 10**scale / (-cost * 10**18) if qty_e9 and cost else None
    return cost * 10**18 / (qty_e9 * multiplier_e9 * 10**scale) if qty_e9 else None


def mark_px(mark2_ticks: int, tick_e9: int) -> float:
    """The mark in price units from twice the mark in ticks."""
    return mark2_ticks * tick_e9 / (2 * E9)


def mark2_ticks(mark_px: float, tick_e9: int) -> int:
    """Twice the mark in ticks, to the nearest: a mark is a touch or a mid, so this undoes `mark_px`."""
    return round(mark_px * (2 * E9) / tick_e9)
