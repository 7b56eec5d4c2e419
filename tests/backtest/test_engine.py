"""The loop against a slow twin; compiled and plain are equal, however the stream is cut."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.backtest.latencies import Drawn, LatencyModels
from tests.backtest.slow_engine import SlowEngine
from tests.backtest.world import GATEWAY, MS, TICKS, Busy, cut, engine_of, events_of, market, process_of, tapes, venues_of

LATENCIES = [
    LatencyModels(None, MS, MS),
    LatencyModels(0, 0, 0),
    LatencyModels(2 * MS, 3 * MS, MS // 2),
    LatencyModels(Drawn(MS, 0.8), Drawn(MS, 0.5), Drawn(2 * MS, 0.5)),
]


def play(compiled, count=300, seed=1, at=(), instruments=1, venues=1, latencies=None, others=(), **more):
    """The engine after a run, and all that was written."""
    process = process_of(Busy, compiled, instruments, others, seed=seed)
    engine = engine_of(process, latencies, venues=venues, **{"tape_slots": 1 << 12, **more})
    events = events_of(process.edge, market(count, seed, instruments))
    return engine, tapes(engine, cut(events, at))


def counts(engine):
    return engine.records, engine.orders, engine.requests, engine.fills, engine.answers, engine.ticks


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 1 << 20), shape=st.sampled_from([(1, 1), (2, 1), (3, 2)]), latencies=st.sampled_from(LATENCIES))
def test_play_any_run_writes_what_the_slow_twin_writes(seed, shape, latencies):
    instruments, venues = shape
    process = process_of(Busy, False, instruments, seed=seed)
    slow = SlowEngine(process, venues_of(process, latencies, venues=venues), GATEWAY, TICKS)
    expected = slow.play(events_of(process.edge, market(80, seed, instruments)))
    _, found = play(False, 80, seed, (), instruments, venues, latencies)
    assert found == expected


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 1 << 20), at=st.lists(st.integers(0, 80), max_size=8), room=st.integers(1, 90), window=st.integers(1, 40))
def test_play_stream_cut_anyhow_gives_the_same_tape(seed, at, room, window):
    _, whole = play(False, 80, seed, instruments=2, venues=2)
    _, parts = play(False, 80, seed, at, instruments=2, venues=2, tape_slots=room, window=window)
    assert parts == whole


@pytest.mark.slow
@pytest.mark.parametrize("latencies", LATENCIES)
def test_play_compiled_and_plain_write_the_same_bytes(latencies):
    shape = {"count": 400, "instruments": 3, "venues": 2, "latencies": latencies, "others": (Busy,)}
    slow, expected = play(False, **shape)
    fast, found = play(True, at=[random.Random(1).randrange(400)], tape_slots=500, **shape)
    assert found == expected
    assert counts(fast) == counts(slow)
    assert min(counts(fast)) > 10


def test_play_nothing_taped_sends_and_fills_the_same():
    whole, _ = play(False, 100)
    none, found = play(False, 100, taped=False)
    assert found == []
    assert counts(none) == counts(whole)
