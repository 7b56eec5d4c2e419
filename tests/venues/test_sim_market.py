"""Market data of several partitions in the order it was received."""

import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streams.venues.merge import Merge, Rows, merged
from tests.venues.sim_orders import trade
from tests.venues.slow_merge import SlowMerge


def rows_at(place, first, times):
    """Rows of one partition; the address is the offset, so that each can be told."""
    n = len(times)
    offsets = np.arange(first, first + n)
    batch = first * 10 + place
    return Rows(np.full(n, place), offsets, np.array(times, np.int64), offsets, offsets, np.full(n, batch), {batch: (place, first)})


def places_of(rows):
    return [] if rows is None else list(zip(rows.place.tolist(), rows.offset.tolist(), strict=True))


def test_merge_record_waits_for_the_other_partition_or_its_end():
    merge = Merge(2)
    merge.add(rows_at(0, 1, [10]))
    assert merge.ready() is None
    merge.add(rows_at(1, 1, [5]))
    assert places_of(merge.ready()) == [(1, 1)]
    merge.end(1)
    assert places_of(merge.ready()) == [(0, 1)]
    merge.add(rows_at(1, 2, [20]))  # it is not at its end any more, and partition 0 may have something older
    assert merge.ready() is None


def test_merge_equal_times_go_in_the_order_of_the_partitions():
    merge = Merge(2)
    for place in (1, 0):
        merge.add(rows_at(place, 1, [7]))
        merge.end(place)
    assert places_of(merge.ready()) == [(0, 1), (1, 1)]


def test_merge_time_that_runs_backwards_stays_behind_its_predecessor():
    merge = Merge(2)
    merge.add(rows_at(0, 1, [9, 0, 3]))
    merge.add(rows_at(1, 1, [5, 12]))
    for place in (0, 1):
        merge.end(place)
    assert places_of(merge.ready()) == [(1, 1), (0, 1), (0, 2), (0, 3), (1, 2)]


def test_merge_that_waits_keeps_only_the_memory_of_what_waits():
    merge = Merge(2)
    merge.add(rows_at(0, 1, [1, 2]))
    merge.add(rows_at(0, 3, [30, 40]))
    merge.add(rows_at(1, 1, [20]))
    assert places_of(merge.ready()) == [(0, 1), (0, 2), (1, 1)]
    (waiting,) = merge._waiting[0]
    assert waiting.memory == {30: (0, 3)}


@given(st.lists(st.lists(st.integers(0, 12), max_size=12), min_size=1, max_size=3), st.integers(0, 1 << 32))
def test_merge_any_arrival_equals_the_slow_merge(times, seed):
    rng = random.Random(seed)
    fast, slow, at = Merge(len(times)), SlowMerge(len(times)), [0] * len(times)
    while any(n < len(t) for n, t in zip(at, times, strict=True)):
        place = rng.choice([p for p, t in enumerate(times) if at[p] < len(t)])
        some = times[place][at[place] : at[place] + rng.randint(1, 4)]
        fast.add(rows_at(place, at[place], some))
        for n, time in enumerate(some, at[place]):
            slow.add((place, n, trade(0, 1, 1, time)))
        at[place] += len(some)
        if rng.random() < 0.4:
            end = rng.randrange(len(times))
            fast.end(end)
            slow.end(end)
        if rng.random() < 0.7:
            rows, expected = fast.ready(), [r[:2] for r in slow.ready()]
            assert places_of(rows) == expected
            if rows is not None:  # what the log keeps of it gives the order again
                parts = [rows.take(rows.place == place) for place, _, _ in rows.runs()]
                assert places_of(merged(Rows.join(parts))) == expected
                assert sum(count for _, _, count in rows.runs()) == len(rows)
    for place in range(len(times)):
        fast.end(place)
        slow.end(place)
    assert places_of(fast.ready()) == [r[:2] for r in slow.ready()]
