"""A position as a list of fills, lists of open lots and fractions: obviously right, slow. Written from the words of the docs."""

from fractions import Fraction
from math import floor

from streams.trading.codes import BUY, INVERSE


def nearest(value: Fraction) -> int:
    """To the nearest whole number, ties away from zero."""
    whole = floor(abs(value) + Fraction(1, 2))
    return whole if value >= 0 else -whole


class SlowSpec:
    """An instrument as fractions; `worth` in tick-lots, of an inverse contract in money units."""

    def __init__(self, kind, tick_e9, lot_e9, multiplier_e9, scale):
        self.kind, self.tick = kind, Fraction(tick_e9, 10**9)
        self.lot = Fraction(lot_e9, 10**9) * Fraction(multiplier_e9, 10**9)
        self.units = 10**scale

    def worth(self, px2, lots):
        """Of so many lots bought, at half of px2 ticks."""
        if self.kind != INVERSE:
            return Fraction(px2, 2) * lots
        return -nearest(lots * self.lot / (Fraction(px2, 2) * self.tick) * self.units) if lots else 0

    def money(self, worth):
        return worth if self.kind == INVERSE else worth * self.tick * self.lot * self.units

    def value(self, lots, mark_e9):
        mark = Fraction(mark_e9, 10**9)
        return nearest(-lots * self.lot / mark * self.units if self.kind == INVERSE else lots * self.lot * mark * self.units)

    def funding(self, lots, mark_e9, rate_e9):
        mark, rate = Fraction(mark_e9, 10**9), Fraction(rate_e9, 10**9)
        value = lots * self.lot / mark if self.kind == INVERSE else lots * self.lot * mark
        return -nearest(value * rate * self.units)


class SlowPosition:
    """Average cost with the stated rounding (the split of an open cost is floored), FIFO the same lot by lot, and both never rounded.

    capacity: lots of different prices that FIFO keeps; beyond it the newest takes the next one in.
    """

    def __init__(self, spec, capacity=10**9):
        self.spec, self.capacity = spec, capacity
        self.fills, self.mids, self.fees = [], [], []
        self.qty = self.cost = self.realized = self.realized_fifo = 0
        self.exact_cost = self.exact_realized = Fraction(0)
        self.lots = []  # [price, quantity, cost], oldest first
        self.mark2 = self.funding = self.closes = self.merged = 0
        self.held_gain = Fraction(0)

    def book(self, side, px, qty, mid2):
        mid2 = mid2 if mid2 > 0 else self.mark2 or 2 * px
        self.take_mark(mid2)
        before = self.realized
        sign = 1 if side == BUY else -1
        worth = self.spec.worth(2 * px, qty)
        self.fills.append((side, px, qty, worth))
        self.mids.append((mid2, self.qty))
        closed = min(qty, abs(self.qty)) if self.qty * sign < 0 else 0
        if closed:
            proceeds = -floor(Fraction(sign * worth * closed, qty))
            self.average_out(closed, proceeds)
            self.fifo_out(closed, proceeds)
            self.qty += sign * closed
            self.closes += 1
        rest, paid = qty - closed, sign * worth - (floor(Fraction(sign * worth * closed, qty)) if closed else 0)
        if rest:
            self.cost += paid
            self.exact_cost += paid
            self.open_lot(px, rest, paid)
            self.qty += sign * rest
        return self.realized - before

    def average_out(self, closed, proceeds):
        out = floor(Fraction(self.cost * closed, abs(self.qty)))
        exact = self.exact_cost * closed / abs(self.qty)
        self.cost, self.exact_cost = self.cost - out, self.exact_cost - exact
        self.realized, self.exact_realized = self.realized + proceeds - out, self.exact_realized + proceeds - exact

    def fifo_out(self, closed, proceeds):
        out = 0
        while closed:
            lot = self.lots[0]
            part = min(closed, lot[1])
            cost = lot[2] if part == lot[1] else floor(Fraction(lot[2] * part, lot[1]))
            out, closed = out + cost, closed - part
            lot[1], lot[2] = lot[1] - part, lot[2] - cost
            if not lot[1]:
                self.lots.pop(0)
        self.realized_fifo += proceeds - out

    def open_lot(self, px, qty, paid):
        if self.lots and (self.lots[-1][0] == px or len(self.lots) == self.capacity):
            last = self.lots[-1]
            self.merged += last[0] != px
            self.lots[-1] = [px if last[0] == px else None, last[1] + qty, last[2] + paid]
        else:
            self.lots.append([px, qty, paid])

    def take_mark(self, mark2):
        if self.mark2:
            self.held_gain += self.value(mark2) - self.value(self.mark2)
        self.mark2 = mark2

    def value(self, mark2, qty=None):
        qty = self.qty if qty is None else qty
        return (1 if qty > 0 else -1) * self.spec.worth(mark2, abs(qty))

    def settle_funding(self, mark_e9, rate_e9):
        money = self.spec.funding(self.qty, mark_e9, rate_e9)
        self.funding += money
        return money

    @property
    def cash(self):
        return sum((-1 if side == BUY else 1) * worth for side, _, _, worth in self.fills)

    @property
    def spread(self):
        """What each fill was worth at its mid, less what was paid."""
        total = Fraction(0)
        for (side, _, qty, worth), (mid2, held) in zip(self.fills, self.mids, strict=True):
            sign = 1 if side == BUY else -1
            total += self.value(mid2, held + sign * qty) - self.value(mid2, held) - sign * worth
        return total

    def lots_done(self, side):
        return sum(fill[2] for fill in self.fills if fill[0] == side)
