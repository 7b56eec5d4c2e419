"""The loop: compiled and plain are equal, however the stream is cut."""

import pytest

from tests.backtest.world import Busy, cut, engine_of, events_of, market, process_of, tapes


def play(compiled, count=400, seed=1, at=(), tape_slots=1 << 12, taped=True, **more):
    process = process_of(Busy, compiled, seed=seed, **more)
    engine = engine_of(process, tape_slots=tape_slots, taped=taped)
    events = events_of(process.edge, market(count, seed))
    found = tapes(engine, cut(events, at))
    return engine, found


def counts(engine):
    return engine.events, engine.requests, engine.fills, engine.answers, engine.ticks


@pytest.mark.slow
def test_play_compiled_and_plain_write_the_same_bytes():
    fast, found = play(True)
    slow, expected = play(False)
    assert found == expected
    assert counts(fast) == counts(slow)
    assert min(fast.requests, fast.fills, fast.ticks) > 10


def test_play_stream_cut_in_pieces_gives_the_same_tape():
    _, whole = play(False, 200)
    _, parts = play(False, 200, at=(1, 2, 50, 50, 199), tape_slots=64)
    assert whole == parts


def test_play_nothing_taped_sends_and_fills_the_same():
    all_of_it, _ = play(False, 200)
    none, found = play(False, 200, taped=False)
    assert found == []
    assert (none.requests, none.fills, none.answers) == (all_of_it.requests, all_of_it.fills, all_of_it.answers)
