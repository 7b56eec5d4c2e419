"""Recordings as columns against the same lines read one by one; frames written in waves against the codec."""

import ctypes
import gzip

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.records import Frame
from streams.schema import codec
from streams.venues.binance import recording
from streams.venues.binance.blocks import DAMAGED, damage_of, merge_blocks
from streams.venues.binance.frame_encoder import FrameEncoder
from streams.venues.binance.recording import Damage, Line
from tests.venues.slow_playback import slow_merge

PLAIN = [True, pytest.param(False, marks=pytest.mark.slow)]
STAMPS = st.one_of(
    st.integers(1, 40).map(str),
    st.sampled_from(["", "0", "-3", "x", "007", "9223372036854775807", "9223372036854775808", "1" * 19, "1" * 20, "8" * 19]),
)
PAYLOADS = st.one_of(st.text('{}"ab \t\r\x0b\x00é', max_size=20), st.sampled_from(["{}", "", " ", "\t{} \r"]))
LINES = st.lists(st.tuples(STAMPS, st.sampled_from([" ", "  ", ""]), PAYLOADS).map("".join), max_size=30)


def told(paths, plain):
    """(file, number, receive time, frame or damage) of every row."""
    found = []
    for rows in merge_blocks(paths, plain):
        for row, (place, number, time_ns, start, size) in enumerate(
            zip(*(c.tolist() for c in (rows.place, rows.offset, rows.recv_ts_ns, rows.start, rows.size)), strict=True)
        ):
            what = damage_of(rows, row)[1] if size == DAMAGED else Line(number, time_ns, ctypes.string_at(start, size))
            found.append((paths[place], number, what))
    return found


@pytest.mark.parametrize("plain", PLAIN)
@settings(max_examples=60, deadline=None)
@given(files=st.lists(LINES, min_size=1, max_size=3), last_end=st.booleans(), chunk=st.sampled_from([7, 64, 1 << 18]), packed=st.booleans())
def test_merge_blocks_any_files_equals_line_by_line(files, last_end, chunk, packed, plain, tmp_path_factory):
    folder, paths = tmp_path_factory.mktemp("files"), []
    for name, lines in enumerate(files):
        text = ("\n".join(lines) + ("\n" if last_end else "")).encode()
        (folder / str(name)).write_bytes(gzip.compress(text)[: -3 if name else None] if packed else text)
        paths.append(str(folder / str(name)))
    before = recording._CHUNK_BYTES, recording.LINE_LIMIT_BYTES
    recording._CHUNK_BYTES, recording.LINE_LIMIT_BYTES = chunk, 40
    try:
        expected = [(path, line.number, line) for _, path, line in slow_merge(tuple(paths))]
        assert told(tuple(paths), plain) == expected
    finally:
        recording._CHUNK_BYTES, recording.LINE_LIMIT_BYTES = before


def test_merge_blocks_damage_has_file_line_and_reason(tmp_path):
    (tmp_path / "a").write_text("1 {}\nbad\n3 {}\n")
    (path, number, damage), *_ = [row for row in told((str(tmp_path / "a"),), True) if isinstance(row[2], Damage)]
    assert (path, number) == (str(tmp_path / "a"), 2)
    assert damage.reason.startswith("no receive time")


INT64 = st.integers(-(1 << 63), (1 << 63) - 1)
FRAMES = st.lists(st.tuples(st.integers(0, (1 << 63) - 1), INT64, st.binary(max_size=300)), min_size=1, max_size=8)


@pytest.mark.parametrize("plain", PLAIN)
@settings(max_examples=60, deadline=None)
@given(
    frames=FRAMES,
    first_id=st.integers(0, 1 << 62),
    now_ns=st.integers(0, 1 << 62),
    venue=st.text(max_size=70),
    run=st.integers(0, 1 << 31 - 1),
)
def test_encode_any_frames_equals_the_codec(frames, first_id, now_ns, venue, run, plain):
    encoder = FrameEncoder(b"\0\0\0\0\7", run, venue, plain)
    memory = np.frombuffer(b"".join(f[2] for f in frames) or b"\0", np.uint8)
    sizes = np.array([len(f[2]) for f in frames], np.int64)
    times, seqs = (np.array([f[i] for f in frames], np.int64) for i in (0, 1))
    out, starts, lengths = encoder.encode(first_id, now_ns, 3, times, seqs, memory.ctypes.data + np.cumsum(sizes) - sizes, sizes)
    values = [out[a : a + n].tobytes() for a, n in zip(starts.tolist(), lengths.tolist(), strict=True)]
    expected = [Frame(first_id + i, 0, run, max(now_ns, t), t, venue, 3, seq, payload) for i, (t, seq, payload) in enumerate(frames)]
    assert values == [b"\0\0\0\0\7" + codec.encode(frame) for frame in expected]
