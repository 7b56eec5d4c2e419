"""Queue, fill, impact and fee models of the simulated venue against its slow twin, plain and compiled, and each by a worked example."""

import math
import random
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.records import TimeInForce, VenueEventType
from streams.trading.queue_model import QUEUE_MODELS, QueuePlace, behind_share
from tests.trading.test_venue import BUY, GTC, IOC, MARKET, QUOTED, SELL, both, fills, order
from tests.trading.venue_runs import random_calls

ROOT = ("square_root", 0.1, 200.0, 0.5, "power", 0.0, 1.0)
POWER = ("propagator", 0.05, 50.0, 0.6, "power", 0.5, 3.0)
EXPONENTIAL = ("propagator", 0.05, 50.0, 1.0, "exponential", 0.0, 9.0)
MODELS = [
    *({"queue": (model, exponent), "lot": 0.5} for model, exponent in (("proportional", 0.0), ("power", 2.0), ("log", 0.0))),
    *({"queue": (model, exponent)} for model, exponent in (("power2", 3.0), ("power2", 1.5), ("power3", 0.7), ("log2", 0.0))),
    {"whole": True},
    {"whole": True, "queue": ("power", 3.0)},
    *({"impact": impact} for impact in (ROOT, POWER, EXPONENTIAL)),
    {"whole": True, "impact": POWER},
    {"tiers": ((0, 200_000, 500_000), (30_000, 100_000, 400_000), (90_000, -50_000, 300_000))},
]


def queue_calls(seed):
    """Orders wait at one price, whose level changes and trades."""
    rng = random.Random(seed)
    calls = [("time", 1), ("level", BUY, 100, 30), ("level", SELL, 101, 30), ("update_end", 0)]
    for n in range(1, 60):
        what = rng.random()
        if what < 0.5:
            calls += [("level", BUY, 100, rng.randint(10, 60)), ("update_end", 0)]
        elif what < 0.8:
            calls.append(("trade", SELL, 100, rng.randint(1, 12)))
        else:
            calls.append(order(n, qty=rng.randint(1, 9)))
    return calls


def markets(models):
    """Everything that was answered in some random markets."""
    made = [random_calls(300 + seed, 150) for seed in range(3)] + [queue_calls(seed) for seed in range(5)]
    return [both(calls, **models).answers for calls in made]


@cache
def plain_markets():
    """The same markets without any model."""
    return markets({})


@pytest.mark.parametrize("models", MODELS, ids=str)
def test_venue_with_models_random_market_equals_slow_venue_and_not_the_plain_one(models):
    assert markets(models) != plain_markets()


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(MODELS), st.integers(0, 1 << 32), st.integers(1, 80))
def test_venue_with_any_models_any_market_equals_slow_venue(models, seed, count):
    both(random_calls(seed, count), **models)


@pytest.mark.slow
@pytest.mark.parametrize("models", MODELS, ids=str)
def test_venue_with_models_compiled_ends_in_the_same_bytes(models):
    both([*random_calls(400, 300), *queue_calls(9)[1:]], **models).play_compiled()


# ---- queue ----
JOINED = [order(1), ("level", BUY, 100, 20), ("update_end", 0)]  # 5 lots of others ahead, 15 behind


def ahead_after(calls, **models):
    venue = both([*QUOTED, *calls], **models).venue
    return venue.orders.pool[venue.orders.find(1)].ahead_lots


@pytest.mark.parametrize(
    ("model", "exponent", "ahead"),
    [
        ("none", 0.0, 5),
        ("proportional", 0.0, 3),  # 8 cancelled, a quarter of them ahead
        ("power", 2.0, 4),  # 225 / 250 of 8 behind: 4.2 ahead
        ("power2", 0.5, 4),  # sqrt(15 / 20) of 8 behind: 3.93 ahead
        ("power3", 1.0, 3),
        ("log", 0.0, 2),  # log 16 / (log 16 + log 6) of 8 behind: 1.86 ahead
        ("log2", 0.0, 4),  # log 16 / log 21 of 8 behind: 4.28 ahead
    ],
)
def test_cancellations_are_shared_out_as_the_model_says(model, exponent, ahead):
    calls = [*JOINED, ("level", BUY, 100, 12), ("update_end", 0)]
    assert ahead_after(calls, queue=(model, exponent)) == ahead


