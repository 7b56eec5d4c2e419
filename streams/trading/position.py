"""Position of one account in one instrument: average cost, exact in tick-lots."""

from streams.kernel import Struct
from streams.trading.codes import BUY, sign

__all__ = ["Position"]


class Position(Struct, align=64):
    """Average-cost position. `cash_tick_lots + cost_tick_lots == realized_tick_lots` at all times, exactly.

    qty_lots         : signed, |qty_lots| < 2**40
    cost_tick_lots   : sum of price x signed quantity of what is open, 0 when flat; |cost_tick_lots| < 2**62
    realized_tick_lots : realized by closing, before fees
    cash_tick_lots   : minus the sum of price x signed quantity of all fills
    bought_lots, sold_lots : lots ever bought and sold
    spread2_tick_lots  : twice what the fills earned against the mid of their moment; |spread2_tick_lots| < 2**62
    fees             : fees paid less rebates, money units
    fill_count       : executions booked
    """

    qty_lots: int
    cost_tick_lots: int
    realized_tick_lots: int
    cash_tick_lots: int
    bought_lots: int
    sold_lots: int
    spread2_tick_lots: int
    fees: int
    fill_count: int

    def fill(self, side: int, px_ticks: int, qty_lots: int) -> int:
        """Book one execution; the tick-lots it realized.

        0 < qty_lots < 2**31, 0 < px_ticks < 2**38, their product below 2**62 (checked at the edge).
        """
        signed = sign(side) * qty_lots
        if side == BUY:
            self.bought_lots += qty_lots
        else:
            self.sold_lots += qty_lots
        self.fill_count += 1
        self.cash_tick_lots -= signed * px_ticks
        held = self.qty_lots
        realized = 0
        if held == 0 or (held > 0) == (signed > 0):
            self.cost_tick_lots += signed * px_ticks
        else:
            closed = min(qty_lots, abs(held))
            realized = self.close(closed, px_ticks)
            self.cost_tick_lots += sign(side) * (qty_lots - closed) * px_ticks  # beyond flat: opens the other side at this price
        self.qty_lots = held + signed
        return realized

    def close(self, closed_lots: int, px_ticks: int) -> int:
        """Take the cost of `closed_lots` out and realize it at a price; the tick-lots realized. 0 < closed_lots <= |qty_lots|."""
        out = self.cost_share(closed_lots)
        proceeds = closed_lots * px_ticks if self.qty_lots > 0 else -closed_lots * px_ticks
        self.cost_tick_lots -= out
        self.realized_tick_lots += proceeds - out
        return proceeds - out

    def cost_share(self, lots: int) -> int:
        """floor(cost x lots / |qty|) without a product of more than 62 bits. 0 < lots <= |qty_lots| < 2**40; all of the cost when equal."""
        held = abs(self.qty_lots)
        each = self.cost_tick_lots // held
        rest = self.cost_tick_lots % held
        # rest x lots / held in two digits of 20 bits, for rest and lots have up to 40 bits each
        high = rest * (lots >> 20)
        low = ((high % held) << 20) + rest * (lots & 0xFFFFF)
        return each * lots + ((high // held) << 20) + low // held

    def attribute_spread(self, side: int, px_ticks: int, qty_lots: int, mid2_ticks: int) -> None:
        """Add what one execution earned against the mid: (mid - price) x quantity for a buy.

        mid2_ticks: twice the mid when it filled; 0 = unknown, adds nothing.
        """
        if mid2_ticks != 0:
            self.spread2_tick_lots += sign(side) * (mid2_ticks - 2 * px_ticks) * qty_lots

    def charge(self, fee: int) -> None:
        """Add the fee of one execution, money units (negative = rebate)."""
        self.fees += fee

    def unrealized2(self, mark2_ticks: int) -> int:
        """Twice the tick-lots that closing at the mark would realize. mark2_ticks: twice the mark; the result is below 2**62."""
        return self.qty_lots * mark2_ticks - 2 * self.cost_tick_lots
