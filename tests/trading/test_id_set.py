"""Recent ids against a list, plain and compiled."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.trading.id_set import IdSet
from tests.trading.slow_id_set import SlowIdSet
from tests.trading.trading_runs import IdSetRun, play

WORDS = st.one_of(st.integers(0, 3), st.integers(-(1 << 63), (1 << 63) - 1))


@pytest.mark.parametrize("size", [1, 2, 8])
@given(rows=st.lists(st.tuples(st.just(0), WORDS, WORDS), max_size=80))
@settings(deadline=None, max_examples=60)
def test_id_set_equals_the_last_ids_of_a_list(size, rows):
    run = IdSetRun({"executions": size, "rows": max(1, len(rows))})
    run.ids.setup()
    slow = SlowIdSet(size)
    play(run, "ids", rows)
    assert [bool(run.out[i]) for i in range(len(rows))] == [slow.add(high, low) for _, high, low in rows]
    assert all(run.ids.has(high, low) for high, low in slow.ids)
    assert sum(1 for v in run.ids.index if v) == len(slow.ids)


def test_id_set_repeat_is_refused_until_it_is_forgotten():
    s = IdSet({"executions": 2})
    s.setup()
    assert [s.add(1, 1), s.add(1, 1), s.add(1, 2), s.add(1, 3), s.add(1, 1)] == [True, False, True, True, True]


def test_id_set_setup_refuses_a_size_that_is_no_power_of_two():
    with pytest.raises(ValueError, match="power of two"):
        IdSet({"executions": 3}).setup()
