"""Which fields an order of each type must have, may have and must not have, and how long it may stand: one table.

| type                     | must have         | may have                                          | time in force            |
|--------------------------|-------------------|---------------------------------------------------|--------------------------|
| MARKET                   |                   | min_qty                                           | GTC, IOC, FOK, DAY       |
| LIMIT                    | px                | min_qty, max_floor, post_only                     | all five                 |
| STOP                     | stop_px           | min_qty                                           | all five                 |
| STOP_LIMIT               | px, stop_px       | min_qty, max_floor                                | all five                 |
| ICEBERG                  | px, display       | min_qty, max_floor, post_only                     | GTC, DAY, GTD            |
| TWAP                     | end               | px, start, min_qty, max_floor                     | GTC, DAY, GTD            |
| VWAP                     | end               | px, start, participation, min_qty, max_floor      | GTC, DAY, GTD            |
| IMPLEMENTATION_SHORTFALL |                   | px, start, end, participation, min_qty, max_floor | GTC, DAY, GTD            |
| PEGGED                   |                   | px (the worst price), peg_offset, min_qty, max_floor, post_only | GTC, DAY, GTD |

The px of a PEGGED order is the worst price that it may have. GTD needs expire_ts_ns, which no other time in force has. IOC and FOK show
nothing: no max_floor, no post_only. TWAP, VWAP and IMPLEMENTATION_SHORTFALL are parents that an algorithm works with children: their
terms are checked, then they are UNSUPPORTED here.
"""

from streams.kernel import NULL
from streams.slots import DecisionSlot, OrderSlot, RequestSlot
from streams.trading.codes import DAY, FOK, GTD, IMPLEMENTATION_SHORTFALL, IOC, LIMIT, MARKET, PEGGED, STOP, TWAP
from streams.trading.order import Order
from streams.trading.risk_rules import DENY_BAD_FIELD, DENY_UNSUPPORTED, MAX_PX_TICKS, MAX_QTY_LOTS, OK

__all__ = [
    "check_terms",
    "copy_algorithm_terms",
    "copy_terms",
    "ends_ns",
    "given",
    "is_algorithm",
    "is_plain",
    "risk_px_ticks",
    "shown_limit_lots",
]

_PX, _STOP_PX, _DISPLAY, _MIN_QTY, _MAX_FLOOR, _POST_ONLY, _PEG, _SHARE, _START, _END, _EXPIRE = (1 << i for i in range(11))
_ALGORITHM = _PX | _START | _END | _MIN_QTY | _MAX_FLOOR

# by OrdType
_MUST = (0, _PX, _STOP_PX, _PX | _STOP_PX, _PX | _DISPLAY, _END, _END, 0, 0)
_MAY = (
    _MIN_QTY,
    _PX | _MIN_QTY | _MAX_FLOOR | _POST_ONLY,
    _STOP_PX | _MIN_QTY,
    _PX | _STOP_PX | _MIN_QTY | _MAX_FLOOR,
    _PX | _DISPLAY | _MIN_QTY | _MAX_FLOOR | _POST_ONLY,
    _ALGORITHM,
    _ALGORITHM | _SHARE,
    _ALGORITHM | _SHARE,
    _PX | _PEG | _MIN_QTY | _MAX_FLOOR | _POST_ONLY,
)
_STANDS = (0b01111, 0b11111, 0b11111, 0b11111, 0b11001, 0b11001, 0b11001, 0b11001, 0b11001)  # bit TimeInForce

_E9 = 1_000_000_000
_BUT_SIGN = (1 << 63) - 1  # NULL is the sign bit alone
_DAY_NS = 86_400_000_000_000


def check_terms(e: "OrderSlot | Order", now_ns: int) -> int:
    """DenyCode of an order's own terms: OK, BAD_FIELD, or UNSUPPORTED for the types that an algorithm must work.

    Prices and quantities that an order has not are 0 or NULL. Ranges: 0 < price < 2**38 ticks, |peg_offset| < 2**38 ticks,
    0 < quantity < 2**31 lots, display, min and max_floor at most the quantity, min no more than what shows, 0 < participation <= 10^9,
    start < end, end and expire after now. A REPLACE repeats all terms of its order with another price or quantity.
    """
    if not (0 <= e.side <= 1 and MARKET <= e.ord_type <= PEGGED and 0 <= e.time_in_force <= GTD):
        return DENY_BAD_FIELD
    if e.ord_type == LIMIT and is_plain(e):  # most orders: a price, a quantity, and the one flag
        bad = e.time_in_force == GTD or (e.post_only != 0 and (e.time_in_force == IOC or e.time_in_force == FOK))
        return OK if 0 < e.px_ticks < MAX_PX_TICKS and 0 < e.qty_lots < MAX_QTY_LOTS and not bad else DENY_BAD_FIELD
    fields = _given_fields(e)
    may = _MAY[e.ord_type]
    if e.time_in_force == GTD:
        may |= _EXPIRE
        if fields & _EXPIRE == 0:
            return DENY_BAD_FIELD
    elif e.time_in_force == IOC or e.time_in_force == FOK:
        may &= ~(_MAX_FLOOR | _POST_ONLY)
    must = _MUST[e.ord_type]
    if fields & ~may != 0 or fields & must != must or (_STANDS[e.ord_type] >> e.time_in_force) & 1 == 0:
        return DENY_BAD_FIELD
    if not (_quantities_fit(e) and _prices_fit(e) and _times_fit(e, now_ns)):
        return DENY_BAD_FIELD
    return DENY_UNSUPPORTED if is_algorithm(e.ord_type) else OK


