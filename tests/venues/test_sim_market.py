"""Market data of several partitions in the order it was received."""

from hypothesis import given
from hypothesis import strategies as st

from streams.venues.sim.market import Merge
from tests.venues.sim_orders import book, trade


def at(place, offset, recv_ts_ns):
    return (place, offset, (book([], [], recv_ts_ns) if place == 0 else trade(0, 1, 1, recv_ts_ns)))


def test_merge_record_waits_for_the_other_partition_or_its_end():
    merge = Merge(2)
    merge.add(at(0, 1, 10))
    assert merge.ready() == []
    merge.add(at(1, 1, 5))
    assert merge.ready() == [at(1, 1, 5)]
    merge.end(1)
    assert merge.ready() == [at(0, 1, 10)]
    merge.add(at(1, 2, 20))  # it is not at its end any more, and partition 0 may have something older
    assert merge.ready() == []


def test_merge_equal_times_go_in_the_order_of_the_partitions():
    merge = Merge(2)
    for record in (at(1, 1, 7), at(0, 1, 7)):
        merge.add(record)
    for place in (0, 1):
        merge.end(place)
    assert merge.ready() == [at(0, 1, 7), at(1, 1, 7)]


def test_merge_record_that_cannot_be_read_keeps_its_place():
    merge = Merge(1)
    merge.add((0, 3, None))
    assert merge.ready() == [(0, 3, None)]


@given(st.lists(st.lists(st.integers(0, 50), max_size=8).map(sorted), min_size=1, max_size=3), st.randoms(use_true_random=False))
def test_merge_any_arrival_gives_every_record_once_in_order(times, random):
    partitions = [[(place, n, trade(0, 1, 1, t)) for n, t in enumerate(ts)] for place, ts in enumerate(times)]
    merge, left, out = Merge(len(times)), [list(rows) for rows in partitions], []
    while any(left):
        merge.add(random.choice([rows for rows in left if rows]).pop(0))
        out += merge.ready()
    for place in range(len(times)):
        merge.end(place)
    out += merge.ready()
    assert sorted(out, key=lambda r: r[:2]) == [r for rows in partitions for r in rows]
    assert [r[2].recv_ts_ns for r in out] == sorted(r[2].recv_ts_ns for r in out)
