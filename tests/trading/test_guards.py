"""Own prices and repeats against their slow twins, plain and compiled."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.kernel import NULL
from streams.records import DenyCode, Rule
from tests.trading.guard_runs import ACCOUNT_SCOPE, CROSSED, FIND, LEAVE, NOTE, PARENTS, REST, build, play, play_both
from tests.trading.slow_guards import SlowOwn, slow_check

RESTS = st.tuples(st.just(REST), st.integers(1, 12), st.integers(0, 1), st.integers(0, 1), st.integers(0, 1), st.integers(0, 9))
ASKS = st.tuples(st.just(CROSSED), st.integers(0, 3), st.integers(0, 1), st.integers(0, 1), st.integers(1, 9))
OWN = st.lists(st.one_of(RESTS, RESTS, ASKS, st.tuples(st.just(LEAVE), st.integers(1, 12))), max_size=60)


def twin(rows):
    """What the list of own orders answers."""
    slow, answers = SlowOwn(PARENTS, ACCOUNT_SCOPE), []
    for op, *row in rows:
        if op == REST:
            order_id, *order = row
            known = slow.orders.get(order_id, order)  # account, instrument and side of an order never change
            slow.orders[order_id] = [*known[:3], order[3]]
        elif op == LEAVE:
            slow.orders.pop(row[0], None)
        answers.append(slow.crossed(*row) if op == CROSSED else None)
    return answers


@given(rows=OWN)
@settings(deadline=None, max_examples=60)
def test_own_touches_equal_the_slow_twin(rows):
    run = build(len(rows))
    play(run, rows)
    assert [run.out[i] for i, row in enumerate(rows) if row[0] == CROSSED] == [y for y in twin(rows) if y is not None]


def test_own_touches_meet_orders_of_every_account_under_the_scope():
    run = build(5)
    play(run, [(REST, 1, 1, 0, 1, 105), *[(CROSSED, scope, 0, 0, 105) for scope in range(4)]])
    assert [run.out[i] for i in range(1, 5)] == [105, 105, 0, 105]


def test_own_touches_order_that_rests_nowhere_is_not_met():
    run = build(2)
    play(run, [(REST, 1, 0, 0, 1, 0), (CROSSED, 2, 0, 0, 1000)])
    assert run.out[1] == 0


NOTES = st.tuples(st.just(NOTE), st.integers(0, 1), st.integers(0, 1), st.integers(0, 1), st.integers(1, 3), st.just(0))
FINDS = st.tuples(st.just(FIND), st.integers(0, 1), st.integers(0, 1), st.integers(0, 1), st.integers(1, 3))


@given(rows=st.lists(st.one_of(NOTES, FINDS), max_size=60))
@settings(deadline=None, max_examples=80)
def test_repeats_find_nothing_that_was_not_noted_and_the_newest_time_of_what_was(rows):
    rows = [(*row[:5], i + 1) if row[0] == NOTE else row for i, row in enumerate(rows)]
    run, noted = build(len(rows)), {}
    play(run, rows)
    for i, (op, *row) in enumerate(rows):
        if op == NOTE:
            noted[tuple(row[:4])] = row[4]
        else:  # of more than four that share a place the oldest may be forgotten
            assert run.out[i] == noted.get(tuple(row), NULL) or (run.out[i] == NULL and len(noted) > 4)


def test_repeats_oldest_of_five_at_one_place_is_forgotten():
    run = build(1)
    repeats = run.guards.repeats
    place = repeats.place(0, 0, 0, 0, 1, 5)
    same = [px for px in range(1, 4000) if repeats.place(0, 0, 0, 0, px, 5) == place][:5]
    for i, px in enumerate(same):
        repeats.note(0, 0, 0, 0, px, 5, i + 1)
    assert [repeats.find(0, 0, 0, 0, px, 5) for px in same] == [NULL, 2, 3, 4, 5]


AGES = st.integers(0, 20)
LIMITS = st.dictionaries(
    st.one_of(
        st.tuples(st.integers(0, 3), st.just(Rule.DATA_STALE), st.integers(-1, 1)),
        st.tuples(st.integers(0, 3), st.sampled_from([Rule.LATENCY, Rule.REPEATED, Rule.SELF_MATCH]), st.just(-1)),
    ),
    AGES,
    max_size=5,
)
ORDERS = st.fixed_dictionaries(
    {
        "instrument": st.integers(0, 1),
        "side": st.integers(0, 1),
        "new": st.integers(0, 1),
        "reach_px_ticks": st.integers(0, 9),
        "book_ts_ns": AGES,
        "cause_ts_ns": AGES,
    }
)


@given(limits=LIMITS, order=ORDERS, rests=st.lists(RESTS, max_size=6), seen_ns=st.one_of(st.none(), st.integers(1, 20)))
@settings(deadline=None, max_examples=120)
def test_guards_answer_as_the_slow_twin(limits, order, rests, seen_ns):
    run = build(max(1, len(rests)))
    play(run, rests)
    slow = SlowOwn(PARENTS, ACCOUNT_SCOPE)
    for _, order_id, *rest in rests:
        slow.orders[order_id] = [*slow.orders.get(order_id, rest)[:3], rest[3]]
    guards, tree, order = run.guards, run.tree, {**order, "now_ns": 20}
    for (scope, rule, instrument), value in limits.items():
        assert guards.set_limit(scope, instrument, rule, value) == 1
    for name, value in {**order, "account": 0, "strategy": 0, "px_ticks": 7, "qty_lots": 5}.items():
        setattr(guards.order, name, value)
    if seen_ns is not None:
        guards.repeats.note(0, 0, order["instrument"], order["side"], 7, 5, seen_ns)
    expected = slow_check(list(slow.chain(0)), limits, order, slow, seen_ns)
    code = guards.check(tree)
    told = None if tree.limit_value == NULL else tree.limit_value, None if tree.used_value == NULL else tree.used_value
    assert (code, *((tree.scope, *told) if code != DenyCode.OK else (-1, None, None))) == expected


@pytest.mark.slow
@given(rows=st.lists(st.one_of(RESTS, ASKS, FINDS, NOTES, st.tuples(st.just(LEAVE), st.integers(1, 12))), max_size=40))
@settings(deadline=None, max_examples=40)
def test_guards_plain_and_compiled_end_in_the_same_bytes(rows):
    play_both(build(len(rows)), rows)
