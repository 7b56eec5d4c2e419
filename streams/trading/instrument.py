"""What the node knows of an instrument: its grid, its money, its fees, and the marks of the moment.

| type    | bought quantity is worth       | settles in | money of a fill                                                          |
|---------|--------------------------------|------------|--------------------------------------------------------------------------|
| SPOT    | price x quantity               | quote      | exact; base and quote change hands                                       |
| LINEAR  | price x quantity x multiplier  | quote      | exact; cash changes by what is realized                                  |
| INVERSE | -(quantity x multiplier / price) | base     | to the nearest money unit, ties away from zero, once for the whole fill  |

`worth` is in *worth units*: tick-lots (of SPOT and LINEAR), money units (of INVERSE); `money` turns them into money. The worth of an
inverse contract is negative and rises with the price, so that one rule, sell above what was paid, holds for all three.
"""

from streams.kernel import I8, I32, Struct
from streams.slots import InstrumentSlot
from streams.trading.codes import INVERSE, SPOT
from streams.trading.contract import E9, funding_terms, inverse_unit, lot_money, unit_of
from streams.trading.fee import FeeSchedule
from streams.trading.wide import divide, share

__all__ = ["InstrumentSpec"]


class InstrumentSpec(Struct, align=64):
    """One instrument. All from its record in `instruments.v1`, except the marks.

    instrument         : dictionary number, -1 = no instrument in this slot
    instrument_type    : SPOT, LINEAR or INVERSE
    base_currency, quote_currency, settle_currency : numbers of currencies, -1 = unknown; fees and P&L are in settle_currency
    money_per_tick_lot : money units that one tick of one lot is worth, exactly; price x quantity x this < 2**62 (checked at the edge);
                         0 for INVERSE, whose worth is no whole number of these
    inverse_unit       : INVERSE: money units x ticks of one lot, its value is this / price; value < 2**61 (checked at the edge); else 0
    base_per_lot       : SPOT: money units of the base currency in one lot, exactly; else 0
    funding_factor, funding_divisor : see `funding`; 0 for SPOT
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
    inverse_unit: int
    base_per_lot: int
    funding_factor: int
    funding_divisor: int
    min_qty_lots: int
    max_qty_lots: int
    min_notional: int
    valid_from_ns: int
    mark2_ticks: int
    last_px_ticks: int
    fees: FeeSchedule
    instrument: I32 = -1
    base_currency: I32 = -1
    quote_currency: I32 = -1
    settle_currency: I32 = -1
    instrument_type: I8
    book_stale: I8 = 1
    valid: I8

    def load(self, slot: InstrumentSlot, base_scale: int) -> bool:
        """Take the rules of an instrument record; False (and nothing taken) where `contract.check_units` would refuse.

        base_scale: digits of the base currency's money unit; it counts for SPOT only.
        """
        tick, lot, multiplier, scale = slot.tick_e9, slot.lot_e9, slot.multiplier_e9, slot.money_scale
        inverse = slot.instrument_type == INVERSE
        unit = inverse_unit(tick, lot, multiplier, scale) if inverse else unit_of(tick, lot, multiplier, scale)
        base = lot_money(lot, multiplier, base_scale) if slot.instrument_type == SPOT else 0
        factor, divisor = funding_terms(slot.instrument_type, tick, lot, multiplier, scale, unit)
        if unit == 0 or (base == 0 and slot.instrument_type == SPOT) or (factor == 0 and slot.instrument_type != SPOT):
            return False
        self.instrument = slot.instrument
        self.base_currency = slot.base
        self.quote_currency = slot.quote
        self.settle_currency = slot.base if inverse else slot.quote
        self.instrument_type = slot.instrument_type
        self.tick_e9 = tick
        self.lot_e9 = lot
        self.multiplier_e9 = multiplier
        self.money_per_tick_lot = 0 if inverse else unit
        self.inverse_unit = unit if inverse else 0
        self.base_per_lot = base
        self.funding_factor = factor
        self.funding_divisor = divisor
        self.min_qty_lots = slot.min_qty_lots
        self.max_qty_lots = slot.max_qty_lots
        self.min_notional = slot.min_notional
        self.valid_from_ns = slot.valid_from_ns
        self.fees.maker_e9 = slot.maker_fee_e9
        self.fees.taker_e9 = slot.taker_fee_e9
        self.fees.rounding = slot.fee_rounding
        self.valid = 1
        return True

    def worth(self, px_ticks: int, qty_lots: int) -> int:
        """What a bought quantity is worth at a price, worth units. 0 < qty_lots < 2**40."""
        if self.inverse_unit == 0:
            return px_ticks * qty_lots
        return -self.inverse_value(2 * px_ticks, qty_lots)

    def worth2(self, qty_lots: int, px2_ticks: int) -> int:
        """Twice what a position is worth, worth units. qty_lots: signed; px2_ticks: twice the price, > 0 unless flat."""
        if self.inverse_unit == 0:
            return qty_lots * px2_ticks
        if qty_lots == 0:
            return 0
        value2 = 2 * self.inverse_value(px2_ticks, abs(qty_lots))
        return -value2 if qty_lots > 0 else value2

    def inverse_value(self, px2_ticks: int, qty_lots: int) -> int:
        """quantity / price of an inverse contract, money units, to the nearest, ties up. 0 < px2_ticks, qty_lots < 2**40; value < 2**61."""
        return (share(4 * self.inverse_unit, qty_lots, px2_ticks) + 1) >> 1

    def notional(self, px_ticks: int, qty_lots: int) -> int:
        """Price x quantity in money units, exact (an inverse contract: quantity / price, rounded). The product must be below 2**62."""
        if self.inverse_unit == 0:
            return px_ticks * qty_lots * self.money_per_tick_lot
        return self.inverse_value(2 * px_ticks, qty_lots)

    def fee(self, px_ticks: int, qty_lots: int, maker: int) -> int:
        """Fee of one execution in money units, rounded once."""
        return self.fees.fee(self.notional(px_ticks, qty_lots), maker)

    def money(self, worth: int) -> int:
        """Worth units in money units, exact."""
        return worth * self.money_per_tick_lot if self.inverse_unit == 0 else worth

    def value(self, qty_lots: int, mark_e9: int) -> int:
        """What a position in a contract is worth at the venue's mark price, money units, rounded once; ranges and rounding as `funding`."""
        value = self.funding(qty_lots, mark_e9, E9)  # a rate of 1
        return -value if self.inverse_unit == 0 else value

    def funding(self, qty_lots: int, mark_e9: int, rate_e9: int) -> int:
        """What a funding settlement brings a position, money units: minus its signed value at the mark x rate; 0 for SPOT.

        qty_lots: signed; 0 < mark_e9 < 2**61, it need not lie on a tick; |rate_e9| <= 10**9. Exact, then rounded once, to the nearest, ties
        away from zero: who is long pays a positive rate (Binance, "Introduction to Binance Futures Funding Rates": position value x rate).
        """
        if qty_lots == 0 or rate_e9 == 0 or self.funding_factor == 0:
            return 0
        divisor = self.funding_divisor
        if self.inverse_unit != 0:
            # lots x factor / mark x rate: value in quote money over the mark, both x 10**9
            divisor = mark_e9
            whole, rest = divide(abs(qty_lots), self.funding_factor, divisor)
        else:
            whole, rest = divide(abs(qty_lots) * self.funding_factor, mark_e9, divisor)
        more, rest = divide(rest, abs(rate_e9), divisor)
        money = whole * abs(rate_e9) + more
        if rest >= divisor - rest:
            money += 1
        return -money if (qty_lots > 0) == (rate_e9 > 0) else money
