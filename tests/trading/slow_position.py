"""A position as a list of fills and a fraction: obviously right, slow."""

from fractions import Fraction

from streams.trading.codes import BUY


class SlowPosition:
    """Average cost, once rounded as the real one states (cost share rounded down) and once not rounded at all."""

    def __init__(self):
        self.fills = []
        self.qty = 0
        self.cost = 0
        self.realized = 0
        self.exact_cost = Fraction(0)
        self.exact_realized = Fraction(0)
        self.closes = 0

    def fill(self, side, px, qty):
        self.fills.append((side, px, qty))
        sign = 1 if side == BUY else -1
        before = self.realized
        if self.qty * sign < 0:
            closed = min(qty, abs(self.qty))
            out = self.cost * closed // abs(self.qty)
            exact_out = self.exact_cost * closed / abs(self.qty)
            proceeds = -sign * closed * px  # closing a long position is selling
            self.cost, self.exact_cost = self.cost - out, self.exact_cost - exact_out
            self.realized, self.exact_realized = self.realized + proceeds - out, self.exact_realized + proceeds - exact_out
            self.qty += sign * closed
            self.closes += 1
            qty -= closed
        self.cost += sign * qty * px
        self.exact_cost += sign * qty * px
        self.qty += sign * qty
        return self.realized - before

    @property
    def cash(self):
        return sum((-1 if side == BUY else 1) * px * qty for side, px, qty in self.fills)

    def lots(self, side):
        return sum(qty for s, _, qty in self.fills if s == side)
