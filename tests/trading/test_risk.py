"""The risk tree against its slow twin: no false positive, no false negative, every sum exact, plain and compiled equal."""

import os
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.records import DenyCode, Rule
from streams.trading import risk_rules
from tests.trading.risk_runs import Desk

BUY, SELL = 0, 1
QUOTED = [("quote", 0, 99, 101), ("quote", 1, 99, 101)]
ACCOUNTS, INSTRUMENTS, SCOPES = st.integers(0, 2), st.integers(0, 1), st.integers(0, 4)
SIDES, LOTS, PRICES = st.integers(0, 1), st.integers(1, 12), st.one_of(st.just(100), st.integers(97, 103))
ANY_LOTS = st.one_of(LOTS, LOTS, st.integers(-1, 1 << 32))
ANY_PRICES = st.one_of(PRICES, PRICES, PRICES, st.none(), st.integers(-1, 1 << 39))
TOUCH = st.one_of(
    st.tuples(st.integers(95, 100), st.integers(101, 105)), st.tuples(st.none(), st.just(101)), st.tuples(st.just(99), st.none())
)
PASS_NS = st.sampled_from([0, 1, 7, 1_000, 40_000_000_000_000])
LOT_RULES = st.sampled_from([Rule.ORDER_SIZE, Rule.LONG, Rule.SHORT, Rule.COLLAR])
MONEY_RULES = st.sampled_from([Rule.ORDER_NOTIONAL, Rule.LONG, Rule.SHORT, Rule.GROSS, Rule.OPEN_NOTIONAL, Rule.DAILY_LOSS])
ONE_COMMAND = st.one_of(
    st.tuples(st.just("new"), ACCOUNTS, INSTRUMENTS, SIDES, LOTS, st.one_of(PRICES, st.none())),
    st.tuples(st.just("new"), ACCOUNTS, INSTRUMENTS, SIDES, LOTS, PRICES),
    st.tuples(st.just("new"), ACCOUNTS, INSTRUMENTS, SIDES, ANY_LOTS, ANY_PRICES),
    st.tuples(st.just("replace"), st.integers(0, 9), LOTS, PRICES),
    st.tuples(st.just("fill"), st.integers(0, 9), LOTS, st.integers(0, 3), st.integers(-5, 20)),
    st.tuples(st.just("cancel"), st.integers(0, 9)),
    st.tuples(st.just("quote"), INSTRUMENTS, TOUCH).map(lambda c: (c[0], c[1], *c[2])),
    st.tuples(st.just("later"), PASS_NS),
    st.tuples(st.just("limit"), SCOPES, INSTRUMENTS, LOT_RULES, st.integers(-1, 40), st.just(0)),
    st.tuples(
        st.just("limit"),
        SCOPES,
        st.just(-1),
        st.sampled_from([Rule.ORDER_SIZE, Rule.COLLAR, Rule.OPEN_ORDERS]),
        st.integers(-1, 600),
        st.just(0),
    ),
    st.tuples(
        st.just("limit"),
        SCOPES,
        st.just(-1),
        MONEY_RULES,
        st.one_of(st.integers(-1, 40), st.integers(0, 60).map(lambda n: 1000 * n), st.integers(0, 40_000)),
        st.just(0),
    ),
    st.tuples(st.just("limit"), SCOPES, st.just(-1), st.just(Rule.ORDER_RATE), st.integers(-1, 5), st.sampled_from([1, 10, 3_333])),
    st.tuples(st.just("halt"), SCOPES, st.integers(-1, 1), SIDES),
    st.tuples(st.just("limit"), SCOPES, st.just(-1), st.just(Rule.REDUCE_ONLY), SIDES),
)
COMMANDS = st.lists(ONE_COMMAND, min_size=20, max_size=80).map(lambda commands: [*QUOTED, *commands])


def trade(commands, desk=None):
    desk = desk or Desk()
    for name, *args in commands:
        getattr(desk, name)(*args)
    return desk


@settings(max_examples=int(os.environ.get("MILLRACE_EXAMPLES", "60")), deadline=None)
@given(COMMANDS)
def test_risk_tree_any_commands_equals_slow_tree(commands):
    desk = trade(commands)
    desk.agree()
    while desk.orders:
        desk.cancel(0)
    desk.agree()
    assert all(n.orders.used == n.open.used == 0 for n in desk.tree.nodes)


