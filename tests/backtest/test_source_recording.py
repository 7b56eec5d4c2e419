"""Recordings as a source: the same records, however the files are cut, and whether they were read before or not."""

import gzip
import json
from itertools import pairwise

import numpy as np
import psutil
import pytest

from streams.backtest import store
from streams.errors import ConfigError, RecordingError
from tests.backtest.market_kit import START_NS, digest, lines, names, recording, seen, write


@pytest.fixture(autouse=True)
def own_store(tmp_path, monkeypatch):
    """A store of this test's; the compiled code stays where it is."""
    monkeypatch.setattr(store, "cache_folder", lambda: tmp_path / "cache")


@pytest.mark.slow
def test_recording_read_plain_gives_equal_slots(tmp_path):
    file = write(tmp_path / "a", lines(1, 400))
    compiled, plain = recording(file, cached=False), recording(file, cached=False, plain=True)
    assert digest(compiled.pieces()) == digest(plain.pieces())
    assert compiled.findings() == plain.findings()
    found = compiled.findings()
    assert found["lost"]["refused"] > 5
    assert found["lost"]["resyncs"] > 5
    assert found["records"]["levels"] > 100


def test_recording_cut_into_ten_files_gives_equal_slots(tmp_path):
    whole = lines(2, 1_000)
    cuts = np.linspace(0, len(whole), 11).astype(int)
    parts = [write(tmp_path / str(n), whole[a:b]) for n, (a, b) in enumerate(pairwise(cuts))]
    assert digest(recording(*parts).pieces()) == digest(recording(write(tmp_path / "whole", whole)).pieces())


def test_recording_second_time_reads_only_the_store(tmp_path, monkeypatch):
    file = write(tmp_path / "a", lines(3, 500))
    cold, uncached = recording(file), recording(file, cached=False)
    assert digest(cold.pieces()) == digest(uncached.pieces()) == digest(cold.pieces())
    warm = recording(file)
    monkeypatch.setattr(warm, "_read", lambda: pytest.fail("the file was parsed again"))
    assert digest(warm.pieces()) == digest(uncached.pieces())
    assert (warm.describe(), warm.findings()) == (cold.describe(), cold.findings())
    assert warm.total == warm.done == len(seen(warm.pieces()))


def test_recording_packed_gives_equal_slots(tmp_path):
    file = write(tmp_path / "a", lines(4, 300))
    packed = tmp_path / "a.gz"
    packed.write_bytes(gzip.compress(b"".join(lines(4, 300))))
    assert digest(recording(str(packed)).pieces()) == digest(recording(file).pieces())


def test_recording_with_other_instruments_is_read_anew(tmp_path):
    file = write(tmp_path / "a", lines(5, 300))
    all_of_them = recording(file)
    fewer = recording(file)
    fewer.names = names(all_of_them.names.instruments[:1])
    assert digest(fewer.pieces()) != digest(all_of_them.pieces())


def test_recording_damaged_lines_are_counted_and_named(tmp_path):
    some = lines(6, 100)
    some[10:10] = [b"no time\n"]
    some[50:50] = [b"%d \n" % (START_NS + 1)]
    file = write(tmp_path / "a", some)
    found = recording(file).findings()
    assert (found["lost"]["damaged"], found["lost"]["lines"]) == (2, 102)
    assert any(fault.startswith(f"{file}:11: no receive time") for fault in found["faults"])
    assert any(fault == f"{file}:51: no frame after the receive time" for fault in found["faults"])


def test_recording_of_two_files_is_merged_by_receive_time(tmp_path):
    whole = lines(7, 400)
    odd, even = write(tmp_path / "odd", whole[1::2]), write(tmp_path / "even", whole[::2])
    times = [record.recv_ts_ns for record in seen(recording(even, odd).pieces())]
    assert times == sorted(times)
    assert len(times) > 100


def test_recording_without_a_record_in_the_range_says_what_it_has(tmp_path):
    file = write(tmp_path / "a", lines(8, 100))
    with pytest.raises(
        ConfigError, match=r"a: no market record from 2001-09-09.* to 2001-09-09.*; its records are from 2023-11-14T22:13:20"
    ):
        recording(file, from_ns=10**18, to_ns=10**18 + 1).prepare()
    with pytest.raises(ConfigError, match=r"the range from .* is empty: --from must be before --to"):
        recording(file, from_ns=2, to_ns=2)


