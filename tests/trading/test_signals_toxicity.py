"""VPIN and the toxicity of trade clusters against lists, plain and compiled."""

import itertools
import math
from fractions import Fraction
from random import Random
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.trading.codes import BUY, SELL
from streams.trading.signals.toxicity import TradeClusterToxicity
from streams.trading.signals.vpin import BulkVpin, Vpin, normal_cdf
from tests.trading.signals_runs import market, play, play_again
from tests.trading.test_signals_impact import bars, rows

LOTS = st.one_of(st.integers(1, 9), st.integers(1, 300))


def slow_vpin(lots, window, bucket):
    """Every lot on its own, bought (1) or sold (0), cut into buckets."""
    full = [lots[i : i + bucket] for i in range(0, len(lots) - bucket + 1, bucket)][-window:]
    return Fraction(sum(abs(2 * sum(b) - bucket) for b in full), len(full) * bucket) if full else 0


@given(st.lists(st.tuples(st.integers(0, 1), LOTS), max_size=40), st.integers(1, 6), st.integers(1, 20))
@settings(deadline=None, max_examples=80)
def test_vpin_equals_buckets_of_single_lots(trades, window, bucket):
    _, found, _ = play("vpin", [(0, 0, 0, 0, 0, side, qty, 0) for side, qty in trades], window, bucket)
    lots = []
    for (side, qty), value in zip(trades, found, strict=True):
        lots += [1 - side] * qty
        assert value == float(slow_vpin(lots, window, bucket))


def test_vpin_after_a_million_trades_is_exact():
    rows = market(2000, seed=3)
    _, found, _ = play_again("vpin", rows, 500, 50, 40)
    lots = [lot for r in rows for lot in [1 - r[5]] * r[6]]
    split = -498 * len(lots) % 40  # lots of the last two passes that lie in a bucket begun before them
    assert found[-1] == float(slow_vpin((lots + lots)[split:], 50, 40))


def test_vpin_of_one_sided_flow_is_one_and_of_alternating_flow_zero():
    toxic, calm = Vpin(), Vpin()
    assert toxic.setup(10, 20) == calm.setup(10, 20) == 1
    assert (toxic.value(), toxic.ready()) == (0.0, False)
    for i in range(200):
        toxic.update(SELL, 7)
        calm.update(i % 2, 5)
    assert (toxic.value(), toxic.ready()) == (1.0, True)
    assert (calm.value(), calm.ready()) == (0.0, True)
    assert [Vpin().setup(*args) for args in ((0, 1), (1, 0), (1, (1 << 40) + 1))] == [0, 0, 0]


def test_vpin_of_simulated_flow_nears_the_share_of_informed_volume():
    """Every other bucket is one with news, of whose trades half are informed: VPIN estimates alpha mu / (alpha mu + 2 eps) = 1 / 4."""
    random, vpin = Random(5), Vpin()
    vpin.setup(100, 1000)
    for bucket in range(100):
        side = random.choice((BUY, SELL))
        for _ in range(1000):
            informed = bucket % 2 == 0 and random.random() < 0.5
            vpin.update(side if informed else random.choice((BUY, SELL)), 1)
    assert vpin.ready()
    assert vpin.value() == pytest.approx(0.25, abs=0.025)


def slow_bulk(rows, window, bucket, bar_ns, sigma_window):
    """Each bar's lots, all with the bar's bought share, cut into buckets; exact but for the shares themselves."""
    groups = bars(rows, bar_ns)[:-1] if rows else []
    changes, shares = [], []
    for before, bar in itertools.pairwise(groups):
        changes.append(bar[-1][7] - before[-1][7])
        kept = changes[-sigma_window:]
        mean = Fraction(sum(kept), len(kept))
        sigma = math.sqrt(sum((c - mean) ** 2 for c in kept) / len(kept))
        shares += [Fraction(NormalDist().cdf(changes[-1] / sigma) if sigma > 0 else 0.5)] * sum(r[6] for r in bar)
    return slow_vpin(shares, window, bucket)


