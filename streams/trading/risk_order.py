"""The order under check: what it would add to the sums, and the answer."""

from streams.kernel import NULL, Struct
from streams.trading.codes import BUY
from streams.trading.risk_instrument import RiskInstrument
from streams.trading.risk_rules import MAX_PX_TICKS, MAX_QTY_LOTS, OK, UNIT_MONEY, UNIT_NONE

__all__ = ["RiskOrder"]


class RiskOrder(Struct, align=64):
    """What one NEW or REPLACE asks for, and what the first scope that objects answers.

    px_ticks     : price it counts at: its limit, or the opposite touch of a market order
    touch_ticks  : the opposite touch, NULL = none
    limit        : 1 = it has a limit price
    collared     : 1 = COLLAR has to look at it: its limit lies beyond the touch, or there is no touch
    beyond_e4    : 10,000 x ticks that a limit price lies beyond the touch; beyond_bps the same in basis points of the touch
    notional     : px x qty, money
    add_lots, add_x2, add_orders : what it needs beyond what it has reserved already (add_x2: half money units), never negative
    reducing     : 1 = with every working order of its side it still only reduces the account's position
    opens        : 1 = it adds something and is not reducing: the rules of exposure and loss are asked
    reserve_px_ticks, reserve_lots       : what it must hold until the venue has answered
    code, limit_value, used_value, value_unit : the answer
    """

    instrument: int
    side: int
    qty_lots: int
    px_ticks: int
    touch_ticks: int
    limit: int
    collared: int
    beyond_e4: int
    beyond_bps: float
    notional: int
    add_lots: int
    add_x2: int
    add_orders: int
    reducing: int
    opens: int
    reserve_px_ticks: int
    reserve_lots: int
    now_ns: int
    code: int
    limit_value: int
    used_value: int
    value_unit: int

    def ask(self, instrument: int, side: int, qty_lots: int, px_ticks: int, bid_ticks: int, ask_ticks: int, now_ns: int) -> int:
        """Take the order's fields; 0 where it has no price to count at (a market order without an opposite touch)."""
        touch = ask_ticks if side == BUY else bid_ticks
        self.instrument = instrument
        self.side = side
        self.qty_lots = qty_lots
        self.touch_ticks = touch if 0 < touch < MAX_PX_TICKS else NULL
        self.limit = 0 if px_ticks == NULL else 1
        self.px_ticks = self.touch_ticks if px_ticks == NULL else px_ticks
        self.now_ns = now_ns
        return 0 if self.px_ticks == NULL else 1

    def weigh(self, instrument: RiskInstrument, leaves_lots: int, reserved_px_ticks: int, reserved_lots: int) -> int:
        """Work out what the order adds to what it has reserved (reserved_lots 0 = a NEW); 0 where a field is out of its range."""
        if not (0 <= self.side <= 1 and 0 < self.qty_lots < MAX_QTY_LOTS and 0 < self.px_ticks < MAX_PX_TICKS):
            return 0
        if not 0 < leaves_lots <= self.qty_lots:
            return 0
        self.reserve_px_ticks = max(self.px_ticks, reserved_px_ticks)
        self.reserve_lots = max(leaves_lots, reserved_lots)
        self.notional = instrument.notional(self.px_ticks, self.qty_lots)
        worst = instrument.notional(self.reserve_px_ticks, self.reserve_lots)
        if self.notional < 0 or worst < 0:
            return 0
        self.add_lots = self.reserve_lots - reserved_lots
        self.add_x2 = 2 * worst
        self.add_orders = 1
        if reserved_lots > 0:
            self.add_x2 = 2 * (worst - instrument.notional(reserved_px_ticks, reserved_lots))
            self.add_orders = 0
        self.measure_collar()
        return 1

    def measure_collar(self) -> None:
        """How far a limit price lies beyond the opposite touch."""
        self.collared = 0
        self.beyond_e4 = 0
        if self.limit == 0:
            return
        touch = self.touch_ticks
        if touch == NULL:
            self.collared = 1
            return
        beyond = self.px_ticks - touch if self.side == BUY else touch - self.px_ticks
        if beyond > 0:
            self.collared = 1
            self.beyond_e4 = beyond * 10_000
            self.beyond_bps = float(self.beyond_e4) / float(touch)

    def answer(self, code: int, limit_value: int, used_value: int, value_unit: int) -> int:
        """Write the answer down; the code."""
        self.code = code
        self.limit_value = limit_value
        self.used_value = used_value
        self.value_unit = value_unit
        return code

    def answer_x2(self, code: int, limit_x2: int, used_x2: int) -> int:
        """Answer with money of half units: the limit rounded down, the used value up."""
        return self.answer(code, limit_x2 // 2, (used_x2 + 1) // 2, UNIT_MONEY)

    def refuse(self, code: int) -> int:
        """Answer with a code that compares nothing; the code."""
        return self.answer(code, 0, 0, UNIT_NONE)

    def approve(self) -> int:
        """Answer OK."""
        return self.answer(OK, 0, 0, UNIT_NONE)
