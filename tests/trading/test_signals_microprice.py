"""The microprice against the paper's matrices in numpy, and against a market whose limit is known in closed form."""

from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.trading.book import Book
from streams.trading.codes import BUY, SELL
from streams.trading.signals.microprice import Microprice, weighted_mid_ticks
from tests.trading.signals_runs import market, play, play_again

TOUCHES = st.tuples(st.integers(98, 101), st.integers(1, 9), st.integers(1, 3), st.integers(1, 9))


def full_state(row, half, spreads):
    """(spread class, signed imbalance class) of a touch, as the full chain has it: -half..half."""
    _, bid, bid_qty, ask, ask_qty, *_ = row
    cls = min(int((abs(bid_qty - ask_qty) / (bid_qty + ask_qty) * (2 * half + 1) + 1) / 2 + 1e-9), half)
    return min(max(ask - bid, 1), spreads) - 1, cls if bid_qty >= ask_qty else -cls


def paper(rows, half, spreads):
    """G of every state by the paper: count data and mirrored data, Q, R and r over the whole chain, sum of B^k G^1 until it stands.

    The last state stands for one that is never left (a state seen only at the end).
    """
    width = 2 * half + 1
    n = spreads * width
    q, r, drift, visits = np.zeros((n, n)), np.zeros((n, n)), np.zeros(n), np.zeros(n)
    for before, after in pairwise(rows):
        d_mid = (after[1] + after[3] - before[1] - before[3]) / 2
        for mirror in (1, -1):
            (s0, i0), (s1, i1) = full_state(before, half, spreads), full_state(after, half, spreads)
            x, y = s0 * width + half + mirror * i0, s1 * width + half + mirror * i1
            visits[x] += 1
            drift[x] += mirror * d_mid
            (q if d_mid == 0 else r)[x, y] += 1
    seen = np.maximum(visits, 1)
    q, r, drift = q / seen[:, None], r / seen[:, None], drift / seen
    inverse = np.linalg.inv(np.eye(n) - q)
    g1, b = inverse @ drift, inverse @ r
    total, term = g1.copy(), g1
    for _ in range(100_000):
        term = b @ term
        total += term
        if np.abs(term).max() < 1e-13:
            break
    return total.reshape(spreads, width)


def test_microprice_of_a_made_market_equals_the_series_of_the_paper():
    rows = market(3000, seed=6)
    run, found, _ = play("microprice", rows, 3, 2)
    g = paper(rows, 3, 2)
    assert run.signal.ready()
    for row, micro in zip(rows, found, strict=True):
        spread, imbalance = full_state(row, 3, 2)
        assert micro == pytest.approx((row[1] + row[3]) / 2 + g[spread, imbalance + 3], abs=1e-9)


def test_microprice_fixed_point_equals_the_closed_form_solve():
    rows = market(3000, seed=7)
    run, _, _ = play("microprice", rows, 4, 3)
    m = run.signal
    n = m.states
    visits = np.array([max(m.visits[i], 1) for i in range(n)], float)
    flow = np.array([[m.flow[i * n + j] for j in range(n)] for i in range(n)]) / visits[:, None]
    r = np.array([m.drift2[i] / 2 for i in range(n)]) / visits
    g = np.array([m.adjust[i] for i in range(n)])
    assert g == pytest.approx(np.linalg.solve(np.eye(n) - flow, r), abs=1e-11)
    assert g == pytest.approx(r + flow @ g, abs=1e-12)  # a step of the chain leaves the microprice where it expects it


