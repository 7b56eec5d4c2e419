"""Levels against a twin that looks through everything each time."""

from hypothesis import given
from hypothesis import strategies as st

from streams.venues.binance.levels import Levels, Touch

SIDES = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 3)), max_size=8)
STEPS = st.lists(st.tuples(st.booleans(), SIDES, SIDES), max_size=60)


class SlowLevels:
    """The obvious book."""

    def __init__(self) -> None:
        self.bids: dict[int, int] = {}
        self.asks: dict[int, int] = {}

    def apply(self, bids, asks) -> None:
        for side, changes in ((self.bids, bids), (self.asks, asks)):
            for px, qty in changes:
                side[px] = qty
                if qty == 0:
                    del side[px]

    def touch(self) -> Touch | None:
        if not self.bids or not self.asks:
            return None
        bid, ask = max(self.bids), min(self.asks)
        return Touch(bid, self.bids[bid], ask, self.asks[ask])


@given(STEPS)
def test_levels_matches_slow_levels(steps):
    fast, slow = Levels(), SlowLevels()
    for replace, bids, asks in steps:
        if replace:
            bids, asks = list(dict(bids).items()), list(dict(asks).items())
            fast.replace(bids, asks)
            slow = SlowLevels()
        else:
            fast.apply(bids, asks)
        slow.apply(bids, asks)
        assert fast.touch() == slow.touch()
        assert (fast.bids, fast.asks) == (slow.bids, slow.asks)


def test_levels_many_prices_that_come_and_go_keep_memory_bounded():
    levels = Levels()
    levels.apply([(1, 1)], [(1_000_000, 1)])
    for px in range(2, 5_000):
        levels.apply([(px, 1)], [(1_000_000 - px, 1)])
        levels.apply([(px, 0)], [(1_000_000 - px, 0)])
    for px in range(2, 5_000):
        levels.apply([(0 - px, 1)], [])  # below the best: these wait in the heap
        levels.apply([(0 - px, 0)], [])
    assert len(levels._bid_heap) < 2_000
    assert levels.touch() == Touch(1, 1, 1_000_000, 1)