def busy_commands(seed, count):
    """A dense random day: few limits at a time, near what the orders need, so that every rule is met exactly and by one."""
    rng = random.Random(seed)
    commands = list(QUOTED)
    lot_rules, money_rules, count_rules = [0, 2, 3, 4], [1, 3, 4, 5, 7, 9], [0, 2, 6]
    for _ in range(count):
        account, instrument, side, lots = rng.randrange(3), rng.randrange(2), rng.randrange(2), rng.randint(1, 6)
        px = rng.choice([100, 100, 99, 101, rng.randint(96, 104), None])
        scope, lift = rng.randrange(5), rng.random() < 0.5
        commands.append(
            rng.choices(
                [
                    ("new", account, instrument, side, lots, px),
                    ("replace", rng.randrange(20), rng.randint(1, 9), rng.randint(98, 102)),
                    ("fill", rng.randrange(20), lots, rng.randint(0, 2), rng.choice([0, 0, -1, 5])),
                    ("cancel", rng.randrange(20)),
                    ("quote", instrument, *rng.choice([(99, 101), (98, 101), (99, 103), (90, 91), (None, 101), (99, None)])),
                    ("later", rng.choice([0, 1, 4, 1_000, 30_000_000_000_000])),
                    ("limit", scope, instrument, rng.choice(lot_rules), -1 if lift else rng.randint(0, 12), 0),
                    (
                        "limit",
                        scope,
                        -1,
                        rng.choice(money_rules),
                        -1 if lift else rng.choice([0, 100, 300, 1000 * lots, 900 * lots]),
                        0,
                    ),
                    (
                        "limit",
                        scope,
                        -1,
                        rng.choice(count_rules),
                        -1 if lift else rng.randint(0, 6),
                        0,
                    ),
                    ("limit", scope, -1, Rule.ORDER_RATE, -1 if lift else rng.randint(0, 4), rng.choice([1, 3, 10])),
                    ("halt", scope, rng.randint(-1, 1), not lift),
                    ("halt", rng.randrange(5), rng.randint(-1, 1), 0),
                    ("limit", scope, -1, Rule.REDUCE_ONLY, int(rng.random() < 0.3)),
                ],
                [40, 12, 20, 8, 5, 6, 4, 6, 4, 2, 1, 8, 1],
            )[0]
        )
        if rng.random() < 0.02:  # a clean slate, so that limits do not pile up until nothing passes
            every = [("limit", s, i, r, -1, 1) for s in range(5) for i in (-1, 0, 1) for r in range(10)]
            commands += (
                every
                + [("halt", s, i, 0) for s in range(5) for i in (-1, 0, 1)]
                + [("limit", s, -1, Rule.REDUCE_ONLY, 0) for s in range(5)]
            )
    return commands


@pytest.mark.parametrize("seed", range(12))
def test_risk_tree_busy_day_equals_slow_tree(seed):
    trade(busy_commands(seed, 150)).agree()


def test_busy_days_meet_every_rule():
    codes = set()
    for seed in range(40):
        desk = Desk()
        for name, *args in busy_commands(seed, 150):
            getattr(desk, name)(*args)
            codes.add(desk.tree.code)
    assert codes >= {DenyCode.OK, *range(DenyCode.HALTED, DenyCode.DAILY_LOSS + 1), DenyCode.NO_REFERENCE_PRICE}


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(COMMANDS)
def test_risk_tree_compiled_ends_in_the_same_bytes(commands):
    trade(commands).play_compiled()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_risk_tree_busy_day_compiled_ends_in_the_same_bytes(seed):
    trade(busy_commands(seed, 400)).play_compiled()


def test_rules_and_codes_are_those_of_the_records():
    assert [getattr(risk_rules, r.name) for r in Rule] == list(range(len(Rule)))
    codes = {name[5:]: value for name, value in vars(risk_rules).items() if name.startswith("DENY_")}
    assert codes == {name: DenyCode[name] for name in codes}


