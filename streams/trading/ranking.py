"""What the strategies think of each instrument: their live signals ranked by urgency and strength, and the consensus of them."""

from streams.kernel import I8, I32, Struct, Table
from streams.trading.codes import BUY, SELL, sign

__all__ = ["LEAST_SHARE", "Opinion", "Ranking", "share"]

LEAST_SHARE = 1e-9  # less counts as nothing: the product of two such numbers must not lose its digits to underflow


class Opinion(Struct):
    """One signal. Live as long as now < until_ns.

    strength, urgency : 0 to 1
    fair_px           : fair price, price units
    """

    until_ns: int
    strength: float
    fair_px: float
    urgency: float
    strategy: I32 = -1
    side: I8


class Ranking(Struct, align=64):
    """Live signals of strategies on instruments, in order: the more urgent first, then the stronger, then the lower strategy number.

    opinions  : newest signal, [strategy x instruments + instrument]
    places    : strategies in their order, [instrument x strategies + place]; counts: places taken, per instrument
    consensus : of the instrument asked for last
    """

    instruments: int
    strategies: int
    opinions: Table[Opinion, "strategies * instruments"]
    places: Table[I32, "strategies * instruments"]
    counts: Table[I32, "instruments"]
    consensus: Opinion

    def setup(self) -> None:
        """Take the sizes from the tables. Once, before anything else."""
        self.instruments = self.counts.n
        self.strategies = self.opinions.n // self.counts.n

    def put(
        self,
        strategy: int,
        instrument: int,
        side: int,
        strength: float,
        fair_px: float,
        urgency: float,
        until_ns: int,
        now_ns: int,
    ) -> int:
        """Take a signal in place of the strategy's last one; its rank from 1, 0 if its time is over already. O(strategies)."""
        self.settle(instrument, now_ns)
        self.take_out(strategy, instrument)
        if until_ns <= now_ns:
            return 0
        mine = self.opinion(strategy, instrument)
        mine.strategy = strategy
        mine.side = side
        mine.strength = share(strength)
        mine.fair_px = fair_px
        mine.urgency = share(urgency)
        mine.until_ns = until_ns
        base = instrument * self.strategies
        place = self.counts[instrument]
        while place > 0 and self.before(mine, self.opinion(self.places[base + place - 1], instrument)):
            self.places[base + place] = self.places[base + place - 1]
            place -= 1
        self.places[base + place] = strategy
        self.counts[instrument] += 1
        return place + 1

    def before(self, a: Opinion, b: Opinion) -> bool:
        """True when `a` is ranked above `b`."""
        if a.urgency != b.urgency:
            return a.urgency > b.urgency
        if a.strength != b.strength:
            return a.strength > b.strength
        return a.strategy < b.strategy

    def opinion(self, strategy: int, instrument: int) -> Opinion:
        """The strategy's newest signal on the instrument, live or not."""
        return self.opinions[strategy * self.instruments + instrument]

    def settle(self, instrument: int, now_ns: int) -> int:
        """Drop the signals whose time is over; how many are left."""
        base = instrument * self.strategies
        kept = 0
        for place in range(self.counts[instrument]):
            strategy = self.places[base + place]
            if self.opinion(strategy, instrument).until_ns > now_ns:
                self.places[base + kept] = strategy
                kept += 1
        self.counts[instrument] = kept
        return kept

    def take_out(self, strategy: int, instrument: int) -> None:
        """Drop the strategy's own signal, if it is ranked."""
        base = instrument * self.strategies
        kept = 0
        for place in range(self.counts[instrument]):
            other = self.places[base + place]
            if other != strategy:
                self.places[base + kept] = other
                kept += 1
        self.counts[instrument] = kept

    def at_place(self, instrument: int, place: int) -> Opinion:
        """The signal at a place, 0 = the first. 0 <= place < the count that `settle` gave."""
        return self.opinion(self.places[instrument * self.strategies + place], instrument)

    def agree(self, instrument: int, now_ns: int) -> int:
        """Sum the live signals up in `consensus`; how many there are.

        The vote of a signal is +strength (BUY) or -strength (SELL), weighted by its urgency: side and strength are those of the weighted
        mean vote. The fair price is the mean weighted by urgency x strength, over those that are finite (0 where nothing weighs anything).
        Its urgency is the highest, its end the earliest.
        """
        count = self.settle(instrument, now_ns)
        weights = 0.0
        votes = 0.0
        prices = 0.0
        weighed = 0.0
        c = self.consensus
        c.urgency = 0.0
        c.until_ns = now_ns
        for place in range(count):
            o = self.at_place(instrument, place)
            weights += o.urgency
            votes += sign(o.side) * o.urgency * o.strength
            if o.fair_px - o.fair_px == 0.0:  # neither infinite nor no number
                prices += o.urgency * o.strength * o.fair_px
                weighed += o.urgency * o.strength
            c.urgency = max(c.urgency, o.urgency)
            c.until_ns = o.until_ns if place == 0 else min(c.until_ns, o.until_ns)
        c.side = BUY if votes >= 0.0 else SELL
        c.strength = share(abs(votes) / weights) if weights > 0.0 else 0.0
        c.fair_px = prices / weighed if weighed > 0.0 else 0.0
        return count


def share(x: float) -> float:
    """The number kept within 0 to 1; 0 for what is no number or below LEAST_SHARE."""
    if not x >= LEAST_SHARE:
        return 0.0
    return 1.0 if x > 1.0 else x
