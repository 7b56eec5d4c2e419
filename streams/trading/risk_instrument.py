"""An instrument as the risk tree values it: what a price times a quantity is worth, its mark, its groups, and who holds it."""

from streams.kernel import NULL, Struct
from streams.trading.risk_bound import TWO_E9, weight
from streams.trading.risk_rules import MAX_MONEY

__all__ = ["RiskInstrument"]

_SMALL_LOTS = 1 << 24  # below, price x quantity cannot overflow


class RiskInstrument(Struct, align=64):
    """An instrument as risk values it.

    money_per_tick_lot : money units of one tick x one lot, 0 = unknown instrument
    max_tick_lots      : largest price x quantity whose money fits MAX_MONEY
    mark2_ticks        : twice the mid at which positions are valued, 0 = none yet
    sector, base, cluster : its groups, -1 = in none
    beta_e9            : its beta in the cluster x 10**9, |beta_e9| <= MAX_BETA_E9; beta_weight : |beta| / 2 as `weight`
    first_holder       : scope of the first account that holds a position, -1 = nobody; the others hang in the leaves' next_holder
    """

    money_per_tick_lot: int
    max_tick_lots: int
    mark2_ticks: int
    sector: int = -1
    base: int = -1
    cluster: int = -1
    beta_e9: int
    beta_weight: float
    first_holder: int = -1

    def set(self, money_per_tick_lot: int) -> None:
        """Set the worth of one tick x one lot, 0 < money_per_tick_lot < MAX_MONEY."""
        self.money_per_tick_lot = money_per_tick_lot
        self.max_tick_lots = MAX_MONEY // money_per_tick_lot

    def group(self, sector: int, base: int, cluster: int, beta_e9: int) -> None:
        """Set the groups."""
        self.sector = sector
        self.base = base
        self.cluster = cluster
        self.beta_e9 = beta_e9
        self.beta_weight = weight(abs(beta_e9), TWO_E9)

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
        if (abs(qty_lots) >= _SMALL_LOTS or abs(px2_ticks) >= 1 << 39) and abs(qty_lots) > 2 * self.max_tick_lots // abs(px2_ticks):
            return NULL
        tick_lots = qty_lots * px2_ticks
        if abs(tick_lots) > 2 * self.max_tick_lots:
            return NULL
        return tick_lots * self.money_per_tick_lot

    def beta_side(self, side: int) -> int:
        """The side of the cluster on which an order of this side counts: the other one where beta is negative."""
        return side if self.beta_e9 >= 0 else 1 - side
