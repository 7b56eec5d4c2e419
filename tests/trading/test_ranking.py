"""Signals ranked and summed up: the fast ranking against its slow twin, and plain against compiled bytes."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streams.kernel import at, native
from streams.trading.codes import BUY, SELL
from streams.trading.ranking import Ranking, share
from tests.trading.slow_ranking import Said, SlowRanking

SIZES = {"strategies": 5, "instruments": 2}
SHARES = st.one_of(st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.floats(-0.5, 1.5), st.just(float("nan")))
PRICES = st.one_of(st.floats(1.0, 1e5), st.sampled_from([float("inf"), float("nan")]))
STEPS = st.lists(
    st.tuples(
        st.integers(0, 4), st.integers(0, 1), st.sampled_from([BUY, SELL]), SHARES, PRICES, SHARES, st.integers(-2, 30), st.integers(0, 9)
    ),
    max_size=25,
)


def made() -> Ranking:
    ranking = Ranking(SIZES)
    ranking.setup()
    return ranking


@given(STEPS)
@example([(0, 0, BUY, 4.990813599873942e-87, 1.3125, 7.75844819485795e-237, 1, 0)])  # their product has no digits left
@settings(max_examples=150, deadline=None)
def test_ranking_equals_the_slow_twin(steps):
    fast, slow, now_ns = made(), SlowRanking(), 100
    for strategy, instrument, side, strength, fair_px, urgency, horizon_ns, pause_ns in steps:
        now_ns += pause_ns
        said = Said(strategy, side, strength, fair_px, urgency, now_ns + horizon_ns)
        rank = fast.put(strategy, instrument, side, strength, fair_px, urgency, said.until_ns, now_ns)
        assert rank == slow.put(instrument, said, now_ns)
        for i in range(2):
            live = slow.live(i, now_ns)
            assert fast.agree(i, now_ns) == len(live)
            assert [fast.at_place(i, k).strategy for k in range(len(live))] == [s.strategy for s in live]
            votes, fair, most, end_ns = slow.agree(i, now_ns)
            c = fast.consensus
            assert c.strength == pytest.approx(abs(float(votes)), abs=1e-9)
            assert c.fair_px == pytest.approx(float(fair), rel=1e-9)
            assert (c.urgency, c.until_ns) == (most, end_ns)
            if abs(votes) > 1e-9:
                assert c.side == (BUY if votes > 0 else SELL)


def test_rank_is_by_urgency_then_strength_then_number():
    ranking = made()
    for strategy, (urgency, strength) in enumerate([(0.5, 0.2), (0.9, 0.1), (0.5, 0.7), (0.5, 0.2)]):
        ranking.put(strategy, 0, BUY, strength, 10.0, urgency, 200, 100)
    assert [ranking.at_place(0, k).strategy for k in range(ranking.settle(0, 100))] == [1, 2, 0, 3]


def test_signal_leaves_when_its_horizon_is_over():
    ranking = made()
    ranking.put(0, 0, BUY, 0.5, 10.0, 0.5, 110, 100)
    assert (ranking.settle(0, 109), ranking.settle(0, 110), ranking.settle(1, 109)) == (1, 0, 0)


@pytest.mark.parametrize(
    ("x", "kept"),
    [(-1.0, 0.0), (0.0, 0.0), (5e-324, 0.0), (1e-9, 1e-9), (0.3, 0.3), (1.0, 1.0), (7.0, 1.0), (float("nan"), 0.0), (float("inf"), 1.0)],
)
def test_share_is_kept_within_its_bounds(x, kept):
    assert share(x) == kept


def run(state: int, n: int) -> int:
    """A made sequence of signals; entry point."""
    r = at(Ranking, state)
    seed = 12345
    total = 0
    for k in range(n):
        seed = (seed * 1103515245 + 12345) % 2147483648
        total += r.put(
            seed % 5,
            seed // 5 % 2,
            seed // 10 % 2,
            (seed // 20 % 101) / 90.0,
            seed % 1000 / 7.0,
            (seed // 7 % 11) / 10.0,
            3 * k + seed % 40,
            3 * k,
        )
        total += r.agree(k % 2, 3 * k)
    return total


@pytest.mark.slow
def test_plain_and_compiled_end_in_the_same_bytes():
    plain, compiled = made(), made().pack()
    loaded = native.load("test-ranking", lambda: {"run": (run, 2)}, [*native.sources("streams.trading"), __file__])
    assert native.function(loaded.run, 2)(compiled.ctypes.data, 3_000) == run(_handle(plain), 3_000)
    assert plain.pack().tobytes() == compiled.tobytes()


def _handle(ranking: Ranking) -> int:
    from streams.kernel import addr_of

    return addr_of(ranking)
