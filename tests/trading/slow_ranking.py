"""The ranking of signals, written to be obviously right: a dictionary, sorted when asked, exact fractions."""

from fractions import Fraction
from math import isfinite
from typing import NamedTuple

__all__ = ["Said", "SlowRanking"]


class Said(NamedTuple):
    """One signal."""

    strategy: int
    side: int
    strength: float
    fair_px: float
    urgency: float
    until_ns: int


class SlowRanking:
    """Newest signal by (instrument, strategy)."""

    def __init__(self) -> None:
        self.said: dict[tuple[int, int], Said] = {}

    def put(self, instrument: int, said: Said, now_ns: int) -> int:
        """Rank of the signal, 0 when its time is over."""
        self.said[instrument, said.strategy] = said._replace(strength=within(said.strength), urgency=within(said.urgency))
        order = [s.strategy for s in self.live(instrument, now_ns)]
        return order.index(said.strategy) + 1 if said.strategy in order else 0

    def live(self, instrument: int, now_ns: int) -> list[Said]:
        """The live signals, first the most urgent."""
        found = [s for (i, _), s in self.said.items() if i == instrument and s.until_ns > now_ns]
        return sorted(found, key=lambda s: (-s.urgency, -s.strength, s.strategy))

    def agree(self, instrument: int, now_ns: int) -> tuple[Fraction, Fraction, float, int]:
        """Signed strength (BUY > 0), fair price, urgency, end."""
        live = self.live(instrument, now_ns)
        votes = sum(((-1) ** s.side * Fraction(s.urgency) * Fraction(s.strength) for s in live), Fraction())
        weight = sum((Fraction(s.urgency) for s in live), Fraction())
        priced = [s for s in live if isfinite(s.fair_px)]
        weighed = sum((Fraction(s.urgency) * Fraction(s.strength) for s in priced), Fraction())
        prices = sum((Fraction(s.urgency) * Fraction(s.strength) * Fraction(s.fair_px) for s in priced), Fraction())
        return (
            votes / weight if weight else Fraction(),
            prices / weighed if weighed else Fraction(),
            max((s.urgency for s in live), default=0.0),
            min((s.until_ns for s in live), default=now_ns),
        )


def within(x: float) -> float:
    """Kept within 0 to 1; 0 for what is no number or less than a thousand-millionth."""
    return min(1.0, x) if x >= 1e-9 else 0.0
