"""Each rule of the risk tree at its edge: the last order within passes, the next one is denied with scope, limit and used value.

Every answer is compared with the slow twin's as well (`Desk`).
"""

import pytest

from streams.kernel import NULL
from streams.records import DenyCode, Rule
from tests.trading.risk_commands import trade
from tests.trading.risk_runs import Desk

BUY, SELL = 0, 1
E9 = 1_000_000_000
DAY_NS = 86_400_000_000_000
QUOTED = [("quote", 0, 99, 101), ("quote", 1, 99, 101)]  # one lot at 100: 1,000 money in instrument 0, 300 in instrument 1


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
        (HELD, (1, 0, Rule.NET, 15, 0), (0, 0, BUY, 5, 100), (0, 0, BUY, 6, 100), DenyCode.NET, 16),
        (HELD, (2, 0, Rule.NET, 5, 0), (0, 0, SELL, 15, 100), (0, 0, SELL, 16, 100), DenyCode.NET, 6),
        (HELD, (0, -1, Rule.NET, 15_000, 0), (1, 0, BUY, 5, 100), (1, 0, BUY, 6, 100), DenyCode.NET, 16_000),
        (HELD, (0, -1, Rule.NET, 0, 0), (1, 0, SELL, 10, 100), (1, 0, SELL, 11, 100), DenyCode.NET, 1000),
        (HELD, (0, -1, Rule.DAILY_VOLUME, 15_000, 0), (1, 0, SELL, 5, 100), (1, 0, SELL, 6, 100), DenyCode.DAILY_VOLUME, 16_000),
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


# ---- groups ----
GROUPS = [*HELD, ("groups", 1, 0, 1, 0, 2 * E9)]
GROUPED = [("groups", 0, 0, 1, 0, -E9), *GROUPS]  # instrument 0 falls when the cluster rises, instrument 1 rises twice as much


@pytest.mark.parametrize(
    ("rule", "group", "limit", "within", "beyond", "used"),
    [
        (Rule.SECTOR, 0, 11_500, (1, 1, SELL, 5, 100), (1, 1, SELL, 6, 100), 11_800),
        (Rule.CURRENCY, 1, 11_500, (1, 1, BUY, 5, 100), (1, 1, BUY, 6, 100), 11_800),
        (Rule.CURRENCY, 1, 500, (1, 1, SELL, 35, 100), (1, 1, SELL, 36, 100), 800),
        (Rule.CORRELATED, 0, 12_000, (1, 1, SELL, 3, 100), (1, 1, SELL, 4, 100), 12_400),
        (Rule.CORRELATED, 0, 12_000, (1, 0, BUY, 2, 100), (1, 0, BUY, 3, 100), 13_000),
        (Rule.CORRELATED, 0, 2_000, (1, 1, BUY, 20, 100), (1, 1, BUY, 21, 100), 2_600),
    ],
)
def test_check_group_one_step_beyond_its_limit_denies(rule, group, limit, within, beyond, used):
    desk = trade([*GROUPED, ("group_limit", 0, rule, group, limit)])
    assert asked(desk, *beyond) == (DenyCode[rule.name], 0, limit, used)
    assert asked(desk, *within)[0] == DenyCode.OK
    desk.group_limit(0, rule, 1 - group, 0)  # nobody's group
    desk.group_limit(0, rule, group, -1)
    assert asked(desk, *beyond)[0] == DenyCode.OK


def test_set_groups_while_held_or_out_of_range_is_refused():
    desk = trade(GROUPED)
    assert desk.tree.set_groups(0, 0, 1, 0, -E9) == 1  # as it is
    assert [desk.tree.set_groups(0, *of) for of in ((1, 1, 0, -E9), (0, 1, 0, E9), (-1, -1, -1, 0))] == [0, 0, 0]
    beyond = ((2, 1, 0, 0), (0, 2, 0, 0), (0, 0, -2, 0), (0, 0, 0, 4 * E9 + 1), (0, 0, 0, NULL))
    assert [desk.tree.set_groups(1, *of) for of in beyond] == [0] * 5
    assert desk.tree.set_groups(2, 0, 0, 0, 0) == 0


# ---- what CAPITAL and P&L allow ----
RICH = [*HELD, ("limit", 0, -1, Rule.CAPITAL, 20_000)]


