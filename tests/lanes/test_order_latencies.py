"""Latencies of requests and answers, beside a slow way to find them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streams.lanes.order_latencies import measured

small = st.integers(0, 30)
requests_of = st.lists(small, max_size=20)
answers_of = st.lists(st.tuples(st.integers(1, 25), small, small), max_size=25)


def slow(decided: list[int], answers: list[tuple[int, int, int]]) -> tuple[list[tuple[int, int, int]], int, int]:
    """Rows, and how many requests were unanswered and backward; request n has id n + 1."""
    first: dict[int, tuple[int, int]] = {}
    for id, venue, received in answers:
        first.setdefault(id, (venue, received))
    whole = [(at, *first[id]) for id, at in enumerate(decided, 1) if id in first]
    forward = sorted((row for row in whole if row[0] <= row[1] <= row[2]), key=lambda row: row[:2])
    kept: list[tuple[int, int, int]] = []
    latest = [-1, -1]
    for row in forward:
        if row[0] > latest[0] and row[1] > latest[1]:
            kept.append(row)
        latest = [max(a, b) for a, b in zip(latest, row, strict=False)]
    return kept, len(decided) - len(whole), len(whole) - len(forward)


@given(requests_of, answers_of)
def test_measured_equals_the_slow_way(decided: list[int], answers: list[tuple[int, int, int]]) -> None:
    requests = np.array(list(enumerate(decided, 1)), np.int64).reshape(-1, 2)
    found = measured(requests, np.array(answers, np.int64).reshape(-1, 3))
    rows, unanswered, backward = slow(decided, answers)
    assert found.rows.tolist() == [list(row) for row in rows]
    assert (found.requests, found.unanswered, found.backward) == (len(decided), unanswered, backward)
    assert found.crossed == len(decided) - unanswered - backward - len(rows)