def asked(desk, *order):
    """(code, scope, limit, used) of a new order."""
    desk.new(*order)
    return desk.tree.code, desk.tree.scope, desk.tree.limit_value, desk.tree.used_value


HELD = [*QUOTED, ("new", 0, 0, BUY, 10, 100), ("fill", 0, 10, 0, 0)]  # account 0 is long 10 lots from 100: 10,000 money at the mark


@pytest.mark.parametrize(
    ("before", "limit", "within", "beyond", "code", "used"),
    [
        (QUOTED, (2, 0, Rule.ORDER_SIZE, 5, 0), (0, 0, BUY, 5, 100), (0, 0, BUY, 6, 100), DenyCode.ORDER_SIZE, 6),
        (QUOTED, (1, -1, Rule.ORDER_NOTIONAL, 5000, 0), (0, 0, BUY, 5, 100), (0, 0, BUY, 6, 100), DenyCode.ORDER_NOTIONAL, 6000),
        (QUOTED, (0, 0, Rule.COLLAR, 100, 0), (0, 0, BUY, 1, 102), (0, 0, BUY, 1, 103), DenyCode.COLLAR, 199),
        (QUOTED, (0, 0, Rule.COLLAR, 100, 0), (0, 0, SELL, 1, 99), (0, 0, SELL, 1, 98), DenyCode.COLLAR, 102),
        (HELD, (1, 0, Rule.LONG, 15, 0), (0, 0, BUY, 5, 100), (0, 0, BUY, 6, 100), DenyCode.LONG, 16),
        (HELD, (0, -1, Rule.LONG, 15_000, 0), (1, 0, BUY, 5, 100), (1, 0, BUY, 6, 100), DenyCode.LONG, 16_000),
        (HELD, (2, 0, Rule.SHORT, 5, 0), (0, 0, SELL, 15, 100), (0, 0, SELL, 16, 100), DenyCode.SHORT, 6),
        (HELD, (0, -1, Rule.SHORT, 0, 0), (1, 0, SELL, 10, 100), (1, 0, SELL, 11, 100), DenyCode.SHORT, 1000),
        (HELD, (0, -1, Rule.GROSS, 15_000, 0), (1, 0, SELL, 5, 100), (1, 0, SELL, 6, 100), DenyCode.GROSS, 16_000),
        (HELD, (0, -1, Rule.GROSS, 0, 0), (0, 0, SELL, 10, 100), (0, 0, SELL, 11, 100), DenyCode.GROSS, 21_000),
        ([*QUOTED, ("new", 1, 0, BUY, 1, 100)], (1, -1, Rule.OPEN_ORDERS, 2, 0), (0, 0, BUY, 1, 100), None, DenyCode.OPEN_ORDERS, 3),
        (QUOTED, (1, -1, Rule.OPEN_NOTIONAL, 5000, 0), (0, 0, BUY, 5, 100), (0, 0, BUY, 6, 100), DenyCode.OPEN_NOTIONAL, 6000),
        (QUOTED, (1, -1, Rule.ORDER_RATE, 1, 10), (0, 0, BUY, 1, 100), None, DenyCode.ORDER_RATE, 2),
    ],
)
def test_check_one_step_beyond_a_limit_denies(before, limit, within, beyond, code, used):
    desk = trade([*before, ("limit", *limit)])
    if beyond is None:  # the first takes the room of the second
        assert asked(desk, *within)[0] == DenyCode.OK
        assert asked(desk, *within) == (code, limit[0], limit[3], used)
    else:
        assert asked(desk, *beyond) == (code, limit[0], limit[3], used)
        assert asked(desk, *within)[0] == DenyCode.OK


def test_check_limit_of_zero_denies_and_negative_lifts_it():
    desk = trade([*QUOTED, ("limit", 0, -1, Rule.OPEN_ORDERS, 0, 0)])
    assert asked(desk, 0, 0, BUY, 1, 100) == (DenyCode.OPEN_ORDERS, 0, 0, 1)
    desk.limit(0, -1, Rule.OPEN_ORDERS, -1, 0)
    assert asked(desk, 0, 0, BUY, 1, 100)[0] == DenyCode.OK