@pytest.mark.parametrize(
    ("rule", "bps", "within", "beyond", "limit", "used"),
    [
        (Rule.LEVERAGE, 6_000, (1, 1, SELL, 6, 100), (1, 1, SELL, 7, 100), 12_000, 12_100),
        (Rule.CONCENTRATION, 6_000, (1, 0, BUY, 2, 100), (1, 0, BUY, 3, 100), 12_000, 13_000),
        (Rule.CONCENTRATION, 100, (1, 0, SELL, 10, 100), (1, 0, SELL, 11, 100), 200, 1_000),
        (Rule.MARGIN, 10_000, (1, 1, SELL, 33, 100), (1, 1, SELL, 34, 100), 20_000, 20_200),
    ],
)
def test_check_beyond_what_capital_allows_denies(rule, bps, within, beyond, limit, used):
    desk = trade([*RICH, ("limit", 0, -1, rule, bps)])
    assert asked(desk, *beyond) == (DenyCode[rule.name], 0, limit, used)
    assert asked(desk, *within)[0] == DenyCode.OK


def test_check_leverage_follows_the_profit_and_ends_with_the_capital():
    desk = trade([*RICH, ("limit", 0, -1, Rule.LEVERAGE, 10_000), ("quote", 0, 109, 111)])  # 1,000 won: 21,000 allowed, 11,000 held
    assert asked(desk, 1, 0, BUY, 10, 100)[0] == DenyCode.OK
    desk.cancel(0)
    desk.fund(0, 0, -21_000)
    assert asked(desk, 1, 0, BUY, 1, 100) == (DenyCode.LEVERAGE, 0, 0, 12_000)
    assert asked(desk, 0, 0, SELL, 10, 100)[0] == DenyCode.OK  # the way out


def test_check_margin_takes_the_instruments_rate_before_the_scopes():
    desk = trade([*RICH, ("limit", 0, -1, Rule.MARGIN, 1_000), ("limit", 0, 0, Rule.MARGIN, 10_000)])  # 10,000 of 20,000 are bound
    assert asked(desk, 1, 0, BUY, 11, 100) == (DenyCode.MARGIN, 0, 20_000, 21_000)
    assert asked(desk, 1, 1, BUY, 300, 100)[0] == DenyCode.OK  # 90,000 x 10 %
    assert asked(desk, 1, 1, BUY, 34, 100) == (DenyCode.MARGIN, 0, 20_000, 20_020)


def test_check_var_takes_the_nearest_weight():
    weights = [("limit", 0, -1, Rule.VAR_WEIGHT, 100), ("limit", 0, 1, Rule.VAR_WEIGHT, 1_000), ("limit", 3, -1, Rule.VAR_WEIGHT, 2_000)]
    desk = trade([*HELD, *weights, ("limit", 0, -1, Rule.VAR, 160), ("limit", 3, -1, Rule.VAR, 160)])
    assert asked(desk, 0, 1, BUY, 2, 100)[0] == DenyCode.OK  # 10,000 x 1 % + 600 x 10 %
    assert asked(desk, 0, 1, BUY, 1, 100) == (DenyCode.VAR, 0, 160, 190)
    desk.cancel(0)
    assert asked(desk, 1, 1, BUY, 3, 100) == (DenyCode.VAR, 3, 160, 180)  # 900 x 20 % in the account's own scope


# ---- the day ----
def test_check_messages_per_fill_count_from_midnight_and_grow_with_fills():
    desk = trade([*QUOTED, ("limit", 1, -1, Rule.MESSAGES_PER_FILL, 3), *[("message", 0), ("message", 1)] * 2])
    assert asked(desk, 0, 0, BUY, 1, 100) == (DenyCode.MESSAGES_PER_FILL, 1, 3, 5)
    assert asked(desk, 2, 0, BUY, 1, 100)[0] == DenyCode.OK  # not of the desk
    desk.limit(1, -1, Rule.MESSAGES_PER_FILL, 5)
    assert asked(desk, 0, 0, BUY, 1, 100)[0] == DenyCode.OK
    desk.limit(1, -1, Rule.MESSAGES_PER_FILL, 3)
    desk.fill(1, 1, 0, 0)
    assert asked(desk, 1, 0, BUY, 1, 100)[0] == DenyCode.OK  # 6 for one fill and one to come
    desk.message(0)
    desk.message(0)
    assert asked(desk, 1, 0, BUY, 1, 100) == (DenyCode.MESSAGES_PER_FILL, 1, 6, 7)
    desk.later(DAY_NS)
    assert asked(desk, 1, 0, BUY, 1, 100)[0] == DenyCode.OK


def test_check_daily_trades_deny_after_the_last_until_midnight():
    desk = trade([*HELD, ("limit", 0, -1, Rule.DAILY_TRADES, 2)])
    assert asked(desk, 1, 1, BUY, 1, 100)[0] == DenyCode.OK
    desk.fill(0, 1, 0, 0)
    assert asked(desk, 1, 1, BUY, 1, 100) == (DenyCode.DAILY_TRADES, 0, 2, 3)
    desk.later(DAY_NS)
    assert asked(desk, 1, 1, BUY, 1, 100)[0] == DenyCode.OK


