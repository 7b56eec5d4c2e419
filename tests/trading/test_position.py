"""Position against a list of fills and fractions, plain and compiled: average, FIFO, attribution, funding, linear and inverse."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streams.slots import InstrumentSlot
from streams.trading.codes import BUY, INVERSE, LINEAR, SELL
from streams.trading.instrument import InstrumentSpec
from streams.trading.position import Position
from tests.trading.slow_position import SlowPosition, SlowSpec
from tests.trading.trading_runs import PositionRun, play

E9 = 10**9
BTCUSDT = (LINEAR, E9 // 10, E9 // 1000, E9, 8)  # tick 0.1, lot 0.001
HALVES = (LINEAR, E9, E9, E9, 0)  # one tick of one lot is one money unit
BTCUSD_PERP = (INVERSE, E9 // 10, E9, 100 * E9, 8)  # 100 USD a contract, tick 0.1
SMALL_COIN = (INVERSE, E9 // 2, E9, E9, 4)  # so coarse that most fills round

SIDES = st.sampled_from([BUY, SELL])
FEES = st.integers(-5, 5)


def rows_of(px, qty, max_size=40):
    fill = st.tuples(st.just(0), SIDES, px, qty, st.one_of(st.just(0), px.map(lambda p: 2 * p + 1)), FEES)
    mark = st.tuples(
        st.just(1), px.map(lambda p: 2 * p - 1), st.just(0), st.just(0), st.just(0), px.map(lambda p: min(p * 10**8 + 3, (1 << 61) - 1))
    )
    funding = st.tuples(st.just(2), px.map(lambda p: p * 10**8 + 7), st.integers(-(10**7), 10**7))
    return st.lists(st.one_of(fill, fill, fill, mark, funding), max_size=max_size)


def spec_of(kind, tick, lot, multiplier, scale):
    spec = InstrumentSpec()
    fields = {"tick_e9": tick, "lot_e9": lot, "multiplier_e9": multiplier, "money_scale": scale, "instrument_type": kind}
    assert spec.load(InstrumentSlot(instrument=0, base=1, quote=2, **fields), 8)
    return spec


def check(figures, rows, capacity=8):
    run = PositionRun({"rows": max(1, len(rows)), "lots": capacity})
    spec = run.spec
    fields = dict(zip(("instrument_type", "tick_e9", "lot_e9", "multiplier_e9", "money_scale"), figures, strict=True))
    assert spec.load(InstrumentSlot(instrument=0, base=1, quote=2, **fields), 8)
    slow = SlowPosition(SlowSpec(*figures), capacity)
    play(run, "position", rows)
    for i, row in enumerate(rows):
        if row[0] == 0:
            y = slow.book(*row[1:5])
            slow.fees.append(row[5])
        else:
            y = slow.settle_funding(*row[1:3]) if row[0] == 2 else slow.take_mark(row[1]) or 0
        gain = slow.value(slow.mark2) if slow.mark2 else 0
        out = [run.out[12 * i + k] for k in range(12)]
        told = (y, slow.qty, slow.cost, slow.realized, slow.cash, slow.realized_fifo, sum(lot[2] for lot in slow.lots))
        assert tuple(out[:7]) == told
        assert out[7:10] == [2 * slow.spread, 2 * slow.held_gain, 2 * (gain - slow.cost)]
        assert out[10] == slow.funding
        assert out[11] == (slow.spec.value(slow.qty, row[5]) - slow.spec.money(slow.cost) if row[0] == 1 else 0)
        # what must hold whatever the twin says
        _, _, cost, realized, cash, fifo, fifo_cost, spread2, inventory2, unrealized2, _, _ = out
        assert cash + cost == realized
        assert cash + fifo_cost == fifo
        assert 2 * realized + unrealized2 == spread2 + inventory2
    p = run.position
    assert (p.bought_lots, p.sold_lots, p.fill_count) == (slow.lots_done(BUY), slow.lots_done(SELL), len(slow.fills))
    assert p.qty_lots == p.bought_lots - p.sold_lots
    assert (p.fees, p.lots.merged) == (sum(slow.fees), slow.merged)
    # splitting the cost of what is open moves money between realized and open, by less than a unit a close, never away
    assert abs(p.realized - slow.exact_realized) <= slow.closes
    if p.qty_lots == 0:
        assert (p.cost, p.lots.count) == (0, 0)
        assert p.realized == p.realized_fifo == slow.exact_realized == p.cash


@given(st.sampled_from([BTCUSDT, HALVES]), rows_of(st.integers(1, 50), st.integers(1, 9)), st.integers(1, 8))
@settings(deadline=None, max_examples=80)
def test_position_linear_equals_fractions(figures, rows, capacity):
    check(figures, rows, capacity)


@given(st.sampled_from([BTCUSD_PERP, SMALL_COIN]), rows_of(st.integers(1, 2_000_000), st.integers(1, 500)), st.integers(1, 8))
@settings(deadline=None, max_examples=80)
def test_position_inverse_equals_fractions(figures, rows, capacity):
    check(figures, rows, capacity)


@given(rows_of(st.integers(1, 1 << 26), st.integers(1, (1 << 31) - 1), 16))
@settings(deadline=None, max_examples=50)
@example([(0, BUY, (1 << 26) - 1, (1 << 31) - 1, 1, 0)] * 14 + [(0, SELL, 1, (1 << 31) - 2, 1, 0)] * 2)
def test_position_large_quantities_equal_fractions(rows):
    # price x quantity < 2**57 each: every sum, and its double, stays below 2**62
    check(HALVES, [row for row in rows if row[0] != 2])


@given(rows_of(st.integers(1, (1 << 37) - 1), st.integers(1, 1 << 18), 16))
@settings(deadline=None, max_examples=50)
def test_position_high_prices_equal_fractions(rows):
    check(HALVES, [row for row in rows if row[0] != 2])


@given(rows_of(st.integers(1 << 18, (1 << 38) - 1), st.integers(1 << 20, (1 << 31) - 1), 16))
@settings(deadline=None, max_examples=50)
def test_position_inverse_large_quantities_equal_fractions(rows):
    check(BTCUSD_PERP, [row for row in rows if row[0] != 2])


@given(st.integers(1, (1 << 40) - 1), st.integers(1, (1 << 40) - 1), st.integers(-(1 << 62) + 1, (1 << 62) - 1), st.booleans())
@settings(max_examples=200)
def test_position_cost_share_is_the_floor_of_the_exact_share(a, b, cost, short):
    held, lots = max(a, b), min(a, b)
    p = Position({"lots": 2}, qty_lots=-held if short else held, cost=cost)
    assert p.cost_share(lots) == cost * lots // held
    assert p.cost_share(held) == cost


def linear():
    return spec_of(*HALVES), Position({"lots": 4})


def test_position_opens_adds_reduces_and_turns():
    spec, p = linear()
    assert p.book(spec, BUY, 100, 10, 0) == 0
    assert p.book(spec, BUY, 110, 10, 0) == 0
    assert p.cost == 2100
    assert p.book(spec, SELL, 120, 5, 0) == 600 - 525
    assert (p.qty_lots, p.cost, p.realized_fifo) == (15, 1575, 600 - 500)
    assert p.book(spec, SELL, 100, 20, 0) == 1500 - 1575
    assert (p.qty_lots, p.cost, p.realized, p.realized_fifo) == (-5, -500, 0, 0)
    assert p.book(spec, BUY, 90, 5, 0) == 50
    assert (p.qty_lots, p.cost, p.realized, p.realized_fifo, p.cash) == (0, 0, 50, 50, 50)


def test_position_fifo_closes_the_oldest_lots_first():
    spec, p = linear()
    for px in (100, 110, 120):
        p.book(spec, BUY, px, 1, 0)
    p.book(spec, SELL, 115, 2, 0)
    assert (p.realized_fifo, p.realized) == (115 - 100 + 115 - 110, 10)
    assert (p.fifo_cost(), p.cost) == (120, 110)


def test_position_fifo_without_room_merges_the_newest_and_keeps_the_sum():
    spec, p = linear()
    for px in (100, 101, 102, 103, 110, 110):
        p.book(spec, BUY, px, 1, 0)
    assert (p.lots.count, p.lots.merged, p.fifo_cost()) == (4, 2, p.cost)
    p.book(spec, SELL, 100, 6, 0)
    assert (p.realized_fifo, p.lots.count) == (p.cash, 0)


@given(
    st.lists(st.tuples(st.integers(0, 2), SIDES, st.integers(1, 50), st.integers(1, 9), st.integers(2, 100)), max_size=30),
    st.integers(2, 100),
)
@settings(deadline=None, max_examples=60)
def test_position_net_of_several_strategies_is_their_sum(fills, mark2):
    spec, net = linear()
    parts = [Position({"lots": 4}) for _ in range(3)]
    for part, side, px, qty, mid2 in fills:
        for p in (net, parts[part]):
            p.book(spec, side, px, qty, mid2)
    for p in (net, *parts):
        p.take_mark(spec, mark2)
    assert net.qty_lots == sum(p.qty_lots for p in parts)
    assert net.cash == sum(p.cash for p in parts)
    assert net.spread2 == sum(p.spread2 for p in parts)
    assert 2 * net.realized + net.unrealized2() == sum(2 * p.realized + p.unrealized2() for p in parts)


def test_position_odd_cost_rounds_down_and_is_exact_when_flat():
    spec, p = linear()
    p.book(spec, BUY, 10, 1, 0)
    p.book(spec, BUY, 11, 2, 0)  # 32 for 3 lots
    assert [p.book(spec, SELL, 10, 1, 0) for _ in range(3)] == [10 - 10, 10 - 11, 10 - 11]
    assert (p.cost, p.realized, p.cash) == (0, -2, -2)


@pytest.mark.parametrize(
    ("side", "px", "mid2", "earned2"), [(BUY, 99, 200, 6), (SELL, 101, 200, 6), (BUY, 101, 201, -3), (SELL, 101, 0, 0)]
)
def test_position_spread_is_what_a_fill_earned_against_the_mid(side, px, mid2, earned2):
    spec, p = linear()
    p.book(spec, side, px, 3, mid2)
    assert (p.spread2, p.inventory2) == (earned2, 0)


def test_position_inventory_is_what_holding_earned_while_the_mid_moved():
    spec, p = linear()
    p.book(spec, BUY, 100, 2, 202)  # bought a tick below the mid
    p.take_mark(spec, 210)  # the mid rises by four
    p.book(spec, SELL, 104, 2, 206)  # falls by two, and we sell one above it
    assert (p.spread2, p.inventory2) == (2 * 2 + 2 * 2, 2 * (8 - 4))
    assert (p.realized, p.unrealized2()) == (8, 0)


def test_position_unrealized_at_mid_and_at_the_mark_price():
    spec, p = linear()
    p.book(spec, SELL, 100, 4, 200)
    p.take_mark(spec, 2 * 95 + 1)
    assert p.unrealized2() == 2 * 400 - 4 * 191
    assert p.unrealized_at_mark(spec, 90 * E9) == 40
    assert p.unrealized_at_mark(spec, 90 * E9 + 100_000_000) == 40  # 4 x 90.1 = 360.4, to the nearest unit


def test_position_inverse_gains_in_the_base_currency():
    spec, p = spec_of(*BTCUSD_PERP), Position({"lots": 4})
    p.book(spec, BUY, 500_000, 10, 0)  # 1,000 USD at 50,000: 0.02 BTC
    assert p.cost == -2_000_000
    assert p.book(spec, SELL, 625_000, 10, 0) == 2_000_000 - 1_600_000  # 0.016 BTC at 62,500
    assert (p.cost, p.realized, p.cash) == (0, 400_000, 400_000)


def test_position_inverse_rounds_each_fill_once():
    spec, p = spec_of(*BTCUSD_PERP), Position({"lots": 4})
    p.book(spec, BUY, 600_000, 1, 0)  # 166,666.67 of a satoshi
    assert p.cash == 166_667
    p.book(spec, SELL, 600_000, 3, 0)  # 500,000 for all three: 166,666 of it closes
    assert (p.realized, p.cost, p.cash) == (166_667 - 166_666, 333_334, 166_667 - 500_000)


@pytest.mark.parametrize(
    ("figures", "qty", "mark_e9", "rate_e9", "money"),
    [
        (BTCUSDT, 1500, 60_000 * E9, 100_000, -900_000_000),  # 1.5 BTC at 60,000, 0.01 %: 9 USDT are paid
        (BTCUSDT, -1500, 60_000 * E9, 100_000, 900_000_000),
        (BTCUSDT, 1500, 60_000 * E9, -100_000, 900_000_000),
        (BTCUSDT, 1, 60_000_123_456_789, 381_670, -2_290_025),  # 60.000123456789 x 0.00038167 = 0.0229002471...
        (HALVES, 1, 1_500_000_000, E9, -2),  # 1.5: ties away from zero
        (HALVES, 1, 1_500_000_000, -E9, 2),
        (BTCUSD_PERP, 600, 60_000 * E9, 100_000, -10_000),  # 60,000 USD are 1 BTC: 0.0001 BTC
        (BTCUSD_PERP, -1, 60_000 * E9, 100_000, 17),
    ],
)
def test_position_funding_who_is_long_pays_a_positive_rate(figures, qty, mark_e9, rate_e9, money):
    p = Position({"lots": 2}, qty_lots=qty)
    assert p.settle_funding(spec_of(*figures), mark_e9, rate_e9) == money
    assert p.funding == money


def test_position_of_spot_has_no_funding():
    spec = InstrumentSpec()
    assert spec.load(InstrumentSlot(instrument=0, base=1, quote=2, tick_e9=E9, lot_e9=E9, multiplier_e9=E9, money_scale=8), 8)
    p = Position({"lots": 2}, qty_lots=5)
    assert p.settle_funding(spec, E9, E9) == 0