@given(st.lists(TOUCHES, min_size=2, max_size=60), st.integers(1, 3), st.integers(1, 2))
@settings(deadline=None, max_examples=40)
def test_microprice_counts_equal_the_paper_s_matrices(touches, half, spreads):
    rows = [(0, bid, bid_qty, bid + spread, ask_qty, 0, 0, 0) for bid, bid_qty, spread, ask_qty in touches]
    run, found, _ = play("microprice", rows, half, spreads)
    m = run.signal
    if m.solved == 0:
        assert found == [(row[1] + row[3]) / 2 for row in rows]
        return
    folded = {}
    for before, after in pairwise(rows):
        (s0, i0), (s1, i1) = full_state(before, half, spreads), full_state(after, half, spreads)
        entry = folded.setdefault((s0, abs(i0)), [0, 0, {}])
        entry[0] += 1
        entry[1] += np.sign(i0) * (after[1] + after[3] - before[1] - before[3])
        entry[2][(s1, abs(i1))] = entry[2].get((s1, abs(i1)), 0) + np.sign(i0) * np.sign(i1)
    for s in range(spreads):
        for i in range(1, half + 1):
            x = s * half + i - 1
            count, drift, to = folded.get((s, i), [0, 0, {}])
            assert (m.visits[x], m.drift2[x]) == (count, drift)
            flows = [m.flow[x * m.states + t * half + j - 1] for t in range(spreads) for j in range(1, half + 1)]
            assert flows == [to.get((t, j), 0) for t in range(spreads) for j in range(1, half + 1)]


def test_microprice_of_a_mirrored_touch_is_mirrored():
    m = play("microprice", market(2000, seed=1), 3, 2)[0].signal
    for bid_qty in range(1, 30):
        for ask_qty in range(1, 30):
            for spread in (1, 2, 3):
                up = m.adjustment_ticks(100, bid_qty, 100 + spread, ask_qty)
                assert up == -m.adjustment_ticks(100, ask_qty, 100 + spread, bid_qty)


def test_microprice_where_queues_lead_the_price_leans_to_the_heavier_side_and_stays_in_the_spread():
    m = play_again("microprice", market(2000, seed=12), 20, 4, 1)[0].signal
    tilt = [m.adjustment_ticks(100, qty, 101, 100 - qty) for qty in (55, 65, 75, 95)]
    assert 0 <= tilt[0] < tilt[1] < tilt[3] < 1.5


def test_microprice_of_a_chain_with_known_limit_recovers_it():
    """Two imbalances, spread 1: the mid moves to the heavy side in the end, then each side is as likely: G = 1 tick."""
    random, p, bid, heavy, rows = Random(3), 0.3, 1000, 1, []
    for _ in range(6000):
        rows.append((0, bid, 9 if heavy == 1 else 1, bid + 1, 1 if heavy == 1 else 9, 0, 0, 0))
        if random.random() < p:
            bid += heavy
            heavy = random.choice((1, -1))
    m = play("microprice", rows, 1, 1)[0].signal
    assert m.adjustment_ticks(100, 9, 101, 1) == pytest.approx(1.0, abs=0.05)


def test_microprice_of_a_price_that_only_rises_is_refused():
    m = Microprice()
    assert m.setup(1, 1) == 1
    for bid in range(100, 120):
        m.update(bid, 9, bid + 1, 1)
    assert (m.solve(), m.ready(), m.microprice_ticks(10, 9, 11, 1)) == (0, False, 10.5)


def test_microprice_classes_out_of_range_are_refused():
    assert [Microprice().setup(*args) for args in ((0, 1), (1, 0), (11, 4), (41, 1))] == [0, 0, 0, 0]
    assert [Microprice().setup(*args) for args in ((10, 4), (40, 1))] == [1, 1]


def test_microprice_of_a_book_with_an_empty_side_counts_no_step_over_it():
    book, m = Book({"window": 128, "far": 64}), Microprice()
    book.setup()
    m.setup(1, 1)
    for side, px, qty in ((BUY, 10, 9), (SELL, 11, 1)):
        m.on_book(book)
        book.apply(side, px, qty)
    m.on_book(book)
    m.on_book(book)
    book.clear()
    m.on_book(book)
    book.apply(BUY, 10, 9)
    book.apply(SELL, 11, 1)
    m.on_book(book)
    assert m.steps == 1


def test_weighted_mid_leans_to_the_thin_side():
    assert weighted_mid_ticks(100, 30, 102, 10) == 101.5