def test_check_daily_volume_counts_what_works_and_begins_anew_at_midnight():
    desk = trade([*HELD, ("limit", 0, -1, Rule.DAILY_VOLUME, 15_000), ("new", 1, 0, BUY, 5, 100)])
    assert asked(desk, 2, 1, BUY, 1, 100) == (DenyCode.DAILY_VOLUME, 0, 15_000, 15_300)
    desk.later(DAY_NS)
    assert asked(desk, 2, 1, BUY, 34, 100) == (DenyCode.DAILY_VOLUME, 0, 15_000, 15_200)
    assert asked(desk, 2, 1, BUY, 33, 100)[0] == DenyCode.OK


# ---- losses ----
def test_check_drawdown_counts_from_the_highest_profit_also_over_midnight():
    desk = trade([*HELD, ("quote", 0, 119, 121), ("later", DAY_NS), ("quote", 0, 109, 111), ("limit", 0, -1, Rule.DRAWDOWN, 999)])
    assert asked(desk, 1, 1, BUY, 1, 100) == (DenyCode.DRAWDOWN, 0, 999, 1_000)
    assert asked(desk, 0, 0, SELL, 10, 109)[0] == DenyCode.OK  # the way out
    desk.quote(0, 110, 112)
    assert asked(desk, 1, 1, BUY, 1, 100)[0] == DenyCode.OK


def test_on_mark_of_a_hedged_desk_makes_no_peak_between_two_accounts():
    desk = trade([*HELD, ("new", 1, 0, SELL, 10, 100), ("fill", 0, 10, 0, 0), ("limit", 1, -1, Rule.DRAWDOWN, 0)])
    for bid in (200, 50, 120):
        desk.quote(0, bid, bid + 2)
        assert desk.tree.nodes[1].peak_pnl_x2 == 0
        assert asked(desk, 0, 1, BUY, 1, 100)[0] == DenyCode.OK
    desk.agree()


def test_check_stop_loss_counts_the_open_position_of_the_scope():
    desk = trade([*HELD, ("quote", 0, 95, 97), ("limit", 1, 0, Rule.STOP_LOSS, 399)])
    assert asked(desk, 1, 0, BUY, 1, 96) == (DenyCode.STOP_LOSS, 1, 399, 400)
    assert asked(desk, 1, 1, BUY, 1, 100)[0] == DenyCode.OK  # another instrument
    assert asked(desk, 0, 0, SELL, 10, 96)[0] == DenyCode.OK  # the way out
    desk.fill(1, 10, 0, 0)
    assert asked(desk, 1, 0, BUY, 1, 96)[0] == DenyCode.OK  # flat: a new position begins without a loss


def test_on_fill_that_turns_the_position_begins_its_loss_at_the_fill():
    desk = trade([*HELD, ("new", 0, 0, SELL, 15, 96), ("fill", 0, 15, 0, 0), ("limit", 2, -1, Rule.STOP_LOSS, 100), ("quote", 0, 96, 98)])
    assert asked(desk, 0, 0, SELL, 1, 96)[0] == DenyCode.OK  # 5 lots short from 96, worth 97: 50
    desk.quote(0, 98, 100)
    assert asked(desk, 0, 0, SELL, 1, 96) == (DenyCode.STOP_LOSS, 2, 100, 150)
    desk.agree()


# ---- lists, breakers, the way out ----
@pytest.mark.parametrize("instrument", [-1, 0])
def test_check_restricted_denies_whatever_the_order_does(instrument):
    desk = trade([*HELD, ("limit", 1, instrument, Rule.RESTRICTED, 1)])
    assert asked(desk, 0, 0, SELL, 1, 100) == (DenyCode.RESTRICTED, 1, 0, 0)
    assert asked(desk, 0, 1, SELL, 1, 100)[0] == (DenyCode.RESTRICTED if instrument < 0 else DenyCode.OK)
    desk.limit(1, instrument, Rule.RESTRICTED, 0)
    assert asked(desk, 0, 0, SELL, 1, 100)[0] == DenyCode.OK