def copy_terms(to: "Order | OrderSlot | DecisionSlot | RequestSlot", of: "Order | OrderSlot | DecisionSlot | RequestSlot") -> None:
    """Give `to` the type, time in force and optional fields of another; not its side, price and quantity."""
    to.ord_type = of.ord_type
    to.time_in_force = of.time_in_force
    to.post_only = of.post_only
    to.reduce_only = of.reduce_only
    to.stop_px_ticks = of.stop_px_ticks
    to.expire_ts_ns = of.expire_ts_ns
    to.display_qty_lots = of.display_qty_lots
    to.min_qty_lots = of.min_qty_lots
    to.max_floor_qty_lots = of.max_floor_qty_lots
    to.peg_offset_ticks = of.peg_offset_ticks


def copy_algorithm_terms(to: "Order | OrderSlot | DecisionSlot", of: "Order | OrderSlot | DecisionSlot") -> None:
    """Give `to` the parent, participation, start and end of another."""
    to.parent_id = of.parent_id
    to.participation_e9 = of.participation_e9
    to.start_ts_ns = of.start_ts_ns
    to.end_ts_ns = of.end_ts_ns


def is_plain(e: "OrderSlot | Order") -> bool:
    """An order has no field but price, quantity and flags: all the others are 0 or NULL."""
    sizes = e.stop_px_ticks | e.display_qty_lots | e.min_qty_lots | e.max_floor_qty_lots | e.peg_offset_ticks
    return (sizes | e.participation_e9 | e.start_ts_ns | e.end_ts_ns | e.expire_ts_ns) & _BUT_SIGN == 0


def given(value: int) -> bool:
    """An order has this field: it is neither 0 nor NULL."""
    return value != 0 and value != NULL


def is_algorithm(ord_type: int) -> bool:
    """TWAP, VWAP, IMPLEMENTATION_SHORTFALL: worked with child orders."""
    return TWAP <= ord_type <= IMPLEMENTATION_SHORTFALL


def shown_limit_lots(e: "OrderSlot | Order") -> int:
    """The most of an order that may show at any time: the smaller of display and max_floor; 2**31 when it has neither."""
    lots = e.display_qty_lots if given(e.display_qty_lots) else MAX_QTY_LOTS
    return min(lots, e.max_floor_qty_lots) if given(e.max_floor_qty_lots) else lots


def risk_px_ticks(e: "OrderSlot | Order") -> int:
    """The price that an order counts at: its limit, the trigger of a STOP; NULL where only the book can say (MARKET, PEGGED)."""
    px = e.stop_px_ticks if e.ord_type == STOP else e.px_ticks
    return px if given(px) else NULL


def ends_ns(time_in_force: int, expire_ts_ns: int, now_ns: int) -> int:
    """When an order that arrives now ends by itself: GTD at its instant, DAY at the next midnight UTC; 0 = never."""
    if time_in_force == GTD:
        return max(0, expire_ts_ns)
    return (now_ns // _DAY_NS + 1) * _DAY_NS if time_in_force == DAY else 0


def _given_fields(e: "OrderSlot | Order") -> int:
    """The fields an order has, as bits."""
    fields = _PX if given(e.px_ticks) else 0
    fields |= _STOP_PX if given(e.stop_px_ticks) else 0
    fields |= _DISPLAY if given(e.display_qty_lots) else 0
    fields |= _MIN_QTY if given(e.min_qty_lots) else 0
    fields |= _MAX_FLOOR if given(e.max_floor_qty_lots) else 0
    fields |= _POST_ONLY if e.post_only != 0 else 0
    fields |= _PEG if given(e.peg_offset_ticks) else 0
    fields |= _SHARE if given(e.participation_e9) else 0
    fields |= _START if given(e.start_ts_ns) else 0
    fields |= _END if given(e.end_ts_ns) else 0
    return fields | (_EXPIRE if given(e.expire_ts_ns) else 0)


def _quantities_fit(e: "OrderSlot | Order") -> bool:
    if not 0 < e.qty_lots < MAX_QTY_LOTS:
        return False
    for lots in (e.display_qty_lots, e.min_qty_lots, e.max_floor_qty_lots):
        if given(lots) and not 0 < lots <= e.qty_lots:
            return False
    return not given(e.min_qty_lots) or e.min_qty_lots <= shown_limit_lots(e)


def _prices_fit(e: "OrderSlot | Order") -> bool:
    for px_ticks in (e.px_ticks, e.stop_px_ticks):
        if given(px_ticks) and not 0 < px_ticks < MAX_PX_TICKS:
            return False
    if given(e.peg_offset_ticks) and not -MAX_PX_TICKS < e.peg_offset_ticks < MAX_PX_TICKS:
        return False
    return not given(e.participation_e9) or 0 < e.participation_e9 <= _E9


def _times_fit(e: "OrderSlot | Order", now_ns: int) -> bool:
    for last_ns in (e.end_ts_ns, e.expire_ts_ns):
        if given(last_ns) and last_ns <= now_ns:
            return False
    if not given(e.start_ts_ns):
        return True
    return e.start_ts_ns > 0 and (not given(e.end_ts_ns) or e.start_ts_ns < e.end_ts_ns)
