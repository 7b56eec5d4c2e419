"""Strategies that take, where a market is not as kind as their rules: partial fills, refusals, orders on their way, legs left alone."""

from itertools import pairwise

from streams.records import Decision, Limit, Order, Outcome, Rule
from tests.strategies.world import LOT_E9, World

SECOND_NS = 1_000_000_000
MOMENTUM = {"interval_s": 1.0, "fast_span": 1, "slow_span": 3, "entry": 0.1, "size_lots": 10}
ARBITRAGE = {"fee": 0.0003, "edge_ticks": 1.0, "size_lots": 10, "limit_lots": 25}


def rising(lots: int, steps: int, **world) -> World:
    """Momentum in a price that rises by 10 ticks a second, with so many lots at the touch."""
    found = World("streams.strategies.momentum:Momentum", params=MOMENTUM, compiled=False, **world)
    for n in range(steps):
        found.wait(SECOND_NS)
        found.book(10_000 + 10 * n, 10_002 + 10 * n, lots, lots)
    return found


def test_momentum_takes_the_rest_with_the_next_books_when_the_touch_is_thin():
    world = rising(4, 7)
    assert [lots for *_, lots in world.trades()] == [4, 4, 2]
    assert world.held() == 10


def test_momentum_sends_nothing_while_its_order_is_on_its_way():
    world = rising(100, 5, latency_ns=3 * SECOND_NS // 2)
    assert len([r for r in world.records if isinstance(r, Order)]) == 1
    assert world.held() == 10


def test_momentum_asks_again_a_second_after_a_refusal_and_not_before():
    world = World("streams.strategies.momentum:Momentum", params=MOMENTUM, compiled=False)
    where = {"venue": "sim", "symbol": "AAA"}
    world.process.on_input(Limit(1, 0, 0, 0, 0, "account:a", Rule.ORDER_SIZE, parent="firm", limit_qty_e9=5 * LOT_E9, **where))
    for n in range(50):
        world.wait(SECOND_NS // 10)
        world.book(10_000 + n, 10_002 + n)
    denied = [r.ts_ns for r in world.records if isinstance(r, Decision) and r.outcome == Outcome.DENY]
    assert len(denied) >= 2
    assert all(later - earlier >= SECOND_NS for earlier, later in pairwise(denied))
    assert world.held() == 0


def two_venues(latency_ns: int = 0) -> World:
    """Both venues at 10,000 / 10,002, and 50 ms later the second one 20 ticks above."""
    world = World("streams.strategies.arbitrage:Arbitrage", ("one:AAA", "two:AAA"), ARBITRAGE, latency_ns, compiled=False)
    for i in (0, 1):
        world.wait(SECOND_NS // 20)
        world.book(10_000, 10_002, i=i)
    world.wait(SECOND_NS // 20)
    return world


def test_arbitrage_takes_no_more_than_both_touches_show():
    world = two_venues()
    world.book(10_020, 10_022, bid_lots=3, i=1)
    assert [(i, lots) for _, i, lots in world.trades()] == [(0, 3), (1, -3)]


def test_arbitrage_stops_at_the_limit_of_a_venue_and_goes_back_from_there():
    world = two_venues()
    for _ in range(4):
        world.wait(SECOND_NS // 20)
        world.book(10_020, 10_022, i=1)
        world.book(10_000, 10_002, i=0)
    assert (world.held(0), world.held(1)) == (25, -25)
    world.wait(SECOND_NS // 20)
    world.book(9_980, 9_982, i=1)
    assert (world.held(0), world.held(1)) == (15, -15)


def test_arbitrage_closes_a_leg_that_stands_alone_where_it_costs_less():
    """The bid of the second venue has gone before the order arrives: ten lots bought at the first, sold where the bid is better."""
    world = two_venues(latency_ns=SECOND_NS // 10)
    world.book(10_020, 10_022, i=1)
    world.wait(SECOND_NS // 20)
    world.book(10_001, 10_003, i=1)
    for _ in range(6):
        world.wait(SECOND_NS // 20)
        world.book(10_000, 10_002, i=0)
    assert [(i, lots) for _, i, lots in world.trades()] == [(0, 10), (1, -10)]
    assert world.trades()[1][0] - world.trades()[0][0] >= SECOND_NS // 10
    assert world.pnl() == -80.009  # 10 lots each: half a spread of 2 ticks, and 3 basis points


def test_pairs_that_break_apart_are_closed_and_left_until_they_meet_again():
    params = {"interval_s": 1.0, "span": 20, "entry": 2.0, "stop": 4.0}
    world = World("streams.strategies.pairs:Pairs", ("sim:AAA", "sim:BBB"), params, compiled=False)

    def show(gap: int) -> int:
        world.wait(SECOND_NS)
        world.book(9_999 + gap, 10_001 + gap, i=0)
        world.book(9_999, 10_001, i=1)
        return world.held(0)

    assert [show(gap) for gap in [-3, 3] * 12][-1] == 0
    assert [show(gap) for gap in (8, 30, 31)] == [-10, 0, 0]  # opened, broken, not opened again
    assert [show(31) for _ in range(60)][-1] == 0  # it is the new mean by now
    assert [show(gap) for gap in [28, 34] * 30][-1] == 0
    assert show(40) == -10
    assert world.held(1) == 10
