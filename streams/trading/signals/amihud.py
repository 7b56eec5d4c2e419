"""Amihud's illiquidity: how far the price moves with the money that traded."""

from streams.kernel import Struct
from streams.trading.signals.bar_clock import BarClock
from streams.trading.signals.window import FloatWindow

__all__ = ["AmihudIlliquidity"]


class AmihudIlliquidity(Struct):
    """Mean of |return| / traded notional over the last `window` bars with trades.

    Amihud, "Illiquidity and stock returns: cross-section and time-series effects", Journal of Financial Markets 5 (2002), equation 1:
    ILLIQ = 1 / D sum of |R_d| / VOLD_d, a day there being a bar here. R is the simple return from the last trade of the bar before to the
    last of its own, the first bar's from its own first trade.

    money_per_tick_lot : what a notional of one tick times one lot is worth; 1 gives the figure per tick-lot
    """

    clock: BarClock
    money_per_tick_lot: float = 1.0
    open_px_ticks: int
    px_ticks: int
    tick_lots: float
    ratios: FloatWindow

    def setup(self, window: int, interval_ns: int, money_per_tick_lot: float) -> int:
        """Set the number of bars, their length (0 = each trade) and the money unit, and begin anew; 1, or 0 where one is out of range."""
        if interval_ns < 0 or not money_per_tick_lot > 0.0 or self.ratios.setup(window) == 0:
            return 0
        self.clock.setup(interval_ns)
        self.money_per_tick_lot = money_per_tick_lot
        self.open_px_ticks = 0
        self.tick_lots = 0.0
        return 1

    def update(self, px_ticks: int, qty_lots: int, now_ns: int) -> None:
        """Take a trade, px_ticks > 0, qty_lots > 0."""
        if self.clock.ended(now_ns):
            self.close()
        if self.open_px_ticks == 0:
            self.open_px_ticks = px_ticks
        self.px_ticks = px_ticks
        self.tick_lots += float(px_ticks) * qty_lots
        if self.clock.interval_ns == 0:
            self.close()

    def close(self) -> None:
        """End the open bar."""
        change = abs(self.px_ticks - self.open_px_ticks) / self.open_px_ticks
        self.ratios.push(change / (self.tick_lots * self.money_per_tick_lot))
        self.open_px_ticks = self.px_ticks
        self.tick_lots = 0.0

    def ready(self) -> bool:
        """`window` bars are held."""
        return self.ratios.full()

    def per_money(self) -> float:
        """ILLIQ: mean |return| per unit of money; 0 before the first bar has ended."""
        return self.ratios.total() / self.ratios.count if self.ratios.count > 0 else 0.0
