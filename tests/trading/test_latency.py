"""Latencies: constant, drawn, measured; first in, first out; and when the venue knew what we received."""

import bisect
import math
import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.kernel import NULL, Struct, Table, addr_of, at, native
from streams.slots import KIND_LEVEL, KIND_TRADE
from streams.trading.latency import CONSTANT, LOG_NORMAL, MAX_FEED_LATENCY_NS, MAX_LATENCY_NS, RECORDED, FeedLatency, Latency, VenueLatency

MS = 1_000_000


def drawn(median_ns=2 * MS, sigma=0.5, seed=1):
    latency = Latency({"latencies": 1})
    latency.kind, latency.median_ns, latency.sigma, latency.seed = LOG_NORMAL, float(median_ns), sigma, seed
    return latency


def measured(points):
    latency = Latency({"latencies": len(points)})
    latency.kind, latency.count = RECORDED, len(points)
    for n, (at_ns, latency_ns) in enumerate(points):
        latency.points[n].at_ns, latency.points[n].latency_ns = at_ns, latency_ns
    return latency


def slow_measured(points, t):
    """The line through the neighbours of a time; the ends beyond."""
    k = bisect.bisect_right([at_ns for at_ns, _ in points], t) - 1
    if k < 0 or k == len(points) - 1:
        return points[max(k, 0)][1]
    (x1, y1), (x2, y2) = points[k], points[k + 1]
    return y1 + int((y2 - y1) / (x2 - x1) * (t - x1))


def test_constant_latency_is_constant():
    latency = Latency({"latencies": 1})
    latency.kind, latency.constant_ns = CONSTANT, 3 * MS
    assert [latency.arrival_ns(t) for t in (0, 5, 5, 9 * MS)] == [3 * MS, 3 * MS + 5, 3 * MS + 5, 12 * MS]


def test_drawn_latency_has_its_median_and_spread():
    latency = drawn()
    logs = [math.log(latency.drawn_ns() / (2 * MS)) for _ in range(10_000)]
    assert abs(statistics.fmean(logs)) < 4 * 0.5 / 100
    assert abs(statistics.pstdev(logs) - 0.5) < 4 * 0.5 / math.sqrt(20_000)
    assert [drawn().drawn_ns() for _ in range(2)] == [drawn().drawn_ns()] * 2
    assert drawn(seed=2).drawn_ns() != drawn().drawn_ns()


def test_drawn_latency_stays_below_its_bound():
    latency = drawn(median_ns=MAX_LATENCY_NS, sigma=5.0)
    assert max(latency.drawn_ns() for _ in range(100)) == MAX_LATENCY_NS


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(0, 10**9)), min_size=1, max_size=8), st.lists(st.integers(0, 500), min_size=1))
def test_measured_latency_equals_slow_one(steps, times):
    points, t = [], 0
    for step, ns in steps:
        t += step
        points.append((t, ns))
    latency = measured(points)
    assert [latency.latency_ns(t) for t in sorted(times)] == [slow_measured(points, t) for t in sorted(times)]


@given(st.lists(st.integers(0, 3 * MS), min_size=1, max_size=50), st.integers(0, 99))
def test_arrivals_keep_the_order_of_leaving(gaps, seed):
    latency, twin, t, last = drawn(sigma=2.0, seed=seed), drawn(sigma=2.0, seed=seed), 0, 0
    for gap in gaps:
        t += gap
        last = max(last, t + twin.drawn_ns())
        assert latency.arrival_ns(t) == last


# ---- the feed ----
def feed(recorded=1, offset_ns=0, **figures):
    made = FeedLatency({"instruments": 2, "latencies": 1})
    made.recorded, made.offset_ns = recorded, offset_ns
    for name, value in figures.items():
        setattr(made.latency, name, value)
    return made


def test_feed_by_stamps_adds_the_offset_and_never_goes_back():
    made = feed(offset_ns=-30)
    assert made.venue_ns(0, KIND_LEVEL, 1000, 900) == 870
    assert made.venue_ns(0, KIND_LEVEL, 1001, 880) == 870
    assert made.venue_ns(0, KIND_TRADE, 1002, 880) == 850
    assert made.venue_ns(1, KIND_LEVEL, 1002, 881) == 851
    assert made.venue_ns(0, KIND_LEVEL, 1003, 0) == 1003  # the venue gave no stamp


def test_feed_with_a_negative_latency_says_so():
    assert feed(offset_ns=50).venue_ns(0, KIND_LEVEL, 1000, 951) == NULL
    assert feed(offset_ns=50).venue_ns(0, KIND_LEVEL, 1000, 950) == 1000


def test_feed_is_never_older_than_its_bound():
    t = 10 * MAX_FEED_LATENCY_NS
    assert feed().venue_ns(0, KIND_LEVEL, t, 1) == t - MAX_FEED_LATENCY_NS
    assert feed(0, constant_ns=MAX_LATENCY_NS).venue_ns(0, KIND_LEVEL, t, 1) == t - MAX_FEED_LATENCY_NS


def test_feed_of_a_constant_latency_needs_no_stamps():
    assert [feed(0, constant_ns=40).venue_ns(0, KIND_LEVEL, 1000, exch) for exch in (0, 5, 2000)] == [960] * 3


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, MS), st.integers(0, 3 * MS)), max_size=40), st.sampled_from([0, 1]))
def test_feed_times_are_bounded_and_never_go_back(records, recorded):
    made = feed(recorded, kind=LOG_NORMAL, median_ns=float(MS), sigma=1.0)
    last, recv = {}, 10**12
    for row, gap, age in records:
        recv += gap
        t = made.venue_ns(row, KIND_LEVEL, recv, recv - age)
        assert max(last.get(row, 0), recv - MAX_FEED_LATENCY_NS) <= t <= recv
        last[row] = t


# ---- compiled ----
class LatencyRun(Struct):
    latency: VenueLatency
    found: Table[int, "found"]


def play(p: int, n: int) -> int:
    """Ask everything n times."""
    run = at(LatencyRun, p)
    v = run.latency
    t = 1_000_000_000_000
    for i in range(n):
        t += 37 * (i % 5) * 1000
        run.found[3 * i] = v.feed.venue_ns(i & 1, KIND_LEVEL, t, t - i * 1000)
        run.found[3 * i + 1] = v.entry.arrival_ns(t)
        run.found[3 * i + 2] = v.response.arrival_ns(t)
    return n


@pytest.mark.slow
@settings(deadline=None, max_examples=20)
@given(st.sampled_from([CONSTANT, LOG_NORMAL, RECORDED]), st.integers(0, 1), st.integers(0, 1 << 40))
def test_latencies_compiled_end_in_the_same_bytes(kind, recorded, seed):
    n, points = 60, 9
    run = LatencyRun({"instruments": 2, "latencies": points, "found": 3 * n})
    run.latency.feed.recorded = recorded
    for number, latency in enumerate((run.latency.feed.latency, run.latency.entry, run.latency.response)):
        latency.kind, latency.constant_ns, latency.median_ns, latency.sigma = kind, MS, MS * 1.5, 0.7
        latency.seed, latency.count = seed * 4 + number, points
        for i in range(points):
            point = latency.points[i]
            point.at_ns, point.latency_ns = 1_000_000_000_000 + i * 777_777, (i * 7919 * number) % 1013
    flat = run.pack()
    files = [*native.sources("streams.trading"), __file__]
    compiled = native.function(native.load("test_latency", lambda: {"play": (play, 2)}, files=files).play, 2)
    assert compiled(flat.ctypes.data, n) == play(addr_of(run), n) == n
    assert run.pack().tobytes() == flat.tobytes()