@pytest.mark.parametrize("instrument", [-1, 0])
def test_check_reduce_only_lets_through_what_is_held(instrument):
    desk = trade([*HELD, ("limit", 0, instrument, Rule.REDUCE_ONLY, 1)])
    assert asked(desk, 0, 0, SELL, 11, 100) == (DenyCode.REDUCE_ONLY, 0, 0, 0)
    assert asked(desk, 0, 0, SELL, 6, 100)[0] == DenyCode.OK
    assert asked(desk, 0, 0, SELL, 5, 100)[0] == DenyCode.REDUCE_ONLY  # 6 work already
    assert asked(desk, 0, 0, BUY, 1, 100)[0] == DenyCode.REDUCE_ONLY
    assert asked(desk, 1, 1, BUY, 1, 100)[0] == (DenyCode.REDUCE_ONLY if instrument < 0 else DenyCode.OK)


@pytest.mark.parametrize("instrument", [-1, 0])
def test_trip_denies_with_its_code_until_reset(instrument):
    desk = trade([*QUOTED, ("trip", 1, instrument, DenyCode.PRICE_MOVE), ("trip", 1, instrument, DenyCode.LOSS_RATE)])
    assert asked(desk, 0, 0, BUY, 1, 100) == (DenyCode.PRICE_MOVE, 1, 0, 0)  # the first to trip
    assert asked(desk, 2, 0, BUY, 1, 100)[0] == DenyCode.OK  # not of the desk
    desk.reset(1, instrument)
    assert asked(desk, 0, 0, BUY, 1, 100)[0] == DenyCode.OK
    assert [desk.tree.trip(*bad) for bad in ((5, -1, 40), (0, 2, 40), (0, -1, 0))] == [0, 0, 0]


def test_set_halted_in_one_instrument_leaves_the_others():
    desk = trade([*QUOTED, ("halt", 0, 0, 1)])
    assert asked(desk, 0, 0, BUY, 1, 100) == (DenyCode.HALTED, 0, 0, 0)
    assert asked(desk, 0, 1, BUY, 1, 100)[0] == DenyCode.OK


WAY_OUT = [Rule.LONG, Rule.SHORT, Rule.GROSS, Rule.NET, Rule.DAILY_LOSS, Rule.DRAWDOWN, Rule.STOP_LOSS, Rule.VAR]


def test_check_order_that_only_reduces_passes_every_rule_of_exposure_and_loss():
    nothing = [("limit", s, -1, r, 0) for s in range(5) for r in (*WAY_OUT, Rule.LEVERAGE, Rule.CONCENTRATION, Rule.MARGIN)]
    nothing += [("limit", s, 0, r, 0) for s in range(5) for r in (Rule.LONG, Rule.SHORT, Rule.NET)]
    nothing += [("group_limit", s, r, g, 0) for s in range(5) for r in (Rule.SECTOR, Rule.CURRENCY, Rule.CORRELATED) for g in (0, 1)]
    desk = trade([*GROUPED, ("limit", 0, -1, Rule.VAR_WEIGHT, 10_000), ("quote", 0, 49, 51), *nothing])
    assert asked(desk, 0, 0, SELL, 11, 50)[0] != DenyCode.OK
    assert asked(desk, 0, 0, SELL, 10, 50)[0] == DenyCode.OK


# ---- limits out of range ----
@pytest.mark.parametrize(
    "limit",
    [
        (0, -1, Rule.GROSS, (1 << 59) + 1, 0),
        (0, -1, Rule.LEVERAGE, (1 << 22) + 1, 0),
        (0, -1, Rule.MARGIN, 10_001, 0),
        (0, 0, Rule.VAR_WEIGHT, 10_001, 0),
        (0, -1, Rule.MESSAGES_PER_FILL, (1 << 31) + 1, 0),
        (0, -1, Rule.ORDER_RATE, 1, 0),
        (0, 0, Rule.GROSS, 1, 0),
        (0, -1, Rule.SECTOR, 1, 0),
        (0, -1, Rule.SELF_MATCH, 1, 0),
        (0, -1, Rule.DATA_STALE, 1, 0),
        (0, -1, len(Rule), 1, 0),
        (5, -1, Rule.GROSS, 1, 0),
        (0, 2, Rule.LONG, 1, 0),
    ],
)
def test_set_limit_out_of_range_is_refused_and_changes_nothing(limit):
    desk = Desk()
    before = desk.tree.pack().tobytes()
    assert desk.tree.set_limit(*limit) == 0
    assert desk.tree.pack().tobytes() == before


@pytest.mark.parametrize(
    "limit", [(0, Rule.SECTOR, 2, 1), (0, Rule.GROSS, 0, 1), (5, Rule.SECTOR, 0, 1), (0, Rule.SECTOR, 0, (1 << 59) + 1)]
)
def test_set_group_limit_out_of_range_is_refused(limit):
    assert Desk().tree.set_group_limit(*limit) == 0