def test_check_two_orders_in_flight_do_not_share_the_room():
    desk = trade([*QUOTED, ("limit", 0, 0, Rule.LONG, 5, 0), ("new", 0, 0, BUY, 3, 100)])
    assert asked(desk, 1, 0, BUY, 3, 100) == (DenyCode.LONG, 0, 5, 6)


def test_check_daily_loss_denies_what_opens_until_midnight():
    loss = [*HELD, ("quote", 0, 89, 91), ("limit", 0, -1, Rule.DAILY_LOSS, 999, 0)]
    desk = trade(loss)
    assert asked(desk, 1, 1, BUY, 1, 100) == (DenyCode.DAILY_LOSS, 0, 999, 1000)
    assert asked(desk, 0, 0, SELL, 10, 90)[0] == DenyCode.OK  # the way out
    desk.later(86_400_000_000_000)
    assert asked(desk, 1, 1, BUY, 1, 100)[0] == DenyCode.OK


def test_check_rate_refills_to_the_nanosecond():
    desk = trade([*QUOTED, ("limit", 0, -1, Rule.ORDER_RATE, 3, 10), *[("new", 0, 0, BUY, 1, 100)] * 3, ("later", 3)])
    assert asked(desk, 0, 0, BUY, 1, 100)[0] == DenyCode.ORDER_RATE  # 9 of 10 credits
    desk.later(1)
    assert asked(desk, 0, 0, BUY, 1, 100)[0] == DenyCode.OK


def test_check_denied_order_takes_no_token():
    desk = trade([*QUOTED, ("limit", 2, -1, Rule.ORDER_RATE, 1, 10), ("limit", 0, 0, Rule.ORDER_SIZE, 1, 0)])
    assert asked(desk, 0, 0, BUY, 2, 100)[0] == DenyCode.ORDER_SIZE
    assert asked(desk, 0, 0, BUY, 1, 100)[0] == DenyCode.OK


def test_check_market_order_without_opposite_touch_has_no_reference_price():
    desk = trade([("quote", 0, 99, None)])
    assert asked(desk, 0, 0, BUY, 1, None)[0] == DenyCode.NO_REFERENCE_PRICE
    assert asked(desk, 0, 0, SELL, 1, None)[0] == DenyCode.OK


def test_check_unknown_account_or_instrument_is_named():
    desk = Desk()
    assert desk.tree.check(7, 0, BUY, 1, 100, 99, 101, 0, 1) == DenyCode.UNKNOWN_ACCOUNT
    assert desk.tree.check(0, 9, BUY, 1, 100, 99, 101, 0, 1) == DenyCode.UNKNOWN_INSTRUMENT
    before = desk.tree.pack().tobytes()
    assert [desk.tree.on_fill(*who, BUY, 100, 1, 0, 100, 1) for who in ((7, 0), (-1, 0), (0, 9))] == [0, 0, 0]
    assert desk.tree.pack().tobytes() == before


def test_check_notional_beyond_exact_sums_is_a_bad_field():
    desk = trade(QUOTED)
    assert asked(desk, 0, 0, BUY, (1 << 31) - 1, (1 << 38) - 1)[0] == DenyCode.BAD_FIELD


def test_set_parent_cycle_or_busy_scope_is_refused():
    desk = trade([*QUOTED, ("new", 0, 0, BUY, 1, 100)])
    assert desk.tree.set_parent(0, 1) == 0
    assert desk.tree.set_parent(2, 0) == 0
    assert desk.tree.set_parent(4, 1) == 1


def test_on_mark_beyond_exact_sums_halts_the_scope():
    desk = trade(HELD)
    desk.tree.on_fill(0, 0, BUY, 100, (1 << 31) - 1, 0, 0, 1)
    desk.tree.on_mark(0, (1 << 39) - 1, 2)
    assert desk.tree.check(0, 0, SELL, 1, 100, 99, 101, 3, 1) == DenyCode.HALTED
    assert desk.tree.nodes[0].inexact == 1


def test_reducible_lots_counts_working_orders_first():
    desk = trade([*HELD, ("new", 0, 0, SELL, 4, 105)])
    assert desk.tree.reducible_lots(0, 0, SELL) == 6
    assert desk.tree.reducible_lots(0, 0, BUY) == 0
