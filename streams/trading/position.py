"""Position of one strategy in one instrument: average cost and FIFO, what it earned and by what, exact at all times.

Amounts (cost, realized, cash, ...) are in *worth units*: tick-lots for spot and linear contracts, where a bought quantity is worth
price x quantity; money units of the base currency for inverse contracts, where it is worth -(quantity / price), rounded once a fill
(`InstrumentSpec.worth`). `InstrumentSpec.money` turns worth units into money, exactly. These hold after every call:

| identity                                                   | what it says                                                       |
|------------------------------------------------------------|--------------------------------------------------------------------|
| cash + cost == realized                                    | average cost: nothing is lost between what was paid and what is open |
| cash + fifo_cost == realized_fifo                          | the same with the oldest lots closed first                         |
| 2 x cash + worth2 == spread2 + inventory2                  | attribution: profit at the mark is spread plus inventory           |
| 2 x realized + unrealized2 == spread2 + inventory2         | the same, from the other side                                      |

Nothing is rounded for spot and linear contracts but the split of an open cost when a part of it is closed (its floor): it moves less than
one unit between realized and unrealized, and nothing once the position is flat.
"""

from streams.kernel import Struct
from streams.trading.codes import BUY, sign
from streams.trading.instrument import InstrumentSpec
from streams.trading.lots import FifoLots
from streams.trading.wide import share

__all__ = ["Position"]


class Position(Struct, align=64):
    """A netted position: buys and sells of one instrument cancel. Amounts in worth units, see the module; each |amount| < 2**62.

    qty_lots      : signed, |qty_lots| < 2**40
    cost          : signed worth of what is open when it was opened, average cost; 0 when flat
    realized      : realized by closing at average cost, before fees and funding
    cash          : minus the signed worth of all fills
    realized_fifo : realized by closing the oldest lots first
    bought_lots, sold_lots : lots ever bought and sold
    spread2       : twice what the fills earned against the mid of their moment
    inventory2    : twice what holding earned while the mark moved
    worth2        : twice the worth of what is open at the mark taken last
    mark2_ticks   : twice that mark, 0 = none yet
    fees          : fees paid less rebates, money units of the settlement currency
    funding       : funding received less paid, money units of the settlement currency
    fill_count    : executions booked
    """

    qty_lots: int
    cost: int
    realized: int
    cash: int
    realized_fifo: int
    bought_lots: int
    sold_lots: int
    spread2: int
    inventory2: int
    worth2: int
    mark2_ticks: int
    fees: int
    funding: int
    fill_count: int
    lots: FifoLots

    def book(self, spec: InstrumentSpec, side: int, px_ticks: int, qty_lots: int, mid2_ticks: int) -> int:
        """Book one execution and what it earned against the mid; the worth units it realized at average cost.

        0 < qty_lots < 2**31, 0 < px_ticks < 2**38, notional below 2**62 (checked at the edge). mid2_ticks: twice the mid when it filled;
        without one (<= 0) the mark taken last counts, and without that the execution's own price.
        """
        mid2 = mid2_ticks if mid2_ticks > 0 else self.mark2_ticks
        if mid2 <= 0:
            mid2 = 2 * px_ticks
        self.take_mark(spec, mid2)
        worth = spec.worth(px_ticks, qty_lots)
        realized = self.fill(side, px_ticks, qty_lots, worth)
        worth2 = spec.worth2(self.qty_lots, mid2)
        self.spread2 += worth2 - self.worth2 - 2 * sign(side) * worth
        self.worth2 = worth2
        return realized

    def fill(self, side: int, px_ticks: int, qty_lots: int, worth: int) -> int:
        """Book one execution; the worth units it realized. worth: of this quantity bought at this price."""
        signed = sign(side) * qty_lots
        paid = sign(side) * worth
        if side == BUY:
            self.bought_lots += qty_lots
        else:
            self.sold_lots += qty_lots
        self.fill_count += 1
        self.cash -= paid
        held = self.qty_lots
        realized = 0
        if held == 0 or (held > 0) == (signed > 0):
            self.open(qty_lots, paid, px_ticks)
        else:
            closed = min(qty_lots, abs(held))
            closing = paid if closed == qty_lots else share(paid, closed, qty_lots)
            realized = self.close(closed, -closing)
            if closed < qty_lots:  # beyond flat: opens the other side at this price
                self.open(qty_lots - closed, paid - closing, px_ticks)
        self.qty_lots = held + signed
        return realized

    def open(self, qty_lots: int, paid: int, px_ticks: int) -> None:
        """Add to what is open, as its newest lot."""
        self.cost += paid
        self.lots.push(qty_lots, paid, px_ticks)

    def close(self, closed_lots: int, proceeds: int) -> int:
        """Take the cost of `closed_lots` out and realize the proceeds against it; the worth units realized. 0 < lots <= |qty_lots|."""
        realized = proceeds - self.cost_share(closed_lots)
        self.cost += realized - proceeds
        self.realized += realized
        self.realized_fifo += proceeds - self.lots.take(closed_lots)
        return realized

    def cost_share(self, lots: int) -> int:
        """floor(cost x lots / |qty|). 0 < lots <= |qty_lots| < 2**40; all of the cost when equal."""
        return share(self.cost, lots, abs(self.qty_lots))

    def take_mark(self, spec: InstrumentSpec, mark2_ticks: int) -> None:
        """Value what is open at a mark (twice a mid or mark price, > 0); what holding earned since the last one goes to inventory.

        Marks between two calls need not be told: what they earned adds up to the same.
        """
        worth2 = spec.worth2(self.qty_lots, mark2_ticks)
        self.inventory2 += worth2 - self.worth2
        self.worth2 = worth2
        self.mark2_ticks = mark2_ticks

    def charge(self, fee: int) -> None:
        """Add the fee of one execution, money units of the settlement currency (negative = rebate)."""
        self.fees += fee

    def settle_funding(self, spec: InstrumentSpec, mark_e9: int, rate_e9: int) -> int:
        """Book a funding settlement; what it brought in money units, negative = paid."""
        money = spec.funding(self.qty_lots, mark_e9, rate_e9)
        self.funding += money
        return money

    def unrealized2(self) -> int:
        """Twice the worth units that closing at the mark taken last would realize, average cost."""
        return self.worth2 - 2 * self.cost

    def unrealized_at_mark(self, spec: InstrumentSpec, mark_e9: int) -> int:
        """Money units that closing at the venue's mark price would realize, average cost; contracts only. See `InstrumentSpec.value`."""
        return spec.value(self.qty_lots, mark_e9) - spec.money(self.cost)

    def fifo_cost(self) -> int:
        """Worth units of what is open when the oldest lots were closed first."""
        return self.realized_fifo - self.cash