def test_traded_lots_are_no_cancellations():
    calls = [*JOINED, ("trade", SELL, 100, 2), ("level", BUY, 100, 18), ("update_end", 0)]
    assert ahead_after(calls, queue=("proportional", 0.0)) == 3
    calls[-2] = ("level", BUY, 100, 10)  # 8 more were cancelled; 3 of the 20 that stood there are ahead of us: 1.2 of those
    assert ahead_after(calls, queue=("proportional", 0.0)) == 2


@pytest.mark.parametrize(("front", "ahead"), [(4.2, 4), (4.5, 4), (4.6, 5), (0.5, 0), (-0.4, 0), (-0.5, -1), (-1.4, -1), (-1.5, -2)])
def test_estimate_is_rounded_as_hftbacktest_rounds_it(front, ahead):
    place = QueuePlace()
    place.start(front * 0.25)
    assert place.ahead_lots(0.25) == ahead


def test_order_that_a_trade_has_just_not_reached_can_fall_back_with_power2():
    place = QueuePlace()
    place.start(0.6)
    place.trade(1.0)
    assert place.ahead_lots(1.0) == 0  # 0.4 of a lot were missing
    place.level(101.0, 10.0, QUEUE_MODELS["power2"], 3.0)  # 90 of 101 are cancelled; of f(101.4) / f(101) of them none was ahead
    assert place.front == pytest.approx(-0.4 + ((101.4 / 101) ** 3 - 1) * 90, abs=1e-9)


@pytest.mark.parametrize(("model", "exponent", "lot"), [("power", 2.5, 1.0), ("power3", 1.5, 1.0), ("log", 0.0, 9.0)])
def test_order_past_the_front_stands_at_the_end_where_the_function_has_no_value(model, exponent, lot):
    place = QueuePlace()
    place.start(-0.4 * lot)
    place.level(9.0 * lot, 7.0 * lot, QUEUE_MODELS[model], exponent)
    assert place.front == 7 * lot


def test_log_models_count_in_the_base_quantity():
    share = [behind_share(QUEUE_MODELS["log"], 0.0, 5 * lot, 15 * lot) for lot in (1.0, 0.001)]
    assert share == [math.log(16) / (math.log(16) + math.log(6)), math.log(1.015) / (math.log(1.015) + math.log(1.005))]


@pytest.mark.parametrize("model", [m for m in QUEUE_MODELS if m != "none"])
def test_share_behind_is_all_at_the_front_and_none_at_the_back(model):
    number = QUEUE_MODELS[model]
    assert behind_share(number, 1.5, 0.0, 7.0) == 1.0
    assert behind_share(number, 1.5, 7.0, 0.0) == 0.0


@given(st.sampled_from(sorted(set(QUEUE_MODELS) - {"none"})), st.lists(st.integers(0, 50), min_size=1, max_size=30))
def test_estimate_is_never_more_than_the_level(model, levels):
    place = QueuePlace()
    place.start(20.0)
    before = 20
    for lots in levels:
        place.level(float(before), float(lots), QUEUE_MODELS[model], 2.0)
        assert place.ahead_lots(1.0) <= lots
        before = lots


# ---- whole ----
def test_whole_fill_asks_only_whether_the_order_is_reached():
    reached = [order(1, qty=50), ("trade", SELL, 100, 5), ("trade", SELL, 100, 1)]
    assert fills(reached, whole=True) == [(1, 100, 50, 1)]
    assert fills([order(1, qty=50), ("trade", SELL, 99, 1)], whole=True) == [(1, 100, 50, 1)]
    assert fills([order(1, qty=50), ("level", SELL, 100, 1), ("update_end", 0)], whole=True) == [(1, 100, 50, 1)]


def test_whole_orders_that_take_are_filled_at_the_touch_and_use_nothing_up():
    taking = [order(1, px=101, qty=50, tif=IOC), order(2, px=0, qty=70, kind=MARKET), order(3, px=101, qty=9)]
    assert fills(taking, whole=True) == [(1, 101, 50, 0), (2, 101, 70, 0), (3, 101, 9, 0)]


