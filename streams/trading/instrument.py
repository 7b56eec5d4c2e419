"""What the node knows of an instrument: its grid, its money, its fees, and the marks of the moment."""

from streams.errors import UnitError
from streams.kernel import I8, I32, Struct
from streams.slots import InstrumentSlot
from streams.trading.codes import INVERSE
from streams.trading.fee import FeeSchedule

__all__ = ["InstrumentSpec", "money_per_tick_lot", "unit_of"]

_MAX = 1 << 62


class InstrumentSpec(Struct, align=64):
    """One instrument. All from its record in `instruments.v1`, except the marks.

    instrument         : dictionary number, -1 = no instrument in this slot
    instrument_type    : SPOT or LINEAR
    quote_currency     : number of the currency of price, fees and P&L, -1 = unknown
    money_per_tick_lot : money units that one tick of one lot is worth, exactly; price x quantity x this < 2**62 (checked at the edge)
    min_qty_lots, max_qty_lots, min_notional : the venue's filters; 0 = none; min_notional in money units
    mark2_ticks        : twice the mid, 0 = none
    last_px_ticks      : price of the last trade, 0 = none
    book_stale         : 1 while the book is not synchronised
    valid              : 1 once its record has been seen
    """

    tick_e9: int
    lot_e9: int
    multiplier_e9: int
    money_per_tick_lot: int
    min_qty_lots: int
    max_qty_lots: int
    min_notional: int
    valid_from_ns: int
    mark2_ticks: int
    last_px_ticks: int
    fees: FeeSchedule
    instrument: I32 = -1
    quote_currency: I32 = -1
    instrument_type: I8
    book_stale: I8 = 1
    valid: I8

    def load(self, slot: InstrumentSlot) -> bool:
        """Take the rules of an instrument record; False (and nothing taken) where `money_per_tick_lot` would refuse."""
        unit = unit_of(slot.tick_e9, slot.lot_e9, slot.multiplier_e9, slot.money_scale)
        if unit == 0 or slot.instrument_type == INVERSE:
            return False
        self.instrument = slot.instrument
        self.quote_currency = slot.quote
        self.instrument_type = slot.instrument_type
        self.tick_e9 = slot.tick_e9
        self.lot_e9 = slot.lot_e9
        self.multiplier_e9 = slot.multiplier_e9
        self.money_per_tick_lot = unit
        self.min_qty_lots = slot.min_qty_lots
        self.max_qty_lots = slot.max_qty_lots
        self.min_notional = slot.min_notional
        self.valid_from_ns = slot.valid_from_ns
        self.fees.maker_e9 = slot.maker_fee_e9
        self.fees.taker_e9 = slot.taker_fee_e9
        self.fees.rounding = slot.fee_rounding
        self.valid = 1
        return True

    def notional(self, px_ticks: int, qty_lots: int) -> int:
        """Price x quantity in money units, exact. The product must be below 2**62."""
        return px_ticks * qty_lots * self.money_per_tick_lot

    def fee(self, px_ticks: int, qty_lots: int, maker: int) -> int:
        """Fee of one execution in money units, rounded once."""
        return self.fees.fee(self.notional(px_ticks, qty_lots), maker)

    def money(self, tick_lots: int) -> int:
        """Tick-lots in money units, exact."""
        return tick_lots * self.money_per_tick_lot


def unit_of(tick_e9: int, lot_e9: int, multiplier_e9: int, money_scale: int) -> int:
    """tick x lot x multiplier in money units, 0 if that is no whole number from 1 to 2**62. As `money_per_tick_lot`, in 64 bits."""
    if tick_e9 <= 0 or lot_e9 <= 0 or multiplier_e9 <= 0 or money_scale < 0 or money_scale > 9:
        return 0
    twos = 27 - money_scale
    fives = twos
    unit = 1
    for i in range(3):
        x = tick_e9 if i == 0 else lot_e9 if i == 1 else multiplier_e9
        while twos > 0 and x % 2 == 0:
            x //= 2
            twos -= 1
        while fives > 0 and x % 5 == 0:
            x //= 5
            fives -= 1
        if x > _MAX // unit:
            return 0
        unit *= x
    return unit if twos == 0 and fives == 0 else 0


def money_per_tick_lot(tick_e9: int, lot_e9: int, multiplier_e9: int, money_scale: int, instrument_type: int = 1) -> int:
    """Money units (of 10**-money_scale) that one tick of one lot is worth. UnitError if that is no whole number above 0.

    >>> money_per_tick_lot(100_000_000, 1_000_000, 1_000_000_000, 8)   # 0.1 x 0.001 x 1 = 10**-4
    10000
    """
    if instrument_type == INVERSE:
        raise UnitError("instrument_type INVERSE: profit is not linear in the price; allowed are SPOT and LINEAR")
    for name, value in (("tick_e9", tick_e9), ("lot_e9", lot_e9), ("multiplier_e9", multiplier_e9)):
        if value <= 0:
            raise UnitError(f"{name} is {value}; it must be above 0")
    if not 0 <= money_scale <= 9:
        raise UnitError(f"money_scale is {money_scale}; allowed are 0 to 9 decimal places")
    product = tick_e9 * lot_e9 * multiplier_e9
    unit = 10 ** (27 - money_scale)
    if product % unit:
        raise UnitError(
            f"one tick of one lot is {product}e-27, which is no whole number of money units of 1e-{money_scale}: "
            "raise money_scale, or choose a larger tick or lot"
        )
    return product // unit
