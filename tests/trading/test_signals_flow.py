"""Order-flow imbalance and the windows under it against lists, plain and compiled."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.trading.book import Book
from streams.trading.codes import BUY, SELL
from streams.trading.signals.order_flow import OrderFlowImbalance, TradeImbalance
from streams.trading.signals.window import MAX_WINDOW, FloatWindow, IntWindow
from tests.trading.signals_runs import market, play, play_again

TOUCHES = st.tuples(st.integers(98, 101), st.integers(1, 9), st.integers(1, 3), st.integers(1, 9), st.integers(0, 1), st.integers(1, 9))


@st.composite
def rows(draw):
    """Touches and trades at times that do not run backward."""
    now, out = 0, []
    for bid, bid_qty, spread, ask_qty, side, qty in draw(st.lists(TOUCHES, max_size=60)):
        now += draw(st.integers(0, 4))
        out.append((now, bid, bid_qty, bid + spread, ask_qty, side, qty, bid))
    return out


def slow_events(rows):
    """(time, e_n, depth) of each change of the touch, as the paper writes it."""
    events = []
    for (_, b0, qb0, a0, qa0, *_), (now, b1, qb1, a1, qa1, *_) in pairwise(rows):
        if (b0, qb0, a0, qa0) != (b1, qb1, a1, qa1):
            e = (b1 >= b0) * qb1 - (b1 <= b0) * qb0 - (a1 <= a0) * qa1 + (a1 >= a0) * qa0
            events.append((now, e, Fraction(qb1 + qa1, 2)))
    return events


def recent(events, now, window, window_ns):
    return [e for e in events[-window:] if window_ns == 0 or e[0] > now - window_ns]


def slow_ofi(rows, window, window_ns):
    """OFI in lots, and over the mean depth, after the last row."""
    kept = recent(slow_events(rows), rows[-1][0], window, window_ns)
    ofi = sum(e for _, e, _ in kept)
    return ofi, Fraction(ofi * len(kept)) / sum(d for *_, d in kept) if kept else Fraction(0)


@given(rows(), st.integers(1, 12), st.sampled_from([0, 1, 5, 40]))
@settings(deadline=None, max_examples=60)
def test_ofi_after_each_touch_equals_the_sum_over_its_window(rows, window, window_ns):
    _, lots, per_depth = play("ofi", rows, window, window_ns)
    for i in range(len(rows)):
        slow_lots, slow_ratio = slow_ofi(rows[: i + 1], window, window_ns)
        assert lots[i] == slow_lots
        assert per_depth[i] == pytest.approx(float(slow_ratio), rel=1e-12)


@given(rows(), st.integers(1, 12), st.sampled_from([0, 1, 5, 40]))
@settings(deadline=None, max_examples=60)
def test_trade_imbalance_after_each_trade_equals_the_sum_over_its_window(rows, window, window_ns):
    _, lots, share = play("trade_imbalance", rows, window, window_ns)
    trades = [(now, qty if side == BUY else -qty) for now, *_, side, qty, _ in rows]
    for i, (now, _) in enumerate(trades):
        kept = [q for _, q in recent(trades[: i + 1], now, window, window_ns)]
        assert lots[i] == sum(kept)
        assert share[i] == float(Fraction(sum(kept), sum(map(abs, kept))) if kept else 0)


@given(st.lists(st.integers(-(1 << 51), 1 << 51), max_size=60), st.integers(1, 12))
@settings(deadline=None, max_examples=60)
def test_int_window_equals_the_sum_of_a_list(values, window):
    run, totals, _ = play("int_window", [(0, 0, 0, 0, 0, 0, v, 0) for v in values], window)
    assert totals == [float(sum(values[max(0, i + 1 - window) : i + 1])) for i in range(len(values))]
    assert run.signal.total == sum(values[-window:])


@given(st.lists(st.one_of(st.integers(0, 9), st.integers(0, 1 << 60)), max_size=60), st.integers(1, 12))
@settings(deadline=None, max_examples=80)
def test_float_window_after_a_huge_value_left_is_as_good_as_a_fresh_sum(values, window):
    _, totals, _ = play("float_window", [(0, 0, 0, 0, 0, 0, v, 0) for v in values], window)
    for i, total in enumerate(totals):
        exact = sum(Fraction(float(v) / 10.0) for v in values[max(0, i + 1 - window) : i + 1])
        assert abs(Fraction(total) - exact) <= exact * Fraction(window, 2**53)


def test_windows_after_a_million_values_have_no_error():
    rows = market(2000, seed=5)
    run, totals, _ = play_again("float_window", rows, 500, 100)
    assert totals[-1] == pytest.approx(sum(Fraction(float(r[6]) / 10.0) for r in rows[-100:]).__float__(), rel=100 / 2**53)
    run, lots, per_depth = play_again("ofi", rows, 500, 100, 0)
    assert (lots[-1], per_depth[-1]) == tuple(map(float, slow_ofi(rows, 100, 0)))
    assert run.signal.ready()


def test_window_length_out_of_range_is_refused_and_changes_nothing():
    for signal in (IntWindow(), FloatWindow()):
        assert signal.setup(3) == 1
        signal.push(5)
        assert (signal.setup(0), signal.setup(MAX_WINDOW + 1)) == (0, 0)
        assert (signal.window, signal.count) == (3, 1)
    assert OrderFlowImbalance().setup(5, -1) == TradeImbalance().setup(5, -1) == TradeImbalance().setup(0, 0) == 0


def test_ofi_before_and_after_its_window_is_filled_tells_ready():
    ofi = OrderFlowImbalance()
    assert ofi.setup(2, 0) == 1
    assert (ofi.lots(), ofi.per_depth(), ofi.ready()) == (0, 0.0, False)
    assert ofi.update(10, 5, 11, 5, 0) == 0
    assert ofi.update(10, 7, 11, 5, 1) == 2
    assert not ofi.ready()
    assert ofi.update(11, 3, 12, 5, 2) == 3 + 5  # the bid moved up: its queue is new; the ask moved up: its queue is gone
    assert ofi.ready()
    assert (ofi.lots(), ofi.per_depth()) == (10, 10 / ((12 + 8) / 4))


def test_ofi_with_a_time_window_is_ready_when_the_time_has_passed_and_expires_on_reading():
    ofi = OrderFlowImbalance()
    ofi.setup(100, 1000)
    ofi.update(10, 5, 11, 5, 0)
    ofi.update(10, 9, 11, 5, 600)
    assert not ofi.ready()
    ofi.expire(1000)
    assert (ofi.ready(), ofi.lots()) == (True, 4)
    ofi.expire(1600)
    assert (ofi.ready(), ofi.lots()) == (True, 0)


def test_ofi_of_a_book_with_an_empty_side_begins_anew():
    book = Book({"window": 128, "far": 64})
    book.setup()
    ofi = OrderFlowImbalance()
    ofi.setup(10, 0)
    assert ofi.on_book(book, 0) == 0
    for side, px in ((BUY, 10), (SELL, 12)):
        book.apply(side, px, 5)
    assert ofi.on_book(book, 1) == 0
    book.apply(BUY, 11, 2)
    assert ofi.on_book(book, 2) == 2
    book.apply(SELL, 12, 0)
    assert ofi.on_book(book, 3) == 0
    book.apply(SELL, 13, 5)
    assert (ofi.on_book(book, 4), ofi.lots()) == (0, 2)


def test_ofi_of_a_market_whose_queues_lead_the_price_goes_with_its_moves():
    rows = market(2000, seed=3)
    _, lots, _ = play("ofi", rows, 20, 0)
    moves = [rows[i][1] + rows[i][3] - rows[i - 20][1] - rows[i - 20][3] for i in range(20, len(rows), 20)]
    flows = [lots[i] for i in range(20, len(rows), 20)]
    assert sum(m * f for m, f in zip(moves, flows, strict=True)) > 0.5 * (sum(m * m for m in moves) * sum(f * f for f in flows)) ** 0.5


def test_flows_at_the_bound_of_their_lots_are_exact():
    top = (1 << 51) - 1
    rows = [(t, 10 + t % 2, top, 12 + t % 2, top, 0, top, 10) for t in range(MAX_WINDOW + 3)]
    assert play("ofi", rows, MAX_WINDOW, 0)[0].signal.flow.total == sum(e for _, e, _ in slow_events(rows)[-MAX_WINDOW:])
    assert play("trade_imbalance", rows, MAX_WINDOW, 0)[0].signal.lots() == MAX_WINDOW * top
    one_way = [(t, 10 + t, top, 12 + t, top, 0, 1, 10) for t in range(MAX_WINDOW + 3)]
    assert play("ofi", one_way, MAX_WINDOW, 0)[0].signal.lots() == 2 * MAX_WINDOW * top
