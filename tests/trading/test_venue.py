"""The simulated venue against its slow twin, plain and compiled, and its rules one by one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.records import OrdType, Side, TimeInForce, VenueEventType
from streams.trading import venue_answer
from tests.trading.venue_runs import SIZES, Both, random_calls

BUY, SELL = Side.BUY, Side.SELL
LIMIT, MARKET, STOP, STOP_LIMIT = OrdType.LIMIT, OrdType.MARKET, OrdType.STOP, OrdType.STOP_LIMIT
GTC, IOC, FOK, GTD = TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTD


def both(calls, **figures):
    made = Both(**figures)
    for name, *args in calls:
        made.call(name, *args)
    made.agree()
    return made


@pytest.mark.parametrize("seed", range(15))
def test_venue_random_market_equals_slow_venue(seed):
    both(random_calls(seed, 200), min_qty=2 if seed % 3 == 0 else 1, max_qty=8 if seed % 4 == 0 else 0, maker_e9=-1_234_567)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1 << 32), st.integers(1, 80))
def test_venue_any_market_equals_slow_venue(seed, count):
    both(random_calls(seed, count))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_venue_random_market_compiled_ends_in_the_same_bytes(seed):
    both(random_calls(100 + seed, 400)).play_compiled()


def test_random_markets_give_every_kind_of_answer_and_reason():
    answers = [a for seed in range(15) for a in both(random_calls(seed, 200), min_qty=2 if seed % 3 == 0 else 1).answers]
    assert {a[0] for a in answers} == set(VenueEventType)
    assert {a[-1] for a in answers} == set(venue_answer.REASONS) - {venue_answer.REASONS[3], venue_answer.REASONS[9]}


def test_answer_kinds_are_those_of_the_records():
    assert {kind.name: int(kind) for kind in VenueEventType} == {kind.name: getattr(venue_answer, kind.name) for kind in VenueEventType}


QUOTED = [("level", BUY, 100, 5), ("level", SELL, 101, 7), ("level", SELL, 102, 9), ("update_end", 0)]


def order(id, side=BUY, px=100, qty=4, kind=LIMIT, tif=GTC, post_only=0, stop=0, expire=0, more=()):
    return ("new", id, side, kind, tif, post_only, px, qty, stop, expire, *more)


def fills(calls, **figures):
    """(order, price, quantity, maker) of every fill."""
    return [(a[1], a[3], a[4], a[7]) for a in both([*QUOTED, *calls], **figures).answers if a[0] == VenueEventType.FILL]


def test_trade_at_the_price_fills_only_what_passes_the_queue():
    assert fills([order(1), ("trade", SELL, 100, 4)]) == []
    assert fills([order(1), ("trade", SELL, 100, 4), ("trade", SELL, 100, 3)]) == [(1, 100, 2, 1)]


def test_trade_beyond_the_price_fills_up_to_its_volume():
    assert fills([order(1), ("trade", SELL, 99, 3)]) == [(1, 100, 3, 1)]


def test_trade_volume_is_shared_by_price_then_time():
    calls = [order(1, px=99), order(2), order(3), ("level", BUY, 100, 0), ("update_end", 0), ("trade", SELL, 99, 9)]
    assert fills(calls) == [(2, 100, 4, 1), (3, 100, 4, 1), (1, 99, 1, 1)]


def test_trade_at_the_price_fills_own_orders_in_turn_with_the_market_between_them():
    calls = [order(1, qty=2), ("level", BUY, 100, 9), ("update_end", 0), order(2)]  # 5 of the market, ours, 4 of the market, ours
    assert fills([*calls, ("trade", SELL, 100, 11)]) == [(1, 100, 2, 1)]
    assert fills([*calls, ("trade", SELL, 100, 12)]) == [(1, 100, 2, 1), (2, 100, 1, 1)]


def test_level_that_shrinks_moves_the_order_forward():
    assert fills([order(1), ("level", BUY, 100, 4), ("update_end", 0), ("trade", SELL, 100, 5)]) == [(1, 100, 1, 1)]


def test_crossed_book_fills_at_the_orders_price_up_to_what_is_displayed():
    calls = [order(1), ("level", BUY, 100, 0), ("level", SELL, 99, 3), ("update_end", 0), ("update_end", 0)]
    assert fills(calls) == [(1, 100, 3, 1)]


def test_market_order_walks_the_book_and_its_rest_expires():
    done = both([*QUOTED, order(1, px=0, qty=20, kind=MARKET)])
    assert [(a[0], a[3], a[4]) for a in done.answers] == [
        (VenueEventType.ACK, 0, 20),
        (VenueEventType.FILL, 101, 7),
        (VenueEventType.FILL, 102, 9),
        (VenueEventType.EXPIRED, 0, 20),
    ]


def test_lots_taken_are_gone_until_the_level_is_updated():
    taking = [order(1, px=101, qty=7), order(2, px=101, qty=1, tif=IOC), ("level", SELL, 101, 2), ("update_end", 0)]
    assert fills([*taking, order(3, px=101, qty=1)]) == [(1, 101, 7, 0), (3, 101, 1, 0)]


def test_fill_or_kill_takes_all_or_nothing():
    assert fills([order(1, px=102, qty=17, tif=FOK)]) == []
    assert fills([order(1, px=102, qty=16, tif=FOK)]) == [(1, 101, 7, 0), (1, 102, 9, 0)]


def test_post_only_order_that_would_take_is_rejected():
    assert both([*QUOTED, order(1, px=101, post_only=1)]).answers[-1][0] == VenueEventType.REJECT


def test_replace_to_less_keeps_the_place_and_to_more_loses_it():
    ahead = [order(1), ("trade", SELL, 100, 5), ("level", BUY, 100, 6), ("update_end", 0)]  # the next lot is ours
    assert fills([*ahead, ("replace", 1, 9, 100, 3), ("trade", SELL, 100, 2)]) == [(1, 100, 2, 1)]
    assert fills([*ahead, ("replace", 1, 9, 100, 6), ("trade", SELL, 100, 2)]) == []


def test_stop_order_waits_for_a_trade_at_its_price():
    stop = order(1, px=0, kind=STOP, stop=103)
    assert fills([stop, ("trade", BUY, 102, 1)]) == []
    assert fills([stop, ("trade", BUY, 103, 1)]) == [(1, 101, 4, 0)]


def test_fee_is_rounded_half_up_per_fill_and_a_rebate_away_from_zero():
    paid = [a[8] for a in both([*QUOTED, order(1, px=101, qty=1)], unit=1, taker_e9=500_000_000 // 101).answers if a[8]]
    assert paid == []  # 101 x 4,950,495e-9 = 0.49999...: 0
    assert [a[8] for a in both([*QUOTED, order(1, px=101, qty=1)], unit=1, taker_e9=4_950_496).answers if a[8]] == [1]


def test_order_id_is_accepted_once_also_after_its_order_ended():
    done = both([*QUOTED, order(1), ("cancel", 1, 7), order(1)])
    assert [(a[0], a[-1]) for a in done.answers[1:]] == [
        (VenueEventType.CANCELLED, ""),
        (VenueEventType.REJECT, "order id was used before"),
    ]


def test_setup_with_too_few_lists_is_refused():
    with pytest.raises(ValueError, match="order_lists: the simulated venue needs 3 an instrument"):
        Both({**SIZES, "order_lists": 2})
