"""The order under check and the instrument it is in: what it would add to the sums, and the answer."""

from streams.kernel import NULL, Struct
from streams.trading.codes import BUY
from streams.trading.risk_rules import MAX_MONEY, MAX_PX_TICKS, MAX_QTY_LOTS, OK, UNIT_NONE

__all__ = ["RiskInstrument", "RiskOrder"]

_SMALL_LOTS = 1 << 24  # below, price x quantity cannot overflow


class RiskInstrument(Struct, align=64):
    """An instrument as risk values it.

    money_per_tick_lot : money units of one tick x one lot, 0 = unknown instrument
    max_tick_lots      : largest price x quantity whose money fits MAX_MONEY
    mark2_ticks        : twice the mid at which positions are valued, 0 = none yet
    holders            : accounts that hold a position
    """

    money_per_tick_lot: int
    max_tick_lots: int
    mark2_ticks: int
    holders: int

    def set(self, money_per_tick_lot: int) -> None:
        """Set the worth of one tick x one lot, 0 < money_per_tick_lot < MAX_MONEY."""
        self.money_per_tick_lot = money_per_tick_lot
        self.max_tick_lots = MAX_MONEY // money_per_tick_lot

    def notional(self, px_ticks: int, qty_lots: int) -> int:
        """Money of price x quantity, -1 where it is more than MAX_MONEY. 0 < px_ticks < 2**38, 0 <= qty_lots < 2**31."""
        if qty_lots >= _SMALL_LOTS and qty_lots > self.max_tick_lots // px_ticks:
            return -1
        tick_lots = px_ticks * qty_lots
        if tick_lots > self.max_tick_lots:
            return -1
        return tick_lots * self.money_per_tick_lot

    def value_x2(self, qty_lots: int, px2_ticks: int) -> int:
        """Money of quantity x px2 (both may be negative): twice the money at the price px2 / 2. NULL beyond 2 x MAX_MONEY."""
        if qty_lots == 0 or px2_ticks == 0:
            return 0
        if abs(qty_lots) > 2 * MAX_MONEY // self.money_per_tick_lot // abs(px2_ticks):
            return NULL
        return qty_lots * px2_ticks * self.money_per_tick_lot


class RiskOrder(Struct, align=64):
    """What one NEW or REPLACE asks for, and what the first scope that objects answers.

    px_ticks     : price it counts at: its limit, or the opposite touch of a market order
    touch_ticks  : the opposite touch, NULL = none
    limit        : 1 = it has a limit price
    notional     : px x qty, money
    add_lots, add_notional, add_orders : what it needs beyond what it has reserved already, never negative
    reducing     : 1 = with every working order of its side it still only reduces the account's position
    reserve_px_ticks, reserve_lots     : what it must hold until the venue has answered
    code, limit_value, used_value, value_unit : the answer
    """

    side: int
    qty_lots: int
    px_ticks: int
    touch_ticks: int
    limit: int
    notional: int
    add_lots: int
    add_notional: int
    add_orders: int
    reducing: int
    reserve_px_ticks: int
    reserve_lots: int
    now_ns: int
    code: int
    limit_value: int
    used_value: int
    value_unit: int

    def ask(self, side: int, qty_lots: int, px_ticks: int, bid_ticks: int, ask_ticks: int, now_ns: int) -> int:
        """Take the order's fields; 0 where it has no price to count at (a market order without an opposite touch)."""
        touch = ask_ticks if side == BUY else bid_ticks
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
        self.add_notional = worst
        self.add_orders = 1
        if reserved_lots > 0:
            self.add_notional = worst - instrument.notional(reserved_px_ticks, reserved_lots)
            self.add_orders = 0
        return 1

    def answer(self, code: int, limit_value: int, used_value: int, value_unit: int) -> int:
        """Write the answer down; the code."""
        self.code = code
        self.limit_value = limit_value
        self.used_value = used_value
        self.value_unit = value_unit
        return code

    def refuse(self, code: int) -> int:
        """Answer with a code that compares nothing; the code."""
        return self.answer(code, 0, 0, UNIT_NONE)

    def approve(self) -> int:
        """Answer OK."""
        return self.answer(OK, 0, 0, UNIT_NONE)
