"""How our own taking moves the price against us, beyond the displayed book that it walks.

A quantity Q moves the price by the fraction f(Q) = coefficient x volatility x (Q / volume) ** exponent, volatility and volume being those
of one day. With the exponent 1/2 this is the square-root law (Toth et al., "Anomalous price impact and the critical nature of liquidity in
financial markets", 2011: coefficient about 1); Almgren, Thum, Hauptmann and Li, "Direct estimation of equity market impact" (2005), have
3/5 and 0.142 for the temporary part.

- SQUARE_ROOT, temporary: when an order that takes has executed Q lots in all, the last of them cost f(Q) x price more than displayed; the
  next order finds nothing of it.
- PROPAGATOR: each order of ours that took leaves a move behind, and what is left of it decays: at time t the price stands higher by
  S(t) = sum over them of side x f(Q) x price x G(t - its time) (Bouchaud, Gefen, Potters and Wyart, "Fluctuations and response in financial
  markets", 2004), G(t) = (1 + t / timescale) ** -decay or exp(-t / timescale). An order pays S if it is against it, to the nearest tick; a
  move in its favour it is not given: with such a gift, pushing the price and trading back could earn (Gatheral, "No-dynamic-arbitrage and
  market impact", 2010).
"""

import math

from streams.kernel import I8, Array, Struct
from streams.trading.codes import BUY

__all__ = ["IMPACTS", "KERNELS", "MARKS", "NO_IMPACT", "PROPAGATOR", "SQUARE_ROOT", "Impact", "ImpactMark"]

NO_IMPACT: int = 0
SQUARE_ROOT: int = 1
PROPAGATOR: int = 2
POWER_DECAY: int = 0
EXPONENTIAL_DECAY: int = 1

IMPACTS = {"none": NO_IMPACT, "square_root": SQUARE_ROOT, "propagator": PROPAGATOR}
KERNELS = {"power": POWER_DECAY, "exponential": EXPONENTIAL_DECAY}

MARKS: int = 128  # orders that a propagator remembers, of each instrument


class ImpactMark(Struct):
    """An order of ours that took: when, and how far it moved the price, ticks, signed."""

    ts_ns: int
    move_ticks: float


class Impact(Struct, align=64):
    """Impact in one instrument.

    model                : NO_IMPACT, SQUARE_ROOT or PROPAGATOR
    strength             : coefficient x volatility of a day's return
    day_lots             : lots of a day's volume, > 0
    exponent             : of a quantity's share of it, > 0
    kernel, decay, timescale_ns : PROPAGATOR: G
    marks, count         : PROPAGATOR: the last MARKS orders, and how many there have been
    """

    strength: float
    day_lots: float
    exponent: float
    decay: float
    timescale_ns: float
    count: int
    model: I8
    kernel: I8
    marks: Array[ImpactMark, 128]

    def move_ticks(self, qty_lots: int, px_ticks: int) -> float:
        """f(quantity) x price, ticks."""
        return self.strength * math.pow(float(qty_lots) / self.day_lots, self.exponent) * float(px_ticks)

    def left(self, age_ns: int) -> float:
        """G: what is left of a move after a time, 1 at once."""
        t = float(age_ns) / self.timescale_ns
        return math.pow(1.0 + t, -self.decay) if self.kernel == POWER_DECAY else math.exp(-t)

    def standing_ticks(self, now_ns: int) -> float:
        """S: how far our orders have the price moved now, ticks, signed; the oldest order first, so that the sum is the same in any run."""
        total = 0.0
        for n in range(max(0, self.count - MARKS), self.count):
            mark = self.marks[n & (MARKS - 1)]
            total += mark.move_ticks * self.left(now_ns - mark.ts_ns)
        return total

    def cost_ticks(self, side: int, px_ticks: int, qty_lots: int, now_ns: int) -> int:
        """What an order that has taken `qty_lots`, the last at a displayed price, pays more for these; 0 to the price - 1."""
        if self.model == SQUARE_ROOT:
            cost = self.move_ticks(qty_lots, px_ticks)
        else:
            cost = self.standing_ticks(now_ns) if side == BUY else -self.standing_ticks(now_ns)
        return round(min(max(cost, 0.0), float(px_ticks - 1)))

    def took(self, side: int, px_ticks: int, qty_lots: int, now_ns: int) -> None:
        """An order has taken so much, the last of it at a displayed price."""
        if self.model != PROPAGATOR:
            return
        mark = self.marks[self.count & (MARKS - 1)]
        mark.ts_ns = now_ns
        mark.move_ticks = self.move_ticks(qty_lots, px_ticks) if side == BUY else -self.move_ticks(qty_lots, px_ticks)
        self.count += 1
