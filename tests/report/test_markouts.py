"""Markouts equal those of a slow twin, whichever of fills and touches comes first and however they are cut."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.report import markouts
from streams.report.columns import Rows
from streams.report.market import Markets
from streams.report.markouts import HORIZONS_NS, Markouts, Mean
from tests.report.made import E9, T0, S, columns, instrument, part

MARKETS = Markets([instrument()])
NAME = "binance:BTCUSDT"
MS = 1_000_000


def slow(fills, touches, horizon_ns):
    """(weighted mean, count) over the fills whose mid is known."""
    terms = []
    for fill in fills:
        at = fill["ts_ns"] + horizon_ns
        if at > touches[-1][0]:
            continue
        mid = next((mid for ts, mid in reversed(touches) if ts <= at), np.nan)
        px, qty = fill["last_px_e9"] / E9, fill["last_qty_e9"] / E9
        if not np.isnan(mid):
            terms.append((px * qty, (1 if fill["side"] == "BUY" else -1) * (mid - px) / px * 1e4))
    weight = sum(w for w, _ in terms)
    return (sum(w * x for w, x in terms) / weight, len(terms)) if terms else (np.nan, 0)


fill_of = st.tuples(st.integers(0, 12_000), st.sampled_from(["BUY", "SELL"]), st.integers(90, 110), st.integers(1, 5))
touch_of = st.tuples(st.integers(0, 12_000), st.one_of(st.integers(90, 110).map(float), st.just(np.nan)))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(fill_of, min_size=1, max_size=12),
    st.lists(touch_of, min_size=1, max_size=40),
    st.lists(st.tuples(st.booleans(), st.integers(1, 9)), max_size=12),
)
def test_markouts_in_any_order_match_slow_markouts(fills, touches, steps):
    fills = [
        {"ts_ns": T0 + ms * MS, "side": side, "last_px_e9": px * E9, "last_qty_e9": qty * E9}
        for ms, side, px, qty in sorted(fills, key=lambda x: x[0])
    ]
    touches = [(T0 + ms * MS, mid) for ms, mid in sorted(touches, key=lambda x: x[0])]
    made, rows = Markouts(MARKETS), columns("fills", fills)
    ts_ns, mids = (np.array(column) for column in zip(*touches, strict=True))
    at = [0, 0]
    for is_fill, count in [*steps, (False, 99), (True, 99)]:
        first = at[is_fill]
        if is_fill:
            some = part(rows, first, first + count)
            made.take(Rows("fills", some))
            if len(some["ts_ns"]):
                made.known(int(some["ts_ns"][-1]))
        else:
            made.touch(NAME, ts_ns[first : first + count], mids[first : first + count])
        at[is_fill] += count
    made.known(0, ended=True)
    for horizon_ns in HORIZONS_NS[1:]:
        mean, wanted = made.mean(horizon_ns, "all"), slow(fills, touches, horizon_ns)
        assert (mean.value, mean.count) == (pytest.approx(wanted[0], nan_ok=True), wanted[1])


def test_touches_nobody_asks_for_are_forgotten():
    made = Markouts(MARKETS)
    for second in range(100):
        ts_ns = T0 + second * S + np.arange(0, S, S // 100)
        made.touch(NAME, ts_ns, np.ones(100))
        made.take(Rows("fills", columns("fills", [{"ts_ns": T0 + second * S}])))
        made.known(T0 + second * S)
    assert len(made.touches[NAME].ts_ns) <= 1200  # ten seconds and the one that is played


def test_touches_without_an_end_of_fills_are_thinned(monkeypatch):
    monkeypatch.setattr(markouts, "KEPT", 1000)
    made = Markouts(MARKETS)
    for second in range(50):
        made.touch(NAME, T0 + second * S + np.arange(0, S, S // 100), np.full(100, float(second)))
    assert len(made.touches[NAME].ts_ns) <= 1100
    assert made.thinned > 3000
    made.take(Rows("fills", columns("fills", [{"ts_ns": T0 + 5 * S + S // 2, "last_px_e9": 5 * E9}])))
    made.known(0, ended=True)
    assert made.mean(S, "all").value == pytest.approx(1 / 5 * 1e4)


def test_mean_has_the_standard_error_of_the_textbook():
    values = np.array([1.0, 2.0, 4.0, 8.0])
    mean = Mean()
    mean.add(values[:1], np.ones(1))
    mean.add(values[1:], np.ones(3))
    assert (mean.value, mean.error) == (pytest.approx(values.mean()), pytest.approx(values.std(ddof=1) / 2))


def test_markouts_of_pieces_have_the_same_bits():
    draw = np.random.default_rng(4)
    fills = [{"ts_ns": T0 + i * S, "last_px_e9": int(px * E9)} for i, px in enumerate(draw.uniform(90, 110, 50))]
    rows, ts_ns, mids = columns("fills", fills), T0 + np.arange(0, 60 * S, S // 10), draw.uniform(90, 110, 600)
    found = []
    for cuts in ([0, 50], [*range(0, 51, 7), 50]):
        made = Markouts(MARKETS)
        made.touch(NAME, ts_ns, mids)
        for first, last in itertools.pairwise(cuts):
            made.take(Rows("fills", part(rows, first, last)))
            made.known(int(rows["ts_ns"][last - 1]))
        made.known(0, ended=True)
        found.append([made.mean(h, "all").sums.tobytes() for h in HORIZONS_NS])
    assert found[0] == found[1]


def test_markout_after_the_last_change_of_the_touch_has_what_stands_to_the_end():
    made = Markouts(MARKETS)
    made.touch(NAME, np.array([T0]), np.array([101.0]))
    fill = {"ts_ns": T0 + S, "side": "BUY", "last_px_e9": 100 * E9, "last_qty_e9": E9}
    made.take(Rows("fills", columns("fills", [fill])))
    made.known(T0 + 5 * S, ended=True)
    found = {horizon_ns: made.mean(horizon_ns, "all") for horizon_ns in HORIZONS_NS[1:]}
    assert [(mean.count, mean.value) for mean in found.values()] == [(1, 100.0), (1, 100.0), (0, pytest.approx(np.nan, nan_ok=True))]
