"""Histograms of latencies: buckets, quantiles, exact copies beside a busy writer, plain and compiled by bytes."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.errors import LaneError
from streams.kernel import native
from streams.kernel.memory import aligned
from streams.lanes import histogram as h
from streams.lanes.histogram_counts import Counts, Figures
from streams.lanes.histogram_file import HistogramFile, merged_figures
from tests.lanes import slow_histogram as slow

BOUNDS = slow.bounds()
VALUES = st.integers(0, 2**63 - 1) | st.integers(0, 5_000) | st.sampled_from([0, 255, 256, 257, 511, 512, 2**40 - 1, 2**40, 2**63 - 1])
ROUNDS = 200
ROOT = Path(h.__file__).resolve().parents[2]
WRITER = """
import sys
from pathlib import Path
import numpy as np
from streams.kernel import native
from streams.lanes import histogram as h
from streams.lanes.histogram_file import HistogramFile
file, values = HistogramFile.create(Path(sys.argv[1]), ["hop"]), np.full(100_000, 1_000)
record_all = native.function(native.load("histogram", lambda: h.ENTRIES, native.sources("streams.lanes.histogram")).record_all, 3)
print(end=".", flush=True)
while True:
    record_all(file.address("hop"), values.ctypes.data, len(values))
"""
FAIR = st.integers(0, 2**40) | st.integers(0, 3_000)  # their sum fits


@pytest.fixture(scope="module")
def compiled():
    """The compiled entries."""
    loaded = native.load("histogram", lambda: h.ENTRIES, native.sources("streams.lanes.histogram"))
    return {name: native.function(getattr(loaded, name), nargs) for name, (_, nargs) in h.ENTRIES.items()}


def counted(values: list[int]) -> Counts:
    """What a histogram of these values is, by the slow twin."""
    counts = np.zeros(h.BUCKETS, np.int64)
    for value in values:
        counts[slow.bucket_of(max(value, 0), BOUNDS)] += 1
    positive = [max(value, 0) for value in values]
    return Counts(counts, sum(positive), max(positive, default=0), sum(value < 0 for value in values))


def recorded(file: HistogramFile, stage: str, values: list[int]) -> None:
    for value in values:
        file.record(stage, value)


def test_buckets_are_as_many_as_the_slow_ones():
    assert len(BOUNDS) == h.BUCKETS == h.Bank._fields_["counts"].size
    assert BOUNDS[-1][1] == 2**63 - 1


def test_highest_of_every_bucket_is_its_upper_bound():
    assert [h.highest_of(bucket) for bucket in range(h.BUCKETS)] == [highest for _, highest in BOUNDS]


def test_bounds_of_every_bucket_fall_into_it():
    assert [(h.bucket_of(lowest), h.bucket_of(highest)) for lowest, highest in BOUNDS] == [(n, n) for n in range(h.BUCKETS)]


@given(VALUES)
@settings(max_examples=200)
def test_highest_of_a_values_bucket_is_at_most_a_128th_more(value):
    assert value <= h.highest_of(h.bucket_of(value)) <= value + value // 128


@given(st.lists(FAIR, min_size=1, max_size=60), st.integers(0, 1_000_000))
@settings(max_examples=100)
def test_quantile_is_the_exact_one_or_at_most_a_128th_more(values, millionths):
    exact = slow.quantile(values, millionths)
    assert exact <= counted(values).quantile(millionths / 1_000_000) <= exact + exact // 128


@given(st.lists(FAIR | st.integers(-100, -1), max_size=30))
@settings(max_examples=30)
def test_record_plain_and_compiled_give_equal_bytes_and_the_slow_counts(compiled, values):
    ours = np.array(values, np.int64)
    blocks = [aligned(h.NBYTES), aligned(h.NBYTES)]
    h.record_all(blocks[0].ctypes.data, ours.ctypes.data, len(values))
    compiled["record_all"](blocks[1].ctypes.data, ours.ctypes.data, len(values))
    assert blocks[0].tobytes() == blocks[1].tobytes()
    copies = [np.zeros((2, h.Bank._size_ // 8), np.int64) for _ in blocks]
    assert h.take(blocks[0].ctypes.data, copies[0].ctypes.data, 0) == 1
    assert compiled["take"](blocks[1].ctypes.data, copies[1].ctypes.data, 0) == 1
    assert copies[0].tobytes() == copies[1].tobytes()
    assert Counts.of_banks(copies[0], exact=True) == counted(values)


def test_take_beside_a_busy_writer_is_always_the_first_records_and_no_other(compiled, tmp_path):
    file = HistogramFile.create(tmp_path / "h", ["hop"])
    values = np.random.default_rng(1).integers(0, 40_000, 100_000)
    buckets = np.array([h.bucket_of(int(value)) for value in range(40_000)])[values]
    every, sums = np.bincount(buckets, minlength=h.BUCKETS), np.concatenate([[0], np.cumsum(values)])

    def write() -> None:
        for _ in range(ROUNDS):
            compiled["record_all"](file.address("hop"), values.ctypes.data, len(values))

    writer = threading.Thread(target=write)
    taken = [file.take("hop")]
    writer.start()
    while writer.is_alive():
        taken.append(file.take("hop"))
    writer.join()
    taken.append(file.take("hop"))
    for one in taken:
        rounds, first = divmod(one.count, len(values))
        assert one.exact
        assert np.array_equal(one.counts, rounds * every + np.bincount(buckets[:first], minlength=h.BUCKETS))
        assert one.sum_ns == rounds * sums[-1] + sums[first]
    assert [one.count for one in taken] == sorted(one.count for one in taken)
    assert taken[-1].count == ROUNDS * len(values)


def test_take_by_the_other_bank_has_all_records(compiled, monkeypatch):
    block, out = aligned(h.NBYTES), np.zeros((2, h.Bank._size_ // 8), np.int64)
    address, values = block.ctypes.data, [5, 700, 9]
    monkeypatch.setattr(h, "pause", lambda: h.record(address, values.append(11) or 11))  # the writer goes on while the reader waits
    monkeypatch.setattr(h, "_take_resting", lambda *_: 0)  # and never rests
    for value in list(values):
        h.record(address, value)
    for _ in range(3):
        out[:] = 0
        assert h.take(address, out.ctypes.data, 5) == 1
        assert Counts.of_banks(out, exact=True) == counted(values[:-1])  # the last one went to the bank that is written again


def test_take_of_a_writer_killed_inside_a_record_says_so_and_its_successor_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr("streams.lanes.histogram_file._TRIES", 2)
    file = HistogramFile.create(tmp_path / "h", ["hop"])
    recorded(file, "hop", [1, 2])
    h.store_relaxed(file.address("hop") + h.BEGUN, 3)  # it dies here
    assert not file.take("hop").exact
    successor = HistogramFile.create(tmp_path / "h", ["hop"])
    recorded(successor, "hop", [4])
    assert file.take("hop") == counted([1, 2, 4])


@pytest.mark.slow
def test_take_beside_another_process_that_is_killed_loses_no_record_it_had_done(tmp_path):
    command = [sys.executable, "-c", WRITER, str(tmp_path / "h")]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert writer.stdout is not None
    assert writer.stdout.read(1) == b"."
    file = HistogramFile.open(tmp_path / "h")
    taken = [file.take("hop") for _ in range(200)]
    writer.kill()
    writer.wait()
    done = h.load_acquire(file.address("hop") + h.DONE)
    successor = HistogramFile.create(tmp_path / "h", ["hop"])
    last = successor.take("hop")
    assert [one.count for one in taken] == sorted(one.count for one in taken)
    assert all(one.exact and one.sum_ns == 1_000 * one.count for one in taken)
    assert done <= last.count <= done + 1  # what it died in may be counted
    assert taken[-1].count <= done
    recorded(successor, "hop", [7])
    assert file.take("hop").count == last.count + 1


def test_merged_figures_are_of_all_records_together(tmp_path):
    first, second = (HistogramFile.create(tmp_path / name, ["ring", "risk"]) for name in ("a", "b"))
    recorded(first, "ring", [100] * 98 + [200])
    recorded(second, "ring", [7_000])
    found = merged_figures(HistogramFile.open(tmp_path / name) for name in ("a", "b"))
    assert found["ring"] == Figures(100, 100, 200, 7_000, 7_000, 170.0, 0)
    assert found["risk"] == Figures(0, 0, 0, 0, 0, 0.0, 0)


def test_create_with_other_stages_starts_anew_beside_who_still_reads(tmp_path):
    before = HistogramFile.create(tmp_path / "h", ["ring"])
    recorded(before, "ring", [3])
    after = HistogramFile.create(tmp_path / "h", ["ring", "gateway"])
    assert (before.take("ring").count, after.take("ring").count) == (1, 0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["h"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no histograms of a process are there; does it run"),
        (b"something else", "no histograms of a process are there; does it run"),
        (json.dumps({"kind": "millrace histograms", "layout": "0" * 16, "stages": []}).encode(), f"layout {'0' * 16}, this version"),
    ],
)
def test_open_what_is_no_such_file_is_refused_by_name(tmp_path, content, message):
    path = Path(tmp_path / "h")
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(LaneError, match=message):
        HistogramFile.open(path)
