"""Runs of inputs, named one by one or as windows that are merged again."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import RestoreError
from streams.lanes.input_log import MERGED, WINDOW, InputLog, Sequence, consuming_order
from streams.lanes.windows import Found, Merger, consecutive
from streams.records import InputRun, StartPosition
from streams.schema import ids

A, B = ids.make(1, 1), ids.make(2, 1)
PLACES = (("quotes.v1", 0), ("quotes.v1", 1), ("trades.v1", 0))


def test_input_log_consecutive_ids_of_one_partition_are_one_run() -> None:
    log = InputLog()
    for k in range(3):
        log.add("a", 0, 10 + 2 * k, A + k)  # markers make offsets sparse
    assert log.runs() == (InputRun("a", 0, 10, 14, -1, A, 3),)
    assert log.count == 3


def test_input_log_gap_other_writer_other_partition_or_lower_offset_begin_a_run() -> None:
    log = InputLog()
    for topic, partition, offset, id in (
        ("a", 0, 1, A),
        ("a", 0, 2, A + 2),
        ("a", 0, 3, B),
        ("a", 1, 4, B + 1),
        ("a", 1, 2, B + 2),
        ("b", 1, 3, B + 3),
    ):
        log.add(topic, partition, offset, id)
    assert [(r.topic, r.partition, r.first_id, r.count) for r in log.runs()] == [
        ("a", 0, A, 1),
        ("a", 0, A + 2, 1),
        ("a", 0, B, 1),
        ("a", 1, B + 1, 1),
        ("a", 1, B + 2, 1),
        ("b", 1, B + 3, 1),
    ]


def test_input_log_ticks_between_records_keep_their_place() -> None:
    log = InputLog()
    log.add_tick(B, 100)
    log.add_tick(B + 1, 200)
    log.add("a", 0, 1, A)
    log.add_tick(B + 2, 300)
    assert [(r.topic, r.count, r.writer) for r in log.runs()] == [("", 2, 2), ("a", 1, -1), ("", 1, 2)]
    assert log.tick_ts_ns == [100, 200, 300]
    assert log.count == 1


def test_input_log_dead_letters_alone_are_a_batch() -> None:
    log = InputLog()
    assert log.empty
    log.add_dead_letter("a", 0, 7)
    assert not log.empty
    assert log.runs() == ()
    assert log.dead_letters == [StartPosition("a", 0, 7)]


def sequence_of(rows: list[tuple[int, int, int, int]]) -> Sequence:
    """place, offset, id, receive time; in consuming order."""
    columns = np.array(rows, np.int64).reshape(-1, 4).T
    rank = np.array([0, 0, 1])[columns[0]]
    order = consuming_order(columns[3], rank, columns[2])
    return Sequence(PLACES, columns[0][order].astype(np.int32), columns[1][order], columns[2][order])


@st.composite
def rows(draw: st.DrawFn) -> list[tuple[int, int, int, int]]:
    """Records of three partitions, offsets and ids of each ascending, receive times almost."""
    found = []
    for place in range(3):
        offset = 0
        for k in range(draw(st.integers(0, 30))):
            offset += draw(st.integers(1, 2))
            found.append((place, offset, ids.make(place + 1, 1 + k), max(0, 10 * k + draw(st.integers(-15, 15)))))
    return found


@given(rows(), st.lists(st.integers(0, 90), max_size=3))
def test_input_log_rows_of_arrays_make_the_runs_of_single_records(drawn: list, cuts: list[int]) -> None:
    sequence = sequence_of(drawn)
    ends = sorted({0, len(sequence), *(min(cut, len(sequence)) for cut in cuts)})
    single, whole = InputLog(), InputLog()
    whole._is_shorter_merged = lambda sequence: False  # type: ignore[method-assign]
    for tick, (first, last) in enumerate(pairwise(ends)):
        for k in range(first, last):
            single.add(*PLACES[sequence.place[k]], int(sequence.offset[k]), int(sequence.id[k]))
        whole.add_rows(sequence, first, last)
        single.add_tick(ids.make(9, 1 + tick), tick)
        whole.add_tick(ids.make(9, 1 + tick), tick)
    assert whole.runs() == single.runs()
    assert whole.count == single.count
    assert whole.topics == single.topics


@given(rows(), st.integers(0, 90))
def test_input_log_windows_merged_again_are_the_records_in_consuming_order(drawn: list, cut: int) -> None:
    sequence, log = sequence_of(drawn), InputLog()
    log._is_shorter_merged = lambda sequence: True  # type: ignore[method-assign]
    cut = min(cut, len(sequence))
    log.add_rows(sequence, 0, cut)
    log.add_tick(B, 5)
    log.add_rows(sequence, cut, len(sequence))
    merger, consumed = Merger(), []
    for run in log.runs():
        if run.writer == WINDOW:
            window = [row for row in sorted(drawn) if PLACES[row[0]] == (run.topic, run.partition)]
            merger.add(run, found([row for row in window if run.first_offset <= row[1] <= run.last_offset]))
        elif run.topic == MERGED:
            consumed += merger.take(run).id.tolist()
    assert consumed == sequence.id.tolist()


def found(rows: list[tuple[int, int, int, int]]) -> Found:
    """place, offset, id, receive time."""
    place, offset, id, recv_ts_ns = np.array(rows, np.int64).reshape(-1, 4).T
    return Found(place, np.arange(len(rows)), offset, id, np.zeros_like(id), recv_ts_ns)


@given(st.lists(st.integers(A - 1, A + 6), max_size=12), st.integers(1, 5))
def test_consecutive_records_are_those_that_come_when_their_id_is_due(there: list[int], count: int) -> None:
    run, due, taken = InputRun("quotes.v1", 0, 0, len(there), -1, A, count), A, []
    for place, id in enumerate(there):
        if id == due < A + count:
            taken.append(place)
            due += 1
    rows = found([(0, place, id, 0) for place, id in enumerate(there)])
    if due == A + count:
        assert consecutive(run, rows).row.tolist() == taken
    else:
        with pytest.raises(RestoreError, match=f"record {ids.text(due)}, which the journal says was read there, is not there"):
            consecutive(run, rows)


def test_input_log_many_short_runs_of_a_whole_sequence_become_windows() -> None:
    sequence = sequence_of([(2 * (k % 2), k, ids.make(1 + k % 2, 1 + k // 2), k) for k in range(100)])
    log = InputLog()
    log.add_rows(sequence, 0, 100)
    assert log.runs() == (
        InputRun("quotes.v1", 0, 0, 98, WINDOW, A, 50),
        InputRun("trades.v1", 0, 1, 99, WINDOW, B, 50),
        InputRun(MERGED, -1, -1, -1, -1, A, 100),
    )
    assert log.topics == {"quotes.v1", "trades.v1"}


def test_input_log_sequence_without_one_of_its_records_names_its_runs() -> None:
    sequence = sequence_of([(2 * (k % 2), k, ids.make(1 + k % 2, 1 + k // 2), k) for k in range(100)])
    log = InputLog()
    log.add_rows(sequence, 0, 40)
    log.add_rows(sequence, 41, 100)
    assert {run.writer for run in log.runs()} == {-1}
    assert sum(run.count for run in log.runs()) == 99
