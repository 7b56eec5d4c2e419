"""Conditional approval and the score: the largest quantity within every limit, and the largest share of any limit that it uses."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.kernel import NULL
from streams.records import DenyCode, Rule
from tests.trading.risk_commands import trade
from tests.trading.risk_runs import Desk

BUY, SELL = 0, 1
E9 = 1_000_000_000
QUOTED = [("quote", 0, 99, 101), ("quote", 1, 99, 101), ("groups", 0, 0, 0, 0, E9 // 3)]
HELD = [*QUOTED, ("new", 0, 0, BUY, 4, 100), ("fill", 0, 4, 0, 0)]
CUT = ("limit", 0, -1, Rule.REDUCE, 1)
QUANTITY_LIMITS = [
    *(("limit", s, 0, r, v) for s in (0, 2) for r in (Rule.LONG, Rule.NET, Rule.ORDER_SIZE) for v in (4, 7)),
    *(("limit", s, -1, r, 7_500) for s in (0, 1) for r in (Rule.LONG, Rule.GROSS, Rule.NET, Rule.OPEN_NOTIONAL, Rule.DAILY_VOLUME)),
    *(("limit", 1, -1, Rule.ORDER_NOTIONAL, v) for v in (999, 6_000)),
    *(("limit", 0, -1, r, v) for r in (Rule.LEVERAGE, Rule.CONCENTRATION) for v in (3_333, 9_000)),
    *(("limit", 0, -1, Rule.CAPITAL, v) for v in (9_000, 15_001)),
    *(("limit", 1, i, Rule.MARGIN, 7_777) for i in (-1, 0)),
    *(("limit", 0, -1, Rule.VAR_WEIGHT, v) for v in (333, 10_000)),
    *(("limit", s, -1, Rule.VAR, v) for s in (0, 2) for v in (210, 7_000)),
    *(("group_limit", s, r, 0, v) for s in (0, 1) for r in (Rule.SECTOR, Rule.CURRENCY, Rule.CORRELATED) for v in (3_000, 8_500)),
    ("limit", 1, -1, Rule.REDUCE_ONLY, 1),
    ("limit", 0, -1, Rule.OPEN_ORDERS, 1),
    ("limit", 0, -1, Rule.DAILY_LOSS, 0),
]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(QUANTITY_LIMITS), max_size=6), st.sampled_from([BUY, SELL]), st.integers(1, 20), st.integers(1, 20))
def test_check_with_reduce_approves_the_largest_quantity_that_fits(limits, side, qty, fewest):
    desk = trade([*HELD, *limits, CUT])  # the desk's twin tries every quantity
    desk.new(0, 0, side, qty, 100, min(fewest, qty))
    desk.agree()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(QUANTITY_LIMITS), max_size=4), st.sampled_from([BUY, SELL]), st.integers(3, 20), st.integers(97, 101))
def test_check_replace_with_reduce_approves_the_largest_quantity_that_fits(limits, side, qty, px):
    desk = trade([*HELD, ("new", 0, 0, side, 4, 99), ("fill", 0, 2, 0, 0), *limits, CUT])
    desk.replace(0, qty, px, 1)
    desk.agree()


def test_check_cut_order_tells_what_was_in_its_way():
    desk = trade([*QUOTED, ("limit", 0, 0, Rule.LONG, 5), CUT, ("new", 0, 0, BUY, 8, 100, 1)])
    t = desk.tree
    assert (t.code, t.scope, t.limit_value, t.used_value, t.approved_lots, t.reserve_lots, t.score) == (DenyCode.LONG, 0, 5, 8, 5, 5, 1.0)
    assert t.nodes[0].denials == 1


@pytest.mark.parametrize("reduce_scope", [0, 1, 2])
def test_check_reduce_on_any_scope_above_the_account_cuts(reduce_scope):
    desk = trade([*QUOTED, ("limit", 2, 0, Rule.LONG, 5), ("limit", reduce_scope, -1, Rule.REDUCE, 1), ("new", 0, 0, BUY, 8, 100, 1)])
    assert desk.tree.approved_lots == 5
    desk.cancel(0)
    desk.new(0, 0, BUY, 8, 100, 6)  # no fewer than 6
    assert (desk.tree.approved_lots, desk.tree.code) == (0, DenyCode.LONG)
    desk.limit(reduce_scope, -1, Rule.REDUCE, 0)
    desk.new(0, 0, BUY, 8, 100, 1)
    assert desk.tree.approved_lots == 0


def test_check_reduce_on_another_branch_does_not_cut():
    desk = trade([*QUOTED, ("limit", 2, 0, Rule.LONG, 5), ("limit", 3, -1, Rule.REDUCE, 1), ("new", 0, 0, BUY, 8, 100, 1)])
    assert desk.tree.approved_lots == 0


def test_check_cut_takes_one_token_of_each_scope_and_denial_none():
    desk = trade([*QUOTED, ("limit", 0, 0, Rule.LONG, 5), ("limit", 0, -1, Rule.ORDER_RATE, 2, 1_000), CUT, ("new", 0, 0, BUY, 8, 100, 1)])
    assert desk.tree.nodes[0].rate.free_tokens(0) == 1
    desk.new(0, 0, BUY, 8, 100, 1)  # no room left, however small
    assert (desk.tree.approved_lots, desk.tree.nodes[0].rate.free_tokens(0)) == (0, 1)


def test_check_cut_of_a_very_large_order_finds_the_edge():
    desk = Desk()
    desk.tree.set_limit(0, 0, Rule.LONG, (1 << 30) + 12_345, 0)
    desk.tree.set_limit(0, -1, Rule.REDUCE, 1, 0)
    code = desk.tree.check(0, 0, BUY, (1 << 31) - 1, 100, 99, 101, 0, 1)
    assert (code, desk.tree.approved_lots) == (DenyCode.LONG, (1 << 30) + 12_345)


def test_check_score_is_the_largest_share_of_any_limit():
    desk = trade([*QUOTED, ("limit", 2, 0, Rule.ORDER_SIZE, 8), ("limit", 0, -1, Rule.GROSS, 10_000), ("new", 0, 0, BUY, 2, 100)])
    assert desk.tree.score == pytest.approx(0.25)
    desk.new(1, 0, SELL, 2, 100)
    assert desk.tree.score == pytest.approx(0.4)
    desk.new(0, 0, BUY, 9, 100)
    assert (desk.tree.code, desk.tree.score) == (DenyCode.ORDER_SIZE, 1.0)


def test_check_score_without_limits_is_zero_and_bad_orders_score_one():
    desk = trade([*QUOTED, ("new", 0, 0, BUY, 2, 100)])
    assert desk.tree.score == 0.0
    assert desk.tree.check(9, 0, BUY, 2, 100, NULL, NULL, 0, 2) == DenyCode.UNKNOWN_ACCOUNT
    assert desk.tree.score == 1.0