def test_recording_that_is_not_there_is_one_clear_line(tmp_path):
    with pytest.raises(RecordingError, match=r"/gone: no such file"):
        recording(str(tmp_path / "gone")).prepare()


def test_recording_of_nothing_but_damage_says_so(tmp_path):
    file = write(tmp_path / "a", [b"what\n", b"is\n", b"this\n"])
    with pytest.raises(ConfigError, match=r"no market record .*; it has none at all \(3 damaged, 3 lines\)"):
        recording(file).prepare()


def test_recording_with_a_clock_behind_the_venue_has_an_offset(tmp_path):
    trade = b'{"e":"trade","T":%d,"s":"BTCUSDT","t":%d,"p":"1000.0","q":"1.0","m":true,"X":"MARKET"}'
    start_ms = START_NS // 10**6
    some = [b"%d %b\n" % ((start_ms + n) * 10**6, trade % (start_ms + n + 1_200 + n % 3, n)) for n in range(10)]
    file = write(tmp_path / "a", some)
    source = recording(file)
    assert source.clock_offset_ns() == {"binance": -1_202_000_000}
    assert source.describe()["clock"] == {"binance": {"offset_ns": -1_202_000_000, "given": False}}
    given = recording(file, clock_offset_ns={"binance": -5})
    assert given.describe()["clock"] == {"binance": {"offset_ns": -5, "given": True}}
    ahead = write(tmp_path / "b", [b"%d %b\n" % (START_NS + 7, trade % (start_ms, 1))])
    assert recording(ahead).clock_offset_ns() == {"binance": 0}


def test_recording_in_a_range_is_surveyed_there_and_only_once(tmp_path, monkeypatch):
    file = write(tmp_path / "a", lines(11, 500))
    times = [record.recv_ts_ns for record in seen(recording(file).pieces())]
    bounds = {"from_ns": times[100], "to_ns": times[-100]}
    first, uncached = recording(file, **bounds), recording(file, cached=False, **bounds)
    assert first.findings() == uncached.findings()
    assert first.total == uncached.total == sum(times[100] <= time < times[-100] for time in times)
    records = first.findings()["records"]
    assert sum(count for topic, count in records.items() if topic != "levels") == first.total
    again = recording(file, **bounds)
    monkeypatch.setattr(store.Stored, "pieces", lambda self: pytest.fail("the stream was surveyed again"))
    assert again.findings() == first.findings()


def test_recording_that_finds_no_room_on_disk_is_read_twice(tmp_path, monkeypatch):
    file = write(tmp_path / "a", lines(9, 300))
    expected = digest(recording(file, cached=False).pieces())
    written = iter([None, OSError(28, "No space left on device")])

    def full(folder, events):
        next(iter(events))
        raise next(error for error in written if error)

    monkeypatch.setattr(store, "_write", full)
    assert digest(recording(file).pieces()) == expected
    assert not list((tmp_path / "cache" / "market").iterdir())


def test_recording_tells_how_far_it_has_been_read(tmp_path):
    file, told = write(tmp_path / "a", lines(10, 4_000)), []
    source = recording(file)
    source.progress = lambda done, total: told.append((done, total))
    source.prepare()
    assert told[-1] == (source.total, source.total)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    told.clear()
    again = recording(file)
    again.progress = source.progress
    again.prepare()
    assert not told


@pytest.mark.slow
def test_recording_memory_does_not_grow_with_it(tmp_path):
    levels = {side: [[f"{1000 + sign * n}.0", "1.0"] for n in range(1, 31)] for side, sign in (("bids", -1), ("asks", 1))}
    some = (
        b"%d %b\n" % (START_NS + n, json.dumps({"lastUpdateId": n, "symbol": "BTCUSDT", "T": 5, **levels}).encode())
        for n in range(1, 20_001)
    )
    with gzip.open(tmp_path / "a.gz", "wb", compresslevel=1) as file:
        file.writelines(some)
    process, used = psutil.Process(), []
    for cached in (False, True):
        source = recording(str(tmp_path / "a.gz"), cached=cached)
        for number, _ in enumerate(source.pieces()):
            if number % 4 == 3:
                used.append(process.memory_info().rss)
        assert source.done == 20_000  # 77 MB of slots
    assert max(used) - used[0] < 40 << 20
