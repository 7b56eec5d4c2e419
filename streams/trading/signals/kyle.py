"""Kyle's lambda: how far the price moves with a lot of net buying."""

from streams.kernel import Struct
from streams.trading.signals.bar_clock import BarClock
from streams.trading.signals.window import FloatWindow

__all__ = ["KyleLambda"]


class KyleLambda(Struct):
    """Slope of the mid's change on the signed volume of the same bar, over the last `window` bars.

    Kyle, "Continuous auctions and insider trading", Econometrica 53 (1985), theorem 1: the price is p_0 + lambda (x + u), linear in the net
    order flow. Estimated by least squares without a constant, as in López de Prado, "Advances in financial machine learning" (2018),
    section 19.4.1: lambda = sum of (dp q) / sum of q^2.

    A bar's change is that from the last mid of the bar before to its own last mid. With an interval of 0 each update is a bar.
    Flow and changes below 2**52 a bar; a bar without flow still counts as one of the window.
    """

    clock: BarClock
    seen: int
    flow_lots: int
    mid2_ticks: int
    closed_mid2_ticks: int
    products: FloatWindow
    flows: FloatWindow
    changes: FloatWindow

    def setup(self, window: int, interval_ns: int) -> int:
        """Set the number of bars and their length, and begin anew; 1, or 0 where a value is out of range."""
        if interval_ns < 0 or self.products.setup(window) == 0:
            return 0
        self.flows.setup(window)
        self.changes.setup(window)
        self.clock.setup(interval_ns)
        self.seen = 0
        self.flow_lots = 0
        return 1

    def update(self, mid2_ticks: int, signed_lots: int, now_ns: int) -> None:
        """Take the mid after an event, twice, and the event's volume: > 0 bought by the taker, < 0 sold, 0 for a mere quote."""
        if self.clock.ended(now_ns):
            self.close()
        if self.seen == 0:
            self.seen = 1
            self.closed_mid2_ticks = mid2_ticks
            self.mid2_ticks = mid2_ticks
            return  # the mid before this volume is unknown
        self.mid2_ticks = mid2_ticks
        self.flow_lots += signed_lots
        if self.clock.interval_ns == 0:
            self.close()

    def close(self) -> None:
        """End the open bar."""
        self.observe((self.mid2_ticks - self.closed_mid2_ticks) / 2, float(self.flow_lots))
        self.closed_mid2_ticks = self.mid2_ticks
        self.flow_lots = 0

    def observe(self, change_ticks: float, flow_lots: float) -> None:
        """Add one bar."""
        self.products.push(change_ticks * flow_lots)
        self.flows.push(flow_lots * flow_lots)
        self.changes.push(change_ticks * change_ticks)

    def ready(self) -> bool:
        """`window` bars are held and some of them have flow."""
        return self.flows.full() and self.flows.total() > 0.0

    def ticks_per_lot(self) -> float:
        """Lambda, ticks per lot; 0 without flow."""
        squares = self.flows.total()
        return self.products.total() / squares if squares > 0.0 else 0.0

    def r_squared(self) -> float:
        """Share of the squared changes that the flow explains, 0 to 1; 0 without flow or changes."""
        squares = self.flows.total() * self.changes.total()
        products = self.products.total()
        return products * products / squares if squares > 0.0 else 0.0
