"""Latency: a request is joined with its first answer, wherever the records are cut; quantiles are as exact as said."""

import numpy as np
import pytest

from streams.report.columns import Rows
from streams.report.latency import Answers, Histogram
from tests.report.made import NULL, T0, columns


def test_quantiles_are_at_most_two_percent_too_high():
    durations = np.random.default_rng(1).lognormal(15, 1, 10_000).astype(np.int64)
    found = Histogram()
    found.add(durations[:4000])
    found.add(durations[4000:])
    for share in (0.01, 0.5, 0.9, 0.99):
        exact = np.quantile(durations, share, method="inverted_cdf")
        assert exact <= found.quantile_ns(share) <= exact * 1.011
    assert (found.count, found.least_ns, found.most_ns) == (10_000, durations.min(), durations.max())


def test_quantile_of_equal_durations_is_exact():
    found = Histogram()
    found.add(np.full(5, 1_000_000))
    assert {found.quantile_ns(share) for share in (0.1, 0.5, 1.0)} == {1_000_000.0}


def test_quantile_of_nothing_is_none():
    assert np.isnan(Histogram().quantile_ns(0.5))


@pytest.mark.parametrize("cut", [1, 2, 5])
def test_answers_join_the_first_answer_of_each_request(cut):
    made = Answers()
    actions = ["NEW", "CANCEL", "NEW", "REPLACE", "NEW"]
    asked = [{"id": i + 1, "ts_ns": T0 + i, "action": action} for i, action in enumerate(actions)]
    told = [{"request_id": i + 1, "ts_ns": T0 + i + 10 * (i + 1)} for i in range(4)]  # the last one is never answered
    told[2:2] = [{"request_id": 1, "ts_ns": T0 + 10**9}, {"request_id": NULL, "ts_ns": T0}]
    for first in range(0, 6, cut):
        if asked[first : first + cut]:
            made.ask(Rows("requests", columns("requests", asked[first : first + cut])))
        made.answer(Rows("venue_events", columns("venue_events", told[first : first + cut])))
    assert {action: (h.count, h.least_ns, h.most_ns) for (_, action), h in made.histograms.items()} == {
        "NEW": (2, 10, 30),
        "CANCEL": (1, 20, 20),
        "REPLACE": (1, 40, 40),
    }
