"""Recordings: every good line of a damaged file, and every damage with its line."""

import gzip

import pytest

from streams.errors import RecordingError
from streams.venues.binance import recording
from streams.venues.binance.recording import Damage, Line, first_ts_ns, read_recording, write_recording

FRAMES = [(1_000 + n, b'{"n":%d}' % n) for n in range(2_000)]
LINES = [Line(n + 1, *frame) for n, frame in enumerate(FRAMES)]


@pytest.mark.parametrize("name", ["a.gz", "a.txt"])
def test_write_recording_then_read_gives_the_frames(tmp_path, name):
    assert write_recording(tmp_path / name, FRAMES) == 2_000
    assert list(read_recording(tmp_path / name)) == LINES
    assert first_ts_ns(tmp_path / name) == 1_000


def test_write_recording_twice_gives_the_same_bytes(tmp_path):
    for name in ("a.gz", "b.gz"):
        write_recording(tmp_path / name, FRAMES)
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()


def test_read_recording_gzip_is_told_by_content_not_by_name(tmp_path):
    (tmp_path / "a.txt").write_bytes(gzip.compress(b"5 {}\n"))
    assert list(read_recording(tmp_path / "a.txt")) == [Line(1, 5, b"{}")]


def test_read_recording_gzip_members_and_padding_are_read_through(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"5 {}\n6 {") + gzip.compress(b"}\n") + b"\0" * 100)
    assert list(read_recording(tmp_path / "a.gz")) == [Line(1, 5, b"{}"), Line(2, 6, b"{}")]


def test_read_recording_without_last_line_end_reads_the_line(tmp_path):
    (tmp_path / "a").write_bytes(b"5 {}\r\n6 {}")
    assert list(read_recording(tmp_path / "a")) == [Line(1, 5, b"{}"), Line(2, 6, b"{}")]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "no receive time"),
        (b'{"e":1}', "no receive time"),
        (b"-5 {}", "no receive time"),
        (b"12x {}", "no receive time"),
        (b"\xff\xfe {}", "no receive time"),
        (b"5", "no frame"),
        (b"5  ", "no frame"),
        (b"0 {}", "not within"),
        (b"99999999999999999999 {}", "not within"),
    ],
)
def test_read_recording_damaged_line_is_told_and_the_rest_read(tmp_path, text, reason):
    (tmp_path / "a").write_bytes(b"5 {}\n" + text + b"\n7 {}\n")
    first, damage, last = read_recording(tmp_path / "a")
    assert (first, last) == (Line(1, 5, b"{}"), Line(3, 7, b"{}"))
    assert isinstance(damage, Damage)
    assert damage.number == 2
    assert reason in damage.reason
    assert damage.raw == text


def test_read_recording_truncated_gzip_gives_what_could_be_read(tmp_path):
    whole = gzip.compress(b"".join(b"%d %b\n" % frame for frame in FRAMES))
    (tmp_path / "a.gz").write_bytes(whole[: len(whole) // 2])
    *lines, damage = read_recording(tmp_path / "a.gz")
    assert lines == LINES[: len(lines)]
    assert len(lines) > 500
    assert isinstance(damage, Damage)
    assert damage.number == len(lines) + 1
    assert "truncated" in damage.reason


def test_read_recording_gzip_broken_in_the_middle_gives_what_comes_before(tmp_path):
    whole = bytearray(gzip.compress(b"".join(b"%d %b\n" % frame for frame in FRAMES)))
    whole[len(whole) // 2 : len(whole) // 2 + 40] = b"\xff" * 40
    (tmp_path / "a.gz").write_bytes(bytes(whole))
    *lines, damage = read_recording(tmp_path / "a.gz")
    assert len(lines) > 500
    assert lines[:500] == LINES[:500]
    assert isinstance(damage, Damage)
    assert "damaged here" in damage.reason


def test_read_recording_endless_line_is_damage_in_bounded_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(recording, "LINE_LIMIT_BYTES", 1_000)
    monkeypatch.setattr(recording, "_CHUNK_BYTES", 64)
    (tmp_path / "a").write_bytes(b"5 {}\n6 " + b"x" * 5_000 + b"\n7 {}\n")
    first, damage, last = read_recording(tmp_path / "a")
    assert (first.number, damage.number, last) == (1, 2, Line(3, 7, b"{}"))
    assert isinstance(damage, Damage)
    assert "longer than" in damage.reason


def test_read_recording_small_chunks_give_the_same_lines(tmp_path, monkeypatch):
    write_recording(tmp_path / "a.gz", FRAMES)
    monkeypatch.setattr(recording, "_CHUNK_BYTES", 7)
    assert list(read_recording(tmp_path / "a.gz")) == LINES


def test_read_recording_absent_file_says_so(tmp_path):
    with pytest.raises(RecordingError, match=r"absent\.gz: no such file"):
        list(read_recording(tmp_path / "absent.gz"))
    with pytest.raises(RecordingError, match="directory"):
        list(read_recording(tmp_path))


def test_first_ts_ns_nothing_readable_says_so(tmp_path):
    (tmp_path / "a").write_bytes(b"nonsense\n")
    with pytest.raises(RecordingError, match="no line can be read"):
        first_ts_ns(tmp_path / "a")
