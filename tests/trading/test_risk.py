"""The risk tree against its slow twin: no false positive, no false negative, every sum exact, plain and compiled equal."""

import os
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.records import DenyCode, Rule
from streams.trading import risk_rules
from tests.trading.risk_commands import busy_commands, commands, shapes, trade
from tests.trading.risk_runs import Desk, Shape


@settings(max_examples=int(os.environ.get("MILLRACE_EXAMPLES", "40")), deadline=None)
@given(commands(Shape(), 60))
def test_risk_tree_any_commands_equals_slow_tree(found):
    desk = trade(found)
    desk.agree()
    while desk.orders:
        desk.cancel(0)
    desk.agree()
    assert all(n.orders.used == n.open.used == 0 for n in desk.tree.nodes)


@settings(max_examples=int(os.environ.get("MILLRACE_EXAMPLES", "40")), deadline=None)
@given(shapes().flatmap(lambda shape: st.tuples(st.just(shape), commands(shape, 40))))
def test_risk_tree_of_any_shape_equals_slow_tree(day):
    shape, found = day
    trade(found, Desk(shape)).agree()


@pytest.mark.slow
def test_risk_tree_busy_days_equal_slow_tree_and_meet_most_rules():
    codes, cuts = set(), 0
    for seed in range(20):
        desk = Desk()
        for name, *args in busy_commands(Random(seed), 120, desk.shape):
            getattr(desk, name)(*args)
            codes.add(desk.tree.code)
            cuts += name == "new" and 0 < desk.tree.approved_lots < args[3]
        desk.agree()
    assert cuts > 0
    assert len(codes) >= 22


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(shapes().flatmap(lambda shape: st.tuples(st.just(shape), commands(shape, 60))))
def test_risk_tree_compiled_ends_in_the_same_bytes(day):
    shape, found = day
    trade(found, Desk(shape)).play_compiled()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_risk_tree_busy_day_compiled_ends_in_the_same_bytes(seed):
    trade(busy_commands(Random(100 + seed), 250, Shape())).play_compiled()


def test_rules_and_codes_are_those_of_the_records():
    assert [getattr(risk_rules, r.name) for r in Rule] == list(range(len(Rule)))
    codes = {name[5:]: value for name, value in vars(risk_rules).items() if name.startswith("DENY_")}
    assert codes == {name: DenyCode[name] for name in codes}
