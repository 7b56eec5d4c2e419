"""Breakers against their slow twins, plain and compiled, and the moments at which they trip."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.trading.breaker import LossRate, PriceMove, RejectRate
from tests.trading.guard_runs import LIMIT, MID, PNL, REJECT, RESET, build, play, play_both
from tests.trading.slow_guards import SlowLoss, SlowMove, SlowRejects

T0 = 1_700_000_000_000_000_000
STEPS = st.lists(st.tuples(st.integers(0, 40), st.integers(900, 1100)), max_size=60)
LIMITS = {"limit": st.integers(0, 900), "interval_ns": st.integers(16, 200)}


def timed(steps):
    now_ns = T0
    for later_ns, value in steps:
        now_ns += later_ns
        yield now_ns, value


@given(steps=STEPS, **LIMITS)
@settings(deadline=None, max_examples=80)
def test_price_move_equals_the_slow_twin(steps, limit, interval_ns):
    fast, slow = PriceMove(), SlowMove(limit, interval_ns)
    assert fast.set(limit, interval_ns) == 1
    for now_ns, mid2 in timed(steps):
        before = slow.used
        slow.on_mid(mid2, now_ns)
        assert fast.on_mid(mid2, now_ns) == (1 if slow.used is not None and before is None else 0)
        assert (fast.tripped, fast.used_bps) == (int(slow.used is not None), slow.used or 0)


@given(steps=STEPS, **LIMITS)
@settings(deadline=None, max_examples=80)
def test_loss_rate_equals_the_slow_twin(steps, limit, interval_ns):
    fast, slow = LossRate(), SlowLoss(limit // 10, interval_ns)
    assert fast.set(limit // 10, interval_ns) == 1
    for now_ns, pnl_x2 in timed(steps):
        slow.on_pnl(pnl_x2, now_ns)
        fast.on_pnl(pnl_x2, now_ns)
        assert (fast.tripped, fast.used) == (int(slow.used is not None), slow.used or 0)


@given(steps=STEPS, **LIMITS)
@settings(deadline=None, max_examples=80)
def test_reject_rate_equals_the_slow_twin(steps, limit, interval_ns):
    fast, slow = RejectRate(), SlowRejects(limit % 12, interval_ns)
    assert fast.set(limit % 12, interval_ns) == 1
    for now_ns, _ in timed(steps):
        slow.on_reject(now_ns)
        fast.on_reject(now_ns)
        assert fast.tripped == int(slow.used is not None)
        assert fast.tripped == 0 or fast.used == slow.used


def test_price_move_at_the_limit_holds_and_one_beyond_trips():
    breaker = PriceMove()
    breaker.set(100, 1600)
    assert [breaker.on_mid(mid2, T0) for mid2 in (20_000, 20_200, 19_998, 19_997, 30_000)] == [0, 0, 0, 1, 0]
    assert breaker.used_bps == 101  # 203 of 20,200, rounded up


def test_price_move_older_than_the_interval_does_not_count():
    breaker = PriceMove()
    breaker.set(100, 1600)
    assert [breaker.on_mid(20_000, T0), breaker.on_mid(30_000, T0 + 1600)] == [0, 0]


def test_reject_rate_counts_only_the_interval():
    breaker = RejectRate()
    breaker.set(2, 160)
    assert [breaker.on_reject(T0 + t) for t in (0, 10, 160, 161)] == [0, 0, 0, 1]


@pytest.mark.parametrize("breaker", [PriceMove, LossRate, RejectRate])
def test_breaker_interval_too_short_is_refused(breaker):
    assert breaker().set(5, 15) == 0


def move(run, scope, instrument):
    return run.breakers.leaf(scope, instrument).move


def test_breakers_price_move_trips_the_instrument_of_its_scope_only():
    run = build(4)
    play(run, [(LIMIT, 1, 0, -1, 100, 1600), (MID, 0, 20_000, T0), (MID, 0, 21_000, T0), (MID, 1, 500, T0)])
    assert [move(run, 1, 0).tripped, move(run, 1, 1).tripped, move(run, 0, 0).tripped] == [1, 0, 0]


def test_breakers_limit_of_an_instrument_goes_before_the_scopes():
    run = build(3)
    play(run, [(LIMIT, 1, 0, -1, 100, 1600), (LIMIT, 1, 0, 0, 900, 1600)])
    assert (move(run, 1, 0).limit_bps, move(run, 1, 1).limit_bps) == (900, 100)
    play(run, [(LIMIT, 1, 0, 0, -1, 0)])
    assert move(run, 1, 0).limit_bps == 100


def test_breakers_reject_counts_for_every_scope_above():
    run = build(4)
    play(run, [(LIMIT, 0, 2, -1, 1, 1600), (LIMIT, 2, 2, -1, 0, 1600), (REJECT, 1, T0), (REJECT, 0, T0)])
    assert [run.breakers.scopes[scope].rejects.tripped for scope in range(4)] == [1, 0, 1, 0]


def test_breakers_reset_begins_anew_and_leaves_other_scopes():
    run = build(4)
    play(run, [(LIMIT, 0, 1, -1, 5, 1600), (LIMIT, 1, 1, -1, 5, 1600), (PNL, 0, 100, T0)])
    play(run, [(PNL, 1, 100, T0), (PNL, 0, 80, T0), (PNL, 1, 80, T0)])
    assert [run.breakers.scopes[scope].tripped() for scope in (0, 1)] == [41, 41]
    play(run, [(RESET, 0, -1), (PNL, 0, 80, T0), (PNL, 0, 71, T0)])
    assert [run.breakers.scopes[scope].tripped() for scope in (0, 1)] == [0, 41]


COMMANDS = st.one_of(
    st.tuples(st.just(LIMIT), st.integers(0, 3), st.integers(0, 2), st.integers(-1, 1), st.integers(-1, 300), st.integers(10, 100)),
    st.tuples(st.just(MID), st.integers(0, 1), st.integers(900, 1100), st.just(0)),
    st.tuples(st.just(PNL), st.integers(0, 3), st.integers(-300, 300), st.just(0)),
    st.tuples(st.just(REJECT), st.integers(0, 1), st.just(0)),
    st.tuples(st.just(RESET), st.integers(0, 3), st.integers(-1, 1)),
)


@pytest.mark.slow
@given(st.lists(st.tuples(COMMANDS, st.integers(0, 30)), max_size=40))
@settings(deadline=None, max_examples=40)
def test_breakers_plain_and_compiled_end_in_the_same_bytes(commands):
    now_ns, rows = T0, []
    for command, later_ns in commands:
        now_ns += later_ns
        rows.append((*command[:-1], now_ns) if command[0] in (MID, PNL, REJECT) else command)
    play_both(build(len(rows)), rows)