def test_whole_trade_reaches_each_order_with_all_its_volume():
    calls = [order(1, qty=4), order(2, qty=4), ("trade", SELL, 100, 6)]
    assert fills(calls, whole=True) == [(1, 100, 4, 1), (2, 100, 4, 1)]


# ---- impact ----
def test_square_root_impact_raises_the_price_by_the_formula():
    deep = [("level", SELL, 10_000, 900), ("level", BUY, 9_999, 900), ("update_end", 0)]
    model = ("square_root", 1.5 * 0.02, 10_000.0, 0.5, "power", 0.0, 1.0)
    paid = fills([*deep, ("level", SELL, 101, 0), ("level", SELL, 102, 0), order(1, px=0, qty=400, kind=MARKET)], impact=model)
    assert paid == [(1, 10_000 + round(1.5 * 0.02 * math.sqrt(400 / 10_000) * 10_000), 400, 0)]


def test_square_root_impact_is_gone_for_the_next_order_and_heeds_a_limit():
    model = ("square_root", 0.1, 100.0, 0.5, "power", 0.0, 1.0)  # 2 lots: 1.4 ticks, 3: 1.7
    assert fills([order(1, px=102, qty=7, tif=IOC)], impact=model) == [(1, 102, 2, 0)]
    assert fills([order(1, px=102, qty=2, tif=IOC), order(2, px=102, qty=2, tif=IOC)], impact=model) == [(1, 102, 2, 0), (2, 102, 2, 0)]
    assert fills([order(1, px=102, qty=7, tif=TimeInForce.FOK)], impact=model) == []


@pytest.mark.parametrize(("kernel", "left"), [("power", lambda t: (1 + t / 5) ** -0.5), ("exponential", lambda t: math.exp(-t / 5))])
def test_propagator_adds_up_what_is_left_of_each_order(kernel, left):
    model = ("propagator", 0.5, 100.0, 1.0, kernel, 0.5, 5.0)
    buys = [("time", 10), order(1, px=0, qty=4, kind=MARKET), ("time", 14), order(2, px=0, qty=2, kind=MARKET)]
    refilled = [("level", SELL, 101, 7), ("update_end", 0), ("time", 20), order(3, px=0, qty=1, kind=MARKET)]
    first = 0.5 * 4 / 100 * 101
    second = 0.5 * 2 / 100 * 101
    moved = [0, round(first * left(4)), round(first * left(10) + second * left(6))]
    assert min(moved[1:]) > 0
    assert [px for _, px, _, _ in fills([*buys, *refilled], impact=model)] == [101 + m for m in moved]


def test_propagator_gives_no_gift_to_the_other_side_and_keeps_a_limit_order_from_the_touch():
    model = ("propagator", 1.0, 100.0, 1.0, "power", 0.5, 1e9)
    assert fills([order(1, px=0, qty=4, kind=MARKET), order(2, SELL, px=0, qty=1, kind=MARKET)], impact=model)[1] == (2, 100, 1, 0)
    waits = [order(1, px=0, qty=4, kind=MARKET), order(2, px=101, qty=1, tif=GTC), ("level", SELL, 101, 5), ("update_end", 0)]
    assert len(fills(waits, impact=model)) == 1
    assert fills([*waits, ("time", 10**12), ("level", SELL, 101, 6), ("update_end", 0)], impact=model)[1] == (2, 101, 1, 1)


# ---- fees ----
def test_fee_falls_with_what_was_traded_before_and_becomes_a_rebate():
    tiers = ((0, 0, 10_000_000), (1_000, 0, 5_000_000), (1_500, 0, -5_000_000))
    taking = [order(n, px=0, qty=1, kind=MARKET) for n in range(1, 6)]
    paid = [a[8] for a in both([*QUOTED, *taking], unit=4, tiers=tiers).answers if a[0] == VenueEventType.FILL]
    assert paid == [4, 4, 4, 2, -2]  # 404 money units each; 404, 808, 1212, 1616 traded before
