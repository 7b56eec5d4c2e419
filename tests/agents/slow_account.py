"""Balances and P&L of every account and currency from the list of all fills and settlements, in fractions. Written from the docs' words."""

from fractions import Fraction

from streams.records import InstrumentType, Side
from tests.agents.account_desk import INSTRUMENTS, STRATEGIES
from tests.trading.slow_position import SlowPosition, SlowSpec

SCALE = 8


class SlowAccounts:
    """What was filled, settled and quoted, in order; the figures are computed from the beginning each time."""

    def __init__(self):
        self.events = []

    def positions(self):
        """SlowPosition of each (strategy, symbol)."""
        found = {}
        for strategy in STRATEGIES:
            for symbol, (kind, _, _, tick, lot, multiplier) in INSTRUMENTS.items():
                position = found[strategy, symbol] = SlowPosition(SlowSpec(kind, tick, lot, multiplier, SCALE), capacity=4)
                for e in self.events:
                    if e[0] == "fill" and e[1:3] == (strategy, symbol):
                        position.book(int(e[3]), e[4], e[5], e[8] or 0)
                    elif e[0] == "funding" and e[1] == symbol and kind != InstrumentType.SPOT:
                        position.settle_funding(e[2], e[3])
        return found

    def balances(self):
        """(account, currency) -> cash, fees, funding, realized, in currency units."""
        found = {}

        def add(account, currency, **money):
            sums = found.setdefault((account, currency), dict.fromkeys(("cash", "fees", "funding", "realized"), Fraction(0)))
            for name, value in money.items():
                sums[name] += value

        for (strategy, symbol), p in self.positions().items():
            kind, base, quote, _, lot, multiplier = INSTRUMENTS[symbol]
            account, settle = STRATEGIES[strategy], base if kind == InstrumentType.INVERSE else quote
            one = Fraction(1, 10**SCALE)
            realized, funding = p.spec.money(p.realized) * one, p.funding * one
            add(account, settle, realized=realized, funding=funding)
            if kind == InstrumentType.SPOT:  # what was received less paid, of both currencies
                quantity = sum((1 if side == Side.BUY else -1) * qty for side, _, qty, _ in p.fills)
                add(account, base, cash=Fraction(lot * multiplier, 10**18) * quantity)
                add(account, quote, cash=p.spec.money(p.cash) * one)
            else:
                add(account, settle, cash=realized + funding)
        for e in self.events:
            if e[0] == "fill":
                add(STRATEGIES[e[1]], e[7], cash=-Fraction(e[6]), fees=Fraction(e[6]))
        return found
