"""Orders: counts, and what we quoted when, equal those of a slow twin however the reports are cut."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.report.columns import Rows
from streams.report.series import S
from streams.report.working import Working
from tests.report.made import E9, NULL, T0, columns, part

NAME = "binance:BTCUSDT"


def slow(reports, end_ns, period_ns):
    """Best bid and ask of each bucket, walking through time from report to report."""
    standing, found = {}, {}

    def stand(from_ns, to_ns):
        for bucket in range(from_ns // period_ns, to_ns // period_ns + 1):
            bids = [px for side, px in standing.values() if side == "BUY"]
            asks = [px for side, px in standing.values() if side == "SELL"]
            bid, ask = found.get(bucket, (-1, 1 << 62))
            found[bucket] = max([bid, *bids]), min([ask, *asks])

    for one, after in itertools.zip_longest(reports, reports[1:]):
        if one["ord_status"] in ("NEW", "PARTIALLY_FILLED", "PENDING_CANCEL", "PENDING_REPLACE") and one["px_e9"] != NULL:
            standing[one["order_id"]] = one["side"], one["px_e9"]
        else:
            standing.pop(one["order_id"], None)
        stand(one["ts_ns"], after["ts_ns"] if after else end_ns)
    return {b: (bid / E9 if bid > 0 else np.nan, ask / E9 if ask < 1 << 62 else np.nan) for b, (bid, ask) in found.items()}


STATES = ("NEW", "PARTIALLY_FILLED", "PENDING_CANCEL", "FILLED", "CANCELLED")
report_of = st.tuples(st.integers(0, 3000), st.integers(0, 4), st.sampled_from(STATES), st.one_of(st.integers(90, 110), st.none()))


@settings(max_examples=30, deadline=None)
@given(st.lists(report_of, min_size=1, max_size=30), st.lists(st.integers(0, 30), max_size=4))
def test_quotes_cut_anywhere_match_slow_quotes(found, cuts):
    rows, now = [], T0
    for gap_ms, order, state, px in found:
        now += gap_ms * 1_000_000
        side = ("BUY", "SELL")[order % 2]
        rows.append({"ts_ns": now, "order_id": order, "side": side, "ord_status": state, "px_e9": NULL if px is None else px * E9})
    made, table, end_ns = Working(), columns("reports", rows), now + S
    for first, last in itertools.pairwise(sorted({0, len(rows), *(min(c, len(rows)) for c in cuts)})):
        made.take(Rows("reports", part(table, first, last)))
    made.until(end_ns)
    series = made.quotes[NAME]
    wanted = slow(rows, end_ns, series.period_ns)
    for place, (bid, ask) in enumerate(zip(series.values["bid"], series.values["ask"], strict=True)):
        np.testing.assert_equal((bid, ask), wanted.get(series.first + place, (np.nan, np.nan)))
    shown = [b for b, pair in wanted.items() if not np.isnan(pair).all()]
    assert not shown or (series.first <= min(shown) and max(shown) < series.first + series.count)


def test_working_counts_reports_denials_and_first_executions():
    made = Working()
    trade = {"exec_type": "TRADE", "ord_status": "PARTIALLY_FILLED"}
    rows = [
        {"order_id": 1},
        {"order_id": 2},
        trade | {"order_id": 1, "cum_qty_e9": 3, "last_qty_e9": 3},
        trade | {"order_id": 1, "cum_qty_e9": 5, "last_qty_e9": 2},
        {"order_id": 3, "exec_type": "REJECTED", "ord_status": "REJECTED", "code": "VENUE"},
    ]
    made.take(Rows("reports", columns("reports", rows)))
    made.decide(
        Rows("decisions", columns("decisions", [{}, {"outcome": "DENY", "code": "ORDER_RATE"}, {"outcome": "DENY", "code": "ORDER_RATE"}]))
    )
    assert made.reports == {(NAME, "NEW"): 2, (NAME, "TRADE"): 2, (NAME, "REJECTED"): 1}
    assert (made.filled, made.rejected) == ({NAME: 1}, {"VENUE": 1})
    assert (made.decisions, made.denied) == ({"APPROVE": 1, "DENY": 2}, {"ORDER_RATE": 2})
