"""Streams merged: the same as all records sorted at once, and no stream is read further than the others have come."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.backtest.merging import merged
from streams.backtest.order import Part, in_order

STEPS = st.lists(st.integers(-2, 3), max_size=12)
STREAMS = st.lists(st.tuples(STEPS, st.integers(1, 5)), min_size=1, max_size=4)


@settings(max_examples=40, deadline=None)
@given(STREAMS)
def test_merged_streams_are_sorted_by_time_rank_and_id(streams):
    parts = [_stream(rank, np.cumsum(steps), size) for rank, (steps, size) in enumerate(streams)]
    found = [(time, address) for events in in_order(merged(parts)) for time, address in zip(events.recv_ts_ns, events.address, strict=True)]
    rows = [(time, rank, id) for rank, (steps, _) in enumerate(streams) for id, time in enumerate(np.maximum.accumulate(np.cumsum(steps)))]
    assert found == [(time, 100 * rank + id) for time, rank, id in sorted(rows)]


def test_merged_reads_no_stream_further_than_the_others_have_come():
    read = [0, 0]

    def stream(rank, times):
        for part in _stream(rank, times, 10):
            read[rank] += 1
            yield part

    pieces = merged([stream(0, np.arange(1_000)), stream(1, np.arange(0, 100_000, 100))])
    for piece in pieces:
        last = int(piece.recv_ts_ns[-1])
        assert read[1] <= last // 1_000 + 2
        assert read[0] <= last // 10 + 2


def _stream(rank, times, size):
    id = np.arange(len(times))
    for first in range(0, len(times), size):
        rows = slice(first, first + size)
        n = len(id[rows])
        yield Part(100 * rank + id[rows], id[rows], np.asarray(times[rows], np.int64), id[rows], np.full(n, rank), id[rows], None)