@given(rows(), st.integers(1, 6), st.integers(1, 30), st.sampled_from([3, 10]), st.integers(1, 8))
@settings(deadline=None, max_examples=60)
def test_bulk_vpin_equals_bars_classified_by_the_normal_distribution(rows, window, bucket, bar_ns, sigma_window):
    _, found, _ = play("bulk_vpin", rows, window, bucket, bar_ns, sigma_window)
    for i in range(len(rows)):
        assert found[i] == pytest.approx(float(slow_bulk(rows[: i + 1], window, bucket, bar_ns, sigma_window)), abs=1e-12)


def batch_bulk(now_ns, px, lots, window, bucket, bar_ns, sigma_window):
    """VPIN of a whole series in numpy: what was bought up to a volume is read off the bars' running sums."""
    bar = (now_ns - now_ns[0]) // bar_ns
    last = np.flatnonzero(np.append(np.diff(bar) > 0, False))  # the newest bar is open
    changes = np.diff(px[last])
    volumes = np.diff(np.cumsum(lots)[last])
    kept = np.lib.stride_tricks.sliding_window_view(changes, sigma_window)
    sigma = np.concatenate(([np.std(changes[: i + 1]) for i in range(sigma_window - 1)], kept.std(axis=1)))
    share = np.array([NormalDist().cdf(c / s) if s > 0 else 0.5 for c, s in zip(changes, sigma, strict=True)])
    volume, bought = (np.concatenate(([0.0], np.cumsum(v))) for v in (volumes, volumes * share))
    ends = bucket * np.arange(volume[-1] // bucket - window, volume[-1] // bucket + 1)
    return np.abs(2 * np.diff(np.interp(ends, volume, bought)) - bucket).sum() / (window * bucket)


def test_bulk_vpin_after_a_million_trades_equals_the_batch_formula():
    rows = market(2000, seed=3)
    span = 1 + rows[-1][0] - rows[0][0]
    run, found, _ = play_again("bulk_vpin", rows, 500, 20, 60, span // 100, 50)
    table = np.array(rows)
    now_ns = (table[:, 0] + span * np.arange(500)[:, None]).reshape(-1)
    px, lots = np.tile(table[:, 7], 500), np.tile(table[:, 6], 500)
    assert run.signal.ready()
    assert found[-1] == pytest.approx(batch_bulk(now_ns, px, lots, 20, 60, span // 100, 50), rel=1e-6)  # the batch's sums reach 5e6


def test_bulk_vpin_of_moves_that_last_a_bucket_is_higher_than_of_moves_that_do_not():
    lasting, passing, random = BulkVpin(), BulkVpin(), Random(1)
    for vpin in (lasting, passing):
        assert vpin.setup(50, 160, 1000, 100) == 1
        assert (vpin.value(), vpin.sigma_ticks(), vpin.ready()) == (0.0, 0.0, False)
        px, drift = 10_000, 0
        for bar in range(1 + 16 * 60):  # 16 bars of 10 lots are a bucket; the first bar is not classified
            if vpin is passing or bar % 16 == 1:
                drift = random.choice((-5, 5))
            px += drift
            vpin.update(px, 10, bar * 1000)
        assert vpin.ready()
    assert lasting.value() == pytest.approx(2 * normal_cdf(1.0) - 1, abs=0.05)  # every bar of a bucket one deviation to one side
    assert passing.value() < 0.3
    assert [BulkVpin().setup(*a) for a in ((0, 1, 1, 1), (1, 0, 1, 1), (1, 1, 0, 1), (1, 1, 1, 0))] == [0, 0, 0, 0]


def test_normal_cdf_equals_the_standard_library():
    for x in (-6.0, -1.0, -0.1, 0.0, 0.5, 2.0, 5.0):
        assert normal_cdf(x) == pytest.approx(NormalDist().cdf(x), rel=1e-9)


def slow_clusters(rows, gap, horizon):
    """Clusters in order with the mid at begin and the last mid at or before their horizon, None where it is not over."""
    clusters = []
    for now, bid, _, ask, _, side, qty, px in rows:
        if clusters and clusters[-1]["side"] == side and now - clusters[-1]["last"] <= gap:
            clusters[-1]["last"] = now
        else:
            clusters.append({"side": side, "last": now, "begin": Fraction(bid + ask, 2), "trades": []})
        clusters[-1]["trades"].append((px, qty))
    for c in clusters:
        c["end"] = [Fraction(r[1] + r[3], 2) for r in rows if r[0] <= c["last"] + horizon][-1]
        c["over"] = rows[-1][0] > c["last"] + horizon
    return clusters


def slow_toxicity(rows, window, gap, horizon):
    over = [c for c in slow_clusters(rows, gap, horizon) if c["over"]][-window:]
    sign = {BUY: 1, SELL: -1}
    impact = sum(sign[c["side"]] * (c["end"] - c["begin"]) * qty for c in over for _, qty in c["trades"])
    paid = sum(sign[c["side"]] * (px - c["begin"]) * qty for c in over for px, qty in c["trades"])
    lots = sum(qty for c in over for _, qty in c["trades"])
    return impact / paid if paid > 0 else 0, impact / lots if over else 0


@given(rows(), st.integers(1, 6), st.sampled_from([0, 1, 5]), st.sampled_from([5, 12]))
@settings(deadline=None, max_examples=80)
def test_toxicity_equals_impact_over_paid_half_spread_of_the_clusters(rows, window, gap, horizon):
    _, toxicity, impact = play("toxicity", rows, window, gap, horizon)
    for i in range(len(rows)):
        slow_ratio, slow_impact = slow_toxicity(rows[: i + 1], window, gap, horizon)
        assert toxicity[i] == pytest.approx(float(slow_ratio), rel=1e-12)
        assert impact[i] == pytest.approx(float(slow_impact), rel=1e-12)


def test_toxicity_after_a_million_trades_equals_the_batch_formula():
    rows = market(250, seed=3)
    run, toxicity, impact = play_again("toxicity", rows, 4000, 50, 5_000_000, 100_000_000)
    assert run.signal.early == 0
    slow_ratio, slow_impact = slow_toxicity(rows, 50, 5_000_000, 100_000_000)
    assert toxicity[-1] == pytest.approx(float(slow_ratio), rel=1e-12)
    assert impact[-1] == pytest.approx(float(slow_impact), rel=1e-12)


def test_toxicity_of_takers_who_know_is_above_one_and_of_others_about_zero():
    random = Random(7)
    for known in (True, False):
        tox, mid, now = TradeClusterToxicity(), 10_000, 0
        assert tox.setup(200, 5, 50) == 1
        for _ in range(600):
            side = random.choice((BUY, SELL))
            for _ in range(4):
                tox.on_mid(2 * mid, now)
                tox.on_trade(side, mid + (1 if side == BUY else -1), 2, now)
                now += 3
            mid += (3 if side == BUY else -3) if known else random.choice((-3, 3))
            now += 40
        assert tox.ready()
        assert tox.half_spread_ticks() == 1.0
        assert tox.trades_per_cluster() == pytest.approx(4.0, abs=0.1)
        if known:
            assert tox.toxicity() > 1.5
        else:
            assert abs(tox.toxicity()) < 1.0


def test_toxicity_with_too_many_clusters_waiting_reads_the_oldest_early():
    tox = TradeClusterToxicity()
    tox.setup(100, 0, 1_000_000)
    tox.on_trade(BUY, 101, 1, 0)  # before any mid
    assert tox.pending_count == 0
    tox.on_mid(200, 0)
    for t in range(70):
        tox.on_trade(t % 2, 101 - 2 * (t % 2), 1, t)
    assert (tox.pending_count, tox.early, tox.lots.count) == (64, 6, 6)
    assert (tox.impact_ticks(), tox.half_spread_ticks(), tox.toxicity()) == (0.0, 1.0, 0.0)


def test_toxicity_before_any_cluster_is_zero_and_values_out_of_range_are_refused():
    tox = TradeClusterToxicity()
    assert [tox.setup(*args) for args in ((0, 1, 1), (1, -1, 1), (1, 2, 1))] == [0, 0, 0]
    tox.setup(1, 1, 1)
    assert (tox.toxicity(), tox.impact_ticks(), tox.half_spread_ticks(), tox.trades_per_cluster(), tox.ready()) == (0, 0, 0, 0, False)
