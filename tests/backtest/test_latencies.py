"""Latencies as settings: what they make of a venue, and files of measured ones."""

import numpy as np
import pytest

from streams.backtest.latencies import Drawn, LatencyModels, make_latency, read_latencies
from streams.errors import ConfigError
from streams.trading.latency import CONSTANT, LOG_NORMAL, RECORDED

MEASURED = np.array([[100, 110, 130], [200, 240, 250], [300, 305, 400]], np.int64)


def saved(tmp_path, rows):
    path = tmp_path / "latencies.npy"
    np.save(path, rows)
    return str(path)


def test_latencies_of_each_direction_have_their_own_numbers():
    made = make_latency(LatencyModels(Drawn(10**6, 0.5), Drawn(10**6, 0.5), Drawn(10**6, 0.5)), 1, 7)
    assert [made.feed.latency.kind, made.entry.kind, made.response.kind, made.feed.recorded] == [LOG_NORMAL] * 3 + [0]
    assert len({latency.drawn_ns() for latency in (made.feed.latency, made.entry, made.response)}) == 3


def test_latencies_without_a_word_are_the_feeds_stamps_and_a_millisecond():
    made = make_latency(LatencyModels(), 3, 1)
    assert (made.feed.recorded, len(made.feed.last_ns)) == (1, 96)
    assert (made.entry.kind, made.entry.constant_ns, made.response.constant_ns) == (CONSTANT, 10**6, 10**6)


def test_measured_latencies_are_split_by_direction(tmp_path):
    models = LatencyModels(file=saved(tmp_path, MEASURED))
    made = make_latency(models, 1, 1)
    assert made.entry.kind == RECORDED
    assert [made.entry.latency_ns(t) for t in (50, 100, 150, 200, 300, 999)] == [10, 10, 25, 40, 5, 5]
    assert [made.response.latency_ns(t) for t in (50, 110, 240, 999)] == [20, 20, 10, 95]
    assert models.describe()["orders"]["rows"] == 3


def test_measured_latencies_of_hftbacktests_rows_are_read(tmp_path):
    rows = np.zeros(3, [("req_ts", "i8"), ("exch_ts", "i8"), ("resp_ts", "i8"), ("_padding", "i8")])
    rows["req_ts"], rows["exch_ts"], rows["resp_ts"] = MEASURED.T
    assert (read_latencies(saved(tmp_path, rows)) == MEASURED).all()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (MEASURED[:, :2], r"holds int64\[3, 2\]; int64\[n, 3\] is wanted"),
        (MEASURED[:0], r"holds int64\[0, 3\]"),
        (MEASURED.astype(float), "holds float64"),
        (MEASURED[[0, 2, 1]], "row 2 has a request at or before the one before it"),
        (MEASURED[:, [0, 2, 1]], "row 0 has a latency below 0"),
        (np.array([[1, 9, 9], [2, 9, 9]]), "row 1 has a venue time at or before"),
    ],
)
def test_file_of_something_else_is_refused(tmp_path, rows, message):
    with pytest.raises(ConfigError, match=message):
        read_latencies(saved(tmp_path, rows))


def test_file_that_is_missing_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        read_latencies(tmp_path / "none.npy")


def test_file_that_is_no_array_is_refused_without_words_of_pickles(tmp_path):
    path = tmp_path / "text.npy"
    path.write_text("12 13 14\n")
    with pytest.raises(ConfigError, match=r"text\.npy: is no \.npy file of numbers; `millrace latencies` writes one"):
        read_latencies(path)
