"""Fees by tier: the more has been traded in thirty days, the less a trade costs."""

from streams.kernel import Array, Struct
from streams.trading.fee import fee_money

__all__ = ["MAX_FEE_TIERS", "FeeTier", "FeeTiers"]

MAX_FEE_TIERS: int = 16
_DAY_NS: int = 86_400_000_000_000
_DAYS: int = 30


class FeeTier(Struct):
    """Rates from a volume on: volume_e6 of the quote currency x 10^6, rates as in FeeSchedule."""

    volume_e6: int
    maker_e9: int
    taker_e9: int


class FeeTiers(Struct, align=64):
    """The tiers of a venue and what was traded there, all instruments together, by days of UTC.

    count     : tiers in use, volumes rising from 0; 0 = the instruments' own rates hold
    place     : tier that holds now
    day       : today, in days since 1970; -1 = nothing has traded
    total_e6  : traded in the last thirty days, today included, x 10^6 of the quote currency; below 2**62
    """

    count: int
    place: int
    day: int = -1
    total_e6: int
    days_e6: Array[int, 30]
    tiers: Array[FeeTier, 16]

    def fee(self, notional: int, maker: int, rounding: int) -> int:
        """Fee of an execution at the present tier, money units, rounded once."""
        tier = self.tiers[self.place]
        return fee_money(notional, tier.maker_e9 if maker == 1 else tier.taker_e9, rounding)

    def start(self, now_ns: int) -> None:
        """Today is the first day; what `total_e6` holds already was traded the day before."""
        self.day = now_ns // _DAY_NS
        self.days_e6[(self.day - 1) % _DAYS] = self.total_e6
        self.find()

    def roll(self, now_ns: int) -> None:
        """Time has passed: days fall out of the window."""
        today = now_ns // _DAY_NS
        if today <= self.day:
            return
        for day in range(max(self.day + 1, today - _DAYS + 1), today + 1):
            self.total_e6 -= self.days_e6[day % _DAYS]
            self.days_e6[day % _DAYS] = 0
        self.day = today
        self.find()

    def add(self, volume_e6: int) -> None:
        """So much has traded now; it counts from the next execution on."""
        self.days_e6[self.day % _DAYS] += volume_e6
        self.total_e6 += volume_e6
        while self.place + 1 < self.count and self.tiers[self.place + 1].volume_e6 <= self.total_e6:
            self.place += 1

    def find(self) -> None:
        """The tier of the whole volume."""
        self.place = 0
        self.add(0)
