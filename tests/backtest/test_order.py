"""Consuming order does not depend on how a stream is cut."""

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.backtest.order import Part, in_order

RECORDS = st.lists(st.tuples(st.sampled_from([0, 0, 0, 1, 5]), st.integers(0, 3), st.integers(0, 9)), max_size=30)


@settings(max_examples=60, deadline=None)
@given(RECORDS, st.lists(st.integers(0, 30), max_size=6))
def test_in_order_of_parts_cut_anywhere_is_sorted_by_time_rank_and_id(steps, cuts):
    times = np.cumsum([step for step, _, _ in steps]).tolist()
    rows = [(time, rank, id) for time, (_, rank, id) in zip(times, steps, strict=True)]
    bounds = sorted({0, len(rows), *(min(cut, len(rows)) for cut in cuts)})
    parts = [_part(rows, a, b) for a, b in pairwise(bounds)] or [_part(rows, 0, 0)]
    found = [place for events in in_order(parts) for place in events.address.tolist()]
    assert found == sorted(range(len(rows)), key=lambda place: (rows[place], place))


def _part(rows, first, last):
    time, rank, id = np.array(rows[first:last], np.int64).reshape(-1, 3).T
    place = np.arange(first, last)
    return Part(place, place, time, place, rank, id, None)
